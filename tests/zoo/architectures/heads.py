"""What people put between the last feature maps and the scores."""

import keras
from keras import layers, ops

from architectures.plain import sequential
from entry import ended, known, works

POOL = layers.GlobalAveragePooling2D


def trunk(name="maps"):
    """An input, and feature maps of it behind a ReLU."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.MaxPooling2D()(layers.Conv2D(6, 3, padding="same", activation="relu")(x))
    return inputs, layers.Conv2D(8, 3, strides=4, padding="same", activation="relu", name=name)(x)


def pooled_alone(model, maps, logits):
    """What is known of a model whose logits are a tensor of its own."""
    return known(model, maps, before=logits)._replace(last=None)


@works(quick=True, classes=3)
def pooled_normalized_dropped():
    end = POOL(), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3, "softmax")
    return known(sequential(*end), "maps")


@works(classes=3)
def two_linear_dense_layers():
    """A bottleneck without activation, normalized: all of it is one closed form."""
    end = POOL(), layers.Dense(4), layers.BatchNormalization(), layers.Rescaling(2.0, -1.0), layers.Dense(3, "softmax")
    return known(sequential(*end), "maps")


@works(closed=False, classes=3, quick=True)
def hidden_dense_layer():
    return known(sequential(POOL(), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(3, "softmax")), "maps")


@works(closed=False)
def normalized_behind_a_hidden_layer():
    """As notebooks on fine-tuning have it: dense layers with batch normalization between them and their ReLU."""
    end = [layers.Dense(8, use_bias=False), layers.BatchNormalization(), layers.Activation("relu")]
    return known(sequential(POOL(), *end, layers.Dense(2, "softmax")), "maps")


@works(closed=False)
def global_maximum():
    return known(sequential(layers.GlobalMaxPooling2D(), layers.Dense(2, "softmax")), "maps")


@works(closed=False)
def average_and_maximum():
    inputs, maps = trunk()
    pooled = layers.Concatenate()([POOL()(maps), layers.GlobalMaxPooling2D()(maps)])
    return ended(inputs, maps, pooled, layers.Dense(2, "softmax"))


@works(closed=False)
def average_maximum_and_flattened():
    """The three poolings of Kaggle's histopathology notebooks."""
    inputs, maps = trunk()
    pooled = [POOL()(maps), layers.GlobalMaxPooling2D()(maps), layers.Flatten()(maps)]
    x = layers.Dropout(0.5)(layers.Concatenate(axis=-1)(pooled))
    return ended(inputs, maps, x, layers.Dense(1, "sigmoid"))


@works(closed=False)
def flattened():
    return known(sequential(layers.Flatten(), layers.Dense(2, "softmax")), "maps")


@works(closed=None)
def average_pooling_as_large_as_the_maps():
    """AveragePooling2D over all of a map and Flatten are global average pooling by other names."""
    return known(sequential(layers.AveragePooling2D((5, 5)), layers.Flatten(), layers.Dense(2, "softmax")), "maps")


@works(closed=False)
def average_pooling_and_hidden_layer():
    """Maps averaged in windows, flattened, and a hidden layer, as in tutorials on COVID-19."""
    pooling = layers.AveragePooling2D(pool_size=(2, 2), name="windows")
    end = pooling, layers.Flatten(), layers.Dense(16, "relu"), layers.Dropout(0.5), layers.Dense(2, "softmax")
    return known(sequential(*end), "windows")


@works(closed=None)
def mean_by_an_operation():
    inputs, maps = trunk()
    return ended(inputs, maps, ops.mean(maps, axis=[1, 2]), layers.Dense(2, "softmax"))


@works(classes=5)
def network_in_network():
    """A linear 1 x 1 convolution with a map for each class, pooled: closed in what the convolution takes in."""
    inputs, maps = trunk()
    maps = layers.Activation("gelu", name="takes_part")(maps)
    last = layers.Conv2D(5, 1, name="class_maps")
    model = keras.Model(inputs, layers.Activation("softmax")(POOL()(last(maps))))
    return known(model, maps, last, after=lambda values: ops.mean(values, axis=(1, 2)))


@works(classes=4)
def class_maps_pooled():
    """Nothing learned behind the pooling: a map is a class."""
    last = layers.Conv2D(4, 3, padding="same", activation="relu", name="class_maps")
    pooling = POOL()
    model = sequential(last, pooling, layers.Softmax())
    return known(model, "class_maps", before=pooling.name)._replace(last=None)


@works(classes=4)
def squeeze_net():
    """Fire modules; conv10 with ReLU, pooled, softmax."""

    def fire(x, squeezed, expanded):
        x = layers.Conv2D(squeezed, 1, activation="relu", padding="valid")(x)
        left = layers.Conv2D(expanded, 1, activation="relu", padding="valid")(x)
        right = layers.Conv2D(expanded, 3, activation="relu", padding="same")(x)
        return layers.concatenate([left, right], axis=3)

    inputs = keras.Input((48, 48, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.MaxPooling2D(3, strides=2)(fire(fire(x, 4, 8), 4, 8))
    x = layers.Dropout(0.5)(fire(x, 6, 12))
    maps = layers.Activation("relu", name="relu_conv10")(layers.Conv2D(4, 1, padding="valid", name="conv10")(x))
    pooled = POOL()(maps)
    model = keras.Model(inputs, layers.Activation("softmax", name="loss")(pooled))
    return pooled_alone(model, maps, pooled)


@works(classes=3)
def convolution_behind_the_pooling():
    """MobileNet's way: pooled with rows and columns kept, a 1 x 1 convolution, and a softmax."""
    last = layers.Conv2D(3, 1, padding="same")
    end = POOL(keepdims=True), layers.Dropout(0.1), last, layers.Reshape((3,)), layers.Activation("softmax")
    return known(sequential(*end), "maps", last, after=lambda values: ops.squeeze(values, axis=(1, 2)))


@works(classes=3)
def convolution_with_its_own_softmax():
    last = layers.Conv2D(3, (1, 1), activation="softmax")
    end = layers.Reshape((1, 1, 8)), last, layers.Flatten()
    return known(sequential(POOL(), *end), "maps", last, after=lambda values: ops.squeeze(values, axis=(1, 2)))


@works()
def separate_activation():
    last = layers.Dense(2)
    return known(sequential(POOL(), last, layers.Activation("softmax")), "maps", last)


@works()
def softmax_layer():
    last = layers.Dense(2)
    return known(sequential(POOL(), last, layers.Softmax()), "maps", last)


@works(quick=True)
def softmax_operation():
    inputs, maps = trunk()
    last = layers.Dense(2)
    pooled = POOL()(maps)
    return known(keras.Model(inputs, ops.softmax(last(pooled))), maps, last, pooled)


@works(quick=True, classes=3, closed=None)
def temperature():
    """Logits divided by a temperature, for calibrated probabilities."""
    inputs, maps = trunk()
    last, pooled = layers.Dense(3), POOL()(maps)
    model = keras.Model(inputs, layers.Softmax()(last(pooled) / 2.5))
    return known(model, maps, last, pooled, after=lambda values: values / 2.5)


@works(classes=3, closed=None)
def temperature_as_rescaling():
    last = layers.Dense(3)
    end = last, layers.Rescaling(1 / 1.7), layers.Activation("softmax")
    return known(sequential(POOL(), *end), "maps", last, after=lambda values: values / 1.7)


@works(classes=3, closed=None)
def normalized_logits():
    """Batch normalization behind the dense layer, where it moves the logits themselves."""
    inputs, maps = trunk()
    last, scale = layers.Dense(3), layers.BatchNormalization()
    pooled = POOL()(maps)
    model = keras.Model(inputs, layers.Activation("softmax")(scale(last(pooled))))
    return known(model, maps, last, pooled, after=lambda values: scale(values, training=False))


@works(classes=3, closed=False)
def cosine_of_unit_vectors():
    """Features of length 1 before the dense layer, as face and metric learning do."""
    inputs, maps = trunk()
    x = layers.UnitNormalization()(POOL()(maps))
    return ended(inputs, maps, x, layers.Dense(3, "softmax", use_bias=False))


@works(classes=3, closed=False)
def generalized_mean():
    """Pooling by a power mean, as Kaggle's winners have it: the third powers are the last maps."""
    inputs, maps = trunk()
    powers = ops.power(ops.maximum(maps, 1e-6), 3.0)
    return ended(inputs, powers, ops.power(ops.mean(powers, axis=(1, 2)), 1 / 3), layers.Dense(3, "softmax"))


@works(closed=False, classes=3)
def sum_of_two_heads():
    """The logits of the average and of the maximum are added."""
    inputs, maps = trunk()
    one, other = layers.Dense(3), layers.Dense(3)
    logits = layers.Add()([one(POOL()(maps)), other(layers.GlobalMaxPooling2D()(maps))])
    return pooled_alone(keras.Model(inputs, layers.Softmax()(logits)), maps, logits)
