"""What a model of PyTorch answers under a preprocessing, and what its first BatchNorm says of the pixels."""

import numpy as np
import torch

from black_average_drop.networks.first_layers import LOOKED_AT, Trial, divergence
from black_average_drop.networks.pytorch.graph import name_of


def trial_of(network, images):
    """Try a preprocessing.

    Args:
        network: a `TorchNetwork`, with the preprocessing.
        images: pixels (N, H, W, 3).

    Returns:
        A `Trial`. None where the preprocessing is for colours and the model takes grey images.
    """
    try:
        logits, _ = network.score(images)
    except IndexError:
        return None
    return Trial(logits, network.activation, False, _divergence_from_training(network, images[:LOOKED_AT]))


def _divergence_from_training(network, images):
    """How far what the first BatchNorm takes in is from what it keeps of its training; NaN without one."""
    call = next((one.call for one in network.graph.values if name_of(one.call) == "batch_norm"), None)
    if call is None:
        return np.nan
    args, _ = call.arguments(call.takes)
    mean, variance, epsilon = args[3], args[4], args[7]
    if not isinstance(mean, torch.Tensor) or not (mean.any() or (variance != 1).any()):
        return np.nan  # never trained
    values = network.values_of(images, call.takes[0])
    mean, variance = (one.cpu().numpy().astype("float64") for one in (mean, variance))
    return divergence(np.moveaxis(values, 1, -1), mean, variance + epsilon)
