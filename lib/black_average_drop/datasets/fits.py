"""How an image of any shape becomes one of the network's: which part of it is seen, and what lies where in that."""

import math

import numpy as np
from PIL import Image

# How an image (width, height) becomes one of the size (H, W); of what lies outside a part nothing is seen.
FITS = ("stretch", "crop", "pad", "imagenet")
_OF_THE_CROP = 0.875  # the share of each side that ImageNet classifiers are usually evaluated on
_ROUNDING = 1e-9  # of sums of shares of pixels


def check_fit(fit):
    """Refuse what is no choice.

    Raises:
        ValueError: if fit is none of FITS.
    """
    if fit not in FITS:
        raise ValueError(f"fit is {fit!r}: choose one of {', '.join(FITS)}.")


def part_seen(original, size, fit="stretch"):
    """Say which part of an image becomes what the network sees.

    Args:
        original: (width, height) of the image as it is shown, in pixels.
        size: (H, W) of what the network sees, in pixels.
        fit: "stretch" takes the whole image, whatever its shape. "crop" takes the largest central part of the shape
            of size. "imagenet" shrinks that part by 0.875. "pad" takes the smallest part of that shape that holds
            the whole image: it reaches beyond the image on two sides, which is black there.

    Returns:
        (left, top, width, height), in pixels of the image, as fractions.

    Raises:
        ValueError: as `check_fit`.
    """
    check_fit(fit)
    width, height = original
    if fit == "stretch":
        return 0.0, 0.0, float(width), float(height)
    scales = width / size[1], height / size[0]
    scale = max(scales) if fit == "pad" else (_OF_THE_CROP if fit == "imagenet" else 1) * min(scales)
    sides = (size[1] * scale, size[0] * scale)
    if fit != "pad":  # a product may come out a rounding error above the side that it is
        sides = (min(sides[0], width), min(sides[1], height))
    return (width - sides[0]) / 2, (height - sides[1]) / 2, *sides


def fit_to_size(image, size, fit="stretch"):
    """Bring a Pillow image to the size (H, W), bilinearly; fit as in `part_seen`."""
    left, top, width, height = part_seen(image.size, size, fit)
    if fit == "pad" and (left < 0 or top < 0):
        # The side that fills the part goes first, so that what is padded is small however long the image is.
        filled = (image.width, size[0]) if left < 0 else (size[1], image.height)
        image = image.resize(filled, Image.Resampling.BILINEAR)
        left, width = (left, width) if left < 0 else (0.0, size[1])
        top, height = (0.0, size[0]) if left < 0 else (top, height)
        across, down = math.ceil(-left), math.ceil(-top)
        canvas = Image.new(image.mode, (image.width + 2 * across, image.height + 2 * down))  # of zeros
        canvas.paste(image, (across, down))
        image, left, top = canvas, left + across, top + down
    part = (left, top, left + width, top + height)
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=part)


def placed_box(corners, original, size, fit="stretch"):
    """Say where a box lies in what the network sees; it is cut at the borders of the image and of the part.

    Args:
        corners: (x0, y0, x1, y1), in pixels of the image as it is shown.
        original, size, fit: as in `part_seen`.

    Returns:
        (x0, y0, x1, y1) in pixels of the network's image, or None where nothing of the box is in it.
    """
    left, top, side_x, side_y = part_seen(original, size, fit)
    scale_x, scale_y = size[1] / side_x, size[0] / side_y
    across, down = (np.clip(corners[start::2], 0, end) for start, end in enumerate(original))
    x0, x1 = np.clip([(x - left) * scale_x for x in across], 0, size[1])
    y0, y1 = np.clip([(y - top) * scale_y for y in down], 0, size[0])
    return (float(x0), float(y0), float(x1), float(y1)) if x1 > x0 and y1 > y0 else None


def placed_mask(mask, size, fit="stretch"):
    """Bring a mask of an image to what the network sees: a pixel counts if half of its area or more does.

    Args:
        mask: boolean (h, w), of the image as it is shown.
        size: (H, W) of the result.
        fit: as in `part_seen`.

    Returns:
        boolean (H, W), false where the part reaches beyond the image.
    """
    height, width = mask.shape
    left, top, side_x, side_y = part_seen((width, height), size, fit)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(size, bool)
    part = np.asarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], "float64")  # all else is 0
    means = _means_of_cells(part, top - rows[0], side_y / size[0], size[0])
    shares = _means_of_cells(means.T, left - columns[0], side_x / size[1], size[1]).T
    return shares >= 0.5 - _ROUNDING


def _means_of_cells(values, start, length, cells):
    """Means (cells, ...) of values (n, ...) over cells of a length in pixels from start, taken for 0 outside."""
    edges = np.clip(start + length * np.arange(cells + 1), 0, len(values))
    whole = np.minimum(edges.astype(int), len(values) - 1)
    below = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    sums = below[whole] + (edges - whole)[:, None] * values[whole]
    return np.diff(sums, axis=0) / length
