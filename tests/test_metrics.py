import numpy as np
import pytest
from scipy import stats

from black_average_drop import metrics


def test_average_drop_by_hand():
    # Drops: (4-1)/4, a rise counts as 0, and the third image has no score to fall.
    assert metrics.average_drop([4.0, 2.0, 0.0], [1.0, 3.0, 0.0]) == pytest.approx((0.75 + 0) / 2)
    np.testing.assert_array_equal(metrics.drops([4.0, 2.0, 0.0], [1.0, 3.0, 0.0]), [0.75, 0, np.nan])


def test_average_drop_without_any_score_is_nan():
    assert np.isnan(metrics.average_drop([0.0, -1.0], [0.0, 1.0]))


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        metrics.average_drop([1.0, np.nan], [1.0, 1.0])


def test_incorrect_percent_by_hand():
    assert metrics.incorrect_percent([0, 1, 1, 0], [[2, 1], [2, 1], [1, 2], [-3, -2]]) == 50.0
    with pytest.raises(ValueError, match="wanted"):
        metrics.incorrect_percent([0, 1], [[2, 1]])


def test_bootstrap_draws_whole_patients_and_pairs_columns():
    groups = np.array(["a", "a", "a", "b"])
    values = np.array([[1.0, 11.0], [1.0, 11.0], [1.0, 11.0], [5.0, 15.0]])
    samples = metrics.bootstrap_means(values, groups, 500, seed=3)
    # Two patients drawn with replacement: aa, ab, bb. Images of "a" never come apart.
    assert set(np.unique(samples[:, 0])) == {1.0, 2.0, 5.0}
    np.testing.assert_allclose(samples[:, 1] - samples[:, 0], 10)
    assert (samples[:, 0] == 2.0).mean() == pytest.approx(0.5, abs=0.08)


def test_bootstrap_is_a_function_of_its_seed(generator):
    values = generator.normal(size=(30, 2))
    first, again, other = (metrics.bootstrap_means(values, np.arange(30), 250, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9 and len(np.unique(first[:, 0])) > 240  # no block repeats another


def test_bootstrap_leaves_missing_values_out_of_the_mean():
    samples = metrics.bootstrap_means(np.array([[np.nan], [2.0], [2.0]]), ["a", "b", "c"], 300)
    assert set(np.unique(samples[~np.isnan(samples)])) == {2.0}
    assert np.isnan(samples).mean() == pytest.approx(1 / 27, abs=0.03)  # all three draws hit patient a


def test_intervals_agree_with_scipy(generator):
    values = generator.exponential(size=200)
    low, high = metrics.interval(metrics.bootstrap_means(values[:, None], np.arange(200), 4000))
    wanted = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose([low[0], high[0]], [wanted.low, wanted.high], atol=0.02)


def test_a_column_without_any_value_has_no_interval():
    values = np.stack([np.full(5, np.nan), np.arange(5.0)], axis=1)
    low, high = metrics.interval(metrics.bootstrap_means(values, np.arange(5), 100))
    assert np.isnan([low[0], high[0]]).all() and low[1] < 2 < high[1]
    assert np.isnan(metrics.interval(np.full((9, 1), np.nan))).all()


def test_area_under_roc_against_all_pairs(generator):
    labels = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(size=60) + labels, 1)  # rounded, so that ties occur
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert metrics.area_under_roc(labels, scores) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    with pytest.raises(ValueError, match="both classes"):
        metrics.area_under_roc(np.ones(5), np.arange(5))
