"""One chest radiograph, drawn step by step; the order of the steps is the order of the random numbers."""

import math
from dataclasses import dataclass

import numpy as np

from black_average_drop.datasets.phantoms.drawing import edge, grid, smooth_noise, to_bytes
from black_average_drop.datasets.phantoms.marks import draw_lesion, draw_marker, stamp_letter


def draw_radiograph(seed, index, lesion, size=128):
    """Draw one radiograph and the mask of its lesion.

    Args:
        seed, index: the anatomy depends on these alone.
        lesion: whether it has a lesion. With False the same chest comes without, and the two images differ inside the
            mask only.
        size: the image's width and height, in pixels.

    Returns:
        uint8 (size, size, 3), and boolean (size, size).
    """
    image, mask, _ = draw_chest(seed, index, lesion, False, size)
    return image, mask


def draw_chest(seed, index, lesion, marker, size):
    """Draw one radiograph, the mask of its lesion and that of its marker.

    Args:
        seed, index: the anatomy depends on these alone.
        lesion, marker: whether the image has one.
        size: the image's width and height, in pixels.

    Returns:
        uint8 (size, size, 3), and twice boolean (size, size).
    """
    generator = np.random.default_rng([seed, index, 1])
    uniform = generator.uniform
    x, y = grid(size, angle=uniform(-0.06, 0.06), zoom=uniform(0.93, 1.1), shift=uniform(-0.05, 0.05, 2))
    image, chest = _draw_tissue_and_air(generator, x, y)
    _add_ribs(generator, image, chest)
    _add_collar_bones(generator, image, chest)
    _add_vessels(generator, image, chest)
    _add_hila(generator, image, chest)
    _add_mottling(generator, image, chest)
    _add_nodules(generator, image, chest)

    mask, opacity = draw_lesion(generator, x, y, chest.lungs * (1 - chest.heart) > 0.6)
    if lesion:
        image += opacity
    else:
        mask = np.zeros_like(mask)

    image = _exposed(generator, image, chest.body)
    letter = stamp_letter(image, generator.choice(("R", "L")))
    planted = np.zeros_like(mask)
    if marker:  # a generator of its own: the chest is the same with and without it
        taken = chest.lungs > 0
        taken[letter] = True
        planted = draw_marker(np.random.default_rng([seed, index, 3]), taken)
        image[planted] = 1
    return np.repeat(to_bytes(image)[..., None], 3, axis=2), mask, planted


@dataclass(frozen=True)
class _Chest:
    """Where the parts of a chest are: each float32 (size, size), 0 outside a part and 1 inside."""

    x: np.ndarray  # coordinates, from -1 to 1 over the image, turned and shifted with the chest
    y: np.ndarray
    body: np.ndarray
    lungs: np.ndarray
    heart: np.ndarray
    air: np.ndarray  # the lungs but for the heart

    @property
    def side(self):
        """The distance from the middle line."""
        return np.abs(self.x)


def _draw_tissue_and_air(generator, x, y):
    """Soft tissue, then air: two tapered lungs above domed diaphragms, heart and trachea. The image and its parts."""
    uniform = generator.uniform
    side = np.abs(x)
    outline = np.minimum(0.93 - side**2 * uniform(0.02, 0.1), 0.2 + 1.5 * np.sqrt(np.maximum(y + 0.98, 0)))
    body = edge(outline - side, 0.03)
    lungs = np.zeros_like(x)
    for sign in (-1, 1):
        centre, half_width = sign * uniform(0.42, 0.47), uniform(0.3, 0.35)
        taper = half_width * (1 + 0.3 * y)
        height = uniform(0.68, 0.78)
        across, along = np.abs((x - centre) / taper), np.abs((y + 0.05) / height)
        inside = 1 - across * across * np.sqrt(across) - along * along * np.sqrt(along)
        dome = uniform(0.4, 0.52) + 0.9 * (x - centre - sign * 0.06) ** 2
        lungs = np.maximum(lungs, edge(inside, 0.09) * edge(dome - y, 0.03))
    tilted = x - 0.13 - 0.35 * (y - 0.3), y - 0.3 + 0.35 * (x - 0.13)
    heart = edge(1 - (tilted[0] / uniform(0.26, 0.36)) ** 2 - (tilted[1] / uniform(0.32, 0.4)) ** 2, 0.1)
    air = lungs * (1 - 0.97 * heart)
    tissue = 0.66 + 0.08 * np.exp(-((x / 0.13) ** 2)) + 0.05 * y
    image = tissue - (tissue - uniform(0.2, 0.3)) * air
    image -= 0.1 * np.exp(-(((x - 0.01) / 0.05) ** 2)) * edge(-0.15 - y, 0.1)  # trachea
    return image, _Chest(x, y, body, lungs, heart, air)


def _add_ribs(generator, image, chest):
    """Ribs behind, falling outwards, and in front, falling inwards, in place."""
    uniform, side, y = generator.uniform, chest.side, chest.y
    thorax = edge(0.8 - side, 0.04) * edge(side - 0.1, 0.06) * edge(0.62 - y, 0.06)
    for slope, spacing, strength in ((0.55, uniform(0.17, 0.2), 0.055), (-0.75, uniform(0.2, 0.24), 0.032)):
        phase = (y - slope * side * np.sqrt(side)) / spacing + uniform(0, 1)
        distance = np.abs(phase - np.floor(phase) - 0.5)
        rim = np.exp(-(((distance - 0.2) / 0.05) ** 2))
        image += thorax * strength * (np.exp(-(((distance / 0.17) ** 2) ** 2)) + 0.5 * rim)


def _add_collar_bones(generator, image, chest):
    """A bone on either side, in place."""
    uniform, x, y = generator.uniform, chest.x, chest.y
    for sign in (-1, 1):
        line = y + uniform(0.56, 0.64) + uniform(0.1, 0.3) * (sign * x - 0.1) - 0.1 * np.sin(4 * (sign * x - 0.1))
        image += 0.09 * np.exp(-((line / 0.035) ** 2)) * edge(sign * x - 0.08, 0.04) * edge(0.8 - sign * x, 0.05)


def _add_vessels(generator, image, chest):
    """Eight vessels a lung that leave the hilum and thin out, in place."""
    uniform = generator.uniform
    middle = len(image) // 2
    for sign, half in ((-1, np.s_[:, :middle]), (1, np.s_[:, middle:])):
        right, down = sign * chest.x[half] - 0.2, chest.y[half] - 0.05
        vessels = np.zeros_like(right)
        for angle in uniform(-1.25, 1.25, 8).tolist():
            along = right * math.cos(angle) + down * math.sin(angle)
            across = down * math.cos(angle) - right * math.sin(angle) - uniform(-0.5, 0.5) * along * along
            left_over = np.clip(1 - along / uniform(0.3, 0.65), 0, 1) * (along > 0)
            vessels += uniform(0.05, 0.11) * left_over * np.exp(-((across / (0.008 + 0.02 * left_over)) ** 2))
        image[half] += chest.air[half] * np.minimum(vessels, 0.16)


def _add_hila(generator, image, chest):
    """The roots of the lungs, in place."""
    for sign in (-1, 1):
        hilum = ((chest.x - sign * 0.21) / 0.09) ** 2 + ((chest.y - 0.04) / 0.16) ** 2
        image += generator.uniform(0.08, 0.15) * chest.air * np.exp(-hilum)


def _add_mottling(generator, image, chest):
    """Unevenness of the lungs, coarse and fine, in place."""
    size = len(image)
    image += 0.055 * chest.air * smooth_noise(generator, 9, size) + 0.03 * chest.air * smooth_noise(generator, 24, size)


def _add_nodules(generator, image, chest):
    """Up to three shadows of nipples and of vessels seen end-on, which look like small lesions, in place."""
    uniform = generator.uniform
    for _ in range(generator.integers(0, 4)):
        sign = 1 if uniform() < 0.5 else -1
        distance = (chest.x - sign * uniform(0.25, 0.6)) ** 2 + (chest.y - uniform(-0.4, 0.4)) ** 2
        image += uniform(0.03, 0.1) * chest.air * np.exp(-distance / uniform(0.03, 0.1) ** 2)


def _exposed(generator, image, body):
    """The image as a detector gives it: uneven, with contrast, exposure and noise of its own."""
    uniform, size = generator.uniform, len(image)
    image = image * (1 + 0.06 * smooth_noise(generator, 4, size)) * body + 0.03
    contrast, exposure = uniform(0.9, 1.15), uniform(-0.05, 0.05)
    image = 0.45 + (image - 0.45) * contrast + exposure * body
    image += uniform(0.012, 0.022) * generator.standard_normal((size, size), dtype="float32")
    return image
