"""Maps of pytorch-grad-cam, as it draws them before it enlarges them, against ours of the same network."""

import importlib

import by_hand
import numpy as np
import ours
import pytest
from peer_networks import ARCHITECTURES, drawn, images, predicted, with_hook

from black_average_drop import cams

KINDS = {"Grad-CAM": "GradCAM", "XGrad-CAM": "XGradCAM", "HiRes-CAM": "HiResCAM", "Layer-CAM": "LayerCAM"}
OTHERS = {"Grad-CAM++": "GradCAMPlusPlus", "Eigen-CAM": "EigenCAM"}  # other formulas there: see `test_other_formulas`
MOST = 1e-6  # of what is summed over channels


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_maps(row, name):
    architecture = ARCHITECTURES[name]
    pixels = images(architecture.images, seed=7)
    module = drawn(architecture)
    classes = predicted(architecture, module, pixels)
    explanation = explained(architecture, module, pixels, classes)
    written, layer = with_hook(module, architecture)
    theirs = maps_of(KINDS, written, layer, architecture, pixels, classes)
    moved = by_hand.moved(np.float64(explanation.features), np.float64(explanation.gradients))
    for method, maps in theirs.items():
        most = MOST if moved[method] <= by_hand.STEADY else None
        row(name, f"{method} of pytorch-grad-cam", apart(method, maps, explanation), most)


@pytest.mark.parametrize("name", [name for name, one in ARCHITECTURES.items() if one.relu_follows])
def test_in_front_of_the_last_relu(row, name):
    """Where its pages put the hook on a DenseNet, it takes features behind the ReLU and gradients in front of it."""
    architecture = ARCHITECTURES[name]
    pixels = images(architecture.images, seed=7)
    module = drawn(architecture)
    classes = predicted(architecture, module, pixels)
    explanation = explained(architecture, module, pixels, classes)
    theirs = maps_of(["Grad-CAM"], module, module.features, architecture, pixels, classes)
    difference = apart("Grad-CAM", theirs["Grad-CAM"], explanation)
    row(name, "Grad-CAM of pytorch-grad-cam with its hook in front of the last ReLU", difference)
    assert difference > 100 * MOST, "pytorch-grad-cam has changed there: compare it with the others."


def test_other_formulas(row):
    """Its Grad-CAM++ adds 1e-6 where gradients are squared, and its Eigen-CAM centres the features and has no sign."""
    name = "resnet18"
    architecture = ARCHITECTURES[name]
    pixels = images(architecture.images, seed=7)
    module = drawn(architecture)
    classes = predicted(architecture, module, pixels)
    explanation = explained(architecture, module, pixels, classes)
    for method, maps in maps_of(OTHERS, *with_hook(module, architecture), architecture, pixels, classes).items():
        difference = float(np.abs(to_peak(maps) - to_peak(cams.METHODS[method](explanation))).max())
        row(name, f"{method} of pytorch-grad-cam, another formula, as a share of the peak", difference)
        assert difference > 100 * MOST, "pytorch-grad-cam has changed there: compare it with the others."


def explained(architecture, module, pixels, classes):
    """Our `cams.Explanation` of some classes (N,)."""
    network = ours.read(architecture, module)
    features, logits, _ = network.explain(pixels)
    gradients = network.differentiate(features, classes, pixels)
    return cams.Explanation(features, gradients, None, None, logits, classes)


def maps_of(methods, module, layer, architecture, pixels, classes):
    """Method -> maps (N, h, w) at the size of the features, before the library clips, enlarges and scales them."""
    library = importlib.import_module("pytorch_grad_cam")
    targets = [library.utils.model_targets.ClassifierOutputTarget(int(one)) for one in classes]
    reshape = None
    if architecture.tokens or architecture.channels_last:
        reshape = lambda values: architecture.arranged(values).permute(0, 3, 1, 2)  # noqa: E731
    maps = {}
    with library.GradCAM(module, [layer], reshape_transform=reshape) as explainer:
        explainer(architecture.prepared(pixels), targets)
        seen = explainer.activations_and_grads
        found = seen.activations[0].numpy(), seen.gradients[0].numpy()
        for method in methods:
            with getattr(library, (KINDS | OTHERS)[method])(module, [layer]) as other:
                maps[method] = other.get_cam_image(None, layer, targets, *found, False)
    return maps


def apart(method, theirs, explanation):
    """The largest difference of maps (N, h, w), clipped at 0, as a share of what each image's map is summed of."""
    ours = cams.METHODS[method](explanation)
    terms = np.abs(explanation.features) * np.abs(weights(method, explanation))
    summed = terms.sum(axis=-1).max(axis=(1, 2), keepdims=True)
    return float((np.abs(np.maximum(theirs, 0) - np.maximum(ours, 0)) / summed).max())


def to_peak(maps):
    """Maps (N, h, w) clipped at 0 and scaled to a peak of 1."""
    maps = np.maximum(maps, 0)
    return maps / maps.max(axis=(1, 2), keepdims=True)


def weights(method, explanation):
    """What a method multiplies features (N, h, w, K) by; the gradients where nobody adds them up."""
    features, gradients = explanation.features, explanation.gradients
    if method == "XGrad-CAM":
        return ((features * gradients).sum(axis=(1, 2)) / (features.sum(axis=(1, 2)) + 1e-7))[:, None, None]
    return gradients.mean(axis=(1, 2))[:, None, None] if method == "Grad-CAM" else gradients
