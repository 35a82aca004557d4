"""What people put between the pixels and the first convolution."""

import keras
import numpy as np
from keras import layers, ops

from architectures.blocks import convolved
from entry import ended, works

POOL = layers.GlobalAveragePooling2D


def classified(inputs, x, classes=2, filters=8):
    """Two convolutions, pooling and a softmax behind x."""
    maps = layers.Conv2D(filters, 3, activation="relu")(convolved(x, 6, strides=4))
    return ended(inputs, maps, POOL()(maps), layers.Dense(classes, "softmax"))


@works(quick=True)
def grey_images():
    inputs = keras.Input((32, 32, 1))
    return classified(inputs, layers.Rescaling(1 / 255)(inputs))


@works()
def grey_images_three_times():
    """One channel, repeated for a network made for three."""
    inputs = keras.Input((32, 32, 1))
    return classified(inputs, layers.Concatenate()([inputs, inputs, inputs]))


@works()
def grey_images_by_a_convolution():
    """One channel, spread to three by a learned convolution."""
    inputs = keras.Input((32, 32, 1))
    return classified(inputs, layers.Conv2D(3, 3, padding="same")(layers.Rescaling(1 / 255)(inputs)))


@works(quick=True, settings={"image_size": (40, 32)})
def images_of_any_size():
    inputs = keras.Input((None, None, 3))
    return classified(inputs, layers.Rescaling(1 / 255)(inputs))


@works(closed=False, settings={"image_size": (36, 36)})
def images_of_any_size_with_a_hidden_layer():
    inputs = keras.Input(shape=(None, None, 3))
    maps = layers.Conv2D(8, 3, activation="relu")(convolved(inputs / 255, 6, strides=4))
    return ended(inputs, maps, layers.Dense(6, "relu")(POOL()(maps)), layers.Dense(2, "softmax"))


@works(classes=3)
def rectangular_images():
    inputs = keras.Input((32, 48, 3))
    return classified(inputs, layers.Rescaling(1 / 255)(inputs), classes=3)


@works()
def normalized_by_known_statistics():
    inputs = keras.Input((32, 32, 3))
    return classified(
        inputs, layers.Normalization(mean=[120.0, 115.0, 100.0], variance=[3600.0, 3400.0, 3500.0])(inputs)
    )


@works()
def normalized_by_adapted_statistics():
    inputs, layer = keras.Input((32, 32, 3)), layers.Normalization()
    layer.adapt(np.random.default_rng(1).uniform(0, 255, (8, 32, 32, 3)).astype("float32"))
    return classified(inputs, layer(inputs))


def preprocessed(module):
    """The preprocessing of a network of keras.applications as operations of the graph."""

    def build():
        inputs = keras.Input((32, 32, 3))
        return classified(inputs, getattr(keras.applications, module).preprocess_input(inputs))

    return build


@works()
def preprocessed_from_minus_1_to_1():
    return preprocessed("mobilenet_v2")()


@works()
def preprocessed_in_blue_green_red():
    return preprocessed("resnet50")()


@works()
def preprocessed_by_the_statistics_of_imagenet():
    return preprocessed("densenet")()


@works(classes=3)
def operations_of_python():
    """Scaled and clipped by operators."""
    inputs = keras.Input((32, 32, 3))
    return classified(inputs, ops.clip((inputs - 127.5) / 64, -1.5, 1.5), classes=3)


@works(quick=True)
def augmented():
    """Augmentation as a Sequential model in front, which inference leaves out."""
    inputs = keras.Input((32, 32, 3))
    chance = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]
    more = [layers.RandomTranslation(0.1, 0.1), layers.RandomContrast(0.1), layers.RandomBrightness(0.1)]
    x = keras.Sequential([*chance, *more], name="augmentation")(inputs)
    return classified(inputs, layers.Rescaling(1 / 127.5, offset=-1)(x))


@works()
def resized_and_cropped():
    """Images larger than what the network sees."""
    inputs = keras.Input((56, 56, 3))
    x = layers.CenterCrop(40, 40)(layers.Resizing(48, 48)(inputs))
    return classified(inputs, layers.Rescaling(1 / 255)(x))


@works()
def standardized_image_by_image():
    inputs = keras.Input((32, 32, 3))
    mean = ops.mean(inputs, axis=(1, 2, 3), keepdims=True)
    return classified(inputs, (inputs - mean) / (ops.std(inputs, axis=(1, 2, 3), keepdims=True) + 1e-3))


@works()
def batch_normalization_of_the_image():
    inputs = keras.Input((32, 32, 3))
    return classified(inputs, layers.BatchNormalization()(inputs))
