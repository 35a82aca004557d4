"""Control maps are what they are called; the two of Table 1 are tested with the evaluation."""

import numpy as np
import pytest

from black_average_drop import cams, controls


@pytest.fixture
def drawn(generator):
    maps = generator.random((4, 3, 3), "float32") - 0.2
    return maps, {name: draw(maps, np.arange(4), (12, 12), 5) for name, draw in controls.CONTROLS.items()}


def test_maps_that_say_nothing(drawn):
    _, by_name = drawn
    assert (by_name["all ones"] == 1).all() and by_name["all ones"].shape == (4, 12, 12)
    fake = by_name["Fake-CAM"]
    assert (fake[:, 0, 0] == 0).all() and fake.sum() == 4 * (144 - 1)
    noise = by_name["uniform random map"]
    assert noise.shape == (4, 12, 12) and abs(noise.mean() - 0.5) < 0.05 and (noise[0] != noise[1]).any()


def test_centre_prior_peaks_in_the_middle_and_falls_off_alike_on_all_sides(drawn):
    bump = drawn[1]["centre prior"][0]
    np.testing.assert_allclose(bump, bump[::-1, ::-1], rtol=1e-6)
    np.testing.assert_allclose(bump, bump.T, rtol=1e-6)
    assert bump.max() == bump[5, 5] and bump[0, 0] == bump.min()
    # A standard deviation, a quarter of the side, from the middle on each axis: e^(-1/2) twice.
    odd = controls.centre_prior(np.zeros((1, 2, 2)), [0], (101, 101))[0]
    assert odd[50, 50] == pytest.approx(1, abs=1e-3) and odd[50, 75] == pytest.approx(np.exp(-0.5), rel=0.03)


def test_inverted_map_ranks_the_other_way_round(drawn):
    maps, by_name = drawn
    clipped = np.maximum(maps, 0)
    np.testing.assert_allclose(by_name["inverted Grad-CAM"], clipped.max(axis=(1, 2), keepdims=True) - clipped)
    features, gradients = np.abs(maps)[..., None], np.ones((4, 3, 3, 1), "float32")
    explanation = cams.Explanation(features, gradients, None, None, None, None)
    again = controls.REDRAWN["inverted Grad-CAM"](explanation)
    np.testing.assert_allclose(again, np.abs(maps).max(axis=(1, 2), keepdims=True) - np.abs(maps))


def test_controls_hang_on_the_seed_alone(drawn):
    maps, by_name = drawn
    for name, draw in controls.CONTROLS.items():
        np.testing.assert_array_equal(draw(maps, np.arange(4), (12, 12), 5), by_name[name])
        random = name in ("uniform random map", "smooth random map")
        assert (draw(maps, np.arange(4), (12, 12), 6) != by_name[name]).any() == random or name == "another image's map"


def test_donors_are_other_patients():
    groups, donors = np.array(["a", "b", "c", "a"]), np.array(["a", "b", "d"])
    drawn = [controls.other_patients(groups, donors, seed) for seed in range(30)]
    assert all((donors[rows] != groups).all() for rows in drawn) and len({tuple(rows) for rows in drawn}) > 10
    assert (controls.other_patients(groups, np.array(["d"])) == 0).all()  # one donor is enough, if it is another's
    with pytest.raises(ValueError, match="at least two patients"):
        controls.other_patients(groups, np.array(["a", "a"]))
