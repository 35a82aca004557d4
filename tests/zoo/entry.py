"""An architecture of the zoo: the model as people write it, what its author knows of it, and what is expected."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras


class Built(NamedTuple):
    """A model, and what its author knows by construction: where its feature maps and its logits are."""

    model: Any
    trace: Callable  # what the model takes in -> feature maps, and what the last layer takes in
    layer: str  # the name of the layer that makes the feature maps
    last: Any = None  # the last layer with weights; what it takes in are logits where there is none
    after: Callable = lambda values: values  # what lies between the last layer and the last activation
    exact: Any = None  # the same model in float32, where the model itself computes in another precision
    grid: Any = None  # (rows, columns, tokens in front) where the feature maps are tokens


@dataclass(frozen=True)
class Entry:
    """An architecture and its expected outcome: either a refusal, or what is read of it."""

    name: str
    build: Callable  # gives a Built, or a model that is refused
    refusal: str = ""  # a regular expression
    closed: bool | None = True  # whether the gradient is known without differentiation; None: either will do
    activation: str = "softmax"
    classes: int = 2
    signed: bool = False  # feature maps go below 0, so that Grad-CAM++ is not usable
    linear: bool = False  # the model itself gives logits
    settings: dict = field(default_factory=dict)  # of from_model
    notice: str = "^$"  # a regular expression
    quick: bool = False  # small enough to run with all other tests
    share: float = 1e-5  # how far results may be apart


ENTRIES = []
LATER = "^The maps are those of layer '.*', the last that everything goes through: layer='.*' names a later one"
AROUND = "^The scores draw on more than the feature maps of layer "


def works(**expected):
    """Register a function without arguments that builds an architecture which is read."""
    return lambda build: add(build.__name__.replace("_", " "), build, **expected)


def refused(refusal, **expected):
    """Register a function without arguments that builds a model which is refused."""
    return works(refusal=refusal, **expected)


def add(name, build, **expected):
    """Register an architecture by name."""
    assert name not in {entry.name for entry in ENTRIES}, name
    ENTRIES.append(Entry(name, build, **expected))
    return build


def known(model, features, last=None, before=None, **more):
    """A `Built` of a model whose feature maps and logits are symbolic tensors of the model itself.

    features: a tensor or the name of a layer; last: the last layer, by default the model's own; before: the tensor that
    it takes in.
    """
    last = model.layers[-1] if last is None else last
    inputs = model.inputs
    if isinstance(features, str):
        inputs, outputs = chained(model)
        features, before = outputs[features], outputs[last.name, "takes in"] if before is None else outputs[before]
    before = last.input if before is None else before
    return Built(model, keras.Model(inputs, [features, before]), maker(features), last, **more)


def chained(model):
    """The layers of a model without branches, called again one by one: an input, and what each gives and takes in.

    Sequential calls its layers each time that one is added, so that their first outputs may not be its own.
    """
    inputs = x = keras.Input(model.input_shape[1:])
    outputs = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            outputs[layer.name, "takes in"] = x
            outputs[layer.name] = x = layer(x)
    return inputs, outputs


def ended(inputs, features, x, last, **more):
    """A `Built` of a model that ends in one layer on x."""
    return known(keras.Model(inputs, last(x)), features, last, x, **more)


def maker(tensor):
    """The name of the layer that made a symbolic tensor, the innermost one of nested models."""
    operation, _, index = tensor._keras_history
    while isinstance(operation, keras.Model):
        operation, _, index = operation.outputs[index]._keras_history
    return operation.name
