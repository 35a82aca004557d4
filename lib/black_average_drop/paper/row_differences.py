"""The difference between the paper's methods in every row of Table 1, and the row where it reaches furthest from 0."""

from typing import NamedTuple

import numpy as np

from black_average_drop.metrics import METRICS
from black_average_drop.paper.claims import Measured, values_by_training
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.trainings import across_trainings


class RowsOfData(NamedTuple):
    """What Table 1 says of one data set.

    Attributes:
        trainings: S tables of `evaluation.evaluate`, one for each training, of the same N images.
        images: (N,), their ids.
        subsets: name -> booleans (N,), or (N, S) where each training chooses its own, as by its prediction.
        resampling: a `patients.Resampling` of the N images.
        source: of the images, in words.
    """

    trainings: list
    images: np.ndarray
    subsets: dict[str, np.ndarray]
    resampling: Resampling
    source: str


def explained_classes(trainings, images):
    """The class that each training explains of each image.

    Args:
        trainings: S tables of `evaluation.evaluate`.
        images: (N,), ids.

    Returns:
        (N, S).
    """
    return np.stack([rows.groupby("id")["class"].first().loc[images] for rows in trainings], axis=1)


def differences_of_rows(parts):
    """Grad-CAM++ − CAM in every row of Table 1, under both metrics, with ReLU scores as in the paper.

    Each interval covers at a level so much higher that all of them together cover in 95 % (Bonferroni). So looking for
    the row that reaches furthest does not make it reach further. A training that chooses no image of a row that has a
    drop does not count in it. There is no prediction interval at that level.

    Args:
        parts: a list of `RowsOfData`.

    Returns:
        A list of `claims.Measured`, whose data name the images, the subset and the metric.
    """
    count = len(METRICS) * sum(len(part.subsets) for part in parts)
    measured = []
    for part in parts:
        for name, chosen in part.subsets.items():
            chosen = np.broadcast_to(
                np.reshape(chosen, (len(part.images), -1)), (len(part.images), len(part.trainings))
            )
            some = chosen.any(axis=1)
            for metric in METRICS:
                values = values_by_training(part.trainings, metric, "drop", part.images)
                values = np.where(chosen, values, np.nan)[some]
                values = values[:, ~np.isnan(values).all(axis=0)]
                if not values.size:
                    continue
                estimate = across_trainings(values, part.resampling.of_rows(some), level=LEVEL / count)
                estimate = estimate._replace(next_low=np.nan, next_high=np.nan)
                images = int((~np.isnan(values)).any(axis=1).sum())
                measured.append(Measured(estimate, images, f"{part.source}, {name}, {metric}"))
    return measured


def furthest(measured):
    """The one of several `claims.Measured` whose interval reaches furthest from 0.

    Those outside the tolerance come first, since one of them suffices. Then come those without an interval, since the
    others do not suffice.
    """
    low, high = CLAIMS["small_differences"].expected
    outside = [one for one in measured if one.estimate.low > high or one.estimate.high < low]
    unknown = [one for one in measured if np.isnan(one.estimate.low)]
    return max(outside or unknown or measured, key=_reach)


def _reach(one):
    """How far from 0 an interval reaches, or its value where there is none."""
    ends = [end for end in (one.estimate.low, one.estimate.high) if not np.isnan(end)]
    return max(abs(end) for end in ends or [one.estimate.value])
