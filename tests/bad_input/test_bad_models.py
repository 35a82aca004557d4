"""Models, evaluated on six images; outcome: the drop of each row, or which methods can be drawn."""

import keras
import numpy as np
from keras import layers

from bad_cases import Case, refused, table_of
from bad_networks import evaluated, network

NAN = np.full(6, np.nan)


def spoilt(value):
    model = network()
    kernel, bias = model.layers[-1].get_weights()
    kernel[0, 0] = value
    model.layers[-1].set_weights([kernel, bias])
    return model


def forked(inputs, outputs):
    pixels = [keras.Input((32, 32, 3)) for _ in range(inputs)]
    joined = layers.Add()(pixels) if inputs > 1 else pixels[0]
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation="relu")(joined))
    return keras.Model(pixels, [layers.Dense(2, "softmax")(pooled) for _ in range(outputs)], name="forked")


def head(activation, **start):
    return layers.Dense(3, activation, **start)


ALL_ALIKE = "The network gives all 6 images the same scores: check its weights and preprocessing."
NO_NUMBER = "The network gives a score that is NaN or infinite: train it again, or load another."
ONE_CLASS = "Model small has one output: two classes are expected, or one output with sigmoid."
OUTPUTS = 'Model forked has 2 outputs (...): choose one, such as output="...".'
INPUTS = (
    "Model forked has 2 inputs without a value (...): give a value to each that is not the image, such as "
    'held={"...": 0}.'
)
DEAD = {"bias_initializer": keras.initializers.Constant(-99)}
MODELS = [
    Case("no global average pooling", lambda: network(pooling=layers.Flatten), ["Grad-CAM", "Grad-CAM++"]),
    Case("two outputs", lambda: forked(1, 2), OUTPUTS),
    Case("two inputs", lambda: forked(2, 1), INPUTS),
    Case("one class, softmax", lambda: network(layers.Dense(1, "softmax")), ONE_CLASS),
    Case("one class, ReLU", lambda: network(layers.Dense(1, "relu")), ONE_CLASS),
    Case("one class, sigmoid", lambda: network(layers.Dense(1, "sigmoid")), ["CAM", "Grad-CAM", "Grad-CAM++"]),
    Case(
        "logits alone",
        lambda: network(layers.Dense(3)),
        'The head of small has no activation: pass activation="softmax", "sigmoid" where labels come together, or '
        '"relu".',
    ),
    Case("a weight that is NaN", lambda: spoilt(np.nan), NO_NUMBER),
    Case("a weight that is infinite", lambda: spoilt(np.inf), NO_NUMBER),
    Case("constant output", lambda: network(head("softmax", kernel_initializer="zeros")), ALL_ALIKE),
    Case("feature maps of 0", lambda: network(convolution=layers.Conv2D(5, 5, activation="relu", **DEAD)), ALL_ALIKE),
    Case("dead ReLU head", lambda: network(head("relu", **DEAD)), NAN),
    Case(
        "another image size",
        lambda: network(size=64),
        "images (6, 32, 32, 3) do not fit the network: pixels (N, 64, 64, 3) are expected.",
    ),
    Case(
        "feature maps that go negative",
        lambda: network(convolution=layers.Conv2D(5, 5, strides=8, name="maps")),
        "Grad-CAM++ on the output of layer 'maps': Grad-CAM++ needs feature maps >= 0, these go negative: choose "
        "Grad-CAM++ (positive part) in its place.",
    ),
    Case("no model", lambda: "model.keras", "A Keras model is expected, not str: load it from its file."),
]


@table_of(MODELS)
def test_models(case):
    model = case.make()
    if isinstance(case.outcome, str):
        refused(lambda: evaluated(model), case.outcome)
    elif isinstance(case.outcome, list):
        rows = evaluated(model, case.outcome)
        assert list(rows["method"].unique()) == case.outcome and rows["drop"].between(0, 1).all()
        if "CAM" not in case.outcome:
            refused(lambda: evaluated(model), "CAM on the output of layer 'maps': CAM needs a head ...: leave CAM out.")
    else:  # every image stays in the table, with no drop: the notebooks count these
        for _, rows in evaluated(model).groupby(["method", "metric"]):
            np.testing.assert_array_equal(rows["drop"], case.outcome)
            assert list(rows["id"]) == list(range(6)) and (rows["full_score"] == 0).all()
