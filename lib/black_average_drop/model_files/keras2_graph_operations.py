"""Operations as TensorFlow writes them into a graph: the layers TensorFlowOpLayer, before TensorFlow 2.4."""

from black_average_drop.model_files.keras2_operations import operation_steps, sliced

# What TensorFlow calls the same operation in a graph: the symbol, and the names of its further arguments in order.
_OF_GRAPH = {
    "RealDiv": ("math.truediv", ("y",)),
    "Sub": ("math.subtract", ("y",)),
    "Mul": ("math.multiply", ("y",)),
    "Add": ("math.add", ("y",)),
    "AddV2": ("math.add", ("y",)),
    "BiasAdd": ("nn.bias_add", ("bias",)),
    "Maximum": ("math.maximum", ("y",)),
    "Minimum": ("math.minimum", ("y",)),
    "Neg": ("math.negative", ()),
    "Relu": ("nn.relu", ()),
    "Relu6": ("nn.relu6", ()),
    "Sigmoid": ("math.sigmoid", ()),
    "Tanh": ("math.tanh", ()),
    "Softmax": ("nn.softmax", ()),
    "Identity": ("identity", ()),
    "Mean": ("math.reduce_mean", ("axis",)),
    "Max": ("math.reduce_max", ("axis",)),
    "Reshape": ("reshape", ("shape",)),
}


def graph_steps(node, constants, references):
    """The steps of an operation as TensorFlow writes it into a graph, or None if it is not known here.

    Args:
        node: the operation as a dict, with its op and attr.
        constants: place among the arguments -> constant.
        references: the other arguments, in order.
    """
    rest = iter(references)
    constants = {int(place): value for place, value in constants.items()}
    count = len(constants) + len(references)
    arguments = [constants[place] if place in constants else next(rest, None) for place in range(count)]
    attributes = node.get("attr") or {}
    if node.get("op") == "StridedSlice" and count == 4:
        spec = _strided(arguments[1:], attributes)
        return sliced(arguments[0], spec) if spec else None
    symbol, names = _OF_GRAPH.get(node.get("op"), (None, ()))
    if symbol is None or count != 1 + len(names):
        return None
    named = dict(zip(names, arguments[1:], strict=True))
    if symbol.startswith("math.reduce"):
        named["keepdims"] = bool((attributes.get("keep_dims") or {}).get("b", False))
    return operation_steps(symbol, arguments[0], named)


def _strided(bounds, attributes):
    """The parts of a subscript of which TensorFlow keeps begins, ends, strides and masks of bits."""

    def mask(name):
        return int((attributes.get(name) or {}).get("i", 0))

    if mask("new_axis_mask") or mask("shrink_axis_mask"):
        return None
    spec = []
    for place, (begin, end, stride) in enumerate(zip(*bounds, strict=True)):
        if mask("ellipsis_mask") >> place & 1:
            spec.append({"class_name": "__ellipsis__"})
            continue
        start = None if mask("begin_mask") >> place & 1 else begin
        stop = None if mask("end_mask") >> place & 1 else end
        spec.append({"start": start, "stop": stop, "step": stride})
    return spec
