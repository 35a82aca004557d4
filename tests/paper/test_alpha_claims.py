"""What 04_alpha measures for the paper's claims, by the statistics of trainings."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.paper import alpha_claims, claims
from black_average_drop.paper.objections import Correlation
from black_average_drop.statistics import trainings
from black_average_drop.statistics.patients import Resampling
from lesion_rows import lesion_rows

SAMPLING = {"resamples": 60, "seed": 1}


def correlation(generator, value):
    return Correlation(value, generator.normal(value, 0.1, 60), 30)


def test_a_correlation_over_trainings_has_the_limits_of_a_correlation(generator):
    parts = [correlation(generator, value)._replace(images=7 + i) for i, value in enumerate((0.3, 0.4, 0.6))]
    measured = alpha_claims.measured_correlation(parts, "phantoms")
    samples = np.stack([one.samples for one in parts], axis=1)
    assert measured.estimate == trainings.statistic_across_trainings([0.3, 0.4, 0.6], samples, (-1, 1))
    assert (measured.estimate.trainings, measured.images, measured.data, measured.unseen) == (3, 9, "phantoms", "")


def test_every_claim_is_measured_over_the_trainings_of_radiographs(generator):
    values = {"opacity": {"AD": 0.1, "BAD": 0.5}, "size": {"AD": -0.2, "BAD": 0.3}}
    correlations = {
        (data, feature, training): {metric: correlation(generator, value) for metric, value in values[feature].items()}
        for data, count in (("General images", 1), ("Radiographs", 3))
        for feature in ("opacity", "size")
        for training in range(count)
    }
    powers, images = generator.random((4, 2, 30, 2)), {"id": np.arange(30), "group": np.arange(30)}
    contrasts = pd.concat(
        pd.DataFrame(images | {"0.25": part[:, 0], "4": part[:, 1]}).assign(data=data, training=training, method=method)
        for (data, training), classifier in zip(
            [("General images", 0), *(("Radiographs", training) for training in range(3))], powers, strict=True
        )
        for method, part in zip(("CAM", "Grad-CAM++"), classifier, strict=True)
    )
    touched = {"CAM": generator.random((30, 3)) < 0.2}
    touched["Grad-CAM++"] = touched["CAM"] | (np.arange(30)[:, None] < 2)  # at most 7 points more
    subjects = pd.DataFrame({"data": ["General images", *["Radiographs"] * 3, "Lesions"], "source": list("grrrl")})
    lesions = lesion_rows(touched, generator.random(30))
    measured = alpha_claims.measured_claims(subjects, correlations, contrasts, lesions, SAMPLING)
    assert set(measured) <= set(claims.CLAIMS) and len(measured) == 6
    for feature, by_metric in values.items():
        for metric, value in by_metric.items():
            estimate = measured[f"{metric}_{feature}"].estimate
            assert estimate.value == pytest.approx(value) and estimate.trainings == 3
    assert {claim: one.data for claim, one in measured.items()} == {
        **{
            f"{metric}_{feature}": source
            for metric in ("AD", "BAD")
            for feature, source in (("opacity", "r"), ("size", "l"))
        },
        **{"AD_contrast": "r", "small_lesions": "l"},
    }
    effects = (powers[1:, ..., 1] - powers[1:, ..., 0]).mean(axis=1).T
    resampling = Resampling(np.arange(30), **SAMPLING)
    expected = claims.measured_mean(effects, resampling, "r", reach=1.0)
    np.testing.assert_allclose(measured["AD_contrast"].estimate[:4], expected.estimate[:4])
    more = 100.0 * (touched["Grad-CAM++"].astype(float) - touched["CAM"])
    np.testing.assert_allclose(
        measured["small_lesions"].estimate[:4], claims.measured_mean(more, resampling, "l", reach=100.0).estimate[:4]
    )
    assert measured["small_lesions"].unseen == "overturned"  # 3 / 30 of -100 points, not of -1
