"""What any implementation of `networks.Network` must do, against gradients and scores that are taken by hand."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from black_average_drop import cams, evaluation, networks
from closeness import assert_close, assert_same_drops, assert_same_rows

ALPHA = 0.3
METHODS = cams.chosen(["Grad-CAM", "HiRes-CAM", "Layer-CAM"])


def check(network, images, by_hand, of_drops=1e-5):
    """Every promise of the protocol.

    Args:
        network: a `networks.Network`.
        images: (N, H, W, 3), uint8, N >= 5.
        by_hand: (images, classes) -> features, logits and gradients of these classes' logits, by other means.
        of_drops: how far drops may differ in batches of other sizes. Where rounding depends on these, single pixels
            are masked that were not.
    """
    assert isinstance(network, networks.Network)
    classes = np.arange(len(images)) % network.classes
    expected = by_hand(images, classes)
    check_answers(network, images, expected[1])
    check_maps(network, images, classes, expected)
    check_batches(network, images, classes, of_drops)
    check_threads(network, images)
    check_drops(network, images, classes, expected)
    check_packing(network, images, classes)
    with pytest.raises(ValueError, match=r"images \(1, 8, 9, 3\)"):
        network.score(np.zeros((1, 8, 9, 3), "uint8"))


def check_answers(network, images, expected):
    features, logits, scores = network.explain(network.placed(images))
    assert network.activation in ("relu", "softmax", "sigmoid") and network.layer and isinstance(network.notice, str)
    assert features.shape[0] == len(images) and features.shape[1] * features.shape[2] > 1
    assert logits.shape == scores.shape == (len(images), network.classes) and network.classes >= 2
    assert tuple(network.image_size) == images.shape[1:3]
    for values in (np.asarray(features), logits, scores, network.scores(logits)):
        assert values.dtype == np.float32
    assert isinstance(logits, np.ndarray) and isinstance(scores, np.ndarray)
    assert_close(logits, expected)
    assert_close(scores, activated(network.activation, expected))
    assert_close(network.scores(logits), scores, 1e-6)
    for kind in ("uint8", "float32", "float64"):
        assert_close(network.score(images.astype(kind))[0], expected)
        assert_close(network.score(images.astype(kind))[1], scores)


def check_maps(network, images, classes, expected):
    features, logits, gradients = expected
    explanation = evaluation.explain_batch(network, images, classes, len(images))
    assert_close(explanation.features, features)
    assert_close(explanation.gradients, gradients)
    assert_close(network.differentiate(explanation.features, classes, images), gradients)
    if network.head_weights is not None:
        assert network.head_weights.shape == (features.shape[-1], network.classes)
        slopes = network.head_weights.T[classes] / np.prod(features.shape[1:3])
        assert_close(np.broadcast_to(slopes[:, None, None], gradients.shape), gradients)


def check_batches(network, images, classes, of_drops):
    """An image gets the same numbers whatever comes with it, and however many there are."""
    whole = network.explain(images)
    for count in (1, 2, len(images) - 1):
        for part, all_of_it in zip(network.explain(images[-count:]), whole, strict=True):
            assert_close(part, np.asarray(all_of_it)[-count:], of=np.asarray(all_of_it))
    rows = [evaluation.evaluate(network, images, METHODS, ALPHA, size, classes=classes) for size in (len(images), 3)]
    assert_same_rows(*rows, of_drops)


def check_threads(network, images):
    expected = network.score(images)[0]
    with ThreadPoolExecutor(2) as pool:
        for logits, _ in pool.map(lambda _: network.score(images), range(8)):
            assert_close(logits, expected, 1e-6)


def check_drops(network, images, classes, expected):
    """Grad-CAM's AD and BAD, by hand from the gradients by hand."""
    features, _, gradients = expected
    drawn = np.maximum(np.einsum("nhwk,nk->nhw", features, gradients.mean(axis=(1, 2))), 0)
    shown = np.asarray(cams.upsample(drawn.astype("float32"), images.shape[1:3]))
    light = np.maximum(shown, 0) / np.where(shown.max(axis=(1, 2)) > 0, shown.max(axis=(1, 2)), 1)[:, None, None]
    kept = np.zeros(shown.shape, bool)
    for one, picked in zip(shown, kept, strict=True):
        threshold = np.sort(one, axis=None)[::-1][round(ALPHA * one.size)]
        picked[:] = one > threshold
    rows = evaluation.evaluate(network, images, METHODS, ALPHA, len(images), classes=classes)
    own = np.arange(len(images)), classes
    full = network.score(images)[1][own]
    for metric, share in (("AD", light), ("BAD", kept)):
        masked = network.score((images * share[..., None]).astype("float32"))[1][own]
        found = rows[(rows["method"] == "Grad-CAM") & (rows["metric"] == metric)]
        by_hand = np.where(full > 0, np.maximum(full - masked, 0) / np.where(full > 0, full, 1), np.nan)
        assert_same_drops(found["drop"], by_hand, full, 1e-4)


def check_packing(network, images, classes):
    carried = pickle.loads(pickle.dumps(network.packed()))
    again = carried.unpacked()
    for one, other in zip(again.explain(images), network.explain(images), strict=True):
        assert_close(one, other, 1e-6)
    features = np.asarray(network.explain(images)[0])
    assert_close(again.differentiate(features, classes, images), network.differentiate(features, classes, images))
    assert (again.activation, again.layer, again.notice) == (network.activation, network.layer, network.notice)


def activated(activation, logits):
    """An activation by its definition."""
    logits = np.asarray(logits, "float64")
    if activation == "relu":
        return np.maximum(logits, 0)
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
