"""The numbers in a .pt2 archive: which bytes, and where in them the elements are."""

import numpy as np

from black_average_drop.model_files.pt2_program import Stored

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
    34: ("uint32", 4),
    35: ("uint64", 8),
}


def payloads(archive, root, folder, config):
    """Name in the module -> `Stored` of one folder of an archive."""
    read, found = {}, {}
    for name, payload in config["config"].items():
        member = f"{root}/{folder}/{payload['path_name']}"
        if member not in read:
            read[member] = np.frombuffer(archive.read(member), np.uint8)
        meta = payload["tensor_meta"]
        dtype, _ = DTYPES[meta["dtype"]]
        shape, strides = (tuple(one["as_int"] for one in meta[key]) for key in ("sizes", "strides"))
        found[name] = Stored(dtype, shape, strides, meta["storage_offset"]["as_int"], read[member])
    return found
