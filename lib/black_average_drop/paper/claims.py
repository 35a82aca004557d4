"""The paper's claims, one a line: what it says, by what rule it is judged, and how it is measured here.

Each notebook writes what it measured with `write_measured`. `verdicts` decides.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop.files import write_csv
from black_average_drop.paper import published
from black_average_drop.statistics import means, patients, roc
from black_average_drop.statistics.trainings import Estimate, across_trainings


class Claim(NamedTuple):
    """What the paper claims, and the rule for it.

    Attributes:
        section: of the paper.
        text: the claim.
        paper: what the paper prints for it.
        expected: the sign that a difference should have, or the tolerance (low, high) of a level.
        digits: how many to print.
        bounds: the limits of the quantity, at which its interval ends.
        trainings: how many a verdict needs.
    """

    section: str
    text: str
    paper: str
    expected: int | tuple[float, float]
    digits: int = 4
    bounds: tuple[float, float] = (-np.inf, np.inf)
    trainings: int = 3


def _paper_difference(kind, metric):
    """Grad-CAM++ − CAM in the paper's Table 1, as text."""
    position = ("AD", "BAD").index(metric)
    return f"{published.TABLE1[kind, 'Grad-CAM++'][position] - published.TABLE1[kind, 'CAM'][position]:+.4f}"


# In the order of the table. Tolerances of levels were chosen before the first run and are not touched afterwards.
CLAIMS = {
    "identity": Claim(
        "5.2",
        "CAM and Grad-CAM are the same map (largest difference, as a share of the peak)",
        "scores equal to four digits",
        (0, 1e-5),
        8,
        trainings=1,
    ),
    "general_AD": Claim(
        "4.2",
        "On photos AD finds Grad-CAM++ best (Grad-CAM++ − CAM below 0)",
        _paper_difference("general", "AD"),
        -1,
        trainings=1,
    ),
    "general_BAD": Claim(
        "4.2",
        "On photos BAD finds Grad-CAM++ best (Grad-CAM++ − CAM below 0)",
        _paper_difference("general", "BAD"),
        -1,
        trainings=1,
    ),
    "radiographs_AD": Claim(
        "4.2",
        "On X-rays AD prefers CAM and Grad-CAM (Grad-CAM++ − CAM above 0)",
        _paper_difference("radiographs", "AD"),
        1,
    ),
    "radiographs_BAD": Claim(
        "4.2",
        "On X-rays BAD prefers Grad-CAM++ (Grad-CAM++ − CAM below 0)",
        _paper_difference("radiographs", "BAD"),
        -1,
    ),
    "incorrect_AD": Claim("4.2", "Incorrect % of AD is near 100 on X-rays (Grad-CAM++)", "100", (95, 100), 1, (0, 100)),
    "incorrect_BAD": Claim(
        "4.2", "Incorrect % of BAD is near 100 on X-rays (Grad-CAM++)", "99.4", (95, 100), 1, (0, 100)
    ),
    "general_lit": Claim(
        "3.2",
        "On photos Grad-CAM++ lights a larger area (share above half of the peak, Grad-CAM++ − CAM)",
        "by eye",
        1,
        trainings=1,
    ),
    "radiographs_lit": Claim(
        "3.2",
        "On X-rays Grad-CAM++ lights a larger area (share above half of the peak, Grad-CAM++ − CAM)",
        "by eye",
        1,
    ),
    "small_lesions": Claim(
        "2.3",
        "Grad-CAM++ misses fewer small lesions (percent of the smallest third seen, Grad-CAM++ − CAM)",
        "by argument",
        1,
        1,
    ),
    "AD_contrast": Claim(
        "4",
        "Under AD the score falls by the opacity alone (AD of the map to the power 4 − to the power 0.25)",
        "by argument",
        1,
    ),
    "AD_opacity": Claim(
        "4", "AD depends on how large a feature is drawn (correlation with opacity)", "by argument", -1, 2, (-1, 1)
    ),
    "BAD_opacity": Claim(
        "4",
        "BAD does not depend on how large a feature is drawn (same correlation)",
        "by argument",
        (-0.2, 0.2),
        2,
        (-1, 1),
    ),
    "AD_size": Claim("4", "AD depends on the lesion's size (correlation with it)", "by argument", -1, 2, (-1, 1)),
    "BAD_size": Claim(
        "4", "BAD does not depend on the lesion's size (same correlation)", "by argument", (-0.2, 0.2), 2, (-1, 1)
    ),
    "small_differences": Claim(
        "5.1",
        "Differences between methods are at most about 0.03 (the one that reaches furthest)",
        "at most 0.03",
        (-0.035, 0.035),
        trainings=1,
    ),
    "softmax_kills": Claim(
        "5.3",
        "Softmax kills Grad-CAM++ (percent of maps that eq. (8) in float32 leaves blank or NaN at logits of ±3,000)",
        "no map could be drawn",
        (95, 100),
        1,
        (0, 100),
    ),
    "head": Claim("3.2", "A ReLU head classifies worse than a softmax one (AUC, ReLU − softmax)", "stated", -1),
    "AUC": Claim("3.2", "The ReLU classifier's AUC is about 0.93", "about 0.93", (0.9, 0.96), 4, (0, 1)),
}
COLUMNS = ["claim", "value", "low", "high", "p", "trainings", "images", "data", "measured_in"]


class Measured(NamedTuple):
    """What a notebook measured for one claim.

    Attributes:
        estimate: an `Estimate`.
        trainings: on how many it rests.
        images: on how many it rests.
        data: the name of the data set.
    """

    estimate: Estimate
    trainings: int
    images: int
    data: str


def compare(trainings, metric, column, images, resampling, method="Grad-CAM++", baseline="CAM"):
    """Mean over images and trainings of a column of one method's rows, minus the baseline's.

    Args:
        trainings: one table of `evaluation.evaluate` for each training, of the same images.
        metric: "AD" or "BAD".
        column: of these tables, or "incorrect", which is 100 where the masked class is no longer the explained one,
            else 0.
        images: (n,), the ids that count.
        resampling: a `patients.Resampling` of these images.
        method: whose rows.
        baseline: the method that is subtracted, or None.

    Returns:
        An `Estimate`, and the number of images with a value under any training. A difference has neither
        interval nor p where too few patients differ in the mean over trainings (`means.enough_differ`).
    """
    values = []
    for rows in trainings:
        chosen = rows[rows["metric"] == metric]
        if column == "incorrect":
            chosen = chosen.assign(incorrect=100.0 * (chosen["masked_class"] != chosen["class"]))
        by_method = chosen.pivot(index="id", columns="method", values=column).loc[images]
        values.append(by_method[method] - (by_method[baseline] if baseline else 0))
    values = np.stack(values, axis=1)
    if baseline:
        samples = means.bootstrap_differences(values, resampling, trainings=True)
    else:
        samples = patients.bootstrap_means(values, resampling)
    return across_trainings(np.nanmean(values, axis=0), samples), int((~np.isnan(values)).any(axis=1).sum())


def compare_heads(answers, resampling):
    """The AUC of the ReLU classifiers, and how much it exceeds that of the softmax ones of the same seeds.

    Args:
        answers: a row for each test image and classifier, with columns head, training_seed, id, label and score.
        resampling: a `patients.Resampling` of these rows.

    Returns:
        Two pairs of an `Estimate` and the number of trainings that it rests on.
    """
    scores = answers.pivot(index="id", columns=["head", "training_seed"], values="score")
    first_rows = answers["id"].reset_index(drop=True).drop_duplicates()
    rows = pd.Series(first_rows.index, index=first_rows).loc[scores.index].to_numpy()
    labels, columns = answers["label"].to_numpy()[rows], scores.to_numpy()
    place = {classifier: position for position, classifier in enumerate(scores.columns)}
    relu = [position for (head, _), position in place.items() if head == "relu"]
    of_both = [training for head, training in place if head == "relu" and ("softmax", training) in place]
    pairs = [(place["relu", training], place["softmax", training]) for training in of_both]
    first, second = np.transpose(pairs)

    def areas(rows):
        if np.ptp(labels[rows]) == 0:
            return np.full(columns.shape[1], np.nan)
        return [roc.area_under_roc(labels[rows], column[rows]) for column in columns.T]

    estimates = np.array(areas(np.arange(len(labels))))
    samples = patients.bootstrap(areas, resampling.of_rows(rows))
    alone = across_trainings(estimates[relu], samples[:, relu])
    gain = across_trainings(estimates[first] - estimates[second], samples[:, first] - samples[:, second])
    return (alone, len(relu)), (gain, len(pairs))


def furthest(measured):
    """The one of several `Measured` whose interval reaches furthest from 0.

    Those outside the tolerance come first, since one of them suffices. Then come those without an interval, since the
    others do not suffice.
    """
    low, high = CLAIMS["small_differences"].expected
    outside = [one for one in measured if one.estimate.low > high or one.estimate.high < low]
    unknown = [one for one in measured if np.isnan(one.estimate.low)]
    return max(outside or unknown or measured, key=lambda one: max(abs(one.estimate.low), abs(one.estimate.high)))


def write_measured(notebook, measured, results, profile):
    """Write what a notebook measured to results/claims_<notebook>.csv.

    Args:
        notebook: its name.
        measured: claim -> `Measured`.
        results: the folder.
        profile: its name.

    Returns:
        The file.

    Raises:
        ValueError: for a claim that `CLAIMS` does not have.
    """
    unknown = set(measured) - set(CLAIMS)
    if unknown:
        raise ValueError(f"There is no claim {sorted(unknown)[0]!r}: CLAIMS holds {', '.join(CLAIMS)}.")
    table = [
        {"claim": claim, **one.estimate._asdict(), **{name: getattr(one, name) for name in one._fields[1:]}}
        for claim, one in measured.items()
    ]
    table = pd.DataFrame(table).assign(measured_in=notebook)[COLUMNS]
    return write_csv(table, Path(results) / f"claims_{notebook}.csv", profile)
