"""Noisy linear imputation, with which ROAD hides pixels (Rong et al. 2022): a fill whose outline tells nothing.

Every hidden pixel is the weighted mean of its eight neighbours: 1/6 for the four direct ones and 1/12 for the diagonal
ones. At the edge only the neighbours that exist count. Hidden neighbours are unknowns as well. Multiplied by the sum of
its weights, each equation becomes a row of a symmetric, positive definite system. Conjugate gradients, preconditioned
by a multigrid cycle, take a few milliseconds an image where a sparse factorisation takes hundreds. Several images are
solved next to each other, each until it is done, so that the result does not depend on its neighbours.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

NOISE = 2.55  # grey levels: 0.01 of an image that is scaled to 0..1
TOLERANCE = 0.05  # grey levels, far below the noise
_MOST_STEPS = 100
_SIDE_BY_SIDE = 80_000  # pixels that a thread solves for at a time: few enough to stay in the processor's cache


def noisy_linear(images, hidden, noise=NOISE, seed=0):
    """Impute the hidden pixels of images from the others, and add Gaussian noise to them.

    Args:
        images: pixels (N, H, W, C).
        hidden: boolean (N, H, W).
        noise: its standard deviation, in grey levels.
        seed: an int, or one seed for each image, so that the noise does not depend on how images are grouped.

    Returns:
        float32 (N, H, W, C). What is shown stays as it is. An image that is hidden all over becomes its mean.

    Raises:
        ValueError: if the shapes differ.
    """
    images, hidden = np.asarray(images, "float32"), np.asarray(hidden, bool)
    if images.ndim != 4 or hidden.shape != images.shape[:3]:
        raise ValueError(f"hidden is {hidden.shape}: one flag for each pixel of images {images.shape} is expected.")
    seeds = [[seed, row] for row in range(len(images))] if np.isscalar(seed) else seed
    grey = (images == images[..., :1]).all(axis=(1, 2, 3))
    # Solved are all channels of an image of colours, and the first one of a grey image.
    rows, channels = np.nonzero(~grey[:, None] | (np.arange(images.shape[3]) == 0))
    values, flags = images[rows, ..., channels], hidden[rows]
    count = max(1, _SIDE_BY_SIDE // (images.shape[1] * images.shape[2]))
    parts = [slice(start, start + count) for start in range(0, len(rows), count)]
    filled = images.copy()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        solved = pool.map(lambda part: _filled(values[part], flags[part]), parts)
        filled[rows, ..., channels] = np.concatenate(list(solved))
    filled[grey] = filled[grey][..., :1]
    for image, own_seed in zip(filled, seeds, strict=True):
        image += noise * np.random.default_rng(own_seed).standard_normal(image.shape, dtype="float32")
    return np.where(hidden[..., None], filled, images)


def _filled(channels, hidden):
    """Channels (n, H, W) with the solution of the linear system in their hidden pixels (n, H, W), each by itself."""
    filled, whole = channels.copy(), hidden.all(axis=(1, 2))
    filled[whole] = channels[whole].mean(axis=(1, 2), keepdims=True)
    rows = np.flatnonzero(hidden.any(axis=(1, 2)) & ~whole)
    if not len(rows):
        return filled
    channels, hidden = channels[rows], hidden[rows]
    # Solve for what differs from the mean of what is shown: float32 holds more digits of that.
    middle = np.array([values[~flags].mean() for values, flags in zip(channels, hidden, strict=True)], "float32")
    middle = middle.reshape(-1, 1, 1)
    grids = _grids(hidden)
    residual = hidden * _spread(np.where(hidden, 0, channels - middle))
    solution, direction, before = np.zeros_like(residual), np.zeros_like(residual), np.ones_like(middle)
    for _ in range(_MOST_STEPS):
        step = _cycle(grids, residual)
        left = np.abs(step).max(axis=(1, 2)) >= TOLERANCE / 2
        if not left.all():
            filled[rows[~left]] = (solution + step + middle)[~left]
            still = rows, middle, residual, solution, direction, before, step
            rows, middle, residual, solution, direction, before, step = (part[left] for part in still)
            grids = [(flags[left], weights) for flags, weights in grids]
            if not len(rows):
                break
        along = _products(residual, step)
        direction = step + along / before * direction
        image = _apply(grids[0], direction)
        length = along / _products(direction, image)
        solution, residual, before = solution + length * direction, residual - length * image, along
    else:
        filled[rows] = solution + step + middle
    return filled


def _products(one, other):
    """The scalar product (n, 1, 1) of each pair of fields (n, H, W)."""
    return np.vecdot(one.reshape(len(one), -1), other.reshape(len(one), -1)).reshape(-1, 1, 1)


def _spread(values):
    """Twice the direct neighbours, the diagonal ones, and four times the pixel itself, of values (..., H, W)."""
    rows = 2 * values
    rows[..., 1:, :] += values[..., :-1, :]
    rows[..., :-1, :] += values[..., 1:, :]
    spread = 2 * rows
    spread[..., 1:] += rows[..., :-1]
    spread[..., :-1] += rows[..., 1:]
    return spread


def _grids(hidden):
    """Which pixels are hidden, 0 or 1 (n, h, w), and the sums of weights (h, w), on each grid.

    The grids go from the finest to the coarsest on which a pixel of any image is hidden.
    """
    grids = []
    while hidden.any():
        grids.append((hidden.astype("float32"), _spread(np.ones(hidden.shape[1:], "float32"))))
        even = np.pad(hidden, [(0, 0), *((0, side % 2) for side in hidden.shape[1:])], mode="edge")
        hidden = even[:, ::2, ::2] & even[:, 1::2, ::2] & even[:, ::2, 1::2] & even[:, 1::2, 1::2]
    return grids


def _apply(grid, values):
    """The system's matrix times values (n, h, w), which are 0 where nothing is hidden."""
    hidden, weights = grid
    return hidden * (weights * values - _spread(values))


def _cycle(grids, residual):
    """An approximate solution: a Jacobi step, a correction from the next coarser grid, and another Jacobi step."""
    (hidden, weights), coarser = grids[0], grids[1:]
    height, width = weights.shape
    solution = residual * hidden / (weights - 4)
    if coarser:
        left = _spread((residual - _apply(grids[0], solution)) / weights)
        left = np.pad(left, [(0, 0), (0, height % 2), (0, width % 2)])
        left = left[:, ::2, ::2] + left[:, 1::2, ::2] + left[:, ::2, 1::2] + left[:, 1::2, 1::2]
        correction = _cycle(coarser, left * coarser[0][0])
        finer = np.repeat(np.repeat(correction, 2, axis=1), 2, axis=2)[:, :height, :width]
        solution += hidden * _spread(finer) / weights
    return solution + (residual - _apply(grids[0], solution)) * hidden / (weights - 4)
