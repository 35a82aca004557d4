"""The logits of a classifier: what lies before its last activation, whatever layer has made it."""

import numpy as np
from keras import layers

from black_average_drop.model_files import settings
from black_average_drop.networks.graph import applied, check_followed, joined
from black_average_drop.networks.pooled_head import (
    activation_of,
    changes_shape_alone,
    is_affine,
    is_operation,
    is_pooling,
    passes_through,
)

_LINEAR = layers.Dense, layers.Conv2D, layers.EinsumDense  # layers that hold an activation of their own


def check_activation(activation):
    """Raise ValueError for a text that is none of `settings.ACTIVATIONS`."""
    settings.check_choice("activation", activation, settings.ACTIVATIONS)


def find_logits(output, name):
    """The logits of a model, (None, C), in float32.

    One output S becomes the two logits (-S/2, S/2), the only opposite pair with the probabilities of its sigmoid.

    Args:
        output: the `Symbol` of the model's output.
        name: of the model, for messages.

    Returns:
        The `Symbol` of the logits, and the name of the model's own activation, "linear" for none.

    Raises:
        ValueError: if the model does not end in scores of classes, under at most one activation that is known here.
    """
    if output.shape[1:-1] not in ((), (1, 1)) or output.shape[-1] is None:
        shape = ", ".join(map(str, output.shape[1:]))
        raise ValueError(
            f"Model {name} gives ({shape}) for each image, and one score for each class is expected: choose a network "
            "that classifies whole images."
        )
    symbol, activation = _before_activation(output, name)
    if output.shape[-1] == 1:
        if activation not in ("sigmoid", "linear"):
            raise ValueError(f"Model {name} has one output: two classes are expected, or one output with sigmoid.")
        symbol = _as_pair(symbol)
    if symbol.dtype != "float32":
        symbol = applied(layers.Activation("linear", dtype="float32"), symbol)
    return (symbol if len(symbol.shape) == 2 else applied(layers.Flatten(), symbol)), activation


def _before_activation(output, name):
    """What the last activation takes, as float32 where a dense layer or a convolution gives it, and its name."""
    end = _seen(output, name)
    if type(end.maker) is layers.Concatenate and end.maker.axis in (-1, 1):
        parts = [_before_activation(one, name) for one in end.call.takes]
        kinds = {activation for _, activation in parts}
        if kinds in ({"sigmoid"}, {"linear"}) and all(len(one.shape) == 2 for one, _ in parts):
            return joined(layers.Concatenate(), [one for one, _ in parts]), kinds.pop()
    activation = _activation_alone(end) or _activation_within(end)
    if activation == "softmax":
        _check_over_classes(end, output.shape[-1], name)
    if _activation_alone(end) is not None:
        end = _seen(end.call.takes[0], name, end.call.takes[0])
        inner = end.call and (_activation_alone(end) or _activation_within(end))
        if inner and inner != "linear":
            raise ValueError(f"Model {name} applies two activations after its head: {inner}, {activation}.")
    if activation not in (*settings.ACTIVATIONS, "linear", None):
        raise ValueError(f"The head of {name} ends in {activation}; relu, softmax or sigmoid is expected.")
    if activation is None:
        _check_linear(end, name)
    return (_without_activation(end) if type(end.maker) in _LINEAR else end), activation or "linear"


def _seen(symbol, name, *given):
    """A symbol before all that inference ignores, or that changes its shape alone."""
    while symbol.call is not None and (passes_through(symbol.maker) or changes_shape_alone(symbol.call)):
        symbol = symbol.call.takes[0]
    if symbol.call is None and not given:
        raise ValueError(f"Model {name} has no layers before its output: choose a network that classifies images.")
    return symbol


def _check_over_classes(symbol, classes, name):
    """Check that the softmax that makes a symbol is one over all classes."""
    axis = getattr(symbol.maker, "axis", -1)
    if axis not in (-1, len(symbol.shape) - 1) or symbol.shape[-1] != classes or np.prod(symbol.shape[1:]) != classes:
        raise ValueError(f"The softmax of {name} is not over its {classes} classes: make it one over the last axis.")


def _activation_alone(symbol):
    """The name of the activation that makes a symbol and does nothing else, None for anything else."""
    operation = symbol.maker
    if type(operation) is layers.Activation:
        return activation_of(operation)
    if type(operation) is layers.ReLU:
        plain = operation.max_value is None and not (operation.negative_slope or operation.threshold)
        return "relu" if plain else f"{operation.name}, a ReLU that is cut off or leaks"
    if is_operation(operation, "Softmax", "Sigmoid", "Relu") and not _is_masked(symbol.call):
        return type(operation).__name__.lower()
    return None


def _is_masked(call):
    """Whether a call takes more than the one tensor that it works on."""
    args, kwargs = call.arguments(call.takes)
    more = [*args[1:], *(value for name, value in kwargs.items() if name != "training")]
    return any(one is not None for one in more)


def _activation_within(symbol):
    """The name of the activation of a dense layer or convolution, None for a layer of another kind."""
    return activation_of(symbol.maker) if type(symbol.maker) in _LINEAR else None


def _check_linear(symbol, name):
    """Check that a model without activation ends in logits: an affine map of what a linear layer gives."""
    end = symbol
    while symbol.call is not None and type(symbol.maker) not in _LINEAR:
        check_followed(symbol.maker, name)
        if not (is_affine(symbol.call) or is_pooling(symbol.call)):
            break
        symbol = symbol.call.takes[0]
    if symbol.call is None or _activation_within(symbol) != "linear":
        kind, own = type(end.maker).__name__, getattr(end.maker, "name", "")
        raise ValueError(
            f"Model {name} ends in {kind} {own!r}, which gives no logits that are known here: end it in a dense layer, "
            'or put layers.Activation("softmax") behind its logits.'
        )


def _without_activation(symbol):
    """What the layer that makes a symbol gives without its activation, in float32."""
    layer = symbol.maker
    config = layer.get_config() | {"activation": "linear", "dtype": "float32", "name": f"{layer.name}_logits"}
    config |= {"kernel_initializer": "zeros"}  # nothing is drawn, which would change what is drawn after it
    copy = type(layer).from_config({name: value for name, value in config.items() if name != "lora_rank"})
    logits = applied(copy, symbol.call.takes[0])
    copy.set_weights([np.asarray(one, "float32") for one in (layer.kernel, layer.bias) if one is not None])
    return logits


def _as_pair(symbol):
    """One logit S as two, (-S/2, S/2): the weights of a dense layer or a convolution, or else the logit itself."""
    layer = symbol.maker
    half = np.array([-0.5, 0.5], "float32")
    if type(layer) not in (layers.Dense, layers.Conv2D):
        return applied(lambda values: values * half, symbol, (*symbol.shape[:-1], 2))
    count = "units" if isinstance(layer, layers.Dense) else "filters"
    pair = type(layer).from_config(layer.get_config() | {count: 2})
    logits = applied(pair, symbol.call.takes[0])
    pair.set_weights([one * half for one in layer.get_weights()])
    return logits
