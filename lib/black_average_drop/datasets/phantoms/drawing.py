"""What chests and objects are drawn with. Lengths are in half image widths; brightness runs from 0 to 1."""

import math
from functools import lru_cache

import numpy as np


def grid(size, angle=0.0, zoom=1.0, shift=(0.0, 0.0)):
    """Make coordinates x (rightwards) and y (downwards), each float32 (size, size), from -1 to 1 over the image."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype("float32")
    x, y = (axis[None] - float(shift[0])) / zoom, (axis[:, None] - float(shift[1])) / zoom
    return math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x


def edge(extent, width):
    """Turn a signed extent into 0 outside and 1 inside, with a smooth step of the given width where extent is 0."""
    return np.clip(extent / width + 0.5, 0, 1)


def smooth_noise(generator, cells, size):
    """Draw smooth noise of unit spread, float32 (size, size), with `cells` independent values along a side."""
    weights = _spline(cells, size)
    return weights @ generator.standard_normal((cells, cells), dtype="float32") @ weights.T


def to_bytes(image):
    """Turn brightness 0..1, cut at both ends, into uint8 0..255."""
    return (np.clip(image, 0, 1) * 255).round().astype("uint8")


@lru_cache(maxsize=32)
def _spline(cells, size):
    """What each of the independent values adds to each pixel of a side: float32 (size, cells)."""
    distance = np.abs((np.arange(size)[:, None] + 0.5) / size * cells - np.arange(cells)[None] - 0.5)
    weights = np.exp(-(distance**2)).astype("float32")
    return weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))
