"""Means over trainings: by hand, and simulated."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import patients, trainings
from black_average_drop.statistics.patients import Resampling


def test_across_trainings_by_hand():
    """Trainings at 1, 2 and 3: their mean has the error 1 / sqrt(3), with 2 degrees of freedom; patients have 0.5."""
    samples = np.tile([[1.5], [2.5]], (1, 3))
    three = trainings.across_trainings([1, 2, 3], samples)
    half = np.hypot(stats.t.ppf(0.975, 2) / np.sqrt(3), 0.5 * stats.norm.ppf(0.975))
    assert (three.value, three.low, three.high) == pytest.approx((2, 2 - half, 2 + half))
    level = three.p / 2
    assert np.hypot(stats.t.isf(level, 2) / np.sqrt(3), 0.5 * stats.norm.isf(level)) == pytest.approx(2)
    one = trainings.across_trainings([2], samples[:, :1])
    assert (one.low, one.high) == pytest.approx(stats.norm.interval(0.95, 2, 0.5))
    assert one.p == pytest.approx(2 * stats.norm.sf(4))
    two = trainings.across_trainings(
        [1, 3], np.full((5, 2), 2.0)
    )  # their mean has the error 1, and 1 degree of freedom
    assert (two.low, two.high) == pytest.approx(stats.t.interval(0.95, 1, 2))
    far = trainings.across_trainings([1000], 998 + samples[:, :1])
    assert far == pytest.approx((1000, *stats.norm.interval(0.95, 1000, 0.5), 0))
    still = trainings.across_trainings([1, 2, 3], np.full((5, 3), 2.0))  # no spread over patients: a plain t test
    assert still.p == pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue)


def test_estimates_of_float32_have_the_digits_of_float64():
    estimates, samples = np.float32([0.1, 0.2, 0.4]), np.float32([[0.1, 0.3, 0.2], [0.2, 0.3, 0.3]])
    expected = trainings.across_trainings(estimates.astype("float64"), samples.astype("float64"))
    assert trainings.across_trainings(estimates, samples) == expected


def test_what_has_no_value_has_no_interval_and_no_p():
    assert np.isnan(trainings.across_trainings([1, np.nan, 2], np.ones((5, 3)))).all()


def test_across_trainings_without_any_spread():
    assert trainings.across_trainings([0, 0], np.zeros((5, 2))) == (0, 0, 0, 1)
    assert trainings.across_trainings([3, 3], np.full((5, 2), 3.0)) == (3, 3, 3, 0)


@pytest.mark.parametrize(("of_trainings", "of_patients"), [(1.0, 1.0), (0.0, 1.0), (3.0, 0.3)])
def test_intervals_across_trainings_cover_the_truth(of_trainings, of_patients):
    """Crossed random effects of 3 trainings and 60 patients, drawn 400 times around a truth of 0."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        training, patient = generator.normal(size=(1, 3)), generator.normal(size=(60, 1))
        values = of_trainings * training / 8 + of_patients * patient + 0.5 * generator.normal(size=(60, 3))
        samples = patients.bootstrap_means(values, Resampling(np.arange(60), 200))
        estimate = trainings.across_trainings(values.mean(axis=0), samples)
        assert (estimate.low < 0 < estimate.high) == (estimate.p > 0.05)
        covered += estimate.low < 0 < estimate.high
    assert 0.92 <= covered / 400 <= 0.995
