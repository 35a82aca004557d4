"""Models of every kind that can be read at their last feature maps, all of 32 x 32 pixels and 5 features."""

import keras
from keras import layers


def convolution(name="last_convolution"):
    return layers.Conv2D(5, 5, strides=8, padding="same", activation="relu", name=name)


def backbone(pooling=None):
    inputs = keras.Input((32, 32, 3))
    x = convolution()(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x) if pooling else x, name="backbone")


def functional():
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(convolution()(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(layers.Dropout(0.5)(x)))


def sequential(*end):
    head = [layers.GlobalAveragePooling2D(), *end]
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), convolution(), *head])


def nested(pooling):
    inputs = keras.Input((32, 32, 3))
    x = backbone(pooling)(layers.RandomFlip()(inputs))
    x = x if pooling else layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, "softmax")(x))


def nested_twice():
    inner = keras.Sequential([keras.Input((32, 32, 3)), backbone(pooling="avg")])
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Dense(3, "softmax")(inner(layers.Rescaling(0.5)(inputs))))


def nested_head():
    classifier = keras.Sequential([keras.Input((5,)), layers.Dropout(0.1), layers.Dense(3, "softmax")])
    return keras.Sequential([keras.Input((32, 32, 3)), backbone(pooling="avg"), classifier])


def any_size():
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(convolution()(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(x))


def flattened():
    end = layers.Flatten(), layers.Dense(3, "softmax")
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), convolution(), *end])


def two_poolings():
    inputs = keras.Input((32, 32, 3))
    maps = convolution()(layers.Rescaling(1 / 255)(inputs))
    squares = layers.Multiply()([maps, maps])
    pooled = layers.Concatenate()([layers.GlobalAveragePooling2D()(maps), layers.GlobalAveragePooling2D()(squares)])
    return keras.Model(inputs, layers.Dense(3, "softmax")(pooled))


def image_next_to_its_features():
    inputs = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling2D()(convolution()(inputs))
    both = layers.Concatenate()([pooled, layers.Flatten()(inputs)])
    return keras.Model(inputs, layers.Dense(3, "softmax")(both))


OTHER_HEADS = {
    "flattened": flattened,
    "flattened behind a nested backbone": lambda: keras.Sequential(
        [keras.Input((32, 32, 3)), backbone(), layers.Flatten(), layers.Dense(3, "softmax")]
    ),
    "hidden layer": lambda: sequential(layers.Dense(4, "tanh"), layers.Dense(3, "relu", bias_initializer="ones")),
    "hidden layer behind nested pooling, nested head": lambda: keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), backbone(pooling="avg"), layers.Dense(4, "tanh")),
            keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")]),
        ]
    ),
    "two poolings": two_poolings,
}

MODELS = {
    "functional": functional,
    "sequential": lambda: sequential(layers.Dense(3, "relu", bias_initializer="ones")),
    "separate activation": lambda: sequential(layers.Dense(3), layers.Activation("softmax")),
    "softmax layer": lambda: sequential(layers.Dense(3), layers.Softmax()),
    "relu layer": lambda: sequential(layers.Dense(3, bias_initializer="ones"), layers.ReLU()),
    "no bias": lambda: sequential(layers.Dense(3, "softmax", use_bias=False)),
    "dropout behind": lambda: sequential(layers.Dense(3, "softmax"), layers.Dropout(0.5)),
    "cast behind": lambda: sequential(layers.Dense(3, "softmax"), layers.Activation("linear", dtype="float32")),
    "several labels": lambda: sequential(layers.Dense(3, "sigmoid")),
    "nested, pooling outside": lambda: nested(None),
    "nested, pooling inside": lambda: nested("avg"),
    "nested twice": nested_twice,
    "nested head": nested_head,
    "kept dimensions": lambda: keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), convolution(), layers.GlobalAveragePooling2D(keepdims=True)),
            *(layers.Flatten(), layers.Dense(3, "softmax")),
        ]
    ),
}


def classifier(*parts, outputs=2):
    inputs = x = keras.Input((32, 32, 3))
    for part in parts:
        x = part(x)
    return keras.Model(inputs, layers.Dense(outputs, "softmax")(x), name="outside")
