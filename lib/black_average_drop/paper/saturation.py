"""Eq. (8) as the textbook writes it, in the numbers it is given: what a sure classifier does to Grad-CAM++.

These forms exist to show where they fail. The forms to use are `cams.softmax_grad_cam_plus_plus` and
`cams.grad_cam_plus_plus`. All are for a head of global average pooling and one dense layer.
"""

import numpy as np
import pandas as pd

from black_average_drop import cams
from black_average_drop.arrays import softmax


def textbook_softmax(features, head_weights, logits, classes):
    """Grad-CAM++ from the three derivatives of Y = softmax(S)_c, each with its factor Y (1 - Y).

    With p the softmax, g = W / z, gbar = sum p g and d = g_c - gbar:
    Y' = Y d, Y'' = Y (d^2 - sum p (g - gbar)^2), Y''' = Y (d^3 - 3 d sum p (g - gbar)^2 - sum p (g - gbar)^3).
    Where eq. (8) is 0 / 0, alpha is 0, as in common implementations.

    Args:
        features: (N, h, w, K), >= 0.
        head_weights: (K, C), of the dense layer.
        logits: (N, C).
        classes: (N,), the explained class of each image.

    Returns:
        Maps (N, h, w) in the dtype that is given.
    """
    shares = softmax(logits)
    score, own = _picked(shares, classes), _slopes(features, head_weights)
    mean = np.einsum("nc,ck->nk", shares, own)
    centred = own[None] - mean[:, None]  # (N, C, K)
    second = np.einsum("nc,nck->nk", shares, centred**2)
    third = np.einsum("nc,nck->nk", shares, centred**3)
    ahead = own[np.asarray(classes)] - mean
    return _map(
        features,
        score * ahead,
        score * (ahead**2 - second),
        score * (ahead**3 - 3 * ahead * second - third),
    )


def textbook_exp(features, head_weights, logits, classes):
    """Grad-CAM++ from the three derivatives of Y = exp(S_c), each with its factor exp(S_c).

    In float32 exp overflows above S = 88, and inf / inf is NaN.

    Args:
        features: (N, h, w, K), >= 0.
        head_weights: (K, C), of the dense layer.
        logits: (N, C).
        classes: (N,), the explained class of each image.

    Returns:
        Maps (N, h, w) in the dtype that is given.
    """
    slopes = _slopes(features, head_weights)[np.asarray(classes)]
    with np.errstate(over="ignore", invalid="ignore"):
        score = np.exp(_picked(logits, classes))
        return _map(features, score * slopes, score * slopes**2, score * slopes**3)


def sweep(features, head_weights, logits, classes, factors):
    """What happens to Grad-CAM++ of a softmax score as a head and its logits grow by each factor.

    Args:
        features: (N, h, w, K), >= 0.
        head_weights: (K, C), of the dense layer.
        logits: (N, C).
        classes: (N,), the explained class of each image.
        factors: what head_weights and logits are multiplied by.

    Returns:
        A DataFrame, a row for each factor, with the columns factor, lowest_logit and highest_logit. In percent of the
        images: saturated (the float32 softmax is exactly 1), blank (`textbook_softmax` in float32 is 0 everywhere or
        has a NaN), exp_nan (`textbook_exp` in float32 has a NaN), negative_maps (the exact map, in float64, sums to
        less than 0). negative_weights: the percent of the channels of positive slope and activity whose exact weight
        is negative.
    """
    exact = [np.asarray(values, "float64") for values in (features, head_weights, logits)]
    active = exact[0].sum(axis=(1, 2)) > 0
    rows = []
    for factor in factors:
        scaled = exact[0], exact[1] * factor, exact[2] * factor
        single = [values.astype("float32") for values in scaled]
        weights, lead = cams.softmax_weights(*scaled, classes)
        textbook = textbook_softmax(*single, classes)
        rows.append(
            {
                "factor": factor,
                "lowest_logit": scaled[2].min(),
                "highest_logit": scaled[2].max(),
                "saturated": 100 * saturated(single[2], classes).mean(),
                "blank": 100 * vanished(textbook).mean(),
                "exp_nan": 100 * np.isnan(textbook_exp(*single, classes)).any(axis=(1, 2)).mean(),
                "negative_maps": 100 * (np.einsum("nhwk,nk->n", exact[0], weights) < 0).mean(),
                "negative_weights": 100 * (weights < 0)[(lead > 0) & active].mean(),
            }
        )
    return pd.DataFrame(rows)


def saturated(logits, classes):
    """Whether the softmax of the explained class is exactly 1 in the dtype of the logits.

    Args:
        logits: (N, C).
        classes: (N,), the explained class of each image.

    Returns:
        Boolean (N,).
    """
    return _picked(softmax(logits), classes)[:, 0] == 1


def vanished(maps):
    """Whether each map (N, h, w) has vanished: it is 0 everywhere, or NaN somewhere. Boolean (N,)."""
    return np.isnan(maps).any(axis=(1, 2)) | (maps == 0).all(axis=(1, 2))


def _slopes(features, head_weights):
    """G = dS_j / dA^k, the same at every position: (C, K)."""
    return head_weights.T / np.asarray(features.shape[1] * features.shape[2], head_weights.dtype)


def _picked(values, classes):
    """The column of each row's class: (N, C) -> (N, 1)."""
    return np.take_along_axis(values, np.asarray(classes)[:, None], axis=1)


def _map(features, first, second, third):
    """Eq. (7)-(8) from the derivatives (N, K), which are the same at every position."""
    denominator = 2 * second + features.sum(axis=(1, 2)) * third
    alpha = np.divide(second, denominator, out=np.zeros_like(second), where=denominator != 0)
    return np.einsum("nhwk,nk->nhw", features, alpha * np.maximum(first, 0))
