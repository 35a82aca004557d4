"""Models from pixels to scores: a backbone up to its last activation, global average pooling, and a dense head."""

import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers

from black_average_drop import files
from black_average_drop.model_files.archive_checks import check_weights
from black_average_drop.networks.applications import application, rescaled
from black_average_drop.networks.cut import check_positions, find_features
from black_average_drop.networks.graph import Part, opened
from black_average_drop.networks.logits import check_activation, find_logits
from black_average_drop.networks.precision import check_precision

WITH_BACKGROUND = 1001  # outputs: ImageNet's thousand classes behind one for the background
# The heads that a file of weights may have been saved with.
_HEADS = (
    {"include_top": True, "classes": 1000},
    {"include_top": True, "classes": WITH_BACKGROUND},
    {"include_top": False},
)


def build(
    backbone,
    image_size,
    class_names,
    activation="relu",
    weights=None,
    dropout=0.0,
    precision="float32",
    head_start=None,
):
    """A model from pixels to scores, ready to be trained.

    BatchNorm stays frozen where weights are given. A ReLU head starts with a bias of 1 and a kernel of 0, so that every
    score starts at 1. The gradient of a ReLU that is 0 for every image is 0, and a random kernel over a thousand
    features of one sign can make a class negative for every image before the first step.

    Args:
        backbone: "small_cnn" or a name in keras.applications.
        image_size: (H, W), in pixels.
        class_names: the names of the classes; the head has as many outputs.
        activation: "relu" or "softmax".
        weights: None, "imagenet" (Keras downloads them), or a file of weights with or without an ImageNet head.
        dropout: the share of the pooled features that training drops, from 0 to below 1.
        precision: "float32", or what the backbone is trained in, "mixed_float16" or "mixed_bfloat16"; see
            `in_precision`.
        head_start: the standard deviation of the random kernel that the head starts with, times the root of the number
            of features; 0 for a kernel of 0. By default a ReLU head starts at 0, and a softmax head as Keras draws it
            (Glorot and Bengio 2010), which over a thousand features is 1.4.

    Raises:
        ValueError: for an argument out of range, or a file of weights that does not fit.
        FileNotFoundError: if the file of weights is missing.
    """
    check_activation(activation)
    check_precision(precision)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}: a share from 0 to below 1 is expected.")
    if head_start is not None and not 0 <= head_start < np.inf:
        raise ValueError(f"head_start is {head_start}: 0 or more is expected.")
    inputs = keras.Input((*image_size, 3), name="pixels")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        trunk, _ = build_trunk(backbone, image_size, weights)
        _check_positions(trunk, image_size, backbone)
        expected = rescaled(inputs, backbone)
    finally:
        keras.config.set_dtype_policy(before)
    pooled = layers.GlobalAveragePooling2D(name="global_average_pooling", dtype="float32")(trunk(expected))
    if dropout:
        pooled = layers.Dropout(dropout, name="dropout")(pooled)
    head = layers.Dense(
        len(class_names), activation, dtype="float32", name="head", **_start(activation, head_start, pooled)
    )
    return keras.Model(inputs, head(pooled), name=f"{backbone}_{activation}")


def build_imagenet(backbone, image_size, weights="imagenet"):
    """A keras.applications classifier with its own ImageNet head of 1,000 or 1,001 classes, from pixels to softmax.

    Args:
        backbone: a name in keras.applications.
        image_size: (H, W), in pixels.
        weights: "imagenet", or a file that includes the head. With 1,001 classes, class 0 is the background.

    Raises:
        ValueError: if the file has no head.
    """
    inputs = keras.Input((*image_size, 3), name="pixels")
    trunk, head = build_trunk(backbone, image_size, weights, with_head=True)
    _check_positions(trunk, image_size, backbone)
    pooled = layers.GlobalAveragePooling2D(name="global_average_pooling")(trunk(rescaled(inputs, backbone)))
    dense = layers.Dense(head[0].shape[1], "softmax", dtype="float32", name="head")
    model = keras.Model(inputs, dense(pooled), name=f"{backbone}_imagenet")
    dense.set_weights(head)
    return model


def build_trunk(backbone, image_size, weights, with_head=False):
    """The network up to its last activation, and the weights of its ImageNet head or None.

    Args:
        backbone, image_size, weights: as for `build`.
        with_head: the weights of the head are needed.
    """
    if backbone == "small_cnn":
        if weights:
            raise ValueError("weights: the small CNN has no pretrained weights; leave the parameter empty.")
        return _small_cnn(image_size), None
    constructor, _ = application(backbone)
    shape = (*image_size, 3)
    if not weights:
        return _random_trunk(constructor, shape), None
    if weights == "imagenet":
        full, has_head = constructor(weights="imagenet", include_top=with_head, input_shape=shape), with_head
    else:
        full, has_head = _load_weights(constructor, shape, weights)
    for layer in full.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    if not has_head:
        if with_head:
            raise ValueError(f"{weights} has no ImageNet head: name weights that include it.")
        return full, None
    graph = opened(full)
    logits, _ = find_logits(next(iter(graph.outputs.values())), backbone)
    cut = find_features(graph, logits, next(iter(graph.inputs.values())), image_size)
    if cut.pooled is None:
        raise ValueError(f"{backbone} has no global average pooling right before its dense head: choose another.")
    return keras.Model(full.inputs, cut.maps.tensor, name=backbone), list(cut.pooled)


def _start(activation, spread, pooled):
    """The initializers of a head over pooled features (N, K)."""
    bias = {"bias_initializer": "ones"} if activation == "relu" else {}
    if spread is None:
        return bias | ({"kernel_initializer": "zeros"} if activation == "relu" else {})
    drawn = keras.initializers.RandomNormal(stddev=spread / pooled.shape[-1] ** 0.5)
    return bias | {"kernel_initializer": drawn if spread else "zeros"}


def _check_positions(trunk, image_size, name):
    """Check that a trunk gives more than one position for images of a size (H, W)."""
    graph = opened(trunk)
    part = Part(list(graph.inputs.values()), list(graph.outputs.values()))
    check_positions(part, image_size, name)


def _small_cnn(image_size):
    """Six convolutions with BatchNorm and ReLU; features are an eighth of the image along each side, 96 channels."""
    inputs = keras.Input((*image_size, 3))
    x = inputs
    for filters, stride in ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1), (96, 1)):
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return keras.Model(inputs, x, name="small_cnn")


def _random_trunk(constructor, shape):
    """An application without its head, of random weights, whose BatchNorm follows within an epoch."""
    trunk = constructor(weights=None, include_top=False, input_shape=shape)
    for layer in trunk.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # an epoch here has a few hundred steps: 0.99 and more would lag behind
    return trunk


def _load_weights(constructor, shape, path):
    """The application with the weights of a file, whichever of the usual heads it has, and whether it has one."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"weights: {path} is missing; name a weights file, or imagenet, or leave it empty.")
    files.remember(path)
    check_weights(path, path)
    for head in _HEADS:
        model = constructor(weights=None, input_shape=shape, **head)
        fresh = [weight for weight in model.get_weights() if weight.ndim > 1]
        try:
            with warnings.catch_warnings(action="ignore"):  # Keras warns of containers that hold no weights
                model.load_weights(path)
        except (ValueError, OSError, KeyError) as problem:
            reason = str(problem).splitlines()[0]
            continue
        # Keras passes over layers that a file lacks: a kernel that is still as it was drawn was not in the file.
        loaded = [weight for weight in model.get_weights() if weight.ndim > 1]
        if not any(np.array_equal(before, after) for before, after in zip(fresh, loaded, strict=True)):
            return model, head["include_top"]
        reason = "some layers are not in the file"
    raise ValueError(f"weights: {path} does not fit {constructor.__name__} ({reason}): name a file made for it.")
