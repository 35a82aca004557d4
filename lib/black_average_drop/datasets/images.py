"""Image files as pixels 0..255: what is opened, what the network sees of it, and a `Dataset` made of them."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from black_average_drop.datasets.dataset import Dataset, Picture
from black_average_drop.datasets.fits import FITS, check_fit, fit_to_size, part_seen, placed_box, placed_mask
from black_average_drop.datasets.grey import AS_IT_IS, share_filled

__all__ = [  # those of `fits` too, which belong to what an image is read as
    "FITS",
    "FORMATS",
    "check_fit",
    "decoding",
    "fit_to_size",
    "from_files",
    "is_signed",
    "look_at",
    "open_picture",
    "placed_box",
    "placed_mask",
    "read_image",
    "part_seen",
]

# The only formats that Pillow may open: it goes by content, and hands PostScript to a program that runs what is in it.
FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
_SAMPLE_FORMAT, _SIGNED = 339, 2  # a tag of TIFF, and its value where numbers below 0 may come


def from_files(paths, ids, labels, groups, class_names, size, fit="stretch", boxes=None, open_shown=None, frames=None):
    """Make a `Dataset` of image files.

    Args:
        paths: (N,), the files.
        ids: (N,), one text for each image, no two alike.
        labels: (N,), indices into class_names.
        groups: (N,), the patient of each image, or the image's id where no patient is known.
        class_names: text, in the order of the network's outputs.
        size: (H, W), in pixels, that every image is brought to.
        fit: how, one of FITS: `fits.part_seen`.
        boxes: position -> [(name, x0, y0, x1, y1), ...] in pixels of the original file, if there are any. They are cut
            at the border of the image.
        open_shown: as in `look_at`. Without it files are opened by `open_picture`, and no turn is made that their EXIF
            asks for: so boxes fit, and classifiers see what they were trained on.
        frames: (N,), the number from 0 of the frame or page of each file, None for the only one; or None for all files.

    Raises:
        ValueError: if there is no image, an id comes twice, or fit is unknown; when boxes are asked for, if one lies
            outside its image.
    """
    check_fit(fit)
    ids = np.asarray(ids, str)
    if not len(ids):
        raise ValueError("There is no image to read: check the folder and the selection.")
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"The id {unique[counts > 1][0]} stands for several images: name each image once.")
    frames = [None] * len(ids) if frames is None else frames

    def look(position):
        return look_at(paths[position], size, fit, open_shown, frames[position])

    def read(position):
        if open_shown is None:  # how much a file fills is not measured for nothing
            return read_image(paths[position], size, fit, frames[position])
        return look(position).pixels

    def placed_boxes(position):
        return _placed_boxes(boxes(position), paths[position], size, fit, open_shown, frames[position])

    return Dataset(
        ids=ids,
        labels=np.asarray(labels, int),
        groups=np.asarray(groups, str),
        class_names=tuple(class_names),
        size=tuple(size),
        positions=np.arange(len(ids)),
        read=read,
        boxes=placed_boxes if boxes else None,
        look=look,
        file=lambda position: Path(paths[position]),
    )


def open_picture(path, frame=None):
    """Open one file as a Pillow image, not decoded yet.

    Pillow decodes some files to other values without a word. They are refused: colours of 16 bits, a TIFF of signed
    bytes, and a TIFF to be turned, which Pillow 13.0 gives in scrambled rows if it is not compressed.

    Args:
        path: the file.
        frame: the number from 0 of the page or frame that is taken, None where there is to be only one.

    Raises:
        ValueError: if the file is no image, or one of those above; also if it holds several pages or frames and none is
            chosen, if the chosen one is not there, or more pixels than Pillow takes for harmless. The message names the
            file.
    """
    with decoding(path):
        image = Image.open(path, formats=FORMATS)
        pages = getattr(image, "n_frames", 1)
        if frame is not None and frame < pages:
            image.seek(frame)
        width, height = image.size
        turned = image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.Orientation, 1) != 1
        deep, signed = _has_deep_colours(image), image.mode == "L" and is_signed(image)
    refusal = ""
    if frame is not None and frame >= pages:
        refusal = f"holds {pages} pages or frames, but number {frame}, counted from 0, is asked for: choose another."
    elif frame is None and pages > 1:
        remedy = 'choose one by frame, such as frame="middle"' if image.format == "TIFF" else "save one by itself"
        refusal = f"holds {pages} pages or frames, but one is expected: {remedy}, or leave the file out."
    elif turned:
        refusal = "is a TIFF that its tag Orientation turns: save it upright, or leave it out."
    elif deep:
        refusal = "has colours or transparency of 16 bits: convert it to 8 bits with the window to be shown."
    elif signed:
        refusal = "is a TIFF of signed 8-bit values: save it with values from 0 to 255, or as 16 bits."
    elif width * height > Image.MAX_IMAGE_PIXELS:
        refusal = f"holds too many pixels ({width} x {height}): make it smaller, or leave it out."
    if refusal:
        image.close()
        raise ValueError(f"{path} {refusal}")
    return image


def is_signed(image):
    """Whether a Pillow image comes from a TIFF whose values may be below 0."""
    return image.format == "TIFF" and _SIGNED in image.tag_v2.get(_SAMPLE_FORMAT, ())


def read_image(path, size, fit="stretch", frame=None):
    """Decode one file of 8 bits: grey becomes RGB, then it is brought to a size bilinearly.

    Args:
        path: the file.
        size: (H, W) of the result, in pixels.
        fit: how, one of FITS: `fits.part_seen`.
        frame: as in `open_picture`.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        ValueError: if the file is truncated, no image, transparent in places, or of more than 8 bits. Turning the last
            two into pixels takes a background or a window that somebody must choose. The message names the file.
    """
    with open_picture(path, frame) as image:
        return _pixels(path, image, size, fit)


def look_at(path, size, fit="stretch", open_shown=None, frame=None):
    """Decode one file as `read_image` does, and say how it is shown.

    Args:
        path, size, fit, frame: as in `read_image`.
        open_shown: (path, frame=...) -> (Pillow image of 8 bits, how, filled), as `appearance.open_shown`; by default
            `open_picture` of files of 8 bits.

    Returns:
        A `Picture`.

    Raises:
        ValueError: as `read_image`.
    """
    image, how, filled = (open_shown or _open_as_it_is)(path, frame=frame)
    with image:
        return Picture(_pixels(path, image, size, fit), how, filled, image.size)


@contextmanager
def decoding(path):
    """Turn any error that Pillow raises inside the block into a ValueError that names the file."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        raise ValueError(f"{path} holds too many pixels ({problem}): make it smaller, or leave it out.") from problem
    except Exception as problem:  # damaged files make its decoders raise errors of every kind
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ValueError(f"{path} cannot be read as an image ({reason}): remove it or fetch it again.") from problem


def _open_as_it_is(path, frame=None):
    image = open_picture(path, frame)
    with decoding(path):
        return image, AS_IT_IS, share_filled(np.asarray(image.convert("RGB")))


def _pixels(path, image, size, fit):
    """Pixels of an open Pillow image, as of `read_image`."""
    if image.mode == "F" or image.mode.startswith("I"):
        raise ValueError(f"{path} has more than 8 bits a pixel: convert it to 8 bits with the window to be shown.")
    with decoding(path):
        opaque = not image.has_transparency_data or image.convert("RGBA").getchannel("A").getextrema()[0] == 255
    if not opaque:
        raise ValueError(f"{path} is transparent in places: save it on the background that is to be shown.")
    with decoding(path):
        return np.asarray(fit_to_size(image.convert("RGB"), size, fit))


def _placed_boxes(boxes, path, size, fit, open_shown, frame):
    """Boxes in pixels of a file as boxes in pixels of the image of size (H, W) that it is read as."""
    with open_picture(path, frame) if open_shown is None else open_shown(path, frame=frame)[0] as image:
        width, height = image.size
    corners = []
    for name, *box in boxes:
        if not (max(box[0], 0) < min(box[2], width) and max(box[1], 0) < min(box[3], height)):  # nor with NaN
            raise ValueError(
                f"{path}: its box {name} {tuple(box)} lies outside its {width} x {height} pixels: mend the table of "
                "boxes, or leave the image out."
            )
        placed = placed_box(box, (width, height), size, fit)
        if placed:  # a box outside the window is not in the image any more
            corners.append((name, *placed))
    return corners


def _has_deep_colours(image):
    """Whether Pillow would cut colours to the upper 8 of 16 bits, which makes those of 12 bits nearly black."""
    if image.mode == "F" or image.mode.startswith("I"):
        return False
    if image.format == "TIFF":
        return max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,))) > 8
    return image.format == "PNG" and any(";16" in str(tile.args) for tile in image.tile)
