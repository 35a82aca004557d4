"""What is put on a chest: a lesion in the lung, the letter of the side, and a marker near the border."""

import itertools
import math

import numpy as np

from black_average_drop.datasets.phantoms.drawing import grid, smooth_noise

# Letters that name the side, five pixels wide.
_LETTERS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
}

# The planted marker, a ring with a bar across: about 1 % of the image.
_RING, _STROKE = 0.118, 0.048  # the radius of the middle of its line, and the width of its lines
_BORDER = 0.7  # its centre lies at least so far from the middle of the image, along x or y


def draw_lesion(generator, x, y, lung):
    """Draw a ragged opacity inside the lung.

    Args:
        generator: of the random numbers.
        x, y: coordinates, float32 (size, size).
        lung: boolean (size, size).

    Returns:
        Its mask, boolean (size, size), 1 % to 15 % of the lung's pixels, and its brightness (size, size).
    """
    size = len(lung)
    rows, columns = np.nonzero(lung)
    seat = generator.integers(len(rows))
    radius = generator.uniform(0.1, math.sqrt(0.15))
    area = radius**2
    field = np.zeros_like(x)
    for _ in range(generator.integers(1, 4)):
        shift_x, shift_y = (0.6 * radius * generator.uniform(-1, 1, 2)).tolist()
        wide, high = generator.uniform(0.7, 1.3, 2).tolist()
        centre_x = float(x[rows[seat], columns[seat]]) + shift_x
        centre_y = float(y[rows[seat], columns[seat]]) + shift_y
        distance = np.sqrt(((x - centre_x) / wide) ** 2 + ((y - centre_y) / high) ** 2)
        field = np.maximum(field, np.exp(-distance / radius))
    field += 0.06 * smooth_noise(generator, 20, size)
    pixels = math.ceil(area * len(rows))
    field = np.where(lung, field, -np.inf)
    threshold = np.partition(field, field.size - pixels, axis=None)[field.size - pixels]
    mask = field >= threshold
    depth = np.where(mask, field - threshold, 0)
    profile = np.sqrt(np.clip(depth / (0.35 * float(depth.max()) + 1e-6), 0, 1))
    texture = 1 + 0.35 * smooth_noise(generator, 32, size)
    return mask, generator.uniform(0.13, 0.34) * profile * np.clip(texture, 0.3, 1.7)


def stamp_letter(image, letter):
    """Write the side's letter, "R" or "L", into the upper corner of an image (size, size), in place.

    Returns:
        The rows and columns that it takes, as slices.
    """
    size = len(image)
    bitmap = np.array([[int(bit) for bit in row] for row in _LETTERS[letter]])
    bitmap = np.kron(bitmap, np.ones((max(1, size // 100),) * 2))
    top = size // 20
    left = size // 20 if letter == "R" else size - size // 20 - bitmap.shape[1]
    place = np.s_[top : top + bitmap.shape[0], left : left + bitmap.shape[1]]
    np.maximum(image[place], 0.92 * bitmap, out=image[place])
    return place


def draw_marker(generator, taken):
    """Draw a ring with a bar across, wholly inside the image near its border.

    Args:
        generator: of the random numbers.
        taken: boolean (size, size), where the marker must not be.

    Returns:
        Its mask, boolean (size, size).
    """
    reach = _RING + _STROKE / 2 + 0.02
    # Most of the free room is below the lungs: the half is drawn first, so that half of the markers are in the upper
    # one, and given up only where there is no room. The lower corners are always free.
    half = generator.choice((-1, 1))
    for attempt in itertools.count():
        centre = generator.uniform(reach - 1, 1 - reach, 2)
        if np.abs(centre).max() < _BORDER or (centre[1] * half < 0 and attempt < 200):
            continue
        x, y = grid(len(taken), angle=generator.uniform(-0.5, 0.5), shift=centre)
        distance = np.hypot(x, y)
        if not taken[distance < reach].any():
            ring, bar = np.abs(distance - _RING), np.where(distance < _RING, np.abs(y), np.inf)
            return np.minimum(ring, bar) < _STROKE / 2
