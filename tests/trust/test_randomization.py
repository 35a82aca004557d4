"""Shuffled networks against their originals, weight by weight, and the likeness of maps against cases by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import networks
from black_average_drop.trust import randomization


@pytest.fixture
def trained():
    """A small CNN whose every weight has entries that differ, as after training."""
    model = networks.build("small_cnn", (32, 32), ("normal", "pneumonia"), dropout=0.1)
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.1, 1, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("part", randomization.PARTS)
def test_only_the_part_is_shuffled(trained, part):
    before = [weight.copy() for weight in trained.get_weights()]
    names = [weight.path for weight in trained.weights]
    copy = randomization.randomised(trained, part, seed=3)
    shuffled = 0
    for name, old, new in zip(names, before, copy.get_weights(), strict=True):
        in_head = name.startswith("head/")
        expected = old.ndim > 1 and "pixels_to_network" not in name and in_head == (part == "head")
        assert np.array_equal(old, new) != expected, name
        np.testing.assert_array_equal(np.sort(old, axis=None), np.sort(new, axis=None))
        shuffled += expected
    assert shuffled == {"head": 1, "backbone": 6}[part]
    for old, now in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)  # the original is left alone


def test_shuffling_goes_by_the_seed(trained):
    first, again, other = (randomization.randomised(trained, "backbone", seed).get_weights() for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, again)) and not all(map(np.array_equal, first, other))


def test_copy_computes_what_the_original_does_but_for_the_part(trained, generator):
    """The features of a network with a random head are the original's; those with a random backbone are not."""
    images = generator.integers(0, 256, (2, 32, 32, 3))
    features, _, _ = networks.CamNetwork.from_model(trained).explain(images)
    for part, same in (("head", True), ("backbone", False)):
        changed, _, _ = networks.CamNetwork.from_model(randomization.randomised(trained, part)).explain(images)
        assert (np.abs(changed - features).max() <= 1e-5 * features.max()) == same


def test_a_hidden_dense_layer_is_backbone_and_a_nested_head_is_head():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, name="hidden"), layers.Dense(4, name="last")])
    model = keras.Sequential([keras.Input((2, 3)), layers.Flatten(), inner, layers.Activation("softmax")])
    for part, expected in (("head", [True, False, False, False]), ("backbone", [False, False, True, False])):
        copy = randomization.randomised(model, part)
        same = list(map(np.array_equal, model.get_weights(), copy.get_weights()))
        # Kernel and bias of the hidden layer, kernel and bias of the last one.
        assert same == [expected[0], True, expected[2], True], part


def test_other_parts_and_models_are_refused(trained):
    with pytest.raises(ValueError, match="part is 'all': choose one of head, backbone"):
        randomization.randomised(trained, "all")
    headless = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="has no dense layer"):
        randomization.randomised(headless, "head")


def test_equal_maps_are_alike_and_noise_is_not(generator):
    maps = generator.normal(size=(5, 64, 64))
    alike = randomization.similarity(maps, 3 * np.maximum(maps, 0))  # as shown, these are the same
    np.testing.assert_allclose(alike, 1)
    assert list(alike.columns) == ["ssim", "rank_correlation"] and len(alike) == 5
    unlike = randomization.similarity(maps, generator.normal(size=maps.shape))
    # The standard deviation over 64 * 64 pixels is 1 / 64.
    assert (unlike["rank_correlation"].abs() < 0.08).all() and (unlike["ssim"].abs() < 0.1).all()


def test_similarity_by_hand():
    """One window of 49 pixels, one bright pixel in either map, at different places.

    Means are m = 1/49, sample variances m, the sample covariance -1/(48 * 49): with c1 = 0.01^2 and c2 = 0.03^2, SSIM
    is (2m^2 + c1)(2cov + c2) / ((2m^2 + c1)(2m + c2)). Ranks have two values, so Spearman's correlation is that of the
    pixels, cov / m = -1/48.
    """
    maps = np.zeros((2, 7, 7))
    maps[0, 3, 3], maps[1, 1, 2] = 5, 0.2
    alike = randomization.similarity(maps[:1], maps[1:])
    ssim = (9e-4 - 2 / (48 * 49)) / (9e-4 + 2 / 49)
    np.testing.assert_allclose(alike, [[ssim, -1 / 48]])


@pytest.mark.filterwarnings("error::scipy.stats.ConstantInputWarning")
def test_blank_maps_rank_nothing():
    maps = np.stack([np.full((8, 8), -1.0), np.ones((8, 8)), np.arange(64.0).reshape(8, 8)])
    alike = randomization.similarity(maps, maps[::-1])
    assert alike.isna().all().all()  # nor are they alike: two maps that show nothing are both smooth
    assert randomization.similarity(maps[2:], maps[2:]).notna().all().all()


def test_similarity_refuses_other_shapes():
    with pytest.raises(ValueError, match="two sets of"):
        randomization.similarity(np.zeros((2, 8, 8)), np.zeros((2, 8, 9)))
    with pytest.raises(ValueError, match="win_size"):
        randomization.similarity(*np.random.default_rng(0).random((2, 2, 6, 6)))
