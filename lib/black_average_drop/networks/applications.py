"""The networks in keras.applications, and what each of them expects in place of pixels 0..255."""

import inspect
from functools import partial
from types import ModuleType

import keras
import numpy as np
from keras import layers

from black_average_drop.model_files.settings import unknown_preprocessing

# What models that do not rescale by themselves may have been trained on. Any name in keras.applications will do, too.
PREPROCESSINGS = {"": None, "0..1": (1 / 255, 0), "-1..1": (1 / 127.5, -1), "-1024..1024": (2048 / 255, -1024)}
_IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # mean and standard deviation of 0..1
PREPROCESSINGS["imagenet"] = 1 / (255 * _IMAGENET[1]), -_IMAGENET[0] / _IMAGENET[1]


def application(backbone):
    """The constructor of a keras.applications network, and the module that holds its preprocessing.

    Raises:
        ValueError: if there is no network of that name.
    """
    for module in vars(keras.applications).values():
        constructor = getattr(module, backbone, None) if isinstance(module, ModuleType) else None
        if inspect.isfunction(constructor) and hasattr(module, "preprocess_input"):
            return constructor, module
    raise ValueError(f'backbone is {backbone!r}: choose "small_cnn" or a name in keras.applications.')


def preprocessing(name):
    """What turns pixels 0..255 into what a model expects, for `CamNetwork.from_model`.

    Args:
        name: "" for a model that rescales by itself, "0..1", "-1..1", "-1024..1024" as torchxrayvision has it,
            "imagenet" for ImageNet's mean and standard deviation as torchvision has it, or the network in
            keras.applications with whose preprocessing the model was trained, such as "ResNet50".

    Returns:
        A function from pixels (N, H, W, 3) to an array or tensor of the same shape, or None for "".

    Raises:
        ValueError: for another name.
    """
    if name in PREPROCESSINGS:
        return PREPROCESSINGS[name] and partial(_scaled, *PREPROCESSINGS[name])
    try:
        module = application(name)[1]
    except ValueError as problem:
        raise ValueError(unknown_preprocessing(name)) from problem

    def preprocessed(pixels):  # keras.applications work in place on NumPy arrays
        return module.preprocess_input(np.array(pixels, "float32") if isinstance(pixels, np.ndarray) else pixels)

    return preprocessed


def _scaled(scale, offset, pixels):
    """Pixels times a scale, plus an offset: numbers, or one for each colour."""
    if np.ndim(scale) and pixels.shape[-1] != len(scale):
        raise IndexError("The preprocessing is for colours.")
    return pixels * np.asarray(scale, "float32") + np.asarray(offset, "float32")


def rescaled(inputs, backbone):
    """What a backbone expects, from pixels: a frozen 1 x 1 convolution holds its scale, offset and channel order."""
    if backbone == "small_cnn":
        scale, offset = np.eye(3) / 127.5, -np.ones(3)
    else:
        _, module = application(backbone)
        probe = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).reshape(1, 1, 4, 3).astype("float32")
        shown = np.asarray(module.preprocess_input(probe.copy())).reshape(4, 3).astype("float64")
        scale, offset = (shown[1:] - shown[:1]) / 255, shown[0]
    layer = layers.Conv2D(3, 1, trainable=False, dtype="float32", name="pixels_to_network")
    outputs = layer(inputs)
    layer.set_weights([scale.reshape(1, 1, 3, 3).astype("float32"), offset.astype("float32")])
    return outputs
