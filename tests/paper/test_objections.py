"""The two objections to Average Drop, against evaluation's own rows, another library, or a case by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from black_average_drop import evaluation
from black_average_drop.paper import objections
from black_average_drop.statistics import patients, trainings
from black_average_drop.statistics.patients import Resampling
from closeness import assert_same_drops
from evaluated_rows import METHODS, drops


def test_contrast_moves_average_drop_alone(network, pixels, first_pass):
    by_method, moved = objections.contrasts(network, pixels, first_pass, [0.25, 1.0, 4.0], 0.3, 4)
    assert moved == 0
    rows = evaluation.evaluate(network, pixels, METHODS, 0.3, 4)
    assert_same_drops(by_method["CAM"][:, 1], drops(rows, "CAM", "AD"), first_pass.scores["score"])
    assert np.abs(np.diff(by_method["CAM"].mean(axis=0))).min() > 1e-4


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


def test_contrast_table_has_the_mean_and_interval_of_each_power():
    by_method = {"CAM": np.array([[0.1, 0.5], [0.3, 0.7], [np.nan, np.nan]]), "Grad-CAM++": np.zeros((3, 2))}
    resampling = Resampling(np.arange(3), 100)
    table = objections.contrast_table(by_method, [0.5, 2.0], resampling)
    assert list(table.columns) == ["method", "exponent", "AD", "low", "high"]
    assert list(table["method"]) == ["CAM", "CAM", "Grad-CAM++", "Grad-CAM++"]
    assert list(table["exponent"]) == [0.5, 2.0, 0.5, 2.0]
    np.testing.assert_allclose(table["AD"], [0.2, 0.6, 0, 0])
    low, high = patients.interval(patients.bootstrap_means(by_method["CAM"], resampling))
    np.testing.assert_array_equal(table[["low", "high"]].to_numpy()[:2], np.stack([low, high], axis=1))


def test_contrast_effect_is_the_last_power_minus_the_first_over_the_methods():
    by_method = {"CAM": np.array([[0.1, 0.2, 0.5]]), "Grad-CAM++": np.array([[0.3, 0.9, 0.5]])}
    np.testing.assert_allclose(objections.contrast_effect(by_method), [(0.4 + 0.2) / 2])


@pytest.mark.parametrize("metric", ["AD", "BAD"])
def test_correlation_with_drop_is_that_of_the_images_that_count(metric, generator):
    ids = [f"i{number}" for number in range(12)]
    rows = pd.DataFrame(
        {"id": name, "method": method, "metric": one, "drop": generator.random(), "opacity": generator.random()}
        for name in ids
        for method in ("CAM", "Grad-CAM", "Grad-CAM++")
        for one in ("AD", "BAD")
    )
    rows.loc[rows["id"] == "i3", "drop"] = np.nan
    chosen, sizes = ids[:10][::-1], pd.Series(generator.random(12), ids)
    resampling = Resampling(np.arange(10), 20)
    for known in (None, sizes):
        correlation = objections.correlation_with_drop(rows, metric, chosen, resampling, known)
        expected = []
        for method in ("CAM", "Grad-CAM++"):
            part = rows[(rows["method"] == method) & (rows["metric"] == metric)].set_index("id").loc[chosen]
            other = part["opacity"] if known is None else known[chosen]
            expected.append(spearmanr(other, part["drop"], nan_policy="omit").statistic)
        assert correlation.value == pytest.approx(np.mean(expected))
        assert correlation.samples.shape == (20,) and correlation.images == 9


def test_what_is_measured_over_trainings_goes_by_the_statistics_of_trainings(generator):
    samples = generator.normal(0.4, 0.1, (50, 3))
    parts = [objections.Correlation(value, samples[:, i], 7 + i) for i, value in enumerate((0.3, 0.4, 0.6))]
    measured = objections.measured_correlation(parts, "phantoms")
    assert measured.estimate == trainings.statistic_across_trainings([0.3, 0.4, 0.6], samples, (-1, 1))
    assert measured.estimate.trainings == 3 and measured[1:] == (9, "phantoms", "")
    values = [generator.normal(0.2, 0.1, 20) for _ in range(2)]
    for one in values:
        one[4] = np.nan
    resampling = Resampling(np.arange(20), 60)
    measured = objections.measured_difference(values, resampling, "phantoms")
    paired = np.stack(values, axis=1)
    assert measured.estimate == trainings.across_trainings(paired, resampling)
    assert measured[1:] == (19, "phantoms", "holds") and measured.estimate.low > 0
