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
    architecture = ARCHITECTURES[name]
    module, pixels = drawn(architecture), images(architecture.images, seed=7)
    classes = predicted(architecture, module, pixels)
    features, gradients, _ = by_hand.explained(architecture, module, pixels, classes)
    moved = by_hand.moved(features, gradients)
    maps = {
        one: shown for one, shown in by_hand.drawn_maps(features, gradients).items() if moved[one] <= by_hand.STEADY
    }
    expected = expectation(architecture, module, pixels, classes, maps)
    apart = {"features": [], "gradients": [], **{method: [] for method in maps}}
    both = ours.read(architecture, module), ours.read_file(architecture, module, tmp_path / "net.pt2")
    for network in both:
        assert (network.head_weights is not None) == architecture.closed
        explanation = evaluation.explain_batch(network, pixels, classes, len(pixels))
        apart["features"].append(share(explanation.features, features))
        apart["gradients"].append(share(explanation.gradients, gradients))
        found = evaluation.evaluate(network, pixels, cams.chosen(maps), ALPHA, len(pixels), classes=classes)
        for (method, metric), table in found.sort_values("id").groupby(["method", "metric"]):
            values = table[["drop", "masked_score"]].to_numpy().T
            apart[method].append(np.abs(values - expected[method, metric]).max())
    for what, differences in apart.items():
        row(name, what if what in ("features", "gradients") else f"AD and BAD of {what}", max(differences), MOST)
    for method in sorted(moved.keys() - maps.keys()):
        row(name, f"{method}, not compared: how far a rounding moves its map", moved[method])


def expectation(architecture, module, pixels, classes, maps):
    """By hand: (method, metric) -> the drops, and the scores behind the mask, (2, N)."""
    full, found = by_hand.scores(architecture, module, pixels, classes), {}
    for method, shown in maps.items():
        for metric, masked in by_hand.masked(pixels, shown, ALPHA).items():
            after = by_hand.scores(architecture, module, masked, classes)
            found[method, metric] = np.stack([by_hand.drops(full, after), after])
    return found


def share(found, expected):
    """The largest difference as a share of the largest value."""
    return np.abs(found - expected).max() / np.abs(expected).max()
