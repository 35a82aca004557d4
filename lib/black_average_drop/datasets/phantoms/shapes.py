"""The outlines of ten things: the signed extent of each at its own coordinates u and v, positive inside."""

import numpy as np


def _ball(u, v):
    return 0.8 - np.hypot(u, v)


def _star(u, v):
    fold = np.abs((np.arctan2(u, -v) + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)  # 0 at a tip, pi/5 in a notch
    radius = np.hypot(u, v)
    along, across = radius * np.cos(fold), radius * np.sin(fold)
    return 0.9 - along - 2.3 * across


def _heart(u, v):
    return 0.76 - np.hypot(1.15 * u, 0.15 - 1.2 * v - 0.75 * np.sqrt(np.abs(u)))


def _flower(u, v):
    return 0.66 + 0.2 * np.cos(8 * np.arctan2(u, v)) - np.hypot(u, v)


def _moon(u, v):
    return np.minimum(0.85 - np.hypot(u, v), np.hypot(u - 0.42, v + 0.1) - 0.66)


def _ring(u, v):
    return 0.22 - np.abs(np.hypot(u, v) - 0.62)


def _house(u, v):
    walls = np.minimum(0.6 - np.abs(u), np.minimum(0.8 - v, v + 0.1))
    roof = np.minimum(v + 0.85 - 0.95 * np.abs(u), 0.0 - v)
    door = np.minimum(0.15 - np.abs(u), v - 0.3)
    return np.minimum(np.maximum(walls, roof), -door)


def _mushroom(u, v):
    cap = np.minimum(0.75 - np.hypot(u, 1.2 * (v - 0.0)), 0.05 - v)
    stem = np.minimum(0.2 + 0.08 * v - np.abs(u), np.minimum(v + 0.05, 0.8 - v))
    return np.maximum(cap, stem)


def _fish(u, v):
    trunk = 0.55 - np.hypot(0.8 * (u + 0.2), 1.5 * v)
    tail = np.minimum(0.75 * (u - 0.2) - np.abs(v), 0.8 - u)
    return np.maximum(trunk, tail)


def _cup(u, v):
    bowl = np.minimum(0.5 - 0.12 * v - np.abs(u + 0.15), np.minimum(v + 0.6, 0.65 - v))
    handle = np.minimum(0.09 - np.abs(np.hypot(u - 0.38, v) - 0.3), u - 0.3)
    return np.maximum(bowl, handle)


# The order is that of the classes.
SHAPES = {
    "ball": _ball,
    "star": _star,
    "heart": _heart,
    "flower": _flower,
    "moon": _moon,
    "ring": _ring,
    "house": _house,
    "mushroom": _mushroom,
    "fish": _fish,
    "cup": _cup,
}
