"""Distributions of differences whose mean is known, some with rare patients that carry it: what `test_levels` draws."""

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

SHARES = (0.01, 0.02, 0.05, 0.1, 0.3, 1.0)  # of the patients that differ
TAILS = (0.0, 1.0, 1.5, 2.0, 3.0)  # the standard deviation of log |d|
FORWARD = (1.0, 0.5)  # the share of the differences that have the one sign
MEDIANS = (0.002, 0.05)  # of |d|, which a drop cannot have above 1
RARE, RATIO = (0.005, 0.01, 0.02, 0.05), (10, 100, 1000)  # few large differences, all others so many times smaller


class Distribution(NamedTuple):
    """Where differences come from.

    Attributes:
        name: in words.
        draw: (shape, generator) -> differences.
        mean: the true one.
        rare: the share of the patients that carry it, 1 where all do.
    """

    name: str
    draw: object
    mean: float
    rare: float


def few(share, tail, forward, median):
    """0 for most patients, and lognormal for a share of them."""

    def size(normal):
        return np.minimum(median * np.exp(tail * normal), 1)

    def draw(shape, generator):
        sign = np.where(generator.random(shape) < forward, 1, -1)
        return sign * size(generator.standard_normal(shape)) * (generator.random(shape) < share)

    middle = (np.arange(100_000) + 0.5) / 100_000
    name = f"{100 * share:g} % differ by {median:g}, tail {tail:g}, {100 * forward:g} % of one sign"
    return Distribution(name, draw, share * (2 * forward - 1) * size(norm.ppf(middle)).mean(), share)


def hidden(share, ratio):
    """0.5 on average for a share of the patients, and that many times less for the others."""

    def draw(shape, generator):
        small = 0.5 / ratio * np.exp(0.5 * generator.standard_normal(shape))
        return np.where(generator.random(shape) < share, 0.25 + 0.5 * generator.random(shape), small)

    name = f"{100 * share:g} % at 0.25 to 0.75, the others {ratio} times smaller"
    return Distribution(name, draw, share * 0.5 + (1 - share) * 0.5 / ratio * np.exp(0.125), share)


def spike(share):
    """0.5 for a share of the patients, and a little below 0 for the others, 0 on average."""

    def draw(shape, generator):
        small = 0.5 * share / (1 - share) * (0.8 + 0.4 * generator.random(shape))
        return np.where(generator.random(shape) < share, 0.5, -small)

    return Distribution(f"{100 * share:g} % at +0.5, the others a little below 0", draw, 0.0, share)


NORMAL = Distribution("normal", lambda shape, generator: generator.standard_normal(shape), 0.0, 1)
EXPONENTIAL = Distribution("exponential", lambda shape, generator: generator.exponential(size=shape), 1.0, 1)
LOGNORMAL = Distribution(
    "lognormal", lambda shape, generator: np.exp(generator.standard_normal(shape)), float(np.exp(0.5)), 1
)
OF_ALL_KINDS = [spike(0.05), spike(0.02), LOGNORMAL, NORMAL, EXPONENTIAL]
ALL = [
    *(few(*case) for case in product(SHARES, TAILS, FORWARD, MEDIANS)),
    *(hidden(*case) for case in product(RARE, RATIO)),
    *OF_ALL_KINDS,
]
