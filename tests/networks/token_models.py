"""Vision transformers and their kin as people write them, of 32 x 32 pixels, and where their patches are.

Each function gives a model that ends in 3 logits, its tokens, and how many of these are in front of the 4 x 4 patches.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("tokens")
class Positions(layers.Layer):
    """Adds a learned vector to each token."""

    def build(self, shape):
        self.embedding = self.add_weight(shape=(1, *shape[1:]), initializer="random_normal")

    def call(self, tokens):
        return tokens + self.embedding


@keras.saving.register_keras_serializable("tokens")
class InFront(layers.Layer):
    """Puts learned tokens in front of all others."""

    def __init__(self, count=1, **settings):
        super().__init__(**settings)
        self.count = count

    def build(self, shape):
        self.token = self.add_weight(shape=(1, self.count, shape[-1]), initializer="random_normal")

    def call(self, tokens):
        return ops.concatenate([ops.repeat(self.token, ops.shape(tokens)[0], axis=0), tokens], axis=1)

    def get_config(self):
        return super().get_config() | {"count": self.count}


@keras.saving.register_keras_serializable("tokens")
class Patches(layers.Layer):
    """From the image straight to its patches, as in the example of keras.io."""

    def call(self, images):
        return ops.reshape(ops.image.extract_patches(images, 8), (-1, 16, 192))


@keras.saving.register_keras_serializable("tokens")
class PatchEncoder(layers.Layer):
    """A projection and positions, as in the example of keras.io."""

    def build(self, shape):
        self.projection = layers.Dense(8)
        self.projection.build(shape)
        self.embedding = layers.Embedding(shape[1], 8)
        self.embedding.build((1, shape[1]))

    def call(self, patches):
        return self.projection(patches) + self.embedding(ops.expand_dims(ops.arange(16), 0))


@keras.saving.register_keras_serializable("tokens")
class Encoder(layers.Layer):
    """Several blocks in one layer, whose positions are a bias of its attention: nothing outside shows their order."""

    def build(self, shape):
        self.mixing = self.add_weight(shape=(shape[1], shape[1]), initializer="glorot_uniform")
        self.channels = layers.Dense(shape[-1], "tanh")
        self.channels.build(shape)

    def call(self, tokens):
        for _ in range(2):
            tokens = self.channels(ops.matmul(self.mixing, tokens))
        return tokens


@keras.saving.register_keras_serializable("tokens")
class WindowBlock(layers.Layer):
    """A block of Swin in one layer, with its residual: attention within windows of 2 x 2 tokens of 8 x 8."""

    def build(self, shape):
        self.norm, self.attention = layers.LayerNormalization(), layers.MultiHeadAttention(2, 4)
        self.norm.build(shape)
        self.attention.build((None, 4, 8), (None, 4, 8))

    def call(self, tokens):
        y = ops.reshape(self.norm(tokens), (-1, 4, 2, 4, 2, 8))
        y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 4, 8))
        y = ops.reshape(self.attention(y, y), (-1, 4, 4, 2, 2, 8))
        return tokens + ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 64, 8))


@keras.saving.register_keras_serializable("tokens")
class PatchMerging(layers.Layer):
    """Four neighbours become one token, as in Swin."""

    def build(self, shape):
        self.projection = layers.Dense(8, use_bias=False)
        self.projection.build((None, 16, 32))

    def call(self, tokens):
        x = ops.reshape(tokens, (-1, 8, 8, 8))
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.projection(ops.reshape(ops.concatenate(parts, axis=-1), (-1, 16, 32)))


def start(side=8):
    """An input, and its patches as tokens."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, side, strides=side, name="patches")(layers.Rescaling(1 / 255)(inputs))
    return inputs, layers.Reshape((-1, 8))(x)


def block(x, normed=None):
    """Attention and a perceptron, each with a path around it."""
    y = layers.LayerNormalization(epsilon=1e-6)(x) if normed is None else normed
    x = layers.Add()([layers.MultiHeadAttention(2, 4, dropout=0.1)(y, y), x])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    return layers.Add()([layers.Dropout(0.1)(layers.Dense(8)(layers.Dense(16, "gelu")(y))), x])


def ended(inputs, tokens, x, extra=0):
    return keras.Model(inputs, layers.Dense(3, name="logits")(x)), tokens, extra


def with_a_class_token(front=1, depth=2):
    inputs, x = start()
    x = Positions()(InFront(front)(x))
    for _ in range(depth):
        x = block(x, into_last := layers.LayerNormalization(epsilon=1e-6)(x))
    return ended(inputs, into_last, layers.LayerNormalization(name="norm")(x)[:, 0], front)


def pooled():
    inputs, x = start()
    tokens = layers.LayerNormalization(name="norm")(block(block(Positions()(x))))
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens))


def class_token_cut_off_and_pooled():
    inputs, x = start()
    tokens = layers.LayerNormalization(name="norm")(block(block(Positions()(InFront()(x)))))
    return ended(inputs, tokens, ops.mean(tokens[:, 1:], axis=1), 1)


def class_token_pooled_too():
    inputs, x = start()
    tokens = layers.LayerNormalization(name="norm")(block(block(Positions()(InFront()(x)))))
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens), 1)


def attention_as_pooling():
    inputs, x = start()
    tokens = layers.LayerNormalization(name="norm")(block(Positions()(x)))
    probe = layers.Dense(8)(layers.GlobalAveragePooling1D(keepdims=True)(tokens))
    return ended(inputs, tokens, layers.Flatten()(layers.MultiHeadAttention(2, 4)(probe, tokens)))


def example_of_keras():
    inputs = keras.Input((32, 32, 3))
    x = block(block(PatchEncoder()(Patches()(layers.Rescaling(1 / 255)(inputs)))))
    tokens = layers.LayerNormalization(name="norm")(x)
    x = layers.Dropout(0.5)(layers.Flatten()(tokens))
    return ended(inputs, tokens, layers.Dense(6, "gelu")(x))


def hybrid():
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 5, strides=4, padding="same", activation="relu")(layers.Rescaling(1 / 255)(inputs))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="last_convolution")(x)
    tokens = block(Positions()(layers.Reshape((16, 8))(x)))
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens))


def mixer():
    inputs, x = start()
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([layers.Permute((2, 1))(layers.Dense(16)(layers.Dense(8, "gelu")(y))), x])
        x = layers.Add()([layers.Dense(8)(layers.Dense(16, "gelu")(layers.LayerNormalization()(x))), x])
    tokens = layers.LayerNormalization(name="norm")(x)
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens))


def shifted_windows(x, rows, shift):
    """What windows of 2 x 2 tokens, shifted as in Swin, add to tokens."""
    half = rows // 2
    y = ops.roll(layers.Reshape((rows, rows, 8))(layers.LayerNormalization()(x)), (-shift, -shift), axis=(1, 2))
    y = ops.transpose(ops.reshape(y, (-1, half, 2, half, 2, 8)), (0, 1, 3, 2, 4, 5))
    y = ops.reshape(y, (-1, 4, 8))
    y = ops.reshape(layers.MultiHeadAttention(2, 4)(y, y), (-1, half, half, 2, 2, 8))
    y = ops.roll(ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, rows, rows, 8)), (shift, shift), axis=(1, 2))
    x = layers.Add()([ops.reshape(y, (-1, rows * rows, 8)), x])
    return layers.Add()([layers.Dense(8)(layers.Dense(16, "gelu")(layers.LayerNormalization()(x))), x])


def swin():
    """Two stages of tokens: 8 x 8, and after merging 4 x 4."""
    inputs, x = start(side=4)
    x = layers.Reshape((8, 8, 8))(shifted_windows(shifted_windows(x, 8, 0), 8, 1))
    parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    x = layers.Reshape((16, 32))(layers.Concatenate()(parts))
    x = layers.Dense(8, use_bias=False)(layers.LayerNormalization()(x))
    tokens = layers.LayerNormalization(name="norm")(shifted_windows(shifted_windows(x, 4, 0), 4, 1))
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens))


def swin_of_own_layers():
    inputs, x = start(side=4)
    x = PatchMerging()(WindowBlock()(x))
    tokens = layers.LayerNormalization(name="norm")(block(x))
    return ended(inputs, tokens, layers.GlobalAveragePooling1D()(tokens))


def own_encoder():
    inputs, x = start()
    tokens = Encoder(name="encoder")(InFront()(x))
    return ended(inputs, tokens, layers.Flatten()(tokens), 1)
