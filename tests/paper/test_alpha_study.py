"""What rows say of alpha, against a case by hand, a loop, or the function of statistics that should be asked."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.paper import alpha_study
from black_average_drop.statistics import comparisons, means, patients
from black_average_drop.statistics.patients import Resampling

SAMPLING = {"resamples": 80, "seed": 3}
STEPS = ("0.2", "0.6")


def drop_rows(values, alpha=0.4):
    """Rows of drops: method -> (N, 3), at 0.2, 0.6 and the alpha of Table 1; two images a patient."""
    parts = []
    for method, drops in values.items():
        part = pd.DataFrame(drops, columns=[*STEPS, "table1"])
        part.insert(0, "id", [f"i{number}" for number in range(len(part))])
        parts.append(part.assign(group=np.arange(len(part)) // 2, method=method, alpha_table1=alpha))
    return pd.concat(parts, ignore_index=True)


def curve_rows(curves):
    """Rows of curves (N, points + 1) of integers; two images a patient."""
    shares = [f"{share:g}" for share in np.linspace(0, 1, curves.shape[1])[1:]]
    table = pd.DataFrame(np.diff(curves, axis=1), columns=shares)
    table.insert(0, "id", [f"i{number}" for number in range(len(table))])
    return table.assign(group=np.arange(len(table)) // 2, training=0, data="Photos")


def test_the_band_is_scaled_to_the_peak_and_has_the_interval_of_means(generator):
    curves = generator.integers(0, 100, (120, 11))
    curves[:, 0], curves[:, 4] = 0, curves[:, 4] + 300
    band = alpha_study.curve_band(curve_rows(curves), SAMPLING)
    assert list(band.columns) == ["alpha", "difference", "low", "high", "random_masks"]
    np.testing.assert_allclose(band["alpha"], np.linspace(0, 1, 11))
    scaled = curves / curves.mean(axis=0).max()
    np.testing.assert_allclose(band["difference"], scaled.mean(axis=0))
    assert band["random_masks"].max() == band["random_masks"][5] == 1
    expected = means.estimate_means(scaled, Resampling(np.arange(120) // 2, **SAMPLING))
    np.testing.assert_array_equal(band[["low", "high"]].to_numpy().T, [expected.low, expected.high])
    assert (band["low"] < band["high"])[1:].all()
    flat = alpha_study.curve_band(curve_rows(np.zeros((40, 11), int)), SAMPLING)
    assert (flat["difference"] == 0).all()  # methods that draw the same maps


def test_along_table_tests_the_difference_alone_and_corrects_the_steps(generator):
    values = {"CAM": generator.random((60, 3)), "Grad-CAM++": 0.9 * generator.random((60, 3))}
    table = alpha_study.along_table(drop_rows(values), SAMPLING)
    assert list(table["quantity"].unique()) == ["CAM", "Grad-CAM++", alpha_study.DIFFERENCE]
    assert list(table["alpha"]) == [0.2, 0.4, 0.6] * 3 and list(table["of_table1"]) == [False, True, False] * 3
    gained = values["Grad-CAM++"] - values["CAM"]
    expected = means.estimate_means(gained, Resampling(np.arange(60) // 2, **SAMPLING))
    part = table[table["quantity"] == alpha_study.DIFFERENCE]
    rising = [0, 2, 1]
    for column, array in (("BAD", expected.value), ("low", expected.low), ("high", expected.high), ("p", expected.p)):
        np.testing.assert_allclose(part[column], array[rising], rtol=1e-12)
    bonferroni = np.abs(expected.limits(0.1 / 3)).max(axis=0)[rising]
    assert (part["within"] <= bonferroni + 1e-12).all()  # for the three together
    assert (part["within"] > np.abs(expected.limits(0.1)).max(axis=0)[rising]).all()
    steps = comparisons.holm(expected.p[:2])
    np.testing.assert_allclose(part["p_holm"], [steps[0], np.nan, steps[1]])
    assert table.loc[table["quantity"] != alpha_study.DIFFERENCE, ["p", "p_holm"]].isna().all(axis=None)
    whole = alpha_study.along_table(drop_rows({"CAM": np.zeros((60, 3))}), SAMPLING).iloc[0]  # the image itself
    assert (whole["quantity"], whole["low"], whole["high"]) == ("CAM", 0, pytest.approx(1 - 0.025 ** (1 / 30)))
    same = alpha_study.along_table(drop_rows({"CAM": values["CAM"]}), SAMPLING)  # Grad-CAM++ draws the same maps
    part = same[same["quantity"] == alpha_study.DIFFERENCE]
    assert (part["BAD"] == 0).all() and part[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_alpha_is_chosen_again_by_whoever_is_drawn():
    """Ten patients with curves that peak at 0.2 or, three times as high, at 0.6; the difference is alpha itself for one
    kind, twice that for the other."""
    alphas = np.array([0.0, 0.5, 1.0])
    shares = np.linspace(0, 1, 11)
    low, high = np.maximum(0, 1 - 5 * abs(shares - 0.2)), np.maximum(0, 3 - 15 * abs(shares - 0.6))
    of_high, drawn = np.arange(10) >= 8, Resampling(np.arange(10), 200)
    curves = np.where(of_high[:, None], high, low)
    differences = np.where(of_high[:, None], 2 * alphas, alphas)
    samples = alpha_study.redrawn_alpha(curves, alphas, differences, drawn)
    expected = {(alpha := 0.6 if 3 * k > 10 - k else 0.2, round(alpha * (10 + k) / 10, 9)) for k in range(11)}
    found = {tuple(np.round(sample, 9)) for sample in samples}
    assert found <= expected and len(found) > 4 and {alpha for alpha, _ in found} == {0.2, 0.6}
    one_known = np.where(of_high[:, None], np.nan, alphas)  # of one kind, and only up to 0.5
    samples = alpha_study.redrawn_alpha(curves, alphas[:2], one_known[:, :2], drawn)
    assert {tuple(np.nan_to_num(np.round(sample, 9), nan=-1)) for sample in samples} == {(0.2, 0.2), (0.6, -1)}


def test_alpha_drawn_again_is_that_of_a_loop_over_resamples(generator):
    curves, differences = generator.random((30, 21)), generator.normal(size=(30, 3))
    differences[:6] = np.nan
    alphas, resampling = np.array([0.1, 0.5, 0.9]), Resampling(np.arange(30) // 3, 50, 2)

    def statistic(rows):
        alpha = curves[rows].sum(axis=0).argmax() / 20
        return alpha, np.interp(alpha, alphas, np.nanmean(differences[rows], axis=0), left=np.nan, right=np.nan)

    samples = alpha_study.redrawn_alpha(curves, alphas, differences, resampling)
    np.testing.assert_allclose(samples, patients.bootstrap(statistic, resampling))


def test_intervals_of_alpha_chosen_again_are_percentiles_and_refused_with_those_of_the_fixed_alpha(generator):
    curves = generator.integers(0, 100, (40, 11))
    curves[:, 0], curves[:, 3] = 0, curves[:, 3] + 300  # every resample chooses 0.3
    gained = generator.normal(0.3, 0.1, (30, 1)) * [1, 9, 2]  # at 0.2, 0.6 and 0.4, so 1.5 times the first at 0.3
    values = {"CAM": np.zeros((30, 3)), "Grad-CAM++": gained}
    row = alpha_study.chosen_again(curve_rows(curves), drop_rows(values), SAMPLING)
    assert (row["alpha_table1"], row["images"], row["patients"], row["outside_grid"]) == (0.4, 30, 15, 0)
    assert (row["alpha_low"], row["alpha_median"], row["alpha_high"]) == (0.3, 0.3, 0.3)
    known = np.concatenate([1.5 * gained[:, 0], np.full(10, np.nan)])
    resampling = Resampling(np.arange(40) // 2, **SAMPLING)
    samples = patients.bootstrap(lambda rows: np.nanmean(known[rows]), resampling)
    np.testing.assert_allclose([[row["again_low"]], [row["again_high"]]], patients.interval(samples))
    fixed = means.estimate_means(gained[:, [2]], Resampling(np.arange(30) // 2, **SAMPLING))
    assert (row["fixed_low"], row["fixed_high"]) == (fixed.low[0], fixed.high[0])
    few_differ = {"CAM": np.zeros((30, 3)), "Grad-CAM++": np.where(np.arange(30)[:, None] < 8, gained, 0)}
    row = alpha_study.chosen_again(curve_rows(curves), drop_rows(few_differ), SAMPLING)
    assert np.isnan([row["again_low"], row["again_high"], row["fixed_low"]]).all() and row["alpha_low"] == 0.3
    few = {method: drops[:18] for method, drops in values.items()}  # of nine patients
    row = alpha_study.chosen_again(curve_rows(curves), drop_rows(few), SAMPLING)
    assert np.isnan([row["alpha_low"], row["alpha_median"], row["again_high"]]).all() and row["patients"] == 9


def test_intervals_stand_next_to_those_of_table_1(generator):
    curves, drops = curve_rows(generator.integers(0, 99, (24, 6))), drop_rows({"CAM": generator.random((24, 3))})
    table1 = pd.DataFrame({"data": ["other", "general", "general"], "n": [1, 2, 3], "BAD_minus_CAM_low": [-1, -2, -3]})
    subjects = pd.DataFrame({"data": ["Photos"], "table1": ["general"]})
    table1 = table1.assign(BAD_minus_CAM_high=[4, 5, 6])
    (row,) = alpha_study.intervals_table(curves, drops.assign(data="Photos"), subjects, table1, SAMPLING).to_dict(
        "records"
    )
    assert [row[name] for name in ("data", "training", "table1_images", "table1_low", "table1_high")] == [
        *("Photos", 0, 2, -2, 5)
    ]
    assert row["images"] == 24


def test_readings_are_means_with_their_difference(generator):
    frame = pd.DataFrame({"id": np.arange(25), "group": np.arange(25), "choice": "ties exact", "alpha": 0.2})
    rows = pd.concat(
        [
            frame.assign(method=method, AD=generator.random(25), BAD=generator.random(25))
            for method in ("CAM", "Grad-CAM++")
        ]
    )
    rows.loc[rows["id"] == 3, "BAD"] = np.nan
    table = alpha_study.readings_table(rows, SAMPLING).set_index("metric")
    assert list(table.columns) == ["choice", "alpha", "CAM", "Grad-CAM++", "difference", "low", "high", "within"]
    for metric in ("AD", "BAD"):
        cam, other = (rows.loc[rows["method"] == method, metric].to_numpy() for method in ("CAM", "Grad-CAM++"))
        expected = means.estimate_means((other - cam)[:, None], Resampling(np.arange(25), **SAMPLING))
        assert table.loc[metric, "CAM"] == pytest.approx(np.nanmean(cam))
        assert table.loc[metric, "difference"] == pytest.approx(np.nanmean(other - cam))
        assert (table.loc[metric, "low"], table.loc[metric, "high"]) == (expected.low[0], expected.high[0])
        assert table.loc[metric, "within"] == np.abs(expected.limits(0.1)).max()


def test_preparations_say_how_far_they_alone_move_both_methods(generator):
    ids = np.arange(25)
    frame = pd.DataFrame({"id": ids, "group": ids, "alpha": 0.2, "change": ids / 10})
    rows = pd.concat(
        [
            frame.assign(preparation=preparation, method=method, AD=generator.random(25), BAD=generator.random(25))
            for preparation in ("as in Table 1", "JPEG")
            for method in ("CAM", "Grad-CAM++")
        ]
    )
    table = alpha_study.preparations_table(rows, SAMPLING).set_index(["metric", "preparation"])
    drops = rows.set_index(["preparation", "method"])
    for metric in ("AD", "BAD"):
        by_method = {name: drops[metric].loc["JPEG", name].to_numpy() for name in ("CAM", "Grad-CAM++")}
        first = np.mean([drops[metric].loc["as in Table 1", name] for name in by_method], axis=0)
        changes = np.mean(list(by_method.values()), axis=0) - first
        resampling = Resampling(ids, **SAMPLING)
        for name, values in (
            (("moved", "moved_low", "moved_high"), changes),
            (("difference", "low", "high"), by_method["Grad-CAM++"] - by_method["CAM"]),
        ):
            expected = means.estimate_means(values[:, None], resampling)
            row = table.loc[(metric, "JPEG")]
            assert tuple(row[list(name)]) == (expected.value[0], expected.low[0], expected.high[0])
        assert row["within"] == np.abs(expected.limits(0.1)).max()  # of the difference, the last one
        assert row["change"] == pytest.approx(1.2) and row["CAM"] == pytest.approx(by_method["CAM"].mean())
        assert table.loc[(metric, "as in Table 1"), "moved"] == 0
