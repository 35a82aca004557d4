"""Resampling of patients, by hand, by brute force, and against SciPy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics.patients import Resampling, bootstrap, bootstrap_counts, bootstrap_means, interval


def test_bootstrap_draws_whole_patients_and_pairs_columns():
    groups = np.array(["a"] * 3 + list("bcdefghij"))
    values = np.array([[1.0, 11.0]] * 3 + [[5.0, 15.0]] * 9)
    samples = bootstrap_means(values, Resampling(groups, 500, 3))
    # Of ten patients drawn with replacement k are "a". Its three images never come apart.
    possible = np.array([(3 * k + 5 * (10 - k)) / (3 * k + 10 - k) for k in range(11)])
    assert np.abs(samples[:, [0]] - possible).min(axis=1).max() < 1e-9
    np.testing.assert_allclose(samples[:, 1] - samples[:, 0], 10)
    assert (samples[:, 0] == 5.0).mean() == pytest.approx(0.9**10, abs=0.08)


def test_bootstrap_is_a_function_of_its_seed(generator):
    values = generator.normal(size=(30, 2))
    resamplings = [Resampling(np.arange(30), 250, seed) for seed in (1, 1, 2)]
    first, again, other = (bootstrap_means(values, resampling) for resampling in resamplings)
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9 and len(np.unique(first[:, 0])) > 240  # no block repeats another


@pytest.mark.filterwarnings("error")
def test_bootstrap_leaves_missing_values_out_of_the_mean():
    values = np.where(np.arange(30) < 20, np.nan, 2.0)[:, None]
    samples = bootstrap_means(values, Resampling(np.arange(30), 300))
    assert (samples == 2.0).all()
    few = bootstrap_means(
        np.hstack([values, np.where(np.arange(30) < 21, np.nan, 2.0)[:, None]]), Resampling(range(30))
    )
    assert (few[:, 0] == 2.0).all() and np.isnan(few[:, 1]).all()  # of 9 patients


@pytest.mark.parametrize("patients", [9, 10])
def test_fewer_than_ten_patients_have_no_interval_of_whatever(patients, generator):
    resampling = Resampling(np.arange(30) % patients, 20)
    values = generator.normal(size=(30, 2))
    drawn = bootstrap_means(values, resampling), bootstrap(lambda rows: values[rows].mean(axis=0), resampling)
    for samples in (*drawn, np.concatenate(list(bootstrap_counts(resampling)))):
        assert np.isnan(samples).all() == (patients < 10) and np.isnan(samples).any() == (patients < 10)
    assert drawn[0].shape == drawn[1].shape == (20, 2)


def test_intervals_agree_with_scipy(generator):
    values = generator.exponential(size=200)
    low, high = interval(bootstrap_means(values[:, None], Resampling(np.arange(200), 4000)))
    expected = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=0.02)


@pytest.mark.filterwarnings("error")
def test_interval_by_hand():
    """Of 0 to 100 the percentiles are the percents; a NaN among them takes no part."""
    samples = np.append(np.arange(101.0), np.nan)[:, None] * [1, 10, np.nan]
    np.testing.assert_allclose(interval(samples), [[2.5, 25, np.nan], [97.5, 975, np.nan]])
    np.testing.assert_allclose(interval(samples, level=0.8), [[10, 100, np.nan], [90, 900, np.nan]])


def test_unless_told_otherwise_there_are_2000_resamples_of_seed_0(generator):
    values, groups = generator.normal(size=(30, 1)), np.arange(30)
    assert (Resampling(groups).resamples, Resampling(groups).seed) == (2000, 0)
    np.testing.assert_array_equal(
        bootstrap_means(values, Resampling(groups)),
        bootstrap_means(values, Resampling(groups, 2000, 0)),
    )

    def statistic(rows):
        return values[rows].mean()

    np.testing.assert_array_equal(
        bootstrap(statistic, Resampling(groups)),
        bootstrap(statistic, Resampling(groups, 2000, 0)),
    )


@pytest.mark.parametrize("rows", [[4, 0, 1], slice(1, 4), np.arange(5) > 2], ids=["indices", "slice", "mask"])
def test_a_resampling_of_some_rows_keeps_their_patients_the_number_of_draws_and_the_seed(rows, generator):
    groups, values = ["a", "b", "b", "c", "a"], generator.normal(size=(5, 1))
    part = Resampling(groups, 30, 7).of_rows(rows)
    np.testing.assert_array_equal(part.groups, np.array(groups)[rows])
    assert (part.resamples, part.seed) == (30, 7)
    np.testing.assert_array_equal(
        bootstrap_means(values[rows], part),
        bootstrap_means(values[rows], Resampling(np.array(groups)[rows], 30, 7)),
    )


@pytest.mark.parametrize("resamples", [1, 100, 250])
def test_counts_are_the_draws_of_the_bootstrap(resamples):
    groups = np.array(["b", "a", "b", "c", "a", "d"])

    def counted(rows):
        return np.bincount(rows, minlength=6)

    resampling = Resampling(groups, resamples, 5)
    blocks = list(bootstrap_counts(resampling))
    np.testing.assert_array_equal(np.concatenate(blocks), bootstrap(counted, resampling))
    assert [len(block) for block in blocks] == {1: [1], 100: [100], 250: [100, 100, 50]}[resamples]
    first = next(bootstrap_counts(Resampling(groups)))
    np.testing.assert_array_equal(first, next(bootstrap_counts(Resampling(groups, 2000, 0))))


def test_a_column_without_any_value_has_no_interval():
    values = np.stack([np.full(15, np.nan), np.arange(15.0)], axis=1)
    low, high = interval(bootstrap_means(values, Resampling(np.arange(15), 100)))
    assert np.isnan([low[0], high[0]]).all() and low[1] < 7 < high[1]
    assert np.isnan(interval(np.full((9, 1), np.nan))).all()


def test_bootstrap_of_any_statistic_draws_as_that_of_means_does(generator):
    values, groups = generator.normal(size=60), np.repeat(np.arange(20), 3)
    resampling = Resampling(groups, 4000)
    slow = bootstrap(lambda rows: values[rows].mean(), resampling)
    fast = bootstrap_means(values[:, None], resampling)
    assert slow.shape == fast.shape == (4000, 1)
    assert slow.std() == pytest.approx(fast.std(), rel=0.05) and slow.mean() == pytest.approx(fast.mean(), abs=0.01)
    np.testing.assert_array_equal(slow, bootstrap(lambda rows: values[rows].mean(), resampling))
    seen = []
    bootstrap(lambda rows: seen.append(rows) or 0.0, Resampling(np.arange(60) % 20, 5))
    for rows in seen:
        patients = rows.reshape(20, 3)
        assert (patients % 20 == patients[:, :1] % 20).all()  # whole
        assert (np.diff(patients, axis=1) == 20).all()  # and in the order of their images


def test_within_strata_as_many_patients_are_drawn_as_there_are(generator):
    """8 patients of two images in one stratum and 3 of one image in the other, in any order of rows."""
    groups, strata = np.array([*range(8), *range(8), 8, 9, 10]), np.array(["b"] * 16 + ["a"] * 3)
    order = generator.permutation(19)
    groups, strata = groups[order], strata[order]
    resampling = Resampling(groups, 250, 3, strata)
    counts = np.concatenate(list(bootstrap_counts(resampling)))
    assert (counts[:, strata == "a"].sum(axis=1) == 3).all() and (counts[:, strata == "b"].sum(axis=1) == 16).all()
    values = generator.normal(size=19)
    slow = bootstrap(lambda rows: values[rows].mean(), resampling)
    np.testing.assert_allclose(slow[:, 0], counts @ values / 19)
    inside = np.where(strata == "a", 5.0, 1.0)[:, None]
    fast = bootstrap_means(np.hstack([inside, values[:, None]]), replace(resampling, resamples=4000))
    np.testing.assert_allclose(fast[:, 0], inside.mean())  # the share of each stratum never varies
    of_strata = [values[strata == name] for name in "ab"]
    b = np.array([values[groups == patient].sum() for patient in range(8)])
    by_hand = (3 * of_strata[0].var() + 8 * b.var()) / 19**2  # sums of 3 and of 8 draws with replacement
    assert fast[:, 1].var() == pytest.approx(by_hand, rel=0.1) and slow.var() == pytest.approx(by_hand, rel=0.3)
    first, alone = strata == "a", Resampling(groups[strata == "a"], 250, 3)
    of_one = [bootstrap_means(values[first, None], how) for how in (resampling.of_rows(first), alone)]
    np.testing.assert_array_equal(*of_one)


def test_a_patient_in_two_strata_is_refused():
    with pytest.raises(ValueError, match="A patient is in two strata"):
        bootstrap_means(np.zeros((3, 1)), Resampling([0, 1, 1], 10, strata=[0, 0, 1]))
