"""The tables of BAD along alpha, against what they are made of."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop import evaluation, networks
from black_average_drop.datasets import Dataset, phantoms
from black_average_drop.paper import alpha_study, sensitivity
from black_average_drop.statistics import means, patients, trainings
from black_average_drop.statistics.patients import Resampling


@pytest.fixture
def subject():
    """A random network under twelve phantoms, of which those with a lesion count."""
    dataset = phantoms.radiographs(12, size=64)
    model = networks.build("small_cnn", dataset.size, dataset.class_names, "relu")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.random.default_rng(1).normal(size=kernel.shape).astype("float32"), bias])
    network = networks.CamNetwork.from_model(model)
    return alpha_study.Subject(
        data="radiographs",
        title="Radiographs",
        training=0,
        files=("a.keras", "a.csv"),
        source="phantom radiographs",
        network=network,
        dataset=dataset,
        counted=dataset.subset(dataset.labels == 1),
        rows=evaluation.evaluate(network, dataset.batches(4), alpha=0.33, ids=dataset.ids),
    )


def test_a_subject_is_sampled_from_the_images_that_count(subject):
    sampled = subject.sampled(4, 0, 4)
    assert len(sampled.few) == 4 and (sampled.few.labels == 1).all() and isinstance(sampled.few, Dataset)
    assert list(sampled.few.ids) == [name for name in subject.counted.ids if name in sampled.few.ids]  # in their order
    np.testing.assert_array_equal(sampled.pixels, sampled.few.images())
    assert set(sampled.first_pass.maps) == {"CAM", "Grad-CAM", "Grad-CAM++"}
    assert subject.few is None and len(subject.sampled(40, 0, 4).few) == 6
    assert sampled.alpha == 0.33
    np.testing.assert_allclose(sampled.alphas, sorted([*np.arange(5, 100, 5) / 100, 0.33]))


def test_the_band_is_scaled_to_the_peak_and_the_choice_is_of_resamples(generator):
    curves = generator.random((9, 11))
    curves[:, 4] += 3  # every resample chooses it
    band, chosen = alpha_study.curve_band(curves, Resampling(np.arange(9), 50))
    assert list(band.columns) == ["alpha", "difference", "low", "high", "random_masks"]
    np.testing.assert_allclose(band["alpha"], np.linspace(0, 1, 11))
    np.testing.assert_allclose(band["difference"], curves.mean(axis=0) / curves.mean(axis=0).max())
    assert band["random_masks"].max() == band["random_masks"][5] == 1
    assert (band["low"] <= band["difference"]).all() and (band["difference"] <= band["high"]).all()
    np.testing.assert_allclose(chosen, 0.4)
    flat, _ = alpha_study.curve_band(np.zeros((9, 11)), Resampling(np.arange(9), 50))
    assert (flat["difference"] == 0).all()  # methods that draw the same maps


def test_along_table_tests_the_difference_alone(generator):
    drops = {"CAM": generator.random((30, 2)), "Grad-CAM++": generator.random((30, 2))}
    resampling = Resampling(np.arange(30), 80)
    table = alpha_study.along_table(drops, [0.2, 0.6], resampling)
    assert list(table.columns) == ["quantity", "alpha", "BAD", "low", "high", "p"]
    assert list(table["quantity"].unique()) == ["CAM", "Grad-CAM++", alpha_study.DIFFERENCE]
    gained = drops["Grad-CAM++"] - drops["CAM"]
    part = table[table["quantity"] == alpha_study.DIFFERENCE]
    np.testing.assert_allclose(part["BAD"], gained.mean(axis=0))
    samples = means.bootstrap_differences(gained, resampling)
    np.testing.assert_allclose(part[["low", "high"]].to_numpy().T, patients.interval(samples))
    expected = [trainings.statistic_across_trainings([gained[:, i].mean()], samples[:, [i]]).p for i in (0, 1)]
    np.testing.assert_allclose(part["p"], expected)
    assert table.loc[table["quantity"] != alpha_study.DIFFERENCE, "p"].isna().all()
    same = alpha_study.along_table({"CAM": drops["CAM"]}, [0.2, 0.6], resampling)  # Grad-CAM++ draws the same maps
    part = same[same["quantity"] == alpha_study.DIFFERENCE]
    assert (part["BAD"] == 0).all() and part[["low", "high", "p"]].isna().all(axis=None)


def test_intervals_read_the_difference_where_each_resample_chooses(subject):
    sampled = subject.sampled(6, 0, 4)
    batches = sampled.dataset.batches(4)
    curves = sensitivity.image_curves(batches, evaluation.explain_all(sampled.network, batches))
    gained = np.linspace(0.1, 0.4, 6)[:, None] * np.ones(len(sampled.alphas))
    drops = {"CAM": np.zeros_like(gained), "Grad-CAM++": gained}
    row = alpha_study.intervals_of_difference(sampled, curves, np.array([0.1, 0.2, 0.3]), drops, 40, 0)
    assert [row[name] for name in ("images", "alpha_low", "alpha_median", "alpha_high")] == [6, 0.1, 0.2, 0.3]
    assert np.isnan([row["anew_low"], row["fixed_high"]]).all()  # six patients are too few for an interval
    assert list(row)[-4:] == ["anew_low", "anew_high", "fixed_low", "fixed_high"]


def test_readings_are_means_with_their_difference(generator):
    drops = {"CAM": generator.random(25), "Grad-CAM++": generator.random(25)}
    drops["CAM"][3] = drops["Grad-CAM++"][3] = np.nan
    (row,) = alpha_study.rows_of_readings({("ties exact", "BAD"): (0.2, drops)}, Resampling(np.arange(25), 50))
    assert list(row) == ["metric", "choice", "alpha", "CAM", "Grad-CAM++", "difference", "low", "high"]
    assert row["difference"] == pytest.approx(row["Grad-CAM++"] - row["CAM"])
    assert row["CAM"] == pytest.approx(np.nanmean(drops["CAM"])) and row["low"] <= row["difference"] <= row["high"]


@pytest.mark.parametrize(
    ("signs", "p", "said"),
    [
        (
            [-1] * 19,
            1e-9,
            "at 19 of 19 alphas, behind at 0, undecided at 0 (Holm): the ranking does not turn over",
        ),
        ([-1] * 9 + [1] * 10, 1e-9, "at 9 of 19 alphas, behind at 10, undecided at 0 (Holm): the ranking turns over"),
        ([-1] * 19, 0.04, "at 0 of 19 alphas, behind at 0, undecided at 19 (Holm): the ranking cannot be told"),
        (
            [-1] * 19,
            np.nan,
            "at 0 of 19 alphas, behind at 0, undecided at 19 (Holm): the ranking cannot be told",
        ),
    ],
)
def test_the_sentence_counts_what_holm_decides(signs, p, said):
    table = pd.DataFrame({"alpha": alpha_study.STEPS, "BAD": 0.1 * np.array(signs), "p": p})
    table = pd.concat([table, pd.DataFrame({"alpha": [0.333], "BAD": [5.0], "p": [1e-9]})])  # Table 1's does not count
    sentence = alpha_study.ranking_sentence(table, {"data": "Photos", "alpha_low": 0.123, "alpha_high": 0.456})
    assert sentence.startswith("Photos: BAD puts") and said in sentence
    assert sentence.endswith("moves the chosen alpha between 0.12 and 0.46.")
