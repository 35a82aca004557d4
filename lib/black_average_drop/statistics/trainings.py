"""A mean over trainings, whose interval is for other trainings of the same recipe and for other patients.

Trainings and patients are crossed: every training sees every patient, and both are drawn at random. A value is the sum
of the mean, what the training adds (variance A), what the patient adds, and what a patient adds under one training
alone, which leaves variance E in a training's mean. So the means of S trainings have the variance A + E between them.
"""

from typing import NamedTuple

import numpy as np

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.variance_recovery import (
    Between,
    covariance_over_patients,
    interval_of_both,
    means_of_known,
    p_of_both,
    patients_part,
)


class Estimate(NamedTuple):
    """A mean over trainings, its interval, and the test of the mean against 0.

    Attributes:
        value: the mean.
        low: where the interval begins, for other trainings and other patients; NaN where none is given.
        high: where it ends.
        p: of the two-sided test, NaN where there is none.
        trainings: how many there are, S.
        same_sign: how many of them have the sign of the mean.
        next_low: where the prediction interval begins, for what the next training would have over all patients. NaN for
            one training.
        next_high: where it ends.
        dominated_by: "trainings" if twice as many of them would narrow the interval more than twice as many patients,
            else "patients"; "" where that is unknown.
    """

    value: float
    low: float
    high: float
    p: float
    trainings: int = 1
    same_sign: int = 1
    next_low: float = np.nan
    next_high: float = np.nan
    dominated_by: str = ""


def across_trainings(values, resampling, bounds=None, level=LEVEL):
    """The mean over images and trainings, with an interval for other trainings and other patients.

    The half over trainings is Student's, with S - 1 degrees of freedom. That over patients is of `estimate_means`, on
    the means of each image over the trainings, without the share E / S that the spread of the trainings already holds.
    Satterthwaite's degrees of freedom would do worse, since few trainings say little about their own spread. With one
    training only the patients count.

    Args:
        values: (N, S), a column a training, NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        bounds: the limits (low, high) of the values, as for `estimate_means`.
        level: of the interval; 0.05 gives that of 95 %.

    Returns:
        An `Estimate`, without interval and p where `estimate_means` gives none.
    """
    values = np.asarray(values, "float64")
    over_patients = estimate_means(means_of_known(values, axis=1)[:, None], resampling, bounds)
    estimates = means_of_known(values, axis=0)
    shift = estimates.mean() - over_patients.value[0]  # not 0 where an image has a value under some trainings only

    def limits(level):
        return tuple(end[0] + shift for end in over_patients.limits(level))

    covariance = covariance_over_patients(values, resampling.groups)
    return _estimate(estimates, covariance, limits, over_patients.p[0], bounds, level)


def statistic_across_trainings(estimates, samples, bounds=None, level=LEVEL):
    """`across_trainings` for what is no mean over images, such as AUC: the patients' half is normal, by the bootstrap.

    Args:
        estimates: (S,), one for each training.
        samples: (resamples, S), their bootstrap over patients with the same draws for all S. A row with NaN is no draw.
        bounds: the limits (low, high) of the statistic.
        level: of the interval.

    Returns:
        An `Estimate`, without interval and p where fewer than two samples are numbers.
    """
    from scipy.stats import norm

    estimates, samples = np.asarray(estimates, "float64"), np.asarray(samples, "float64")
    samples = samples[~np.isnan(samples).any(axis=1)]
    count, value = len(estimates), estimates.mean()
    covariance = np.full((count, count), np.nan)
    if len(samples) > 1:
        covariance = np.atleast_2d(np.cov(samples, rowvar=False))
    error = np.sqrt(covariance.sum()) / count

    def limits(level):
        return value - norm.isf(level / 2) * error, value + norm.isf(level / 2) * error

    p = 2 * norm.sf(abs(value) / error) if error > 0 else np.nan if np.isnan(error) else float(value == 0)
    return _estimate(estimates, covariance, limits, p, bounds, level)


def _estimate(estimates, covariance, limits, p, bounds, level):
    """The `Estimate` of trainings (S,), with their covariance (S, S) over patients.

    limits: level -> the interval over patients; p: of the test over patients alone.
    """
    count, value = len(estimates), float(estimates.mean())
    same = int((np.sign(estimates) == np.sign(value)).sum())
    ends = bounds or (-np.inf, np.inf)
    if np.isnan(limits(level)).any() or np.isnan(value):
        return Estimate(value, np.nan, np.nan, np.nan, count, same)
    if count == 1:
        low, high = np.clip(limits(level), *ends)
        return Estimate(value, float(low), float(high), float(p), count, same)
    spread = float(estimates.var(ddof=1))
    within, over_patients = patients_part(covariance)
    counted = min(1.0, within / count / over_patients) if over_patients > 0 else 0.0
    between = Between(np.sqrt(spread / count), count - 1, counted)
    low, high = np.clip(interval_of_both(value, limits, between, level), *ends)
    next_low, next_high = np.clip(_next_training(value, limits(level), spread, within, count, level), *ends)
    dominated = _dominated_by(limits(level), between, spread, within, level)
    numbers = (float(end) for end in (next_low, next_high))
    p = p_of_both(value, limits, between)
    return Estimate(value, float(low), float(high), p, count, same, *numbers, dominated)


def _next_training(value, limits, spread, within, count, level):
    """The prediction interval of what another training has over all patients.

    It is apart from the mean by what its own draw and the S draws of the others add, A (1 + 1 / S), and the mean is
    apart from its expectation by the patients. Student's half of the spread A + E, less the normal half of E, stands
    for A: t^2 s^2 - z^2 E, at least 0. Taking E from s^2 first, as prediction intervals of meta-analyses do (Higgins,
    Thompson and Spiegelhalter 2009), gives too narrow ones where E is as large as A.
    """
    from scipy.stats import norm, t

    low, high = limits
    own = max(0.0, t.isf(level / 2, count - 1) ** 2 * spread - norm.isf(level / 2) ** 2 * within) * (1 + 1 / count)
    return value - np.sqrt(own + max(value - low, 0) ** 2), value + np.sqrt(own + max(high - value, 0) ** 2)


def _dominated_by(limits, between, spread, within, level):
    """Which narrows the interval more: twice as many trainings, or twice as many patients."""
    from scipy.stats import t

    count = between.degrees + 1
    over_patients = (1 - between.counted) * ((limits[1] - limits[0]) / 2) ** 2

    def squared(trainings, times):
        """The squared half with so many trainings and so many times the patients, who explain E / times."""
        variance = (spread - min(within, spread) * (1 - 1 / times)) / trainings
        return t.isf(level / 2, trainings - 1) ** 2 * variance + over_patients / times

    return "trainings" if squared(2 * count, 1) < squared(count, 2) else "patients"
