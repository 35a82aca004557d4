"""What a run is said to cost against the images that the network sees in it."""

import numpy as np
import pytest

from black_average_drop import cams, controls, evaluation, networks, perturbation, progress
from black_average_drop.choice import cost, robustness
from black_average_drop.datasets import folder, phantoms


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


def test_the_images_that_are_counted_are_those_that_the_network_sees(network, pixels):
    """With 1 image in a batch, nothing is padded."""
    few = perturbation.Perturbing(
        lambda e: perturbation.rise(e.images, e.score, e.classes, masks=20, at_once=e.batch_size), lambda e: 20
    )
    methods = cams.chosen(["CAM", "Grad-CAM++", "Score-CAM"]) | {"RISE": few}
    seen = []
    explain, score = network.explain, network.score
    network.explain = lambda images: seen.append(len(images)) or explain(images)
    network.score = lambda images: seen.append(len(images)) or score(images)
    evaluation.evaluate(network, pixels, methods, 0.3, 1, controls=controls.IN_TABLE_1)
    counted = sum(seen)
    explanation = evaluation.explain_batch(network, pixels[:2], np.array([0, 1]), 2)
    planned = cost.planned_passes(10, methods, {}, controls.IN_TABLE_1, explanation).to_dict()
    changed = robustness.passes_of_changes(len(methods), 10)
    assert planned == {"maps": 10, "Score-CAM": 60, "RISE": 200, "masked images": 120, "small changes": changed}
    assert sum(planned.values()) - changed == counted


def test_the_announcement_names_what_asks_again_and_how_long_all_takes(network, pixels):
    explanation = evaluation.explain_batch(network, pixels[:1], np.array([0]), 1)
    methods = cams.chosen(["CAM", "RISE", "Score-CAM"])
    planned = cost.planned_passes(240, methods, {}, range(7), explanation)
    changed = 200 * (2 + 8 * 3)
    total = 240 * (1 + 4000 + 6 + 20) + changed
    assert cost.announcement(planned, 240, 0.01) == (
        "RISE takes 4,000 passes a map. Score-CAM takes 6 passes a map. "
        f"In all up to {total:,} passes through the network: about 2.7 hours on this machine. "
        f"Up to {changed:,} of them try small changes of images and masks."
    )
    planned = cost.planned_passes(500, cams.chosen(["CAM"]), ["pen"], range(8), explanation)
    minutes = (0.01, "about 2.4 minutes"), (0.1, "about 24 minutes")
    for seconds, said in (*minutes, (0.002, "about 28 seconds"), (1e-4, "a few seconds")):
        assert cost.announcement(planned, 500, seconds) == (
            f"In all up to 14,100 passes through the network: {said} on this machine. "
            "Up to 3,600 of them try small changes of images and masks."
        )
    assert "about 16 hours on" in cost.announcement(planned, 500, 4.0)


def test_seconds_are_those_of_an_image_in_a_batch_that_is_warm(network, pixels, monkeypatch):
    clock = iter([100.0, 104.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    sizes = []
    network.score = lambda images: sizes.append(len(images))
    assert cost.seconds_per_pass(network, pixels[:8]) == 0.5 and sizes == [8, 8]


def test_it_is_announced_on_both_streams_before_a_run(network, capfd, tmp_path):
    folder.save_images(phantoms.radiographs(5, size=64), tmp_path)
    images = folder.load(tmp_path, network.image_size)
    planned = cost.announce(network, images, np.zeros(5, int), cams.chosen(["CAM", "RISE"]), {}, ["zeros"], 4)
    assert list(planned) == [5, 20_000, 30, 5 * (2 + 16)]
    out, err = capfd.readouterr()
    assert out == err.removeprefix("\r") and out.startswith("RISE takes 4,000 passes a map. In all up to 20,125 passes")
    assert progress.is_bar(err)
