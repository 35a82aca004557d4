"""Noisy linear imputation, with which ROAD hides pixels (Rong et al. 2022): a fill whose outline tells nothing.

Every hidden pixel is the weighted mean of its eight neighbours, 1/6 for the four direct and 1/12 for the diagonal ones,
at the edge of those that exist; hidden neighbours are unknowns as well. Times the sum of its weights each equation
becomes a row of a symmetric, positive definite system: conjugate gradients, preconditioned by a multigrid cycle, take
a few milliseconds an image where a sparse factorisation takes hundreds.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

NOISE = 2.55  # grey levels: 0.01 of an image that is scaled to 0..1
TOLERANCE = 0.05  # grey levels, far below the noise
_MOST_STEPS = 100


def noisy_linear(images, hidden, noise=NOISE, seed=0):
    """Images with their hidden pixels imputed from the others, and Gaussian noise added to them: float32 (N, H, W, C).

    images: pixels (N, H, W, C); hidden: boolean (N, H, W); noise: its standard deviation in grey levels; seed: an int,
    or one seed for each image, so that the noise does not hang on how images are grouped. What is shown stays as it is;
    an image that is hidden all over becomes its mean. Raises ValueError if shapes differ.
    """
    images, hidden = np.asarray(images, "float32"), np.asarray(hidden, bool)
    if images.ndim != 4 or hidden.shape != images.shape[:3]:
        raise ValueError(f"hidden is {hidden.shape}: one flag for each pixel of images {images.shape} is wanted.")
    seeds = [[seed, row] for row in range(len(images))] if np.isscalar(seed) else seed
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(_imputed, images, hidden, seeds, [noise] * len(images))))


def _imputed(image, hidden, seed, noise):
    if (image == image[..., :1]).all():  # grey
        filled = _filled(image[..., 0], hidden)[..., None]
    else:
        filled = np.stack([_filled(channel, hidden) for channel in np.moveaxis(image, -1, 0)], axis=-1)
    noisy = filled + noise * np.random.default_rng(seed).standard_normal(image.shape, dtype="float32")
    return np.where(hidden[..., None], noisy, image)


def _filled(channel, hidden):
    """A channel (H, W) with the solution of the linear system in its hidden pixels."""
    if hidden.all() or not hidden.any():
        return np.full_like(channel, channel.mean()) if hidden.all() else channel
    middle = channel[~hidden].mean()  # solve for what differs from it: float32 holds more digits of that
    grids = _grids(hidden)
    residual = grids[0][0] * _spread(np.where(hidden, 0, channel - middle))
    solution, direction, before = np.zeros_like(residual), np.float32(0), np.float32(1)
    for _ in range(_MOST_STEPS):
        step = _cycle(grids, residual)
        if np.abs(step).max() < TOLERANCE / 2:
            break
        along = np.vdot(residual, step)
        direction = step + along / before * direction
        image = _apply(grids[0], direction)
        length = along / np.vdot(direction, image)
        solution, residual, before = solution + length * direction, residual - length * image, along
    return solution + step + middle


def _spread(values):
    """Twice the direct neighbours, the diagonal ones, and four times the pixel itself, of values (H, W)."""
    rows = 2 * values
    rows[1:] += values[:-1]
    rows[:-1] += values[1:]
    spread = 2 * rows
    spread[:, 1:] += rows[:, :-1]
    spread[:, :-1] += rows[:, 1:]
    return spread


def _grids(hidden):
    """From the finest to the coarsest grid with a hidden pixel: which are hidden, 0 or 1, and the sum of weights."""
    grids = []
    while hidden.any():
        grids.append((hidden.astype("float32"), _spread(np.ones(hidden.shape, "float32"))))
        even = np.pad(hidden, [(0, side % 2) for side in hidden.shape], mode="edge")
        hidden = even[::2, ::2] & even[1::2, ::2] & even[::2, 1::2] & even[1::2, 1::2]
    return grids


def _apply(grid, values):
    """The system's matrix times values (H, W), which are 0 where nothing is hidden."""
    hidden, weights = grid
    return hidden * (weights * values - _spread(values))


def _cycle(grids, residual):
    """An approximate solution for a residual: a Jacobi step, a correction from the next coarser grid, a Jacobi step."""
    (hidden, weights), coarser = grids[0], grids[1:]
    solution = residual * hidden / (weights - 4)
    if coarser:
        left = _spread((residual - _apply(grids[0], solution)) / weights)
        left = np.pad(left, [(0, side % 2) for side in hidden.shape])
        left = left[::2, ::2] + left[1::2, ::2] + left[::2, 1::2] + left[1::2, 1::2]
        correction = _cycle(coarser, left * coarser[0][0])
        finer = np.repeat(np.repeat(correction, 2, axis=0), 2, axis=1)[: hidden.shape[0], : hidden.shape[1]]
        solution += hidden * _spread(finer) / weights
    return solution + (residual - _apply(grids[0], solution)) * hidden / (weights - 4)
