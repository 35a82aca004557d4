"""The layers of a Keras model one by one, through nested models and out again, and the model between two of them."""

from typing import Any, NamedTuple

import keras


class Nesting(NamedTuple):
    """A model within a model, with the tensors that enter and leave it."""

    model: keras.Model
    enters: Any
    leaves: Any


class Place(NamedTuple):
    """A symbolic tensor, and the nested models around it, the outermost first."""

    tensor: Any
    around: tuple[Nesting, ...] = ()


class Step(NamedTuple):
    """A layer on the way back from the output of a model, and the place of what it takes in."""

    layer: keras.layers.Layer
    place: Place


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


def first_layer(model, *kinds):
    """The layer of some kinds that is nearest to the image, and the model from the image to what that layer takes in.

    Args:
        model: a Keras model with one input and one output.
        kinds: classes of layers.

    Returns:
        The layer and the model, or None if no such layer lies between image and output.
    """
    for layer, place in reversed(list(backwards(model))):
        if isinstance(layer, kinds):
            return layer, model_between(Place(model.inputs[0]), place, model.name)
    return None


def backwards(model):
    """The steps from the output of a model back to its input, through nested models and out again.

    Yields:
        A `Step` for each layer.

    Raises:
        ValueError: naming a nested model whose layers cannot be followed.
    """
    around, tensor = [], model.outputs[0]
    while True:
        layer, source = _origin(tensor)
        if isinstance(layer, keras.Model):
            if not hasattr(layer, "outputs"):
                raise ValueError(
                    f"Model {model.name} holds the subclassed model {layer.name!r}, whose layers cannot be followed: "
                    f"put {layer.name}.call(x) in the place of {layer.name}(x), which makes the same layers a part of "
                    "the model around it."
                )
            around.append(Nesting(layer, source, tensor))
            tensor = layer.outputs[tensor._keras_history.tensor_index]
        elif source is not None:
            yield Step(layer, Place(source, tuple(around)))
            tensor = source
        elif around:
            tensor = around.pop().enters
        else:
            return


def model_between(start, target, name):
    """The model from one place to a later one.

    Args:
        start, target: a `Place` each.
        name: of the whole model, for the message.

    Raises:
        ValueError: if the later one needs anything else.
    """
    tensor, shared = start.tensor, 0
    for one, other in zip(start.around, target.around, strict=False):
        if one.leaves is not other.leaves:
            break
        shared += 1
    inputs = keras.Input(tensor.shape[1:])
    x = inputs
    try:
        for nested in reversed(start.around[shared:]):
            x = keras.Model(tensor, nested.model.outputs[nested.leaves._keras_history.tensor_index])(x)
            tensor = nested.leaves
        for nested in target.around[shared:]:
            x = x if nested.enters is tensor else keras.Model(tensor, nested.enters)(x)
            tensor = nested.model.inputs[0]
        x = x if target.tensor is tensor else keras.Model(tensor, target.tensor)(x)
    except ValueError as problem:
        raise ValueError(f"Model {name} does not draw its scores from its last feature maps alone.") from problem
    return keras.Model(inputs, x)


def _origin(tensor):
    """The layer that made a symbolic tensor, and that layer's input tensor, or None for an input.

    Of several input tensors it is the first with rows and columns, or else the first.
    """
    history = tensor._keras_history
    arguments = list(history.operation._inbound_nodes[history.node_index].input_tensors)
    wide = [one for one in arguments if len(one.shape) == 4 and one.shape[1:3] != (1, 1)]
    return history.operation, next(iter(wide + arguments), None)
