"""The graph in a .pt2 archive: its calls in their order, and the names of values."""

from black_average_drop.model_files.pt2_program import Constant, Node, Reference
from black_average_drop.model_files.pt2_weights import DTYPES

_LAYOUTS = {
    1: "sparse_coo",
    2: "sparse_csr",
    3: "sparse_csc",
    4: "sparse_bsr",
    5: "sparse_bsc",
    6: "_mkldnn",
    7: "strided",
}
_MEMORY_FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}


def nodes(graph):
    """The calls of a graph."""
    return tuple(_node(node) for node in graph["nodes"])


def _node(node):
    arguments = tuple((one["name"], value(one["arg"]), one["kind"] == 2) for one in node["inputs"])
    return Node(
        node["name"],
        node["target"],
        arguments,
        tuple(_result(one) for one in node["outputs"]),
        _module(node["metadata"]),
    )


def value(argument):
    """The value of an argument."""
    ((kind, content),) = argument.items()
    return _KINDS[kind](content)


def _float(content):
    return float(content)  # also of "Infinity", "-Infinity" and "NaN"


def _each(read):
    return lambda content: tuple(read(one) for one in content)


def _same(content):
    return content


def _tensor(content):
    return Reference(content["name"])


def _named_or(kind, read):
    return lambda content: Reference(content["as_name"]) if "as_name" in content else read(content[kind])


def _optional(content):
    return _tensor(content["as_tensor"]) if "as_tensor" in content else None


def _device(content):
    index = content.get("index")
    return Constant("device", content["type"] if index is None else f"{content['type']}:{index}")


_SIZE, _NUMBER, _FLAG = _named_or("as_int", _same), _named_or("as_float", _float), _named_or("as_bool", _same)
_KINDS = {
    "as_none": lambda _: None,
    "as_tensor": _tensor,
    "as_tensors": _each(_tensor),
    "as_nested_tensors": _each(_each(_tensor)),
    "as_optional_tensor": _optional,
    "as_optional_tensors": _each(_optional),
    "as_int": _same,
    "as_ints": _each(_same),
    "as_int_lists": _each(_each(_same)),
    "as_float": _float,
    "as_floats": _each(_float),
    "as_float_lists": _each(_each(_float)),
    "as_bool": _same,
    "as_bools": _each(_same),
    "as_string": _same,
    "as_strings": _each(_same),
    "as_sym_int": _SIZE,
    "as_sym_ints": _each(_SIZE),
    "as_sym_float": _NUMBER,
    "as_sym_floats": _each(_NUMBER),
    "as_sym_bool": _FLAG,
    "as_sym_bools": _each(_FLAG),
    "as_scalar_type": lambda content: Constant("dtype", DTYPES[content][0]),
    "as_layout": lambda content: Constant("layout", _LAYOUTS[content]),
    "as_memory_format": lambda content: Constant("memory_format", _MEMORY_FORMATS[content]),
    "as_device": _device,
}


def _result(argument):
    """The name of a value, a tuple of names, or None."""
    got = value(argument)
    if isinstance(got, tuple):
        return tuple(one.name for one in got)
    return None if got is None else got.name


def _module(metadata):
    """The path of the innermost module, from "key,path,class;key,path,class"."""
    stack = metadata.get("nn_module_stack", "")
    return stack.rpartition(";")[2].split(",")[1] if stack else ""
