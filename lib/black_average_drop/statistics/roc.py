"""The ROC curve and the area under it."""

import numpy as np
import pandas as pd


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


def confusion(labels, scores, class_names):
    """Counts of images by class and prediction.

    A score of exactly 0, where both scores of a ReLU head are 0, counts as class 0.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,), above 0 where class 1 is predicted.
        class_names: the names of the two classes.

    Returns:
        A DataFrame, a row for each class and a column for each prediction.
    """
    predicted = (np.asarray(scores) > 0).astype(int)
    counts = np.zeros((2, 2), int)
    np.add.at(counts, (np.asarray(labels), predicted), 1)
    return pd.DataFrame(counts, index=[f"is {name}" for name in class_names], columns=list(class_names))


def specificity_without_misses(labels, scores):
    """Specificity at sensitivity 1: the share of class 0 whose score is below that of every image of class 1.

    It rests on the one image of class 1 with the smallest score. So other patients can change it much.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,), larger for class 1.

    Returns:
        From 0 to 1, NaN if either class has no image.
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)
    if labels.all() or not labels.any():
        return np.nan
    return float((scores[~labels] < scores[labels].min()).mean())
