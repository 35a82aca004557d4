"""Masks as run-length encodings of COCO: the lengths of runs of 0 and 1 in turn, down one column after the other.

They are decoded here, since pycocotools 2.0.11 reads and writes outside its arrays where the runs do not fill the mask.
"""

import numpy as np
from PIL import Image

_FIRST, _BITS = 48, 5  # a character holds 5 bits of a number, and one that says whether the number goes on
_GOES_ON, _NEGATIVE = 1 << _BITS, 1 << (_BITS - 1)
_LONGEST = 7  # characters of a number: 35 bits, more than any mask needs


def decode(size, counts):
    """Decode one mask.

    Args:
        size: (height, width) in pixels, as the encoding gives it. The caller compares it with that of the image.
        counts: the lengths of the runs, the first one of 0; or COCO's compressed text of them, as str or bytes.

    Returns:
        boolean (height, width).

    Raises:
        ValueError: if the size is none, or beyond what Pillow takes for harmless, or the runs do not fill the mask. The
            message is a reason alone: the caller names file and image.
    """
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError("its size is not made of height and width")
    height, width = _whole_numbers(size, "its size").tolist()
    if height < 1 or width < 1 or height * width > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"its size is {height} x {width}, and 1 to {Image.MAX_IMAGE_PIXELS:,} pixels are expected")
    pixels = height * width
    if not isinstance(counts, (str, bytes, list, tuple)):
        raise ValueError("its runs are neither a text nor a list")
    if len(counts) > _LONGEST * (pixels + 1):
        raise ValueError(f"it has more runs than its {height} x {width} pixels need")
    runs = _uncompressed(counts) if isinstance(counts, (str, bytes)) else _whole_numbers(counts, "its list of runs")
    if not len(runs) or runs.min() < 0 or runs.max() > pixels or runs.sum() != pixels:
        raise ValueError(f"its runs do not fill its {height} x {width} pixels")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width, order="F")


def _whole_numbers(values, what):
    """Numbers of a JSON list as int64."""
    if not all(type(value) is int and abs(value) < 2**31 for value in values):
        raise ValueError(f"{what} is not made of whole numbers")
    return np.array(values, "int64")


def _uncompressed(text):
    """The lengths of runs that a compressed text holds; from the fourth on it holds the change to the last but one."""
    try:
        characters = np.frombuffer(text.encode("ascii") if isinstance(text, str) else text, "uint8").astype("int64")
    except UnicodeEncodeError as problem:
        raise ValueError("its text of runs holds other characters than COCO's") from problem
    parts = characters - _FIRST
    if not len(parts) or parts.min() < 0 or parts.max() >= 2 * _GOES_ON or parts[-1] & _GOES_ON:
        raise ValueError("its text of runs is empty, cut, or holds other characters than COCO's")
    ends = np.flatnonzero(parts & _GOES_ON == 0)
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > _LONGEST:
        raise ValueError("its text of runs holds a number that is too large")
    starts = ends - lengths + 1
    places = np.arange(len(parts)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((parts & (_GOES_ON - 1)) << (_BITS * places), starts)
    runs -= np.where(parts[ends] & _NEGATIVE, 1 << (_BITS * lengths), 0)
    for first in (1, 2):  # the first run is a number of its own
        runs[first::2] = np.cumsum(runs[first::2])
    return runs
