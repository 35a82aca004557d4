"""Operations of TensorFlow in the graph of a Keras 2 model, as Keras 3 layers and operations that do exactly that.

Keras 2 writes `x / 127.5` or `preprocess_input(x)` within a model as layers TFOpLambda and SlicingOpLambda, or, before
TensorFlow 2.4, as TensorFlowOpLayer. Nothing here imports Keras.
"""

import math
from dataclasses import dataclass, field

LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
_NUMPY = "keras.src.ops.numpy"


@dataclass
class Replacement:
    """A Keras 3 layer or operation that takes the place of one of Keras 2, or of a part of it.

    `arguments` are those of its call in a graph; None: it takes what the layer before gives.
    """

    class_name: str
    config: dict = field(default_factory=dict)
    module: str = "keras.layers"
    arguments: list | None = None


@dataclass(frozen=True)
class LayerOutput:
    """A tensor of the graph: which output of which call of which layer."""

    layer: str
    call: int
    output: int


def hard_sigmoid(dtype=None):
    """The steps of the hard sigmoid of Keras 2, clip(0.2 x + 0.5, 0, 1): that of Keras 3 is another function."""
    named = {"dtype": dtype} if dtype else {}
    return [
        Replacement("Rescaling", {"scale": 0.2, "offset": 0.5} | named),
        Replacement("ReLU", {"max_value": 1.0} | named),
    ]


def operation_steps(symbol, first, named, rank=None):
    """The steps of a call of a function of TensorFlow.

    Args:
        symbol: the function as TensorFlow exports it, such as "math.truediv".
        first: its first argument: a `LayerOutput`, a constant, or a list of both.
        named: its other arguments by name.
        rank: of the first argument, if it is known.

    Returns:
        A list of `Replacement`, or None if the function, or an argument of it, is not known here.
    """
    symbol = symbol.removeprefix("compat.v1.").removeprefix("nn.").removeprefix("math.").removeprefix("__operators__.")
    named = {key: value for key, value in named.items() if value is not None and key != "name"}
    if symbol in _BINARY:
        return _binary(symbol, first, named)
    if symbol in _REDUCING:
        return _reduced(symbol, first, named, rank)
    if symbol == "image.grayscale_to_rgb" and not named:
        return [Replacement("Concatenate", {"axis": -1}, arguments=[[first] * 3])]
    try:
        class_name, config = _FUNCTIONS.get(symbol, _unknown)(**named)
    except (TypeError, ValueError):  # an argument that is not known here
        return None
    return [Replacement(class_name, config, config.pop("module", "keras.layers"), [first])] if class_name else None


def sliced(first, spec):
    """The step of `first[spec]`, or None if something in it is no constant."""
    parts = [_part(one) for one in (spec if isinstance(spec, list) else [spec])]
    if any(part is _UNKNOWN for part in parts):
        return None
    return [Replacement("GetItem", {}, _NUMPY, [first, parts])]


_UNKNOWN = object()


def _part(one):
    """One part of a subscript, as Keras 3 writes it down."""
    if one is None or isinstance(one, int):
        return one
    if not isinstance(one, dict):
        return _UNKNOWN
    if one.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    bounds = {key: one.get(key) for key in ("start", "stop", "step")}
    if not all(bound is None or isinstance(bound, int) for bound in bounds.values()):
        return _UNKNOWN
    return {"class_name": "__slice__", "config": bounds}


_BINARY = {
    "truediv": "TrueDivide",
    "divide": "TrueDivide",
    "subtract": "Subtract",
    "add": "Add",
    "multiply": "Multiply",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "pow": "Power",
    "bias_add": "Add",
}
_REDUCING = {"reduce_mean": "Mean", "reduce_max": "Max", "reduce_min": "Min", "reduce_sum": "Sum"}


def _binary(symbol, first, named):
    """The step of a function of two arguments, the second of which has many names."""
    if named.pop("data_format", "NHWC") != "NHWC" or len(named) != 1:
        return None
    (second,) = named.values()
    constants = [_constant(one) for one in (first, second)]
    if all(isinstance(one, LayerOutput) for one in (first, second)):
        return [Replacement(_BINARY[symbol], {}, _NUMPY, [first, second])]
    if isinstance(first, LayerOutput) == isinstance(second, LayerOutput) or constants.count(None) != 1:
        return None
    linear = _linear(_BINARY[symbol], *constants)
    if linear:
        return [Replacement("Rescaling", linear, arguments=[first if isinstance(first, LayerOutput) else second])]
    if any(isinstance(one, list) for one in constants):
        return None
    return [Replacement(_BINARY[symbol], {}, _NUMPY, [first, second])]


def _linear(operation, left, right):
    """The scale and offset of an operation with one constant, the other side being None, or None if there are none."""
    constant = right if left is None else left
    if operation == "Add":
        return {"scale": 1.0, "offset": constant}
    if operation == "Multiply":
        return {"scale": constant, "offset": 0.0}
    if operation == "Subtract":
        return {"scale": 1.0, "offset": _each(lambda one: -one, right)} if left is None else _less(left)
    if operation == "TrueDivide" and left is None and all(_flat(right)):
        return {"scale": _each(lambda one: 1 / one, right), "offset": 0.0}
    return None


def _less(constant):
    """The scale and offset of a constant minus what comes."""
    return {"scale": -1.0, "offset": constant}


def _constant(value):
    """A number, or a number for each channel, of a constant; None for anything else."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # sides of length 1
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    numbers = _flat(value)
    finite = all(type(one) in (int, float) and math.isfinite(one) for one in numbers)
    if not finite or not numbers:
        return None
    return _each(float, value)


def _flat(value):
    return value if isinstance(value, list) else [value]


def _each(change, value):
    return [change(one) for one in value] if isinstance(value, list) else change(value)


def _reduced(symbol, first, named, rank):
    """The step of a mean, maximum or sum; that of all places is global pooling, since only images have places."""
    axis, keepdims = named.pop("axis", None), named.pop("keepdims", named.pop("keep_dims", False))
    if named or not isinstance(first, LayerOutput):
        return None
    pooling = {"reduce_mean": "GlobalAveragePooling2D", "reduce_max": "GlobalMaxPooling2D"}.get(symbol)
    if pooling and axis in ([1, 2], [2, 1], [-3, -2], [-2, -3]) and rank in (None, 4):
        return [Replacement(pooling, {"keepdims": bool(keepdims)}, arguments=[first])]
    return [Replacement(_REDUCING[symbol], {"axis": axis, "keepdims": bool(keepdims)}, _NUMPY, [first])]


def _unknown(**named):
    return None, {}


def _activated(name):
    """A function whose only setting is its name."""
    return lambda: ("Activation", {"activation": name})


def _of_numpy(class_name, **names):
    """An operation of Keras 3 with settings under other names."""

    def make(**named):
        if set(named) - set(names):
            raise TypeError(f"unknown: {named}")
        return class_name, {names[key]: value for key, value in named.items()} | {"module": _NUMPY}

    return make


def _softmax(axis=-1):
    return ("Activation", {"activation": "softmax"}) if axis == -1 else ("Softmax", {"axis": axis})


def _gelu(approximate=False):
    return (None, {}) if approximate else ("Activation", {"activation": "gelu"})


def _leaky(alpha=0.2):
    return "LeakyReLU", {"negative_slope": alpha}


def _cast(dtype):
    return "Cast", {"dtype": str(dtype), "module": "keras.src.ops.core"}


def _transposed(perm, conjugate=False):
    return "Transpose", {"axes": perm, "module": _NUMPY}


def _resized(size, method="bilinear", preserve_aspect_ratio=False, antialias=False):
    if preserve_aspect_ratio or antialias or method not in ("bilinear", "nearest", "bicubic"):
        return None, {}
    height, width = size
    return "Resizing", {"height": height, "width": width, "interpolation": method}


def _padded(paddings, mode="CONSTANT", constant_values=0):
    (*whole, rows, columns, channels) = paddings
    if whole != [[0, 0]] or channels != [0, 0] or mode != "CONSTANT" or constant_values != 0:
        return None, {}
    return "ZeroPadding2D", {"padding": [rows, columns]}


_FUNCTIONS = {
    "relu": lambda: ("ReLU", {}),
    "relu6": lambda: ("ReLU", {"max_value": 6.0}),
    "leaky_relu": _leaky,
    "sigmoid": _activated("sigmoid"),
    "tanh": _activated("tanh"),
    "elu": _activated("elu"),
    "selu": _activated("selu"),
    "silu": _activated("silu"),
    "swish": _activated("silu"),
    "softplus": _activated("softplus"),
    "gelu": _gelu,
    "softmax": _softmax,
    "negative": lambda: ("Rescaling", {"scale": -1.0, "offset": 0.0}),
    "identity": lambda: ("Identity", {}),
    "abs": _of_numpy("Absolute"),
    "sqrt": _of_numpy("Sqrt"),
    "square": _of_numpy("Square"),
    "exp": _of_numpy("Exp"),
    "log": _of_numpy("Log"),
    "cast": _cast,
    "concat": lambda axis: ("Concatenate", {"axis": axis}),
    "clip_by_value": _of_numpy("Clip", clip_value_min="x_min", clip_value_max="x_max"),
    "reshape": _of_numpy("Reshape", shape="newshape"),
    "expand_dims": _of_numpy("ExpandDims", axis="axis"),
    "squeeze": _of_numpy("Squeeze", axis="axis"),
    "transpose": _transposed,
    "image.resize": _resized,
    "pad": _padded,
}
