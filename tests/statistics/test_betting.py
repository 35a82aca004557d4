"""Bets on bounded means: products by hand, limits against a grid, and how often they miss."""

import numpy as np
import pytest

from black_average_drop.statistics import betting


def capital(values, weights, bounds, mean):
    """What bets win that the mean is above, as a loop over stakes and patients."""
    won = []
    for stake in betting.STAKES / (mean - bounds[0]):
        product = 1.0
        for value, weight in zip(values, weights, strict=True):
            product *= 1 + stake * weight / max(weights) * (value - mean)
        won.append(product)
    return np.mean(won)


def test_a_bet_by_hand():
    """Both at 1, against a mean of 0 in [-1, 1]: (1 + s)^2 over the stakes s."""
    expected = np.mean([(1 + stake) ** 2 for stake in betting.STAKES])
    assert betting.betting_p([1.0] * 9, np.ones(9), (-1, 1)) == pytest.approx(
        2 / np.mean([(1 + stake) ** 9 for stake in betting.STAKES])
    )
    assert capital([1, 1], [1, 1], (-1, 1), 0) == pytest.approx(expected)
    assert betting.betting_p([0.0, 0.0], np.ones(2), (0, 1)) == 1  # no mean below 0 is possible


@pytest.mark.parametrize("weights", [np.ones(12), 1.0 + np.arange(12) % 3], ids=["one image", "several"])
def test_limits_against_a_grid_of_means(weights, generator):
    values = np.where(np.arange(12) < 9, 1.0, generator.uniform(-1, 1, 12))
    low, high = betting.betting_limits(values, weights, (-1, 1), 0.05)
    grid = np.linspace(-0.999, 0.999, 2001)
    kept = [
        mean
        for mean in grid
        if capital(values, weights, (-1, 1), mean) < 40 and capital(-values, weights, (-1, 1), -mean) < 40
    ]
    assert low == pytest.approx(min(kept), abs=0.0011) and high == pytest.approx(min(1, max(kept)), abs=0.0011)
    p = betting.betting_p(values, weights, (-1, 1))
    assert p == pytest.approx(2 / capital(values, weights, (-1, 1), 0)) and (p < 0.05) == (low > 0)
    mirrored = betting.betting_limits(-values, weights, (-1, 1), 0.05)
    np.testing.assert_allclose(mirrored, (-high, -low))
    order = generator.permutation(12)
    np.testing.assert_allclose(betting.betting_limits(values[order], weights[order], (-1, 1), 0.05), (low, high))


def test_the_ends_of_the_range():
    low, high = betting.betting_limits(np.zeros(20), np.ones(20), (0, 1), 0.05)
    assert low == 0 and 1 - 0.025 ** (1 / 20) < high < 0.35  # no closer than Clopper and Pearson
    assert betting.betting_limits(np.ones(20), np.ones(20), (0, 1), 0.05) == pytest.approx((1 - high, 1))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_a_true_mean_is_rarely_refuted(share):
    """Whatever the distribution: here a share of patients at 1 and all others where the mean is 0."""
    generator = np.random.default_rng(4)
    values = np.where(generator.random((1000, 30)) < share, 1.0, -share / (1 - share))
    assert np.mean([betting.betting_p(one, np.ones(30), (-1, 1)) < 0.05 for one in values]) <= 0.05
