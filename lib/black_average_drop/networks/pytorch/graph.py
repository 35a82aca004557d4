"""The program of a .pt2 archive as a graph of calls, which PyTorch runs from some of its values to others."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch

from black_average_drop.networks.calls import Call, between


@dataclass(eq=False)
class Value:
    """A tensor of a graph, or a size, without its numbers."""

    name: str
    shape: tuple[int, ...] = ()  # of the images that the graph was tried on; () for a size
    axes: Any = None  # its `axes.Axes`, where they are known
    call: Call | None = None  # what makes it; None for the image and the number of images
    module: str = ""  # the path of the module whose code makes it


@dataclass
class TorchGraph:
    """The calls of a program, from the image to its outputs.

    Attributes:
        image: its input, (N, channels, H, W).
        count: the number of images N, where a program takes any number.
        batch: N, where it takes one number alone; None for any.
        outputs: name -> value.
        values: all that depend on the image, in their order.
        device: where it computes.
    """

    name: str
    image: Value
    count: Value
    batch: int | None
    outputs: dict[str, Value]
    values: list[Value]
    device: Any

    @property
    def tried(self):
        """How many images the shapes are those of."""
        return self.image.shape[0]

    def run(self, given, targets, count, kind=torch.float32):
        """The tensors of some values.

        Args:
            given: value -> tensor, of what is known.
            targets: the values to compute.
            count: the number of images.
            kind: the type of numbers to compute in.

        Returns:
            A list of tensors.
        """
        known = {self.count: count, **given}
        calls, _ = between(known, targets)
        waiting = Counter([one for call in calls for one in call.takes] + list(targets))  # who reads a value later
        for call in calls:
            args, kwargs = call.arguments([known[one] for one in call.takes])
            if kind != torch.float32:
                args, kwargs = _in_kind(args, kind), _in_kind(kwargs, kind)
            for value, result in zip(call.gives, flat(call.operation(*args, **kwargs)), strict=True):
                known.setdefault(value, result)
            waiting.subtract(call.takes)
            for one in (*call.takes, *call.gives):
                if waiting[one] <= 0:  # most of the memory would go to what nobody reads any more
                    known.pop(one, None)
            del args, kwargs
        return [known[one] for one in targets]

    def draws_on_image(self, known, target):
        """Whether a target draws on the image along a way that does not lead through the values that are known."""
        return self.image in between([*known, self.count], [target])[1]


def name_of(call):
    """The short name of what a call runs, "" without a call."""
    return call.operation.__name__.partition(".")[0] if call is not None else ""


def appended(value, operation, shape):
    """The value that a function gives of one value."""
    call = Call(operation, [value], lambda values: (values, {}))
    call.gives.append(Value(value.name, tuple(shape), None, call, value.module))
    return call.gives[0]


def flat(results):
    """The results of an operator as a list: one, several, or a list of them."""
    if not isinstance(results, tuple | list):
        return [results]
    return [one for result in results for one in flat(result)]


def replaced(value, exchanged):
    """Arguments of an operator, lists and dicts of them too, with each exchanged by a function."""
    if isinstance(value, dict):
        return {name: replaced(one, exchanged) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(replaced(one, exchanged) for one in value)
    return exchanged(value)


def of_kind(value, kind):
    """Those of a kind among arguments of an operator, lists and dicts of them too."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [found for one in value for found in of_kind(one, kind)]
    return [value] if isinstance(value, kind) else []


def _in_kind(value, kind):
    """Arguments with tensors of real numbers, and what is said of these, in another type of numbers."""

    def exchanged(one):
        if isinstance(one, torch.Tensor) and one.is_floating_point():
            return one.to(kind)
        return kind if one is torch.float32 else one

    return replaced(value, exchanged)
