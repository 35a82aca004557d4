"""From scores before and after masking to Average Drop, Incorrect % and their intervals and tests."""

from typing import NamedTuple

import numpy as np


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
    """Percent of masked images whose largest logit is not the given class; classes (N,), masked_logits (N, C)."""
    classes, masked_logits = np.asarray(classes), np.asarray(masked_logits)
    if classes.shape != masked_logits.shape[:1] or not len(classes):
        raise ValueError(f"classes {classes.shape} and masked_logits {masked_logits.shape}: (N,) and (N, C) wanted.")
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
    generator = np.random.default_rng(seed)
    means = np.full((resamples, values.shape[1]), np.nan)
    for block in np.array_split(means, -(-resamples // 100)):  # by blocks, since draws are (resamples, patients)
        draws = generator.multinomial(patients, np.full(patients, 1 / patients), size=len(block)).astype("float64")
        totals = draws @ counts
        np.divide(draws @ sums, totals, out=block, where=totals > 0)
    return means


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
    Trainings and patients are crossed and both drawn at random: the variance is that of the mean over trainings plus
    that over patients, with Satterthwaite's degrees of freedom (S - 1 where trainings dominate), as in the analysis of
    several readers and cases by Hillis (2007). With one training only the patients count.
    """
    from scipy.stats import t

    estimates, samples = np.asarray(estimates, "float64"), np.asarray(samples, "float64")
    count = len(estimates)
    value = float(estimates.mean())
    of_trainings = estimates.var(ddof=1) / count if count > 1 else 0.0
    variance = of_trainings + np.nanvar(samples.mean(axis=1))
    if not variance > 0:
        return Estimate(value, value, value, float(value == 0))
    freedom = (count - 1) * (variance / of_trainings) ** 2 if of_trainings else np.inf
    error = np.sqrt(variance)
    reach = t.ppf(0.975, freedom) * error
    return Estimate(value, value - reach, value + reach, float(2 * t.sf(abs(value) / error, freedom)))


def holm(p_values):
    """p values (M,) adjusted for M tests by Holm's step-down procedure, in the same order."""
    p_values = np.asarray(p_values, "float64")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


def area_under_roc(labels, scores):
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    labels (N,) 0 or 1; scores (N,). Raises ValueError if only one class is there.
    """
    from scipy.stats import rankdata

    labels, ranks = np.asarray(labels).astype(bool), rankdata(scores)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        raise ValueError("AUC needs both classes among the labels; these images are all of one class.")
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))
