"""Convolutional networks as tutorials and notebooks begin with them."""

import tempfile
from pathlib import Path

import keras
from keras import layers

from entry import Built, chained, known, works


def sequential(*end, maps=None):
    """Rescaling, two convolutions of which the second is named "maps", and an end."""
    maps = maps or layers.Conv2D(8, 3, activation="relu", name="maps")
    first = [layers.Conv2D(6, 5, strides=2, activation="relu"), layers.MaxPooling2D()]
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), *first, maps, *end])


@works(quick=True)
def pooled_softmax():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")), "maps")


@works(quick=True, activation="sigmoid", classes=14)
def fourteen_findings():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(14, "sigmoid")), "maps")


@works(quick=True)
def one_sigmoid():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")), "maps")


@works(settings={"activation": "sigmoid"}, quick=True)
def one_linear_logit():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(1)), "maps")


@works(classes=4, settings={"activation": "softmax"})
def linear_logits_read_with_softmax():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(4)), "maps")


@works(classes=3, activation="sigmoid", settings={"activation": "sigmoid"})
def linear_logits_read_with_sigmoid():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(3)), "maps")


@works(classes=3, activation="relu", settings={"activation": "relu"})
def softmax_read_with_relu():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")), "maps")


@works(classes=3, activation="relu")
def pooled_relu():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(3, "relu")), "maps")


@works(classes=10)
def without_a_bias():
    return known(sequential(layers.GlobalAveragePooling2D(), layers.Dense(10, "softmax", use_bias=False)), "maps")


@works(closed=False, classes=10)
def digits_tutorial():
    """Two convolutions with pooling, flattened, Dropout, Dense."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(12, 3, activation="relu"), layers.MaxPooling2D(name="maps")),
            *(layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, "softmax")),
        ]
    )
    return known(model, "maps")


@works(closed=False, settings={"preprocessing": lambda pixels: pixels / 255})
def cats_and_dogs():
    """Scaled outside of the model, flattened, a hidden layer and one sigmoid."""
    model = keras.Sequential([keras.Input((48, 48, 3))])
    for filters in (8, 12, 16):
        model.add(layers.Conv2D(filters, (3, 3), activation="relu"))
        model.add(layers.MaxPooling2D((2, 2), name="maps" if filters == 16 else None))
    for layer in (layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dropout(0.5)):
        model.add(layer)
    model.add(layers.Dense(1, activation="sigmoid"))
    return known(model, "maps")


@works(closed=False, signed=True)
def pneumonia_of_kaggle():
    """Pairs of separable convolutions with batch normalization, flattened, three dense layers with Dropout."""
    inputs = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2))(x)
    for filters in (12, 16, 20):
        x = layers.SeparableConv2D(filters, (3, 3), activation="relu", padding="same")(x)
        x = layers.SeparableConv2D(filters, (3, 3), activation="relu", padding="same")(x)
        x = layers.BatchNormalization()(x)
        maps = x = layers.MaxPooling2D(pool_size=(2, 2))(x)
    x = layers.Flatten()(x)
    for units, rate in ((32, 0.7), (16, 0.5), (8, 0.3)):
        x = layers.Dropout(rate)(layers.Dense(units, activation="relu")(x))
    return known(keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x)), maps)


@works(signed=True)
def made_without_an_input_shape():
    """A Sequential model that learns its shape from its first images; its last maps come of batch normalization."""
    maps = layers.BatchNormalization(name="maps")
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(8, 5, 4, activation="relu"), maps]
    model = keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")])
    model.build((None, 40, 40, 3))
    return known(model, "maps")


@works()
def begun_with_an_input_layer():
    parts = [layers.InputLayer(shape=(40, 40, 3)), layers.Rescaling(1 / 127.5, -1)]
    maps = layers.Conv2D(8, 5, 4, activation="relu", name="maps")
    return known(keras.Sequential([*parts, maps, layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")]), "maps")


@works(classes=3)
def sequences_within_a_sequence():
    """A Sequential backbone and a Sequential classifier in a third one."""
    backbone = sequential(maps=layers.Conv2D(8, 3, activation="relu", name="maps"))
    dense = layers.Dense(3, "softmax")
    head = keras.Sequential([keras.Input((5, 5, 8)), layers.GlobalAveragePooling2D(), layers.Dropout(0.2), dense])
    model = keras.Sequential([keras.Input((32, 32, 3)), backbone, head])
    inputs, outputs = chained(backbone)
    pooled = layers.GlobalAveragePooling2D()(outputs["maps"])
    return Built(model, keras.Model(inputs, [outputs["maps"], pooled]), "maps", dense)


@works(quick=True)
def saved_and_loaded():
    model = sequential(layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax"))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        return known(keras.models.load_model(Path(folder) / "model.keras"), "maps")


@keras.saving.register_keras_serializable("zoo")
class TrainedInAnotherWay(keras.Model):
    """A model of layers that are known, with a training step of its own."""

    def train_step(self, data):
        """As Keras's."""
        return super().train_step(data)


@works(classes=3)
def functional_with_a_training_step_of_its_own():
    inputs = keras.Input((32, 32, 3))
    maps = layers.Conv2D(8, 5, strides=4, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    last, pooled = layers.Dense(3, "softmax"), layers.GlobalAveragePooling2D()(maps)
    return known(TrainedInAnotherWay(inputs, last(pooled)), maps, last, pooled)


@works(quick=True)
def mixed_precision():
    """Layers compute in float16; only the softmax is in float32, as Keras advises."""

    def made():
        logits = layers.Dense(2, name="logits")
        end = layers.GlobalAveragePooling2D(), logits, layers.Activation("softmax", dtype="float32")
        return known(sequential(*end), "maps", logits)

    exact = made()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return exact._replace(model=made().model, exact=exact.model)
    finally:
        keras.mixed_precision.set_global_policy("float32")
