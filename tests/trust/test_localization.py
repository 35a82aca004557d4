"""Localisation scores against hand-computed cases and brute force over all shifts."""

import numpy as np
import pytest

from black_average_drop.datasets import phantoms
from black_average_drop.trust import localization


def block(top, left, height, width, size=(8, 8)):
    region = np.zeros(size, bool)
    region[top : top + height, left : left + width] = True
    return region


@pytest.fixture
def peaked():
    """A map with its maximum at (2, 3) and 3, 2, 1 around."""
    values = np.zeros((8, 8), "float32")
    values[2, 2:6] = (3, 4, 2, 1)
    values[3, 3] = -5  # in the region, and no mass
    return values


def test_scores_of_a_hand_computed_case(peaked):
    scores = localization.scores(peaked[None], block(2, 3, 2, 2)[None]).iloc[0]
    assert scores["hit"] == 1 and scores["hit_tolerant"] == 1
    assert scores["mass_inside"] == pytest.approx(6 / 10)  # 4 and 2 of 3 + 4 + 2 + 1
    assert scores["top_inside"] == pytest.approx(2 / 4)  # of the top four pixels two lie inside
    assert scores["chance_hit"] == scores["chance_mass_inside"] == scores["chance_top_inside"] == 4 / 64


def test_a_maximum_outside_is_a_miss_and_the_tolerance_is_a_share_of_the_side():
    values, region = np.zeros((1, 100, 100), "float32"), block(40, 40, 20, 20, (100, 100))[None]
    values[0, 50, 62] = 1  # the nearest pixel of the region is at column 59: 3 pixels away, just within 15 in 500
    scores = localization.scores(values, region).iloc[0]
    assert scores["hit"] == 0 and scores["hit_tolerant"] == 1
    values[0, 50, [62, 63]] = 0, 1
    assert localization.scores(values, region).iloc[0]["hit_tolerant"] == 0
    assert scores["chance_hit"] == 0.04 and 0.05 < scores["chance_hit_tolerant"] < 0.07


@pytest.mark.parametrize("kind", ["zero", "negative", "one NaN"])
def test_a_blank_or_nan_map_misses_everything(kind):
    maps, region = np.full((1, 8, 8), -1.0 if kind == "negative" else 0.0, "float32"), block(0, 0, 4, 4)[None]
    if kind == "one NaN":
        maps[0, :4, :4], maps[0, 7, 7] = 5, np.nan  # the rest lies in the region, and yet the map is not usable
    scores = localization.scores(maps, region).iloc[0]
    assert scores[list(localization.SCORES)].tolist() == [0, 0, 0, 0]
    inside, chance = localization.touched(maps, [0], region, 0.2)
    assert not inside.any() and not chance.any() and localization.blank(maps).all()


def test_equal_values_share_what_they_compete_for():
    """A map of ones hits as often as chance does, wherever the region lies."""
    for region in (block(0, 0, 2, 4), block(5, 5, 2, 4)):
        scores = localization.scores(np.ones((1, 8, 8), "float32"), region[None]).iloc[0]
        for score in localization.SCORES:
            assert scores[score] == pytest.approx(scores[f"chance_{score}"], abs=1e-6)
    ties = np.zeros((1, 2, 2), "float32")
    ties[0, 0] = (2, 1)
    ties[0, 1] = (1, 1)
    np.testing.assert_allclose(localization.top_pixels(ties, 2)[0], [[1, 1 / 3], [1 / 3, 1 / 3]], rtol=1e-6)
    np.testing.assert_allclose(localization.top_pixels(np.repeat(ties, 2, 0), [1, 4]).sum(axis=(1, 2)), [1, 4])


def test_seen_and_its_chance_are_those_of_brute_force(generator):
    maps = generator.random((3, 8, 8), "float32")
    rows = np.array([0, 0, 2])
    lesions = np.stack([block(1, 1, 3, 3), block(4, 2, 1, 5), block(4, 5, 4, 2)])  # of the last exactly two pixels
    for area in (0.1, 0.3, 0.5):
        is_touched, chance = localization.touched(maps, rows, lesions, area)
        for i, row in enumerate(rows):
            inside = localization.top_pixels(maps[row : row + 1], round(area * 64))[0]
            enough = localization.TOUCHED_SHARE * lesions[i].sum()
            shifts = [
                np.roll(inside, (down, right), (0, 1))[lesions[i]].sum() >= enough
                for down in range(8)
                for right in range(8)
            ]
            assert is_touched[i] == shifts[0] and chance[i] == pytest.approx(np.mean(shifts))
    assert 0 < chance.mean() < 1


def test_chance_is_what_shifted_maps_score(generator):
    """Brute force: every shift of the map, against the analytic chance of each score."""
    values = generator.random((8, 8), "float32")
    shifted = np.stack([np.roll(values, (down, right), (0, 1)) for down in range(8) for right in range(8)])
    region = block(1, 2, 3, 2)
    scores = localization.scores(shifted, np.repeat(region[None], 64, 0)).mean()
    for score in localization.SCORES:
        assert scores[score] == pytest.approx(scores[f"chance_{score}"], rel=1e-5)


def test_an_empty_region_is_refused():
    with pytest.raises(ValueError, match="Region 1 is empty"):
        localization.scores(np.ones((2, 8, 8)), np.stack([block(0, 0, 2, 2), block(0, 0, 0, 0)]))


def test_region_sizes_are_shares_of_the_image():
    data = phantoms.radiographs(6, seed=2, size=64)
    np.testing.assert_array_equal(localization.region_sizes(data, 4), data.regions().mean(axis=(1, 2)))


def test_a_lesion_is_seen_if_a_quarter_of_it_is_in_the_top_share():
    """Maps whose top tenth of 400 pixels is the upper left corner: two rows of twenty."""
    maps = np.tile(np.linspace(1, 0, 20)[:, None] + np.zeros(20) - 1e-3 * np.arange(20), (3, 1, 1))
    maps[2] = -1
    regions = np.zeros((3, 20, 20), bool)
    regions[0, 1:5, :4] = True  # four of its sixteen pixels are in row 1
    regions[1, 1:6, :4] = True  # four of twenty
    regions[2] = True  # a map that is nowhere positive sees nothing
    is_touched, _ = localization.touched(maps, np.arange(3), regions, 0.1)
    np.testing.assert_array_equal(is_touched, [True, False, False])


def test_rows_of_maps_are_the_scores_and_the_lesions_of_every_image():
    data = phantoms.radiographs(12, seed=2, size=64)
    data = data.subset(data.regions().any(axis=(1, 2)))
    maps = {"lesion": data.regions().astype("float32"), "elsewhere": 1 - data.regions().astype("float32")}
    points = localization.score_maps(maps, data).pivot(index="id", columns=["score", "map"], values="value")
    assert (points["top_inside", "lesion"] == 1).all() and (points["hit", "elsewhere"] == 0).all()
    touched = localization.touch_lesions(maps, data)
    assert len(touched) == len(data) * 2 * 2 * len(localization.AREAS) and (touched["lesion"] == 0).all()
    seen = touched[touched["quantity"] == "touched"].groupby("map")["value"].mean()
    assert seen["lesion"] == 1 and seen["elsewhere"] == 0
    sizes = touched.drop_duplicates("id").set_index("id")["size"].loc[data.ids]
    np.testing.assert_allclose(sizes, data.regions().mean(axis=(1, 2)))
