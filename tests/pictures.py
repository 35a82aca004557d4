"""Image files that tests write."""

import numpy as np
from PIL import Image

SIZE = (8, 8)
RAMP = np.arange(64).reshape(SIZE)


def write_quarter(path, size=(20, 10), colour=(255, 0, 0)):
    """A file whose upper left quarter has the colour and whose rest is black; size is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0], 3), "uint8")
    pixels[: size[1] // 2, : size[0] // 2] = colour
    Image.fromarray(pixels).save(path, format="PNG")  # the content decides, not the suffix; PNG loses nothing


def write_grey(path, values=None):
    """A file of 8 x 8 grey pixels, by default from black to 252."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((RAMP * 4 if values is None else values).astype("uint8")).save(path)
