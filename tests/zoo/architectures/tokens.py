"""Transformers, mixers and recurrent layers, behind patches or behind convolutions."""

import keras
from keras import layers, ops

from architectures.blocks import convolved, start
from entry import ended, refused, works

SINGLE_PATCHES = "works on tokens: .* single patches of the image"
BEHIND = "^Behind the feature maps lie "


@keras.saving.register_keras_serializable("zoo")
class Positions(layers.Layer):
    """Adds a learned vector to each token."""

    def build(self, shape):
        """One vector for each position."""
        self.embedding = self.add_weight(shape=(1, *shape[1:]), initializer="random_normal")

    def call(self, tokens):
        """The sum of tokens and vectors."""
        return tokens + self.embedding


@keras.saving.register_keras_serializable("zoo")
class ClassToken(layers.Layer):
    """Puts a learned token before all others."""

    def build(self, shape):
        """One vector."""
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal")

    def call(self, tokens):
        """The tokens with one more in front."""
        return ops.concatenate([ops.repeat(self.token, ops.shape(tokens)[0], axis=0), tokens], axis=1)


def encoded(x, blocks=2):
    """Transformer blocks, normalization first."""
    for _ in range(blocks):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.1)(y, y), x])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dropout(0.1)(layers.Dense(8)(layers.Dense(16, activation="gelu")(y)))
        x = layers.Add()([y, x])
    return layers.LayerNormalization(epsilon=1e-6)(x)


def patches():
    """An input of 32 x 32 pixels, and 16 tokens, each of one patch."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, kernel_size=8, strides=8, name="patches")(layers.Rescaling(1 / 255)(inputs))
    return inputs, layers.Reshape((16, 8))(x)


@refused(SINGLE_PATCHES)
def vision_transformer():
    inputs, x = patches()
    x = layers.GlobalAveragePooling1D()(encoded(Positions()(x)))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


@refused(SINGLE_PATCHES)
def vision_transformer_with_a_class_token():
    inputs, x = patches()
    x = encoded(Positions()(ClassToken()(x)))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x[:, 0]))


@works(signed=True)
def vision_transformer_put_in_rows_and_columns():
    """The remedy that the refusal names."""
    inputs, x = patches()
    maps = layers.Reshape((4, 4, 8), name="rows_and_columns")(encoded(Positions()(x)))
    return ended(inputs, maps, layers.GlobalAveragePooling2D()(maps), layers.Dense(2, "softmax"))


@refused(SINGLE_PATCHES)
def mixer():
    """Perceptrons over positions and over channels in turn."""
    inputs, x = patches()
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Permute((2, 1))(layers.Dense(16)(layers.Dense(8, "gelu")(y)))])
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(16, "gelu")(layers.LayerNormalization()(x)))])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(2, "softmax")(x))


@works(signed=True, classes=3)
def windows_in_rows_and_columns():
    """As in Swin: attention within windows of 2 x 2 tokens, which are put in rows and columns again each time."""
    inputs, x = start(filters=8)
    for _ in range(2):
        y = ops.reshape(layers.LayerNormalization()(x), (-1, 4, 2, 4, 2, 8))
        y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 4, 8))
        y = layers.MultiHeadAttention(2, 4)(y, y)
        y = ops.transpose(ops.reshape(y, (-1, 4, 4, 2, 2, 8)), (0, 1, 3, 2, 4, 5))
        x = layers.Add()([x, ops.reshape(y, (-1, 8, 8, 8))])
    x = layers.LayerNormalization(name="maps")(x)
    return ended(inputs, x, layers.GlobalAveragePooling2D()(x), layers.Dense(3, "softmax"))


@works(signed=True)
def mixer_of_convolutions():
    """ConvMixer: patches that stay in rows and columns, mixed by depthwise convolutions."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 4, strides=4)(layers.Rescaling(1 / 255)(inputs))
    for _ in range(2):
        y = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.Add()([layers.BatchNormalization()(layers.Activation("gelu")(y)), x])
        x = layers.BatchNormalization()(layers.Activation("gelu")(layers.Conv2D(8, 1)(x)))
    return ended(inputs, x, layers.GlobalAveragePooling2D()(x), layers.Dense(2, "softmax"))


def convolutions():
    """Maps of 4 x 4 positions, and the same as 16 tokens."""
    inputs, x = start()
    maps = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="maps")(x)
    return inputs, maps, layers.Reshape((16, 8))(maps)


@works(closed=False, notice=BEHIND)
def convolutions_before_a_transformer():
    inputs, maps, x = convolutions()
    x = layers.GlobalAveragePooling1D()(encoded(Positions()(x)))
    return ended(inputs, maps, x, layers.Dense(2, "softmax"))


@works(closed=False, notice=BEHIND + "LSTM")
def convolutions_before_a_recurrent_layer():
    inputs, maps, x = convolutions()
    return ended(inputs, maps, layers.LSTM(5)(x), layers.Dense(2, "softmax"))


@works(closed=False, notice=BEHIND + "Bidirectional")
def rows_read_by_a_recurrent_layer():
    """Each row of the maps is one step, as in networks that read lines of text."""
    inputs, maps, _ = convolutions()
    x = layers.Bidirectional(layers.GRU(4))(layers.Reshape((4, 32))(maps))
    return ended(inputs, maps, x, layers.Dense(2, "softmax"))


@works(closed=None)
def pooled_as_tokens():
    """Maps flattened to tokens and pooled at once: nothing mixes positions."""
    inputs, maps, x = convolutions()
    return ended(inputs, maps, layers.GlobalAveragePooling1D()(x), layers.Dense(2, "softmax"))


@works(classes=3)
def convolutions_that_remember():
    """ConvLSTM2D on a sequence of one image."""
    inputs = keras.Input((32, 32, 3))
    x = convolved(layers.Rescaling(1 / 255)(inputs), 6, strides=4)
    x = layers.ConvLSTM2D(6, 3, activation="relu", name="maps")(layers.Reshape((1, 8, 8, 6))(x))
    return ended(inputs, x, layers.GlobalAveragePooling2D()(x), layers.Dense(3, "softmax"))
