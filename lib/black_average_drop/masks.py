"""Masked images: what Average Drop and Black Average Drop show to the network instead of the whole image.

Images are pixels, and 0 is black. A preprocessed tensor, where 0 may be mid-grey, must not come here. NumPy arrays give
NumPy arrays. With a tensor of the Keras backend among them they give a tensor on its device.
"""

import numpy as np
from keras import ops

from black_average_drop.arrays import as_float32, as_numpy, namespace, together


def fade(images, maps, fill=0):
    """The masked image of Average Drop: E = L I + (1 - L) fill with L = relu(L) / max(L).

    Args:
        images: (N, H, W, C), in pixels.
        maps: (N, H, W).
        fill: the pixel value that shines through, black as in the paper.

    Returns:
        float32 (N, H, W, C). An image whose map is nowhere positive becomes all fill.

    Raises:
        ValueError: if the shapes differ or a map is not finite.
    """
    images, maps = _checked(images, maps)
    return blend(images, scaled_to_peak(maps), fill)


def blend(images, shares, fill=0):
    """Show a share of each pixel, and fill the rest.

    Args:
        images: (N, H, W, C).
        shares: (N, H, W), from 0 to 1 or boolean. A share of 1 or 0 leaves the image or the fill as it is.
        fill: a value, or an array like the images.

    Returns:
        float32 (N, H, W, C).
    """
    images, shares, fill = as_float32(images), as_float32(shares), np.asarray(fill, "float32")
    xp, images, shares = together(images, shares)
    if xp is np:
        blended = np.einsum("nhwc,nhw->nhwc", images, shares)  # faster than broadcasting over C
    else:
        blended = images * shares[..., None]
    return blended + xp.multiply(fill, (1 - shares)[..., None]) if fill.any() else blended


def scaled_to_peak(maps):
    """relu(L) / max(L) of maps (N, H, W): from 0 to 1, and 0 all over for a map that is nowhere positive."""
    xp = namespace(maps)
    clipped = xp.maximum(maps, 0)
    peak = xp.max(clipped, axis=(1, 2), keepdims=True)
    return clipped / xp.where(peak > 0, peak, xp.ones_like(peak))


def blacken(images, maps, alpha, ties="strict", ranking=None, fill=0):
    """The masked image of Black Average Drop, eq. (11): B = I where L > eta, else 0.

    Args:
        images: (N, H, W, C), in pixels.
        maps: (N, H, W).
        alpha: the share of pixels to keep, between 0 and 1, k = round(alpha H W).
        ties: "strict" is eq. (11) to the letter: eta is the (k+1)-th largest value, so that k pixels remain where no
            values tie, and fewer where they do. "exact" keeps exactly k by a stable ranking.
        ranking: (N, H, W), what "exact" ranks the pixels by; by default the map itself.
        fill: the pixel value of what is hidden, black as in the paper.

    Returns:
        float32 (N, H, W, C).

    Raises:
        ValueError: if the shapes differ, or alpha, ties or a map is out of range.
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
    xp = namespace(maps)
    pixels = maps.shape[1] * maps.shape[2]
    keep = round(alpha * pixels)
    if ties == "exact":
        values = maps if ranking is None else ranking
        ranks = _ranks(_order(namespace(values).reshape(values, (-1, pixels))))
        return namespace(ranks).reshape(ranks <= keep, maps.shape)
    if keep >= pixels:
        return xp.ones(maps.shape, "bool")
    flat, place = xp.reshape(maps, (-1, pixels)), pixels - 1 - keep
    in_order = np.partition(flat, place, axis=1) if xp is np else ops.sort(flat, axis=1)
    return maps > in_order[:, place, None, None]


def alpha_curve(images, maps):
    """How much the masked images of several methods differ when each keeps k pixels, for every k from 0 to P = H W.

    A pixel of ranks r1 < r2 under two methods is in exactly one mask for r1 <= k < r2. So, as k reaches its rank under
    one method, the curve rises by |I| for each method that ranks it later, and falls for each that ranked it earlier.

    Args:
        images: (N, H, W, C), in pixels.
        maps: name -> (N, H, W).

    Returns:
        float64 NumPy (P + 1,): the sum of |I| over the pixels that one mask of a pair keeps and the other does not,
        over all pairs of methods and all images. Curves of batches add up.
    """
    maps = {name: _checked(images, method_maps)[1] for name, method_maps in maps.items()}
    xp = namespace(images, *maps.values())
    pixels = images.shape[1] * images.shape[2]
    # NumPy's own sum over colours is ten times slower.
    light = xp.reshape(xp.matmul(xp.abs(as_float32(images)), xp.ones(images.shape[-1], "float32")), (-1, pixels))
    orders = {name: _order(xp.reshape(values, (-1, pixels))) for name, values in maps.items()}
    ranks = {name: _ranks(order) for name, order in orders.items()}
    steps = np.zeros(pixels + 1)
    for name, order in orders.items():
        others = [xp.sign(ranks[other] - ranks[name]) for other in ranks if other != name]
        if others:
            change = _taken(light * as_float32(sum(others)), order)
            steps[1:] += as_numpy(change).sum(axis=0, dtype="float64")
    return np.cumsum(steps)


def select_alpha(curve):
    """The share of pixels at which the masked images differ most.

    Args:
        curve: (P + 1,), of `alpha_curve`.

    Returns:
        alpha = argmax / P.

    Raises:
        ValueError: if the curve is flat: then the methods draw the same maps, and no alpha is better than another.
    """
    best = int(np.argmax(curve))
    if not curve[best] > 0:  # nor is NaN, of which argmax gives the first
        raise ValueError("The methods' masked images do not differ at any alpha: pass alpha explicitly.")
    return best / (len(curve) - 1)


def _order(values):
    """The positions (N, P) of values (N, P), the largest first; equal values in order of position.

    In NumPy it is a radix sort, 16 bits at a time. NumPy sorts those by counting, several times faster than floats.
    """
    if namespace(values) is ops:
        return ops.argsort(0 - values, axis=1)
    values = values.astype(np.result_type(values, "float32"), copy=False)
    size = 8 * values.itemsize
    bits = (0 - values).view(f"uint{size}")  # of floats in descending order; 0 - values has no negative zero
    sign = np.array(1 << size - 1, bits.dtype)
    bits = np.where(bits & sign, ~bits, bits | sign)  # in ascending order as integers
    orders = np.empty(values.shape, int)
    for row, keys in zip(orders, bits, strict=True):
        order = np.arange(values.shape[1])
        for shift in range(0, size, 16):
            order = order[np.argsort((keys >> shift).astype("uint16")[order], kind="stable")]
        row[:] = order
    return orders


def _ranks(order):
    """1-based ranks (N, P) of what `_order` put in order: 1 for the largest value."""
    if namespace(order) is ops:
        return ops.argsort(order, axis=1) + 1
    ranks, numbers = np.empty(order.shape, "int32"), np.arange(1, order.shape[1] + 1, dtype="int32")
    for row, places in zip(ranks, order, strict=True):
        row[places] = numbers
    return ranks


def _taken(values, order):
    """Values (N, P) in an order (N, P) of their own."""
    if namespace(values, order) is ops:
        return ops.take_along_axis(values, order, axis=1)
    return np.stack([row.take(places) for row, places in zip(values, order, strict=True)])  # a row fits in the cache


def _checked(images, maps):
    """Images and maps as they are given, if they fit together and the maps are finite."""
    if len(images.shape) != 4 or tuple(images.shape[:3]) != tuple(maps.shape):
        raise ValueError(
            f"images {images.shape} and maps {maps.shape} do not fit: (N, H, W, C) and (N, H, W) expected."
        )
    xp = namespace(maps)
    if not bool(xp.all(xp.isfinite(maps))):
        raise ValueError("A map holds NaN or infinite values: check the network's weights and the image.")
    return images, maps
