"""Maps by their mean drop, and pairs of them, against a table by hand."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.choice import ranking
from black_average_drop.statistics import comparisons, which_best
from black_average_drop.statistics.patients import Resampling
from drop_tables import CONTROLS, drops


def test_ranking_and_comparisons_leave_out_images_without_a_drop(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    table.iloc[:7] = np.nan
    resampling = Resampling(np.arange(80), 300)
    ranked = ranking.rank_maps(table, CONTROLS, resampling)
    assert list(ranked["map"]) == ["Grad-CAM++", "CAM", "centre prior", "all ones"]
    assert list(ranked["control"]) == [False, False, True, True] and (ranked["images"] == 73).all()
    np.testing.assert_allclose(ranked.set_index("map")["drop"], table.mean()[ranked["map"]])
    assert (ranked["low"] < ranked["drop"]).all() and (ranked["drop"] < ranked["high"]).all()
    pairs = ranking.comparisons(table, CONTROLS, resampling)
    assert len(pairs) == 5  # of six, one has no method in it
    by_hand = comparisons.differences(table.to_numpy(), list(table), resampling)
    by_hand = by_hand[by_hand["first"] != "all ones"].reset_index(drop=True)
    np.testing.assert_array_equal(pairs["p"], by_hand["p"])
    assert (pairs["p_holm"] <= by_hand["p_holm"]).all()


def test_each_finding_that_enough_patients_have_is_ranked_and_holm_counts_all_comparisons(generator):
    """Three findings: of 45 images, of 30 that belong to 12 patients, and of 5."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.45, "all ones": 0.7})
    findings = np.repeat(["Edema", "Hernia", "Mass"], (45, 30, 5))
    groups = np.array([*range(45), *(100 + np.arange(30) % 12), *range(5)])  # some have Edema and Mass
    resampling = Resampling(groups, 300)
    ranked, pairs = ranking.rank_by_finding(table, findings, CONTROLS, resampling)
    assert list(ranked["finding"].unique()) == list(pairs["finding"].unique()) == [ranking.EVERY, "Edema", "Hernia"]
    by_hand = table[findings == "Hernia"].mean()
    hernia = ranked[ranked["finding"] == "Hernia"].set_index("map")
    np.testing.assert_allclose(hernia["drop"], by_hand[hernia.index])
    assert list(ranked["images"]) == [80] * 3 + [45] * 3 + [30] * 3
    alone = ranking.comparisons(table[findings == "Hernia"], CONTROLS, resampling.of_rows(findings == "Hernia"))
    np.testing.assert_array_equal(pairs.loc[pairs["finding"] == "Hernia", "p"], alone["p"])
    np.testing.assert_allclose(pairs["p_holm"], comparisons.holm(pairs["p"]))
    assert (pairs["p_holm"] > pairs.groupby("finding")["p"].transform(comparisons.holm)).any()
    whole = ranking.rank_maps(table, CONTROLS, resampling)
    for given in (None, np.full(80, "Edema")):  # one finding is all there is
        once, _ = ranking.rank_by_finding(table, given, CONTROLS, resampling)
        assert once.drop(columns="finding").equals(whole) and set(once["finding"]) == {ranking.EVERY}


def test_a_finding_cannot_take_the_name_of_all_together(generator):
    table = drops(generator, {"CAM": 0.5, "all ones": 0.7}, images=20)
    findings = np.repeat(["Edema", ranking.EVERY], 10)
    with pytest.raises(ValueError, match="An output of the model is named 'all findings': give class_names"):
        ranking.rank_by_finding(table, findings, CONTROLS, Resampling(np.arange(20), 10))
    ranked, _ = ranking.rank_by_finding(table, np.repeat(["Edema", "all"], 10), CONTROLS, Resampling(np.arange(20), 10))
    assert ranked.groupby("finding")["images"].max().to_dict() == {ranking.EVERY: 20, "Edema": 10, "all": 10}


def test_a_best_map_is_found_among_as_many_rankings_as_a_chest_model_has(generator):
    """525 comparisons: p has to be below 1 in 10,000 to be below 0.05 once it is corrected."""
    means = {f"method {number}": 0.2 + 0.08 * number for number in range(7)} | {"all ones": 0.78, "centre prior": 0.8}
    table = drops(generator, means, images=14 * 25, spread=0.01)
    findings, patients = np.repeat(np.arange(14).astype(str), 25), np.tile(np.arange(25), 14)
    _, pairs = ranking.rank_by_finding(table, findings, CONTROLS, Resampling(patients, 10))
    assert len(pairs) == 15 * 35
    assert (pairs.loc[pairs["first"] == "method 0", "p_holm"] < comparisons.LEVEL).all()


def test_rows_of_an_evaluation_are_ranked_by_either_metric(generator):
    bad, ad = (drops(generator, {"CAM": mean, "all ones": 0.7}, images=20) for mean in (0.5, 0.9))
    long = [
        pd.DataFrame({"method": name, "metric": metric, "drop": values[name], "class": 1, "masked_class": masked})
        for name in bad
        for metric, values, masked in (("AD", ad, 1), ("BAD", bad, np.where(np.arange(20) < 5, -1, 1)))
    ]
    resampling = Resampling(np.arange(20), 100)
    ranked, pairs = ranking.rank_by_metric(pd.concat(long), CONTROLS, resampling)
    assert list(ranked["map"]) == ["CAM", "all ones", "all ones", "CAM"]
    assert list(ranked["metric"]) == ["BAD", "BAD", "AD", "AD"] and list(pairs["metric"]) == ["BAD", "AD"]
    np.testing.assert_allclose(ranked["drop"], [*bad.mean(), ad["all ones"].mean(), ad["CAM"].mean()])
    assert list(ranked["incorrect"]) == [25, 25, 0, 0]
    findings = np.repeat(["Edema", "Mass"], 10)
    ranked, _ = ranking.rank_by_metric(pd.concat(long), CONTROLS, resampling, findings)
    cam = ranked[(ranked["map"] == "CAM") & (ranked["metric"] == "BAD")].set_index("finding")["incorrect"]
    assert cam.to_dict() == {ranking.EVERY: 25, "Edema": 50, "Mass": 0}


def test_answers_are_those_of_the_drops_of_each_metric(generator):
    """Two findings of each patient, one without a drop; by AD no image has one."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7})
    table.iloc[0] = np.nan
    parts = [table.melt(var_name="method", value_name="drop").assign(metric="BAD")]
    rows = pd.concat([*parts, parts[0].assign(metric="AD", drop=np.nan)])
    resampling = Resampling(np.arange(80) // 2, 100)
    found = ranking.answers_by_metric(rows, CONTROLS, resampling, 0.02)
    expected = which_best.answer(table.reset_index(drop=True), list(CONTROLS), resampling, 0.02)
    assert found["AD"] is None and found["BAD"][:2] == expected[:2] == (0.02, 40)
    for one, other in zip(found["BAD"][2:], expected[2:], strict=True):
        pd.testing.assert_frame_equal(one, other)
    tables = ranking.tables_of_answers(found)
    assert {name: len(one) for name, one in tables.items()} == {"answer_set": 2, "answer_pairs": 2}
    assert set(tables["answer_set"]["metric"]) == {"BAD"} and ranking.tables_of_answers({"AD": None}) == {}
