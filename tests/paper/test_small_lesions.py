"""Which maps touch the small lesions: by hand, and by the statistics of trainings."""

import numpy as np
import pytest

from black_average_drop.paper import claims, small_lesions
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.patients import Resampling
from lesion_rows import lesion_rows

SAMPLING = {"resamples": 60, "seed": 1}


def test_the_smallest_third_is_by_size_and_keeps_every_map_and_training():
    touched = {"CAM": np.zeros((6, 2)), "Grad-CAM++": np.zeros((6, 2))}
    small = small_lesions.smallest(lesion_rows(touched, [0.3, 0.1, 0.5, 0.2, 0.1, 0.4]))
    assert set(small["id"]) == {"i1", "i4"} and len(small) == 2 * 2 * 2
    assert set(small_lesions.smallest(lesion_rows(touched, [0.3] * 6))["id"]) == {"i0", "i1"}  # equal sizes: the first


def test_the_table_has_the_share_of_every_map_and_what_the_tested_one_touches_more(generator):
    shares = {"CAM": 0.3, "x": 0.5, "y": 0.5, "Grad-CAM++": 0.9}
    touched = {name: generator.random((40, 3)) < share for name, share in shares.items()}
    touched["z"] = touched["Grad-CAM++"] & (np.arange(40)[:, None] > 1)  # at most 5 points: less than 3 / 40 of 100
    table = small_lesions.touched_table(lesion_rows(touched, generator.random(40)), SAMPLING).set_index("map")
    assert (table["lesions"] == 40).all() and (table["trainings"] == 3).all()
    resampling = Resampling(np.arange(40), **SAMPLING)
    for name, touches in touched.items():
        assert table.loc[name, "touched"] == pytest.approx(100 * touches.mean())
        if name != "Grad-CAM++":
            more = 100.0 * (touched["Grad-CAM++"].astype(float) - touches)
            one = claims.measured_mean(more, resampling, "", reach=100.0)
            expected = one.estimate.value, one.estimate.low, one.estimate.high, one.estimate.p
            np.testing.assert_allclose(table.loc[name, ["difference", "low", "high", "p"]].astype(float), expected)
            assert table.loc[name, "same_sign"] == 3
            assert table.loc[name, "unseen"] == one.unseen == ("overturned" if name == "z" else "holds")
    assert np.isnan(table.loc["Grad-CAM++", ["difference", "low", "high", "p", "p_holm"]].astype(float)).all()
    others = table.drop(index="Grad-CAM++")
    np.testing.assert_allclose(others["p_holm"], comparisons.holm(others["p"]))
    assert (others["p_holm"] > others["p"]).any()
