"""Claims: the comparisons by hand, and what a notebook may write."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.artifact import claims_page
from black_average_drop.paper import claims
from black_average_drop.statistics import roc, trainings
from black_average_drop.statistics.patients import Resampling


def estimate(value, low, high, p=0.5):
    return trainings.Estimate(value, low, high, p)


def measured(value, low, high, p=0.5):
    return claims.Measured(estimate(value, low, high, p), 3, 100, "phantoms")


def rows(shift, ids="abcd"):
    """Two methods on four images, or as many times four, under AD; Grad-CAM++ is ahead by `shift` on every image but
    for noise of mean 0."""
    times = len(ids) // 4
    noise = np.tile([0.01, -0.01, 0.02, -0.02], times)
    parts = []
    for method, drop, masked in (("CAM", 0.5 + noise, [0, 0, 1, 1]), ("Grad-CAM++", 0.5 + shift - noise, [1, 1, 1, 0])):
        masked = masked * times
        part = {"id": list(ids), "method": method, "metric": "AD", "drop": drop, "class": 0, "masked_class": masked}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def test_compare_is_the_mean_of_paired_differences_over_images_and_trainings():
    ids = list("abcdefghijkl")
    difference, images = claims.compare([rows(-0.1, ids), rows(-0.3, ids)], "AD", "drop", ids, Resampling(ids))
    assert difference.value == pytest.approx(-0.2) and images == 12
    assert difference.low < -0.2 < difference.high
    some, images = claims.compare([rows(-0.1)], "AD", "drop", list("ab"), Resampling(list("ab")))
    assert some.value == pytest.approx(-0.1) and images == 2
    for method, percent in (("Grad-CAM++", 75), ("CAM", 50)):
        level, _ = claims.compare([rows(0)], "AD", "incorrect", list("abcd"), Resampling(list("abcd")), method, None)
        assert level.value == percent


def test_where_too_few_images_differ_there_is_no_interval_and_no_verdict(tmp_path):
    """Of twelve images nine differ under every training: neither interval nor test, for a level both."""
    ids = list("abcdefghijkl")
    same = rows(-0.1, ids)
    same.loc[same["id"].isin(list("jkl")), "drop"] = 0.5
    few, images = claims.compare([same] * 3, "AD", "drop", ids, Resampling(ids))
    assert few.value == pytest.approx(-0.075, abs=0.01) and images == 12
    assert np.isnan([few.low, few.high, few.p]).all()
    enough, _ = claims.compare([same, rows(-0.1, ids), rows(-0.1, ids)], "AD", "drop", ids, Resampling(ids))
    assert enough.low < enough.value < enough.high
    level, _ = claims.compare([same] * 3, "AD", "incorrect", ids, Resampling(ids), "Grad-CAM++", None)
    assert level.low < level.value == 75 < level.high
    two = {"radiographs_AD": claims.Measured(few, 3, 12, "phantoms"), "AD_size": measured(-0.1, -0.2, -0.01, 0.03)}
    claims.write_measured("03_table1", two | {"small_differences": two["radiographs_AD"]}, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    assert (table.loc[["radiographs_AD", "small_differences"], "verdict"] == "undecided").all()
    assert table.loc["AD_size", "p_holm"] == pytest.approx(0.03)  # the only test
    text = (tmp_path / "claims.md").read_text()
    assert f"| {few.value:+.4f} (no interval: too few images differ) |" in text and "nan" not in text
    assert f"| {few.value:.4f} (no interval: too few images differ) |" in text
    assert "Too few is fewer than 10 patients" in text


def test_images_that_have_no_drop_are_left_out_of_a_comparison():
    missing = rows(-0.1)
    missing.loc[0, "drop"] = np.nan
    difference, images = claims.compare([missing], "AD", "drop", list("abcd"), Resampling(list("abcd")))
    assert images == 3 and difference.value == pytest.approx(-0.1 - 2 * np.mean([-0.01, 0.02, -0.02]))


def test_heads_are_compared_by_auc_on_the_same_patients(generator):
    labels = np.arange(200) % 2
    parts = []
    for head, gap in (("relu", 1.0), ("softmax", 2.5)):
        for training in range(3):
            part = {"head": head, "training_seed": training, "id": np.arange(200), "group": np.arange(200) // 2}
            parts.append(pd.DataFrame(part | {"label": labels, "score": gap * labels + generator.normal(size=200)}))
    answers = pd.concat(parts)
    (auc, trained), (gain, paired) = claims.compare_heads(answers, Resampling(answers["group"], 200))
    assert trained == paired == 3
    by_hand = answers.groupby(["head", "training_seed"])[["label", "score"]].apply(
        lambda part: roc.area_under_roc(part["label"], part["score"])
    )
    assert auc.value == pytest.approx(by_hand["relu"].mean())
    assert gain.value == pytest.approx((by_hand["relu"] - by_hand["softmax"]).mean())
    assert gain.high < 0 and gain.p < 0.01 and auc.low < auc.value < auc.high
    fewer = answers[(answers["head"] == "relu") | (answers["training_seed"] == 1)]
    (same, trained), (of_one, paired) = claims.compare_heads(fewer, Resampling(fewer["group"], 200))
    assert same == auc and (trained, paired) == (3, 1)
    assert of_one.value == pytest.approx(by_hand["relu", 1] - by_hand["softmax", 1])


def test_a_resample_of_one_class_has_no_auc():
    answers = pd.DataFrame(
        {"head": ["relu", "softmax"] * 3, "training_seed": 0, "id": [0, 0, 1, 1, 2, 2], "group": [0, 0, 1, 1, 2, 2]}
    ).assign(label=[0, 0, 1, 1, 1, 1], score=[0.1, 0.2, 0.3, 0.1, 0.2, 0.4])
    (auc, _), (gain, _) = claims.compare_heads(answers, Resampling(answers["group"], 50))
    assert auc.value == 1 and gain.value == pytest.approx(0.5) and np.isfinite(gain.p)


def test_unknown_claims_are_refused(tmp_path):
    with pytest.raises(ValueError, match="There is no claim 'speed'"):
        claims.write_measured("03_table1", {"speed": measured(1, 0, 2)}, tmp_path, "demo")
    assert not list(tmp_path.iterdir())


def test_of_several_differences_the_one_that_reaches_furthest_counts():
    near, wide, outside = measured(0.001, -0.01, 0.01), measured(0.02, -0.02, 0.06), measured(-0.04, -0.045, -0.0351)
    assert claims.furthest([near, wide]) is wide
    assert claims.furthest([near, wide, outside]) is outside
    unknown = measured(np.nan, np.nan, np.nan)
    assert claims.furthest([near, unknown, wide]) is claims.furthest([unknown, near]) is unknown
    assert claims.furthest([unknown, outside]) is claims.furthest([outside, unknown]) is outside
