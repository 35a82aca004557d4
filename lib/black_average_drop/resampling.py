"""Maps at another size, with the kernels of Lanczos and of bilinear interpolation."""

from functools import lru_cache

import numpy as np

from black_average_drop.arrays import namespace

# How far each kernel reaches, in source pixels, and its weight at a distance.
_KERNELS = {
    "lanczos3": (3, lambda distance: np.sinc(distance) * np.sinc(distance / 3)),
    "bilinear": (1, lambda distance: 1 - np.abs(distance)),
}


def upsample(maps, size, kernel="lanczos3"):
    """Resize maps with the Lanczos-3 kernel, or with the bilinear one.

    Lanczos rings: about a third of the pixels of a clipped map come out slightly negative.

    Args:
        maps: (N, h, w).
        size: (H, W).
        kernel: "lanczos3" or "bilinear".

    Returns:
        (N, H, W).

    Raises:
        ValueError: for another kernel.
    """
    if kernel not in _KERNELS:
        raise ValueError(f"kernel is {kernel!r}: choose one of {', '.join(_KERNELS)}.")
    xp = namespace(maps)
    rows, columns = (_resizing(int(a), int(b), kernel) for a, b in zip(maps.shape[1:], size, strict=True))
    return xp.matmul(xp.matmul(rows[None], maps), columns.T[None])


@lru_cache(maxsize=64)
def _resizing(source, target, kernel):
    """(target, source) float32 weights of a kernel, pixel centres at half integers, rows summing to 1."""
    if source == target:
        return np.eye(target, dtype="float32")  # below, the sine of a multiple of pi is not exactly 0
    reach, weight = _KERNELS[kernel]
    ratio = source / target
    stretch = max(1.0, ratio)  # widen the kernel when shrinking, so that it does not alias
    centres = (np.arange(target) + 0.5) * ratio - 0.5
    distance = (np.arange(source)[None] - centres[:, None]) / stretch
    weights = np.where(np.abs(distance) < reach, weight(distance), 0.0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")
