"""Many comparisons at once: the level of each against multivariate normal theory, and by brute force."""

import numpy as np
import pytest
from scipy.stats import norm

from black_average_drop.statistics import simultaneous
from black_average_drop.statistics.patients import Resampling, bootstrap_means


def correlated(generator, patients, columns, rho):
    """Columns of standard normal values, of which each pair has the correlation rho."""
    shared, own = generator.standard_normal((patients, 1)), generator.standard_normal((patients, columns))
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


def test_errors_are_those_of_each_resample_in_standard_errors(generator):
    values, resampling = generator.random((30, 3)), Resampling(np.arange(30) // 2, 50)
    samples = bootstrap_means(values, resampling)
    errors = (samples - samples.mean(axis=0)) / samples.std(axis=0)
    np.testing.assert_allclose(simultaneous.largest_errors(values, resampling), np.abs(errors).max(axis=1))
    np.testing.assert_allclose(simultaneous.largest_errors(values, resampling, one_sided=True), errors.max(axis=1))


@pytest.mark.parametrize("one_sided", [False, True])
def test_independent_comparisons_have_sidaks_level_and_equal_ones_that_of_one(generator, one_sided):
    sides = 2 if one_sided else 1
    for rho, expected in ((0.0, 1 - 0.95 ** (1 / 4)), (1.0, 0.05)):
        values = correlated(generator, 2000, 4, rho)
        largest = simultaneous.largest_errors(values, Resampling(np.arange(2000), 20_000), one_sided)
        level = simultaneous.level_of_each(largest, 0.05, 4, one_sided)
        assert level == pytest.approx(sides * expected, rel=0.12)
        assert sides * 0.05 / 4 <= level <= sides * 0.05


def test_one_comparison_takes_no_correction_and_those_without_errors_take_bonferronis(generator):
    resampling = Resampling(np.arange(20), 50)
    one = simultaneous.largest_errors(generator.random((20, 1)), resampling)
    assert simultaneous.level_of_each(one, 0.05, 1) == 0.05
    assert simultaneous.level_of_each(one, 0.05, 1, one_sided=True) == 0.1
    assert simultaneous.level_of_sameness(one, 0.05, 1) == 0.1
    constant = simultaneous.largest_errors(np.zeros((20, 3)), resampling)
    few = simultaneous.largest_errors(generator.random((5, 3)), Resampling(np.arange(5), 50))
    for none in (constant, few):
        assert np.isnan(none).all()
        assert simultaneous.level_of_each(none, 0.05, 3) == pytest.approx(0.05 / 3)
        assert simultaneous.level_of_sameness(none, 0.05, 3) == pytest.approx(0.1 / 3)
        np.testing.assert_allclose(simultaneous.adjusted([0.01, 0.5, np.nan], none), [0.03, 1, np.nan])


def test_a_map_that_some_draws_have_no_value_of_still_counts(generator):
    """Ten patients in 300 have one: about one draw in 25,000 has none of them."""
    values = generator.standard_normal((300, 2))
    values[10:, 1] = np.nan
    resampling = Resampling(np.arange(300), 100_000)
    assert np.isnan(bootstrap_means(values, resampling)[:, 1]).any()
    level = simultaneous.level_of_each(simultaneous.largest_errors(values, resampling), 0.05, 2)
    assert level == pytest.approx(1 - 0.95**0.5, rel=0.1)  # Šidák's, of two that are independent


def test_sameness_of_several_takes_the_better_of_two_valid_levels(generator):
    for rho, expected in ((0.0, 2 * 0.05 / 4), (1.0, 0.05)):
        largest = simultaneous.largest_errors(correlated(generator, 1000, 4, rho), Resampling(np.arange(1000), 5000))
        assert simultaneous.level_of_sameness(largest, 0.05, 4) == pytest.approx(expected, rel=0.1)


def test_adjusted_p_lies_between_p_and_bonferronis(generator):
    values = correlated(generator, 500, 5, 0.5)
    largest = simultaneous.largest_errors(values, Resampling(np.arange(500), 5000))
    p_values = np.array([1e-6, 0.01, 0.03, 0.5, np.nan])
    adjusted = simultaneous.adjusted(p_values, largest)
    assert np.isnan(adjusted[4]) and (adjusted[:4] >= p_values[:4]).all()
    assert (adjusted[:4] <= np.minimum(1, 5 * p_values[:4])).all()
    for p, value in zip(p_values[1:3], adjusted[1:3], strict=True):
        assert value == pytest.approx(min(5 * p, np.mean(largest >= norm.isf(p / 2))), abs=3e-4)


def test_the_adjusted_p_and_the_level_of_each_agree(generator):
    """What the level rejects has an adjusted p below 0.05, and the other way round."""
    values = correlated(generator, 300, 6, 0.3)
    largest = simultaneous.largest_errors(values, Resampling(np.arange(300), 1999))
    level = simultaneous.level_of_each(largest, 0.05, 6)
    assert simultaneous.adjusted(np.array([level * 0.97, *[0.9] * 5]), largest)[0] < 0.05
    assert simultaneous.adjusted(np.array([level * 1.03, *[0.9] * 5]), largest)[0] > 0.05
