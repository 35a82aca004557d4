"""AD and BAD of networks of torchvision, torchxrayvision and timm, against what is computed by hand."""

import by_hand
import numpy as np
import ours
import pytest
from peer_networks import ARCHITECTURES, drawn, images, predicted

from black_average_drop import cams, evaluation

ALPHA = 0.3
MOST = 1e-5


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_drops(row, name, tmp_path):
    architecture, pixels = ARCHITECTURES[name], images(3, seed=7)
    module = drawn(architecture)
    classes = predicted(architecture, module, pixels)
    expected = expectation(architecture, module, pixels, classes)
    for how, network in {
        "": ours.read(architecture, module),
        " from its .pt2": ours.read_file(architecture, module, tmp_path / "net.pt2"),
    }.items():
        assert (network.head_weights is not None) == architecture.closed
        features, logits, _ = network.explain(pixels)
        explanation = evaluation.explain(network, features, logits, classes, pixels)
        for part in ("features", "gradients"):
            row(name, f"{part}{how}", share(getattr(explanation, part), expected[part]), MOST)
        found = measured(network, pixels, classes)
        for metric in evaluation.METRICS:
            row(name, f"{metric}{how}, 4 methods", largest(found, expected[metric], metric, "drop"), MOST)
            scores = largest(found, expected[f"{metric} scores"], metric, "masked_score")
            row(name, f"scores of masked images of {metric}{how}", scores, MOST)


def expectation(architecture, module, pixels, classes):
    """By hand: features, gradients, and metric -> method -> values (N,): drops, and scores behind the mask."""
    features, gradients, _ = by_hand.explained(architecture, module, pixels, classes)
    found = {"features": features, "gradients": gradients}
    full = by_hand.scores(architecture, module, pixels, classes)
    for method, maps in by_hand.drawn_maps(features, gradients).items():
        for metric, shown in by_hand.masked(pixels, maps, ALPHA).items():
            after = by_hand.scores(architecture, module, shown, classes)
            found.setdefault(f"{metric} scores", {})[method] = after
            found.setdefault(metric, {})[method] = by_hand.drops(full, after)
    return found


def measured(network, pixels, classes):
    """(metric, method, column) -> values (N,) of `evaluation.evaluate`."""
    methods = cams.chosen(["Grad-CAM", "XGrad-CAM", "HiRes-CAM", "Layer-CAM"])
    rows = evaluation.evaluate(network, pixels, methods, ALPHA, batch_size=len(pixels), classes=classes)
    groups = rows.sort_values("id").groupby(["metric", "method"])
    return {(*key, name): table[name].to_numpy() for key, table in groups for name in ("drop", "masked_score")}


def largest(found, expected, metric, column):
    """The largest difference of a column from what is expected, method -> (N,)."""
    return max(np.abs(found[metric, method, column] - values).max() for method, values in expected.items())


def share(found, expected):
    """The largest difference as a share of the largest value."""
    return np.abs(found - expected).max() / np.abs(expected).max()
