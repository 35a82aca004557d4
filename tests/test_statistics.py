"""Resampling of patients, intervals and tests: by hand, by brute force, and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop import statistics
from black_average_drop.statistics import Resampling


def test_bootstrap_draws_whole_patients_and_pairs_columns():
    groups = np.array(["a", "a", "a", "b"])
    values = np.array([[1.0, 11.0], [1.0, 11.0], [1.0, 11.0], [5.0, 15.0]])
    samples = statistics.bootstrap_means(values, Resampling(groups, 500, 3))
    # Two patients drawn with replacement: aa, ab, bb. Images of "a" never come apart.
    assert set(np.unique(samples[:, 0])) == {1.0, 2.0, 5.0}
    np.testing.assert_allclose(samples[:, 1] - samples[:, 0], 10)
    assert (samples[:, 0] == 2.0).mean() == pytest.approx(0.5, abs=0.08)


def test_bootstrap_is_a_function_of_its_seed(generator):
    values = generator.normal(size=(30, 2))
    resamplings = [Resampling(np.arange(30), 250, seed) for seed in (1, 1, 2)]
    first, again, other = (statistics.bootstrap_means(values, resampling) for resampling in resamplings)
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9 and len(np.unique(first[:, 0])) > 240  # no block repeats another


@pytest.mark.filterwarnings("error")
def test_bootstrap_leaves_missing_values_out_of_the_mean():
    samples = statistics.bootstrap_means(np.array([[np.nan], [2.0], [2.0]]), Resampling(["a", "b", "c"], 300))
    assert set(np.unique(samples[~np.isnan(samples)])) == {2.0}
    assert np.isnan(samples).mean() == pytest.approx(1 / 27, abs=0.03)  # all three draws hit patient a


def test_intervals_agree_with_scipy(generator):
    values = generator.exponential(size=200)
    low, high = statistics.interval(statistics.bootstrap_means(values[:, None], Resampling(np.arange(200), 4000)))
    expected = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=0.02)


@pytest.mark.filterwarnings("error")
def test_interval_by_hand():
    """Of 0 to 100 the percentiles are the percents; a NaN among them takes no part."""
    samples = np.append(np.arange(101.0), np.nan)[:, None] * [1, 10, np.nan]
    np.testing.assert_allclose(statistics.interval(samples), [[2.5, 25, np.nan], [97.5, 975, np.nan]])
    np.testing.assert_allclose(statistics.interval(samples, level=0.8), [[10, 100, np.nan], [90, 900, np.nan]])


def test_unless_told_otherwise_there_are_2000_resamples_of_seed_0(generator):
    values, groups = generator.normal(size=(30, 1)), np.arange(30)
    assert (Resampling(groups).resamples, Resampling(groups).seed) == (2000, 0)
    np.testing.assert_array_equal(
        statistics.bootstrap_means(values, Resampling(groups)),
        statistics.bootstrap_means(values, Resampling(groups, 2000, 0)),
    )
    np.testing.assert_array_equal(
        statistics.sign_flip_test(values, groups), statistics.sign_flip_test(values, groups, 9999, 0)
    )

    def statistic(rows):
        return values[rows].mean()

    np.testing.assert_array_equal(
        statistics.bootstrap(statistic, Resampling(groups)),
        statistics.bootstrap(statistic, Resampling(groups, 2000, 0)),
    )


@pytest.mark.parametrize("rows", [[4, 0, 1], slice(1, 4), np.arange(5) > 2], ids=["indices", "slice", "mask"])
def test_a_resampling_of_some_rows_keeps_their_patients_the_number_of_draws_and_the_seed(rows, generator):
    groups, values = ["a", "b", "b", "c", "a"], generator.normal(size=(5, 1))
    part = Resampling(groups, 30, 7).of_rows(rows)
    np.testing.assert_array_equal(part.groups, np.array(groups)[rows])
    assert (part.resamples, part.seed) == (30, 7)
    np.testing.assert_array_equal(
        statistics.bootstrap_means(values[rows], part),
        statistics.bootstrap_means(values[rows], Resampling(np.array(groups)[rows], 30, 7)),
    )


@pytest.mark.parametrize("resamples", [1, 100, 250])
def test_counts_are_the_draws_of_the_bootstrap(resamples):
    groups = np.array(["b", "a", "b", "c", "a", "d"])

    def counted(rows):
        return np.bincount(rows, minlength=6)

    resampling = Resampling(groups, resamples, 5)
    blocks = list(statistics.bootstrap_counts(resampling))
    np.testing.assert_array_equal(np.concatenate(blocks), statistics.bootstrap(counted, resampling))
    assert [len(block) for block in blocks] == {1: [1], 100: [100], 250: [100, 100, 50]}[resamples]
    first = next(statistics.bootstrap_counts(Resampling(groups)))
    np.testing.assert_array_equal(first, next(statistics.bootstrap_counts(Resampling(groups, 2000, 0))))


def test_a_column_without_any_value_has_no_interval():
    values = np.stack([np.full(5, np.nan), np.arange(5.0)], axis=1)
    low, high = statistics.interval(statistics.bootstrap_means(values, Resampling(np.arange(5), 100)))
    assert np.isnan([low[0], high[0]]).all() and low[1] < 2 < high[1]
    assert np.isnan(statistics.interval(np.full((9, 1), np.nan))).all()


def test_bootstrap_of_any_statistic_draws_as_that_of_means_does(generator):
    values, groups = generator.normal(size=60), np.repeat(np.arange(20), 3)
    resampling = Resampling(groups, 4000)
    slow = statistics.bootstrap(lambda rows: values[rows].mean(), resampling)
    fast = statistics.bootstrap_means(values[:, None], resampling)
    assert slow.shape == fast.shape == (4000, 1)
    assert slow.std() == pytest.approx(fast.std(), rel=0.05) and slow.mean() == pytest.approx(fast.mean(), abs=0.01)
    np.testing.assert_array_equal(slow, statistics.bootstrap(lambda rows: values[rows].mean(), resampling))
    seen = []
    statistics.bootstrap(lambda rows: seen.append(rows) or 0.0, Resampling(np.arange(60) % 20, 5))
    for rows in seen:
        patients = rows.reshape(20, 3)
        assert (patients % 20 == patients[:, :1] % 20).all()  # whole
        assert (np.diff(patients, axis=1) == 20).all()  # and in the order of their images


def test_across_trainings_by_hand():
    """Trainings at 1, 2 and 3: their mean has the error 1 / sqrt(3), with 2 degrees of freedom; patients have 0.5."""
    samples = np.tile([[1.5], [2.5]], (1, 3))
    three = statistics.across_trainings([1, 2, 3], samples)
    half = np.hypot(stats.t.ppf(0.975, 2) / np.sqrt(3), 0.5 * stats.norm.ppf(0.975))
    assert (three.value, three.low, three.high) == pytest.approx((2, 2 - half, 2 + half))
    level = three.p / 2
    assert np.hypot(stats.t.isf(level, 2) / np.sqrt(3), 0.5 * stats.norm.isf(level)) == pytest.approx(2)
    one = statistics.across_trainings([2], samples[:, :1])
    assert (one.low, one.high) == pytest.approx(stats.norm.interval(0.95, 2, 0.5))
    assert one.p == pytest.approx(2 * stats.norm.sf(4))
    two = statistics.across_trainings(
        [1, 3], np.full((5, 2), 2.0)
    )  # their mean has the error 1, and 1 degree of freedom
    assert (two.low, two.high) == pytest.approx(stats.t.interval(0.95, 1, 2))
    far = statistics.across_trainings([1000], 998 + samples[:, :1])
    assert far == pytest.approx((1000, *stats.norm.interval(0.95, 1000, 0.5), 0))
    still = statistics.across_trainings([1, 2, 3], np.full((5, 3), 2.0))  # no spread over patients: a plain t test
    assert still.p == pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue)


def test_estimates_of_float32_have_the_digits_of_float64():
    estimates, samples = np.float32([0.1, 0.2, 0.4]), np.float32([[0.1, 0.3, 0.2], [0.2, 0.3, 0.3]])
    expected = statistics.across_trainings(estimates.astype("float64"), samples.astype("float64"))
    assert statistics.across_trainings(estimates, samples) == expected


def test_what_has_no_value_has_no_interval_and_no_p():
    assert np.isnan(statistics.across_trainings([1, np.nan, 2], np.ones((5, 3)))).all()


def test_across_trainings_without_any_spread():
    assert statistics.across_trainings([0, 0], np.zeros((5, 2))) == (0, 0, 0, 1)
    assert statistics.across_trainings([3, 3], np.full((5, 2), 3.0)) == (3, 3, 3, 0)


@pytest.mark.parametrize(("of_trainings", "of_patients"), [(1.0, 1.0), (0.0, 1.0), (3.0, 0.3)])
def test_intervals_across_trainings_cover_the_truth(of_trainings, of_patients):
    """Crossed random effects of 3 trainings and 60 patients, drawn 400 times around a truth of 0."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        training, patient = generator.normal(size=(1, 3)), generator.normal(size=(60, 1))
        values = of_trainings * training / 8 + of_patients * patient + 0.5 * generator.normal(size=(60, 3))
        samples = statistics.bootstrap_means(values, Resampling(np.arange(60), 200))
        estimate = statistics.across_trainings(values.mean(axis=0), samples)
        assert (estimate.low < 0 < estimate.high) == (estimate.p > 0.05)
        covered += estimate.low < 0 < estimate.high
    assert 0.92 <= covered / 400 <= 0.995


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
        "no more than noise": ([statistics.NOISE] * 40, False),
        "small, but no noise": ([1.1e-5] * 40, True),
        "9 differ, and noise": ([0.3] * 9 + [1e-6] * 31, False),
        "9 alike and no value": ([0.3] * 9 + [np.nan] * 31, False),
        "10 alike and no value": ([0.3] * 10 + [np.nan] * 30, True),
        "no value": ([np.nan] * 40, False),
    }
    values = np.array([column for column, _ in cases.values()]).T
    enough = statistics.enough_differ(values, np.arange(40))
    assert dict(zip(cases, enough, strict=True)) == {name: expected for name, (_, expected) in cases.items()}
    larger = statistics.enough_differ(1e3 * values[:, :9], np.arange(40))
    np.testing.assert_array_equal(larger, enough[:9])  # the scale does not matter


def test_it_is_patients_that_count_and_their_differences_may_cancel():
    for patients, expected in ((9, False), (10, True)):
        assert statistics.enough_differ(np.full((90, 1), 0.3), np.arange(90) % patients) == expected
    two_ways = np.tile([[0.3], [-0.3]], (20, 1))
    assert statistics.enough_differ(two_ways, np.arange(40)) and not statistics.enough_differ(
        two_ways, np.arange(40) // 2
    )


@pytest.mark.filterwarnings("error")
def test_where_too_few_differ_there_is_no_interval_and_no_p(generator):
    values = generator.normal(0.3, 1, (40, 3))
    values[5:, 1] = 0
    resampling = Resampling(np.arange(40), 300, 4)
    samples = statistics.bootstrap_differences(values, resampling)
    np.testing.assert_array_equal(samples[:, ::2], statistics.bootstrap_means(values, resampling)[:, ::2])
    assert np.isnan(samples[:, 1]).all() and np.isnan(np.array(statistics.interval(samples))[:, 1]).all()
    few = statistics.across_trainings(values[:, 1:2].mean(axis=0), samples[:, 1:2])
    assert few.value == values[:, 1].mean() and np.isnan([few.low, few.high, few.p]).all()


def test_trainings_are_judged_by_their_mean():
    """6 patients that differ under one training and 6 others under another are 12; under both the same 6 are 6."""
    values = np.zeros((40, 2))
    values[:6, 0] = values[6:12, 1] = 0.3
    resampling = Resampling(np.arange(40), 50)
    assert np.isnan(statistics.bootstrap_differences(values, resampling)).all()
    samples = statistics.bootstrap_differences(values, resampling, trainings=True)
    np.testing.assert_array_equal(samples, statistics.bootstrap_means(values, resampling))
    values[6:12, 1], values[:6, 1] = np.nan, 0.3  # without a value is as good as without a difference
    assert np.isnan(statistics.bootstrap_differences(values, resampling, trainings=True)).all()
    values[:12], values[:12, 0] = np.nan, 0.3  # of the other training their differences still count
    assert np.isfinite(statistics.bootstrap_differences(values, resampling, trainings=True)).all()
    np.testing.assert_array_equal(
        statistics.bootstrap_differences(values[:20], resampling.of_rows(slice(20)), trainings=False),
        statistics.bootstrap_differences(values[:20], resampling.of_rows(slice(20))),
    )


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, then 0.03 x 2 and 0.04 x 1, none below the one before."""
    np.testing.assert_allclose(statistics.holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(statistics.holm([0.9, 0.7]), [1, 1])
    assert statistics.holm([1, 0]).dtype == np.float64
    np.testing.assert_allclose(statistics.holm([0.04]), [0.04])
    np.testing.assert_allclose(statistics.holm([np.nan, 0.03, 0.01, np.nan]), [np.nan, 0.03, 0.02, np.nan])
    assert np.isnan(statistics.holm([np.nan])).all() and not len(statistics.holm([]))


def test_area_under_roc_against_all_pairs(generator):
    labels = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(size=60) + labels, 1)  # rounded, so that ties occur
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert statistics.area_under_roc(labels, scores) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    with pytest.raises(ValueError, match="^AUC needs both classes among the labels; these"):
        statistics.area_under_roc(np.ones(5), np.arange(5))
    for labels, scores in (([0, 1, np.nan], [1, 2, 3]), ([0, 1, 2], [1, 2, 3]), ([0, 1, 1], [1, 2, np.nan])):
        with pytest.raises(ValueError, match="^AUC needs labels of 0 and 1 and scores that are numbers"):
            statistics.area_under_roc(labels, scores)


def test_true_positive_rates_are_the_roc_curve_by_brute_force(generator):
    labels, scores = generator.integers(0, 2, 60), generator.normal(size=60).round(1)  # ties among them
    scores = scores + labels
    for rate in np.linspace(0, 1, 21):
        thresholds = [-np.inf, *scores]
        reached = [
            (scores[labels == 1] > threshold).mean()
            for threshold in thresholds
            if (scores[labels == 0] > threshold).mean() <= rate + 1e-9
        ]
        assert statistics.true_positive_rates(labels, scores, [rate])[0] == pytest.approx(max(reached))


def test_the_area_under_the_curve_is_auc(generator):
    labels, scores = generator.integers(0, 2, 200), generator.normal(size=200)
    scores = scores + labels
    negatives = int((labels == 0).sum())
    steps = statistics.true_positive_rates(labels, scores, np.arange(negatives) / negatives)
    assert steps.mean() == pytest.approx(statistics.area_under_roc(labels, scores))


def test_sign_flips_give_the_p_of_scipys_permutation_test(generator):
    differences = np.stack([generator.normal(shift, 1, 12) for shift in (0, 0.5, 2)], axis=1)
    for column, p in zip(differences.T, statistics.sign_flip_test(differences, np.arange(12)), strict=True):
        exact = stats.permutation_test(
            (column, np.zeros(12)), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples"
        ).pvalue
        assert p == pytest.approx(exact, abs=0.015)
    assert statistics.sign_flip_test(np.zeros((5, 1)), np.arange(5))[0] == 1
    assert statistics.sign_flip_test(np.ones((20, 1)), np.arange(20))[0] < 0.001
    assert statistics.sign_flip_test(np.ones((20, 1)), np.zeros(20))[0] == 1  # one patient says nothing


def test_sign_flips_by_hand(generator):
    """Of three images of each of 6 patients, one without a value, under the signs that the seed draws."""
    differences = generator.normal(0.3, 1, (18, 2))
    differences[4, 1] = np.nan
    sums = np.nansum(differences.reshape(3, 6, 2), axis=0)
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(500, 6))
    reached = (np.abs(signs @ sums) >= np.abs(sums.sum(axis=0)) - 1e-9).sum(axis=0)
    p = statistics.sign_flip_test(differences, np.arange(18) % 6, 500, 3)
    np.testing.assert_allclose(p, (reached + 1) / 501)
    assert 0 < p.min() and p.max() < 1


def test_differences_of_every_pair_with_holms_correction(generator):
    values = generator.normal([0, 0, 3], 1, (40, 3))
    pairs = statistics.differences(values, ["one", "other", "ahead"], Resampling(np.arange(40), 200))
    pairs = pairs.set_index(["first", "second"])
    assert len(pairs) == 3 and pairs["p_holm"].min() > pairs["p"].min()
    np.testing.assert_allclose(pairs["p_holm"], statistics.holm(pairs["p"]))
    assert pairs.loc[("one", "ahead"), "difference"] == pytest.approx((values[:, 2] - values[:, 0]).mean())
    assert pairs.loc[("one", "ahead"), "p_holm"] < 0.01 < pairs.loc[("one", "other"), "p_holm"]
    row = pairs.loc[("one", "ahead")]
    assert row["low"] < row["difference"] < row["high"]


def test_pairs_that_too_few_images_tell_apart_have_no_test_and_take_no_part_in_the_correction(generator):
    values = generator.normal([0, 0, 3], 1, (40, 3))
    values[:, 1] = values[:, 0]
    values[:9, 1] += 1
    pairs = statistics.differences(values, ["one", "other", "ahead"], Resampling(np.arange(40), 200))
    pairs = pairs.set_index(["first", "second"])
    few = pairs.loc[("one", "other")]
    assert few["difference"] == pytest.approx(9 / 40) and few[["low", "high", "p", "p_holm"]].isna().all()
    rest = pairs.drop(("one", "other"))
    np.testing.assert_allclose(rest["p_holm"], statistics.holm(rest["p"]))
