"""Points of maps on lesions, counted by hand, in batches of any size."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop import controls
from black_average_drop.choice import pointing
from black_average_drop.statistics.patients import Resampling
from lesion_sets import SIZE, first_hit, maps_that_hit, mask, one_lesion

CENTRE = np.asarray(controls.centre_prior(np.zeros((20, *SIZE)), None, SIZE))


def test_points_of_a_set_that_is_counted_by_hand():
    """20 lesions of four pixels: CAM hits 15, another 2, and the centre prior none."""
    hits = {"CAM": first_hit(15, 20), "RISE": first_hit(2, 20)}
    measured = pointing.point(maps_that_hit(hits) | {"centre prior": CENTRE}, np.arange(20), one_lesion, SIZE, 6)
    table = pointing.points(measured, ["centre prior"], Resampling(np.arange(20), 500)).set_index("map")
    assert list(table.index) == ["CAM", "RISE", "centre prior"]
    assert table["hit"].tolist() == pytest.approx([0.75, 0.1, 0]) and (table["chance_hit"] == 4 / 64).all()
    assert table.loc["CAM", "mass_inside"] == 0.75 and (table["lesions"] == 20).all()
    # Of four top pixels one is bright, and the other three share 3 of 63 equal ones: 3 in the region, or 4 at a miss.
    inside = np.array([1 + 3 * 3 / 63, 4 * 3 / 63])
    assert table.loc["CAM", "top_inside"] == pytest.approx(np.dot([0.75, 0.25], inside / 4), abs=1e-6)
    assert table.loc["CAM", "overlap"] == pytest.approx(np.dot([0.75, 0.25], inside / (8 - inside)), abs=1e-6)
    assert 0.5 < table.loc["CAM", "hit_low"] < 0.75 < table.loc["CAM", "hit_high"] < 0.95
    assert table["above_centre"].tolist() == [True, False, False]  # of RISE 2 patients differ
    assert table.loc["CAM", "p_centre"] <= 2e-3 and table["p_centre"].isna().tolist() == [False, False, True]


def test_batches_and_places_change_nothing():
    """Lesion i belongs to row places[i] of the maps."""
    generator = np.random.default_rng(1)
    maps, places = {"CAM": generator.random((30, *SIZE), "float32")}, generator.permutation(30)[:20]
    lesions = [[("mass", mask(*generator.integers(0, 5, 2), 3, 2))] for _ in range(20)]
    one = pointing.point(maps, places, lesions.__getitem__, SIZE, 20)
    other = pointing.point({"CAM": maps["CAM"][places]}, np.arange(20), lesions.__getitem__, SIZE, 3)
    pd.testing.assert_frame_equal(one.scores, other.scores)
    pd.testing.assert_frame_equal(one.sights, other.sights)


def test_small_lesions_are_the_smallest_third_and_are_seen_one_by_one():
    """Nine boxes of three images: the small ones, of one pixel each, lie where the map of their image is bright."""
    sizes = [(1, 1), (2, 2), (3, 3)]
    lesions = [("nodule", mask(5, 5, *sizes[0])), ("nodule", mask(0, 0, *sizes[1])), ("nodule", mask(0, 4, *sizes[2]))]
    maps = {"CAM": np.full((3, *SIZE), 1e-3, "float32"), "centre prior": CENTRE[:3]}
    maps["CAM"][0, 5, 5] = maps["CAM"][1, 5, 5] = maps["CAM"][2, 7, 0] = 1  # the third misses its small one
    maps["CAM"][:, 2, :5] = 0.5  # round(0.1 x 64) = 6 pixels are looked at: the bright one, and these
    measured = pointing.point(maps, np.arange(3), lambda number: lesions, SIZE)
    assert (measured.sights["size_class"] == "small").sum() == 2 * 3
    table = pointing.points(measured, ["centre prior"], Resampling(np.arange(3), 200)).set_index("map")
    assert table.loc["CAM", "small_seen"] == pytest.approx(2 / 3) and (table["small_lesions"] == 3).all()
    assert table.loc["CAM", "chance_small_seen"] == pytest.approx(6 / 64)
    assert table.loc["CAM", "hit"] == pytest.approx(2 / 3)  # the region of an image is all of its boxes


def test_two_lesions_have_no_small_third():
    measured = pointing.point({"CAM": CENTRE[:2], "centre prior": CENTRE[:2]}, [0, 1], one_lesion, SIZE)
    table = pointing.points(measured, ["centre prior"], Resampling(np.arange(2), 50))
    assert table["small_seen"].isna().all() and (table["small_lesions"] == 0).all()


class MarkedImages:
    """Three lesions of two images, with what `lesion_files.load` gives of them: b has two, and c none."""

    masks = [mask(0, 0, 1, 1), mask(1, 1, 2, 2), mask(5, 5, 3, 3)]

    def of_pairs(self, ids, findings):
        rows = {"a": [2], "b": [0, 1], "c": []}
        pairs = [(pair, row) for pair, name in enumerate(ids) for row in rows[name]]
        return np.array(pairs, int).reshape(-1, 2).T

    def mask(self, row):
        return self.masks[row]


def test_what_was_explained_has_the_lesions_of_its_image_or_is_passed_over():
    given = MarkedImages()
    places, of_place = pointing.known_lesions(given, ["c", "b", "a", "c"], ["mass", "nodule", "mass", "mass"])
    assert places.tolist() == [1, 2]
    for number, expected in enumerate(([("nodule", 0), ("nodule", 1)], [("mass", 2)])):
        lesions = of_place(number)
        assert [finding for finding, _ in lesions] == [finding for finding, _ in expected]
        assert all((one == given.masks[row]).all() for (_, one), (_, row) in zip(lesions, expected, strict=True))
    assert len(pointing.known_lesions(given, ["c"], ["mass"])[0]) == 0


def test_a_finding_without_a_lesion_is_refused():
    with pytest.raises(ValueError, match="Lesion 1 has neither box nor mask: leave out"):
        pointing.point({"CAM": CENTRE}, [0, 1], lambda number: one_lesion(0) if not number else [], SIZE)
