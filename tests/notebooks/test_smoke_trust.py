"""The notebooks on known truth after a smoke run, which ends in the verdict on every metric."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from black_average_drop import controls
from black_average_drop.trust import agreement, localization, truths, wide
from black_average_drop.trust.directions import DIRECTIONS


def test_verdict_notebook_judges_every_metric_by_every_truth(results):
    verdict = pd.read_csv(results / "trust.csv", comment="#")
    data = ["Object phantoms", "Lesion phantoms", "Marker phantoms", "Marker phantoms: the lesion, wrong"]
    assert list(verdict["data"].unique()) == data
    rows = len(truths.SCORES) * (len(DIRECTIONS) + 1) * len(agreement.MAPS)  # and the truth's own
    assert len(verdict) == len(data) * rows
    known = verdict.dropna(subset=["set"])
    assert len(known) > 100
    bounded = known.dropna(subset=["set_low"])  # below ten patients there is no interval
    assert len(bounded) > 100 and (bounded["set_low"] <= bounded["set_high"]).all()
    assert known[["set", "image", "set_low", "set_high"]].abs().max().max() <= 1
    assert set(verdict["fooled_by"].dropna()) <= set(controls.CONTROLS)
    with_controls = verdict["maps"] == agreement.MAPS[0]
    assert verdict[~with_controls]["fooled_by"].isna().all() and verdict[with_controls]["fooled_by"].notna().any()
    many = verdict[(verdict["truth"] == "hit") & with_controls].pivot(index="metric", columns="data", values="known")
    assert many["Object phantoms"]["ROAD, combined"] == 4 and many["Object phantoms"]["Average Increase"] == 20
    # One cell again from what was written: the averages of the metric, the rates of hits, and scipy.
    averages = pd.read_csv(results / "trust_metrics.csv", comment="#").query("data == 'Object phantoms'")
    points = pd.read_csv(results / "trust_localization.csv", comment="#").query("data == 'Object phantoms'")
    points = points.query("images == 'all positives' and score == 'hit'").set_index("map")["value"].round(4)
    means = averages.query("metric == 'Average Increase'").set_index("map")["mean"].loc[points.index]
    expected = stats.kendalltau(means, points, variant="b").statistic
    of_objects = verdict[(verdict["data"] == data[0]) & with_controls].set_index(["truth", "metric"])["set"]
    assert of_objects["hit", "Average Increase"] == pytest.approx(expected, abs=1e-5)
    told = verdict[verdict["telling"] & with_controls]
    assert set(told[told["data"] == data[0]]["truth"]) == {"hit"} and set(told[told["data"] == data[2]]["truth"]) == {
        "mass_inside"
    }
    assert told.set_index(["data", "metric"])["set"][data[0], agreement.TRUTH] > 0.9


def test_rows_of_maps_hold_what_the_tables_say(results):
    """A share of hits, a mean of a metric and a count of lesions, computed from the rows alone."""
    points = wide.read_maps_rows("trust_points", results, ["id", "score"])
    hits = points.query("score == 'hit' and data == 'Object phantoms'").groupby("map")["value"].mean()
    localized = pd.read_csv(results / "trust_localization.csv", comment="#")
    localized = localized.query("score == 'hit' and data == 'Object phantoms' and images == 'all positives'")
    np.testing.assert_allclose(localized.set_index("map")["value"].loc[hits.index], hits, rtol=1e-5)
    metrics = wide.read_maps_rows("trust_metrics", results, ["id", "metric"])
    averages = pd.read_csv(results / "trust_metrics.csv", comment="#").set_index(["data", "metric", "map"])["mean"]
    means = metrics.groupby(["data", "metric", "map"])["value"].mean().dropna()
    np.testing.assert_allclose(averages.loc[means.index], means, rtol=1e-5)
    assert {"ADCC", "ADCC, ReLU scores", "ROAD, combined", "ARCC"} == set(averages.index.levels[1]) - set(
        means.index.levels[1]
    )
    known = wide.read_named("trust_images", results)
    assert set(known["id"]) >= set(points["id"]) and known[["region", "near"]].stack().between(0, 1).all()


def test_verdict_notebook_agrees_with_theory_and_with_itself(results):
    theory = pd.read_csv(results / "trust_theory.csv", comment="#")
    assert (theory["AD of all ones"] == 0).all() and (theory["AD of Fake-CAM"] < 0.05).all()
    np.testing.assert_allclose(theory["BAD of all ones"], theory["drop of a black image"], atol=1e-3)  # of rows
    same = pd.read_csv(results / "trust_same_maps.csv", comment="#").set_index(["data", "method"])
    for method, first in (("Grad-CAM", "CAM"), ("XGrad-CAM", "CAM"), ("HiRes-CAM", "CAM")):
        assert (same.xs(method, level=1)["same map as"] == first).all()
    assert (same["difference"] < 1e-4).all()
    points = pd.read_csv(results / "trust_localization.csv", comment="#")
    flat = points[points["map"] == "all ones"]
    hits = flat[flat["score"] != "hit_tolerant"]
    np.testing.assert_allclose(hits["value"], hits["chance"], atol=1e-4)  # a map that says nothing hits by chance
    assert "all positives" in set(points["images"]) and set(points["map"]) >= set(controls.CONTROLS)
    recall = pd.read_csv(results / "trust_recall.csv", comment="#")
    assert set(recall["area"]) == set(localization.AREAS) and recall[["seen", "chance"]].stack().between(0, 1).all()
    counted = (
        recall.query("images == 'all positives'").groupby(["data", "map", "area"])["lesions"].sum().groupby("data")
    )
    assert (counted.min() == counted.max()).all()
    differences = pd.read_csv(results / "trust_differences.csv", comment="#")
    told = differences.dropna(subset="p")
    assert (told["p_holm"] >= told["p"]).all() and "small lesions seen" in set(differences["quantity"])
    assert (told[["low", "high", "p_holm"]].notna().all(axis=1)).all() and differences["difference"].notna().any()
    sanity = pd.read_csv(results / "trust_sanity.csv", comment="#")
    eigen = sanity[(sanity["method"] == "Eigen-CAM") & (sanity["maps"] == "head randomised")]
    np.testing.assert_allclose(eigen["value"], 1, atol=1e-4)  # it does not know the head
    falls = pd.read_csv(results / "trust_falls.csv", comment="#").set_index(["data", "taken away"])
    assert len(falls) == 3 and falls.loc[("Marker phantoms", "marker"), "mean fall"] > 0


def test_trust_page_and_figures_say_that_a_smoke_run_is_none(results):
    page = (results / "trust.md").read_text()
    assert "smoke run: not a result" in page and "Grad-CAM++ touches" in page and "| AD |" in page
    for name in ("trust", "trust_truths", "trust_maps", "trust_sanity"):
        assert (results / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner
