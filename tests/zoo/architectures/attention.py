"""Attention over channels and positions, as squeeze-and-excitation began it."""

from keras import layers, ops

from architectures.blocks import convolved, start
from entry import LATER, ended, works

POOL = layers.GlobalAveragePooling2D


def excited(x, ratio=2):
    """Squeeze-and-excitation with dense layers."""
    channels = x.shape[-1]
    weights = layers.Dense(channels // ratio, activation="relu", use_bias=False)(POOL()(x))
    weights = layers.Dense(channels, activation="sigmoid", use_bias=False)(weights)
    return layers.Multiply()([x, layers.Reshape((1, 1, channels))(weights)])


@works()
def squeeze_and_excitation():
    inputs, x = start()
    x = excited(x)
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works()
def squeeze_and_excitation_by_convolutions():
    """As EfficientNet has it, the weights first."""
    inputs, x = start()
    weights = layers.Conv2D(4, 1, activation="swish")(POOL(keepdims=True)(x))
    x = layers.multiply([layers.Conv2D(8, 1, activation="sigmoid")(weights), x])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(quick=True)
def channels_then_positions():
    """CBAM: one perceptron on average and maximum, then a convolution over mean and maximum of the channels."""
    inputs, x = start()
    hidden, out = layers.Dense(4, "relu"), layers.Dense(8)
    both = layers.Add()([out(hidden(POOL()(x))), out(hidden(layers.GlobalMaxPooling2D()(x)))])
    x = layers.Multiply()([x, layers.Reshape((1, 1, 8))(layers.Activation("sigmoid")(both))])
    flat = layers.Concatenate()([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)])
    x = layers.Multiply(name="maps")([x, layers.Conv2D(1, 5, padding="same", activation="sigmoid")(flat)])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(classes=3)
def efficient_channel_attention():
    """A convolution along the channels of the pooled maps."""
    inputs, x = start()
    weights = layers.Reshape((8, 1))(POOL()(x))
    weights = layers.Activation("sigmoid")(layers.Conv1D(1, 3, padding="same", use_bias=False)(weights))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 8))(weights)])
    return ended(inputs, x, POOL()(x), layers.Dense(3, "softmax"))


@works()
def gated_positions():
    inputs, x = start()
    gate = layers.Conv2D(1, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="relu")(x))
    x = layers.Multiply(name="gated")([x, gate])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works(closed=False, signed=True, notice=LATER)
def attention_of_kaggle():
    """Pooled maps times attention, divided by the pooled attention, then hidden layers."""
    inputs, x = start()
    maps = layers.BatchNormalization(name="bn_features")(layers.Conv2D(12, 3, padding="same")(x))
    attention = layers.Conv2D(8, 1, padding="same", activation="relu")(layers.Dropout(0.5)(maps))
    attention = layers.Conv2D(1, 1, padding="valid", activation="sigmoid")(attention)
    spread = layers.Conv2D(12, 1, padding="same", activation="linear", use_bias=False)
    attention = spread(attention)
    spread.set_weights([spread.get_weights()[0] * 0 + 1])
    spread.trainable = False
    pooled = POOL()(layers.multiply([attention, maps])) / POOL()(attention)
    x = layers.Dropout(0.25)(layers.Dense(8, activation="relu")(layers.Dropout(0.25)(pooled)))
    return ended(inputs, maps, x, layers.Dense(2, "softmax"))


@works(closed=False, notice="^$")
def attention_as_pooling():
    """Weights of positions that sum to 1 by a softmax, as multiple-instance learning has it."""
    inputs, maps = start()
    flat = layers.Reshape((64, 8))(maps)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(4, "tanh")(flat)))
    weighted = flat * weights
    return ended(inputs, weighted, ops.sum(weighted, axis=1), layers.Dense(2, "softmax"), grid=(8, 8, 0))


@works(signed=True)
def positions_attend_to_positions():
    """A non-local block: self-attention over all positions, back in rows and columns, with a path around it."""
    inputs, x = start()
    query, key, value = (layers.Reshape((64, 4))(layers.Conv2D(4, 1)(x)) for _ in range(3))
    shares = layers.Softmax()(layers.Dot(axes=2)([query, key]))
    seen = layers.Reshape((8, 8, 4))(layers.Dot(axes=(2, 1))([shares, value]))
    x = layers.Add(name="sum")([x, layers.Conv2D(8, 1)(seen)])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))


@works()
def attention_gate_of_a_u_net():
    """Deep maps say which places of shallow ones count."""
    inputs, shallow = start()
    deep = layers.UpSampling2D()(convolved(shallow, 8, strides=2))
    both = layers.ReLU()(layers.Add()([layers.Conv2D(4, 1)(shallow), layers.Conv2D(4, 1)(deep)]))
    x = layers.Multiply(name="gated")([shallow, layers.Conv2D(1, 1, activation="sigmoid")(both)])
    return ended(inputs, x, POOL()(x), layers.Dense(2, "softmax"))
