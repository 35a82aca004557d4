"""Two sources of error in one interval: by brute force, by hand, and by the analysis of variance."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import variance_recovery
from black_average_drop.statistics.variance_recovery import Between


def skewed(level):
    """Limits over patients around 0.3 that reach three times as far up as down."""
    reach = stats.norm.isf(level / 2)
    return 0.3 - 0.1 * reach, 0.3 + 0.3 * reach


@pytest.mark.parametrize("counted", [0.0, 0.4, 1.0])
def test_the_limits_are_the_ends_of_the_ellipse_of_both_sources(counted):
    """Over all pairs of deviations whose squared shares of their own distances sum to 1, the sum goes so far."""
    between = Between(0.15, 3, counted)
    low, high = variance_recovery.interval_of_both(0.3, skewed, between, 0.1)
    angles = np.linspace(0, np.pi / 2, 100_001)
    of_networks = stats.t.ppf(0.95, 3) * 0.15
    down, up = (np.sqrt(1 - counted) * abs(end - 0.3) for end in skewed(0.1))
    assert low == pytest.approx(0.3 - (of_networks * np.cos(angles) + down * np.sin(angles)).max())
    assert high == pytest.approx(0.3 + (of_networks * np.cos(angles) + up * np.sin(angles)).max())


@pytest.mark.parametrize("value", [0.3, -0.3])
@pytest.mark.parametrize("error", [0.05, 0.5])
def test_p_is_the_level_at_which_the_interval_ends_at_0(value, error):
    def limits(level):
        low, high = skewed(level)
        return (low, high) if value > 0 else (-high, -low)

    between = Between(error, 4, 0.2)
    p = variance_recovery.p_of_both(value, limits, between)
    ends = variance_recovery.interval_of_both(value, limits, between, p)
    assert min(abs(end) for end in ends) < 1e-9 and 0 < p < 1
    for level, outside in ((1.1 * p, True), (0.9 * p, False)):
        low, high = variance_recovery.interval_of_both(value, limits, between, min(level, 0.99))
        assert (not low < 0 < high) == outside


def test_where_patients_do_not_vary_p_is_that_of_students_test(generator):
    means = generator.normal(0.3, 1, 5)
    between = Between(means.std(ddof=1) / np.sqrt(5), 4, 0.0)
    p = variance_recovery.p_of_both(means.mean(), lambda _: (means.mean(), means.mean()), between)
    assert p == pytest.approx(stats.ttest_1samp(means, 0).pvalue)


def test_the_ends_of_p():
    none, still = Between(0.0, 4, 0.0), lambda _: (0.2, 0.2)
    assert variance_recovery.p_of_both(0.2, still, none) == 0  # nothing varies, and it is not 0
    assert variance_recovery.p_of_both(0.0, lambda _: (0.0, 0.0), none) == 1
    assert variance_recovery.p_of_both(1e-6, lambda _: (-1.0, 1.0), none) == 1  # within the limits at every level


def test_what_patients_explain_is_the_interaction_of_the_analysis_of_variance(generator):
    """Two-way layout without repetition: sums of squares by loops."""
    values = generator.normal(size=(1, 4)) + generator.normal(size=(30, 1)) + generator.normal(size=(30, 4))
    within, of_mean = variance_recovery.patients_part(
        variance_recovery.covariance_over_patients(values, np.arange(30)[::-1])
    )
    rows, columns, whole = values.mean(axis=1), values.mean(axis=0), values.mean()
    squares = sum(
        (values[i, j] - rows[i] - columns[j] + whole) ** 2
        for i in range(values.shape[0])
        for j in range(values.shape[1])
    )
    assert within == pytest.approx(squares / (29 * 3) / 30)
    assert of_mean == pytest.approx(rows.var(ddof=1) / 30)


def test_of_two_networks_the_ratio_of_both_variances_is_scipys_paired_t_squared(generator):
    values = generator.normal(size=(25, 2)) + [0.0, 0.4]
    within, _ = variance_recovery.patients_part(variance_recovery.covariance_over_patients(values, np.arange(25)))
    ratio = values.mean(axis=0).var(ddof=1) / within
    assert ratio == pytest.approx(stats.ttest_rel(*values.T).statistic ** 2)
    assert stats.f.sf(ratio, 1, 24) == pytest.approx(stats.ttest_rel(*values.T).pvalue)


def test_patients_with_several_images_count_as_a_whole_and_missing_values_do_not_count(generator):
    """The covariance of the means is that of whole patients drawn again, many times."""
    groups = np.repeat(np.arange(40), 3)
    values = generator.normal(size=(40, 1))[groups] + generator.normal(size=(120, 2))
    values[generator.random((120, 2)) < 0.2] = np.nan
    covariance = variance_recovery.covariance_over_patients(values, groups)
    draws = generator.integers(40, size=(4000, 40))
    means = [np.nanmean(values.reshape(40, 3, 2)[draw].reshape(-1, 2), axis=0) for draw in draws]
    np.testing.assert_allclose(covariance, np.cov(np.transpose(means)), rtol=0.12)


@pytest.mark.filterwarnings("error")
def test_means_of_what_is_known():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(variance_recovery.means_of_known(values, axis=1), [2, np.nan])
    np.testing.assert_array_equal(variance_recovery.means_of_known(values, axis=0), [1, np.nan, 3])
