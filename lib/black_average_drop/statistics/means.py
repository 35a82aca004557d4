"""Means over patients and differences between them: whether they have an interval and a test, and what these are."""

from dataclasses import dataclass

import numpy as np

from black_average_drop.statistics.patients import ENOUGH, bootstrap_means, interval, sums_by_patient

FLIPS = 9999  # of a test: the smallest p is 1 in 10,000
NOISE = 1e-5  # scores are float32: up to this, a difference of two scores is rounding


@dataclass(frozen=True, eq=False)
class Estimates:
    """Means over patients with their 95 % intervals and two-sided tests against 0. Arrays are (M,).

    low, high and p are NaN where too few patients carry the mean: no interval and no test are given then.

    Attributes:
        value: the means.
        low: where the interval begins.
        high: where it ends.
        p: of the test.
        samples: (resamples, M), the means over patients drawn again.
        bounds: the limits of the quantity.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    samples: np.ndarray
    bounds: tuple[float, float]

    def limits(self, level):
        """The interval (low, high), each (M,), of the test at a level between 0 and 1: 0.05 gives that of 95 %."""
        return tuple(np.clip(end, *self.bounds) for end in interval(self.samples, 1 - level))


def estimate_means(values, resampling, bounds=None):
    """The mean of each column over patients: a level, or a difference of two columns on the same images.

    Args:
        values: (N, M), NaN where an image has no value.
        resampling: a `Resampling` of the N images.
        bounds: the limits (low, high) of the values. A share that is at one of them for every image gets the interval
            of Clopper and Pearson, counted by patients.

    Returns:
        `Estimates`.
    """
    values, ends = np.asarray(values, "float64"), bounds or (-np.inf, np.inf)
    samples = bootstrap_differences(values, resampling)
    value, sums = np.full(values.shape[1], np.nan), (~np.isnan(values)).sum(axis=0)
    np.divide(np.nansum(values, axis=0), sums, out=value, where=sums > 0)
    low, high = (np.clip(end, *ends) for end in interval(samples))
    p = np.where(np.isnan(low), np.nan, sign_flip_test(values, resampling.groups, seed=resampling.seed))
    if bounds:
        patients = (sums_by_patient(~np.isnan(values), resampling.groups) > 0).sum(axis=0)
        reach = (ends[1] - ends[0]) * (1 - 0.025 ** (1 / np.maximum(patients, 1)))
        least, most = (value == end for end in bounds)
        low, high = np.where(least, ends[0], low), np.where(least, ends[0] + reach, high)
        low, high = np.where(most, ends[1] - reach, low), np.where(most, ends[1], high)
    return Estimates(value, low, high, p, samples, ends)


def overturned_by_unseen(estimate, n, extreme):
    """Whether patients that nobody saw could turn the sign of a mean.

    Where none of n patients shows something, up to 3 / n of all patients may (the rule of three: 95 % confidence).

    Args:
        estimate: the mean.
        n: how many patients it rests on.
        extreme: the value of each unseen patient, at the end of the range that is opposite to the mean.
    """
    share = min(1.0, 3 / n)
    return bool(estimate * ((1 - share) * estimate + share * extreme) <= 0)


def enough_differ(differences, groups):
    """Whether enough patients carry the mean of paired differences for an interval and a test.

    The rule is n_eff = (sum |d|)^2 / sum d^2 >= ENOUGH, where d is the sum of a patient's differences (Kish 1965).
    k patients that differ alike count as k. One patient that outweighs all others counts as 1, and none as 0.

    A bootstrap cannot see what was not drawn. Where most differences are 0, its intervals contain the mean too rarely;
    those that this rule leaves contain it about as often as they should, over all simulated distributions. With long
    tails to one side they still do not, and no rule sees a rare large difference behind many small ones.
    paper_figures/reliability.md says how often. The rule looks at |d| alone, so a test that flips signs stays valid.

    Args:
        differences: (N, M). NaN and differences of at most NOISE count as 0.
        groups: (N,), the patient of each row.

    Returns:
        (M,) booleans.
    """
    differences = np.asarray(differences, "float64")
    sums = sums_by_patient(np.where(np.abs(differences) > NOISE, differences, 0), groups)  # NaN is not above it
    squares = (sums**2).sum(axis=0)
    return (squares > 0) & (np.abs(sums).sum(axis=0) ** 2 >= ENOUGH * squares * (1 - 1e-9))


def bootstrap_differences(differences, resampling, trainings=False):
    """`bootstrap_means` of paired differences, where enough patients differ for an interval and a test.

    Args:
        differences: (N, M), NaN where a row has no value.
        resampling: a `Resampling` of the N rows.
        trainings: whether the columns are trainings. Then their mean decides for all of them.

    Returns:
        (resamples, M). A column where too few patients differ is NaN, so that it has neither an interval nor a p value.
    """
    judged = np.nan_to_num(differences).mean(axis=1, keepdims=True) if trainings else differences
    enough = enough_differ(judged, resampling.groups)
    return np.where(enough, bootstrap_means(differences, resampling), np.nan)


def sign_flip_test(differences, groups, flips=FLIPS, seed=0):
    """Two-sided p values of paired differences against a mean of 0.

    Under the null hypothesis the two sides of a pair could be exchanged, for all images of a patient at once. p is the
    share of random exchanges whose sum is at least as far from 0 as the observed one, which counts as an exchange.

    Args:
        differences: (N, M). NaN is left out.
        groups: (N,), the patient of each row.
        flips: the number of random exchanges.
        seed: of the exchanges.

    Returns:
        (M,), from 1 / (flips + 1) to 1.
    """
    sums = sums_by_patient(np.nan_to_num(differences), groups)
    observed = np.abs(sums.sum(axis=0))
    generator, reached = np.random.default_rng(seed), np.ones(len(observed))
    for count in np.diff(np.linspace(0, flips, -(-flips // 1000) + 1).astype(int)):
        signs = generator.choice([-1.0, 1.0], size=(count, len(sums)))
        reached += (np.abs(signs @ sums) >= observed * (1 - 1e-9)).sum(axis=0)
    return reached / (flips + 1)
