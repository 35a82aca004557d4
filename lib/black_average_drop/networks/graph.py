"""A Keras model opened into one graph of calls, those of nested models in their place, and parts of it as layers."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from black_average_drop.networks.calls import Call, between


@dataclass(eq=False)
class Symbol:
    """A tensor of a graph, which has no value yet."""

    shape: tuple[int | None, ...]  # the number of images first
    dtype: str = "float32"
    call: Call | None = None  # what makes it; None for an input
    tensor: Any = None  # Keras's own symbol for it

    @property
    def wide(self):
        """Whether it has rows, columns and channels, and more than one position."""
        return len(self.shape) == 4 and self.shape[1:3] != (1, 1)

    @property
    def maker(self):
        """The layer or operation that makes it, None for an input."""
        return self.call and self.call.operation


@dataclass
class Graph:
    """The calls of a model, from its inputs to its outputs.

    Attributes:
        named: what layers and nested models give: "model/layer" of a nested one, "layer[1]" for a second output,
            "layer:2" for a second use.
    """

    name: str
    inputs: dict[str, Symbol]
    outputs: dict[str, Symbol]
    named: dict[str, Symbol]


class Part(layers.Layer):
    """What lies between some symbols of a graph and others, as a layer from a list of values to a list of values.

    Raises:
        ValueError: if the targets need another input of the model.
    """

    def __init__(self, sources, targets):
        super().__init__(autocast=False)
        calls, missing = between(sources, targets)
        if missing:
            raise ValueError(f"{len(missing)} inputs are missing.")
        self.sources, self.targets, self.calls = tuple(sources), tuple(targets), tuple(calls)
        self.inner = list(dict.fromkeys(one.operation for one in calls if isinstance(one.operation, layers.Layer)))
        self.built = True

    def call(self, values, training=False):
        """The values of the targets for those of the sources, in inference; Keras hands `training` on by itself."""
        known = dict(zip(self.sources, values, strict=True))
        for call in self.calls:
            taken = [known[one] for one in call.takes] or [ops.shape(values[0])[0]]
            args, kwargs = call.arguments(taken)
            if "training" in kwargs:  # as fixed where the model was put together
                kwargs["training"] = False
            for symbol, value in zip(call.gives, keras.tree.flatten(call.operation(*args, **kwargs)), strict=True):
                known.setdefault(symbol, value)  # another output of the same call may be a source
        return [known[one] for one in self.targets]

    def shape_for(self, size):
        """The shape of the first target for one image of a size (H, W).

        Raises:
            ValueError: if the layers do not take images of that size.
        """
        image = keras.KerasTensor((1, *size, self.sources[0].shape[-1]))
        return tuple(self.compute_output_spec([image])[0].shape)


def inner_layers(model, with_models=False):
    """The layers of a model, those of nested models in their place.

    Args:
        model: a Keras model.
        with_models: give nested models, too, each before its own layers.
    """
    for layer in model.layers:
        is_model = isinstance(layer, keras.Model)
        if with_models or not is_model:
            yield layer
        if is_model:
            yield from inner_layers(layer, with_models)


def opened(model):
    """The `Graph` of a model that is built. A nested model whose own code is called stays one call."""
    inputs = [Symbol(tuple(one.shape), tensor=one) for one in model.inputs]
    named = {}
    taken = [_cast(symbol, one.dtype) for symbol, one in zip(inputs, model.inputs, strict=True)]
    outputs = _traced(model, taken, named, "")
    names = getattr(model, "output_names", None) or [model.name]
    if isinstance(struct := getattr(model, "_outputs_struct", None), dict):
        keys = {id(tensor): key for key, tensor in struct.items()}
        names = [keys.get(id(one), name) for one, name in zip(model.outputs, names, strict=True)]
    by_name = {one.name: symbol for one, symbol in zip(model.inputs, inputs, strict=True)}
    return Graph(model.name, by_name, _numbered(names, outputs), named)


def first_layer(model, *kinds):
    """The layer of some kinds that is nearest to the image, and the part from the image to what that layer takes in.

    Args:
        model: a Keras model, one of whose inputs has rows, columns and channels.
        kinds: classes of layers.

    Returns:
        The layer and the `Part`, or None if no such layer takes what comes of the image alone.
    """
    graph = opened(model)
    image = next((one for one in graph.inputs.values() if len(one.shape) == 4), None)
    for call in between([], list(graph.outputs.values()))[0]:
        if isinstance(call.operation, kinds) and between([], call.takes)[1] == [image]:
            return call.operation, Part([image], call.takes[:1])
    return None


def check_followed(operation, name):
    """Raise ValueError for a nested model whose own code is called, so that its layers are not known.

    Args:
        operation: of a call.
        name: of the whole model, for the message.
    """
    if isinstance(operation, keras.Model):
        own = operation.name
        raise ValueError(
            f"Model {name} holds the subclassed model {own!r}, whose layers cannot be followed: put {own}.call(x) in "
            f"the place of {own}(x), which makes the same layers a part of the model around it."
        )


def makers(symbol):
    """The calls that make a symbol, back to an input along one way.

    Of several things that a call takes it is the first with rows and columns, or else the first.
    """
    while symbol.call is not None and symbol.call.takes:
        yield symbol.call
        symbol = next((one for one in symbol.call.takes if one.wide), symbol.call.takes[0])


def applied(operation, symbol, shape=None):
    """What a layer or a function gives of a symbol, as a new symbol.

    Args:
        operation: the layer, not yet used, or a function of one tensor.
        symbol: what it takes.
        shape: of the result; by default the layer says it, and is built.
    """
    if shape is None:
        operation.build(symbol.shape)
        shape = operation.compute_output_shape(symbol.shape)
    return _called(operation, [symbol], lambda values: (values, {}), [tuple(shape)])[0]


def joined(layer, symbols):
    """What a layer gives of a list of symbols, as a new symbol; the layer is not yet used."""
    shapes = [one.shape for one in symbols]
    layer.build(shapes)
    return _called(layer, list(symbols), lambda values: ((values,), {}), [tuple(layer.compute_output_shape(shapes))])[0]


def hold(symbol, value):
    """Give an input of a graph one value for every image.

    Args:
        symbol: of the input, from then on no longer one.
        value: numbers.

    Raises:
        ValueError: if the value does not have the shape of the input.
    """
    shape = symbol.shape[1:]
    value = np.broadcast_to(np.asarray(value, "float32"), shape)
    symbol.call = Call(
        lambda count: ops.broadcast_to(value, (count, *shape)), [], lambda values: (values, {}), [symbol]
    )


def _traced(model, given, named, place):
    """What a model gives of some symbols; its layers are added to `named`, with their place before their names."""
    symbols = {id(tensor): symbol for tensor, symbol in zip(model.inputs, given, strict=True)}
    for node in _nodes(model.outputs, symbols):
        takes = [symbols[id(one)] for one in node.input_tensors]
        gives = _of_node(node, takes, named, f"{place}{node.operation.name}/")
        for number, symbol in enumerate(gives):
            _name(named, f"{place}{node.operation.name}" + (f"[{number}]" if number else ""), symbol)
        symbols.update((id(tensor), symbol) for tensor, symbol in zip(node.output_tensors, gives, strict=True))
    return [symbols[id(one)] for one in model.outputs]


def _nodes(tensors, known):
    """Keras's own record of each call that leads to some tensors, each after those whose results it takes."""
    done, nodes, waiting = set(known), [], list(tensors)
    while waiting:
        one = waiting.pop()
        if hasattr(one, "input_tensors"):
            nodes.append(one)
            done.update(map(id, one.output_tensors))
        elif id(one) not in done:
            history = one._keras_history
            node = history.operation._inbound_nodes[history.node_index]
            waiting += [node, *node.input_tensors]
    return nodes


def _of_node(node, takes, named, place):
    """What a call gives: that of a nested model is opened."""
    operation = node.operation
    if is_open(operation) and _fits(operation, node, takes):
        taken = [_cast(symbol, one.dtype) for symbol, one in zip(takes, operation.inputs, strict=True)]
        return _traced(operation, taken, named, place)
    keys = [id(one) for one in node.input_tensors]
    return _called(
        operation,
        takes,
        lambda values: node.arguments.fill_in(dict(zip(keys, values, strict=True))),
        [tuple(one.shape) for one in node.output_tensors],
        node.output_tensors,
    )


def _called(operation, takes, arguments, shapes, tensors=None):
    """The symbols that a new call gives."""
    call = Call(operation, takes, arguments)
    for shape, tensor in zip(shapes, tensors or [None], strict=True):
        call.gives.append(Symbol(shape, "float32" if tensor is None else tensor.dtype, call, tensor))
    return call.gives


def _cast(symbol, dtype):
    """A symbol in the type of numbers that a model takes, which Keras sees to."""
    if symbol.dtype == dtype:
        return symbol
    cast = applied(lambda values: ops.cast(values, dtype), symbol, symbol.shape)
    cast.dtype = dtype
    return cast


def is_open(operation):
    """Whether an operation is a model whose layers can be followed: Keras's code runs them, not the model's own."""
    if not isinstance(operation, keras.Model) or not hasattr(operation, "outputs"):
        return False
    kinds = (one for one in type(operation).__mro__ if one.__name__ in ("Functional", "Sequential"))
    return type(operation).call in [vars(one).get("call") for one in kinds]


def _fits(model, node, takes):
    """Whether what a nested model is called with are its inputs in their order."""
    ordered = isinstance(node.arguments.args[0] if node.arguments.args else None, list | tuple)
    alike = [len(one.shape) for one in takes] == [len(one.shape) for one in model.inputs]
    return alike and (len(takes) == 1 or ordered)


def _numbered(names, symbols):
    """Name -> symbol; a name that comes again gets a number."""
    by_name = {}
    for name, symbol in zip(names, symbols, strict=True):
        _name(by_name, name, symbol)
    return by_name


def _name(by_name, name, symbol):
    """Add a symbol under a name, or under the name with a number where that is taken."""
    number, unique = 1, name
    while unique in by_name:
        number += 1
        unique = f"{name}:{number}"
    by_name[unique] = symbol
