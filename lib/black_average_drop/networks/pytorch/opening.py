"""From the program of a .pt2 archive to a graph in which nothing is written to twice.

A program writes into its tensors where it likes. In the graph what works in place gives a new tensor, which takes the
place of the old one from there on. What depends on no image is computed once.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from black_average_drop.model_files import pt2
from black_average_drop.networks.calls import Call
from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.axes import assign_axes
from black_average_drop.networks.pytorch.graph import TorchGraph, Value, flat, of_kind, replaced

TRIED = 3  # images that a program of any number is tried on
_CLOSE = 1e-4  # of the largest answer: how far rounding may take the answers of two orders of the same operations
_IGNORED = ("_assert_tensor_metadata", "sym_constrain_range", "sym_constrain_range_for_size")
_ANEW = "make a new tensor there, and export it again"
_EXPORT = "call model.eval() before torch.export.export"


def open_program(program, name, image_size, device):
    """The graph of a program, tried on noise.

    Args:
        program: a `pt2.Program`.
        name: of the model, for messages.
        image_size: (H, W).
        device: where to compute.

    Returns:
        A `TorchGraph`.

    Raises:
        ValueError: naming an operator that is not known, or that writes where others read later; or if an
            image has other scores next to other images.
    """
    ((image, shape),) = program.inputs.items()
    noise = np.random.default_rng(0).uniform(0, 1, (shape[0] or TRIED, shape[1], *image_size)).astype("float32")
    example = torch.from_numpy(noise).to(device)
    with torch.no_grad():
        graph = _Opening(program, name, image, example).graph(shape[0])
        outputs = list(graph.outputs.values())
        answers = graph.run({graph.image: example}, outputs, len(example))
        _check(answers, _in_order(program, name, image, example, list(graph.outputs)), name, "were written over")
        mirrored = graph.run({graph.image: example.flip(0)}, outputs, len(example))
        _check(answers, [one.flip(0) for one in mirrored], name, "depend on the images next to it")
        if graph.batch is None:
            single = graph.run({graph.image: example[:1]}, outputs, 1)
            _check([one[:1] for one in answers], single, name, "depend on how many images come together")
    assign_axes(graph)
    return graph


def _tensor(stored, device):
    """A `pt2.Stored` as a tensor; real numbers are float32."""
    kind = getattr(torch, stored.dtype)
    if not stored.data.size:
        whole = torch.empty(stored.shape, dtype=kind)
    else:
        whole = torch.frombuffer(bytearray(stored.data), dtype=kind)
        whole = whole.as_strided(stored.shape, stored.strides, stored.offset)
    return whole.to(device, torch.float32 if whole.is_floating_point() else kind)


@dataclass
class _Opening:
    """A program on its way to a `TorchGraph`: each node is tried on the example as it comes."""

    program: pt2.Program
    name: str
    image: str
    example: torch.Tensor
    known: dict[str, Any] = field(default_factory=dict)  # name -> `Value`, tensor or number
    tried: dict[Value, Any] = field(default_factory=dict)  # what a value is of the example, while it is still read
    memory: dict[Value, int] = field(default_factory=dict)  # values with the same number share their memory
    read: set[int] = field(default_factory=set)  # memory of the constants that calls read when the graph runs
    values: list[Value] = field(default_factory=list)

    def graph(self, batch):
        """The graph of a program that takes a number of images, or None for any."""
        device = self.example.device
        image = Value(self.image, tuple(self.example.shape))
        self.count = Value("number of images")
        self.known = {name: _tensor(one, device) for name, one in self.program.stored.items()} | {self.image: image}
        self.tried, self.memory = {image: self.example, self.count: len(self.example)}, {image: -1}
        self.readers = Counter(name for node in self.program.nodes for name in _names(node.arguments))
        self.readers.update(self.program.outputs.values())
        for node in self.program.nodes:
            self.readers.subtract(_names(node.arguments))
            self._open(node)
            self._forget()
        outputs = {name: self.known[value] for name, value in self.program.outputs.items()}
        if not all(isinstance(one, Value) and one.shape for one in outputs.values()):
            raise ValueError(f"Model {self.name} gives something that is no tensor of its image: export a classifier.")
        return TorchGraph(self.name, image, self.count, batch, outputs, self.values, device)

    def _open(self, node):
        """Add what a node gives."""
        function, name = _function(node, self.name)
        if name in _IGNORED:
            return
        place = f"in {node.module}" if node.module else "in its forward"
        if name == "sym_size":
            size, dim = self._size(node)
            if size == len(self.example) or dim:  # all sizes but the number of images are what they are
                return self._name(node, [self.count if size == len(self.example) else size])
        args, kwargs = _called(node, self.known, self.example.device)
        if name in operators.OF_NO_NUMBERS and isinstance(args[0], Value):
            args = [self.tried[args[0]], *args[1:]]
        written = None
        if operators.writes(function):
            function, written = self._without_writing(function, args, kwargs, place)
        taken = list(dict.fromkeys(of_kind((args, kwargs), Value)))
        found = flat(self._try(function, args, kwargs, node))
        if not taken:
            return self._name(node, found)
        self.read.update(_memory(one) for one in of_kind((args, kwargs), torch.Tensor))
        call = Call(function, taken, _filled(args, kwargs, taken))
        call.gives += [Value(node.name, _shape(one), None, call, node.module) for one in found]
        for value, result in zip(call.gives, found, strict=True):
            self.tried[value], self.memory[value] = result, self._shared(result, taken)
        self.values += call.gives
        for other in [one for one, value in self.known.items() if written is not None and value is written]:
            self.known[other] = call.gives[0]
        self._name(node, call.gives)

    def _size(self, node):
        """The size that a node asks for, of the example, and of which axis."""
        of, dim = (value for _, value, _ in node.arguments)
        whole = self.known[of.name]
        return (self.tried[whole] if isinstance(whole, Value) else whole).shape[dim], dim

    def _try(self, function, args, kwargs, node):
        """What a function gives of the example."""

        def exchanged(one):
            return self.tried[one] if isinstance(one, Value) else one

        try:
            return function(*replaced(args, exchanged), **replaced(kwargs, exchanged))
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as problem:
            said = str(problem).strip().splitlines() or [type(problem).__name__]
            size = "{} x {}".format(*self.example.shape[2:])
            raise ValueError(
                f"Model {self.name} fails at {node.name!r} for images of {size} pixels ({said[0][:200]}): export it "
                "again, with an example image of the size that it takes."
            ) from problem

    def _without_writing(self, function, args, kwargs, place):
        """The function that does not write, and the value whose place its result takes; None for a constant."""
        written, values = args[0], list(of_kind((args, kwargs), Value))
        name = function.__name__
        if not name.partition(".")[0].endswith("_") or (not isinstance(written, Value) and values):
            raise ValueError(f"Model {self.name} writes into a tensor by {name} {place}: {_ANEW}.")
        if not isinstance(written, Value):
            if _memory(written) in self.read:
                raise ValueError(f"Model {self.name} changes a tensor by {name} {place} after reading it: {_ANEW}.")
            return function, None
        shared = self.memory[written]
        for other, value in self.known.items():
            alike = isinstance(value, Value) and value is not written and self.memory.get(value) == shared
            if alike and self.readers[other] > 0:
                raise ValueError(f"Model {self.name} writes into a part of a tensor by {name} {place}: {_ANEW}.")
        plain = operators.out_of_place(function)
        if plain is None:
            raise ValueError(f"Model {self.name} writes into a tensor by {name} {place}: {_ANEW}.")
        return plain, written

    def _shared(self, result, taken):
        """The number of the memory of a result: that of what is taken, if they share it."""
        for one in taken:
            whole = self.tried[one]
            if isinstance(whole, torch.Tensor) and isinstance(result, torch.Tensor):
                if _memory(whole) == _memory(result):
                    return self.memory[one]
        return len(self.memory)

    def _name(self, node, found):
        """Give results their names."""
        names = [one for group in node.results for one in (group if isinstance(group, tuple) else (group,))]
        self.known.update((name, one) for name, one in zip(names, found, strict=False) if name)

    def _forget(self):
        """Forget the tensors that no node reads any more."""
        wanted = {id(value) for name, value in self.known.items() if self.readers[name] > 0}
        keep = {id(self.count)}
        self.tried = {value: one for value, one in self.tried.items() if id(value) in wanted | keep}


def _function(node, name):
    """The function that a node calls and its short name."""
    found = operators.find_operator(node.target)
    if found is None:
        place = f"in {node.module}" if node.module else "in its forward"
        remedy = "build it of other layers of torch.nn, and export it again"
        if "encoder_layer_fwd" in node.target or "multi_head_attention" in node.target:
            remedy = "export it again after torch.backends.mha.set_fastpath_enabled(False)"
        raise ValueError(f"Model {name} calls {node.target} {place}, which is not known here: {remedy}.")
    return found


def _called(node, known, device):
    """What a node calls its function with, args and kwargs, of what is known."""

    def exchanged(one):
        if isinstance(one, pt2.Reference):
            return known[one.name]
        if not isinstance(one, pt2.Constant):
            return one
        if one.kind == "device":
            return device
        found = getattr(torch, one.name)
        return torch.float32 if isinstance(found, torch.dtype) and found.is_floating_point else found

    args = [replaced(_listed(value), exchanged) for _, value, keyword in node.arguments if not keyword]
    kwargs = {name: replaced(_listed(value), exchanged) for name, value, keyword in node.arguments if keyword}
    return args, kwargs


def _in_order(program, name, image, example, outputs):
    """The outputs of a program as it stands, writing where it writes: what the graph has to give as well."""
    known = {one: _tensor(stored, example.device) for one, stored in program.stored.items()} | {image: example.clone()}
    readers = Counter(one for node in program.nodes for one in _names(node.arguments))
    readers.update(program.outputs.values())
    for node in program.nodes:
        function, short = _function(node, name)
        if short in _IGNORED:
            continue
        args, kwargs = _called(node, known, example.device)
        found = flat(function(*args, **kwargs))
        names = [one for group in node.results for one in (group if isinstance(group, tuple) else (group,))]
        known.update((one, result) for one, result in zip(names, found, strict=False) if one)
        readers.subtract(_names(node.arguments))
        for one in {*_names(node.arguments), *filter(None, names)}:
            if readers[one] <= 0:
                known.pop(one, None)
    return [known[program.outputs[one]] for one in outputs]


def _check(answers, others, name, what):
    """Check that answers are the same up to rounding."""
    for one, other in zip(answers, others, strict=True):
        if not torch.isfinite(one).all():
            raise ValueError(f"Model {name} gives scores of noise that are no finite numbers: mend its weights.")
        largest = one.abs().max().item()
        if one.shape != other.shape or (one - other).abs().max().item() > _CLOSE * largest:
            raise ValueError(f"Model {name} gives scores that {what}: {_EXPORT}.")


def _filled(args, kwargs, taken):
    """A function from the tensors of what is taken to args and kwargs."""

    def arguments(found):
        by_value = dict(zip(taken, found, strict=True))

        def exchanged(one):
            return by_value[one] if isinstance(one, Value) else one

        return replaced(args, exchanged), replaced(kwargs, exchanged)

    return arguments


def _names(value):
    """The names that an argument refers to."""
    if isinstance(value, pt2.Reference):
        return [value.name]
    return [name for one in value for name in _names(one)] if isinstance(value, tuple) else []


def _listed(value):
    """An argument with lists where a program has tuples, as operators take them."""
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


def _memory(one):
    return one.untyped_storage().data_ptr()


def _shape(result):
    return tuple(result.shape) if isinstance(result, torch.Tensor) else ()
