"""Which maps may be the best: by hand, against Dunnett's test, and by brute force."""

import numpy as np
import pytest
from scipy.stats import beta, dunnett

from black_average_drop.statistics import best
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients import Resampling

NAMES = ("a", "b", "c", "d")


def drawn(generator, patients, offsets):
    return generator.normal(0.5, 0.1, (patients, len(offsets))) + np.array(offsets)


def test_clear_winners_and_losers(generator):
    table = best.compare_with_best(drawn(generator, 300, [0, 0.3, 0.3, 0.6]), NAMES, Resampling(np.arange(300)), 1.0)
    assert table["may_be_best"].tolist() == [True, False, False, False]
    first, second = table.iloc[0], table.iloc[1]
    assert first["most"] == 0 and first["least"] < -0.25 and first["excess"] == pytest.approx(-0.3, abs=0.03)
    assert 0.25 < second["least"] < second["excess"] < second["most"] < 0.35


def test_maps_that_are_alike_stay_together_with_a_limit_on_how_much_worse_they_are(generator):
    table = best.compare_with_best(drawn(generator, 400, [0, 0, 0.2, 0.2]), NAMES, Resampling(np.arange(400)), 1.0)
    assert table["may_be_best"].tolist() == [True, True, False, False]
    pair = table.iloc[:2]
    assert (pair["least"] <= 0).all() and (pair["most"] > 0).all() and (pair["most"] < 0.05).all()


def test_one_sided_levels_are_those_of_dunnett(generator):
    """With independent columns of one spread, a map against three others is Dunnett's test against a control."""
    values = generator.normal(0, 1, (400, 4))
    at_level = _at_level(values, 0.025)
    for further, stays in ((-0.01, True), (0.01, False)):  # a two-sided level would be 0.018 away
        moved = values + np.array([at_level + further, 0, 0, 0])
        table = best.compare_with_best(moved, NAMES, Resampling(np.arange(400), 20_000), 1.0)
        assert table["may_be_best"].iloc[0] == stays


def _at_level(values, level):
    """What is to be added to the first column so that Dunnett's one-sided test has that p."""
    low, high = -1.0, 1.0
    for _ in range(25):
        middle = (low + high) / 2
        test = dunnett(*values[:, 1:].T, control=values[:, 0] + middle, alternative="less", random_state=0)
        low, high = (middle, high) if test.pvalue.min() > level else (low, middle)
    return middle


def test_of_two_maps_one_leaves_where_the_two_sided_test_says_that_they_differ(generator):
    """And how much worse it is at most goes with the margin that would hold the pair, both at 5 %."""
    seen = set()
    for seed in range(60):
        drops, resampling = drawn(generator, 40, [0, 0.04]), Resampling(np.arange(40), 200, seed)
        table = best.compare_with_best(drops, NAMES[:2], resampling, 1.0)
        pair = compare_pairs(drops, NAMES[:2], resampling, 1.0).iloc[0]
        assert table["may_be_best"].all() == (not pair["differs"]) == (pair["p_adjusted"] >= 0.05)
        assert table["most"].max() == pytest.approx(pair["within"])
        seen.add(table["may_be_best"].all())
    assert seen == {True, False}


def test_a_pair_that_too_few_tell_apart_puts_none_out():
    values = np.zeros((100, 3))
    values[:3, 1], values[:, 2] = 0.9, np.linspace(0.5, 0.7, 100)
    table = best.compare_with_best(values, NAMES[:3], Resampling(np.arange(100)), 1.0)
    assert table["may_be_best"].tolist() == [True, True, False]
    np.testing.assert_allclose(table["most"][:2], beta.ppf(1 - 0.05 / 2, 4, 97))  # of two comparisons
    assert table["most"][2] > 0.5
    few = best.compare_with_best(values[:9], NAMES[:3], Resampling(np.arange(9)), 1.0)
    assert few["may_be_best"].all() and np.isinf(few["most"]).all()


def test_one_map_alone_is_the_best():
    (row,) = best.compare_with_best(np.ones((20, 1)), NAMES[:1], Resampling(np.arange(20)), 1.0).to_dict("records")
    assert row["may_be_best"] and row["least"] == row["most"] == 0 and np.isnan(row["excess"])


def test_a_true_best_seldom_leaves(generator):
    left = 0
    for seed in range(300):
        table = best.compare_with_best(drawn(generator, 60, [0] * 4), NAMES, Resampling(np.arange(60), 200, seed), 1.0)
        left += not table["may_be_best"].iloc[0]
        assert table["may_be_best"].any()
    assert left / 300 < 0.053  # 2.5 % and three standard errors
