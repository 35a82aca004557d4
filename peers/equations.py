"""Maps by the equations of their papers, in float64, and by the formulas that libraries have in their place.

Features A are (N, h, w, K), gradients g (N, h, w, K) of the logit of the explained class. Maps are (N, h, w). Nothing
here is code of the package.
"""

import numpy as np
import torch
from torch.func import jvp


def grad_cam_plus_plus(features, gradients):
    """Eq. (7)-(8) of Grad-CAM++ for Y = exp(S): its derivatives are Y g, Y g^2 and Y g^3, as `derivatives` confirms."""
    below = 2 * gradients**2 + gradients**3 * features.sum(axis=(1, 2), keepdims=True)
    rising = gradients > 0
    alpha = np.divide(gradients**2, below, where=rising, out=np.zeros_like(gradients))
    return _clipped(features, (alpha * np.maximum(gradients, 0)).sum(axis=(1, 2)))


def derivatives(head, image, chosen, places):
    """The first three derivatives of Y = exp(S), each over Y, by automatic differentiation alone: (len(places), 3).

    Args:
        head: from one image's features, a float64 tensor (K, h, w), to its logits (C,).
        image: features (h, w, K).
        chosen: the class whose logit S is.
        places: numbers of entries of the features, channels first.
    """
    channels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    level, found = float(head(channels)[chosen]), []
    for place in places:
        unit = torch.zeros(channels.numel(), dtype=torch.float64)
        unit[place] = 1
        unit = unit.reshape(channels.shape)
        score = lambda step, unit=unit: torch.exp(head(channels + step * unit)[chosen] - level)  # noqa: E731
        found.append([float(value) for value in _three(score)])
    return np.array(found)


def _three(score):
    """The first three derivatives of a function of one number, at 0."""
    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    first = lambda step: jvp(score, (step,), (one,))[1]  # noqa: E731
    second = lambda step: jvp(first, (step,), (one,))[1]  # noqa: E731
    value, third = jvp(second, (zero,), (one,))
    return first(zero), value, third


def maps_of_papers(head, features, gradients, classes, class_weights=None):
    """Method -> maps, clipped at 0 but for CAM, which is signed.

    class_weights: (N, K) of a pooled head; without them there is neither CAM nor Ablation-CAM.
    """
    maps = {
        "Grad-CAM": _weighted(features, gradients.mean(axis=(1, 2))),
        "Grad-CAM++": grad_cam_plus_plus(features, gradients),
        "XGrad-CAM": _weighted(features, _over((features * gradients).sum(axis=(1, 2)), features.sum(axis=(1, 2)))),
        "HiRes-CAM": (features * gradients).sum(axis=-1),
        "Layer-CAM": (features * np.maximum(gradients, 0)).sum(axis=-1),
        "Eigen-CAM": np.stack([_first_component(one) for one in features]),
    }
    if class_weights is not None:
        maps["Ablation-CAM"] = _weighted(features, falls(head, features, classes))
    maps = {method: np.maximum(values, 0) for method, values in maps.items()}
    return maps if class_weights is None else maps | {"CAM": _weighted(features, class_weights)}


def falls(head, features, classes):
    """What Ablation-CAM weights channels by, (N, K): how much of the logit is lost without the channel."""
    weights = []
    for image, chosen in zip(features, classes, strict=True):
        channels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).double()
        without = [channels * (torch.arange(len(channels)) != k)[:, None, None] for k in range(len(channels))]
        full = head(channels)[chosen]
        weights.append([float((full - head(one)[chosen]) / full) for one in without])
    return np.array(weights)


# What libraries have in the place of the equation, (library, method) -> function of features and gradients, as it is
# handed out: clipped at 0 or not. `test_maps_of_libraries` holds that they are what the library draws.
def epsilon(features, gradients, small=1e-6):
    """Grad-CAM++ with `small` added to the denominator of eq. (8)."""
    activity = features.sum(axis=(1, 2), keepdims=True)
    alpha = gradients**2 / (2 * gradients**2 + gradients**3 * activity + small)
    return _clipped(features, (alpha * np.maximum(gradients, 0)).sum(axis=(1, 2)))


def undivided(features, gradients):
    """Grad-CAM++ whose alpha is g^2: its division is lost."""
    return _clipped(features, (gradients**2 * np.maximum(gradients, 0)).sum(axis=(1, 2)))


def mean_for_sum(features, gradients):
    """Grad-CAM++ with the mean of A in the place of its sum in eq. (8)."""
    slopes = np.maximum(gradients, 0)
    return _clipped(features, (slopes / (2 + slopes * features.mean(axis=(1, 2), keepdims=True))).sum(axis=(1, 2)))


def normalised(features, gradients):
    """Grad-CAM++ whose alpha is divided by its sum over all positions, also those where g is negative."""
    below = 2 + gradients * features.sum(axis=(1, 2), keepdims=True)
    alpha = np.where(gradients != 0, 1 / below, 0)
    alpha = _over(alpha, alpha.sum(axis=(1, 2), keepdims=True))
    return _clipped(features, (alpha * np.maximum(gradients, 0)).sum(axis=(1, 2)))


def unclipped(features, gradients):
    """Grad-CAM without its ReLU."""
    return _weighted(features, gradients.mean(axis=(1, 2)))


def centred(features, gradients):
    """Eigen-CAM of features whose mean over positions is taken away, with the sign that the decomposition gives."""
    channels = np.float32(features)
    return np.maximum([_first_component(one - one.mean(axis=(0, 1)), turned=False) for one in channels], 0)


def _clipped(features, weights):
    return np.maximum(_weighted(features, weights), 0)


def _weighted(features, weights):
    return np.einsum("nhwk,nk->nhw", features, weights)


def _over(one, other):
    return np.divide(one, other, where=other != 0, out=np.zeros(np.broadcast_shapes(one.shape, other.shape)))


def _first_component(image, turned=True):
    """One image's features (h, w, K) along their first right singular vector, turned so that the sum is positive."""
    rows = image.reshape(-1, image.shape[-1])
    map_ = rows @ np.linalg.svd(rows, full_matrices=not turned)[2][0]
    return (-map_ if turned and map_.sum() < 0 else map_).reshape(image.shape[:2])
