"""What a model answers under a preprocessing, and what its first layers say of the pixels that it was trained on."""

from dataclasses import dataclass

import numpy as np
from keras import layers

from black_average_drop.arrays import as_numpy
from black_average_drop.networks.applications import preprocessing as preprocessing_of
from black_average_drop.networks.cam_network import CamNetwork
from black_average_drop.networks.graph import first_layer

LOOKED_AT = 32  # images, for the values that a layer takes in
PER_PIXEL = 0.01  # a Rescaling layer of a smaller scale takes pixels up to 255


@dataclass(frozen=True)
class Trial:
    """A model under one way of preprocessing.

    Attributes:
        logits: (N, C), of the images.
        activation: of the network.
        rescales: whether the model has a Rescaling layer of its own for pixels.
        unlike: see `divergence_from_training`.
    """

    logits: np.ndarray
    activation: str
    rescales: bool
    unlike: float


def trial(model, name, images, **settings):
    """Try a preprocessing.

    Args:
        model: a Keras model.
        name: of the preprocessing.
        images: pixels (N, H, W, 3).
        **settings: for `CamNetwork.from_model`.

    Returns:
        A `Trial`. None where the preprocessing is for colours and the model takes grey images.
    """
    preprocessing = preprocessing_of(name)
    try:
        network = CamNetwork.from_model(model, preprocessing, **settings)
        logits, _ = network.score(images)
    except IndexError:  # keras.applications preprocess three channels, and this model has one
        return None
    unlike = divergence_from_training(first_statistics(model), preprocessing, images[:LOOKED_AT])
    return Trial(logits, network.activation, has_own_rescaling(model), unlike)


def has_own_rescaling(model):
    """Whether a Keras model brings pixels from 0 to 255 down by itself, in a Rescaling layer."""
    first = first_layer(model, layers.Rescaling)
    return first is not None and bool(np.abs(np.max(first[0].scale)) < PER_PIXEL)


def divergence_from_training(first, preprocessing, images):
    """How far what the first normalisation takes in is from the statistics that it keeps of its training.

    Args:
        first: of `first_statistics`.
        preprocessing: a function of pixels, or None.
        images: pixels (N, H, W, 3).

    Returns:
        The Kullback-Leibler divergence of two normal distributions, the median over channels: 0 where they are equal,
        NaN without such a layer.
    """
    if first is None:
        return np.nan
    (mean, variance), before = first
    pixels = np.asarray(images, "float32")
    if before.sources[0].shape[-1] == 1:
        pixels = pixels.mean(axis=-1, keepdims=True)
    values = before([preprocessing(pixels) if preprocessing else pixels], training=False)[0]
    return divergence(values, mean, variance)


def divergence(values, mean, variance):
    """How far some values are from the statistics of others.

    Args:
        values: (..., K).
        mean, variance: (K,), of the others.

    Returns:
        The Kullback-Leibler divergence of two normal distributions, the median over channels: 0 where they are equal.
    """
    values = as_numpy(values).astype("float64")
    values = values.reshape(-1, values.shape[-1])
    here, shift = values.var(axis=0) + np.finfo("float32").eps, values.mean(axis=0) - mean
    return float(np.median(((here + shift**2) / variance - 1 - np.log(here / variance)) / 2))


def first_statistics(model):
    """What the first BatchNorm, or else the first Normalization, keeps of its training.

    Args:
        model: a Keras model.

    Returns:
        ((mean, variance), before): each (K,), and the `Part` of the model before that layer. None if no layer keeps
        any, or it was never trained.
    """
    kept = {layers.BatchNormalization: ("moving_mean", "moving_variance"), layers.Normalization: ("mean", "variance")}
    for kind, names in kept.items():
        layer, before = first_layer(model, kind) or (None, None)
        if layer is not None:
            mean, variance = (np.asarray(getattr(layer, name), "float64").ravel() for name in names)
            if mean.any() or (variance != 1).any():
                return (mean, variance + getattr(layer, "epsilon", 0)), before
    return None
