"""Class activation maps: arrays of features and gradients in, low-resolution heat maps out.

Notation as in the paper: feature maps A (N, h, w, K) after the last activation, z = h w, class c of each image. Every
function takes NumPy arrays or tensors of the active Keras backend and returns the same kind.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from black_average_drop import perturbation
from black_average_drop.arrays import namespace, together
from black_average_drop.perturbation import Perturbing
from black_average_drop.resampling import upsample as upsample  # cams.upsample, as others call it

POSITIVE_PART = "Grad-CAM++ (positive part)"  # the one form of Grad-CAM++ for feature maps that go negative


def cam(features, class_weights):
    """Class Activation Mapping, eq. (3)-(4): L = sum_k w_k A^k / z.

    Args:
        features: (N, h, w, K).
        class_weights: (N, K), the dense head's weights of each image's class, or None if the head has none.

    Returns:
        (N, h, w), signed. Its sum over positions is the logit without its bias.

    Raises:
        ValueError: without class_weights.
    """
    if class_weights is None:
        raise ValueError("CAM needs a head of global average pooling and one dense layer: leave CAM out.")
    xp, features, class_weights = together(features, class_weights)
    positions = features.shape[1] * features.shape[2]
    return xp.einsum("nhwk,nk->nhw", features, class_weights) / positions


def grad_cam(features, gradients):
    """Grad-CAM, eq. (5)-(6): L = relu(sum_k w_k A^k) with w_k the mean of dS/dA^k over positions.

    Args:
        features: (N, h, w, K).
        gradients: (N, h, w, K), of the logit S_c.

    Returns:
        (N, h, w), >= 0.
    """
    xp, features, gradients = together(features, gradients)
    weights = xp.mean(gradients, axis=(1, 2))
    return xp.maximum(xp.einsum("nhwk,nk->nhw", features, weights), 0)


def grad_cam_plus_plus(features, gradients, curvature=1.0, normalize_alpha=False, positive_part=False):
    """Grad-CAM++, eq. (7)-(8), up to a positive factor: L = sum_k w_k A^k, w_k = sum alpha relu(g), g = dS/dA^k.

    For a score phi(S) with phi' > 0, eq. (8) is alpha = 1 / (2 + curvature g sum(A)) with curvature = phi'''/phi''. For
    exp, the choice of the Grad-CAM++ paper, the curvature is 1. Its factor exp(S) cancels, so it is never computed.

    Args:
        features: (N, h, w, K), >= 0, or of any sign with positive_part.
        gradients: (N, h, w, K), of the logit S_c.
        curvature: phi'''/phi'' of the score, >= 0.
        normalize_alpha: divide alpha by its sum over the positions where g is positive, as the reference implementation
            does (Chattopadhay et al. 2018). A channel whose g is nowhere positive has w_k = 0 either way.
        positive_part: sum max(A, 0) in alpha, in the place of A. Where A >= 0 that is the same.

    Returns:
        (N, h, w), >= 0, or signed where features are.

    Raises:
        ValueError: if features are negative, without positive_part. Then the denominator can vanish, and eq. (8) has
            no meaning.
    """
    xp, features, gradients = together(features, gradients)
    if not positive_part and float(xp.min(features)) < 0:
        raise ValueError(f"Grad-CAM++ needs feature maps >= 0, these go negative: choose {POSITIVE_PART} in its place.")
    slopes = xp.maximum(gradients, 0)
    activity = xp.sum(xp.maximum(features, 0) if positive_part else features, axis=(1, 2), keepdims=True)
    alpha = 1 / (2 + curvature * slopes * activity)  # only slopes > 0 survive eq. (7), so the denominator is >= 2
    if normalize_alpha:
        total = xp.sum(xp.where(slopes > 0, alpha, xp.zeros_like(alpha)), axis=(1, 2), keepdims=True)
        alpha = alpha / xp.where(total > 0, total, xp.ones_like(total))
    weights = xp.sum(alpha * slopes, axis=(1, 2))
    return xp.einsum("nhwk,nk->nhw", features, weights)


def softmax_grad_cam_plus_plus(features, head_weights, logits, classes):
    """Grad-CAM++, eq. (7)-(8), of a softmax score on a GAP + dense head, up to a positive factor, without underflow.

    With q = 1 - Y_c, r the softmax over the other classes and g = W / z, every derivative of Y_c has a factor Y_c q,
    which underflows on a sure classifier. Divided by it,

        Y' ~ D,  Y'' ~ q^2 D^2 - M2,  Y''' ~ q^2 D^3 - 3 D m2 - M3 - (1 - q) q^2 D^3,

    with D = sum r (g_c - g), gbar = g_c - q D, M2 and M3 = sum r (g - gbar)^2 and ^3, m2 = q M2 + (1 - q) q^2 D^2.

    Args:
        features: (N, h, w, K), >= 0.
        head_weights: (K, C).
        logits: (N, C).
        classes: (N,), integers.

    Returns:
        (N, h, w), signed, in the dtype that is given. float32 loses up to 4e-4 where terms cancel: use float64.
    """
    xp, features, head_weights, logits = together(features, head_weights, logits)
    weights, _ = softmax_weights(features, head_weights, logits, classes)
    return xp.einsum("nhwk,nk->nhw", features, weights)


def softmax_weights(features, head_weights, logits, classes):
    """The weights of `softmax_grad_cam_plus_plus`, up to a positive factor.

    Where D > 0, a weight has the sign of alpha. On a sure classifier of two classes alpha is 1 / (2 - D sum A), which
    is negative once D sum A > 2.

    Args:
        features: (N, h, w, K), >= 0.
        head_weights: (K, C).
        logits: (N, C).
        classes: (N,), integers.

    Returns:
        The weights w_k (N, K), and D (N, K).
    """
    xp, features, head_weights, logits = together(features, head_weights, logits)
    positions = features.shape[1] * features.shape[2]
    slopes = xp.transpose(head_weights)[None] / positions  # (1, C, K)
    others = np.arange(logits.shape[1])[None] != np.asarray(classes)[:, None]
    others = xp.array(others, keras.backend.standardize_dtype(logits.dtype))

    top_other = xp.max(xp.where(others > 0, logits, -np.inf), axis=1, keepdims=True)
    # The explained class may lie thousands above the others: cut the exponent before it overflows, then drop it.
    relative = others * xp.exp(xp.minimum(logits - top_other, 0))
    total = xp.sum(relative, axis=1, keepdims=True)
    shares = relative / total  # r (N, C)
    own = xp.sum((1 - others) * logits, axis=1, keepdims=True)
    margin = own - (top_other + xp.log(total))
    log_q = -xp.logaddexp(margin, xp.zeros_like(margin))
    q = xp.exp(log_q)  # (N, 1)

    own_slopes = xp.sum((1 - others)[:, :, None] * slopes, axis=1)  # g_c (N, K)
    lead = xp.sum(shares[:, :, None] * (own_slopes[:, None] - slopes), axis=1)  # D (N, K)
    centred = slopes - (own_slopes - q * lead)[:, None]  # g - gbar (N, C, K)
    second_moment = xp.sum(shares[:, :, None] * centred**2, axis=1)
    third_moment = xp.sum(shares[:, :, None] * centred**3, axis=1)
    variance = q * second_moment + (1 - q) * q**2 * lead**2

    second = q**2 * lead**2 - second_moment
    third = q**2 * lead**3 - 3 * lead * variance - third_moment - (1 - q) * q**2 * lead**3
    denominator = 2 * second + xp.sum(features, axis=(1, 2)) * third
    rising = lead > 0  # the relu of eq. (7); elsewhere the weight is 0 whatever alpha is
    weights = xp.where(rising, second / xp.where(rising, denominator, xp.ones_like(denominator)) * lead, 0 * lead)
    return weights, lead


def positive_grad_cam(features, gradients):
    """Grad-CAM from what raises the score alone: L = relu(sum_k w_k A^k) with w_k the mean of relu(dS/dA^k).

    It is what remains of Grad-CAM++ without alpha.

    Args:
        features: (N, h, w, K).
        gradients: (N, h, w, K), of the logit S_c.

    Returns:
        (N, h, w), >= 0.
    """
    xp, features, gradients = together(features, gradients)
    weights = xp.mean(xp.maximum(gradients, 0), axis=(1, 2))
    return xp.maximum(xp.einsum("nhwk,nk->nhw", features, weights), 0)


def xgrad_cam(features, gradients):
    """XGrad-CAM (Fu et al. 2020): L = relu(sum_k w_k A^k) with w_k = sum(A^k dS/dA^k) / sum(A^k) over positions.

    Args:
        features: (N, h, w, K). A channel that sums to 0 has w_k = 0.
        gradients: (N, h, w, K), of the logit S_c.

    Returns:
        (N, h, w), >= 0. Equal to Grad-CAM where gradients are the same at every position.
    """
    xp, features, gradients = together(features, gradients)
    activity = xp.sum(features, axis=(1, 2))
    active = activity != 0
    effect = xp.sum(features * gradients, axis=(1, 2))
    # A channel with negative entries can sum to 0 without being 0, so its effect has to be taken out as well.
    weights = xp.where(active, effect, xp.zeros_like(effect)) / xp.where(active, activity, xp.ones_like(activity))
    return xp.maximum(xp.einsum("nhwk,nk->nhw", features, weights), 0)


def hires_cam(features, gradients):
    """HiRes-CAM (Draelos & Carin 2020): L = relu(sum_k dS/dA^k A^k), each position with its own gradient.

    Args:
        features: (N, h, w, K).
        gradients: (N, h, w, K), of the logit S_c.

    Returns:
        (N, h, w), >= 0. Equal to Grad-CAM where gradients are the same at every position.
    """
    xp, features, gradients = together(features, gradients)
    return xp.maximum(xp.sum(gradients * features, axis=-1), 0)


def layer_cam(features, gradients):
    """Layer-CAM (Jiang et al. 2021): L = relu(sum_k relu(dS/dA^k) A^k), each position with its own gradient.

    Args:
        features: (N, h, w, K).
        gradients: (N, h, w, K), of the logit S_c.

    Returns:
        (N, h, w), >= 0. Equal to `positive_grad_cam` where gradients are the same at every position.
    """
    xp, features, gradients = together(features, gradients)
    return xp.maximum(xp.sum(xp.maximum(gradients, 0) * features, axis=-1), 0)


def ablation_cam(features, class_weights):
    """Ablation-CAM (Desai & Ramaswamy 2020) in closed form: L = relu(sum_k w_k F_k A^k), F_k the mean of A^k.

    Setting channel k to 0 lowers the logit by w_k F_k. The original divides this by the logit, which is a positive
    factor where the logit is > 0. Where the logit is negative the original flips the sign of the map, and this does
    not.

    Args:
        features: (N, h, w, K).
        class_weights: (N, K), the dense head's weights of each image's class, or None if the head has none.

    Returns:
        (N, h, w), >= 0.

    Raises:
        ValueError: without class_weights. Another head would need a forward pass for each channel.
    """
    if class_weights is None:
        raise ValueError(
            "Ablation-CAM needs a head of global average pooling and one dense layer: leave Ablation-CAM out."
        )
    xp, features, class_weights = together(features, class_weights)
    falls = class_weights * xp.mean(features, axis=(1, 2))
    return xp.maximum(xp.einsum("nhwk,nk->nhw", features, falls), 0)


def eigen_cam(features):
    """Eigen-CAM (Muhammad & Yeasin 2020): each image's (h w, K) features times their first right singular vector.

    A singular vector can have either sign. The sign is chosen so that the map sums to >= 0.

    Args:
        features: (N, h, w, K), not centred.

    Returns:
        (N, h, w), the same whatever the class. For features >= 0 it is >= 0 up to rounding.
    """
    xp = namespace(features)
    height, width, channels = features.shape[1:]
    rows = xp.reshape(features, (-1, height * width, channels))
    columns = xp.transpose(rows, (0, 2, 1))
    # eigh sorts upwards; the smaller Gram matrix has the same largest eigenvalue as the other and is the faster one.
    if height * width < channels:
        values, vectors = xp.linalg.eigh(xp.matmul(rows, columns))
        projected = vectors[:, :, -1] * xp.sqrt(xp.maximum(values[:, -1:], 0))  # left singular vector times its value
    else:
        _, vectors = xp.linalg.eigh(xp.matmul(columns, rows))
        projected = xp.matmul(rows, vectors[:, :, -1:])[:, :, 0]
    upside_down = xp.sum(projected, axis=1, keepdims=True) < 0
    return xp.reshape(xp.where(upside_down, -projected, projected), (-1, height, width))


class Explanation(NamedTuple):
    """What a method may draw its map from: one batch of images, each with the class to explain."""

    features: np.ndarray  # (N, h, w, K)
    gradients: np.ndarray  # (N, h, w, K) of the logit of the class
    class_weights: np.ndarray | None  # (N, K) of the dense head; None for a head of another kind
    head_weights: np.ndarray | None  # (K, C)
    logits: np.ndarray  # (N, C)
    classes: np.ndarray  # (N,)
    images: np.ndarray | None = None  # pixels (N, H, W, 3)
    # From masked pixels (m, H, W, 3) and classes (m,) to scores Y (m,), a NumPy array: for methods that ask again.
    score: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    batch_size: int = perturbation.AT_ONCE  # how many masked images `score` shows to the network at a time


# Evaluation reads this registry; a method maps an Explanation to maps (N, h, w), which evaluation clips at 0.
METHODS: dict[str, Callable[[Explanation], np.ndarray]] = {
    "CAM": lambda e: cam(e.features, e.class_weights),
    "Grad-CAM": lambda e: grad_cam(e.features, e.gradients),
    "Grad-CAM++": lambda e: grad_cam_plus_plus(e.features, e.gradients),
    "Grad-CAM++ (normalised alpha)": lambda e: grad_cam_plus_plus(e.features, e.gradients, normalize_alpha=True),
    POSITIVE_PART: lambda e: grad_cam_plus_plus(e.features, e.gradients, positive_part=True),
    "Grad-CAM (positive gradients)": lambda e: positive_grad_cam(e.features, e.gradients),
    "XGrad-CAM": lambda e: xgrad_cam(e.features, e.gradients),
    "HiRes-CAM": lambda e: hires_cam(e.features, e.gradients),
    "Layer-CAM": lambda e: layer_cam(e.features, e.gradients),
    "Ablation-CAM": lambda e: ablation_cam(e.features, e.class_weights),
    "Eigen-CAM": lambda e: eigen_cam(e.features),
}
PAPER_METHODS = ("CAM", "Grad-CAM", "Grad-CAM++")

# Methods that ask the network again, thousands of times for each map. Nothing draws them unless they are named.
ON_REQUEST: dict[str, Perturbing] = {
    "Score-CAM": Perturbing(
        lambda e: perturbation.score_cam(e.features, e.images, e.score, e.classes, e.batch_size),
        passes=lambda e: e.features.shape[-1],
    ),
    "RISE": Perturbing(
        lambda e: perturbation.rise(e.images, e.score, e.classes, at_once=e.batch_size),
        passes=lambda e: perturbation.MASKS,
    ),
}


def chosen(names):
    """The methods of `METHODS` and of `ON_REQUEST` that are named.

    Args:
        names: of methods.

    Returns:
        name -> method, in the order of names.

    Raises:
        ValueError: if no name is given, one is unknown, or one is given twice.
    """
    known = METHODS | ON_REQUEST
    if not names:
        raise ValueError(f"No method is named: choose from {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise ValueError(f"There is no method {name!r}: choose from {', '.join(known)}.")
        if list(names).count(name) > 1:
            raise ValueError(f"The method {name!r} is named twice: name it once.")
    return {name: known[name] for name in names}


def usable(explanation, methods):
    """Which methods can be drawn from an `Explanation`. Those that ask the network again can, and are not tried.

    Args:
        explanation: an `Explanation`.
        methods: name -> function.

    Returns:
        name -> function of the methods that can, and name -> why not of the others.
    """
    fit, unfit = {}, {}
    for name, method in methods.items():
        try:
            if not isinstance(method, Perturbing):
                method(explanation)
            fit[name] = method
        except ValueError as problem:
            unfit[name] = str(problem)
    return fit, unfit
