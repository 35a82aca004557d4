"""The same files prepared for the network in other ways, and AD and BAD of each: a crop, a filter, noise, or JPEG.

A clinic and a paper seldom prepare their images alike. What is measured here says how far that alone moves the metrics.
"""

import io
from itertools import product

import numpy as np
from PIL import Image

from black_average_drop import cams, evaluation, masks, progress
from black_average_drop.datasets.fits import FITS, fit_to_size, part_seen
from black_average_drop.datasets.images import decoding, open_picture, read_image
from black_average_drop.metrics import METRICS

AS_IN_TABLE_1 = "as in Table 1"
NOISE_LEVELS = 2  # grey levels
QUALITY = 75  # of JPEG


def drops_of_preparations(network, dataset, classes, fallback, seed, batch_size=32, ties="strict", scheduler=""):
    """AD and BAD of the same images under each preparation; maps are drawn again, and each takes an alpha of its own.

    Args:
        network: a `networks.Network`.
        dataset: a `datasets.Dataset` of N images.
        classes: (N,), those that are explained, whatever a preparation makes the network predict.
        fallback: the alpha where the methods draw the same maps.
        seed: of the noise.
        batch_size, ties, scheduler: as in `evaluation.evaluate`.

    Returns:
        preparation -> (alpha, (N,) mean change of a pixel in grey levels, a dict (metric, method) -> (N,) of drops).
    """
    given, methods, measured = dataset.images(), cams.chosen(cams.PAPER_METHODS), {}
    for name, pixels in progress.bar(all_preparations(dataset, given, seed).items(), desc="preparations"):
        maps = evaluation.explain_all(network, pixels, methods, batch_size, classes, scheduler)
        alpha = masks.select_alpha(maps.curve) if maps.curve.max() > 0 else fallback
        given_maps = {"first_pass": maps, "ties": ties, "scheduler": scheduler}
        rows = evaluation.evaluate(network, pixels, methods, alpha, batch_size, **given_maps)
        drops = {column: part["drop"].to_numpy() for column, part in rows.groupby(["metric", "method"])}
        drops = {key: drops[key] for key in product(METRICS, maps.distinct_paper_methods)}
        change = np.abs(pixels.astype("int16") - given).mean(axis=(1, 2, 3))
        measured[name] = alpha, change, drops
    return measured


def all_preparations(dataset, given, seed):
    """The images of a data set under each preparation. One that changes no pixel of any image is left out.

    Args:
        dataset: a `datasets.Dataset` of N images.
        given: its pixels, uint8 (N, H, W, 3).
        seed: of the noise.

    Returns:
        preparation -> uint8 (N, H, W, 3), AS_IN_TABLE_1 first. Images that are drawn, files that Pillow does not read
        as they are, and files that have the network's size already, have no other crops or filters.
    """
    size, fit = dataset.size, fit_of(dataset)
    noise = np.random.default_rng(seed).integers(-NOISE_LEVELS, NOISE_LEVELS + 1, given.shape, "int16")
    ways = {AS_IN_TABLE_1: given}
    if fit:
        readers = {
            "crop at whole pixels": lambda image: _at_whole_pixels(image, size, fit),
            "largest centre crop": lambda image: fit_to_size(image, size, "crop"),
            "whole image stretched": lambda image: fit_to_size(image, size, "stretch"),
            "bicubic filter": lambda image: _resized(image, size, part_seen(image.size, size, fit)),
            "bilinear of four pixels": lambda image: _of_four_pixels(image, size, part_seen(image.size, size, fit)),
        }
        ways |= {name: _read(dataset, reader) for name, reader in readers.items()}
    ways[f"JPEG of quality {QUALITY}"] = np.stack([_through_jpeg(image) for image in given])
    ways[f"noise of {NOISE_LEVELS} levels"] = np.clip(given + noise, 0, 255).astype("uint8")
    return {name: pixels for name, pixels in ways.items() if name == AS_IN_TABLE_1 or (pixels != given).any()}


def fit_of(dataset):
    """The one of FITS by which the images are read from their files; "" where none reads them so.

    On a square image all are alike. So images are compared until one of FITS is left.
    """
    left = list(FITS) if dataset.file else []
    for position in dataset.positions:
        if len(left) < 2:
            break
        path, pixels = dataset.file(position), dataset.read(position)
        left = [fit for fit in left if _is_read_so(path, pixels, fit)]
    return left[0] if left else ""


def _is_read_so(path, pixels, fit):
    """Whether a file, brought to the size of pixels by one of FITS, is these pixels."""
    try:
        return np.array_equal(read_image(path, pixels.shape[:2], fit), pixels)
    except ValueError:  # a format that the data set reads in another way
        return False


def _read(dataset, reader):
    """Every file, opened and brought to its size by reader."""
    pixels = []
    for position in dataset.positions:
        path = dataset.file(position)
        with open_picture(path) as image, decoding(path):
            pixels.append(np.asarray(reader(image.convert("RGB"))))
    return np.stack(pixels)


def _at_whole_pixels(image, size, fit):
    """The part that fit sees, rounded to whole pixels before it is resized, as most programs do."""
    left, top, width, height = part_seen(image.size, size, fit)
    box = (round(left), round(top), round(left + width), round(top + height))
    return image.crop(box).resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _resized(image, size, part):
    left, top, width, height = part
    return image.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))


def _of_four_pixels(image, size, part):
    """Bilinear without smoothing: a new pixel is read from the four nearest, as `tf.image.resize` does by default."""
    left, top, width, height = part
    corners = (left, top, left + width, top + height)
    return image.transform((size[1], size[0]), Image.Transform.EXTENT, corners, Image.Resampling.BILINEAR)


def _through_jpeg(pixels):
    """An image as it comes back from a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file, formats=("JPEG",)).convert("RGB"))
