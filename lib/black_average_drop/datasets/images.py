"""Image files as pixels 0..255: what is opened, how it is resized, and a `Dataset` made of them."""

from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, Image

from black_average_drop.datasets.dataset import Dataset

# The only formats that Pillow may open: it goes by content, and hands PostScript to a program that runs what is in it.
FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
_SAMPLE_FORMAT, _SIGNED = 339, 2  # a tag of TIFF, and its value where numbers below 0 may come


def from_files(paths, ids, labels, groups, class_names, size, crop=1.0, boxes=None, open_image=None):
    """Make a `Dataset` of image files.

    Args:
        paths: (N,), the files.
        ids: (N,), one text for each image, no two alike.
        labels: (N,), indices into class_names.
        groups: (N,), the patient of each image, or the image's id where no patient is known.
        class_names: text, in the order of the network's outputs.
        size: (H, W), in pixels, that every image is resized to.
        crop: as in `read_image`.
        boxes: position -> [(name, x0, y0, x1, y1), ...] in pixels of the original file, if there are any. They are cut
            at the border of the image.
        open_image: as in `read_image`.

    Raises:
        ValueError: if there is no image, or an id comes twice; when boxes are asked for, if one lies outside its image.
    """
    ids = np.asarray(ids, str)
    if not len(ids):
        raise ValueError("There is no image to read: check the folder and the selection.")
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"The id {unique[counts > 1][0]} stands for several images: name each image once.")

    def scaled_boxes(position):
        return _scaled(boxes(position), paths[position], size, crop)

    return Dataset(
        ids=ids,
        labels=np.asarray(labels, int),
        groups=np.asarray(groups, str),
        class_names=tuple(class_names),
        size=tuple(size),
        positions=np.arange(len(ids)),
        read=lambda position: read_image(paths[position], size, crop, open_image),
        boxes=scaled_boxes if boxes else None,
    )


def open_picture(path):
    """Open one file as a Pillow image, not decoded yet.

    Pillow decodes some files to other values without a word. They are refused: colours of 16 bits, a TIFF of signed
    bytes, and a TIFF to be turned, which Pillow 13.0 gives in scrambled rows if it is not compressed.

    Raises:
        ValueError: if the file is no image, or one of those above; also if it holds several pages or frames, of which
            somebody must choose one, or more pixels than Pillow takes for harmless. The message names the file.
    """
    with decoding(path):
        image = Image.open(path, formats=FORMATS)
        width, height, pages = *image.size, getattr(image, "n_frames", 1)
        turned = image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.Orientation, 1) != 1
        deep, signed = _has_deep_colours(image), image.mode == "L" and is_signed(image)
    refusal = ""
    if pages > 1:
        refusal = f"holds {pages} pages or frames, but one is expected: save one by itself, or leave the file out."
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


def read_image(path, size, crop=1.0, open_image=None):
    """Decode one file: grey becomes RGB, then bilinear resizing.

    Args:
        path: the file.
        size: (H, W) of the result, in pixels.
        crop: 1.0 stretches the whole image. A smaller crop keeps the aspect ratio and takes the largest central window
            of that ratio, shrunk by crop (0.875 is ImageNet's usual evaluation).
        open_image: path -> Pillow image, by default `open_picture`. That makes no turn that the file's EXIF asks
            for: so boxes fit, and classifiers see what they were trained on.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        ValueError: if the file is truncated, no image, transparent in places, or of more than 8 bits. Turning the last
            two into pixels takes a background or a window that somebody must choose. The message names the file.
    """
    with (open_image or open_picture)(path) as image:
        if image.mode == "F" or image.mode.startswith("I"):
            raise ValueError(f"{path} has more than 8 bits a pixel: convert it to 8 bits with the window to be shown.")
        with decoding(path):
            opaque = not image.has_transparency_data or image.convert("RGBA").getchannel("A").getextrema()[0] == 255
        if not opaque:
            raise ValueError(f"{path} is transparent in places: save it on the background that is to be shown.")
        with decoding(path):
            return np.asarray(cropped_and_resized(image.convert("RGB"), size, crop))


def cropped_and_resized(image, size, crop=1.0):
    """Crop and resize a Pillow image, bilinearly, as `read_image` does: size (H, W) and crop as there."""
    left, top, width, height = _crop_window(image.size, size, crop)
    window = (left, top, left + width, top + height)
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=window)


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


def _scaled(boxes, path, size, crop):
    """Boxes in pixels of a file as boxes in pixels of the image of size (H, W) that it is read as."""
    with open_picture(path) as image:
        width, height = image.size
    left, top, side_x, side_y = _crop_window((width, height), size, crop)
    scale_x, scale_y = size[1] / side_x, size[0] / side_y
    corners = []
    for name, *box in boxes:
        if not (max(box[0], 0) < min(box[2], width) and max(box[1], 0) < min(box[3], height)):  # nor with NaN
            raise ValueError(
                f"{path}: its box {name} {tuple(box)} lies outside its {width} x {height} pixels: mend the table of "
                "boxes, or leave the image out."
            )
        x0, x1 = np.clip([(x - left) * scale_x for x in box[0::2]], 0, size[1])
        y0, y1 = np.clip([(y - top) * scale_y for y in box[1::2]], 0, size[0])
        if x1 > x0 and y1 > y0:  # a box outside the crop is not in the image any more
            corners.append((name, float(x0), float(y0), float(x1), float(y1)))
    return corners


def _has_deep_colours(image):
    """Whether Pillow would cut colours to the upper 8 of 16 bits, which makes those of 12 bits nearly black."""
    if image.mode == "F" or image.mode.startswith("I"):
        return False
    if image.format == "TIFF":
        return max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,))) > 8
    return image.format == "PNG" and any(";16" in str(tile.args) for tile in image.tile)


def _crop_window(original, size, crop):
    """(left, top, width, height) of the part of an original (width, height) that becomes the image of size (H, W)."""
    width, height = original
    if crop == 1.0:
        return 0.0, 0.0, float(width), float(height)
    scale = crop * min(width / size[1], height / size[0])
    window = (size[1] * scale, size[0] * scale)
    return (width - window[0]) / 2, (height - window[1]) / 2, *window
