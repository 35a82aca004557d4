"""Transformers, mixers and recurrent layers, behind patches or behind convolutions."""

import keras
from keras import layers, ops

from architectures.blocks import convolved, start
from entry import ended, refused, works

SINGLE_PATCHES = "works on tokens: .* single patches of the image"
BEHIND = "^Behind the feature maps lie "
IN_FRONT = "in front of the patches, such as a class token, cannot be shown on a map.$"


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


def block(x, normed=None):
    """Attention, then a perceptron."""
    y = layers.LayerNormalization(epsilon=1e-6)(x) if normed is None else normed
    x = layers.Add()([layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.1)(y, y), x])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.Dropout(0.1)(layers.Dense(8)(layers.Dense(16, activation="gelu")(y)))
    return layers.Add()([y, x])


def encoded(x, blocks=2):
    """Transformer blocks, normalization first."""
    for _ in range(blocks):
        x = block(x)
    return layers.LayerNormalization(epsilon=1e-6)(x)


def patches():
    """An input of 32 x 32 pixels, and 16 tokens, each of one patch."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, kernel_size=8, strides=8, name="patches")(layers.Rescaling(1 / 255)(inputs))
    return inputs, layers.Reshape((16, 8))(x)


@works(signed=True)
def vision_transformer():
    inputs, x = patches()
    tokens = encoded(Positions()(x))
    x = layers.GlobalAveragePooling1D()(tokens)
    return ended(inputs, tokens, x, layers.Dense(2, "softmax"), grid=(4, 4, 0))


@works(signed=True, closed=False, notice=BEHIND + "MultiHeadAttention, Dense: .*" + IN_FRONT)
def vision_transformer_with_a_class_token():
    """What goes into the last attention: behind it the patches count no more."""
    inputs, x = patches()
    x = block(Positions()(ClassToken()(x)))
    tokens = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(block(x, tokens))
    return ended(inputs, tokens, x[:, 0], layers.Dense(2, "softmax"), grid=(4, 4, 1))


@works(signed=True, closed=False, classes=3, notice=BEHIND + "MultiHeadAttention, Dense: .*The 2 tokens " + IN_FRONT)
def distilled_vision_transformer():
    """DeiT: a class token and one of distillation, whose scores are averaged."""
    inputs, x = patches()
    x = block(Positions()(ClassToken()(ClassToken()(x))))
    tokens = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(block(x, tokens))
    both = layers.Concatenate()([x[:, 0], x[:, 1]])
    return ended(inputs, tokens, both, layers.Dense(3, "softmax"), grid=(4, 4, 2))


@works(signed=True)
def vision_transformer_that_cuts_its_class_token_off():
    inputs, x = patches()
    tokens = encoded(Positions()(ClassToken()(x)))
    x = layers.GlobalAveragePooling1D()(tokens[:, 1:])
    return ended(inputs, tokens, x, layers.Dense(2, "softmax"), grid=(4, 4, 1))


@works(signed=True, closed=False, notice="^The token " + IN_FRONT)
def vision_transformer_whose_class_token_is_pooled():
    """The mean is one of 17 tokens, and CAM would be that of 16."""
    inputs, x = patches()
    tokens = encoded(Positions()(ClassToken()(x)))
    x = ops.mean(tokens, axis=1)
    return ended(inputs, tokens, x, layers.Dense(2, "softmax"), grid=(4, 4, 1))


@refused(SINGLE_PATCHES)
def vision_transformer_of_one_block_with_a_class_token():
    """What goes into the only attention are single patches."""
    inputs, x = patches()
    x = encoded(Positions()(ClassToken()(x)), blocks=1)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x[:, 0]))


@works(signed=True, classes=3)
def windows_of_tokens():
    """As in Swin: tokens of 8 x 8, attention within windows, four neighbours merged to one of 4 x 4 tokens."""
    inputs, x = start(filters=8)
    x = layers.Reshape((64, 8))(x)
    x = layers.Add()([_windows(layers.LayerNormalization()(x), 8), x])
    x = layers.Permute((1, 3, 2, 4, 5))(ops.reshape(x, (-1, 4, 2, 4, 2, 8)))
    x = layers.Dense(8, use_bias=False)(ops.reshape(x, (-1, 16, 32)))
    tokens = layers.LayerNormalization()(layers.Add()([_windows(layers.LayerNormalization()(x), 4), x]))
    x = layers.GlobalAveragePooling1D()(tokens)
    return ended(inputs, tokens, x, layers.Dense(3, "softmax"), grid=(4, 4, 0))


def _windows(x, rows):
    """Attention of tokens within windows of 2 x 2."""
    half = rows // 2
    y = ops.transpose(ops.reshape(x, (-1, half, 2, half, 2, 8)), (0, 1, 3, 2, 4, 5))
    y = ops.reshape(y, (-1, 4, 8))
    y = ops.reshape(layers.MultiHeadAttention(2, 4)(y, y), (-1, half, half, 2, 2, 8))
    return ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, rows * rows, 8))


@works(signed=True)
def vision_transformer_put_in_rows_and_columns():
    inputs, x = patches()
    maps = layers.Reshape((4, 4, 8), name="rows_and_columns")(encoded(Positions()(x)))
    return ended(inputs, maps, layers.GlobalAveragePooling2D()(maps), layers.Dense(2, "softmax"))


@works(signed=True)
def mixer():
    """Perceptrons over positions and over channels in turn."""
    inputs, x = patches()
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Permute((2, 1))(layers.Dense(16)(layers.Dense(8, "gelu")(y)))])
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(16, "gelu")(layers.LayerNormalization()(x)))])
    tokens = layers.LayerNormalization()(x)
    x = layers.GlobalAveragePooling1D()(tokens)
    return ended(inputs, tokens, x, layers.Dense(2, "softmax"), grid=(4, 4, 0))


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


@works(signed=True)
def convolutions_before_a_transformer():
    inputs, _, x = convolutions()
    tokens = encoded(Positions()(x))
    x = layers.GlobalAveragePooling1D()(tokens)
    return ended(inputs, tokens, x, layers.Dense(2, "softmax"), grid=(4, 4, 0))


@works(closed=False, notice=BEHIND, settings={"layer": "maps"})
def convolutions_before_a_transformer_by_name():
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


@works()
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
