"""What `04_alpha` measured for the paper's claims, over all trainings of the radiograph classifier."""

import numpy as np

from black_average_drop.paper import claims, objections, small_lesions
from black_average_drop.paper.alpha_rows import LESIONS, RADIOGRAPHS, patients_of_rows
from black_average_drop.statistics import trainings
from black_average_drop.statistics.patients import Resampling


def measured_claims(read, correlations, sampling):
    """Every claim that `04_alpha` measures.

    A dead training has no drop. So no mean of drops or of their correlations holds it, as in Table 1. Nor does a mean
    of correlations hold a training whose drops under one method are all the same. A claim that no training could show
    is not measured.

    Args:
        read: name -> rows of `alpha_rows`, of all trainings: those called subjects, contrast and lesions.
        correlations: of `objections.correlations_of_classifiers`.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        claim -> `claims.Measured`.
    """
    source, measured = read["subjects"].groupby("data")["source"].first(), {}
    for feature, data in {"opacity": RADIOGRAPHS, "size": LESIONS}.items():
        by_training = [one for (name, what, _), one in correlations.items() if (name, what) == (RADIOGRAPHS, feature)]
        for metric in ("AD", "BAD"):
            known = [one[metric] for one in by_training if not np.isnan(one[metric].value)]
            if known:
                measured[f"{metric}_{feature}"] = measured_correlation(known, source[data])
    powers = read["contrast"][read["contrast"]["data"] == RADIOGRAPHS]
    powers = powers[~powers["training"].isin(dead_trainings(powers))]
    if len(powers):
        effects = [objections.contrast_effect(part) for _, part in powers.groupby("training")]
        resampling = Resampling(patients_of_rows(powers), **sampling)
        measured["AD_contrast"] = claims.measured_mean(
            np.stack(effects, axis=1), resampling, source[RADIOGRAPHS], reach=1.0
        )
    lesions = small_lesions.smallest(read["lesions"])
    resampling = Resampling(patients_of_rows(lesions), **sampling)
    more = small_lesions.touched_more(lesions, "CAM")
    return measured | {"small_lesions": claims.measured_mean(more, resampling, source[LESIONS], reach=100.0)}


def dead_trainings(contrasts):
    """The trainings of the radiograph classifier of which no image has a drop, a list.

    Args:
        contrasts: of `alpha_rows.rows_of_contrasts`, of all classifiers.
    """
    by_training = contrasts[contrasts["data"] == RADIOGRAPHS].groupby("training")
    return [training for training, part in by_training if objections.contrast_effect(part).isna().all()]


def measured_correlation(correlations, source):
    """The `claims.Measured` of a correlation over trainings.

    Args:
        correlations: an `objections.Correlation` for each training, from the same draws of patients.
        source: of the images, in words.
    """
    samples = np.stack([one.samples for one in correlations], axis=1)
    estimate = trainings.statistic_across_trainings([one.value for one in correlations], samples, (-1, 1))
    return claims.Measured(estimate, max(one.images for one in correlations), source)
