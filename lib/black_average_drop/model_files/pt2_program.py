"""What a .pt2 archive says: the calls that make an answer of an image, and the numbers they use."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reference:
    """A value of the graph, a tensor or a size, by its name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A setting that PyTorch has its own kind of value for, as text.

    `kind` is "dtype", "layout", "memory_format" or "device". `name` is as PyTorch has it: "float32", "strided",
    "contiguous_format", "cpu".
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Stored:
    """A parameter, a buffer or a constant: its bytes, and where in them its elements are.

    `strides` and `offset` count elements, and every element is within `data`, which is uint8. Two that share a storage
    have the same `data`.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    data: np.ndarray


@dataclass(frozen=True)
class Node:
    """A call of an operator.

    `target` is its name, such as "torch.ops.aten.conv2d.default". `arguments` are (name, value, whether it is given by
    name); a value is a `Reference`, int, float, bool, None, str, a `Constant` or a tuple of these. Each of `results` is
    the name of a value, a tuple of names for a list of tensors, or None. `module` is the path of the innermost module
    that calls, such as "features.2", and "" at the top.
    """

    name: str
    target: str
    arguments: tuple
    results: tuple
    module: str


@dataclass(frozen=True)
class Program:
    """A model as torch.export writes it.

    `inputs` are name -> shape of what is given, with None for a size that is not fixed. `stored` are name -> numbers of
    the file. `outputs` are name of the output -> name of the value. `class_names` are those in the archive, or ().
    """

    torch_version: str
    inputs: dict[str, tuple[int | None, ...]]
    stored: dict[str, Stored]
    nodes: tuple[Node, ...]
    outputs: dict[str, str]
    class_names: tuple[str, ...] = ()
