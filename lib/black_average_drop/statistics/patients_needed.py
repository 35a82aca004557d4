"""How many patients would answer what these leave open: whether two maps differ, and whether they are within a margin.

A pilot knows the spread of the differences badly. So the numbers are for both ends of an 80 % interval of the variance,
which allows for long tails by their kurtosis (Bonett 2006, Comput. Stat. Data Anal. 50:775). A pilot from a long tail
shows too little of it, so what the kurtosis has above that of normal values counts EXCESS times. A pilot of which fewer
than FEW patients carry a mean gives no upper end. The power is 80 %, a mean over both signs of the difference. It is
that of the limits of `skewed`, so the pilot's share of carriers and its skewness count as well.
"""

import numpy as np
import pandas as pd

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import CARRIERS, parts_of_patients
from black_average_drop.statistics.patients import ENOUGH, sums_by_patient
from black_average_drop.statistics.simultaneous import largest_errors, level_of_each, level_of_sameness
from black_average_drop.statistics.skewed import Moments, moments, skewed_limits

POWER = 0.8
SURE = 0.8  # of the interval of the variance
EXCESS, FEW = 3, 2  # chosen by reliability/test_pilots.py, on the rows that it reports
MOST = 1e9  # patients: nobody counts further


def needed_for_pairs(values, names, resampling, margin):
    """For every pair of maps: how many patients such as these would show a difference of the margin, or sameness.

    Args:
        values: (N, M), image by map, NaN where an image has no value.
        names: (M,), of the maps.
        resampling: a `patients.Resampling` of the N images.
        margin: the difference that matters, in the unit of the values.

    Returns:
        A DataFrame, a row for each pair, with columns first, second, and for difference and sameness the fewest and the
        most patients, such as difference_fewest and difference_most, as `needed_for_means` gives them.
    """
    first, second = np.triu_indices(len(names), 1)
    differences = np.asarray(values)[:, second] - np.asarray(values)[:, first]
    largest, names = largest_errors(differences, resampling), np.asarray(names)
    table = {"first": names[first], "second": names[second]}
    count = max(len(first), 1)
    levels = level_of_each(largest, LEVEL, count), level_of_sameness(largest, LEVEL, count)
    for question, each, power in zip(("difference", "sameness"), levels, (POWER, (1 + POWER) / 2), strict=True):
        ends = needed_for_means(differences, resampling, margin, each, power)
        table |= {f"{question}_{name}": end for name, end in zip(("fewest", "most"), ends, strict=True)}
    return pd.DataFrame(table)


def needed_for_means(values, resampling, margin, level, power):
    """How many patients such as these tell means from others that are a margin apart.

    Args:
        values: (N, M), NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        margin: above 0.
        level: of the two-sided tests.
        power: of the tests. Sameness takes two one-sided tests, of which each may fail in half of the cases that the
            power leaves.

    Returns:
        (fewest, most), each (M,), by the ends of `variance_interval`, and at least as many as carry a mean. NaN below
        ENOUGH patients, and where none differ; most is infinite where fewer than FEW carry the pilot's
        mean, and where MOST would not be enough.
    """
    sums = sums_by_patient(np.nan_to_num(values), resampling.groups)
    parts = parts_of_patients(sums, sums_by_patient(~np.isnan(values), resampling.groups), resampling)
    of_pilot, pilot, least = moments(parts), (~np.isnan(parts)).sum(axis=0), patients_that_carry(parts)

    def missing(count, variance):
        """Whether a study of so many patients misses that power."""
        times = count / np.maximum(pilot, 1)
        error = np.sqrt(variance / count)
        study = Moments(0.0, error, of_pilot.skew / np.sqrt(times), of_pilot.below * times, of_pilot.above * times)
        return power_at(study, margin, level) < power

    fewest, most = (_fewest(missing, least, variance) for variance in variance_interval(parts))
    few = np.fmin(of_pilot.below, of_pilot.above) < FEW
    return fewest, np.where((few & ~np.isnan(most)) | (most >= MOST), np.inf, most)


def _fewest(missing, least, variance):
    """The smallest whole numbers (M,) from least to MOST that `missing` does not call too few, by bisection."""
    known = np.isfinite(least) & np.isfinite(variance)
    low, high = np.where(known, least, 1.0) - 1, np.full(len(least), MOST)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        few = missing(middle, variance)
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    return np.where(known, high, np.nan)


def power_at(study, margin, level):
    """How often the limits of `skewed` at that level tell means from values that are a margin apart, (M,).

    It is the mean of both directions, since nobody knows on which side of 0 a difference would be.

    Args:
        study: the `Moments` of the means. These vary normally, with the standard error.
        margin: above 0.
        level: of the two-sided limits.
    """
    from scipy.stats import norm

    low, high = skewed_limits(study._replace(mean=np.zeros_like(study.error)), level)
    return (norm.cdf((margin + low) / study.error) + norm.cdf((margin - high) / study.error)) / 2


def z_squared(level, power):
    """The squared distance, in standard errors, that a two-sided test of that level finds with that power."""
    from scipy.stats import norm

    return (norm.isf(level / 2) + norm.ppf(power)) ** 2


def patients_that_carry(parts):
    """How many patients such as these it takes until CARRIERS carry either side of each mean, at least ENOUGH.

    parts: of `means.parts_of_patients`, (P, M). Returns (M,), infinite where none differ.
    """
    of_means = moments(parts)
    carriers = np.fmin(of_means.below, of_means.above)
    carriers = np.where(np.isnan(carriers), 0, carriers)
    with np.errstate(divide="ignore"):
        return np.maximum(ENOUGH, np.ceil((~np.isnan(parts)).sum(axis=0) * CARRIERS / carriers))


def variance_interval(parts):
    """The interval, at SURE, of the variance of what one patient adds to the mean of each column.

    Args:
        parts: of `means.parts_of_patients`, (P, M).

    Returns:
        (low, high), each (M,), NaN below ENOUGH patients and where none differ.
    """
    from scipy.stats import norm, trim_mean

    ends = np.full((2, parts.shape[1]), np.nan)
    for column, own in enumerate(parts.T):
        own = own[~np.isnan(own)]
        count, variance = len(own), own.var(ddof=1) if len(own) > 1 else np.nan
        if count < ENOUGH or not variance > 0:
            continue
        cut = 1 / (2 * np.sqrt(count - 4))
        kurtosis = count * ((own - trim_mean(own, cut)) ** 4).sum() / ((own - own.mean()) ** 2).sum() ** 2
        wide = norm.isf((1 - SURE) / 2)
        kurtosis += (EXCESS - 1) * max(0.0, kurtosis - 3)
        error = wide * np.sqrt((kurtosis - (count - 3) / count) / (count - 1))
        ends[:, column] = count / (count - wide) * variance * np.exp([-error, error])
    return tuple(ends)
