"""Means over images that several networks share by cross-fitting: a network judges the patients it was not trained on.

Networks are nested in folds of patients: those of a fold judge its patients and no others. So `trainings`, where every
training sees every patient, does not apply.

For these networks only the patients are random. Patients are drawn within their folds. A network learnt from the other
folds' patients, so the errors of two folds depend on each other. To first order they are uncorrelated: the error of a
fold is 0 on average whatever its networks learnt (Austern and Zhou 2020, Asymptotics of cross-validation). With few
patients a correlation is left that no single study can estimate (Bengio and Grandvalet 2004).
paper_figures/reliability.md says how large it is for small networks.

For other networks, those within a fold say how much a training changes. The folds' own values differ by patients,
training images and training alike, and two of them say next to nothing of the training images. So that interval is for
other trainings on the same training images.
"""

from dataclasses import dataclass

import numpy as np

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.variance_recovery import (
    Between,
    covariance_over_patients,
    interval_of_both,
    means_of_known,
    patients_part,
)


@dataclass(frozen=True, eq=False)
class FoldEstimates:
    """Means over all images, each judged by its fold's networks. Arrays are (M,); NaN where no interval is given.

    Attributes:
        value: the means.
        low: where the 95 % interval begins, for these networks and other patients.
        high: where it ends.
        p: of the two-sided test against 0, for these networks.
        of_folds: (F, M), the mean of each fold's own images, in the order of the sorted folds.
        networks: how many judge each fold, R.
        others_low: where the interval begins, for other networks, too. NaN for one network a fold.
        others_high: where it ends.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    of_folds: np.ndarray
    networks: int
    others_low: np.ndarray
    others_high: np.ndarray


def across_folds(values, resampling, bounds=None):
    """The mean of each column over the images of all folds, for these networks and for others.

    The interval for other networks is that over patients and that over networks by the method of variance estimates
    recovery. Networks within a fold have one variance, pooled over F folds with F (R - 1) degrees of freedom.

    Args:
        values: (N, M, R), image by column by network of the image's fold, NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images whose strata are the folds.
        bounds: the limits (low, high) of the values, as for `estimate_means`.

    Returns:
        `FoldEstimates`.

    Raises:
        ValueError: if the resampling has no strata.
    """
    if resampling.strata is None:
        raise ValueError("The resampling has no strata: give it the fold of each image as strata.")
    values = np.asarray(values, "float64")
    networks = values.shape[2]
    estimates = estimate_means(means_of_known(values, axis=2), resampling, bounds)
    folds = [np.asarray(resampling.strata) == fold for fold in np.unique(resampling.strata)]
    of_folds = np.stack([means_of_known(means_of_known(values[fold], axis=2), axis=0) for fold in folds])
    low, high = np.full((2, values.shape[1]), np.nan)
    if networks > 1:
        for column in np.flatnonzero(~np.isnan(estimates.low)):
            parts = [(values[fold, column], np.asarray(resampling.groups)[fold]) for fold in folds]
            ends = estimates.low[column], estimates.high[column]
            between = _between([part for part in parts if not np.isnan(part[0]).all()])
            low[column], high[column] = interval_of_both(estimates.value[column], lambda _, e=ends: e, between, LEVEL)
        low, high = (np.clip(end, *(bounds or (-np.inf, np.inf))) for end in (low, high))
    return FoldEstimates(estimates.value, estimates.low, estimates.high, estimates.p, of_folds, networks, low, high)


def covered_by(networks):
    """What intervals of `across_folds` are for, in a sentence.

    Args:
        networks: how many judge each fold.
    """
    if networks == 1:
        return (
            "Intervals are for these networks and other patients. With one network a fold, nothing is known about "
            "other trainings."
        )
    return (
        f"The first interval is for these networks and other patients. The second one is for other trainings on the "
        f"same training images, too, by the spread of {networks} networks within each fold."
    )


def _between(folds):
    """The `Between` of one column: [(values (n, R), groups (n,)) of each fold]."""
    networks, sizes = folds[0][0].shape[1], np.array([(~np.isnan(values)).any(axis=1).sum() for values, _ in folds])
    weights = sizes / sizes.sum()
    spread = np.mean([means_of_known(values, axis=0).var(ddof=1) for values, _ in folds])
    parts = [patients_part(covariance_over_patients(*fold)) for fold in folds]
    explained, over_patients = (weights**2) @ [[within / networks, of_mean] for within, of_mean in parts]
    counted = min(1.0, explained / over_patients) if over_patients > 0 else 0.0
    error = np.sqrt(spread * (weights**2).sum() / networks)
    return Between(float(error), len(folds) * (networks - 1), float(counted))
