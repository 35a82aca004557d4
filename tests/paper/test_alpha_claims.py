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
    of_all = {name: np.concatenate([small, np.ones((60, 3), bool)]) for name, small in touched.items()}
    sizes = np.concatenate([generator.random(30), 1 + generator.random(60)])  # the first 30 are the smallest third
    read = {"subjects": subjects, "contrast": contrasts, "lesions": lesion_rows(of_all, sizes)}
    measured = alpha_claims.measured_claims(read, correlations, SAMPLING)
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


def test_a_dead_training_is_counted_and_enters_no_mean_of_drops():
    """Of three trainings one has no drop: contrast moves the two others by 0.25 and 0.75, and all three touch lesions.

    Their correlations are 0.25 and 0.75 as well. Of dead ones alone no claim on drops is measured.
    """
    size = 12
    moved, images = {0: 0.25, 1: np.nan, 2: 0.75}, {"id": np.arange(size), "group": np.arange(size)}
    contrasts = pd.concat(
        pd.DataFrame(images | {"0.25": 0.125, "4": 0.125 + more}).assign(
            data="Radiographs", training=training, method=method
        )
        for training, more in moved.items()
        for method in ("CAM", "Grad-CAM++")
    )
    contrasts.loc[contrasts["training"] == 1, "0.25"] = np.nan
    samples = np.linspace(-0.125, 0.125, 60)
    of_training = {
        training: Correlation(value, value + samples, 0 if np.isnan(value) else size)
        for training, value in moved.items()
    }
    correlations = {
        ("Radiographs", feature, training): dict.fromkeys(("AD", "BAD"), one)
        for feature in ("opacity", "size")
        for training, one in of_training.items()
    }
    subjects = pd.DataFrame({"data": [*["Radiographs"] * 3, "Lesions"], "source": list("rrrl")})
    touched = {"CAM": np.zeros((size, 3), bool), "Grad-CAM++": np.tile(np.arange(size)[:, None] < 6, 3)}
    of_all = {name: np.concatenate([small, small, small]) for name, small in touched.items()}
    lesions = lesion_rows(of_all, np.linspace(0.01, 0.02, 3 * size))  # of which the first third is small
    read = {"subjects": subjects, "contrast": contrasts, "lesions": lesions}
    measured = alpha_claims.measured_claims(read, correlations, SAMPLING)
    assert alpha_claims.dead_trainings(contrasts) == [1]
    for claim in ("AD_opacity", "BAD_opacity", "AD_size", "BAD_size", "AD_contrast"):
        estimate = measured[claim].estimate
        assert estimate.value == pytest.approx(0.5) and estimate.trainings == 2, claim
        assert measured[claim].images == size
    assert np.isfinite([measured["AD_size"].estimate.low, measured["AD_size"].estimate.p]).all()
    assert measured["small_lesions"].estimate[:1] == (50.0,) and measured["small_lesions"].estimate.trainings == 3
    constant = Correlation(np.nan, np.full(60, np.nan), size)  # of a training that is alive
    correlations["Radiographs", "size", 2] = {"AD": constant, "BAD": correlations["Radiographs", "size", 2]["BAD"]}
    some = alpha_claims.measured_claims(read, correlations, SAMPLING)
    assert some["AD_size"].estimate[:1] == (0.25,) and some["AD_size"].estimate.trainings == 1
    assert some["BAD_size"] == measured["BAD_size"]
    dead = {key: one for key, one in correlations.items() if key[2] == 1}
    alone = alpha_claims.measured_claims(read | {"contrast": contrasts[contrasts["training"] == 1]}, dead, SAMPLING)
    assert set(alone) == {"small_lesions"}
