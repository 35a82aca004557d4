"""One interval from two sources of error: the patients, and the networks that saw them.

Method of variance estimates recovery (MOVER; Zou and Donner, Statistics in Medicine 2008, 27:1693): the squared
distance from the value to a limit is the sum of the squared distances that either source has alone. Each side has its
own distances, so a skewed interval over patients stays skewed.
"""

from typing import NamedTuple

import numpy as np

from black_average_drop.statistics.patients import sums_by_patient

SMALLEST = 1e-12  # level at which limits over patients are still asked for


class Between(NamedTuple):
    """What other networks would add to the error of a mean.

    Attributes:
        error: the standard error of the mean by the spread of the networks.
        degrees: of freedom of that spread.
        counted: the share of the patients' variance that this spread already holds, from 0 to 1. Where two networks
            disagree on a patient, patients make the networks' means differ. That part counts once.
    """

    error: float
    degrees: int
    counted: float


def interval_of_both(value, limits, between, level):
    """The interval over other patients and other networks.

    Args:
        value: the mean.
        limits: level -> (low, high), the interval over patients at a level between 0 and 1; 0.05 is that of 95 %.
        between: a `Between`.
        level: of the interval.

    Returns:
        (low, high).
    """
    from scipy.stats import t

    low, high = limits(level)
    networks = t.isf(level / 2, between.degrees) * between.error if between.error else 0.0
    kept = np.sqrt(1 - between.counted)
    down, up = (kept * np.maximum(distance, 0) for distance in (value - low, high - value))
    return float(value - np.hypot(networks, down)), float(value + np.hypot(networks, up))


def p_of_both(value, limits, between):
    """The two-sided p value against 0: the level at which `interval_of_both` reaches 0, so that both always agree.

    Args:
        value: the mean.
        limits: as above.
        between: a `Between`.

    Returns:
        From 0 to 1. Below SMALLEST it is 0.
    """
    from scipy.optimize import brentq

    def beyond(log_level):
        low, high = interval_of_both(value, limits, between, np.exp(log_level))
        return -low if value > 0 else high

    least, most = np.log(SMALLEST), np.log(0.999)
    if not value or beyond(most) >= 0:
        return 1.0
    return float(np.exp(brentq(beyond, least, most))) if beyond(least) > 0 else 0.0


def means_of_known(values, axis):
    """Means along an axis over what is not NaN, and NaN where all is."""
    counts = (~np.isnan(values)).sum(axis=axis)
    return np.divide(np.nansum(values, axis=axis), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def covariance_over_patients(values, groups):
    """What other patients would change in the means of several networks.

    Args:
        values: (N, S), image by network, NaN where an image has no value.
        groups: (N,), the patient of each image.

    Returns:
        (S, S), the covariance of the S means, from each patient's part in them (linearised).
    """
    known, own = ~np.isnan(values), means_of_known(values, axis=0)
    parts = sums_by_patient(np.where(known, values - own, 0), groups) / np.maximum(known.sum(axis=0), 1)
    return parts.T @ parts * len(parts) / max(len(parts) - 1, 1)


def patients_part(covariance):
    """Split what patients do to the means of S > 1 networks.

    Args:
        covariance: (S, S), of the means over patients.

    Returns:
        The variance between the networks' means that comes of patients alone, and the variance of the mean of all.
    """
    count, of_mean = len(covariance), covariance.sum() / len(covariance) ** 2
    return max(0.0, float((np.trace(covariance) - count * of_mean) / (count - 1))), max(0.0, float(of_mean))
