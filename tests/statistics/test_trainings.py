"""Means over trainings: by hand, against what they are made of, and simulated."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import means, trainings
from black_average_drop.statistics.patients import Resampling, bootstrap_means


def crossed(generator, of_trainings, of_patients, together, patients, count):
    """Values (patients, count) of crossed random effects, and the effects of the trainings (count,)."""
    effects = of_trainings * generator.normal(size=count)
    whole = of_patients * generator.normal(size=(patients, 1)) + together * generator.normal(size=(patients, count))
    return whole + effects, effects


def test_a_statistic_over_trainings_by_hand():
    """Trainings at 1, 2 and 3: their mean has the error 1 / sqrt(3), with 2 degrees of freedom. Patients add 0.5 to all
    of them alike: nothing that they explain is between trainings."""
    samples = np.tile([[1.5], [2.5]], (1, 3)) + [[-1, 0, 1]]
    half = np.hypot(stats.t.ppf(0.975, 2) / np.sqrt(3), np.sqrt(0.5) * stats.norm.ppf(0.975))
    three = trainings.statistic_across_trainings([1, 2, 3], samples)
    assert (three.value, three.low, three.high) == pytest.approx((2, 2 - half, 2 + half))
    assert (three.trainings, three.same_sign) == (3, 3)
    level = three.p / 2
    assert np.hypot(stats.t.isf(level, 2) / np.sqrt(3), np.sqrt(0.5) * stats.norm.isf(level)) == pytest.approx(2)
    following = np.hypot(stats.t.ppf(0.975, 2) * np.sqrt(4 / 3), np.sqrt(0.5) * stats.norm.ppf(0.975))
    assert (three.next_low, three.next_high) == pytest.approx((2 - following, 2 + following))
    one = trainings.statistic_across_trainings([2], samples[:, :1] + 1)
    assert (one.low, one.high) == pytest.approx(stats.norm.interval(0.95, 2, np.sqrt(0.5)))
    assert one.p == pytest.approx(2 * stats.norm.sf(2 / np.sqrt(0.5)))
    assert np.isnan([one.next_low, one.next_high]).all() and (one.trainings, one.dominated_by) == (1, "")


def test_without_any_spread_over_patients_it_is_students_test_and_prediction():
    still = trainings.statistic_across_trainings([1, 2, 4], np.full((5, 3), 2.0))
    assert still.p == pytest.approx(stats.ttest_1samp([1, 2, 4], 0).pvalue)
    assert (still.low, still.high) == pytest.approx(stats.ttest_1samp([1, 2, 4], 0).confidence_interval())
    half = stats.t.ppf(0.975, 2) * np.std([1, 2, 4], ddof=1) * np.sqrt(1 + 1 / 3)
    assert (still.next_low, still.next_high) == pytest.approx((7 / 3 - half, 7 / 3 + half))


def test_what_patients_explain_between_trainings_counts_once():
    """Patients change each of two trainings by itself: their share of the mean's variance is in the spread already."""
    apart = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    both = trainings.statistic_across_trainings([1, 2], apart)
    low, high = stats.ttest_1samp([1, 2], 0).confidence_interval()
    assert (both.low, both.high) == pytest.approx((low, high))
    explained = 2 / 3  # the variance of a training over patients: all of it is between trainings
    own = (stats.t.ppf(0.975, 1) ** 2 * 0.5 - stats.norm.ppf(0.975) ** 2 * explained) * (1 + 1 / 2)
    following = np.sqrt(own + stats.norm.ppf(0.975) ** 2 * explained / 2)
    assert both.next_high - both.value == pytest.approx(following)
    alike = trainings.statistic_across_trainings([1, 1], apart)  # the trainings differ by nothing: no variance below 0
    assert alike.next_high - 1 == pytest.approx(stats.norm.ppf(0.975) * np.sqrt(explained / 2))


def test_a_mean_of_one_training_is_that_over_patients(generator):
    values = generator.normal(0.2, 1, (60, 1))
    values[3] = np.nan
    resampling = Resampling(np.arange(60) // 2, 400)
    one, alone = trainings.across_trainings(values, resampling), means.estimate_means(values, resampling)
    assert one[:4] == (alone.value[0], alone.low[0], alone.high[0], alone.p[0])


def test_a_mean_is_made_of_the_limits_over_patients_and_the_spread_of_trainings(generator):
    """Values with a long tail: the interval is longer to that side."""
    values = generator.exponential(size=(80, 1)) ** 2 + crossed(generator, 0.2, 0.0, 0.5, 80, 4)[0]
    resampling = Resampling(np.arange(80), 500)
    made, over_patients = (
        trainings.across_trainings(values, resampling),
        means.estimate_means(values.mean(axis=1, keepdims=True), resampling),
    )
    own, common = values.mean(axis=0), values.mean(axis=1).var(ddof=1) / 80
    interaction = ((values - values.mean(axis=1, keepdims=True) - own + own.mean()) ** 2).sum() / (79 * 3) / 80
    kept = np.sqrt(1 - interaction / 4 / common)
    spread = stats.t.ppf(0.975, 3) * own.std(ddof=1) / 2
    assert made.value == pytest.approx(own.mean())
    assert made.low == pytest.approx(made.value - np.hypot(spread, kept * (made.value - over_patients.low[0])))
    assert made.high == pytest.approx(made.value + np.hypot(spread, kept * (over_patients.high[0] - made.value)))
    assert made.high - made.value > made.value - made.low > 0
    assert (made.low < 0 < made.high) == (made.p > 0.05)
    wider = trainings.across_trainings(values, resampling, level=0.01)
    assert wider.low < made.low < made.high < wider.high and wider.p == made.p


def test_each_training_counts_alike_whatever_it_leaves_out(generator):
    """30 of 40 images have no value under the last of six trainings, those at 0: it is at 1, the others at 0.25."""
    values = np.tile(np.repeat([[0.0], [1.0]], [30, 10], axis=0), 6) + generator.normal(0, 0.01, (40, 6))
    values[:30, 5] = np.nan
    resampling = Resampling(np.arange(40), 300)
    mean = trainings.across_trainings(values, resampling)
    assert mean.value == pytest.approx((5 * 0.25 + 1) / 6, abs=0.01)
    of_images = means.estimate_means(np.nanmean(values, axis=1, keepdims=True), resampling)
    assert of_images.value[0] == pytest.approx(0.25, abs=0.01)
    spread = stats.t.ppf(0.975, 5) * np.nanmean(values, axis=0).std(ddof=1) / np.sqrt(6)
    for end, over_patients in ((mean.low, of_images.low[0]), (mean.high, of_images.high[0])):
        assert spread < abs(end - mean.value) <= np.hypot(spread, over_patients - of_images.value[0]) + 1e-9


def test_how_many_trainings_have_the_sign_of_the_mean():
    samples = np.tile([[0.9], [1.1]], (1, 5))
    assert trainings.statistic_across_trainings([-1, 2, 3, 1, 0], samples).same_sign == 3
    assert trainings.statistic_across_trainings([1, -2, -3, -1, -1], samples).same_sign == 4


@pytest.mark.filterwarnings("error")
def test_what_would_narrow_the_interval_most():
    """Far apart trainings call for more of them, far apart patients for more patients."""
    patients = np.array([[1.0], [-1.0]]) + np.zeros((1, 4))
    assert trainings.statistic_across_trainings([-9, 9, -9, 9], patients).dominated_by == "trainings"
    assert trainings.statistic_across_trainings([0.1, -0.1, 0.1, -0.1], patients).dominated_by == "patients"
    nothing = trainings.statistic_across_trainings([1, 1, 1, 1], np.ones((3, 4)))
    assert nothing.dominated_by == "patients" and nothing.low == nothing.high == 1


@pytest.mark.parametrize("more", ["trainings", "patients"])
def test_what_narrows_it_most_is_what_a_larger_study_would_show(generator, more):
    """Twice as many of either, with the variances that were drawn from: which mean width is smaller?"""
    of_trainings = 0.5 if more == "trainings" else 0.01

    def width(count, patients):
        half = []
        for _ in range(40):
            values, _ = crossed(generator, of_trainings, 1.0, 0.3, patients, count)
            samples = bootstrap_means(values, Resampling(np.arange(patients), 100))
            one = trainings.statistic_across_trainings(values.mean(axis=0), samples)
            half.append(one.high - one.low)
            told.append(one.dominated_by)
        return np.mean(half)

    told = []
    width(5, 60)
    assert told.count(more) > 35
    by_trainings, by_patients = width(10, 60), width(5, 120)
    assert (by_trainings < by_patients) == (more == "trainings")


def test_intervals_end_at_their_bounds():
    samples = np.tile([[0.9], [1.1]], (1, 2))
    share = trainings.statistic_across_trainings([0.9, 0.99], samples, (0, 1))
    assert share.high == share.next_high == 1 and 0 <= share.low
    values = np.full((40, 3), 100.0)
    all_alike = trainings.across_trainings(values, Resampling(np.arange(40), 100), (0, 100))
    assert all_alike.value == all_alike.high == 100
    assert all_alike.low == pytest.approx(100 * 0.025 ** (1 / 40))  # Clopper and Pearson, 40 of 40


def test_estimates_of_float32_have_the_digits_of_float64():
    estimates, samples = np.float32([0.1, 0.2, 0.4]), np.float32([[0.1, 0.3, 0.2], [0.2, 0.3, 0.3]])
    expected = trainings.statistic_across_trainings(estimates.astype("float64"), samples.astype("float64"))
    assert trainings.statistic_across_trainings(estimates, samples) == expected


@pytest.mark.filterwarnings("error")
def test_what_has_no_value_has_no_interval_and_no_p():
    for samples in (np.ones((5, 3)), np.full((5, 3), np.nan)):
        none = trainings.statistic_across_trainings([1, np.nan, 2], samples)
        assert np.isnan([*none[:4], none.next_low, none.next_high]).all() and none.dominated_by == ""
    refused = trainings.statistic_across_trainings([1, 2, 3], samples)
    assert refused.value == 2 and np.isnan(refused[1:4]).all() and (refused.trainings, refused.same_sign) == (3, 3)
    empty = np.full((20, 3), np.nan)
    empty[:, :2] = 1
    assert np.isnan(trainings.across_trainings(empty, Resampling(np.arange(20), 50))[:4]).all()


def test_a_resample_without_a_value_is_no_draw():
    samples = np.array([[1.0, 2.0], [2.0, 3.0], [np.nan, 9.0], [1.5, 2.1]])
    whole = trainings.statistic_across_trainings([1, 2], samples)
    assert whole == trainings.statistic_across_trainings([1, 2], samples[[0, 1, 3]])


@pytest.mark.parametrize("of_trainings", [0.0, 1.0, 5.0])
def test_the_level_the_interval_and_the_prediction_hold(of_trainings):
    """Five trainings and 50 patients around a truth of 0, drawn 400 times; `make reliability` draws more.

    What patients explain in a training's mean has the deviation 1 / sqrt(50), and its own effect so many of it.
    """
    generator = np.random.default_rng(5)
    rejected, held = 0, 0
    for _ in range(400):
        values, effects = crossed(generator, of_trainings / np.sqrt(50), 0.5, 1.0, 50, 6)
        samples = bootstrap_means(values[:, :5], Resampling(np.arange(50), 200, 1))
        estimate = trainings.statistic_across_trainings(values[:, :5].mean(axis=0), samples)
        assert (estimate.low < 0 < estimate.high) == (estimate.p > 0.05)
        rejected += estimate.p < 0.05
        held += estimate.next_low <= effects[5] <= estimate.next_high
    assert rejected / 400 <= 0.07 + 0.02  # the second for chance
    assert held / 400 >= 0.93 - 0.02
