"""How a classifier of two classes calls test images: counts, and how many it clears if it misses none."""

import numpy as np
import pandas as pd


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
