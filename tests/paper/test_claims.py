"""Claims: the comparisons by hand, and what a notebook may write."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from black_average_drop.artifact import claims_page
from black_average_drop.paper import claims
from black_average_drop.statistics import roc, trainings
from black_average_drop.statistics.more_needed import needed_across
from black_average_drop.statistics.patients import Resampling


def estimate(value, low, high, p=0.5):
    return trainings.Estimate(value, low, high, p, 3)


def measured(value, low, high, p=0.5):
    return claims.Measured(estimate(value, low, high, p), 100, "phantoms")


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
    difference = claims.compare([rows(-0.1, ids), rows(-0.3, ids)], "AD", "drop", ids, Resampling(ids), "phantoms")
    estimate = difference.estimate
    assert estimate.value == pytest.approx(-0.2) and (difference.images, difference.data) == (12, "phantoms")
    assert estimate.low < -0.2 < estimate.high and (estimate.trainings, estimate.same_sign) == (2, 2)
    some = claims.compare([rows(-0.1)], "AD", "drop", list("ab"), Resampling(list("ab")), "phantoms")
    assert some.estimate.value == pytest.approx(-0.1) and some.images == 2
    where = {"images": list("abcd"), "resampling": Resampling(list("abcd")), "source": "phantoms", "baseline": None}
    for method, percent in (("Grad-CAM++", 75), ("CAM", 50)):
        level = claims.compare([rows(0)], "AD", "incorrect", method=method, **where)
        assert level.estimate.value == percent and level.unseen == ""


def test_differences_of_softmax_scores_are_those_of_their_drops(generator):
    ids = np.arange(20)
    full, masked = generator.uniform(0.5, 1, (2, 20)), generator.uniform(0, 1, (2, 20))
    part = [
        pd.DataFrame({"id": ids, "method": method, "metric": "BAD", "full_softmax": f, "masked_softmax": m})
        for method, f, m in zip(("CAM", "Grad-CAM++"), full, masked, strict=True)
    ]
    values = claims.values_by_training([pd.concat(part)], "BAD", "softmax_drop", ids[::-1])
    cam, other = (np.maximum(0, 1 - m / f) for f, m in zip(full, masked, strict=True))
    np.testing.assert_allclose(values, (other - cam)[::-1, None])


def test_what_unseen_patients_could_do_to_a_sign():
    """Of 12 patients 3 / 12 may be unlike all seen: 0.75 x 0.2 - 0.25 x 1 turns, 0.75 x 0.4 - 0.25 x 1 does not."""
    for sign in (1, -1):
        for value, told in ((0.2, "overturned"), (0.4, "holds")):
            values = np.full((24, 2), sign * value) + np.tile([[0.01], [-0.01]], (12, 1))
            measured = claims.measured_mean(values, Resampling(np.arange(24) // 2), "phantoms", reach=1.0)
            assert (measured.unseen, measured.images) == (told, 24)
    assert claims.measured_mean(np.abs(values), Resampling(np.arange(24)), "phantoms", bounds=(0, 1)).unseen == ""


def test_a_margin_is_held_by_the_limits_for_all_claims_of_a_table(generator):
    values, resampling = generator.normal(0.001, 0.03, (120, 1)), Resampling(np.arange(120))
    known = claims.measured_mean(values, resampling, "phantoms", reach=1.0)
    one, four = (claims.with_margin(known, values, resampling, 0.02, count, 2 * count) for count in (1, 4))
    assert one.estimate == known.estimate and one.margin == 0.02
    for measured, level in ((one, 0.1), (four, 0.025)):
        low, high = trainings.across_trainings(values, resampling, level=level)[1:3]
        assert measured.within == pytest.approx(max(-low, high))
    assert one.more == needed_across(values, resampling, 0.02, 0.025) and one.more.most < four.more.most
    values[3:] = 0  # three of 120 differ, and how many may differ holds the margin
    few = claims.with_margin(claims.measured_mean(values, resampling, "phantoms"), values, resampling, 0.1, 1, 2)
    assert np.isnan(few.estimate.low) and few.within == pytest.approx(beta.ppf(0.95, 4, 117))
    several = np.repeat(values, 3, axis=1)  # which says nothing of other trainings
    assert np.isnan(claims.with_margin(few, several, resampling, 0.1, 1, 2).within)


def test_where_too_few_images_differ_there_is_no_interval_and_no_verdict(tmp_path):
    """Of twelve images two differ under every training: neither interval nor test."""
    ids = list("abcdefghijkl")
    same = rows(-0.1, ids)
    same.loc[same["id"].isin(list("cdefghijkl")), "drop"] = 0.5
    few = claims.compare([same] * 3, "AD", "drop", ids, Resampling(ids), "phantoms")
    estimate = few.estimate
    assert estimate.value == pytest.approx(-0.0167, abs=0.01) and few.images == 12 and estimate.same_sign == 3
    assert np.isnan([estimate.low, estimate.high, estimate.p, estimate.next_low, estimate.next_high]).all()
    two = {"radiographs_AD": few, "AD_size": measured(-0.1, -0.2, -0.01, 0.03)}
    claims.write_measured("03_table1", two | {"small_differences": few}, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    assert (table.loc[["radiographs_AD", "small_differences"], "verdict"] == "undecided").all()
    assert table.loc["AD_size", "p_holm"] == pytest.approx(0.03)  # the only test
    text = (tmp_path / "claims.md").read_text()
    assert f"| {estimate.value:+.4f} (no interval: too few images differ) |" in text and "nan" not in text
    assert f"| {estimate.value:.4f} (no interval: too few images differ) |" in text


def test_images_that_have_no_drop_are_left_out_of_a_comparison():
    missing = rows(-0.1)
    missing.loc[0, "drop"] = np.nan
    ids = list("abcd")
    difference = claims.compare([missing], "AD", "drop", ids, Resampling(ids), "phantoms")
    assert difference.images == 3
    assert difference.estimate.value == pytest.approx(-0.1 - 2 * np.mean([-0.01, 0.02, -0.02]))


def test_heads_are_compared_by_auc_on_the_same_patients(generator):
    labels = np.arange(200) % 2
    parts = []
    for head, gap in (("relu", 1.0), ("softmax", 2.5)):
        for training in range(3):
            part = {"head": head, "training_seed": training, "id": np.arange(200), "group": np.arange(200) // 2}
            parts.append(pd.DataFrame(part | {"label": labels, "score": gap * labels + generator.normal(size=200)}))
    answers = pd.concat(parts)
    auc, gain = claims.compare_heads(answers, Resampling(answers["group"], 200))
    assert auc.trainings == gain.trainings == 3
    by_hand = answers.groupby(["head", "training_seed"])[["label", "score"]].apply(
        lambda part: roc.area_under_roc(part["label"], part["score"])
    )
    assert auc.value == pytest.approx(by_hand["relu"].mean())
    assert gain.value == pytest.approx((by_hand["relu"] - by_hand["softmax"]).mean())
    assert gain.high < 0 and gain.p < 0.01 and auc.low < auc.value < auc.high
    fewer = answers[(answers["head"] == "relu") | (answers["training_seed"] == 1)]
    same, of_one = claims.compare_heads(fewer, Resampling(fewer["group"], 200))
    assert same == auc and (same.trainings, of_one.trainings) == (3, 1)
    assert of_one.value == pytest.approx(by_hand["relu", 1] - by_hand["softmax", 1])


def test_a_resample_of_one_class_has_no_auc():
    """12 images, of which one is of the class 0: a third of the resamples lack it."""
    image = np.repeat(np.arange(12), 2)
    answers = pd.DataFrame({"head": ["relu", "softmax"] * 12, "training_seed": 0, "id": image, "group": image})
    score = np.concatenate([[0.1, 0.2], np.tile([0.3, 0.1, 0.2, 0.4], 5), [0.3, 0.1]])
    answers = answers.assign(label=(image > 0).astype(int), score=score)
    auc, gain = claims.compare_heads(answers, Resampling(answers["group"], 50))
    assert auc.value == 1 and gain.value == pytest.approx(6 / 11) and np.isfinite(gain.p)


def test_unknown_claims_are_refused(tmp_path):
    with pytest.raises(ValueError, match="There is no claim 'speed'"):
        claims.write_measured("03_table1", {"speed": measured(1, 0, 2)}, tmp_path, "demo")
    assert not list(tmp_path.iterdir())
