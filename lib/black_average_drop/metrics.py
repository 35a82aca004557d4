"""From scores before and after masking to Average Drop, Incorrect % and their intervals and tests."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

ENOUGH = 10  # patients that differ, as `enough_differ` counts them, for an interval of a paired difference
NOISE = 1e-5  # scores are float32: after a network's sums up to this much of one is rounding


def drops(full, masked):
    """The relative drop of each image, max(0, Y - O) / Y: the summand of eq. (10).

    full, masked (N,): scores of the explained class on the whole and on the masked image. Returns (N,), in [0, 1] for
    O >= 0; NaN where Y <= 0, since an image without a score has no drop. Raises ValueError for scores not finite.
    """
    full, masked = np.asarray(full, "float64"), np.asarray(masked, "float64")
    if not (np.isfinite(full).all() and np.isfinite(masked).all()):
        raise ValueError("A score is NaN or infinite: check the network's weights and the images.")
    positive = full > 0
    return np.divide(np.maximum(0, full - masked), full, out=np.full(full.shape, np.nan), where=positive)


def average_drop(full, masked):
    """Average Drop, eq. (10): the mean of max(0, Y - O) / Y over images with Y > 0; NaN if there is none.

    With the masked images of eq. (11) it is Black Average Drop. full, masked (N,) scores.
    """
    values = drops(full, masked)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def incorrect_percent(classes, masked_logits):
    """Percent of masked images whose largest logit is not the given class; classes (N,), masked_logits (N, C).

    Raises ValueError for shapes that differ, classes that are not whole numbers below C, and logits not finite.
    """
    classes, masked_logits = np.asarray(classes), np.asarray(masked_logits)
    if classes.shape != masked_logits.shape[:1] or not len(classes):
        raise ValueError(f"classes {classes.shape} and masked_logits {masked_logits.shape}: (N,) and (N, C) wanted.")
    if classes.dtype.kind not in "iu" or not 0 <= classes.min() <= classes.max() < masked_logits.shape[1]:
        raise ValueError(f"classes needs whole numbers from 0 to {masked_logits.shape[1] - 1}: mend it.")
    if not np.isfinite(masked_logits).all():
        raise ValueError("A logit is NaN or infinite: check the network's weights and the images.")
    return float(100 * np.mean(np.argmax(masked_logits, axis=1) != classes))


def bootstrap_means(values, groups, resamples=2000, seed=0):
    """Means of each column over patients drawn with replacement, the same draw for every column (paired).

    values (N, M), NaN where a row has no value; groups (N,), the patient of each row. Returns (resamples, M); a column
    without any value in a resample gives NaN there.
    """
    values = np.asarray(values, "float64")
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    patients = patient.max() + 1
    sums, counts = np.zeros((patients, values.shape[1])), np.zeros((patients, values.shape[1]))
    np.add.at(sums, patient, np.nan_to_num(values))
    np.add.at(counts, patient, ~np.isnan(values))
    means = np.full((resamples, values.shape[1]), np.nan)
    for start in range(0, resamples, 100):  # by blocks, since draws are (resamples, patients)
        block = slice(start, start + 100)
        draws = _draws(int(patients), resamples, seed)[block].astype("float64")
        totals = draws @ counts
        np.divide(draws @ sums, totals, out=means[block], where=totals > 0)
    return means


@lru_cache(maxsize=2)  # one table asks for the same draws hundreds of times
def _draws(patients, resamples, seed):
    """How often each patient is drawn: uint16 (resamples, patients)."""
    generator, found = np.random.default_rng(seed), np.empty((resamples, patients), "uint16")
    for start in range(0, resamples, 100):
        block = found[start : start + 100]
        block[:] = generator.multinomial(patients, np.full(patients, 1 / patients), size=len(block))
    return found


def enough_differ(differences, groups):
    """Whether enough patients carry the mean of paired differences for an interval and a test: (M,) booleans.

    n_eff = (sum |d|)^2 / sum d^2 >= ENOUGH, d being a patient's summed differences (Kish 1965): k patients that differ
    alike count as k, one that outweighs all others as 1, none as 0. differences (N, M), those up to NOISE and NaN
    taken for 0; groups (N,), the patients. A bootstrap cannot see what was not drawn: of simulated differences, 0 for
    most, its intervals hold the mean too rarely, and those that are left about as often as they should, over all
    distributions. Over single ones, with long tails to one side, they do not, and no rule sees a rare large difference
    behind many small ones: paper_figures/reliability.md has how often. The rule looks at |d| alone, so a test that
    flips signs stays valid.
    """
    differences = np.asarray(differences, "float64")
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((patient.max() + 1, differences.shape[1]))
    np.add.at(sums, patient, np.where(np.abs(differences) > NOISE, differences, 0))  # NaN is not above it
    squares = (sums**2).sum(axis=0)
    return (squares > 0) & (np.abs(sums).sum(axis=0) ** 2 >= ENOUGH * squares * (1 - 1e-9))


def bootstrap_differences(differences, groups, resamples=2000, seed=0, trainings=False):
    """`bootstrap_means` of paired differences (N, M): NaN in the columns where too few patients differ, so that these
    have neither interval nor p. trainings: the columns are trainings, judged by their mean, all or none."""
    judged = np.nan_to_num(differences).mean(axis=1, keepdims=True) if trainings else differences
    return np.where(enough_differ(judged, groups), bootstrap_means(differences, groups, resamples, seed), np.nan)


def interval(samples, level=0.95):
    """Percentile interval of bootstrap samples (resamples, M): (low, high), each (M,).

    NaN samples are left out, and a column of nothing else gives NaN.
    """
    tail = 100 * (1 - level) / 2
    low, high = np.full(samples.shape[1], np.nan), np.full(samples.shape[1], np.nan)
    known = ~np.isnan(samples).all(axis=0)
    if known.any():
        low[known], high[known] = np.nanpercentile(samples[:, known], [tail, 100 - tail], axis=0)
    return low, high


def bootstrap_counts(groups, resamples=2000, seed=0):
    """How often each image is drawn when patients are drawn with replacement, by the draws of `bootstrap`.

    groups (N,), the patient of each image. Yields blocks (R, N) of float64, R at most 100, for all resamples together.
    """
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    patients, generator = patient.max() + 1, np.random.default_rng(seed)
    for start in range(0, resamples, 100):
        draws = [generator.integers(patients, size=patients) for _ in range(min(100, resamples - start))]
        yield np.stack([np.bincount(draw, minlength=patients) for draw in draws]).astype("float64")[:, patient]


def bootstrap(statistic, groups, resamples=2000, seed=0):
    """Any statistic over patients drawn with replacement; of means, `bootstrap_means` is the fast way.

    statistic: rows (n,), indices of images, -> (M,); groups (N,), the patient of each image. Returns (resamples, M).
    """
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    rows = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    generator = np.random.default_rng(seed)
    draws = (generator.integers(len(rows), size=len(rows)) for _ in range(resamples))
    return np.array([np.atleast_1d(statistic(np.concatenate([rows[one] for one in draw]))) for draw in draws])


class Estimate(NamedTuple):
    """A mean over trainings, its 95 % interval, and p of the two-sided test against 0."""

    value: float
    low: float
    high: float
    p: float


def across_trainings(estimates, samples):
    """What holds for another training and other patients: the mean over trainings, as an `Estimate`.

    estimates (S,), one a training; samples (resamples, S), their bootstrap over patients, the same draws for all S.
    Trainings and patients are crossed and both drawn at random. Half the interval is the root of the squared halves of
    two: over trainings, by Student's t with S - 1 degrees of freedom, and over patients, by the bootstrap's spread
    (the method of variance estimates recovery, Zou and Donner 2008); Satterthwaite's degrees of freedom would do worse,
    since three trainings say little about their own spread. p is the level at which the interval reaches 0. With one
    training only the patients count. Samples that are all NaN, as of `bootstrap_differences`, give neither.
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
    """p values (M,) adjusted for their number by Holm's step-down procedure, in the same order; NaN is no test."""
    p_values = np.asarray(p_values, "float64")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * ((~np.isnan(p_values)).sum() - np.arange(len(p_values)))  # NaN comes last
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


def sign_flip_test(differences, groups, flips=9999, seed=0):
    """Two-sided p values (M,) of paired differences (N, M), NaN left out, against a mean of 0.

    Under the null the two sides of a pair could as well be exchanged, for all images of a patient, groups (N,), at
    once: p is the share of random exchanges, the observed one among them, whose sum is at least as far from 0.
    """
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((patient.max() + 1, differences.shape[1]))
    np.add.at(sums, patient, np.nan_to_num(differences))
    observed = np.abs(sums.sum(axis=0))
    generator, reached = np.random.default_rng(seed), np.ones(len(observed))
    for count in np.diff(np.linspace(0, flips, -(-flips // 1000) + 1).astype(int)):
        signs = generator.choice([-1.0, 1.0], size=(count, len(sums)))
        reached += (np.abs(signs @ sums) >= observed * (1 - 1e-9)).sum(axis=0)
    return reached / (flips + 1)


def area_under_roc(labels, scores):
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    labels (N,) 0 or 1; scores (N,). Raises ValueError if only one class is there, for other labels, and for NaN.
    """
    from scipy.stats import rankdata

    if not np.isin(labels, (0, 1)).all() or np.isnan(scores).any():
        raise ValueError("AUC needs labels of 0 and 1 and scores that are numbers: check both.")
    labels, ranks = np.asarray(labels).astype(bool), rankdata(scores)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        raise ValueError("AUC needs both classes among the labels; these images are all of one class.")
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def sensitivity(labels, scores, false_positive_rates):
    """The ROC curve: the share of positives found at each false positive rate, or at the largest one below it that a
    threshold can give. labels (N,) 0 or 1; scores (N,); false_positive_rates (M,) from 0 to 1. Returns (M,)."""
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)
    negatives = np.append(np.sort(scores[~labels])[::-1], -np.inf)
    allowed = np.floor(np.asarray(false_positive_rates) * (len(negatives) - 1) + 1e-9).astype(int)
    positives = np.sort(scores[labels])
    return 1 - np.searchsorted(positives, negatives[allowed], side="right") / len(positives)
