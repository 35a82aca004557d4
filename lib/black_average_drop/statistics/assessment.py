"""How well a classifier of two classes does on test images, with intervals: ROC and what follows from it."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import patients, roc
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import ENOUGH, Resampling
from black_average_drop.statistics.roc import specificity_without_misses

RATES = np.linspace(0, 1, 101)  # the false positive rates at which the ROC curve is given
RESAMPLES = 1000  # fewer than elsewhere: each of them takes the whole curve


def assess(labels, scores, resampling):
    """ROC curve and summary with 95 % intervals over patients.

    Sensitivity, specificity and accuracy are means over images, with the intervals of `estimate_means`. Those of the
    curve and its area are percentiles of resamples. They are NaN where a class has fewer than ENOUGH patients, and for
    an area of 0 or 1, which every resample repeats.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,), above 0 where class 1 is predicted.
        resampling: a `patients.Resampling` of the N images. A resample with one class alone is left out.

    Returns:
        Two DataFrames. The curve has columns false_positive_rate, sensitivity, low and high. The summary has columns
        measure, value, low and high, and a row for each of AUC, sensitivity, specificity and accuracy (at score 0).
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)

    def statistic(rows):
        truth, score = labels[rows], scores[rows]
        if truth.all() or not truth.any():
            return np.full(1 + len(RATES), np.nan)
        return np.append(roc.area_under_roc(truth, score), roc.true_positive_rates(truth, score, RATES))

    values = statistic(np.arange(len(labels)))
    low, high = patients.interval(patients.bootstrap(statistic, resampling))
    if min(len(np.unique(np.asarray(resampling.groups)[labels == label])) for label in (False, True)) < ENOUGH:
        low, high = np.full((2, len(values)), np.nan)
    elif low[0] == high[0]:
        low[0] = high[0] = np.nan
    table = pd.DataFrame({"value": values, "low": low, "high": high})
    curve = table[1:].rename(columns={"value": "sensitivity"}).assign(false_positive_rate=RATES)
    curve = curve[["false_positive_rate", "sensitivity", "low", "high"]].reset_index(drop=True)
    right = ((scores > 0) == labels).astype(float)
    of_images = [np.where(labels, right, np.nan), np.where(labels, np.nan, right), right]
    shares = estimate_means(np.stack(of_images, axis=1), resampling, (0, 1))
    shares = pd.DataFrame({"value": shares.value, "low": shares.low, "high": shares.high})
    summary = pd.concat([table[:1], shares], ignore_index=True)
    summary.insert(0, "measure", ["AUC", "sensitivity", "specificity", "accuracy"])
    return curve, summary


def assess_all(answers, seed):
    """`assess` of several classifiers on the same images.

    The score of one ill image alone decides specificity without misses. So it has no interval.

    Args:
        answers: a row for each image and classifier, with columns data, head, training_seed, group, label and score.
        seed: of the bootstrap over patients.

    Returns:
        (data, head, training_seed) -> ROC curve; and one DataFrame of all summaries with columns data, head,
        training_seed, measure, value, low, high and images. It has a further measure, specificity without misses.
    """
    names, curves, summaries = ["data", "head", "training_seed"], {}, []
    for run, part in answers.groupby(names, sort=False):
        curves[run], summary = assess(part["label"], part["score"], Resampling(part["group"], RESAMPLES, seed))
        spared = specificity_without_misses(part["label"], part["score"])
        summary = pd.concat([summary, pd.DataFrame([{"measure": "specificity without misses", "value": spared}])])
        summaries.append(summary.assign(**dict(zip(names, run, strict=True)), images=len(part)))
    return curves, pd.concat(summaries, ignore_index=True)[[*names, "measure", "value", "low", "high", "images"]]
