"""Which maps may be the best: by hand, against Dunnett's test, and by brute force."""

import numpy as np
import pytest
from scipy.stats import dunnett

from black_average_drop.statistics import best
from black_average_drop.statistics.patients import Resampling

NAMES = ("a", "b", "c", "d")


def drawn(generator, patients, offsets):
    return generator.normal(0.5, 0.1, (patients, len(offsets))) + np.array(offsets)


def test_clear_winners_and_losers(generator):
    table = best.compare_with_best(drawn(generator, 300, [0, 0.3, 0.3, 0.6]), NAMES, Resampling(np.arange(300)))
    assert table["may_be_best"].tolist() == [True, False, False, False]
    first, second = table.iloc[0], table.iloc[1]
    assert first["most"] == 0 and first["least"] < -0.25 and first["excess"] == pytest.approx(-0.3, abs=0.03)
    assert second["least"] == 0 and second["excess"] < second["most"] < 0.35


def test_maps_that_are_alike_stay_together_with_a_limit_on_how_much_worse_they_are(generator):
    table = best.compare_with_best(drawn(generator, 400, [0, 0, 0.2, 0.2]), NAMES, Resampling(np.arange(400)))
    assert table["may_be_best"].tolist() == [True, True, False, False]
    pair = table.iloc[:2]
    assert (pair["least"] <= 0).all() and (pair["most"] > 0).all() and (pair["most"] < 0.05).all()


def test_one_sided_levels_are_those_of_dunnett(generator):
    """With independent columns of one spread, a map against three others is Dunnett's test against a control."""
    values = generator.normal(0, 1, (400, 4))
    at_level = _at_level(values, 0.05)
    for further, stays in ((-0.03, True), (0.03, False)):
        moved = values + np.array([at_level + further, 0, 0, 0])
        table = best.compare_with_best(moved, NAMES, Resampling(np.arange(400), 5000))
        assert table["may_be_best"].iloc[0] == stays


def _at_level(values, level):
    """What is to be added to the first column so that Dunnett's one-sided test has that p."""
    low, high = -1.0, 1.0
    for _ in range(25):
        middle = (low + high) / 2
        test = dunnett(*values[:, 1:].T, control=values[:, 0] + middle, alternative="less", random_state=0)
        low, high = (middle, high) if test.pvalue.min() > level else (low, middle)
    return middle


def test_a_pair_that_too_few_tell_apart_puts_none_out():
    values = np.zeros((100, 3))
    values[:3, 1], values[:, 2] = 0.9, np.linspace(0.5, 0.7, 100)
    table = best.compare_with_best(values, NAMES[:3], Resampling(np.arange(100)))
    assert table["may_be_best"].tolist() == [True, True, False]
    assert np.isinf(table["most"][:2]).all()
    assert table["most"][2] > 0.5


def test_a_true_best_seldom_leaves(generator):
    left = 0
    for seed in range(300):
        table = best.compare_with_best(drawn(generator, 60, [0] * 4), NAMES, Resampling(np.arange(60), 200, seed))
        left += not table["may_be_best"].iloc[0]
        assert table["may_be_best"].any()
    assert left / 300 < 0.09
