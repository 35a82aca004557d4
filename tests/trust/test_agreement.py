"""Agreement of rankings against scipy and hand-made cases."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust import agreement


def test_tau_b_is_scipys(generator):
    for _ in range(50):
        one, other = generator.integers(0, 4, 9), generator.integers(0, 4, 9)
        expected = stats.kendalltau(one, other, variant="b").statistic
        np.testing.assert_allclose(agreement.tau_b(one.astype(float), other.astype(float)), expected, atol=1e-12)
    assert np.isnan(agreement.tau_b(np.ones(4), np.arange(4.0)))
    many = generator.random((2, 3, 5)), generator.random((2, 3, 5))
    assert agreement.tau_b(*many)[1, 2] == pytest.approx(stats.kendalltau(many[0][1, 2], many[1][1, 2]).statistic)
    assert np.isnan(agreement.tau_b(np.array([1, np.nan, 2]), np.arange(3.0)))


def test_agreement_of_a_metric_that_knows_the_truth_of_one_that_reverses_it_and_of_noise(generator):
    truth = (generator.random((200, 6)) < np.linspace(0.1, 0.9, 6)).astype(float)
    groups = np.arange(200) // 2
    right = agreement.rank_agreement(truth * 3 + 1, truth, Resampling(groups, 200))
    assert right["set"] == right["image"] == 1 and right["set_low"] == 1
    wrong = agreement.rank_agreement(-truth, truth, Resampling(groups, 200))
    assert wrong["set"] == wrong["image"] == wrong["set_high"] == -1
    noise = agreement.rank_agreement(generator.random((200, 6)), truth, Resampling(groups, 200))
    assert noise["set_low"] < 0 < noise["set_high"] and noise["image_low"] < 0 < noise["image_high"]
    assert right["ranked"] == int((np.ptp(truth, axis=1) > 0).sum()) and right["known"] == 200


def test_images_without_a_value_are_left_out_and_the_mean_is_over_the_same_images(generator):
    truth, values = generator.random((30, 4)), generator.random((30, 4))
    values[10:, 2] = np.nan
    resampling = Resampling(np.arange(30), 100)
    agreed = agreement.rank_agreement(values, truth, resampling)
    assert agreed == agreement.rank_agreement(values[:10], truth[:10], resampling.of_rows(slice(10)))
    by_hand = stats.kendalltau(values[:10].mean(axis=0), truth[:10].mean(axis=0)).statistic
    assert agreed["set"] == pytest.approx(by_hand) and agreed["known"] == agreed["ranked"] == 10
    assert np.isnan(agreement.rank_agreement(np.full((3, 4), np.nan), truth[:3], Resampling(np.arange(3), 10))["set"])


def test_noise_of_float32_is_no_ranking(generator):
    """Every map drops nothing, but for noise; every map hits by the same chance, but for the ties of one pixel."""
    noise = np.where(np.arange(5) == 4, 5.5e-7, 0) * generator.random((30, 1))
    hits = (generator.random((30, 5)) < np.linspace(0.1, 0.9, 5)).astype(float)
    for values, truth in ((noise, hits), (hits, 0.03 + 7e-6 * np.arange(5) + np.zeros((30, 5)))):
        agreed = agreement.rank_agreement(values, truth, Resampling(np.arange(30), 50))
        assert np.isnan(agreed["set"]) and np.isnan(agreed["image"]) and agreed["ranked"] == 0 and agreed["known"] == 30
    assert agreement.fooled_by(noise, list("abcde"), ["e"], Resampling(np.arange(30), 50)) == ("", 0.0)


def test_maps_that_rank_nothing_in_an_image_are_left_out_there():
    """Where every real map misses, all ones would win by its share of chance."""
    truth = np.tile([0.0, 1.0, 0.04], (20, 1))
    truth[5:] = [0.0, 0.0, 0.04]
    values = np.tile([0.2, 0.3, 0.9], (20, 1))
    resampling = Resampling(np.arange(20), 50)
    everything = agreement.rank_agreement(values, truth, resampling)
    apart = agreement.rank_agreement(values, truth, resampling, np.array([True, True, False]))
    assert everything["ranked"] == 20 and apart["ranked"] == 5
    assert apart["image"] == 1 and apart["set"] == everything["set"]


def test_the_interval_is_over_patients(generator):
    """Ten copies of every image, of the same patient, say no more than one."""
    truth, values = generator.random((20, 5)), generator.random((20, 5))
    once = agreement.rank_agreement(values, truth, Resampling(np.arange(20), 500))
    tenfold = [np.repeat(part, 10, axis=0) for part in (values, truth, np.arange(20))]
    copies = agreement.rank_agreement(*tenfold[:2], Resampling(tenfold[2], 500))
    for name in ("set", "set_low", "set_high", "image", "image_low", "image_high"):
        assert copies[name] == pytest.approx(once[name], abs=1e-9)


def test_a_metric_is_fooled_by_a_control_it_prefers_to_every_map(generator):
    names, values = ["CAM", "Grad-CAM++", "all ones", "centre prior"], np.array([[1.0, 2, 3, 0]] * 20)
    controls, resampling = ["all ones", "centre prior"], Resampling(np.arange(20), 50)
    assert agreement.fooled_by(values, names, controls, resampling) == ("all ones", 1.0)
    assert agreement.fooled_by(values[:, [0, 2, 1, 3]], names, controls, resampling) == ("", 0.0)
    half = np.where(generator.random((20, 1)) < 0.5, [[1.0, 2, 2.9, 0]], [[1.0, 2, 1, 0]])
    assert 0 < agreement.fooled_by(half, names, controls, Resampling(np.arange(20), 200))[1] < 1


@pytest.mark.filterwarnings("error")
def test_few_patients_say_nothing_of_how_often_a_metric_is_fooled(generator):
    names, values = ["CAM", "all ones"], np.array([[1.0, 2]] * 9)
    assert agreement.fooled_by(values, names, ["all ones"], Resampling(np.arange(9), 50))[0] == "all ones"
    assert np.isnan(agreement.fooled_by(values, names, ["all ones"], Resampling(np.arange(9), 50))[1])
    agreed = agreement.rank_agreement(generator.random((9, 4)), generator.random((9, 4)), Resampling(np.arange(9), 50))
    assert np.isfinite([agreed["set"], agreed["image"]]).all()
    assert np.isnan([agreed[f"{name}_{end}"] for name in ("set", "image") for end in ("low", "high")]).all()


def test_the_mean_agreement_within_images_has_the_interval_of_a_mean(generator):
    truth, values = generator.random((15, 4)), generator.random((15, 4))
    agreed = agreement.rank_agreement(values, truth, Resampling(np.arange(15), 50))
    by_image = [stats.kendalltau(*pair).statistic for pair in zip(values, truth, strict=True)]
    expected = estimate_means(np.transpose([by_image]), Resampling(np.arange(15)), (-1, 1))
    assert (agreed["image_low"], agreed["image_high"]) == pytest.approx((expected.low[0], expected.high[0]))


def test_the_verdict_turns_metrics_and_keeps_to_images_that_both_know(generator):
    names, ids = ["CAM", "Grad-CAM++", "all ones"], [f"image {i}" for i in range(20)]
    truth = pd.DataFrame(generator.random((20, 3)) + [0.2, 0.4, 0], ids, names)
    parts = {"AD": 1 - truth, "gain": truth.iloc[::-1][:12], "fooled": truth[["all ones", "CAM", "Grad-CAM++"]]}
    parts["fooled"] = parts["fooled"].assign(**{"all ones": 9.0})
    long = [
        part.rename_axis("id").reset_index().melt("id", var_name="map").assign(metric=name)
        for name, part in parts.items()
    ]
    directions = {"AD": -1, "gain": 1, "fooled": 1, "absent": 1}
    judged = agreement.judge_metrics(pd.concat(long), truth, names[:2], Resampling(ids, 100), directions)
    with_controls = judged[judged["maps"] == agreement.MAPS[0]].set_index("metric")
    assert list(with_controls.index) == ["AD", "gain", "fooled", "absent"]
    assert with_controls.loc["absent", "known"] == 0 and np.isnan(with_controls.loc["absent", "set"])
    assert with_controls.loc["AD", "set"] == with_controls.loc["gain", "set"] == 1
    assert list(with_controls["fooled_by"]) == ["", "", "all ones", ""]
    assert with_controls.loc["gain", "known"] == 12 < with_controls.loc["AD", "known"]
    alone = judged[judged["maps"] == agreement.MAPS[1]].set_index("metric")
    assert alone["set"].tolist()[:3] == [1, 1, 1] and alone["fooled_share"].isna().all()
