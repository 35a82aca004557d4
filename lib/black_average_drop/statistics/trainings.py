"""A mean over trainings, whose interval is for other trainings and other patients."""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A mean over trainings, its 95 % interval, and the p value of the two-sided test against 0."""

    value: float
    low: float
    high: float
    p: float


def across_trainings(estimates, samples):
    """The mean over trainings, with an interval for other trainings and other patients.

    Trainings and patients are crossed, and both are drawn at random. Half the interval is the root of the sum of two
    squared halves (the method of variance estimates recovery, Zou and Donner 2008). The half over trainings is by
    Student's t with S - 1 degrees of freedom, the half over patients by the spread of the bootstrap. Satterthwaite's
    degrees of freedom would do worse, since three trainings say little about their own spread. p is the level at which
    the interval reaches 0. With one training only the patients count.

    Args:
        estimates: (S,), one for each training.
        samples: (resamples, S), their bootstrap over patients with the same draws for all S.

    Returns:
        An `Estimate`, without interval and p where all samples are NaN, as `bootstrap_differences` may give them.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm, t

    estimates, samples = np.asarray(estimates, "float64"), np.asarray(samples, "float64")
    count, value = len(estimates), float(estimates.mean())
    over_trainings = estimates.std(ddof=1) / np.sqrt(count) if count > 1 else 0.0
    means = samples.mean(axis=1)
    over_patients = np.nan if np.isnan(means).all() else np.nanstd(means)

    def reach(level):
        return np.hypot(t.isf(level / 2, max(count - 1, 1)) * over_trainings, norm.isf(level / 2) * over_patients)

    half = reach(0.05)
    if not np.isfinite(half + value):
        return Estimate(value, np.nan, np.nan, np.nan)
    tiny = 1e-300  # below it p is 0
    if abs(value) >= reach(tiny):
        return Estimate(value, value - half, value + half, 0.0 if value else 1.0)
    p = np.exp(brentq(lambda log: reach(np.exp(log)) - abs(value), np.log(tiny), 0))
    return Estimate(value, value - half, value + half, float(p))
