"""What docs/trust.md says of C-Score, which it leaves out, and of controls under ARCC: measured on phantoms.

C-Score (Elangovan and Ting 2026, arXiv 2604.08502) is the mean soft IoU of the maps of every two images of a class,
weighted by the confidence of the network, after a power that emphasises high values. What is said here holds for any
power and any weights, so it does not depend on theirs.
"""

import itertools

import keras
import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, controls, evaluation, masks, networks
from black_average_drop.datasets import phantoms
from black_average_drop.trust import composites, faithfulness

SAME_FOR_EVERY_IMAGE = ("all ones", "Fake-CAM", "centre prior")


def c_score(maps, confidence, power):
    """Brute force, from maps (N, H, W) from 0 to 1 and the confidence (N,)."""
    raised = maps.astype("float64") ** power
    total = weights = 0
    for one, other in itertools.combinations(range(len(raised)), 2):
        weight = confidence[one] * confidence[other]
        soft_iou = np.minimum(raised[one], raised[other]).sum() / np.maximum(raised[one], raised[other]).sum()
        total, weights = total + weight * soft_iou, weights + weight
    return total / weights


@pytest.fixture(scope="module")
def images():
    return phantoms.radiographs(12, size=64)


@pytest.fixture
def network(images):
    keras.utils.set_random_seed(1)
    return networks.CamNetwork.from_model(networks.build("small_cnn", images.size, images.class_names, "softmax"))


@pytest.fixture
def classes(images):
    return np.ones(len(images), int)


@pytest.fixture
def first_pass(network, images, classes):
    methods = cams.chosen(["CAM", "Grad-CAM++", "Eigen-CAM"])
    return evaluation.explain_all(network, images.batches(12), methods, 12, classes)


@pytest.fixture
def maps(first_pass, images):
    drawn = np.maximum(first_pass.maps["CAM"], 0)
    more = {
        name: control(drawn, images.groups, images.size, 0)
        for name, control in controls.CONTROLS.items()
        if name != "another image's map"
    }
    return dict(first_pass.maps) | more


@pytest.mark.parametrize("power", [1, 2])
def test_c_score_prefers_maps_that_are_the_same_for_every_image(first_pass, maps, images, power):
    confidence = first_pass.scores["softmax"].to_numpy("float64")
    scores = {
        name: c_score(masks.scaled_to_peak(evaluation.upsampled(drawn, images.size)), confidence, power)
        for name, drawn in maps.items()
    }
    assert [scores[name] for name in SAME_FOR_EVERY_IMAGE] == pytest.approx([1, 1, 1], abs=1e-12)
    assert max(score for name, score in scores.items() if name not in SAME_FOR_EVERY_IMAGE) < 0.99


def test_c_score_does_not_see_that_patients_exchanged_their_maps(maps, generator):
    drawn, equal = masks.scaled_to_peak(np.maximum(maps["CAM"], 0)), np.ones(12)
    exchanged = drawn[generator.permutation(12)]
    assert np.abs(exchanged - drawn).max() > 0.1
    assert c_score(exchanged, equal, 2) == pytest.approx(c_score(drawn, equal, 2))


def test_under_arcc_maps_that_ignore_the_image_are_held_back_by_road_and_opacity_alone(network, images, classes, maps):
    backgrounds = faithfulness.fills(images)
    redraw = cams.chosen(["CAM", "Grad-CAM++", "Eigen-CAM"]) | controls.REDRAWN
    single = faithfulness.single_masks(network, images, classes, maps, redraw, 0.3, {}, 12)
    few = np.arange(3)
    of_few = {name: drawn[few] for name, drawn in maps.items()}
    many = faithfulness.curves(network, images.subset(few), classes[few], of_few, backgrounds, 3)
    values = composites.with_composites(pd.concat([single, many])).pivot(
        index="id", columns=["metric", "map"], values="value"
    )
    assert values["ARCC"].notna().all(axis=1).sum() == len(few)
    for name in (*SAME_FOR_EVERY_IMAGE, "uniform random map", "smooth random map"):
        assert (values["coherency"][name] == 1).all()
    assert (values["coherency"][["CAM", "Grad-CAM++"]].mean() < 0.999).all()
    assert (values["ARCC"]["all ones"].dropna() == 0).all() and values["ARCC"]["Fake-CAM"].max() < 0.01
    assert 0.2 < values["opacity"]["centre prior"].mean() < 0.5
