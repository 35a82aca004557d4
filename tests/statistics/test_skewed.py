"""Limits of skewed means: Hall's transformation against mpmath, Student's t against SciPy, moments by hand."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import skewed


def test_moments_by_hand():
    """Of 0, 0, 0, 4: mean 1, variance 4, and the sides 1, 1, 1 below and 3 above."""
    of_means = skewed.moments(np.array([[0.0], [0.0], [np.nan], [0.0], [4.0]]))
    assert (of_means.mean[0], of_means.error[0]) == (1, 1)
    assert (of_means.below[0], of_means.above[0]) == pytest.approx((3, 1))
    values = np.array([0.0, 0.0, 0.0, 4.0])
    assert of_means.skew[0] == pytest.approx(skewed.SKEW * stats.skew(values, bias=False) / 2)


def test_the_carriers_of_either_side_of_a_normal_sample(generator):
    of_means = skewed.moments(generator.standard_normal((400, 2000)))
    for carriers in (of_means.below, of_means.above):
        assert carriers.mean() / 400 == pytest.approx(1 / np.pi, rel=0.01)  # (E d)^2 / E d^2 = (1 / 2 pi) / (1 / 2)


def test_a_symmetric_sample_has_the_limits_of_students_t():
    values = np.repeat([-3.0, -1.0, 1.0, 3.0], 10)[:, None] + 0.5
    of_means = skewed.moments(values)
    carriers = 400 / 10 * 4 / 10  # (10 x 3 + 10 x 1)^2 / (10 x 9 + 10 x 1)
    assert of_means.skew[0] == 0 and of_means.above[0] == pytest.approx(carriers)
    expected = stats.t.interval(0.95, skewed.DEGREES * carriers - 1, 0.5, stats.sem(values[:, 0]))
    np.testing.assert_allclose(np.ravel(skewed.skewed_limits(of_means, 0.05)), expected)
    assert skewed.skewed_p(of_means)[0] == pytest.approx(
        2 * stats.t.sf(0.5 / stats.sem(values[:, 0]), skewed.DEGREES * carriers - 1)
    )


@pytest.mark.parametrize("shift", [-0.7, -0.1, 0.1, 0.3])
def test_limits_and_p_are_the_further_of_students_and_halls(shift, generator):
    """Hall's value of a studentised mean S is S + a S^2 / 3 + a^2 S^3 / 27 + a / 6; mpmath solves it."""
    values = generator.exponential(size=(50, 1)) - 1 + shift
    of_means = skewed.moments(values)
    mean, error, skew, below, above = (float(column[0]) for column in of_means)
    (low,), (high,) = skewed.skewed_limits(of_means, 0.05)

    def transformed(studentised):
        a = mpmath.mpf(skew)
        return studentised + a * studentised**2 / 3 + a**2 * studentised**3 / 27 + a / 6

    quantiles = (
        float(stats.t.isf(0.025, skewed.DEGREES * below - 1)),
        -float(stats.t.isf(0.025, skewed.DEGREES * above - 1)),
    )
    by_hall = [float(mpmath.findroot(lambda s, q=q: transformed(s) - q, q)) for q in quantiles]
    assert low == pytest.approx(mean - error * max(quantiles[0], by_hall[0]))
    assert high == pytest.approx(mean - error * min(quantiles[1], by_hall[1]))
    student = mean / error
    either = student, float(transformed(student))
    one_sided = (
        stats.t.sf(min(either), skewed.DEGREES * below - 1),
        stats.t.cdf(max(either), skewed.DEGREES * above - 1),
    )
    assert skewed.skewed_p(of_means)[0] == pytest.approx(min(1, 2 * min(one_sided)))
    assert by_hall[1] < quantiles[1]  # a tail above: what is above the mean is Hall's
    mirrored = skewed.skewed_limits(skewed.moments(-values), 0.05)
    np.testing.assert_allclose(np.ravel(mirrored), [-high, -low])
