"""Messages between two processes: a JSON object and arrays of numbers, and nothing that runs when it is read."""

import json
import math

import numpy as np

MOST_TEXT = 2**20  # bytes of JSON
MOST_BYTES = 2**33  # of one array
MOST_ARRAYS = 8
_LENGTH = 8  # bytes that say how long the JSON is
_KINDS = "biuf"  # of numbers: bool, int, unsigned, float


def send(stream, message, arrays=()):
    """Write a message.

    Args:
        stream: a buffered binary stream.
        message: a dict of JSON values.
        arrays: of numbers.

    Raises:
        OSError: if nobody reads any more.
    """
    arrays = [np.ascontiguousarray(one) for one in arrays]
    kinds = [[one.dtype.str, list(one.shape)] for one in arrays]
    text = json.dumps({"message": message, "arrays": kinds}).encode()
    stream.write(len(text).to_bytes(_LENGTH, "big") + text)
    for one in arrays:
        stream.write(one.reshape(-1).view("uint8"))
    stream.flush()


def receive(stream):
    """Read a message.

    Args:
        stream: a buffered binary stream.

    Returns:
        The dict and the arrays.

    Raises:
        EOFError: if the stream ends.
        ValueError: if what comes is no message, or too large.
    """
    length = int.from_bytes(_exactly(stream, bytearray(_LENGTH)), "big")
    if length > MOST_TEXT:
        raise ValueError(f"a message of {length} bytes")
    try:
        header = json.loads(_exactly(stream, bytearray(length)))
        message, kinds = header["message"], [(np.dtype(kind), tuple(shape)) for kind, shape in header["arrays"]]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise ValueError("no message") from problem
    if not isinstance(message, dict) or len(kinds) > MOST_ARRAYS:
        raise ValueError("no message")
    return message, [_array(stream, kind, shape) for kind, shape in kinds]


def _array(stream, kind, shape):
    """The next array."""
    if kind.kind not in _KINDS or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("no array of numbers")
    count = math.prod(shape) * kind.itemsize
    if count > MOST_BYTES:
        raise ValueError(f"an array of {count} bytes")
    return _exactly(stream, np.empty(count, "uint8")).view(kind).reshape(shape)


def _exactly(stream, buffer):
    """The buffer, filled."""
    view, filled = memoryview(buffer), 0
    while filled < len(view):
        count = stream.readinto(view[filled:])
        if not count:
            raise EOFError("the stream has ended")
        filled += count
    return buffer
