"""Agreement with hits against Kendall's tau, enumeration and Student's t; metrics against a count by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from black_average_drop.choice import believed
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust import agreement
from lesion_sets import first_hit, judged, rows_of


def clear_hits(shares, lesions=60):
    """Hits of maps m0, m1, ... on a share of the lesions each, so far apart that every pair is decided."""
    return pd.DataFrame(
        {f"m{i}": first_hit(round(share * lesions), lesions).astype(float) for i, share in enumerate(shares)}
    )


def sure_values(means, lesions=60):
    """Values of maps with these means, each lesion alike but for a small share."""
    noise = np.random.default_rng(5).uniform(-0.01, 0.01, (lesions, 1))
    return pd.DataFrame(np.asarray(means) + noise, columns=[f"m{i}" for i in range(len(means))])


@pytest.mark.parametrize("seed", range(4))
def test_where_all_pairs_are_decided_agreement_is_kendalls_tau(seed):
    means = np.random.default_rng(seed).permutation(5) / 5
    hits = clear_hits([0.05, 0.28, 0.5, 0.72, 0.95])
    values = {"BAD": sure_values(-means), "Average Gain": sure_values(means)}  # of BAD less is better
    judgement = believed.agreement_of_metrics(values, hits, list(hits), Resampling(np.arange(60), 300))
    expected = stats.kendalltau(means, np.arange(5)).statistic
    rows = judgement.agreements
    assert rows["maps"].tolist() == ["methods alone"] * 2 and rows["decided"].tolist() == [10, 10]
    for name in ("agreement", "low", "high"):
        np.testing.assert_allclose(rows[name], expected)
    assert (rows["right"] - rows["wrong"] == round(10 * expected)).all()


def test_random_orders_are_counted_by_enumeration():
    """Of the 24 orders of 4 maps 1 agrees fully, and 4 have at most one pair the wrong way round."""
    hits = clear_hits([0.05, 0.35, 0.65, 0.95])
    for order, expected in (([0, 1, 2, 3], 1 / 24), ([1, 0, 2, 3], 4 / 24), ([3, 2, 1, 0], 1 / 24)):
        values = {"Average Gain": sure_values(np.array(order) / 4)}
        judgement = believed.agreement_of_metrics(values, hits, list(hits), Resampling(np.arange(60), 100))
        assert judgement.agreements["by_chance"].tolist() == [pytest.approx(expected)]


def test_forms_of_one_map_stand_together_in_random_orders():
    """Four maps that hit nearly the same lesions against four others are one pair, not 16: half of all orders agree."""
    shares = [0.30, 0.32, 0.34, 0.36, 0.86, 0.88, 0.90, 0.92]
    values = {metric: sure_values(np.arange(8) / 8) for metric in ("Average Gain", "BAD")}
    hits = clear_hits(shares)
    rows = believed.agreement_of_metrics(values, hits, list(hits), Resampling(np.arange(60), 100)).agreements
    assert rows["decided"].tolist() == [16, 16] and rows["agreement"].tolist() == [1, -1]
    assert rows["families"].tolist() == [2, 2] and rows["by_chance"].tolist() == [0.5, 0.5]


def test_maps_that_hits_tell_apart_are_of_two_families_however_alike():
    """Of 400 lesions m1 hits 24 more than m0, 6 %, which decides the pair."""
    hits, values = clear_hits([0.3, 0.36, 0.9], 400), {"Average Gain": sure_values([0.1, 0.5, 0.9], 400)}
    row = believed.agreement_of_metrics(values, hits, list(hits), Resampling(np.arange(400), 100)).agreements.iloc[0]
    assert (row["decided"], row["families"]) == (3, 3) and row["by_chance"] == pytest.approx(1 / 6)


def test_many_maps_have_random_orders_tried():
    """With 8 maps one order of 40,320 agrees fully, so hardly any of 9,999 does."""
    hits = clear_hits(np.linspace(0.01, 0.99, 8), 400)
    judgement = believed.agreement_of_metrics(
        {"Average Gain": sure_values(np.arange(8) / 8, 400)}, hits, list(hits), Resampling(np.arange(400), 100)
    )
    assert judgement.agreements["decided"].tolist() == [28]
    assert 1e-4 <= judgement.agreements["by_chance"].iloc[0] <= 3e-4


def test_only_pairs_that_hits_decide_count():
    """m0 and m1 hit alike, and the metric's order of them counts for nothing."""
    hits = clear_hits([0.5, 0.5, 0.9])
    for first in (0.0, 0.4):
        values = {"Average Gain": sure_values([first, 0.2, 0.6])}
        row = believed.agreement_of_metrics(values, hits, list(hits), Resampling(np.arange(60), 100)).agreements.iloc[0]
        assert (row["decided"], row["right"], row["agreement"], row["pairs"]) == (2, 2, 1, 3)


def test_a_metric_that_too_few_patients_tell_apart_sees_a_tie():
    hits, values = clear_hits([0.1, 0.9]), sure_values([0.2, 0.2])
    values.loc[:8, "m1"] += 0.5  # nine patients, all the same way
    row = believed.agreement_of_metrics({"Average Gain": values}, hits, list(hits), Resampling(np.arange(60), 100))
    assert row.agreements[["agreement", "low", "high", "tied"]].iloc[0].tolist() == [0, 0, 0, 1]
    assert not believed.is_sure(row, "Average Gain", "m0", "m1")
    values.loc[9, "m1"] += 0.5  # a tenth
    row = believed.agreement_of_metrics({"Average Gain": values}, hits, list(hits), Resampling(np.arange(60), 100))
    assert row.agreements["agreement"].tolist() == [1] and believed.is_sure(row, "Average Gain", "m0", "m1")


def test_controls_are_judged_apart_and_change_nothing_for_methods():
    """The metric is wrong on the two methods, and right on every pair with a control."""
    hits = clear_hits([0.5, 0.9, 0.0, 0.1])
    values = {"Average Gain": sure_values([0.9, 0.5, 0.1, 0.2])}
    judgement = believed.agreement_of_metrics(values, hits, ["m0", "m1"], Resampling(np.arange(60), 100))
    rows = judgement.agreements.set_index("maps")
    assert rows.loc[agreement.MAPS[1], "agreement"] == -1 and rows.loc[agreement.MAPS[1], "pairs"] == 1
    assert rows.loc[agreement.MAPS[0], ["right", "wrong", "pairs"]].tolist() == [4, 1, 6]
    assert judgement.pairs[["first", "second"]].to_numpy().tolist() == [["m0", "m1"]]


def test_lesions_without_a_value_are_left_out_of_hits_too():
    hits, drops = {"CAM": first_hit(30, 40), "RISE": first_hit(10, 40)}, np.full(40, 0.5)
    drops[:30] = np.nan  # in the other ten no map hits
    row = judged(hits, {"CAM": drops, "RISE": drops + 0.1}).agreements.iloc[0]
    assert (row["lesions"], row["patients"], row["decided"]) == (10, 10, 0)


def test_the_interval_is_as_wide_as_students():
    """Twelve patients: a plain bootstrap is narrower by a seventh."""
    values = pd.DataFrame({"m0": np.random.default_rng(2).normal(0, 1, 12)})
    samples = believed._expanded(values, Resampling(np.arange(12), 20000))
    low, high = np.percentile(samples, [2.5, 97.5])
    expected = stats.t.interval(0.95, 11, values["m0"].mean(), stats.sem(values["m0"]))
    assert high - low == pytest.approx(np.ptp(expected), rel=0.04)


def test_metrics_are_read_from_the_rows_of_an_evaluation():
    rows = rows_of({"CAM": np.array([0.2, 0.0, np.nan, 0.4]), "Grad-CAM": np.zeros(4), "RISE": np.ones(4)})
    rows.loc[rows["method"] == "Grad-CAM", "same_map_as"] = "CAM"
    of_cam = (rows["method"] == "CAM") & (rows["id"] == 1)
    rows.loc[of_cam & (rows["metric"] == "AD"), ["masked_score", "masked_softmax", "opacity"]] = 1.5, 0.8, 0.3
    rows.loc[of_cam & (rows["metric"] == "BAD"), "masked_class"] = 0
    values = believed.metric_values(rows, [3, 1, 2])
    assert list(values) == list(believed.CHEAP) and all(list(table) == ["CAM", "RISE"] for table in values.values())
    expected = {"BAD": [0.4, 0.0, np.nan], "AD": [0.4, 0.0, np.nan], "Average Increase": [0, 1, np.nan]}
    expected |= {"Average Gain": [0, (0.8 - 0.5) / (1 - 0.5), np.nan], "Incorrect %": [0, 100, np.nan]}
    expected |= {"opacity": [0.1, 0.3, np.nan]}
    for metric, column in expected.items():
        np.testing.assert_allclose(values[metric]["CAM"], column, err_msg=metric)
