"""The numbers in a .pt2 archive: which bytes, and where in them the elements are."""

import math

import numpy as np

from black_average_drop.model_files.pt2_program import Stored
from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal
from black_average_drop.model_files.zip_checks import check_expansion, name_shown

DTYPES = {  # number in the file -> name in PyTorch, bytes of an element
    1: ("uint8", 1),
    2: ("int8", 1),
    3: ("int16", 2),
    4: ("int32", 4),
    5: ("int64", 8),
    6: ("float16", 2),
    7: ("float32", 4),
    8: ("float64", 8),
    9: ("complex32", 4),
    10: ("complex64", 8),
    11: ("complex128", 16),
    12: ("bool", 1),
    13: ("bfloat16", 2),
    28: ("uint16", 2),
    29: ("float8_e4m3fn", 1),
    30: ("float8_e5m2", 1),
    31: ("float8_e4m3fnuz", 1),
    32: ("float8_e5m2fnuz", 1),
    33: ("float8_e8m0fnu", 1),
    34: ("uint32", 4),
    35: ("uint64", 8),
}
_STRIDED = 7
_MOST = 2**63 - 1  # the largest number that PyTorch counts with


def stored_tensors(archive, config, folder, read, path):
    """Read the tensors of one folder of an archive.

    Args:
        archive: a `Pt2Archive`.
        config: name of the member that says where in the folder each tensor is.
        folder: the folder.
        read: gives the bytes of a member of the archive.
        path: what messages call the archive.

    Returns:
        Name in the module -> `Stored`. Those with the same bytes share them.

    Raises:
        ValueError: naming a tensor that is pickled, or not within its bytes.
    """
    data, tensors = {}, {}
    for name, payload in archive.parsed(config)["config"].items():
        if payload["use_pickle"] is not False or payload["tensor_meta"] is None:
            raise Refusal(
                f"holds a pickled tensor ({name_shown(name)}), which runs code when it is read: make it a plain "
                f"tensor, and {AGAIN}."
            )
        member = f"{folder}/{payload['path_name']}"
        form = _form(payload["tensor_meta"], name, archive.size(member), path)
        if member not in data:
            data[member] = np.frombuffer(read(member), np.uint8)
        tensors[name] = Stored(*form, data[member])
    return tensors


def checked_size(value):
    """A size, stride or offset that is not negative, as it is in a file.

    Raises:
        ValueError: for any other value.
    """
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"a size is {name_shown(repr(value))}")
    return value


def _form(meta, name, size, path):
    """Name of the dtype, shape, strides and offset of a tensor whose elements are all within so many bytes."""
    dtype, width = DTYPES[meta["dtype"]]
    shape, strides = (tuple(checked_size(one["as_int"]) for one in meta[key]) for key in ("sizes", "strides"))
    offset = checked_size(meta["storage_offset"]["as_int"])
    if meta["layout"] != _STRIDED or len(shape) != len(strides):
        raise ValueError(f"{name_shown(name)} is no dense tensor")
    if 0 not in shape:
        last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        if (last + 1) * width > size:
            raise Refusal(
                f"lacks numbers of {name_shown(name)}: export the model again with all weights loaded, after "
                "model.cpu()."
            )
    check_expansion(math.prod(shape) * width, size, name_shown(name), path)
    return dtype, shape, strides, offset
