"""How many patients would tell: against the textbook, the chi-squared interval, and a simulated power."""

import numpy as np
import pytest
from scipy.stats import chi2

from black_average_drop.statistics import patients_needed
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.patients_needed import needed_for_means
from black_average_drop.statistics.skewed import Moments


def test_power_is_that_of_textbooks_where_many_carry_a_mean_without_skew():
    """(1.96 + 0.84)^2 4 = 31.4 patients for a difference of half a standard deviation, and 34.3 for sameness."""
    for patients, level, power in ((31.4, 0.05, 0.8), (34.3, 0.10, 0.9)):
        study = Moments(np.zeros(1), np.array([patients**-0.5]), np.zeros(1), np.array([1e9]), np.array([1e9]))
        assert patients_needed.power_at(study, 0.5, level) == pytest.approx(power, abs=0.002)


def test_patients_grow_with_skew_and_with_fewer_carriers(generator):
    """With the same variance, a long tail or few patients that carry the mean ask for more patients."""
    normal, skewed = generator.standard_normal(200), generator.exponential(size=200) ** 1.5
    few = np.where(np.arange(200) % 20 < 2, np.where(np.arange(200) % 20, 1.0, -1.0), 0.0)
    values = np.column_stack([(own - own.mean()) / own.std() for own in (normal, skewed, few)])
    variances = np.ones(3), np.ones(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patients_needed, "variance_interval", lambda parts: variances)
        fewest, most = needed_for_means(values, Resampling(np.arange(200)), 0.3, 0.05, 0.8)
    assert np.array_equal(fewest, most) and fewest[0] in range(88, 95)  # Student's, of 2.8^2 / 0.09 = 87.2
    assert (fewest[1:] > 1.1 * fewest[0]).all()


def test_a_pilot_that_hardly_anyone_carries_gives_no_upper_end():
    values = np.column_stack([np.where(np.arange(40) == 0, 1.0, 0.0), np.tile([-1.0, 1.0], 20)])
    fewest, most = needed_for_means(values, Resampling(np.arange(40)), 0.1, 0.05, 0.8)
    assert np.isfinite(fewest).all() and np.isinf(most[0]) and np.isfinite(most[1])


def test_counting_ends_for_a_margin_of_nearly_nothing(generator):
    ends = needed_for_means(generator.standard_normal((50, 1)), Resampling(np.arange(50)), 1e-6, 0.05, 0.8)
    assert ends[0] == patients_needed.MOST and np.isinf(ends[1])


def test_the_interval_of_a_variance_is_near_that_of_chi_squared_for_normal_values(generator):
    parts = generator.standard_normal((400, 200))
    low, high = patients_needed.variance_interval(parts)
    variances = parts.var(axis=0, ddof=1)
    assert np.median(low / variances) == pytest.approx(399 / chi2.ppf(0.9, 399), rel=0.01)
    assert np.median(high / variances) == pytest.approx(399 / chi2.ppf(0.1, 399), rel=0.01)
    assert 0.72 < np.mean((low < 1) & (high > 1)) < 0.88  # 80 % and three standard errors


def test_the_interval_of_a_variance_is_as_wide_as_long_tails_ask_for(generator, monkeypatch):
    """Of 40 exponential values the kurtosis says too little of the tail: 72 % of the intervals would hold it."""
    values = generator.exponential(size=(40, 2000))
    for excess, least, most in ((patients_needed.EXCESS, 0.78, 0.88), (1, 0.68, 0.76)):
        monkeypatch.setattr(patients_needed, "EXCESS", excess)
        low, high = patients_needed.variance_interval(values)
        assert least < np.mean((low < 1) & (high > 1)) < most


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
