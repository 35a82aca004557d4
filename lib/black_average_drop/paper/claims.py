"""How the paper's claims are measured here. Each notebook writes its own with `write_measured`; `verdicts` decides."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import metrics
from black_average_drop.files import write_csv
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics import means, patients, roc
from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.equivalence import bound_by_differing
from black_average_drop.statistics.more_needed import Needed, needed_across
from black_average_drop.statistics.trainings import Estimate, across_trainings, statistic_across_trainings

OF_MARGIN = ["margin", "within", *Needed._fields]
COLUMNS = ["claim", *Estimate._fields, "unseen", *OF_MARGIN, "images", "data", "measured_in"]


class Measured(NamedTuple):
    """What a notebook measured for one claim.

    Attributes:
        estimate: a `trainings.Estimate`.
        images: on how many it rests.
        data: the name of the data set.
        unseen: "holds" if patients that nobody saw could not turn the sign of a difference, "overturned" if they could
            (`means.overturned_by_unseen`); "" for what is no difference.
        margin: the difference that matters, NaN where none was set.
        within: the smallest margin that holds the difference at 5 %, for all claims with a margin in its table.
        more: how many would show a difference of the margin, a `more_needed.Needed`.
    """

    estimate: Estimate
    images: int
    data: str
    unseen: str = ""
    margin: float = np.nan
    within: float = np.nan
    more: Needed = Needed()


def measured_mean(values, resampling, source, bounds=None, reach=None):
    """The `Measured` of a mean over images and trainings.

    Args:
        values: (N, S), image by training, NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        source: of the images, in words.
        bounds: the limits (low, high) of a level.
        reach: the largest difference that an image can have, for a difference.
    """
    estimate = across_trainings(values, resampling, bounds)
    known = ~np.isnan(values).all(axis=1)
    unseen = ""
    if reach and known.any():
        patients = len(np.unique(np.asarray(resampling.groups)[known]))
        turned = means.overturned_by_unseen(estimate.value, patients, -np.sign(estimate.value) * reach)
        unseen = "overturned" if turned else "holds"
    return Measured(estimate, int(known.sum()), source, unseen)


def with_margin(measured, values, resampling, margin, claims_together, tests_together):
    """Add to what was measured of a difference whether it is within a margin, and how many more would tell.

    Args:
        measured: a `Measured`, by `measured_mean` of the same values.
        values: (N, S), image by training, from -1 to 1.
        resampling: a `patients.Resampling` of the N images.
        margin: the difference that matters.
        claims_together: how many claims of one table are asked for their margin. Bonferroni's correction is for these.
        tests_together: how many claims of one table have a direction, and so are tested.
    """
    level = LEVEL / claims_together
    same = across_trainings(values, resampling, level=2 * level)
    within = max(abs(same.low), abs(same.high))
    if np.isnan(within) and values.shape[1] == 1:  # how few differ says nothing of other trainings
        within = bound_by_differing(values[:, 0], resampling.groups, 1.0, level)
    more = needed_across(values, resampling, margin, LEVEL / tests_together)
    return measured._replace(margin=margin, within=within, more=more)


def compare(trainings, metric, column, images, resampling, source, method="Grad-CAM++", baseline="CAM"):
    """Mean over images and trainings of a column of one method's rows, minus the baseline's.

    Args:
        trainings: one table of `evaluation.evaluate` for each training, of the same images.
        metric: "AD" or "BAD".
        column: as for `values_by_training`.
        images: (n,), the ids that count.
        resampling: a `patients.Resampling` of these images.
        source: of the images, in words.
        method: whose rows.
        baseline: the method that is subtracted, or None.

    Returns:
        A `Measured`.
    """
    values = values_by_training(trainings, metric, column, images, method, baseline)
    largest = 100.0 if column == "incorrect" else 1.0
    bounds, reach = (None, largest) if baseline else ((0.0, largest), None)
    return measured_mean(values, resampling, source, bounds, reach)


def values_by_training(trainings, metric, column, images, method="Grad-CAM++", baseline="CAM"):
    """A column of one method's rows, minus the baseline's, by image and training.

    Args:
        trainings: one table of `evaluation.evaluate` for each training.
        metric: "AD" or "BAD".
        column: of these tables; or "incorrect", which is 100 where the masked class is no longer the explained one,
            else 0; or "softmax_drop", the drop of softmax scores.
        images: (n,), the ids that count.
        method: whose rows.
        baseline: the method that is subtracted, or None.

    Returns:
        (n, S), NaN where an image has no value under a training.
    """
    values = []
    for rows in trainings:
        chosen = rows[rows["metric"] == metric]
        if column == "incorrect":
            chosen = chosen.assign(incorrect=100.0 * (chosen["masked_class"] != chosen["class"]))
        if column == "softmax_drop":
            softmax_scores = (chosen[name].to_numpy() for name in ("full_softmax", "masked_softmax"))
            chosen = chosen.assign(softmax_drop=metrics.drops(*softmax_scores))
        by_method = chosen.pivot(index="id", columns="method", values=column).reindex(images)
        values.append(by_method[method] - (by_method[baseline] if baseline else 0))
    return np.stack(values, axis=1).astype("float64")


def compare_heads(answers, resampling):
    """The AUC of the ReLU classifiers, and how much it exceeds that of the softmax ones of the same seeds.

    Args:
        answers: a row for each test image and classifier, with columns head, training_seed, id, label and score.
        resampling: a `patients.Resampling` of these rows.

    Returns:
        Two `trainings.Estimate`.
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
    gains = estimates[first] - estimates[second], samples[:, first] - samples[:, second]
    return (
        statistic_across_trainings(estimates[relu], samples[:, relu], (0, 1)),
        statistic_across_trainings(*gains, (-1, 1)),
    )


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
        {"claim": claim, **one.estimate._asdict(), **one._asdict(), **one.more._asdict()}
        for claim, one in measured.items()
    ]
    table = pd.DataFrame(table).assign(measured_in=notebook)[COLUMNS]
    return write_csv(table, Path(results) / f"claims_{notebook}.csv", profile)
