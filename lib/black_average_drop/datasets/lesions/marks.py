"""One lesion that somebody marked in an image file: a box, or a mask, and where it is in the network's image."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from black_average_drop.datasets.fits import placed_box, placed_mask

MOST_PIXELS_AWAY = 1_000_000  # no pixel of an image is that far from its corner
_ROUNDING = 1e-9  # of a share of a pixel
BOX, MASK = "box", "mask"


@dataclass(frozen=True)
class Mark:
    """One lesion as its file gives it, in pixels of the image file as it is shown, turned as its EXIF says."""

    image: str  # as the file names it
    finding: str  # as the file names it, "" where it names none
    where: str  # file and row, for a message
    box: tuple[float, ...] | None = None  # (x0, y0, x1, y1): x to the right, y down, x1 and y1 no longer inside
    draw: Callable[[tuple[int, int]], np.ndarray] | None = None  # (width, height) of the image -> a boolean mask
    outline: tuple[float, ...] | None = None  # the box around the polygons that `draw` fills, if it fills polygons
    declared: tuple[int, int] | None = None  # (width, height) of the image, where the file of lesions says so

    @property
    def kind(self):
        """BOX or MASK."""
        return BOX if self.draw is None else MASK


@dataclass(frozen=True)
class Marked:
    """What a file or folder of lesions holds."""

    marks: tuple[Mark, ...]
    clear: tuple[str, ...] = ()  # images, as the file names them, that somebody saw and found no lesion in
    passed_over: int = 0  # files in the folder that are no masks
    joined: bool = False  # names of images have _ where a path has /
    notes: tuple[str, ...] = ()  # sentences for the report, without names


@dataclass(frozen=True)
class Placed:
    """Where a lesion is in the network's image."""

    mask: np.ndarray  # boolean (H, W)
    is_drawn: bool  # whether anything is marked in the image file
    is_cut: bool  # whether a box or polygon reaches beyond the border of the image file
    is_shown: bool  # whether a part of it is in the part of the file that the network sees


def check_box(box, where):
    """Refuse a box that is none.

    Args:
        box: (x0, y0, x1, y1).
        where: file and row, for the message.

    Raises:
        ValueError: if a number is not finite, or too large for a pixel, or the box has no area.
    """
    check_coordinates(box, where)
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError(
            f"{where}: its box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) has no area: give the upper left corner "
            "first, then the lower right one."
        )


def check_coordinates(values, where):
    """Refuse coordinates that no pixel has.

    Raises:
        ValueError: if a number is not finite, or too large.
    """
    for value in values:
        if not abs(value) < MOST_PIXELS_AWAY:  # nor with NaN
            raise ValueError(f"{where}: {value} is the place of no pixel: give pixels of the image file.")


def check_pixels(marks, path):
    """Refuse boxes and polygons that are all given as shares of the image.

    Args:
        marks: all of a file.
        path: the file, for the message.

    Raises:
        ValueError: if none of them goes beyond the first pixel.
    """
    corners = [mark.box or mark.outline for mark in marks if mark.box or mark.outline]
    if corners and np.max(corners) <= 1:
        raise ValueError(
            f"{path}: no number of its boxes or polygons is above 1, as in shares of the image: give pixels of the "
            "image file."
        )


def placed(mark, original, size, fit):
    """Find where a lesion is in the network's image: a pixel belongs to it if half of its area or more does.

    Args:
        mark: a `Mark`.
        original: (width, height) of the image file as it is shown.
        size: (H, W) of the network's image.
        fit: one of `fits.FITS`, that of the images.

    Returns:
        A `Placed`.

    Raises:
        ValueError: if the lesion lies outside the image file, or was marked in one of another size.
    """
    if mark.declared:
        _check_size(mark, mark.declared, original)
    corners, is_cut = mark.box or mark.outline, False
    if corners:
        _check_inside(mark, corners, original)
        is_cut = min(corners[:2]) < 0 or corners[2] > original[0] or corners[3] > original[1]
    if mark.draw:
        drawn = mark.draw(original)
        _check_size(mark, drawn.shape[::-1], original)
        around = _box_around(drawn)
        is_shown = around is not None and placed_box(around, original, size, fit) is not None
        return Placed(placed_mask(drawn, size, fit), around is not None, is_cut, is_shown)
    seen = placed_box(corners, original, size, fit)
    if seen is None:
        return Placed(np.zeros(size, bool), True, is_cut, is_shown=False)
    shares = _covered(seen[1::2], size[0])[:, None] * _covered(seen[::2], size[1])
    return Placed(shares >= 0.5 - _ROUNDING, True, is_cut, is_shown=True)


def filled(polygons, original):
    """Fill polygons: a pixel is inside if its centre is, by the even-odd rule within each polygon.

    Args:
        polygons: [(n, 2), ...], corners (x, y); the pixel in the corner of the image covers 0 to 1.
        original: (width, height) of the mask.

    Returns:
        boolean (height, width), true inside at least one polygon.
    """
    width, height = original
    whole = np.zeros((height, width), bool)
    for polygon in polygons:
        corners = np.asarray(polygon, float) - 0.5  # so that centres are whole numbers
        top, bottom = (_bounded(end, height) for end in (corners[:, 1].min(), corners[:, 1].max()))
        flips = np.zeros((bottom - top, width + 1), bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            rows = np.arange(_bounded(min(y0, y1), height), _bounded(max(y0, y1), height))
            if len(rows):
                columns = np.ceil(x0 + (rows - y0) * (x1 - x0) / (y1 - y0))
                flips[rows - top, np.clip(columns, 0, width).astype(int)] ^= True  # an edge crosses a row once
        whole[top:bottom] |= np.logical_xor.accumulate(flips, axis=1)[:, :width]
    return whole


def _check_size(mark, declared, original):
    if tuple(declared) != tuple(original):
        raise ValueError(
            f"{mark.where} is made for {declared[0]} x {declared[1]} pixels, but {mark.image} has {original[0]} x "
            f"{original[1]}: give it in pixels of the image file itself."
        )


def _check_inside(mark, corners, original):
    x0, y0, x1, y1 = corners
    if not (max(x0, 0) < min(x1, original[0]) and max(y0, 0) < min(y1, original[1])):
        raise ValueError(
            f"{mark.where}: its lesion from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) is outside the "
            f"{original[0]} x {original[1]} pixels of {mark.image}: give pixels of the image file."
        )


def _box_around(mask):
    """(x0, y0, x1, y1) around what is true in a mask, None if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else None


def _covered(ends, length):
    """The share (length,) of each pixel of a line that lies between two ends."""
    pixels = np.arange(length)
    return np.clip(np.minimum(ends[1], pixels + 1) - np.maximum(ends[0], pixels), 0, 1)


def _bounded(value, length):
    return int(np.clip(np.ceil(value), 0, length))
