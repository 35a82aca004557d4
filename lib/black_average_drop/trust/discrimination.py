"""How well the networks of two folds tell ill from healthy: their AUC by view, of each fold and of both."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import patients, roc

RESAMPLES = 1000  # fewer than elsewhere: each of them takes the ranks of all scores


def areas_by_view(scores, seed=0):
    """The area under the ROC curve by view and fold, with its 95 % interval over patients.

    Scores of two networks have no common scale. So the area of both folds is the mean of theirs, each weighted by its
    images, and patients are drawn within folds.

    Args:
        scores: a DataFrame of one data set, with columns fold, training, id, group, view ("" where it is not known),
            label (0 or 1) and margin (above 0 where class 1 is predicted).
        seed: of the draws.

    Returns:
        A DataFrame with columns views ("all" and each known view), fold ("" for all images), images, findings, measure,
        value, low and high.
    """
    folds = [fold for fold in scores["fold"].unique() if fold]
    views = [view for view in scores["view"].unique() if view]
    rows = []
    for view in ["all", *sorted(views)]:
        of_view = scores if view == "all" else scores[scores["view"] == view]
        for fold in ["", *folds]:
            part = of_view if not fold else of_view[of_view["fold"] == fold]
            margins = part.pivot(index="id", columns="training", values="margin")
            images = part.drop_duplicates("id").set_index("id").loc[margins.index]
            row = {"views": view, "fold": fold, "images": len(images), "findings": int(images["label"].sum())}
            rows.append(row | {"measure": "AUC"} | _area(images, margins.to_numpy(), seed))
    return pd.DataFrame(rows)


def _area(images, margins, seed):
    """value, low and high of the area of images (N rows with label, fold and group) with margins (N, networks)."""
    labels, folds = images["label"].to_numpy(), images["fold"].to_numpy()

    def statistic(rows):
        areas = []
        for fold in np.unique(folds):
            of_fold = rows[folds[rows] == fold]
            if len(set(labels[of_fold])) < 2:  # a draw of one class alone
                return np.nan
            of_networks = [roc.area_under_roc(labels[of_fold], one) for one in margins[of_fold].T]
            areas.append(len(of_fold) * np.mean(of_networks))
        return sum(areas) / len(rows)

    resampling = patients.Resampling(images["group"].to_numpy(), RESAMPLES, seed, folds)
    low, high = patients.interval(patients.bootstrap(statistic, resampling))
    return {"value": statistic(np.arange(len(labels))), "low": low[0], "high": high[0]}
