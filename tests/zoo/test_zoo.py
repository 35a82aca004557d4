"""Architectures as people write them: each is refused in one sentence, or read as a tape and NumPy read it by hand."""

import re

import keras
import numpy as np
import pytest

from architectures import ENTRIES
from black_average_drop import cams, evaluation, networks
from closeness import assert_close, assert_same_drops
from oracle import drops_of, expected_of, images_of, inputs_of, maps_of, masked_of, scores_of
from weights import draw

ALPHA = 0.3
NEEDS_CLOSED, NEEDS_POSITIVE = {"CAM", "Ablation-CAM"}, {"Grad-CAM++", "Grad-CAM++ (normalised alpha)"}


def cases(entries):
    return [pytest.param(entry, id=entry.name, marks=() if entry.quick else pytest.mark.zoo) for entry in entries]


@pytest.fixture(autouse=True)
def fresh():
    """Weights and names as in a process of its own."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)


def test_the_zoo_is_large_enough():
    assert len(ENTRIES) >= 60 and 12 <= sum(entry.quick for entry in ENTRIES) <= 20


@pytest.mark.parametrize("entry", cases(entry for entry in ENTRIES if entry.refusal))
def test_refused_in_one_sentence(entry):
    model = entry.build()
    with pytest.raises(ValueError, match=entry.refusal) as problem:
        networks.CamNetwork.from_model(model, **entry.settings)
    said = str(problem.value)
    assert "\n" not in said and said.endswith(".") and said.count(". ") == 0


@pytest.mark.parametrize("entry", cases(entry for entry in ENTRIES if not entry.refusal))
def test_read_as_by_hand(entry, generator):
    built = entry.build()
    model = built.exact or built.model
    size = entry.settings.get("image_size") or _image_size(entry, model)
    pixels = images_of(size, generator)
    draw(built, inputs_of(entry, model, pixels), generator)
    network = networks.CamNetwork.from_model(built.model, **entry.settings)
    classes = generator.integers(0, entry.classes, len(pixels)) if entry.activation == "sigmoid" else None
    expected = expected_of(built, inputs_of(entry, model, pixels), classes)
    scores = scores_of(entry, built, pixels)
    assert len(np.unique(expected.logits.round(3), axis=0)) > 1, "the zoo gives all images the same logits"

    check_what_is_said(entry, built, network)
    check_first_pass(entry, network, pixels, expected, scores)
    maps = check_maps(entry, network, pixels, expected)
    check_drops(entry, built, network, pixels, maps, expected.classes, scores)


def check_what_is_said(entry, built, network):
    assert network.layer == built.layer
    assert (network.activation, network.classes) == (entry.activation, entry.classes)
    assert entry.closed in (None, network.head_weights is not None)
    assert re.search(entry.notice, network.notice)


def check_first_pass(entry, network, pixels, expected, scores):
    features, logits, own = network.explain(pixels)
    assert_close(features, expected.features, entry.share)
    assert_close(logits, expected.logits, entry.share, of=expected.summed)
    assert_close(own, scores, entry.share, of=max(expected.summed, 1))


def check_maps(entry, network, pixels, expected):
    """The maps of the methods that can be drawn; exactly those that need no closed form or no ReLU are left out."""
    explanation = evaluation.explain_batch(network, pixels, expected.classes, len(pixels))
    assert_close(explanation.gradients, expected.gradients, entry.share)
    usable, unusable = cams.usable(explanation, cams.METHODS)
    closed = network.head_weights is not None
    assert set(unusable) == (set() if closed else NEEDS_CLOSED) | (NEEDS_POSITIVE if entry.signed else set())
    if closed:
        weights = expected.gradients.sum(axis=(1, 2))
        assert_close(network.head_weights.T[expected.classes], weights, entry.share)
    maps = {}
    for name, (by_hand, summed) in maps_of(expected).items():
        if name in usable:
            maps[name] = usable[name](explanation)
            assert_close(maps[name], by_hand, entry.share, of=summed)
    return maps


def check_drops(entry, built, network, pixels, maps, classes, scores):
    given = classes if entry.activation == "sigmoid" else None
    rows = evaluation.evaluate(network, pixels, cams.chosen(list(maps)), ALPHA, len(pixels), classes=given)
    picked = np.arange(len(pixels)), classes
    for name in maps:
        for metric, masked in zip(evaluation.METRICS, masked_of(pixels, maps[name], ALPHA), strict=True):
            own = rows[(rows["method"] == name) & (rows["metric"] == metric)]
            by_hand = drops_of(scores[picked], scores_of(entry, built, masked)[picked])
            assert (own["class"] == classes).all()
            assert_same_drops(own["drop"], by_hand, scores[picked], 10 * entry.share)
            assert_close(np.nanmean(own["drop"]), np.nanmean(by_hand), 10 * entry.share, of=1)


def _image_size(entry, model):
    held = entry.settings.get("held", {})
    return next(one.shape[1:3] for one in model.inputs if one.name not in held)
