"""Masked images: what Average Drop and Black Average Drop show to the network instead of the whole image.

Images are pixels, 0 is black; a preprocessed tensor, where 0 may be mid-grey, must not come here. NumPy arrays or
backend tensors in, NumPy arrays out.
"""

from itertools import combinations

import numpy as np


def fade(images, maps, fill=0):
    """The masked image of Average Drop: E = L I + (1 - L) fill with L = relu(L) / max(L).

    images (N, H, W, C) in pixels; maps (N, H, W); fill: the pixel value that shines through, black as in the paper.
    Returns float32 (N, H, W, C); an image whose map is nowhere positive becomes all fill. Raises ValueError if shapes
    differ or a map is not finite.
    """
    images, maps = _checked(images, maps)
    return blend(images, opacity(maps), fill)


def blend(images, shares, fill=0):
    """shares (N, H, W), from 0 to 1 or boolean, of the images (N, H, W, C) and the rest of fill, a value or an array
    like the images: float32 (N, H, W, C). A share of 1 or 0 leaves either as it is."""
    shares = np.asarray(shares, "float32")
    blended = np.einsum("nhwc,nhw->nhwc", np.asarray(images, "float32"), shares)  # faster than broadcasting over C
    return blended + np.asarray(fill, "float32") * (1 - shares)[..., None] if np.any(fill) else blended


def opacity(maps):
    """relu(L) / max(L) of maps (N, H, W): from 0 to 1, and 0 all over for a map that is nowhere positive."""
    clipped = np.maximum(maps, 0)
    peak = clipped.max(axis=(1, 2), keepdims=True)
    return np.divide(clipped, peak, out=np.zeros_like(clipped), where=peak > 0)


def blacken(images, maps, alpha, ties="strict", ranking=None, fill=0):
    """The masked image of Black Average Drop, eq. (11): B = I where L > eta, else 0.

    images (N, H, W, C) in pixels; maps (N, H, W); 0 < alpha < 1, the share of pixels to keep, k = round(alpha H W).
    ties="strict" is eq. (11) to the letter: eta is the (k+1)-th largest value, so that k pixels remain where no values
    tie, and fewer where they do. ties="exact" keeps exactly k by a stable ranking of `ranking` (N, H, W), by default
    the map itself. fill: the pixel value of what is hidden, black as in the paper. Returns float32 (N, H, W, C).
    Raises ValueError for alpha, ties or shapes out of range.
    """
    images, maps = _checked(images, maps)
    return blend(images, kept_pixels(maps, alpha, ties, ranking), fill)


def kept_pixels(maps, alpha, ties="strict", ranking=None):
    """The pixels that `blacken` keeps: boolean (N, H, W); arguments and errors as there."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: it is the share of pixels to keep, between 0 and 1, both excluded.")
    if ties not in ("strict", "exact"):
        raise ValueError(f'ties is {ties!r}: choose "strict" or "exact".')
    if ranking is not None and (ties == "strict" or ranking.shape != maps.shape):
        raise ValueError('ranking needs ties="exact" and the shape of maps.')
    maps = np.asarray(maps)
    flat = maps.reshape(len(maps), -1)
    pixels = flat.shape[1]
    keep = round(alpha * pixels)
    if ties == "exact":
        ranks = _ranks(flat if ranking is None else np.asarray(ranking).reshape(flat.shape))
        return (ranks <= keep).reshape(maps.shape)
    if keep >= pixels:
        return np.ones(maps.shape, bool)
    threshold = np.partition(flat, pixels - 1 - keep, axis=1)[:, pixels - 1 - keep]
    return maps > threshold[:, None, None]


def alpha_curve(images, maps):
    """How much the masked images of several methods differ when each keeps k pixels, for every k from 0 to P = H W.

    images (N, H, W, C) in pixels; maps: name -> (N, H, W). Returns float64 (P + 1,): the sum of |I| over the pixels
    that one mask of a pair keeps and the other does not, over all pairs and images; curves of batches add up.
    A pixel of ranks r1 < r2 under two methods is in exactly one mask for r1 <= k < r2.
    """
    images = np.asarray(images)
    maps = {name: _checked(images, method_maps)[1] for name, method_maps in maps.items()}
    count = len(images)
    light = (np.abs(images) @ np.ones(images.shape[-1], "float32")).reshape(count, -1)
    pixels = light.shape[1]
    ranks = {name: _ranks(method_maps.reshape(count, pixels)) for name, method_maps in maps.items()}
    steps = np.zeros(pixels + 1)
    for first, second in combinations(ranks.values(), 2):
        enters = np.minimum(first, second).ravel()
        leaves = np.maximum(first, second).ravel()
        steps += np.bincount(enters, light.ravel(), minlength=pixels + 1)
        steps -= np.bincount(leaves, light.ravel(), minlength=pixels + 1)
    return np.cumsum(steps)


def select_alpha(curve):
    """The share of pixels at which the masked images differ most: argmax / P of an `alpha_curve` (P + 1,).

    Raises ValueError where the curve is flat: then the methods draw the same maps and no alpha is better than another.
    """
    best = int(np.argmax(curve))
    if curve[best] <= 0:
        raise ValueError("The methods' masked images do not differ at any alpha: pass alpha explicitly.")
    return best / (len(curve) - 1)


def _ranks(values):
    """1-based ranks (N, P) of values (N, P), the largest first; equal values in order of position.

    A radix sort, 16 bits at a time: NumPy sorts those by counting, several times faster than it sorts floats.
    """
    values = np.asarray(values)
    values = values.astype(np.result_type(values, "float32"), copy=False)
    size = 8 * values.itemsize
    bits = (0 - values).view(f"uint{size}")  # of floats in descending order; 0 - values has no negative zero
    sign = np.array(1 << size - 1, bits.dtype)
    bits = np.where(bits & sign, ~bits, bits | sign)  # in ascending order as integers
    ranks = np.empty(values.shape, int)
    numbers = np.arange(1, values.shape[1] + 1)
    for row, keys in zip(ranks, bits, strict=True):
        order = numbers - 1
        for shift in range(0, size, 16):
            order = order[np.argsort((keys >> shift).astype("uint16")[order], kind="stable")]
        row[order] = numbers
    return ranks


def _checked(images, maps):
    images, maps = np.asarray(images), np.asarray(maps)
    if images.ndim != 4 or images.shape[:3] != maps.shape:
        raise ValueError(f"images {images.shape} and maps {maps.shape} do not fit: (N, H, W, C) and (N, H, W) wanted.")
    if not np.isfinite(maps).all():
        raise ValueError("A map holds NaN or infinite values: check the network's weights and the image.")
    return images, maps
