"""The logits of a classifier of PyTorch, and the activation of its scores."""

import numpy as np
import torch

from black_average_drop.model_files import settings
from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.closed_head import gives_affine_map
from black_average_drop.networks.pytorch.graph import appended, name_of

_ACTIVATIONS = {"softmax": "softmax", "_softmax": "softmax", "log_softmax": "softmax", "_log_softmax": "softmax"}
_ACTIVATIONS |= {"sigmoid": "sigmoid", "relu": "relu"}
_SHAPING = frozenset("view reshape flatten squeeze unsqueeze _unsafe_view".split())


def logits_of(graph, output):
    """The logits of a classifier: what lies before its last activation.

    Args:
        graph: a `TorchGraph`.
        output: its output that is explained.

    Returns:
        The `Value` of the logits (N, C), and the name of the model's own activation, "linear" for none. One output S
        becomes the two logits (-S/2, S/2), the only opposite pair with the probabilities of its sigmoid.

    Raises:
        ValueError: if the model does not end in scores of classes, under at most one activation that is known here.
    """
    if output.shape[:1] != (graph.tried,) or np.prod(output.shape[1:]) != max(output.shape[1:2] or (1,)):
        shape = ", ".join(map(str, output.shape[1:]))
        raise ValueError(
            f"Model {graph.name} gives ({shape}) for each image, and one score for each class is expected: choose a "
            "network that classifies whole images."
        )
    classes = (output.shape[1:2] or (1,))[0]
    end = _before_passing(output)
    activation = _ACTIVATIONS.get(name_of(end.call), "linear")
    if activation != "linear":
        if activation == "softmax":
            _check_over_classes(end, graph.name)
        end = _before_passing(end.call.takes[0])
        if name_of(end.call) in _ACTIVATIONS and activation != "relu":
            inner = _ACTIVATIONS[name_of(end.call)]
            raise ValueError(f"Model {graph.name} applies two activations after its head: {inner}, {activation}.")
    elif not gives_affine_map(end.call):
        raise ValueError(
            f"Model {graph.name} ends in {name_of(end.call) or 'its image'}, which gives no logits that are known "
            "here: end it in a linear layer, or in the softmax or sigmoid of one."
        )
    if classes == 1:
        if activation not in ("sigmoid", "linear"):
            raise ValueError(
                f"Model {graph.name} has one output: two classes are expected, or one output with sigmoid."
            )
        return appended(end, pair_of_logits, (graph.tried, 2)), activation
    return appended(end, flat_logits, (graph.tried, classes)), activation


def activation_of_scores(chosen, own, name):
    """The activation of the scores, in place of a model's own.

    Raises:
        ValueError: if a model without activation is given none.
    """
    if chosen is not None:
        settings.check_choice("activation", chosen, settings.ACTIVATIONS)
    elif own == "linear":
        raise ValueError(
            f'Model {name} has no activation: pass activation="softmax", "sigmoid" where labels come together, '
            'or "relu".'
        )
    return chosen or own


def pair_of_logits(logit):
    """One logit S as two."""
    return logit.reshape(len(logit), 1) * torch.tensor([-0.5, 0.5], dtype=logit.dtype, device=logit.device)


def flat_logits(logits):
    """Logits (N, C)."""
    return logits.reshape(len(logits), -1)


def _before_passing(value):
    """A value before all that inference ignores, or that changes its shape alone."""
    while value.call is not None and (name_of(value.call) in operators.PASSING | _SHAPING):
        first = value.call.takes[0]
        if np.prod(first.shape) != np.prod(value.shape) or first.shape[:1] != value.shape[:1]:
            break
        value = first
    return value


def _check_over_classes(value, name):
    """Check that a softmax is one over the axis of the classes."""
    args, kwargs = value.call.arguments([None] * len(value.call.takes))
    dim = kwargs.get("dim", args[1] if len(args) > 1 else -1)
    if dim % len(value.shape) != 1 or len(value.shape) < 2:
        classes = value.shape[-1]
        raise ValueError(f"The softmax of {name} is not over its {classes} classes: make it one over dim=1.")
