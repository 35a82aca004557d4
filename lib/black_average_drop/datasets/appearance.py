"""How image files are shown in 8 bits: by which limits, how much of black to white they fill, and reasons to doubt."""

import numpy as np
from PIL import ExifTags, Image, ImageOps

from black_average_drop.datasets import dicom
from black_average_drop.datasets.dicom.headers import is_dicom_file
from black_average_drop.datasets.grey import AS_IT_IS, limits, share_filled, stretched
from black_average_drop.datasets.images import decoding, is_signed, open_picture

LEAST_FILLED = 0.25  # of black to white: files that use less are doubted
MOST_STRETCHED = 1.1  # how much wider or higher an image may become, than a doubt is said
MOST_CUT = 0.2  # of an image that the crop of a network's shape may take away
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value where small numbers are bright


def open_shown(path, window="full", frame=None):
    """Open a file as a Pillow image of 8 bits, and say how it is shown.

    Args:
        path: the file.
        window: one of `grey.WINDOWS`, as in `folder.load`.
        frame: the number from 0 of the frame or page that is taken, None where there is to be only one.

    Returns:
        (image, how, filled): how says in words by which limits it is shown; filled is how much of black to white it
        uses, from 0, a blank picture, to 1.

    Raises:
        ValueError: if it cannot be decoded.
    """
    if is_dicom_file(path):
        picture, how, used = dicom.read_with_limits(path, window, frame)
        return Image.fromarray(picture), how, used
    image, how = open_picture(path, frame), AS_IT_IS
    with decoding(path):
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            ImageOps.exif_transpose(image, in_place=True)
        deep = image.mode == "F" or image.mode.startswith("I")
        values = np.asarray(image, "float64") if deep else np.asarray(image.convert("RGB"))
    if deep:
        values, how = _deep(path, image, values, window)
        image = Image.fromarray(values)
        values = values[..., None]
    return image, how, share_filled(values)


def not_blank(dataset, table):
    """Select the images that are of more than one grey value, by the rows of `decoded.Decoded.appearances`.

    Raises:
        ValueError: if there is none.
    """
    there = (table["filled"] > 0).to_numpy()
    if not there.any():
        raise ValueError(
            f"All {len(dataset)} images are of one grey value alone, {dataset.ids[0]} for one: choose "
            'window="minmax", or export them again.'
        )
    return dataset.subset(there)


def doubts(table):
    """List reasons to doubt the way that images are shown, by `decoded.Decoded.appearances`: sentences, or none."""
    blank = table[table["filled"] == 0]
    narrow = table[(table["filled"] > 0) & (table["filled"] < LEAST_FILLED) & (table["shown"] != AS_IT_IS)]
    sentences = []
    if len(blank):
        sentences.append(
            f"{_some(blank, table)} of one grey value alone and left out: see whether that is meant, or "
            'whether window="minmax" shows more.'
        )
    if len(narrow):
        sentences.append(
            f"{_some(narrow, table)} shown over a range that their values fill to less than a quarter. Such images "
            'look dark, bright or flat: window="minmax" or "percentile" stretches each.'
        )
    return sentences


def fit_in_words(fit):
    """Say in a sentence how images of another shape become those that the network sees; fit is one of `FITS`."""
    return {
        "stretch": "The whole of each image is seen, stretched to the shape that the network takes.",
        "crop": "Of each image the largest central part of the shape that the network takes is seen.",
        "pad": "The whole of each image is seen in its own shape, on black.",
        "imagenet": "Of each image the central part is seen that ImageNet classifiers are usually evaluated on: "
        "87.5 % of the largest in each direction.",
    }[fit]


def doubts_about_shape(table, size, fit="stretch"):
    """List reasons to doubt the way that images are brought to the network's shape: sentences, or none.

    Args:
        table: `decoded.Decoded.appearances`.
        size: (H, W) of what the network sees.
        fit: how, one of `FITS`.

    Returns:
        Of "stretch", a sentence on images that become more than 10 % too wide or too high. Of "crop" and "imagenet",
        one on images that lose more than 20 % since their shape is another one. Of "pad" none.
    """
    wider = table["width"] / table["height"] * size[0] / size[1]
    stretched_by = np.maximum(wider, 1 / wider)
    lost = 1 - 1 / stretched_by
    sentences = []
    if fit == "stretch" and (stretched_by > MOST_STRETCHED).any():
        some = table[stretched_by > MOST_STRETCHED]
        sentences.append(
            f"{_some(some, table)} stretched by more than a tenth, one by {stretched_by.max():.1f} to 1 (median of all "
            f'images: {stretched_by.median():.1f}). fit="crop" or "pad" keeps their shape: choose what the model was '
            "trained with."
        )
    if fit in ("crop", "imagenet") and (lost > MOST_CUT).any():
        some = table[lost > MOST_CUT]
        sentences.append(
            f"{_some(some, table)} cut by more than a fifth, one by {100 * lost.max():.0f} %, for the shape that the "
            'network takes: what lies there is not seen. fit="pad" shows the whole image.'
        )
    return sentences


def _deep(path, image, values, window):
    """Grey values (H, W) of more than 8 bits as uint8, and by which limits."""
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds values that are no numbers: replace them, or leave the image out.")
    tags = image.tag_v2 if image.format == "TIFF" else {}
    # Pillow has no mode for 32 bits without a sign and takes the last of them for one.
    if tags and values.min() < 0 and image.mode == "I" and not is_signed(image):
        raise ValueError(f"{path} holds values beyond 31 bits, which turn negative: save it with 16 bits.")
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
    low = -(2 ** (bits - 1)) if is_signed(image) else 0
    ends, how = limits(values, window, None if image.mode == "F" else (low, low + 2**bits - 1))
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        ends = ends[::-1]  # Pillow inverts those of 8 bits by itself
    return stretched(values, *ends), how


def _some(part, table):
    """How many of the images, with the names of some, as the beginning of a sentence."""
    names = ", ".join(f"`{name}`" for name in part["id"].iloc[:3]) + (", ..." if len(part) > 3 else "")
    return f"{len(part)} of {len(table)} images ({names}) {'is' if len(part) == 1 else 'are'}"
