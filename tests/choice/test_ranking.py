"""Maps by their mean drop, and pairs of them, against a table by hand."""

import numpy as np

from black_average_drop import statistics
from black_average_drop.choice import ranking
from black_average_drop.statistics import Resampling
from drop_tables import CONTROLS, drops


def test_ranking_and_comparisons_leave_out_images_without_a_drop(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    table.iloc[:7] = np.nan
    resampling = Resampling(np.arange(80), 300)
    ranked = ranking.rank_maps(table, CONTROLS, resampling)
    assert list(ranked["map"]) == ["Grad-CAM++", "CAM", "centre prior", "all ones"]
    assert list(ranked["control"]) == [False, False, True, True] and (ranked["images"] == 73).all()
    np.testing.assert_allclose(ranked.set_index("map")["drop"], table.mean()[ranked["map"]])
    assert (ranked["low"] < ranked["drop"]).all() and (ranked["drop"] < ranked["high"]).all()
    pairs = ranking.comparisons(table, CONTROLS, resampling)
    assert len(pairs) == 5  # of six, one has no method in it
    by_hand = statistics.differences(table.to_numpy(), list(table), resampling)
    by_hand = by_hand[by_hand["first"] != "all ones"].reset_index(drop=True)
    np.testing.assert_array_equal(pairs["p"], by_hand["p"])
    assert (pairs["p_holm"] <= by_hand["p_holm"]).all()
