"""The two objections to Average Drop, against another library or a case by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from black_average_drop.paper import objections
from black_average_drop.statistics import means, patients
from black_average_drop.statistics.patients import Resampling

SAMPLING = {"resamples": 60, "seed": 3}


def test_rank_correlation_is_scipys_and_leaves_out_what_is_missing(generator):
    first, second = generator.normal(size=(2, 40))
    second += first
    value, samples = objections.rank_correlation([(first, second)], Resampling(np.arange(40), 300))
    assert value == pytest.approx(spearmanr(first, second).statistic)
    assert samples.shape == (300,) and samples.std() > 0 and abs(samples.mean() - value) < 0.05
    holes = second.copy()
    holes[:5] = np.nan
    value, _ = objections.rank_correlation([(first, holes), (first, -second)], Resampling(np.arange(40), 1))
    one, other = spearmanr(first[5:], second[5:]).statistic, spearmanr(first, -second).statistic
    assert value == pytest.approx((one + other) / 2)
    tied, resampling = np.round([first, holes], 1), Resampling(np.arange(40) // 3, 120, 4)
    _, samples = objections.rank_correlation([tied], resampling)

    def by_scipy(rows):
        return spearmanr(*tied[:, rows], nan_policy="omit").statistic

    np.testing.assert_allclose(samples, patients.bootstrap(by_scipy, resampling)[:, 0], atol=1e-12)
    value, samples = objections.rank_correlation([(first, np.zeros(40))], Resampling(np.arange(40), 3))
    assert np.isnan(value) and np.isnan(samples).all()


def test_below_ten_patients_a_correlation_has_no_interval(generator):
    columns = [generator.normal(size=(2, 20))]
    for patients_of, known in ((np.arange(20) // 2, True), (np.arange(20) // 3, False)):
        value, samples = objections.rank_correlation(columns, Resampling(patients_of, 5))
        assert np.isfinite(value) and np.isfinite(samples).all() == known


def contrast_rows(values):
    """Rows at the powers 0.5 and 2 of a dict method -> (N, 2)."""
    ids = {"id": np.arange(len(values["CAM"])), "group": np.arange(len(values["CAM"]))}
    parts = [pd.DataFrame(ids | {"method": name, "0.5": v[:, 0], "2": v[:, 1]}) for name, v in values.items()]
    return pd.concat(parts, ignore_index=True)


def test_contrast_has_the_mean_and_interval_of_each_power_and_of_their_difference(generator):
    values = {"CAM": generator.random((30, 2)), "Grad-CAM++": generator.random((30, 2)) / 2}
    values["CAM"][4] = np.nan
    table = objections.contrast_table(contrast_rows(values), SAMPLING)
    assert list(table["method"]) == ["CAM", "CAM", "Grad-CAM++", "Grad-CAM++"]
    assert list(table["exponent"]) == [0.5, 2.0, 0.5, 2.0]
    changes = objections.contrast_differences(contrast_rows(values), SAMPLING).set_index("method")
    resampling = Resampling(np.arange(30), **SAMPLING)
    for name, of_method in values.items():
        expected = means.estimate_means(of_method, resampling)
        part = table[table["method"] == name]
        for column, array in (("AD", np.nanmean(of_method, axis=0)), ("low", expected.low), ("high", expected.high)):
            np.testing.assert_allclose(part[column], array)
        one = means.estimate_means(of_method[:, [1]] - of_method[:, [0]], resampling)
        row = changes.loc[name]
        np.testing.assert_allclose(row[["smallest", "largest"]].astype(float), np.nanmean(of_method, axis=0))
        np.testing.assert_allclose(
            row[["difference", "low", "high"]].astype(float), [one.value[0], one.low[0], one.high[0]]
        )


def test_contrast_effect_is_the_last_power_minus_the_first_over_the_methods():
    by_method = {"CAM": np.array([[0.1, 0.5]]), "Grad-CAM++": np.array([[0.3, 0.5]])}
    np.testing.assert_allclose(objections.contrast_effect(contrast_rows(by_method)), [(0.4 + 0.2) / 2])


@pytest.fixture
def rows_of_maps(generator):
    """Rows of twelve images under two maps, one image without a drop."""
    ids = [f"i{number}" for number in range(12)]
    names = ("opacity", "AD", "BAD")
    rows = pd.DataFrame(
        {"id": name, "group": name, "map": one} | {column: generator.random() for column in names}
        for one in ("CAM", "Grad-CAM++", "centre prior")
        for name in ids
    )
    rows["size"] = rows["id"].map(dict(zip(ids, generator.random(12), strict=True)))
    rows.loc[rows["id"] == "i3", ["AD", "BAD"]] = np.nan
    return rows


@pytest.mark.parametrize("metric", ["AD", "BAD"])
@pytest.mark.parametrize("feature", ["opacity", "size"])
def test_correlation_with_drop_is_the_mean_of_those_under_both_methods(rows_of_maps, metric, feature):
    correlation = objections.correlations_with_drop(rows_of_maps, feature, SAMPLING)[metric]
    parts = [rows_of_maps[rows_of_maps["map"] == method] for method in ("CAM", "Grad-CAM++")]
    expected = [spearmanr(part[feature], part[metric], nan_policy="omit").statistic for part in parts]
    assert correlation.value == pytest.approx(np.mean(expected))
    assert correlation.samples.shape == (60,) and np.isfinite(correlation.samples).all() and correlation.images == 11


def test_every_classifier_has_the_features_that_are_known(rows_of_maps):
    unknown = rows_of_maps.assign(data="Radiographs", size=np.nan)
    swapped = rows_of_maps.assign(AD=rows_of_maps["BAD"], BAD=rows_of_maps["AD"])
    table1 = pd.concat(
        [swapped.assign(data="General images", training=0), unknown.assign(training=0), unknown.assign(training=1)]
    )
    lesions = pd.concat([rows_of_maps.assign(training=0), rows_of_maps.assign(training=1, AD=rows_of_maps["BAD"])])
    found = objections.correlations_of_classifiers(table1, lesions, SAMPLING)
    general = [("General images", feature, 0) for feature in ("opacity", "size")]
    assert list(found) == general + [("Radiographs", feature, t) for t in (0, 1) for feature in ("opacity", "size")]
    of_lesions = objections.correlations_with_drop(rows_of_maps, "size", SAMPLING)
    assert found["Radiographs", "size", 1]["AD"].value == of_lesions["BAD"].value
    assert found["General images", "size", 0]["BAD"].value == of_lesions["AD"].value
    table = objections.correlation_table(found)
    row = table[(table["data"] == "Radiographs") & (table["feature"] == "size") & (table["training"] == 0)].iloc[1]
    assert (row["metric"], row["correlation"], row["images"]) == ("BAD", of_lesions["BAD"].value, 11)
    ends = np.ravel(patients.interval(of_lesions["BAD"].samples[:, None]))
    np.testing.assert_array_equal(row[["low", "high"]].astype(float), ends)
