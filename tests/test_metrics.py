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


def test_bootstrap_of_any_statistic_draws_as_that_of_means_does(generator):
    values, groups = generator.normal(size=60), np.repeat(np.arange(20), 3)
    found = metrics.bootstrap(lambda rows: values[rows].mean(), groups, 4000)
    fast = metrics.bootstrap_means(values[:, None], groups, 4000)
    assert found.shape == fast.shape == (4000, 1)
    assert found.std() == pytest.approx(fast.std(), rel=0.05) and found.mean() == pytest.approx(fast.mean(), abs=0.01)
    np.testing.assert_array_equal(found, metrics.bootstrap(lambda rows: values[rows].mean(), groups, 4000))
    seen = []
    metrics.bootstrap(lambda rows: seen.append(np.sort(rows)) or 0.0, groups, 5)
    for rows in seen:
        assert len(rows) == 60 and (rows.reshape(20, 3) // 3 == rows.reshape(20, 3)[:, :1] // 3).all()  # whole patients


def test_across_trainings_by_hand():
    """Trainings at 1, 2 and 3: their mean has the error 1 / sqrt(3), with 2 degrees of freedom; patients have 0.5."""
    samples = np.tile([[1.5], [2.5]], (1, 3))
    found = metrics.across_trainings([1, 2, 3], samples)
    half = np.hypot(stats.t.ppf(0.975, 2) / np.sqrt(3), 0.5 * stats.norm.ppf(0.975))
    assert (found.value, found.low, found.high) == pytest.approx((2, 2 - half, 2 + half))
    level = found.p / 2
    assert np.hypot(stats.t.isf(level, 2) / np.sqrt(3), 0.5 * stats.norm.isf(level)) == pytest.approx(2)
    one = metrics.across_trainings([2], samples[:, :1])
    assert (one.low, one.high) == pytest.approx(stats.norm.interval(0.95, 2, 0.5))
    assert one.p == pytest.approx(2 * stats.norm.sf(4))
    still = metrics.across_trainings([1, 2, 3], np.full((5, 3), 2.0))  # no spread over patients: a plain t test
    assert still.p == pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue)


def test_what_has_no_value_has_no_interval_and_no_p():
    found = metrics.across_trainings([1, np.nan, 2], np.ones((5, 3)))
    assert np.isnan(found).all()


def test_across_trainings_without_any_spread():
    assert metrics.across_trainings([0, 0], np.zeros((5, 2))) == (0, 0, 0, 1)
    assert metrics.across_trainings([3, 3], np.full((5, 2), 3.0)) == (3, 3, 3, 0)


@pytest.mark.parametrize(("of_trainings", "of_patients"), [(1.0, 1.0), (0.0, 1.0), (3.0, 0.3)])
def test_intervals_across_trainings_cover_the_truth(of_trainings, of_patients):
    """Crossed random effects of 3 trainings and 60 patients, drawn 400 times around a truth of 0."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        training, patient = generator.normal(size=(1, 3)), generator.normal(size=(60, 1))
        values = of_trainings * training / 8 + of_patients * patient + 0.5 * generator.normal(size=(60, 3))
        samples = metrics.bootstrap_means(values, np.arange(60), 200)
        found = metrics.across_trainings(values.mean(axis=0), samples)
        assert (found.low < 0 < found.high) == (found.p > 0.05)
        covered += found.low < 0 < found.high
    assert 0.92 <= covered / 400 <= 0.995


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, then 0.03 x 2 and 0.04 x 1, none below the one before."""
    np.testing.assert_allclose(metrics.holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(metrics.holm([0.9, 0.5]), [1, 1])
    np.testing.assert_allclose(metrics.holm([0.04]), [0.04])


def test_area_under_roc_against_all_pairs(generator):
    labels = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(size=60) + labels, 1)  # rounded, so that ties occur
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert metrics.area_under_roc(labels, scores) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    with pytest.raises(ValueError, match="both classes"):
        metrics.area_under_roc(np.ones(5), np.arange(5))
