"""Pairs of maps compared, and Holm's correction: by hand."""

import numpy as np
import pytest

from black_average_drop.statistics import comparisons
from black_average_drop.statistics.patients import Resampling


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, then 0.03 x 2 and 0.04 x 1, none below the one before."""
    np.testing.assert_allclose(comparisons.holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(comparisons.holm([0.9, 0.7]), [1, 1])
    assert comparisons.holm([1, 0]).dtype == np.float64
    np.testing.assert_allclose(comparisons.holm([0.04]), [0.04])
    np.testing.assert_allclose(comparisons.holm([np.nan, 0.03, 0.01, np.nan]), [np.nan, 0.03, 0.02, np.nan])
    assert np.isnan(comparisons.holm([np.nan])).all() and not len(comparisons.holm([]))


def test_differences_of_every_pair_with_holms_correction(generator):
    values = generator.normal([0, 0, 3], 1, (40, 3))
    pairs = comparisons.differences(values, ["one", "other", "ahead"], Resampling(np.arange(40), 200))
    pairs = pairs.set_index(["first", "second"])
    assert len(pairs) == 3 and pairs["p_holm"].min() > pairs["p"].min()
    np.testing.assert_allclose(pairs["p_holm"], comparisons.holm(pairs["p"]))
    assert pairs.loc[("one", "ahead"), "difference"] == pytest.approx((values[:, 2] - values[:, 0]).mean())
    assert pairs.loc[("one", "ahead"), "p_holm"] < 0.01 < pairs.loc[("one", "other"), "p_holm"]
    row = pairs.loc[("one", "ahead")]
    assert row["low"] < row["difference"] < row["high"]


def test_pairs_that_too_few_images_tell_apart_have_no_test_and_take_no_part_in_the_correction(generator):
    values = generator.normal([0, 0, 3], 1, (40, 3))
    values[:, 1] = values[:, 0]
    values[:6, 1] += 1
    resampling = Resampling(np.arange(40), 200)
    pairs = comparisons.differences(values, ["one", "other", "ahead"], resampling).set_index(["first", "second"])
    few = pairs.loc[("one", "other")]
    assert few["difference"] == pytest.approx(6 / 40) and few[["low", "high", "p", "p_holm"]].isna().all()
    bounded = comparisons.differences(np.clip(values, -3, 3), ["one", "other", "ahead"], resampling, (-6, 6))
    assert bounded[["low", "high", "p", "p_holm"]].notna().all(axis=None)  # bets on bounded values are always possible
    rest = pairs.drop(("one", "other"))
    np.testing.assert_allclose(rest["p_holm"], comparisons.holm(rest["p"]))
