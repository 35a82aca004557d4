"""One file that holds a map somebody else made, .npy or .png: its size by its header, and its values."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from black_average_drop.datasets.images import decoding, open_picture
from black_average_drop.datasets.paths import listing

MAP_SUFFIXES = (".npy", ".png")
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_NUMBERS = "fiub"  # the kinds of NumPy's types that are real numbers


def size_of_map(path):
    """Read the size of a map from its header. Only a picture in colours is decoded, to see whether it is grey.

    Args:
        path: the file.

    Returns:
        (h, w).

    Raises:
        ValueError: as `values_of_map`, for what the header and the length of the file show.
    """
    if _is_array(path):
        with listing(path), open(path, "rb") as file:
            return _array_size(path, file)
    with _grey_picture(path) as image:
        return image.size[::-1]


def values_of_map(path):
    """Read a map, clipped at 0 as maps of the methods are.

    It is scaled by a power of two, which changes no digit: values of any scale fit into float32.

    Args:
        path: the file.

    Returns:
        float32 (h, w), the peak from 0.5 to 1, or 0 everywhere.

    Raises:
        ValueError: if the file is damaged, holds something else than one map of real numbers, NaN or infinite values,
            or more values than an image may have pixels; if a picture has colours, is transparent or is no PNG. The
            message names the file.
    """
    if _is_array(path):
        with listing(path), open(path, "rb") as file:
            size = _array_size(path, file)
            file.seek(0)
            with _reading_array(path):
                values = np.load(file, allow_pickle=False)
        values = values.reshape(size)
    else:
        with _grey_picture(path) as image, decoding(path):
            values = np.asarray(image)
    values = values.astype("float64")
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds NaN or infinite values: save the map without them.")
    values = np.maximum(values, 0)
    return np.ldexp(values, -np.frexp(values.max())[1]).astype("float32")


def _is_array(path):
    return Path(path).suffix.lower() == ".npy"


def _array_size(path, file):
    """(h, w) of an open .npy by its header, which is believed only as far as the file is long."""
    with _reading_array(path):
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"{path} holds values of the type {dtype.name}: save real numbers, such as float32.")
    size = shape if len(shape) == 2 else tuple(side for side in shape if side != 1)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"{path} has the shape {shape}: save one map with rows and columns, such as (7, 7).")
    if size[0] * size[1] > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"{path} holds too many values ({size[0]} x {size[1]}): make it smaller.")
    if os.fstat(file.fileno()).st_size - file.tell() < size[0] * size[1] * dtype.itemsize:
        raise ValueError(f"{path} ends before its {size[0]} x {size[1]} values do: save it again.")
    return size


@contextmanager
def _reading_array(path):
    """Turn any error inside the block into a ValueError that names the file: headers raise errors of every kind."""
    try:
        yield
    except Exception as problem:
        reason = " ".join(str(problem).split())[:100] or type(problem).__name__
        raise ValueError(f"{path} cannot be read as an array ({reason}): save it again with numpy.save.") from problem


@contextmanager
def _grey_picture(path):
    """A PNG as a Pillow image of one channel, decoded only where it has more, which then are alike."""
    with open_picture(path) as image:
        if image.format != "PNG":
            raise ValueError(f"{path} is {image.format}, and no PNG: save it as PNG.")
        if image.has_transparency_data or not (image.mode in ("1", "L") or image.mode.startswith("I")):
            with decoding(path):
                opaque = image.convert("RGBA").getchannel("A").getextrema()[0] == 255
                channels = np.asarray(image.convert("RGB"))
            if not opaque:
                raise ValueError(f"{path} is transparent in places: save it in grey, black where nothing is marked.")
            if (channels != channels[..., :1]).any():
                raise ValueError(
                    f"{path} is in colours, which say no values: save the map itself as .npy, or in grey as .png."
                )
            image = Image.fromarray(channels[..., 0])
        yield image
