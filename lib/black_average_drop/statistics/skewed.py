"""Limits and tests of means whose values may have a long tail to one side.

Student's t knows no skew. Hall's monotone transformation (Hall 1992, J. R. Statist. Soc. B 54:221) takes it out by the
sample's skewness. A sample from a long tail shows too little of it, so the skewness counts SKEW times. Each limit is
the one of Student's and Hall's that is further from the mean.

k patients carry one side of a mean: k = (sum d)^2 / sum d^2 over the distances d of those on that side (Kish 1965).
k that are equally far count as k, and one that outweighs all others counts as 1. Each side of n patients from a normal
distribution has k = 0.32 n. Student's degrees of freedom are 2 k - 1, with k of the side that the limit is on.
"""

from typing import NamedTuple

import numpy as np

SKEW = 1.3


class Moments(NamedTuple):
    """What the limits of M means rest on. Arrays are (M,), and NaN where there are no values.

    Attributes:
        mean: of the patients.
        error: its standard error.
        skew: SKEW times the skewness of the sample, over the root of the number of patients.
        below: how many patients carry the side below the mean.
        above: how many carry the side above it.
    """

    mean: np.ndarray
    error: np.ndarray
    skew: np.ndarray
    below: np.ndarray
    above: np.ndarray


def moments(values):
    """The `Moments` of each column of values (P, M), a row a patient, NaN where a patient has none."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, values, 0).sum(axis=0) / count
        apart = np.where(known, values - mean, 0)
        squares, up = apart**2, np.maximum(apart, 0)
        variance = squares.sum(axis=0) / count
        skewness = (squares * apart).sum(axis=0) / count / variance**1.5 * np.sqrt(count * (count - 1)) / (count - 2)
        half, squares_up = up.sum(axis=0), (up**2).sum(axis=0)  # half: both sides have the same sum
        below, above = half**2 / (squares.sum(axis=0) - squares_up), half**2 / squares_up
        return Moments(mean, np.sqrt(variance / (count - 1)), SKEW * skewness / np.sqrt(count), below, above)


def skewed_limits(of_means, level):
    """The intervals (low, high), each (M,), at a level between 0 and 1, of `Moments`: 0.05 gives those of 95 %."""
    from scipy.special import stdtrit

    down, up = (-stdtrit(2 * carriers - 1, level / 2) for carriers in (of_means.below, of_means.above))
    down = np.maximum(down, hall_inverse(down, of_means.skew))
    up = np.minimum(-up, hall_inverse(-up, of_means.skew))
    return of_means.mean - down * of_means.error, of_means.mean - up * of_means.error


def skewed_p(of_means):
    """Two-sided p values (M,) of the means against 0, of `Moments`: the level at which `skewed_limits` reach 0."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        student = of_means.mean / of_means.error
        hall = student + of_means.skew * student**2 / 3 + of_means.skew**2 * student**3 / 27 + of_means.skew / 6
        above = stdtr(2 * of_means.below - 1, -np.minimum(student, hall))
        below = stdtr(2 * of_means.above - 1, np.maximum(student, hall))
        return np.minimum(1, 2 * np.minimum(above, below))


def hall_inverse(transformed, skew):
    """Student's t of Hall's transformed value: the one real root of the cubic in `skewed_p`."""
    apart = transformed - skew / 6
    root = np.cbrt(1 + skew * apart)
    return 3 * apart / (root**2 + root + 1)  # (root - 1) 3 / skew, which needs no division by the skew
