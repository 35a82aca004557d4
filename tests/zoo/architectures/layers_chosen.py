"""Feature maps that are chosen by the name of a layer."""

import keras
from keras import layers

from architectures.blocks import convolved, start
from entry import AROUND, Built, ended, works

POOL = layers.GlobalAveragePooling2D


@works(closed=False, settings={"layer": "early"})
def an_earlier_block():
    inputs, x = start()
    maps = layers.Conv2D(8, 3, padding="same", activation="relu", name="early")(x)
    x = convolved(maps, 12, strides=2)
    return ended(inputs, maps, POOL()(x), layers.Dense(2, "softmax"))


@works(closed=False, settings={"layer": "branch"}, quick=True, notice=AROUND)
def a_layer_with_a_path_around_it():
    """What goes around the layer is the image's, and held where the layer is differentiated."""
    inputs, x = start()
    branch = layers.Conv2D(8, 3, padding="same", activation="relu", name="branch")(x)
    x = layers.ReLU()(layers.Conv2D(8, 3, padding="same")(layers.Add()([x, branch])))
    return ended(inputs, branch, layers.Dense(6, "relu")(POOL()(x)), layers.Dense(2, "softmax"))


@works(closed=False, settings={"layer": "inner"})
def a_layer_inside_a_nested_model():
    inputs, x = start()
    inner = layers.Conv2D(8, 3, padding="same", activation="relu", name="inner")(x)
    backbone = keras.Model(inputs, convolved(inner, 12, strides=2), name="backbone")
    outside, last = keras.Input((32, 32, 3)), layers.Dense(2, "softmax")
    pooled = POOL()(backbone(outside))
    trace = keras.Model(inputs, [inner, POOL()(backbone.output)])
    return Built(keras.Model(outside, last(pooled)), trace, "inner", last)


@works(closed=False, settings={"layer": "before"}, signed=True)
def a_convolution_before_its_activation():
    inputs, x = start()
    maps = layers.Conv2D(8, 3, padding="same", name="before")(x)
    return ended(inputs, maps, POOL()(layers.ReLU()(maps)), layers.Dense(2, "softmax"))


@works(closed=False, settings={"layer": "second"}, notice=AROUND)
def the_second_of_two_blocks_pooled():
    inputs, first = start()
    second = layers.Conv2D(8, 3, strides=2, activation="relu", name="second")(first)
    pooled = layers.Concatenate()([POOL()(first), POOL()(second)])
    return ended(inputs, second, pooled, layers.Dense(2, "softmax"))


@works(settings={"layer": "maps"})
def the_layer_that_is_read_anyway():
    inputs, x = start()
    maps = layers.Conv2D(8, 3, activation="relu", name="maps")(x)
    return ended(inputs, maps, POOL()(maps), layers.Dense(2, "softmax"))
