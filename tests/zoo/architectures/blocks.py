"""Activations, convolutions, normalizations and noise of every kind, and blocks of textbooks."""

import keras
from keras import layers, ops

from architectures.plain import sequential
from entry import add, ended, known, works

POOL = layers.GlobalAveragePooling2D


def activated(layer):
    """A convolution without activation, then one as a layer of its own."""

    def build():
        made = layer()
        maps = [layers.Conv2D(8, 3, name="convolution"), made]
        model = keras.Sequential(
            [keras.Input((32, 32, 3)), *sequential().layers[:-1], *maps, POOL(), layers.Dense(3, "softmax")]
        )
        return known(model, made.name)

    return build


ACTIVATIONS = {
    "leaky ReLU": (lambda: layers.LeakyReLU(negative_slope=0.1), True),
    "parametric ReLU": (lambda: layers.PReLU(shared_axes=[1, 2]), True),
    "ELU": (lambda: layers.ELU(), True),
    "ReLU up to 6": (lambda: layers.ReLU(max_value=6.0), False),
    "swish": (lambda: layers.Activation("swish"), True),
    "mish": (lambda: layers.Activation("mish"), True),
}
for name, (layer, signed) in ACTIVATIONS.items():
    add(name, activated(layer), classes=3, signed=signed)

CONVOLUTIONS = {
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="maps"),
    "separable": lambda: layers.SeparableConv2D(8, 3, activation="relu", name="maps"),
    "dilated": lambda: layers.Conv2D(8, 3, dilation_rate=2, padding="same", activation="relu", name="maps"),
    "in groups": lambda: layers.Conv2D(8, 3, groups=2, activation="relu", name="maps"),
    "transposed": lambda: layers.Conv2DTranspose(8, 3, strides=2, activation="relu", name="maps"),
}
for name, layer in CONVOLUTIONS.items():
    add(
        f"convolution, {name}",
        lambda layer=layer: known(sequential(POOL(), layers.Dense(2, "softmax"), maps=layer()), "maps"),
    )

NORMALIZATIONS = {
    "layer": lambda: layers.LayerNormalization(name="maps"),
    "group": lambda: layers.GroupNormalization(groups=3, name="maps"),
    "batch": lambda: layers.BatchNormalization(name="maps"),
}
for name, layer in NORMALIZATIONS.items():
    add(
        f"normalization, {name}",
        lambda layer=layer: known(sequential(POOL(), layers.Dense(2, "softmax"), maps=layer()), "maps"),
        signed=True,
        quick=name == "batch",
    )


@works()
def self_normalizing():
    """SELU with weights by LeCun and AlphaDropout; the last maps come of softplus."""
    parts = [
        *(layers.Conv2D(8, 3, 2, activation="selu", kernel_initializer="lecun_normal"), layers.AlphaDropout(0.1)),
        *(layers.Conv2D(8, 3, 2, activation="selu"), layers.Conv2D(8, 3, activation="softplus", name="maps")),
    ]
    start = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)]
    return known(keras.Sequential([*start, *parts, POOL(), layers.Dense(2, "softmax")]), "maps")


@works(classes=3)
def noise():
    """Layers that act in training alone, before the maps and behind the pooling."""
    maps = layers.Conv2D(8, 3, activation="relu", name="maps")
    before = [layers.GaussianNoise(0.1), layers.SpatialDropout2D(0.2), layers.GaussianDropout(0.1), maps]
    model = sequential(maps=layers.Conv2D(8, 3, activation="relu"))
    end = POOL(), layers.GaussianNoise(0.1), layers.Dropout(0.5), layers.Dense(3, "softmax")
    return known(keras.Sequential([keras.Input((32, 32, 3)), *model.layers, *before, *end]), "maps")


@keras.saving.register_keras_serializable("zoo")
class StochasticDepth(layers.Layer):
    """Leave out a branch of some images in training."""

    def __init__(self, rate, **more):
        super().__init__(**more)
        self.rate = rate

    def call(self, x, training=False):
        """Keep each image's branch with probability 1 - rate."""
        if not training:
            return x
        kept = keras.random.uniform((ops.shape(x)[0], 1, 1, 1)) >= self.rate
        return x * ops.cast(kept, x.dtype) / (1 - self.rate)

    def get_config(self):
        """The rate, to make the layer again."""
        return {**super().get_config(), "rate": self.rate}


def convolved(x, filters, strides=1, activation="relu", size=3):
    """Convolution, batch normalization and activation."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def start(filters=8, name=None):
    """An input, and a first convolution of a quarter of its size."""
    inputs = keras.Input((32, 32, 3), name=name)
    return inputs, convolved(layers.Rescaling(1 / 127.5, -1)(inputs), filters, strides=4, size=7)


@works(classes=10, closed=None)
def residual_network_of_the_keras_example():
    """Residual blocks, AveragePooling2D over all of the maps, Flatten, Dense."""
    inputs, x = start(filters=8)
    for filters in (8, 16):
        y = convolved(convolved(x, filters, filters // 8), filters, activation=None)
        x = layers.Conv2D(filters, 1, filters // 8, padding="same")(x)
        x = layers.Activation("relu")(layers.add([x, y]))
    pooled = layers.Flatten()(layers.AveragePooling2D(pool_size=4)(x))
    return ended(inputs, x, pooled, layers.Dense(10, "softmax", kernel_initializer="he_normal"))


@works(signed=True)
def residual_without_an_activation_behind():
    """An inverted residual: what is added last goes below 0."""
    inputs, x = start()
    y = layers.DepthwiseConv2D(3, padding="same")(convolved(x, 16))
    x = layers.Add(name="sum")([x, layers.Conv2D(8, 1)(layers.ReLU(6.0)(layers.BatchNormalization()(y)))])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works()
def stochastic_depth_in_a_layer_of_python():
    inputs, x = start()
    x = layers.ReLU()(x + StochasticDepth(0.2)(convolved(x, 8)))
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(quick=True)
def dense_block():
    """Each layer takes in all before it; the last concatenation is normalized and activated."""
    inputs, x = start(filters=4)
    for _ in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same", use_bias=False)(y)])
    x = layers.ReLU(name="maps")(layers.BatchNormalization()(x))
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(classes=3)
def inception_module():
    inputs, x = start()
    branches = [layers.Conv2D(4, 1, activation="relu")(x), layers.Conv2D(4, 3, padding="same", activation="relu")(x)]
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    x = layers.concatenate([*branches, layers.Conv2D(4, 1, activation="relu")(pooled)], name="mixed")
    return ended(inputs, x, POOL()(x), layers.Dense(3, "softmax"))


@works()
def shuffled_channels():
    """Channels in two groups, exchanged by Reshape and Permute."""
    inputs, x = start()
    x = layers.Permute((1, 2, 4, 3))(layers.Reshape((8, 8, 2, 4))(x))
    x = layers.Reshape((8, 8, 8), name="shuffled")(x)
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(classes=3)
def upsampled_maps():
    inputs, x = start()
    x = layers.UpSampling2D(interpolation="bilinear", name="upsampled")(x)
    return ended(inputs, x, POOL()(x), layers.Dense(3, "softmax"))


@works(classes=3, closed=False)
def pooled_by_a_layer_of_python():
    """Pooling by someone's own layer, which no library knows."""

    @keras.saving.register_keras_serializable("zoo")
    class Pooling(layers.Layer):
        def call(self, x):
            return ops.logsumexp(x, axis=(1, 2))

    inputs, x = start()
    return ended(inputs, x, Pooling()(x), layers.Dense(3, "softmax"))
