"""How many patients would tell: against the textbook, the chi-squared interval, and a simulated power."""

import numpy as np
import pytest
from scipy.stats import chi2

from black_average_drop.statistics import patients_needed
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling


def test_numbers_are_those_of_textbooks():
    assert patients_needed.needed(1.0, 0.5, 0.05, 0.8) == 32  # (1.96 + 0.84)^2 4 = 31.4
    assert patients_needed.needed(1.0, 0.5, 0.10, 0.9) == 35  # of equivalence: (1.645 + 1.282)^2 4 = 34.3


def test_the_interval_of_a_variance_is_near_that_of_chi_squared_for_normal_values(generator):
    parts = generator.standard_normal((400, 200))
    low, high = patients_needed.variance_interval(parts)
    variances = parts.var(axis=0, ddof=1)
    np.testing.assert_allclose(low / variances, 399 / chi2.ppf(0.9, 399), rtol=0.03)
    np.testing.assert_allclose(high / variances, 399 / chi2.ppf(0.1, 399), rtol=0.03)
    assert 0.72 < np.mean((low < 1) & (high > 1)) < 0.88  # 80 % and three standard errors


def test_few_or_equal_patients_have_no_interval():
    parts = np.column_stack([np.arange(20.0), np.zeros(20), np.where(np.arange(20) < 9, np.arange(20), np.nan)])
    low, high = patients_needed.variance_interval(parts)
    assert low[0] < parts[:, 0].var(ddof=1) < high[0]
    assert np.isnan(low[1:]).all() and np.isnan(high[1:]).all()


def test_where_few_differ_as_many_are_needed_as_carry_a_mean():
    parts = np.zeros((200, 2))
    parts[:2, 0], parts[:, 1] = 1.0, np.tile([-1.0, 1.0], 100)
    few, many = patients_needed.patients_that_carry(parts)
    assert few == pytest.approx(200 * 7 / 2, abs=1)  # two carry it
    assert many == pytest.approx(14, abs=1)  # a hundred carry either side
    assert np.isinf(patients_needed.patients_that_carry(np.zeros((50, 1)))).all()


def test_so_many_patients_have_that_power(generator):
    """A difference of the margin is found in about four of five samples of the number that is named."""
    margin, values = 0.2, generator.normal(0, 1, (3000, 2)) * 0.5
    row = patients_needed.needed_for_pairs(values, ("a", "b"), Resampling(np.arange(3000)), margin).iloc[0]
    number = round((row["difference_fewest"] + row["difference_most"]) / 2)
    assert row["difference_fewest"] < row["difference_most"] < 1.1 * row["difference_fewest"]
    samples = generator.normal(margin, np.sqrt(0.5), (number, 1000))
    found = estimate_means(samples, Resampling(np.arange(number))).p < 0.05
    assert 0.75 < found.mean() < 0.85
    number = round((row["sameness_fewest"] + row["sameness_most"]) / 2)
    low, high = estimate_means(generator.normal(0, np.sqrt(0.5), (number, 1000)), Resampling(np.arange(number))).limits(
        0.1
    )
    assert 0.75 < np.mean((low > -margin) & (high < margin)) < 0.85
