"""One photo-like image: a coloured, textured thing on a cluttered ground, with the thing's mask."""

import math

import numpy as np

from black_average_drop.datasets.phantoms.drawing import edge, grid, smooth_noise, to_bytes
from black_average_drop.datasets.phantoms.shapes import SHAPES


def draw_object(seed, index, name, size=128):
    """Draw one object and its mask.

    Args:
        seed, index: the image depends on these alone.
        name: one of SHAPES.
        size: the image's width and height, in pixels.

    Returns:
        uint8 (size, size, 3), and boolean (size, size).
    """
    generator = np.random.default_rng([seed, index, 2])
    uniform = generator.uniform
    x, y = grid(size)
    image = _ground(generator, x, y, size)
    image = _with_clutter(generator, image, x, y)
    angle, zoom = uniform(-0.4, 0.4), uniform(0.32, 0.62)
    shift = uniform(-0.85, 0.85, 2) * (1 - zoom)
    u, v = grid(size, angle=angle, zoom=zoom, shift=shift)
    inside = SHAPES[name](u, v)
    cover = edge(inside, 0.02 / zoom)[..., None]
    light = 0.8 + 0.3 * np.clip(0.5 - 0.45 * u - 0.55 * v, 0, 1)
    image = image * (1 - cover) + _texture(generator, u, v) * light[..., None] * cover
    image += 0.02 * generator.standard_normal(image.shape, dtype="float32")
    return to_bytes(image), inside > 0


def _ground(generator, x, y, size):
    """A background between two colours, mottled and streaked: (size, size, 3)."""
    angle = generator.uniform(0, math.pi)
    ramp = np.clip(
        0.5 + 0.4 * (x * math.cos(angle) + y * math.sin(angle)) + 0.25 * smooth_noise(generator, 8, size), 0, 1
    )
    low, high = _colour(generator, 0.1, 0.5), _colour(generator, 0.1, 0.5)
    grain = 1 + 0.12 * smooth_noise(generator, 40, size)
    return (low + (high - low) * ramp[..., None]) * grain[..., None]


def _with_clutter(generator, image, x, y):
    """The image with three to seven pebbles and planks on it."""
    uniform = generator.uniform
    for _ in range(generator.integers(3, 8)):
        across, along = (x - uniform(-1, 1)) / uniform(0.05, 0.18), (y - uniform(-1, 1)) / uniform(0.05, 0.18)
        pebble = 1 - across * across - along * along
        plank = 1 - np.maximum(np.abs(across), np.abs(along))
        cover = edge(pebble if uniform() < 0.5 else plank, 0.2)[..., None]
        image = image * (1 - cover) + _colour(generator) * cover
    return image


def _texture(generator, u, v):
    """The surface of an object: plain, striped, dotted or chequered in two colours, (H, W, 3)."""
    first, second = _colour(generator, 0.5), _colour(generator, 0.5)
    period = generator.uniform(8, 14)
    waves = np.sin(period * u), np.sin(period * v)
    pattern = (
        np.zeros_like(u),
        edge(waves[0], 0.3),
        edge(waves[0] * waves[1] - 0.4, 0.15),
        edge(waves[0] * waves[1], 0.15),
    )
    blend = pattern[generator.integers(4)][..., None]
    return first * (1 - blend) + second * blend


def _colour(generator, least_saturation=0.2, most_saturation=0.95):
    """A random RGB colour (3,) by hue, saturation and value."""
    hue, value = generator.uniform(0, 6), generator.uniform(0.4, 0.95)
    saturation = generator.uniform(least_saturation, most_saturation)
    wheel = np.clip(np.abs((hue + np.array((0, 4, 2), "float32")) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation * (1 - wheel))
