"""AD and BAD by hand: the module as its library calls it, a hook and autograd for the maps, Pillow to enlarge, NumPy.

Nothing here is code of the package, so that nothing can be wrong in both.
"""

import numpy as np
import torch
from peer_networks import with_hook
from PIL import Image

ROUNDING = 1e-7  # of float32, as a share of a value
STEADY = 1e-6  # of its peak: a map that moves by more under a rounding is not compared


def explained(architecture, module, pixels, classes):
    """Features and gradients of the logit of one class of each image, float64 (N, h, w, K), and logits (N, C)."""
    kept = []
    written, layer = with_hook(module, architecture)
    # What comes behind the layer may overwrite the copy.
    handle = layer.register_forward_hook(lambda _, inputs, output: kept.append(output) or output.clone())
    try:
        logits = written(architecture.prepared(pixels))
    finally:
        handle.remove()
    chosen = logits[torch.arange(len(logits)), torch.as_tensor(classes)].sum()
    (gradients,) = torch.autograd.grad(chosen, kept)
    features, gradients = (architecture.arranged(values.detach()).double().numpy() for values in (kept[0], gradients))
    return features, gradients, logits.detach().numpy()


def drawn_maps(features, gradients):
    """Method -> maps (N, h, w), by the formulas of their papers, clipped at 0."""
    weights = gradients.mean(axis=(1, 2))
    activity = features.sum(axis=(1, 2))
    shares = np.divide((gradients * features).sum(axis=(1, 2)), activity, where=activity != 0, out=0 * activity)
    signed = {
        "Grad-CAM": (features * weights[:, None, None]).sum(axis=-1),
        "XGrad-CAM": (features * shares[:, None, None]).sum(axis=-1),
        "HiRes-CAM": (features * gradients).sum(axis=-1),
        "Layer-CAM": (features * np.maximum(gradients, 0)).sum(axis=-1),
    }
    return {name: np.maximum(maps, 0) for name, maps in signed.items()}


def moved(features, gradients):
    """Method -> how far its maps move, as a share of their peak, if features and gradients change by a rounding.

    On tokens in front of a LayerNorm, features times gradients add up to 0 over channels, since their size does not
    count: HiRes-CAM is the rounding of that sum. XGrad-CAM divides by the sum of a channel, which may be near 0.
    """
    noise = np.random.default_rng(0)
    others = [one * (1 + ROUNDING * noise.uniform(-1, 1, one.shape)) for one in (features, gradients)]
    before, after = drawn_maps(features, gradients), drawn_maps(*others)
    return {name: float((np.abs(after[name] - maps) / _peak(maps)).max()) for name, maps in before.items()}


def masked(pixels, maps, alpha):
    """Metric -> masked pixels, for maps (N, h, w) at the size of the features."""
    size = pixels.shape[2], pixels.shape[1]
    large = np.stack([Image.fromarray(one.astype("float32")).resize(size, Image.LANCZOS) for one in maps])
    flat = large.reshape(len(large), -1)
    threshold = np.sort(flat, axis=1)[:, -1 - round(alpha * flat.shape[1])]
    shares = {"AD": np.maximum(large, 0) / _peak(large), "BAD": large > threshold[:, None, None]}
    return {metric: (pixels * share[..., None]).astype("float32") for metric, share in shares.items()}


def _peak(maps):
    """The largest value of each map, (N, 1, 1); 1 where it is 0 all over, and the image goes black."""
    peak = maps.max(axis=(1, 2), keepdims=True)
    return np.where(peak > 0, peak, 1)


def scores(architecture, module, pixels, classes):
    """The score of the class of each image, (N,) float64."""
    with torch.no_grad():
        logits = module(architecture.prepared(pixels)).double()
    values = torch.sigmoid(logits) if architecture.activation == "sigmoid" else torch.softmax(logits, dim=1)
    return values[torch.arange(len(values)), torch.as_tensor(classes)].numpy()


def drops(full, after):
    """The relative drop of each image (N,), of which AD and BAD are means."""
    return np.maximum(0, full - after) / full
