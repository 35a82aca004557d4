"""Score-CAM and RISE against loops over one image and one mask at a time, from the equations of their papers."""

import cloudpickle
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from black_average_drop import cams, evaluation, networks, perturbation
from closeness import assert_close

SIZE = (20, 16)
SETTINGS = {"masks": 30, "cells": 3, "kept": 0.4, "seed": 5}  # cells of 7 x 6 pixels
FEW = perturbation.Perturbing(
    lambda e: perturbation.rise(e.images, e.score, e.classes, **SETTINGS, at_once=e.batch_size), lambda e: 30
)
METHODS = cams.chosen(["Score-CAM"]) | {"RISE": FEW}
CLASSES = np.array([0, 1, 2, 1, 0, 2, 2])


def small_network(activation):
    """A model whose features are of both signs, but for one channel that is the same all over, and its `Network`."""
    convolution = layers.Conv2D(5, 6, strides=4, activation="tanh", name="features")
    parts = [layers.Rescaling(1 / 127.5, -1), convolution, layers.GlobalAveragePooling2D(), layers.Dense(3, activation)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *parts])
    generator = np.random.default_rng(3)  # the same on every backend
    weights = [generator.uniform(-1, 1, one.shape) * (0.1 if one.ndim > 2 else 20) for one in model.get_weights()]
    weights[0][..., 4], weights[1][:] = 0, [0.1, -0.1, 0.2, 0, 0.7]
    model.set_weights(weights)
    middle = keras.Model(model.inputs[0], model.get_layer("features").output)(np.full((1, *SIZE, 3), 64.0, "float32"))
    level = 5 if activation == "relu" else 0.5  # where scores vary
    model.layers[-1].bias.assign(level - keras.ops.convert_to_numpy(middle).mean(axis=(0, 1, 2)) @ weights[2])
    return model, networks.CamNetwork.from_model(model)


@pytest.fixture(scope="module")
def softmax_network():
    return small_network("softmax")[1]


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(4).integers(0, 256, (7, *SIZE, 3)).astype("uint8")


def bilinear(values, size):
    return np.asarray(Image.fromarray(np.float32(values)).resize(size[::-1], Image.Resampling.BILINEAR), "float64")


def answer(model, pixels):
    """What the model says of one image (H, W, 3)."""
    return keras.ops.convert_to_numpy(model(pixels[None].astype("float32")))[0].astype("float64")


def score_cam_by_hand(model, image, explained):
    """Algorithm 1 with its baseline, a black image."""
    features = keras.Model(model.inputs[0], model.get_layer("features").output)
    maps = answer(features, image)
    black, powers = answer(model, np.zeros_like(image))[explained], []
    for channel in np.moveaxis(maps, -1, 0):
        large = bilinear(channel, image.shape[:2])
        if channel.max() == channel.min():
            powers.append(0)
            continue
        mask = (large - large.min()) / (large.max() - large.min())
        powers.append(np.exp(answer(model, image * mask[..., None])[explained] - black))
    weights = np.array(powers) / sum(powers)
    assert (weights == 0).sum() == 1 and np.ptp(weights[weights > 0]) > 0.01 and (maps < 0).any()
    return np.maximum(maps @ weights, 0)


def rise_by_hand(model, image, explained, masks, cells, kept, seed):
    """The estimate of the expected score where a pixel is kept: a sum over masks, each enlarged, then cropped."""
    generator = np.random.default_rng(seed)
    grids = generator.random((masks, cells, cells)) < kept
    height, width = (int(np.ceil(side / cells)) for side in image.shape[:2])
    downwards, rightwards = (generator.integers(side, size=masks) for side in (height, width))
    total = np.zeros(image.shape[:2])
    for grid, down, right in zip(grids, downwards, rightwards, strict=True):
        large = bilinear(grid, ((cells + 1) * height, (cells + 1) * width))
        mask = large[down : down + image.shape[0], right : right + image.shape[1]]
        total += answer(model, image * mask[..., None])[explained] * mask
    return total / (masks * kept)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "relu"])
def test_maps_against_one_mask_at_a_time(pictures, activation):
    """Under the scores that the network itself gives; of several labels at once, each image has its own."""
    model, network = small_network(activation)
    maps = evaluation.explain_all(network, pictures[:3], METHODS, 2, CLASSES[:3]).maps
    assert maps["Score-CAM"].shape == (3, 4, 3) and maps["RISE"].shape == (3, *SIZE)
    for row in range(3):
        assert_close(maps["Score-CAM"][row], score_cam_by_hand(model, pictures[row], CLASSES[row]))
        assert maps["Score-CAM"][row].max() > 0 and np.ptp(maps["RISE"][row]) > 0.01
        assert_close(maps["RISE"][row], rise_by_hand(model, pictures[row], CLASSES[row], **SETTINGS))


@pytest.mark.parametrize("on_accelerator", [False, True])
def test_maps_do_not_depend_on_the_size_of_batches(softmax_network, pictures, on_accelerator):
    whole = evaluation.explain_all(softmax_network, pictures, METHODS, len(pictures)).maps
    placed = softmax_network.with_activation("softmax")
    placed.on_accelerator = on_accelerator
    for batch_size in (1, 3):
        maps = evaluation.explain_all(placed, pictures, METHODS, batch_size).maps
        for name, expected in whole.items():
            assert_close(maps[name], expected)


def test_masked_images_reach_the_network_at_one_size(softmax_network, pictures):
    network, sizes = softmax_network.with_activation("softmax"), []
    network.score = lambda images: sizes.append(len(images)) or softmax_network.score(images)
    explanation = evaluation.explain_batch(network, pictures[:2], CLASSES[:2], 4)
    for method in METHODS.values():
        made = []
        method(explanation._replace(score=lambda *given, made=made: made.append(len(given[0])) or np.ones(made[-1])))
        assert max(made) == 4 and min(made) > 0
        sizes.clear()
        method(explanation)
        passes = method.passes(explanation)
        assert passes in (5, 30) and sizes == [4] * (2 * -(-passes // 4))
    images = np.repeat(pictures[:1], 6, axis=0).astype("float32")
    scores = explanation.score(images, np.arange(6) % 3)
    assert sizes[-2:] == [4, 4]
    assert_close(scores, np.tile(softmax_network.score(pictures[:1])[1][0], 2))


def brightness(images, classes):
    """A score by hand: the sum of a tenth of the first colour, less the class."""
    return np.asarray(images)[..., 0].sum(axis=(1, 2)) / 10 - classes


def test_score_cam_by_hand(kind):
    # Masks (0, 1), (1, 0), (0.5, 1) after scaling, and none for the channel that is 5 all over.
    features = np.array([[[[1, 2, 0, 5], [3, 0, -1, 5]]]], "float32")
    features = np.concatenate([features, features])
    images = np.zeros((2, 1, 2, 3), "float32")
    images[..., 0] = [[[10, 20]], [[30, 10]]]
    # S of the first image: 2, 1, 1; of the second, less its class: 1, 3, 3 - 1.
    powers = np.exp([[2, 1, 1], [0, 2, 2]])
    weights = powers / powers.sum(axis=1, keepdims=True)
    expected = np.stack([weights @ [1, 2, 0], weights @ [3, 0, -1]], axis=1)[:, None]
    drawn = np.asarray(perturbation.score_cam(kind(features), kind(images), brightness, np.array([0, 1]), 2))
    np.testing.assert_allclose(drawn, np.maximum(expected, 0), rtol=1e-6)


def test_scores_in_the_hundreds_overflow_nothing():
    features = np.array([[[[1, 2, 5], [3, 0, 5]]]] * 2, "float32")
    images, classes = np.zeros((2, 1, 2, 3), "float32"), np.array([0, 0])
    images[..., 0] = [[[10_000, 20_000]], [[10, 10]]]
    with np.errstate(all="raise", under="ignore"):
        drawn = perturbation.score_cam(features, images, brightness, classes)
        # The first channel alone where it scores 1,000 more than the second, their mean where they score the same.
        np.testing.assert_array_equal(drawn, [[[1, 3]], [[1.5, 1.5]]])
        drawn = perturbation.score_cam(features, images, lambda masked, _: -brightness(masked, 0), classes)
        # The second channel alone, though a black image, which the third would leave, would score more.
        np.testing.assert_array_equal(drawn, [[[2, 0]], [[1.5, 1.5]]])


def test_without_a_channel_that_varies_score_cam_is_blank(kind):
    features, images = np.ones((1, 2, 2, 3), "float32"), np.ones((1, 4, 4, 3), "float32")
    drawn = np.asarray(perturbation.score_cam(kind(features), kind(images), brightness, np.array([0])))
    np.testing.assert_array_equal(drawn, np.zeros((1, 2, 2)))


def test_rise_of_a_score_that_does_not_change_is_the_mean_mask(kind):
    images = np.ones((2, *SIZE, 3), "float32")
    drawn = perturbation.rise(kind(images), lambda images, classes: 1.0 + classes, np.array([0, 1]), masks=50)
    masks = np.concatenate(list(perturbation.random_masks(SIZE, 50)))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, masks.mean(axis=0) / 0.5 * np.array([1, 2])[:, None, None], rtol=1e-5)


def test_random_masks_are_the_same_in_pieces_and_keep_their_share_everywhere():
    pieces = list(perturbation.random_masks(SIZE, 2000, 3, 0.3, 7, at_once=300))
    assert [len(one) for one in pieces] == [300] * 6 + [200]
    masks = np.concatenate(pieces)
    np.testing.assert_array_equal(masks, np.concatenate(list(perturbation.random_masks(SIZE, 2000, 3, 0.3, 7))))
    assert (masks != np.concatenate(list(perturbation.random_masks(SIZE, 2000, 3, 0.3, 8)))).any()
    assert masks.shape == (2000, *SIZE) and masks.dtype == np.float32 and 0 <= masks.min() < masks.max() <= 1
    five_errors = 5 * np.sqrt(0.3 * 0.7 / 2000)
    np.testing.assert_allclose(masks.mean(axis=0), 0.3, atol=five_errors)


def test_a_batch_that_takes_long_has_a_bar_of_its_own(softmax_network, pictures, capsys):
    evaluation.explain_all(softmax_network, pictures, METHODS, 4)
    said = capsys.readouterr().err
    for name, passes in (("Score-CAM", 5), ("RISE", 30)):
        assert all(f"{name}: 100%" in said and f" {passes * images}/{passes * images} " in said for images in (4, 3))


def test_an_explanation_without_a_way_to_the_network_is_refused(generator):
    features = generator.normal(size=(2, 3, 3, 4))
    explanation = cams.Explanation(features, features, None, None, np.zeros((2, 2)), np.zeros(2, int))
    for method in cams.ON_REQUEST.values():
        with pytest.raises(ValueError, match="^This method asks .* has no score: call evaluation.explain_batch\\.$"):
            method(explanation)


def test_methods_reach_a_worker_as_they_are(softmax_network, pictures):
    there = cloudpickle.loads(cloudpickle.dumps(cams.ON_REQUEST))
    explanation = evaluation.explain_batch(softmax_network, pictures[:1], CLASSES[:1], 100)
    for name, method in cams.ON_REQUEST.items():
        assert there[name].passes(explanation) == method.passes(explanation) == {"Score-CAM": 5, "RISE": 4000}[name]
        np.testing.assert_array_equal(there[name](explanation), method(explanation))
