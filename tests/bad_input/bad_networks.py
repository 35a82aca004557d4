"""A small network, evaluated on six images."""

import keras
import numpy as np
from keras import layers

from black_average_drop import cams, evaluation, networks

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype("uint8")


def network(*end, size=32, convolution=None, pooling=layers.GlobalAveragePooling2D):
    keras.utils.set_random_seed(1)
    convolution = convolution or layers.Conv2D(5, 5, strides=8, padding="same", activation="relu", name="maps")
    parts = [keras.Input((size, size, 3), name="pixels"), layers.Rescaling(1 / 255), convolution, pooling()]
    return keras.Sequential([*parts, *(end or (layers.Dense(3, "softmax"),))], name="small")


def evaluated(model, names=cams.PAPER_METHODS, **changed):
    given = {"images": PIXELS, "methods": cams.chosen(names), "alpha": 0.5, "batch_size": 6} | changed
    return evaluation.evaluate(networks.CamNetwork.from_model(model), **given)
