"""A head of global average pooling and affine layers, folded into one dense layer."""

import keras
import numpy as np
from keras import layers

from black_average_drop.arrays import as_numpy
from black_average_drop.networks.graph import between

# Subclasses of these and of other layers may do something else.
_IGNORED = (
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.AlphaDropout, layers.GaussianDropout),
    *(layers.GaussianNoise, layers.Identity, layers.ActivityRegularization),
)
_ELEMENT_BY_ELEMENT = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative")  # operations, with a number


def fold(maps, logits, grids=()):
    """The one dense layer behind global average pooling that gives the logits of feature maps.

    Behind pooling there may be dense layers and 1 x 1 convolutions without activation, BatchNorm, rescaling, layers
    that change the shape alone and those that inference ignores. A dense layer or 1 x 1 convolution before pooling
    commutes with the mean. Tokens may be put in one row or in rows and columns, and those in front cut off.

    Args:
        maps: the `Symbol` of the feature maps, (None, h, w, K), or of tokens (None, T, K).
        logits: the `Symbol` of the logits, (None, C).
        grids: `Symbol` -> `Grid` of tokens whose places are known.

    Returns:
        Kernel (K, C) and bias (C,), float32, or None for any other head.
    """
    if type(logits.maker) is layers.Concatenate:
        parts = [fold(maps, one, grids) for one in logits.call.takes]
        if any(one is None for one in parts):
            return None
        return tuple(np.concatenate(one, axis=-1) for one in zip(*parts, strict=True))
    calls, missing = between([maps], [logits])
    if missing or not _has_places(maps, grids):
        return None
    kernel, bias = np.eye(maps.shape[-1]), np.zeros(maps.shape[-1])
    pooled, symbol = False, maps
    for call in calls:
        if call.takes != [symbol]:
            return None
        taken, symbol = symbol, call.gives[0]
        if is_pooling(call):
            if pooled or (taken in grids and grids[taken].extra):
                return None
            pooled = True
            continue
        if not pooled and copies(call) and _has_places(symbol, grids) and taken.shape[-1] == symbol.shape[-1]:
            continue
        mapped = _mapped(call, kernel, bias, pooled)
        if mapped is None:
            return None
        kernel, bias = mapped
    return (kernel.astype("float32"), bias.astype("float32")) if pooled else None


def is_pooling(call):
    """Whether a call gives the mean over all positions of its feature maps, or over all tokens."""
    operation, taken = call.operation, call.takes[0].shape if call.takes else ()
    if type(operation) in (layers.GlobalAveragePooling2D, layers.GlobalAveragePooling1D):
        return operation.data_format == "channels_last" and len(call.takes) == 1
    if type(operation) is layers.AveragePooling2D:
        return len(taken) == 4 and operation.pool_size == taken[1:3] and call.gives[0].shape[1:3] == (1, 1)
    axes = tuple(np.ravel(getattr(operation, "axis", ())))
    known = {4: ((1, 2), (-3, -2)), 3: ((1,), (-2,))}
    return is_operation(operation, "Mean") and axes in known.get(len(taken), ())


def is_operation(operation, *names):
    """Whether an operation is one of Keras's own, by the names of their classes."""
    return type(operation).__name__ in names and type(operation).__module__.startswith("keras.")


def is_pointwise(operation):
    """Whether a layer sees one position at a time, whatever its activation: a dense layer or a 1 x 1 convolution."""
    return type(operation) is layers.Dense or (
        type(operation) is layers.Conv2D
        and tuple(operation.kernel_size) == tuple(operation.strides) == (1, 1)
        and operation.groups == 1
    )


def passes_through(operation):
    """Whether inference ignores a layer; what a class of somebody's own does is not known."""
    if type(operation) is layers.Activation:
        return activation_of(operation) == "linear"
    return type(operation) in _IGNORED


def activation_of(operation):
    """The name of the activation that a layer applies in the end, "linear" for none."""
    function = getattr(operation, "activation", None)
    if function is None:
        return "linear"
    name = getattr(function, "__name__", type(function).__name__)
    return name if getattr(keras.activations, name, None) is function else f"{name}, which is none of Keras's own"


def changes_shape_alone(call):
    """Whether a call leaves the numbers of each image, and their order, as they are."""
    if is_operation(call.operation, "Squeeze"):
        return True
    return type(call.operation) in (layers.Flatten, layers.Reshape)


def copies(call):
    """Whether a call gives some or all numbers that it takes, as they are."""
    return changes_shape_alone(call) or is_operation(call.operation, "GetItem", "Reshape")


def _has_places(symbol, grids):
    """Whether a symbol has rows and columns, or is tokens whose places are known."""
    return len(symbol.shape) == 4 or symbol in grids


def is_affine(call):
    """Whether a call is an affine map of the channels, the same at every position, in inference."""
    if not call.takes or call.takes[0].shape[-1] is None:
        return False
    channels = call.takes[0].shape[-1]
    return _mapped(call, np.zeros((1, channels)), np.zeros(channels), pooled=True) is not None


def _mapped(call, kernel, bias, pooled):
    """What a call makes of an affine map, or None where the result is none; pooled: positions are averaged by then."""
    operation = call.operation
    if len(call.takes) != 1:
        return None
    if passes_through(operation):
        return kernel, bias
    if changes_shape_alone(call):
        flat = call.takes[0].shape[1:-1] in ((), (1, 1)) and call.gives[0].shape[1:-1] in ((), (1, 1))
        return (kernel, bias) if pooled and flat else None
    if is_pointwise(operation):
        if activation_of(operation) != "linear":
            return None
        weights = np.asarray(operation.kernel, "float64")
        weights = weights.reshape(weights.shape[-2:])
        added = 0 if operation.bias is None else np.asarray(operation.bias, "float64")
        return kernel @ weights, bias @ weights + added
    scale = _scale(operation, call)
    return None if scale is None or not pooled else (kernel * scale[0], bias * scale[0] + scale[1])


def _scale(operation, call):
    """What a layer multiplies channels by, and then adds, or None where it does something else."""
    last = len(call.takes[0].shape) - 1
    if type(operation) is layers.BatchNormalization:
        if operation.axis not in (-1, last):
            return None
        mean, variance = (np.asarray(one, "float64") for one in (operation.moving_mean, operation.moving_variance))
        scale = 1 / np.sqrt(variance + operation.epsilon)
        scale = scale * np.asarray(operation.gamma, "float64") if operation.scale else scale
        return scale, (np.asarray(operation.beta, "float64") if operation.center else 0) - mean * scale
    if type(operation) is layers.Rescaling:
        return np.asarray(operation.scale, "float64"), np.asarray(operation.offset, "float64")
    if is_operation(operation, *_ELEMENT_BY_ELEMENT):
        ones = np.ones((1, *(one or 1 for one in call.takes[0].shape[1:])))
        low, high = (_value(call, number * ones) for number in (0, 1))
        return (high - low, low) if np.isfinite([low, high]).all() and low.shape == (call.takes[0].shape[-1],) else None
    return None


def _value(call, taken):
    """What an operation gives of one image in float64, without positions."""
    args, kwargs = call.arguments([taken])
    return as_numpy(call.operation(*args, **kwargs)).astype("float64").reshape(-1)
