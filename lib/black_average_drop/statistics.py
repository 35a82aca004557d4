"""How sure a number is: patients drawn again and again, intervals, tests, and the ROC curve.

Images of one patient are alike. So the bootstrap draws whole patients, and the test flips the signs of whole patients.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

ENOUGH = 10  # patients that differ, as `enough_differ` counts them, for an interval of a paired difference
LEVEL = 0.05  # of the corrected tests
FLIPS = 9999  # of a test: the smallest p is 1 in 10,000
NOISE = 1e-5  # scores are float32: up to this, a difference of two scores is rounding


@dataclass(frozen=True, eq=False)
class Resampling:
    """How patients are drawn with replacement: who they are, how often, and from which seed.

    Attributes:
        groups: (N,), the patient of each row of the values.
        resamples: how many times all patients are drawn.
        seed: of the draws; the same seed gives the same draws.
    """

    groups: np.ndarray
    resamples: int = 2000
    seed: int = 0

    def of_rows(self, rows):
        """The same number of draws and the same seed for the patients of some rows.

        Args:
            rows: indices, a slice, or a boolean array (N,).
        """
        return replace(self, groups=np.asarray(self.groups)[rows])


def bootstrap_means(values, resampling):
    """Means of each column over patients drawn with replacement. Every column has the same draws (paired).

    Args:
        values: (N, M), NaN where a row has no value.
        resampling: a `Resampling` of the N rows.

    Returns:
        (resamples, M). A column without any value in a resample gives NaN there.
    """
    values = np.asarray(values, "float64")
    sums = _sums_by_patient(np.nan_to_num(values), resampling.groups)
    counts = _sums_by_patient(~np.isnan(values), resampling.groups)
    means = np.full((resampling.resamples, values.shape[1]), np.nan)
    for start in range(0, resampling.resamples, 100):  # by blocks, since draws are (resamples, patients)
        block = slice(start, start + 100)
        draws = _draws(len(sums), resampling.resamples, resampling.seed)[block].astype("float64")
        totals = draws @ counts
        np.divide(draws @ sums, totals, out=means[block], where=totals > 0)
    return means


@lru_cache(maxsize=2)  # one table asks for the same draws hundreds of times
def _draws(patients, resamples, seed):
    """How often each patient is drawn: uint16 (resamples, patients)."""
    generator, draws = np.random.default_rng(seed), np.empty((resamples, patients), "uint16")
    for start in range(0, resamples, 100):
        block = draws[start : start + 100]
        block[:] = generator.multinomial(patients, np.full(patients, 1 / patients), size=len(block))
    return draws


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
    sums = _sums_by_patient(np.where(np.abs(differences) > NOISE, differences, 0), groups)  # NaN is not above it
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


def bootstrap_counts(resampling):
    """How often each image is drawn, by the draws of `bootstrap`.

    Args:
        resampling: a `Resampling` of N images.

    Yields:
        Blocks (R, N) of float64, R at most 100, for all resamples together.
    """
    patient, patients = _numbered(resampling.groups)
    generator = np.random.default_rng(resampling.seed)
    for start in range(0, resampling.resamples, 100):
        count = min(100, resampling.resamples - start)
        draws = [generator.integers(patients, size=patients) for _ in range(count)]
        yield np.stack([np.bincount(draw, minlength=patients) for draw in draws]).astype("float64")[:, patient]


def bootstrap(statistic, resampling):
    """Any statistic over patients drawn with replacement; `bootstrap_means` is the fast way for means.

    Args:
        statistic: a function of the indices (n,) of the images drawn, which gives (M,).
        resampling: a `Resampling` of the images.

    Returns:
        (resamples, M).
    """
    patient, _ = _numbered(resampling.groups)
    rows = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    generator = np.random.default_rng(resampling.seed)
    draws = (generator.integers(len(rows), size=len(rows)) for _ in range(resampling.resamples))
    return np.array([np.atleast_1d(statistic(np.concatenate([rows[one] for one in draw]))) for draw in draws])


def interval(samples, level=0.95):
    """Percentile interval of bootstrap samples.

    Args:
        samples: (resamples, M). NaN samples are left out.
        level: the share of the samples inside, between 0 and 1.

    Returns:
        (low, high), each (M,), NaN for a column of nothing but NaN.
    """
    tail = 100 * (1 - level) / 2
    low, high = np.full(samples.shape[1], np.nan), np.full(samples.shape[1], np.nan)
    known = ~np.isnan(samples).all(axis=0)
    if known.any():
        low[known], high[known] = np.nanpercentile(samples[:, known], [tail, 100 - tail], axis=0)
    return low, high


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


def holm(p_values):
    """P values (M,) corrected for their number by Holm's step-down method, in the same order. NaN is no test."""
    p_values = np.asarray(p_values, "float64")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * ((~np.isnan(p_values)).sum() - np.arange(len(p_values)))  # NaN comes last
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


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
    sums = _sums_by_patient(np.nan_to_num(differences), groups)
    observed = np.abs(sums.sum(axis=0))
    generator, reached = np.random.default_rng(seed), np.ones(len(observed))
    for count in np.diff(np.linspace(0, flips, -(-flips // 1000) + 1).astype(int)):
        signs = generator.choice([-1.0, 1.0], size=(count, len(sums)))
        reached += (np.abs(signs @ sums) >= observed * (1 - 1e-9)).sum(axis=0)
    return reached / (flips + 1)


def differences(values, names, resampling, flips=FLIPS):
    """Every pair of maps compared on the same images.

    Args:
        values: (N, M), image by map, NaN where an image has no value.
        names: (M,), of the maps.
        resampling: a `Resampling` of the N images.
        flips: as for `sign_flip_test`.

    Returns:
        A DataFrame, a row for each pair, with columns first, second, difference (of the means, second − first), low,
        high, p and p_holm. low and high are the 95 % interval over patients, p is that of `sign_flip_test`, and p_holm
        corrects it for the number of pairs that have one. These four are NaN where too few patients differ.
    """
    first, second = np.triu_indices(len(names), 1)
    paired = values[:, second] - values[:, first]
    low, high = interval(bootstrap_differences(paired, resampling))
    p = np.where(np.isnan(low), np.nan, sign_flip_test(paired, resampling.groups, flips, resampling.seed))
    return pd.DataFrame(
        {
            "first": np.asarray(names)[first],
            "second": np.asarray(names)[second],
            "difference": np.nanmean(paired, axis=0),
            "low": low,
            "high": high,
            "p": p,
            "p_holm": holm(p),
        }
    )


def area_under_roc(labels, scores):
    """Area under the ROC curve: the chance that a positive scores above a negative. Ties count half.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,).

    Raises:
        ValueError: if the labels are of one class alone or others than 0 and 1, or a score is NaN.
    """
    from scipy.stats import rankdata

    if not np.isin(labels, (0, 1)).all() or np.isnan(scores).any():
        raise ValueError("AUC needs labels of 0 and 1 and scores that are numbers: check both.")
    labels, ranks = np.asarray(labels).astype(bool), rankdata(scores)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        raise ValueError("AUC needs both classes among the labels; these images are all of one class.")
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def true_positive_rates(labels, scores, false_positive_rates):
    """The ROC curve: the share of the positives above a threshold, for given shares of the negatives above it.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,).
        false_positive_rates: (M,), from 0 to 1. Where no threshold gives a rate, the largest smaller one counts.

    Returns:
        (M,), from 0 to 1.
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)
    negatives = np.append(np.sort(scores[~labels])[::-1], -np.inf)
    allowed = np.floor(np.asarray(false_positive_rates) * (len(negatives) - 1) + 1e-9).astype(int)
    positives = np.sort(scores[labels])
    return 1 - np.searchsorted(positives, negatives[allowed], side="right") / len(positives)


def _numbered(groups):
    """The number (N,) of each row's patient, from 0, and how many patients there are."""
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    return patient, int(patient.max()) + 1


def _sums_by_patient(values, groups):
    """The sums (patients, M) of values (N, M) over the rows of each patient, float64."""
    patient, patients = _numbered(groups)
    sums = np.zeros((patients, values.shape[1]))
    np.add.at(sums, patient, values)
    return sums
