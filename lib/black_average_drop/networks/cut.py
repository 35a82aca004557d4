"""Where a model is cut: its dense head, the last feature maps before it, and what lies between them."""

import json
import re
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from black_average_drop.networks.graph import inner_layers

HEAD_ACTIVATIONS = ("relu", "softmax")
_NORMALIZATIONS = layers.Normalization, layers.BatchNormalization, layers.LayerNormalization
# The size of the images in the configuration of an input layer.
_SIZE = re.compile(r'("batch_shape": \[null, )\d+, \d+(, \d+\])')
_LARGEST_SIZE = 2048  # up to which an image size is looked for that gives more than one position


class FeatureMaps(NamedTuple):
    """The last feature maps of a model, on the way back from its output."""

    position: int  # of the step that takes them in
    layer: str  # the name of the layer that makes them
    pooled: bool  # nothing but global average pooling lies between them and the dense head


def check_activation(activation):
    """Raise ValueError for a text that is none of HEAD_ACTIVATIONS."""
    if activation not in HEAD_ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}: choose one of {', '.join(HEAD_ACTIVATIONS)}.")


def find_head(steps, name):
    """The position of the dense head among the steps back from the output, and the name of its activation.

    Args:
        steps: what `graph.backwards` gives.
        name: of the model, for messages.

    Raises:
        ValueError: if the model does not end in a dense layer with at most one activation that is known here.
    """
    activation = None
    for position, (layer, _) in enumerate(steps):
        if _passes_through(layer):
            continue
        if isinstance(layer, layers.Dense):
            own = keras.activations.serialize(layer.activation)
            if activation and own != "linear":
                raise ValueError(f"Model {name} applies two activations after its dense head: {own}, {activation}.")
            activation = activation or own
            if activation not in (*HEAD_ACTIVATIONS, "sigmoid", "linear"):
                raise ValueError(f"The head of {name} ends in {activation}; relu, softmax or sigmoid is expected.")
            return position, activation
        if activation:
            raise ValueError(f"Model {name} applies two activations after its dense head.")
        if isinstance(layer, layers.Activation):
            activation = keras.activations.serialize(layer.activation)
        elif (
            isinstance(layer, layers.ReLU) and layer.max_value is None and not (layer.negative_slope or layer.threshold)
        ):
            activation = "relu"
        elif isinstance(layer, layers.Softmax):
            activation = "softmax"
        else:
            raise ValueError(f"Model {name} does not end in a dense head, but in {_describe(layer)}.")
    raise ValueError(f"Model {name} has no dense head.")


def find_features(steps, head, name):
    """The last `FeatureMaps` before the dense head.

    Args:
        steps: what `graph.backwards` gives.
        head: the position of the dense head among them.
        name: of the model, for messages.

    Raises:
        ValueError: if there are none, in rows and columns of the image, that a layer has learned.
    """
    plain = True
    for position, (layer, place) in enumerate(steps[head + 1 :], head + 1):
        shape = place.tensor.shape
        pooled = plain and isinstance(layer, layers.GlobalAveragePooling2D)
        if pooled or (len(shape) == 4 and shape[1:3] != (1, 1)):
            if getattr(layer, "data_format", "channels_last") != "channels_last":
                raise ValueError(f"Model {name} keeps channels first: build it with channels last.")
            makers = [step.layer for step in steps[position + 1 :]]
            if not any(_learns(one) for one in makers):
                raise ValueError(
                    f"Model {name} has no layer that learns feature maps, in rows and columns, from its image: choose "
                    "a convolutional network."
                )
            _check_rows_and_columns(steps[position:], name)
            return FeatureMaps(position, makers[0].name, pooled)
        plain = plain and (_passes_through(layer) or isinstance(layer, layers.Flatten | layers.Reshape))
    raise ValueError(f"Model {name} has no feature maps before its dense head: a convolutional network is expected.")


def check_positions(trunk, size, name):
    """Check that feature maps have more than one position.

    Args:
        trunk: the model from the image to the feature maps.
        size: (H, W) of the image.
        name: of the whole model, for the message.

    Raises:
        ValueError: naming the smallest size of images that gives 2 x 2 positions.
    """
    channels, shape = trunk.input_shape[-1], trunk.output_shape
    if None in shape[1:3]:
        shape = trunk.compute_output_shape((None, *size, channels))
    if tuple(shape[1:3]) != (1, 1):
        return
    remedy = "take larger images"
    try:  # the same layers for images of any size
        text = _SIZE.sub(r"\1null, null\2", json.dumps(trunk.get_config()))
        free = type(trunk).from_config(json.loads(text))
        sides = range(1, _LARGEST_SIZE)
        side = bisect_left(sides, 2, key=lambda side: _positions(free, side, channels)) + 1
        if side < _LARGEST_SIZE:
            remedy = f"images of {side} x {side} pixels give 2 x 2"
    except (ValueError, TypeError, NotImplementedError):
        pass  # layers of a fixed size, or layers that cannot be made again
    raise ValueError(
        f"{name} has feature maps of one position for images of {size[0]} x {size[1]} pixels, so that every map is "
        f"the same all over: {remedy}."
    )


def notice(trunk, between, layer, size, name):
    """A sentence on layers before the head that mix the positions of the feature maps, as attention and recurrence do.

    Args:
        trunk: the model from the image to the feature maps.
        between: the model from the feature maps to the dense head.
        layer: the name of the layer that makes the feature maps.
        size: (H, W) of the image.
        name: of the whole model, for the message.

    Returns:
        The sentence, or "" if there are no such layers.

    Raises:
        ValueError: if nothing else mixes positions, so that the maps are single patches of the image.
    """
    kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in inner_layers(between) if _is_on_tokens(one)))
    if not kinds:
        return ""
    if _sees_single_patches(trunk, size):
        raise ValueError(
            f"Model {name} works on tokens: its last feature maps (layer {layer!r}) are single patches of the image, "
            f"and {kinds} lie behind them; put layers.Reshape((rows, columns, channels)) behind the last tokens, where "
            "each is a patch, or choose a convolutional network."
        )
    return f"Behind the feature maps lie {kinds}: a map shows what goes into them, not which positions they look at."


def _check_rows_and_columns(steps, name):
    """Check that the input of the first of the steps back from it has the rows and columns of the image.

    Of what has neither, (N, T, K) with T = h w can be put in rows and columns, and nothing else.
    """
    for later, earlier in pairwise(steps):
        maps, source = later.place.tensor.shape, earlier.place.tensor.shape
        known = len(source) < 4 <= len(maps) and None not in maps[1:]
        if known and source[1:] != (np.prod(maps[1:-1]), maps[-1]):
            raise ValueError(
                f"Model {name} has no feature maps: its layer {earlier.layer.name!r} makes {maps[1:]} of "
                f"{source[1:]}, no rows and columns of the image; choose a convolutional network."
            )


def _positions(trunk, side, channels):
    """The rows or columns, whichever are fewer, of the feature maps of square images; 0 where there are none."""
    try:
        return min(trunk.compute_output_shape((None, side, side, channels))[1:3])
    except ValueError:  # smaller than a window
        return 0


def _learns(layer):
    """Whether a layer has weights other than those of a normalization."""
    return bool(getattr(layer, "weights", ())) and not isinstance(layer, _NORMALIZATIONS)


def _is_on_tokens(layer):
    """Whether a layer learns from, or attends to, a sequence (N, T, K)."""
    inputs = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
    takes_part = _learns(layer) or isinstance(layer, layers.Attention)
    return takes_part and any(len(tensor.shape) == 3 for tensor in inputs)


def _sees_single_patches(trunk, size):
    """Whether the first position of the feature maps depends on its own pixels alone, up to rounding.

    The pixels of all other positions change places, which leaves the statistics of the image as they are.
    """
    generator = np.random.default_rng(0)
    images, others = generator.uniform(0, 255, (2, 4, *size, trunk.input_shape[-1])).astype("float32")
    rows, columns = (-(-side // count) for side, count in zip(size, trunk(images[:1]).shape[1:3], strict=True))
    outside = np.ones(size, bool)
    outside[:rows, :columns] = False
    moved = images.copy()
    moved[:, outside] = generator.permutation(images[:, outside], axis=1)
    first, same, other = (np.asarray(trunk(batch, training=False))[:, 0, 0] for batch in (images, moved, others))
    return bool(np.abs(first - same).max() < 1e-3 * np.abs(first - other).max())


def _passes_through(layer):
    """Whether inference ignores the layer."""
    return isinstance(layer, layers.Dropout | layers.Identity) or (
        isinstance(layer, layers.Activation) and keras.activations.serialize(layer.activation) == "linear"
    )


def _describe(layer):
    """The kind and the name of a layer."""
    return f"{type(layer).__name__} {layer.name!r}"
