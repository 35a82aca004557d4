"""The first pass over the images: which maps can be drawn, and how far masked images differ."""

import numpy as np

from black_average_drop import cams, masks, networks
from black_average_drop.choice import answers_and_maps, class_labels
from black_average_drop.datasets import Dataset, phantoms
from closeness import assert_close


def test_a_method_that_fails_on_a_later_batch_is_left_out(small_model, pixels):
    network = networks.CamNetwork.from_model(small_model)
    ids = np.arange(10).astype(str)
    data = Dataset(ids, np.zeros(10, int), ids, ("a",), (32, 32), np.arange(10), lambda i: pixels[i])
    real = network.explain
    seen = []

    def explain(images):
        features, logits, scores = real(images)
        seen.append(len(images))
        return (features if len(seen) == 1 else -features), logits, scores

    network.explain = explain
    logits, fit, unfit = answers_and_maps.first_look(network, data, cams.chosen(cams.PAPER_METHODS), 4)
    assert seen == [4, 4, 2] and list(fit) == ["CAM", "Grad-CAM"] and list(unfit) == ["Grad-CAM++"]
    assert_close(logits, network.score(pixels)[0])
    assert class_labels.output_names(data, 3) == ["class 0", "class 1", "class 2"]
    assert class_labels.output_names(data, 1) == ["a"]


def test_disagreement_is_the_light_that_one_mask_keeps_and_the_other_does_not():
    data = phantoms.radiographs(3, size=64)
    generator = np.random.default_rng(1)
    maps = {name: generator.random((3, 64, 64), "float32") for name in ("one", "other", "third")}
    apart = answers_and_maps.disagreement(data, maps, 0.3, batch_size=2)
    light = data.images().astype(float).sum(axis=-1)
    kept = [masks.kept_pixels(drawn, 0.3) for drawn in maps.values()]
    by_hand = [
        np.mean([(light[i] * (kept[a][i] != kept[b][i])).sum() for a, b in ((0, 1), (0, 2), (1, 2))]) / light[i].sum()
        for i in range(3)
    ]
    np.testing.assert_allclose(apart, by_hand, rtol=1e-5)
    assert (answers_and_maps.disagreement(data, {"one": maps["one"]}, 0.3) == 0).all()
