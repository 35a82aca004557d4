"""Layers that inherit from Keras's own, or bear their names, and do something else: right, or refused."""

import keras
from keras import layers, ops

from architectures.heads import trunk
from entry import ended, refused, works

POOL = layers.GlobalAveragePooling2D


@keras.saving.register_keras_serializable("zoo")
class SquaredPooling(POOL):
    """The square of the mean, by a layer that Keras's own pooling is a kind of."""

    def call(self, x):
        """(N, h, w, K) to (N, K)."""
        return super().call(x) ** 2


@keras.saving.register_keras_serializable("zoo")
class Reversed(layers.Reshape):
    """A reshaping that turns the channels around."""

    def call(self, x):
        """The channels from the last to the first."""
        return super().call(x[..., ::-1])


@keras.saving.register_keras_serializable("zoo")
class FixedNormalization(layers.BatchNormalization):
    """Batch normalization whose result is clipped."""

    def call(self, x, training=None, mask=None):
        """Keras's, from -1 to 1."""
        return ops.clip(super().call(x, training=False), -1, 1)


@keras.saving.register_keras_serializable("zoo")
class RandomForEver(layers.Dropout):
    """Dropout that also acts at inference, by which people estimate how sure a network is."""

    def call(self, x, training=None):
        """Other features each time."""
        return super().call(x, training=True)


@keras.saving.register_keras_serializable("zoo")
def softmax(x):
    """A sharper one than Keras's of the same name."""
    return ops.softmax(5 * x)


def ended_by(layer):
    """Pooled features go through a layer before the head."""
    inputs, maps = trunk()
    return ended(inputs, maps, layer(POOL()(maps)), layers.Dense(3, "softmax"))


@works(classes=3, closed=False)
def pooling_that_squares():
    inputs, maps = trunk()
    return ended(inputs, maps, SquaredPooling()(maps), layers.Dense(3, "softmax"))


@works(classes=3, closed=None)
def reshaping_that_turns_around():
    return ended_by(Reversed((8,)))


@works(classes=3, closed=False)
def normalization_that_clips():
    return ended_by(FixedNormalization())


@refused("softmax")
def function_of_the_name_softmax():
    inputs, maps = trunk()
    return keras.Model(inputs, layers.Dense(3, activation=softmax)(POOL()(maps)))


@refused("softmax")
def softmax_over_pairs_of_classes():
    inputs, maps = trunk()
    pairs = layers.Softmax()(layers.Reshape((2, 2))(layers.Dense(4)(POOL()(maps))))
    return keras.Model(inputs, layers.Flatten()(pairs))


@refused("random|RandomForEver")
def dropout_at_inference():
    inputs, maps = trunk()
    hidden = layers.Dense(8, "relu")(RandomForEver(0.5)(POOL()(maps)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(hidden))


@refused("int8|quantized")
def quantized():
    """Weights as whole numbers, with scales of their own."""
    inputs, maps = trunk()
    model = keras.Model(inputs, layers.Dense(3, "softmax")(POOL()(maps)))
    model.quantize("int8")
    return model


@works(classes=3)
def every_other_channel_weighed():
    """A product with constants, which nobody made a layer."""
    return ended_by(lambda pooled: pooled * ops.array([1.0, 0.5] * 4))
