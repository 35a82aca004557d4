"""Sanity checks for heat maps (Adebayo et al. 2018): what is left of a map once the network has forgotten."""

import keras
import numpy as np
import pandas as pd
from keras import layers
from scipy.stats import spearmanr

from black_average_drop import networks

PARTS = ("head", "backbone")


def randomised(model, part, seed=0):
    """Copy a Keras model and shuffle the weights of a part, each among its own entries.

    Everything else is copied: biases, BatchNorm, and the layer that rescales pixels, which is no part of what was
    learned.

    Args:
        model: a Keras model with a dense layer.
        part: "head" (the kernel of the last dense layer) or "backbone" (every weight of more than one dimension in all
            other layers, nested models included).
        seed: of the shuffling.

    Returns:
        The copy.

    Raises:
        ValueError: for another part, and for a model without a dense layer.
    """
    if part not in PARTS:
        raise ValueError(f"part is {part!r}: choose one of {', '.join(PARTS)}.")
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    every = list(networks.inner_layers(copy))
    dense = [layer for layer in every if isinstance(layer, layers.Dense)]
    if not dense:
        raise ValueError(f"Model {model.name} has no dense layer: which part is its head is not known.")
    head = dense[-1]
    if part == "head":
        weights = [head.kernel]
    else:
        others = [layer for layer in every if layer is not head and layer.name != "pixels_to_network"]
        weights = [weight for layer in others for weight in layer.weights if len(weight.shape) > 1]
    # A fresh initialisation would not do: a ReLU head starts from a kernel of zeros, whose maps are blank, not random,
    # and pretrained weights are spread in another way than an initialiser's. A permutation keeps how they are spread.
    generator = np.random.default_rng(seed)
    for weight in weights:
        values = keras.ops.convert_to_numpy(weight)
        weight.assign(generator.permutation(values.ravel()).reshape(values.shape))
    return copy


def similarity(maps, others):
    """How alike two sets of maps are. Each map is clipped at 0 and scaled to a peak of 1, as it is shown.

    Both measures are NaN where either map is blank (no value above 0) or the same everywhere. Such a map shows and
    ranks nothing, and smoothness alone would pass for likeness.

    Args:
        maps: (N, H, W), at least 7 x 7 pixels.
        others: (N, H, W).

    Returns:
        A DataFrame, a row for each image. ssim: the mean structural similarity over windows of 7 x 7 pixels.
        rank_correlation: Spearman's correlation over all pixels.

    Raises:
        ValueError: if the shapes differ or the maps are smaller than a window.
    """
    from skimage.metrics import structural_similarity

    maps, others = np.asarray(maps, "float64"), np.asarray(others, "float64")
    if maps.ndim != 3 or maps.shape != others.shape:
        raise ValueError(f"maps {maps.shape} and others {others.shape}: two sets of (N, H, W) are expected.")
    rows = []
    for first, second in zip(map(_shown, maps), map(_shown, others), strict=True):
        if np.ptp(first) == 0 or np.ptp(second) == 0:
            rows.append((np.nan, np.nan))
        else:
            alike = structural_similarity(first, second, data_range=1.0)
            rows.append((alike, spearmanr(first, second, axis=None).statistic))
    return pd.DataFrame(rows, columns=["ssim", "rank_correlation"])


def _shown(heat_map):
    """A map (H, W) as it is shown: clipped at 0 and scaled to a peak of 1."""
    clipped = np.maximum(heat_map, 0)
    return clipped / (clipped.max() or 1)
