"""The values in the graph of a .pt2 archive: what an argument of a call is, by the kind that the file says it is."""

import re

from black_average_drop.model_files.pt2_program import Constant, Reference
from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal
from black_average_drop.model_files.pt2_weights import DTYPES
from black_average_drop.model_files.zip_checks import name_shown

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
_DEVICE = re.compile(r"[a-z]{1,20}")
_INFINITE = ("Infinity", "-Infinity", "NaN")  # as JSON has no numbers for them


def value(argument):
    """The value of an argument.

    Args:
        argument: {kind: content}, as the file holds it.

    Returns:
        A `Reference`, int, float, bool, None, str, a `Constant` or a tuple of these.

    Raises:
        ValueError: naming a kind that is not read, or a content that is of another kind.
    """
    kind, content = only_item(argument)
    if kind in _REFUSED:
        raise Refusal(f"{_REFUSED[kind]}, and {AGAIN}.")
    return _KINDS[kind](content)


def only_item(union):
    """The key and value of an object with one key, as the file holds a value that may be of several kinds.

    Raises:
        ValueError: for any other value.
    """
    if not isinstance(union, dict) or len(union) != 1:
        raise ValueError("a value has no kind")
    return next(iter(union.items()))


def checked_text(content):
    """A text of the file.

    Raises:
        ValueError: for any other value.
    """
    return _of(str, content)


def _of(kind, content):
    """A content that must be of a type, where False is no int."""
    if type(content) is not kind:
        raise ValueError(f"{name_shown(repr(content))} is no {kind.__name__}")
    return content


def _whole(content):
    if abs(_of(int, content)) >= 2**63:
        raise ValueError("a number is too large")
    return content


def _float(content):
    if content in _INFINITE or type(content) is float:
        return float(content)
    return float(_whole(content))


def _flag(content):
    return _of(bool, content)


def _each(read):
    return lambda content: tuple(read(one) for one in _of(list, content))


def _tensor(content):
    return Reference(checked_text(content["name"]))


def _optional(content):
    kind, inner = only_item(content)
    return {"as_tensor": _tensor, "as_none": lambda _: None}[kind](inner)


def _symbolic(kind, read):
    """A number of the graph by its name, or a number."""

    def of(content):
        found, inner = only_item(content)
        return {"as_name": lambda name: Reference(checked_text(name)), kind: read}[found](inner)

    return of


def _device(content):
    name, index = checked_text(content["type"]), content.get("index")
    if not _DEVICE.fullmatch(name):
        raise ValueError("a device has no name")
    return Constant("device", name if index is None else f"{name}:{_whole(index)}")


def _numbered(kind, names):
    return lambda content: Constant(kind, names[_of(int, content)])


_SIZE, _NUMBER = _symbolic("as_int", _whole), _symbolic("as_float", _float)
_CONDITION = _symbolic("as_bool", _flag)
_KINDS = {
    "as_none": lambda _: None,
    "as_tensor": _tensor,
    "as_tensors": _each(_tensor),
    "as_nested_tensors": _each(_each(_tensor)),
    "as_optional_tensor": _optional,
    "as_optional_tensors": _each(_optional),
    "as_int": _whole,
    "as_ints": _each(_whole),
    "as_int_lists": _each(_each(_whole)),
    "as_float": _float,
    "as_floats": _each(_float),
    "as_float_lists": _each(_each(_float)),
    "as_bool": _flag,
    "as_bools": _each(_flag),
    "as_string": checked_text,
    "as_strings": _each(checked_text),
    "as_sym_int": _SIZE,
    "as_sym_ints": _each(_SIZE),
    "as_sym_float": _NUMBER,
    "as_sym_floats": _each(_NUMBER),
    "as_sym_bool": _CONDITION,
    "as_sym_bools": _each(_CONDITION),
    "as_scalar_type": _numbered("dtype", {number: name for number, (name, _) in DTYPES.items()}),
    "as_layout": _numbered("layout", _LAYOUTS),
    "as_memory_format": _numbered("memory_format", _MEMORY_FORMATS),
    "as_device": _device,
}
_REFUSED = {
    "as_custom_obj": "needs an object of another class than a tensor, whose code would run: take it out of the model",
    "as_graph": "holds a program within its program, which is not read: write forward() without it",
    "as_operator": "gives an operator to an operator, which is not read: write forward() without it",
    "as_string_to_argument": "gives a dict to an operator, which is not read: write forward() without it",
    "as_complex": "computes with complex numbers, which are not read: write forward() without them",
}
