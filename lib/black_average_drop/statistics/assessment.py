"""How well a classifier of two classes does on test images, with intervals: ROC and what follows from it."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import patients, roc
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.roc import specificity_without_misses

RATES = np.linspace(0, 1, 101)  # the false positive rates at which the ROC curve is given
RESAMPLES = 1000  # fewer than elsewhere: each of them takes the whole curve


def assess(labels, scores, resampling):
    """ROC curve and summary with 95 % intervals over patients.

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
            return np.full(4 + len(RATES), np.nan)
        right = (score > 0) == truth
        values = [roc.area_under_roc(truth, score), right[truth].mean(), right[~truth].mean(), right.mean()]
        return np.concatenate([values, roc.true_positive_rates(truth, score, RATES)])

    values = statistic(np.arange(len(labels)))
    low, high = patients.interval(patients.bootstrap(statistic, resampling))
    table = pd.DataFrame({"value": values, "low": low, "high": high})
    summary = table[:4].assign(measure=["AUC", "sensitivity", "specificity", "accuracy"])
    curve = table[4:].rename(columns={"value": "sensitivity"}).assign(false_positive_rate=RATES)
    curve = curve[["false_positive_rate", "sensitivity", "low", "high"]].reset_index(drop=True)
    return curve, summary[["measure", "value", "low", "high"]]


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
