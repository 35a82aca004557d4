"""The paper's network, InceptionResNetV2, at the 299 x 299 of its ImageNet weights: from image to maps and metrics."""

import keras
import numpy as np
import pytest

from black_average_drop import cams, evaluation, networks
from black_average_drop.datasets import phantoms
from closeness import assert_close


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    model = networks.build("InceptionResNetV2", (299, 299), ("normal", "pneumonia"))
    head = model.layers[-1]
    head.set_weights([np.random.default_rng(0).normal(size=(1536, 2)), np.ones(2)])  # of both signs, as a trained one
    return networks.CamNetwork.from_model(model)


@pytest.fixture(scope="module")
def image():
    return phantoms.radiographs(2, size=299).images([1])


def test_it_is_cut_at_its_last_feature_maps(network, image):
    features, logits, scores = network.explain(image)
    assert network.layer == "conv_7b_ac" and features.shape == (1, 8, 8, 1536) and features.min() >= 0
    pooled = features.mean(axis=(1, 2))
    assert_close(logits, pooled @ network.head_weights + 1, of=pooled @ np.abs(network.head_weights))
    np.testing.assert_allclose(scores, np.maximum(logits, 0))
    gradients = network.differentiate(features, logits.argmax(axis=1), image)
    weights = network.head_weights[:, logits.argmax()]
    assert_close(gradients[0, 0, 0], weights / 64)


def test_one_image_goes_through_all_three_maps_and_both_metrics(network, image):
    methods = {name: cams.METHODS[name] for name in cams.PAPER_METHODS}
    rows = evaluation.evaluate(network, image, methods, batch_size=1, ties="exact")
    rows = rows.set_index(["method", "metric"])
    assert set(rows.index) == {(method, metric) for method in cams.PAPER_METHODS for metric in ("AD", "BAD")}
    full = network.score(image)[1].max()
    assert_close(rows["full_score"], np.full(6, full))
    by_hand = np.maximum(0, rows["full_score"] - rows["masked_score"]) / rows["full_score"]
    np.testing.assert_allclose(rows["drop"], by_hand, rtol=1e-6)
    assert (rows.loc["CAM", "drop"] == rows.loc["Grad-CAM", "drop"]).all()
    assert (rows.loc["CAM", "masked_score"] != rows.loc["Grad-CAM++", "masked_score"]).any()
    black = rows.xs("BAD", level="metric")
    np.testing.assert_allclose(black["kept"], black["alpha"], atol=2 / 299**2)
