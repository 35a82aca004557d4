"""Masks of lesions as PNG, black where nothing is marked, named as maps of others are."""

from functools import partial
from pathlib import Path

import numpy as np

from black_average_drop.datasets.images import decoding, open_picture
from black_average_drop.datasets.lesions.marks import Mark, Marked
from black_average_drop.datasets.maps import layout


def marks_in_folder(folder, names):
    """Find the masks of lesions in a folder, by their names alone.

    The mask of an image is `<finding>/<image>.png`, where <image> is the image's path below the folder of images,
    without its suffix. It is `<image>.png` where the finding is not said.

    Args:
        folder: the folder.
        names: of the images, paths below their folder.

    Returns:
        A `Marked`, in which the image of a mark is one of names, or what else its file is called.

    Raises:
        ValueError: if there is no mask, if one could be of two images, or as `layout.list_maps`.
    """
    different = list(dict.fromkeys(map(str, names)))
    images = dict(zip(layout.image_stems(different), different, strict=True))
    masks, passed_over = masks_below(folder)
    marks = []
    for stem, path in masks:
        image, finding = _owner(stem, images, path)
        marks.append(Mark(image, finding, str(path), draw=partial(_drawn, path)))
    if not marks:
        raise ValueError(
            f"{folder} holds no mask: put {Path(folder) / next(iter(images), 'a')}.png there, for one, or name a file "
            "of boxes."
        )
    return Marked(tuple(marks), passed_over=passed_over)


def masks_below(folder):
    """List the masks anywhere below a folder.

    Returns:
        [(path below the folder without its suffix, path), ...] in order of name, and the number of other files.
    """
    listed, folder = layout.list_maps(folder), Path(folder)
    files = sorted((stem, path) for stem, paths in listed.files.items() for path in paths)
    masks = [(stem, path) for stem, path in files if path.suffix.lower() == ".png"]
    return masks, listed.passed_over + len(files) - len(masks)


def check_mask(path):
    """Refuse a mask by its header.

    Raises:
        ValueError: as `images.open_picture`, or if it is no PNG.
    """
    _opened(path).close()


def _owner(stem, images, path):
    """The image and the finding that a mask is of."""
    finding, _, rest = stem.partition("/")
    if stem in images and rest in images:
        raise ValueError(
            f"{path} could be the mask of {images[stem]} or of {finding} in {images[rest]}: put the masks of each "
            "finding into a folder named after it, and give that another name than a folder of images has."
        )
    if stem in images:
        return images[stem], ""
    return images.get(rest, f"{rest or stem}.png"), finding if rest else ""


def _drawn(path, original):
    """The mask in a PNG of any size: boolean (height, width), true above 0."""
    with _opened(path) as image:
        with decoding(path):
            opaque = not image.has_transparency_data or image.convert("RGBA").getchannel("A").getextrema()[0] == 255
            is_grey = image.mode in ("1", "L") or image.mode.startswith("I")
            channels = np.asarray(image if is_grey else image.convert("RGB"))
    if not opaque:
        raise ValueError(f"{path} is transparent in places: save it in black and white.")
    if is_grey:
        return channels > 0
    if (channels != channels[..., :1]).any():
        raise ValueError(f"{path} is in colours: save it in black and white.")
    return channels[..., 0] > 0


def _opened(path):
    image = open_picture(path)
    if image.format != "PNG":
        image.close()
        raise ValueError(f"{path} is {image.format}, and no PNG: save it as PNG.")
    return image
