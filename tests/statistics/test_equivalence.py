"""Whether maps differ and whether they are within a margin, against cases by hand and simulated ones."""

import numpy as np
import pytest
from scipy.stats import beta

from black_average_drop.statistics import equivalence
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

NAMES = ("a", "b", "c")


def values_of(generator, patients=400, offsets=(0.0, 0.0, 0.2)):
    return generator.normal(0.5, 0.1, (patients, 3)) + np.array(offsets)


def test_pairs_have_their_own_intervals_and_wider_ones_for_all_together():
    values, resampling = values_of(np.random.default_rng(1)), Resampling(np.arange(400), 999)
    table = equivalence.compare_pairs(values, NAMES, resampling, 1.0)
    assert list(zip(table["first"], table["second"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    own = estimate_means(values[:, [1, 2, 2]] - values[:, [0, 0, 1]], resampling)
    np.testing.assert_array_equal(table["difference"], own.value)
    np.testing.assert_array_equal(table["low"], own.low)
    assert (table["all_low"] < table["low"]).all() and (table["all_high"] > table["high"]).all()
    assert (table["p_adjusted"] >= table["p"]).all()
    assert (table["p_adjusted"] < 0.05).tolist() == [False, True, True]
    assert ((table["all_low"] > 0) | (table["all_high"] < 0)).tolist() == [False, True, True]


def test_the_smallest_margin_is_where_a_one_sided_limit_lies(generator):
    """Of one pair it is the further end of the 90 % interval."""
    values = values_of(generator)[:, :2]
    table = equivalence.compare_pairs(values, NAMES[:2], Resampling(np.arange(400)), 1.0)
    low, high = estimate_means(values[:, 1:] - values[:, :1], Resampling(np.arange(400))).limits(0.1)
    assert table["within"].item() == pytest.approx(max(abs(low[0]), abs(high[0])))
    assert abs(table["difference"].item()) < table["within"].item() < 0.05


def test_sameness_is_shown_by_how_few_differ_where_a_mean_has_no_interval(generator):
    values = np.repeat(generator.random((200, 1)), 2, axis=1)
    values[:2, 1] += 0.3
    table = equivalence.compare_pairs(values, NAMES[:2], Resampling(np.arange(200)), 1.0)
    assert np.isnan(table["low"].item()) and np.isnan(table["p_adjusted"].item())
    assert table["within"].item() == pytest.approx(beta.ppf(0.95, 3, 198))
    half = equivalence.compare_pairs(values, NAMES[:2], Resampling(np.arange(200) // 2), 1.0)
    assert half["within"].item() == pytest.approx(beta.ppf(0.95, 2, 99))  # both are of one patient
    assert equivalence.compare_pairs(values[:9], NAMES[:2], Resampling(np.arange(9)), 1.0)["within"].isna().all()
    within = equivalence.compare_pairs(values, NAMES[:2], Resampling(np.arange(200)), 0.4)["within"]
    assert within.item() == pytest.approx(0.4 * beta.ppf(0.95, 3, 198))


def test_where_some_pairs_differ_in_few_patients_all_limits_are_bonferronis(generator):
    """Of six pairs a and b differ in two patients, and c and d in none: the others are one difference, four times."""
    values = generator.normal(0.5, 0.1, (200, 2))[:, [0, 0, 1, 1]]
    values[:2, 1] += 0.3
    resampling = Resampling(np.arange(200))
    table = equivalence.compare_pairs(values, list("abcd"), resampling, 1.0).set_index(["first", "second"])
    within = table["within"]
    assert within["a", "b"] == pytest.approx(beta.ppf(1 - 0.05 / 6, 3, 198))
    assert within["c", "d"] == pytest.approx(beta.ppf(1 - 0.05 / 6, 1, 200))
    ends = estimate_means(values[:, [2]] - values[:, :2], resampling).limits(2 * 0.05 / 6)
    np.testing.assert_allclose([within["a", "c"], within["b", "c"]], np.abs(ends).max(axis=0))


def test_patients_with_many_images_count_for_more_where_few_differ():
    groups = np.repeat(np.arange(20), [10, *[1] * 19])
    values = np.zeros((29, 2))
    table = equivalence.compare_pairs(values, NAMES[:2], Resampling(groups), 0.1)
    assert table["within"].item() == pytest.approx(min(1, beta.ppf(0.95, 1, 20) * 10 / (29 / 20)) * 0.1)


def test_at_a_difference_of_the_margin_sameness_is_seldom_said(generator):
    """In a true difference of exactly the margin; the long simulation is among the long checks."""
    said = 0
    for seed in range(300):
        values = generator.normal(0.5, 0.1, (100, 2)) + np.array([0, 0.02])
        table = equivalence.compare_pairs(values, NAMES[:2], Resampling(np.arange(100), 200, seed), 1.0)
        said += table["within"].item() < 0.02
    assert said / 300 < 0.09  # 5 % and three standard errors
