"""Metrics judged by every truth, next to a computation by hand with scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from black_average_drop.trust import agreement, judging, summaries, truths
from black_average_drop.trust.directions import DIRECTIONS

METHODS, MAPS = ["CAM", "Grad-CAM++", "Eigen-CAM"], ["CAM", "Grad-CAM++", "Eigen-CAM", "centre prior", "all ones"]


@pytest.fixture
def measured(generator):
    """Images of two folds under two metrics; AD has a value of every other image alone."""
    ids = [f"image {number}" for number in range(40)]
    values = pd.DataFrame(generator.random((40, 5)), ids, MAPS).rename_axis("id")
    tables = [values.assign(metric="BAD"), values[::2].div(2).assign(metric="AD")]
    return pd.concat(tables).reset_index().melt(["id", "metric"], var_name="map").assign(data="NIH boxes")


@pytest.fixture
def points(generator):
    ids = [f"image {number}" for number in range(40)]
    parts = []
    for score in truths.SCORES:
        values = (generator.random((40, 5)) + np.arange(5) / 5) / 2
        table = pd.DataFrame(values, ids, MAPS).rename_axis("id").reset_index()
        parts.append(table.melt("id", var_name="map").assign(score=score))
    table = pd.concat(parts).assign(data="NIH boxes")
    return table.assign(fold=np.where(table["id"].isin(ids[:25]), "A", "B"))


@pytest.fixture
def images(points):
    known = points.drop_duplicates("id")[["data", "fold", "id"]].assign(training=0, right=True, fully_boxed=True)
    known = known.assign(group=known["id"], region=0.1, near=0.2)
    return summaries.images_by_data(known, resamples=100)


def test_every_metric_meets_every_truth_and_the_primary_one_on_each_fold(measured, points, images):
    judged = judging.judge_by_truths(measured, points, images, {"NIH boxes": METHODS})
    count = (len(truths.SCORES) + 2) * (len(DIRECTIONS) + 1) * len(agreement.MAPS)
    assert len(judged) == count and list(judged["fold"].unique()) == ["", "A", "B"]
    assert set(judged[judged["telling"]]["truth"]) == {"hit"} == set(judged[judged["fold"] != ""]["truth"])
    rows = judged.set_index(["fold", "truth", "metric", "maps"])
    for fold, size in (("", 40), ("A", 25), ("B", 15)):
        by = "hit" if fold else "top_inside"
        row = rows.loc[(fold, by, "BAD", "methods alone")]
        chosen = points[(points["score"] == by) & (points["fold"].isin([fold] if fold else ["A", "B"]))]
        truth = chosen.groupby("map")["value"].mean()[METHODS]
        values = measured[(measured["metric"] == "BAD") & measured["id"].isin(chosen["id"])]
        expected = stats.kendalltau(-values.groupby("map")["value"].mean()[METHODS], truth).statistic
        assert row["set"] == pytest.approx(expected) and row["known"] == size
    assert rows.loc[("", "hit", "AD", "methods alone"), "known"] == 20
    assert rows.loc[("", "hit", agreement.TRUTH, "methods and controls"), "set"] == 1
    assert rows.loc[("", "mass_inside", agreement.TRUTH, "methods and controls"), "set"] < 1.01


def test_a_second_truth_is_judged_by_the_metrics_of_its_data_set(measured, points, images):
    other = points[points["id"] < "image 2"].assign(data="NIH boxes: the lesion, wrong")
    judged = judging.judge_by_truths(measured, pd.concat([points, other]), images, {"NIH boxes": METHODS})
    wrong = judged[(judged["data"] != "NIH boxes") & (judged["metric"] == "BAD")]
    assert (wrong[wrong["fold"] == ""]["known"] == other["id"].nunique()).all()


def test_which_maps_may_be_taken_by_drops_and_by_what_a_truth_misses(measured, points, images):
    """Points grow with the place of a map, so the last one misses least; the margins are those of their kind."""
    found = judging.which_maps(measured, points, images, {"NIH boxes": METHODS}, 0.02, 0.3)
    assert list(found) == [("NIH boxes", name) for name in ("AD", "BAD", "hit")]
    by_hits = found["NIH boxes", "hit"]
    means = 1 - points[points["score"] == "hit"].groupby("map")["value"].mean()
    np.testing.assert_allclose(by_hits.methods.set_index("map")["mean"], means[METHODS])
    assert by_hits.margin == 0.3 and found["NIH boxes", "AD"].margin == 0.02
    assert by_hits.methods.set_index("map")["may_be_best"].idxmax() == means[METHODS].idxmin()
    assert set(by_hits.controls["second"]) == set(MAPS) - set(METHODS)
    assert found["NIH boxes", "AD"].patients == 20


def test_methods_are_compared_under_metrics_and_truths(measured, points, images):
    table = judging.compare_methods(measured, points, images, {"NIH boxes": METHODS})
    assert set(table["quantity"]) == {"AD", "BAD", *truths.SCORES} and len(table) == 3 * 6
    row = table.set_index(["quantity", "first", "second"]).loc[("AD", "CAM", "Grad-CAM++")]
    mean = measured[measured["metric"] == "AD"].groupby("map")["value"].mean()
    assert row["difference"] == pytest.approx(mean["Grad-CAM++"] - mean["CAM"]) and row["patients"] == 20
    by_bad = table[table["quantity"] == "BAD"]
    assert (by_bad["within"] > by_bad[["low", "high"]].abs().max(axis=1) * 0.9).all()  # one-sided, together
    assert (by_bad["within"] < 1).all()
