"""Our scores against the definitions of others, written out by hand: where they are equal, and where not and why.

CheXlocalize (Saporta et al. 2022, eval.py) and Quantus (Hedström et al. 2023, version 0.6, metrics/localisation). The
region of a half-covered bar is the one that Quantus' own tests use.
"""

import numpy as np
import pytest

from black_average_drop.trust import localization


def region_and_bar():
    """Rows and columns 50 to 99 of 224 x 224, and a map of 1 in rows 0 to 99 of columns 75 to 99: half lies inside."""
    region, bar = np.zeros((1, 224, 224), bool), np.zeros((1, 224, 224), "float32")
    region[:, 50:100, 50:100] = True
    bar[:, :100, 75:100] = 1
    return region, bar


def random_set(count=40):
    """Maps without ties, some negative, and a rectangle for each."""
    generator = np.random.default_rng(4)
    maps, regions = generator.normal(0.3, 1, (count, 16, 16)).astype("float32"), np.zeros((count, 16, 16), bool)
    for region in regions:
        top, left, height, width = generator.integers(1, 8, 4)
        region[top : top + height, left : left + width] = True
    return maps + np.float32(2) * regions * (np.arange(count) % 2)[:, None, None], regions


def hit_of_chexlocalize(values, region):
    """Whether the first maximum, by rows, lies in the mask."""
    return float(region[np.unravel_index(np.argmax(values), values.shape)])


def pointing_game(values, region):
    """Quantus' PointingGame: whether any maximum lies in the mask."""
    return float(region[values == values.max()].any())


def overlap_of_chexlocalize(values, region, threshold):
    """Intersection over union with the pixels above a threshold."""
    chosen = values > threshold
    return (chosen & region).sum() / (chosen | region).sum()


def test_without_ties_hits_are_those_of_both():
    maps, regions = random_set()
    hits = localization.scores(maps, regions)["hit"]
    assert 0 < hits.sum() < len(hits)
    for theirs in (hit_of_chexlocalize, pointing_game):
        np.testing.assert_array_equal(hits, [theirs(*pair) for pair in zip(maps, regions, strict=True)])


def test_mass_and_top_pixels_are_those_of_quantus():
    """RelevanceMassAccuracy and AttributionLocalisation of what is positive, and RelevanceRankAccuracy."""
    maps, regions = random_set()
    scores = localization.scores(maps, regions)
    positive = np.maximum(maps, 0)
    mass = [values[region].sum() / values.sum() for values, region in zip(positive, regions, strict=True)]
    np.testing.assert_allclose(scores["mass_inside"], mass, rtol=1e-5)
    top = []
    for values, region in zip(maps, regions, strict=True):
        largest = np.argsort(values.ravel())[-region.sum() :]
        top.append(region.ravel()[largest].mean())
    np.testing.assert_allclose(scores["top_inside"], top, rtol=1e-6)


def test_ties_are_shared_where_others_take_the_first_or_any():
    """Of 2,500 equal maxima 1,250 lie inside. The first one is a miss for CheXlocalize, any is a hit for Quantus."""
    region, bar = region_and_bar()
    scores = localization.scores(bar, region).iloc[0]
    assert (hit_of_chexlocalize(bar[0], region[0]), pointing_game(bar[0], region[0])) == (0, 1)
    assert scores["hit"] == pytest.approx(0.5) and scores["mass_inside"] == scores["top_inside"] == 0.5
    assert localization.intersection_over_union(bar, region)[0] == pytest.approx(1250 / 3750)


def test_a_map_with_nan_is_a_miss_where_others_may_count_a_hit():
    """NumPy's argmax takes the first NaN for the maximum; Quantus finds no value that equals NaN."""
    values, region = np.ones((1, 8, 8), "float32"), np.zeros((1, 8, 8), bool)
    region[0, :4] = True
    values[0, 1, 1] = np.nan
    assert hit_of_chexlocalize(values[0], region[0]) == 1 and pointing_game(values[0], region[0]) == 0
    assert localization.scores(values, region).iloc[0][["hit", "mass_inside", "top_inside"]].tolist() == [0, 0, 0]
    assert localization.intersection_over_union(values, region).tolist() == [0]


def test_a_blank_map_is_a_miss_where_the_first_pixel_would_count():
    values, region = np.zeros((1, 8, 8), "float32"), np.zeros((1, 8, 8), bool)
    region[0, :4] = True
    assert hit_of_chexlocalize(values[0], region[0]) == pointing_game(values[0], region[0]) == 1
    assert localization.scores(values, region).iloc[0]["hit"] == 0


def test_overlap_is_that_of_chexlocalize_at_the_threshold_that_leaves_the_size_of_the_lesion():
    """Theirs is one threshold for all images of a finding, tuned on a validation set: a map may mark more or less."""
    maps, regions = random_set()
    ours = localization.intersection_over_union(maps, regions)
    thresholds = [np.sort(values.ravel())[-region.sum() - 1] for values, region in zip(maps, regions, strict=True)]
    theirs = [overlap_of_chexlocalize(*one) for one in zip(maps, regions, thresholds, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    top = localization.scores(maps, regions)["top_inside"]
    np.testing.assert_allclose(ours, top / (2 - top), rtol=1e-6)
    assert np.abs(ours - [overlap_of_chexlocalize(*pair, 0.5) for pair in zip(maps, regions, strict=True)]).max() > 0.05
