"""Noisy linear imputation against a direct solution of its equations, pixel by pixel."""

import numpy as np
import pytest

from black_average_drop.trust import imputation


def solved(image, hidden):
    """Every equation written out, and solved densely: (H, W, C)."""
    height, width = hidden.shape
    unknown = {place: number for number, place in enumerate(map(tuple, np.argwhere(hidden)))}
    matrix, right = np.zeros((len(unknown),) * 2), np.zeros((len(unknown), image.shape[2]))
    for (y, x), number in unknown.items():
        neighbours = {
            (y + down, x + across): (1 / 6 if 0 in (down, across) else 1 / 12)
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
            if (down or across) and 0 <= y + down < height and 0 <= x + across < width
        }
        matrix[number, number] = sum(neighbours.values())
        for place, weight in neighbours.items():
            if place in unknown:
                matrix[number, unknown[place]] -= weight
            else:
                right[number] += weight * image[place]
    filled = image.astype("float64").copy()
    filled[hidden] = np.linalg.solve(matrix, right)
    return filled


def block(*corners, size=(24, 24)):
    hidden = np.zeros(size, bool)
    top, bottom, left, right = corners
    hidden[top:bottom, left:right] = True
    return hidden


CASES = {
    "scattered": np.random.default_rng(0).random((24, 24)) < 0.7,
    "inside": block(5, 17, 4, 20),
    "corner": block(0, 20, 0, 20),
    "all but a pixel": ~block(3, 4, 3, 4),
    "all but an edge": block(0, 24, 0, 23),
    "odd sides": block(2, 19, 3, 20, size=(21, 23)),
    "two pieces": block(0, 9, 0, 9) | block(12, 22, 11, 24),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_fill_is_the_direct_solution(generator, case, channels):
    hidden = CASES[case]
    image = generator.integers(0, 256, (*hidden.shape, channels)).astype("float32")
    filled = imputation.noisy_linear(image[None], hidden[None], noise=0)[0]
    np.testing.assert_allclose(filled, solved(image, hidden), atol=imputation.TOLERANCE)
    np.testing.assert_array_equal(filled[~hidden], image[~hidden])


def test_grey_images_are_as_three_equal_channels(generator):
    image = np.repeat(generator.integers(0, 256, (1, 24, 24, 1)), 3, axis=3)
    filled = imputation.noisy_linear(image, CASES["inside"][None], noise=0)
    assert (filled == filled[..., :1]).all()
    np.testing.assert_allclose(filled[0], solved(image[0], CASES["inside"]), atol=imputation.TOLERANCE)


def test_flat_and_sloping_images_are_restored():
    flat, slope = np.full((24, 24), 77.0), 5.0 * np.arange(24)[:, None] + 2.0 * np.arange(24)
    images = np.stack([flat, slope])[..., None]
    filled = imputation.noisy_linear(images, np.stack([CASES["inside"]] * 2), noise=0)
    np.testing.assert_allclose(filled, images, atol=imputation.TOLERANCE)


def test_noise_has_its_spread_and_depends_on_the_seed_of_the_image_alone(generator):
    images, hidden = np.full((3, 64, 64, 3), 100.0), np.stack([block(0, 64, 0, 63, size=(64, 64))] * 3)
    filled = imputation.noisy_linear(images, hidden, seed=[4, 5, 4])
    spread = filled[hidden].std()
    assert spread == pytest.approx(imputation.NOISE, rel=0.03) and abs(filled[hidden].mean() - 100) < 0.1
    np.testing.assert_array_equal(filled[0], filled[2])
    assert np.abs(filled[0] - filled[1]).max() > 1
    both = imputation.noisy_linear(images[:2], hidden[:2], seed=4)
    assert np.abs(both[0] - both[1]).max() > 1  # one seed for all is not the same noise for all
    np.testing.assert_array_equal(imputation.noisy_linear(images[1:2], hidden[1:2], seed=[5])[0], filled[1])
    np.testing.assert_array_equal(filled[~hidden], images[~hidden])


def test_nothing_hidden_changes_nothing_and_all_hidden_gives_the_mean(generator):
    images = generator.integers(0, 256, (2, 8, 8, 3)).astype("float32")
    hidden = np.stack([np.zeros((8, 8), bool), np.ones((8, 8), bool)])
    filled = imputation.noisy_linear(images, hidden, noise=0)
    np.testing.assert_array_equal(filled[0], images[0])
    np.testing.assert_allclose(filled[1], np.broadcast_to(images[1].mean(axis=(0, 1)), (8, 8, 3)), rtol=1e-5)


def test_flags_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"hidden is \(1, 8, 9\)"):
        imputation.noisy_linear(np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 9), bool))
