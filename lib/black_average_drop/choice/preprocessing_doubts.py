"""Does a model get the preprocessing, the labels and the class order that it was trained with?

`try_preprocessings` measures what the model answers under the usual ways of preprocessing. `doubts_about_answers` says
what speaks against the chosen one. `make reliability CHECK=test_doubts.py` measures how often a doubt is right, and the
thresholds below were chosen there.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, logsumexp
from scipy.stats import norm

from black_average_drop import networks
from black_average_drop.statistics import roc

TRIED = (*networks.PREPROCESSINGS, "VGG16")  # the last: centred on ImageNet's mean, blue first
DOUBTS = ("own rescaling", "statistics", "too sure", "equal answers", "order", "chance")
UNLIKE, FITS, CLOSER = 0.5, 0.25, 4  # see `try_preprocessings`; another way must fit, so many times closer, to be named
STRANGE = 100  # ImageNet's statistics are 1.7 from radiographs, which is no mistake
TOO_SURE = 100  # log-odds
LEAST_VARIATION = 0.02  # of log-odds
LEAST_SPREAD = 0.01
GAIN = 0.2  # of AUC
MOST_ERROR = 0.12  # of AUC; above it labels are too few to speak of chance


def try_preprocessings(model, images, states=None, chosen="", **settings):
    """What the model answers under each preprocessing.

    Args:
        model: of `networks.open_model`.
        images: pixels (N, H, W, 3).
        states: (N, C), 1 where an output's class is present and 0 where it is absent, as of
            `selection.states_of_outputs`; None without labels.
        chosen: a preprocessing, tried first, before TRIED.
        **settings: for `networks.CamNetwork.from_model`.

    Returns:
        A DataFrame, a row for each preprocessing, with columns preprocessing, rescales, unlike and those of `answers`.
        rescales: whether the model has a Rescaling layer of its own for pixels. unlike: see `networks.Trial`.

    Raises:
        ValueError: if the chosen preprocessing is for colours and the model takes grey images.
    """
    rows = []
    for name in dict.fromkeys((chosen, *TRIED)):
        trial = networks.try_out(model, name, images, **settings)
        if trial is not None:
            row = {"preprocessing": name, "rescales": trial.rescales, "unlike": trial.unlike}
            rows.append(row | answers(trial.logits, trial.activation, states))
        elif name == chosen:
            raise ValueError(f"preprocessing={name!r} is for colours, and {model.name} takes grey images.")
    return pd.DataFrame(rows)


def answers(logits, activation, states=None):
    """What can be read from the answers to N images.

    Args:
        logits: (N, C).
        activation: of the network, "sigmoid" if each class has a probability of its own.
        states: (N, C), as for `try_preprocessings`.

    Returns:
        A dict. log_odds: how sure the surest class is, as the logarithm of its odds, the median over images. variation:
        their standard deviation over images, the mean over classes. surest: the mean largest probability. spread: how
        much of the probability moves from image to image: half the mean absolute difference from the mean answer, 0
        where all answers are the same. The others are NaN without labels, or where no class is present in some images
        and absent in others. auc: the area under the ROC curve, whatever the threshold, the mean over such classes,
        those of too few images left out where others have enough.
        error: its standard error if answers had nothing to do with labels. Some classes would move in the order that
        suits the answers best. moved: their auc as it is. reordered: their auc in that order. gain_error: the standard
        error of the difference.
    """
    logits = np.asarray(logits, "float64")
    evidence = _log_odds(logits, activation)
    probabilities = expit(evidence)
    moved = np.abs(probabilities - probabilities.mean(axis=0))
    several = activation == "sigmoid"  # labels of their own
    readings = {
        "log_odds": np.median(np.abs(evidence).max(axis=1)),
        "variation": evidence.std(axis=0).mean(),
        "surest": np.maximum(probabilities, 1 - probabilities).mean() if several else probabilities.max(axis=1).mean(),
        "spread": 2 * moved.mean() if several else moved.sum(axis=1).mean() / 2,
    }
    states = np.full(logits.shape, np.nan) if states is None else np.asarray(states)
    known = np.isin(states, (0, 1))
    positives, total = (known & (states == 1)).sum(axis=0), known.sum(axis=0)
    present = np.flatnonzero((positives > 0) & (positives < total))
    if not len(present):
        return readings | dict.fromkeys(("auc", "error", "moved", "reordered", "gain_error"), np.nan)
    answered = [(states[known[:, k], k] == 1, evidence[known[:, k]]) for k in present]
    table = np.array([[roc.area_under_roc(there, column) for column in one.T] for there, one in answered])
    positives, total = positives[present], total[present]
    errors = np.sqrt((total + 1) / (12 * positives * (total - positives)))
    own = table[range(len(present)), present]
    rows, columns = linear_sum_assignment(table, maximize=True)
    best, moves = table[rows, columns], columns != present
    told = errors < MOST_ERROR if (errors < MOST_ERROR).any() else errors > 0  # rare findings would drown the others
    readings |= {
        "auc": own[told].mean(),
        "error": errors[told].mean(),
        "moved": np.nan,
        "reordered": np.nan,
        "gain_error": np.nan,
    }
    if moves.any():
        readings |= {"moved": own[moves].mean(), "reordered": best[moves].mean()}
        readings["gain_error"] = np.sqrt(2 * (errors[moves] ** 2).sum()) / moves.sum()
    return readings


def doubts_about_answers(table, chosen=""):
    """What speaks against the chosen preprocessing.

    Nothing is said of labels where the pixels are in doubt. If another preprocessing meets more labels, that is no
    doubt: it is wrong too often, and of correct uses too.

    Args:
        table: of `try_preprocessings`.
        chosen: the preprocessing.

    Returns:
        name -> sentence, with names of DOUBTS; empty if nothing speaks against it.
    """
    table = table.set_index("preprocessing")
    row = table.loc[chosen]
    doubts = _doubts_about_pixels(row, table["unlike"])
    return doubts or _doubts_about_labels(row)


def _doubts_about_pixels(row, unlike):
    """What the row of the chosen preprocessing says against it; unlike: of every preprocessing by name."""
    doubts = {}
    if row["rescales"] and row.name:
        doubts["own rescaling"] = (
            "The model has a Rescaling layer of its own, which takes pixels from 0 to 255: leave preprocessing empty, "
            f"{row.name!r} comes on top of it."
        )
    nearest = unlike.min()
    if row["unlike"] > UNLIKE and nearest < min(FITS, row["unlike"] / CLOSER):
        doubts["statistics"] = (
            f"The model's first normalisation met other values in training: {_way(unlike.idxmin())} gives "
            "such values, the chosen preprocessing does not."
        )
    elif row["unlike"] > STRANGE:
        doubts["statistics"] = (
            "The model's first normalisation met other values in training, and no way of preprocessing that was tried "
            "gives them: the model may expect another one, or other images."
        )
    if row["log_odds"] > TOO_SURE:
        doubts["too sure"] = (
            f"The answers are surer than training makes them (log-odds of {row['log_odds']:.0f} on half the images): "
            "the model may expect smaller values, so that another preprocessing is right."
        )
    labelled = not np.isnan(row["auc"])
    if row["variation"] < LEAST_VARIATION or (labelled and row["spread"] < LEAST_SPREAD):
        doubts["equal answers"] = (
            f"The answers hardly vary from image to image ({100 * row['spread']:.1f} % of the probability moves): the "
            "model may expect another preprocessing, or other images."
        )
    return doubts


def _doubts_about_labels(row):
    """What the row of the chosen preprocessing says against the labels or their order, nothing where none are known."""
    doubts = {}
    if np.isnan(row["auc"]):
        return doubts
    if row["reordered"] - row["moved"] > max(GAIN, 3 * row["gain_error"]):
        doubts["order"] = (
            f"With some classes in another order the answers would tell these apart with an AUC of "
            f"{row['reordered']:.2f}, now it is {row['moved']:.2f}: give class_names in the order of the model's "
            "outputs."
        )
    elif row["error"] < MOST_ERROR and row["auc"] - 0.5 <= norm.isf(0.05) * row["error"]:
        doubts["chance"] = (
            f"The answers tell the labels apart with an AUC of {row['auc']:.2f}, which chance may give (0.5): "
            "preprocessing, the labels, or the order of class_names may be wrong."
        )
    return doubts


def _log_odds(logits, activation):
    """The logarithm of the odds of each class (N, C): of a sigmoid the logit, otherwise against all other classes."""
    if activation == "sigmoid":
        return logits
    others = [logsumexp(np.delete(logits, one, axis=1), axis=1) for one in range(logits.shape[1])]
    return logits - np.stack(others, axis=1)


def _way(preprocessing):
    """A preprocessing in words."""
    return f"preprocessing={preprocessing!r}" if preprocessing else "no preprocessing"
