"""The maps that are not the paper's, against loops, NumPy's decomposition and automatic differentiation."""

import numpy as np
import pytest
import tensorflow as tf

from black_average_drop import cams
from cam_cases import gap_case, same_up_to_factor
from closeness import assert_close


@pytest.mark.parametrize("lowest", [0, -1])
def test_position_and_channel_weights_against_automatic_differentiation_and_loops(generator, kind, lowest):
    """A hidden layer at every position before the pooling: the gradient is another one at each position."""
    features = np.maximum(generator.normal(size=(4, 3, 5, 7)), lowest).astype("float32")
    features[0, :, :, 2] = 0
    hidden, output = generator.normal(size=(7, 6)).astype("float32"), generator.normal(size=6).astype("float32")
    tensor = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        score = tf.linalg.matvec(tf.reduce_mean(tf.tanh(tensor @ hidden), axis=(1, 2)), output)
    gradients = tape.gradient(score, tensor).numpy()
    assert np.ptp(gradients, axis=(1, 2)).min() > 0.01
    drawn = {
        method: np.asarray(method(kind(features), kind(gradients)))
        for method in (cams.positive_grad_cam, cams.xgrad_cam, cams.hires_cam, cams.layer_cam)
    }
    expected = {method: np.zeros((4, 3, 5)) for method in drawn}
    positions = [(row, column) for row in range(3) for column in range(5)]
    for n in range(4):
        for k in range(7):
            activity = sum(float(features[n, p, q, k]) for p, q in positions)
            effect = sum(float(features[n, p, q, k]) * float(gradients[n, p, q, k]) for p, q in positions)
            rise = sum(max(float(gradients[n, p, q, k]), 0) for p, q in positions) / 15
            for p, q in positions:
                feature, gradient = float(features[n, p, q, k]), float(gradients[n, p, q, k])
                expected[cams.positive_grad_cam][n, p, q] += rise * feature
                expected[cams.xgrad_cam][n, p, q] += effect / activity * feature if activity else 0
                expected[cams.hires_cam][n, p, q] += gradient * feature
                expected[cams.layer_cam][n, p, q] += max(gradient, 0) * feature
    for method, maps in drawn.items():
        clipped = np.maximum(expected[method], 0)
        positive_only = lowest == 0 and method in (cams.positive_grad_cam, cams.layer_cam)
        assert (clipped > 0).any() and (positive_only or (expected[method] < 0).any())
        assert_close(maps, clipped)


def test_xgrad_cam_gives_no_weight_to_a_channel_that_sums_to_zero(kind):
    # Channel 1 is dead; channel 2 is 1 and -1, though its effect 1 * 3 + -1 * 1 is not 0; channel 3 has weight 1.
    features = np.array([[[[0.0, 1.0, 2.0], [0.0, -1.0, 2.0]]]], "float32")
    gradients = np.array([[[[5.0, 3.0, 1.0], [5.0, 1.0, 1.0]]]], "float32")
    np.testing.assert_array_equal(np.asarray(cams.xgrad_cam(kind(features), kind(gradients))), [[[2, 2]]])


def test_ablation_cam_against_taking_each_channel_away(generator, kind):
    features, head, chosen, _ = gap_case(generator, classes=5, dtype="float32")
    bias = generator.normal(size=5)

    def logits(maps):
        return (maps.astype("float64").mean(axis=(1, 2)) @ head + bias)[np.arange(4), chosen]

    whole = logits(features)
    expected = np.zeros((4, 3, 5))
    for k in range(7):
        without = features.copy()
        without[..., k] = 0
        expected += (whole - logits(without))[:, None, None] * features[..., k]
    assert (whole < 0).any() and (whole > 0).any() and (expected < 0).any()
    drawn = np.asarray(cams.ablation_cam(kind(features), kind(head.T[chosen])))
    assert_close(drawn, np.maximum(expected, 0))


@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 3, 9)])  # fewer channels than positions, and more
@pytest.mark.parametrize("lowest", [0, -3])
def test_eigen_cam_against_a_singular_value_decomposition_of_each_image(generator, kind, shape, lowest):
    features = np.maximum(generator.normal(size=(6, *shape)), lowest).astype("float32")
    drawn = np.asarray(cams.eigen_cam(kind(features)))
    for maps, image in zip(drawn, features.astype("float64"), strict=True):
        rows = image.reshape(-1, shape[-1])
        expected = (rows @ np.linalg.svd(rows)[2][0]).reshape(shape[:2])
        expected = expected if expected.sum() >= 0 else -expected
        assert_close(maps, expected)
    assert lowest < 0 or drawn.min() >= 0
    np.testing.assert_array_equal(np.asarray(cams.eigen_cam(kind(0 * features))), 0)
    assert_close(cams.eigen_cam(kind(features / 1024)), drawn / 1024)


def test_on_a_pooled_head_only_two_of_the_further_methods_draw_new_maps(generator):
    features, head, chosen, gradients = gap_case(generator)
    weights = head.T[chosen]
    clipped = np.maximum(cams.cam(features, weights), 0)
    for method in (cams.grad_cam, cams.xgrad_cam, cams.hires_cam):
        np.testing.assert_allclose(method(features, gradients), clipped, atol=1e-14)
    normalised = cams.grad_cam_plus_plus(features, gradients, normalize_alpha=True)
    for method in (cams.positive_grad_cam, cams.layer_cam):
        same_up_to_factor(method(features, gradients), normalised, 1e-12)
    maps = [clipped, normalised, cams.grad_cam_plus_plus(features, gradients)]
    maps += [cams.ablation_cam(features, weights), cams.eigen_cam(features)]
    scaled = [values / values.max(axis=(1, 2), keepdims=True) for values in maps]
    for i, one in enumerate(scaled):
        assert all(np.abs(one - other).max() > 0.01 for other in scaled[:i])


def test_ablation_cam_without_a_pooled_head_is_refused(generator):
    with pytest.raises(ValueError, match="^Ablation-CAM needs a head of .* one dense layer: leave Ablation-CAM out"):
        cams.ablation_cam(generator.random((1, 2, 2, 3)), None)
