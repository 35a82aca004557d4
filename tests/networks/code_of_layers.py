"""Layers of somebody's own as the text of a file, and a model made of them; for tests of what runs such a file."""

import keras
import numpy as np
from keras import layers

LAYERS = '''
import os
from pathlib import Path

import keras
from keras import layers, ops

if "__file__" in globals():  # not where the tests make the model
    Path(__file__).with_suffix(".ran").write_text(str(os.getpid()))
    print("x" * 1_000_000)


def squash(x):
    return ops.relu(x) / (1 + ops.relu(x) / 10)


class Gate(layers.Layer):
    """Weighs each channel, and fails on images that are too bright."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1],), initializer="ones", name="weight")

    def call(self, x):
        print("y" * 1_000)
        return x * ops.sigmoid(self.weight)


class Unused(layers.Layer):
    pass
'''


def model_with_own_layers(activation="softmax", package="ours"):
    """A model with a Gate, which is registered for a package, and a function; the classes are made from LAYERS."""
    own = {"__name__": "elsewhere"}
    exec(LAYERS, own)
    gate = keras.saving.register_keras_serializable(package)(own["Gate"])
    keras.utils.set_random_seed(4)
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 5, strides=4, activation=own["squash"], name="first")(layers.Rescaling(1 / 255)(image))
    x = layers.BatchNormalization(name="statistics")(x)
    x = gate(name="gate")(x)
    x = layers.Conv2D(6, 3, activation="relu", name="last")(x)
    outputs = layers.Dense(3, activation, name="answers")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, outputs, name="with_gate")
    generator = np.random.default_rng(5)
    model.set_weights([generator.uniform(0.05, 0.4, one.shape) for one in model.get_weights()])
    return model
