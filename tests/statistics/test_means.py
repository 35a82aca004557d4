"""Means of patients and their tests: by hand, and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import means, trainings
from black_average_drop.statistics.patients import Resampling, bootstrap_means, interval


def test_enough_patients_carry_a_difference_by_hand():
    """n_eff of k that differ alike is k; next to one of 4 it is (8 + 4)^2 / (8 + 16) = 6 and (16 + 4)^2 / 32 = 12.5."""
    cases = {
        "none differs": ([0.0] * 40, False),
        "all differ equally": ([0.3] * 40, True),
        "9 alike": ([0.3] * 9 + [0.0] * 31, False),
        "10 alike": ([0.3] * 10 + [0.0] * 30, True),
        "10 alike, either way": ([0.3, -0.3] * 5 + [0.0] * 30, True),
        "one carries all": ([1.0] + [0.0] * 39, False),
        "one carries most": ([1.0] + [0.01] * 39, False),
        "8 next to one of 4": ([4.0] + [1.0] * 8 + [0.0] * 31, False),
        "16 next to one of 4": ([4.0] + [1.0] * 16 + [0.0] * 23, True),
        "rounding noise": ([1e-8] * 40, False),
        "noise of float32": ([9e-6] * 40, False),
        "no more than noise": ([means.NOISE] * 40, False),
        "small, but no noise": ([1.1e-5] * 40, True),
        "9 differ, and noise": ([0.3] * 9 + [1e-6] * 31, False),
        "9 alike and no value": ([0.3] * 9 + [np.nan] * 31, False),
        "10 alike and no value": ([0.3] * 10 + [np.nan] * 30, True),
        "no value": ([np.nan] * 40, False),
    }
    values = np.array([column for column, _ in cases.values()]).T
    enough = means.enough_differ(values, np.arange(40))
    assert dict(zip(cases, enough, strict=True)) == {name: expected for name, (_, expected) in cases.items()}
    larger = means.enough_differ(1e3 * values[:, :9], np.arange(40))
    np.testing.assert_array_equal(larger, enough[:9])  # the scale does not matter


def test_it_is_patients_that_count_and_their_differences_may_cancel():
    for patients, expected in ((9, False), (10, True)):
        assert means.enough_differ(np.full((90, 1), 0.3), np.arange(90) % patients) == expected
    two_ways = np.tile([[0.3], [-0.3]], (20, 1))
    assert means.enough_differ(two_ways, np.arange(40)) and not means.enough_differ(two_ways, np.arange(40) // 2)


@pytest.mark.filterwarnings("error")
def test_where_too_few_differ_there_is_no_interval_and_no_p(generator):
    values = generator.normal(0.3, 1, (40, 3))
    values[5:, 1] = 0
    resampling = Resampling(np.arange(40), 300, 4)
    samples = means.bootstrap_differences(values, resampling)
    np.testing.assert_array_equal(samples[:, ::2], bootstrap_means(values, resampling)[:, ::2])
    assert np.isnan(samples[:, 1]).all() and np.isnan(np.array(interval(samples))[:, 1]).all()
    few = trainings.across_trainings(values[:, 1:2], resampling)
    assert few.value == values[:, 1].mean() and np.isnan([few.low, few.high, few.p]).all()


def test_trainings_are_judged_by_their_mean():
    """6 patients that differ under one training and 6 others under another are 12; under both the same 6 are 6."""
    values = np.zeros((40, 2))
    values[:6, 0] = values[6:12, 1] = 0.3
    resampling = Resampling(np.arange(40), 50)
    assert np.isnan(means.bootstrap_differences(values, resampling)).all()
    samples = means.bootstrap_differences(values, resampling, trainings=True)
    np.testing.assert_array_equal(samples, bootstrap_means(values, resampling))
    values[6:12, 1], values[:6, 1] = np.nan, 0.3  # without a value is as good as without a difference
    assert np.isnan(means.bootstrap_differences(values, resampling, trainings=True)).all()
    values[:12], values[:12, 0] = np.nan, 0.3  # of the other training their differences still count
    assert np.isfinite(means.bootstrap_differences(values, resampling, trainings=True)).all()
    np.testing.assert_array_equal(
        means.bootstrap_differences(values[:20], resampling.of_rows(slice(20)), trainings=False),
        means.bootstrap_differences(values[:20], resampling.of_rows(slice(20))),
    )


def test_sign_flips_give_the_p_of_scipys_permutation_test(generator):
    differences = np.stack([generator.normal(shift, 1, 12) for shift in (0, 0.5, 2)], axis=1)
    for column, p in zip(differences.T, means.sign_flip_test(differences, np.arange(12)), strict=True):
        exact = stats.permutation_test(
            (column, np.zeros(12)), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples"
        ).pvalue
        assert p == pytest.approx(exact, abs=0.015)
    assert means.sign_flip_test(np.zeros((5, 1)), np.arange(5))[0] == 1
    assert means.sign_flip_test(np.ones((20, 1)), np.arange(20))[0] < 0.001
    assert means.sign_flip_test(np.ones((20, 1)), np.zeros(20))[0] == 1  # one patient says nothing


def test_sign_flips_by_hand(generator):
    """Of three images of each of 6 patients, one without a value, under the signs that the seed draws."""
    differences = generator.normal(0.3, 1, (18, 2))
    differences[4, 1] = np.nan
    sums = np.nansum(differences.reshape(3, 6, 2), axis=0)
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(500, 6))
    reached = (np.abs(signs @ sums) >= np.abs(sums.sum(axis=0)) - 1e-9).sum(axis=0)
    p = means.sign_flip_test(differences, np.arange(18) % 6, 500, 3)
    np.testing.assert_allclose(p, (reached + 1) / 501)
    assert 0 < p.min() and p.max() < 1


def test_an_estimate_has_a_value_an_interval_and_a_test(generator):
    values = generator.normal([0, 2, 0], 1, (40, 3))
    values[5:, 2] = 0
    estimates = means.estimate_means(values, Resampling(np.arange(40), 300))
    np.testing.assert_allclose(estimates.value, values.mean(axis=0))
    assert (estimates.low < estimates.value)[:2].all() and (estimates.value < estimates.high)[:2].all()
    assert estimates.p[1] < 0.01 < estimates.p[0]
    assert np.isnan([estimates.low[2], estimates.high[2], estimates.p[2]]).all()
    low, high = estimates.limits(0.05)
    np.testing.assert_array_equal([low, high], [estimates.low, estimates.high])
    wide = estimates.limits(0.01)
    assert (wide[0][:2] < low[:2]).all() and (wide[1][:2] > high[:2]).all()


def test_shares_that_are_the_same_for_all_have_the_interval_of_clopper_and_pearson():
    values = np.tile([0.0, 100.0], (30, 1))
    estimates = means.estimate_means(values, Resampling(np.arange(30), 100), (0, 100))
    exact = [100 * np.array(stats.binomtest(k, 30).proportion_ci(0.95, "exact")) for k in (0, 30)]
    np.testing.assert_allclose(np.transpose([estimates.low, estimates.high]), exact, rtol=1e-9)


@pytest.mark.parametrize(
    ("estimate", "n", "extreme", "expected"),
    [(0.03, 100, -1, True), (0.04, 100, -1, False), (-0.04, 100, 1, False), (-0.01, 300, 1, True), (0.5, 2, -1, True)],
)
def test_unseen_patients_overturn_by_hand(estimate, n, extreme, expected):
    """3 of 100 at -1 take 0.03 from 0.97 times the mean."""
    assert means.overturned_by_unseen(estimate, n, extreme) is expected
