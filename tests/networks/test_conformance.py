"""Each implementation of `networks.Network` keeps the promises of the protocol, that of CONTRIBUTING too."""

import importlib.util
import re
import sys
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

import conformance
import token_models
from black_average_drop import networks
from black_average_drop.files import ROOT
from closeness import assert_close
from example_models import convolution, two_poolings
from gradients_by_hand import by_hand


def with_a_path_around():
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(5, 5, strides=4, padding="same", activation="relu", name="first")(
        layers.Rescaling(1 / 255)(inputs)
    )
    x = layers.Add()([x, layers.Conv2D(5, 3, padding="same", activation="relu", name="aside")(x)])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def pooled():
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(convolution()(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3)(x))


def without_activation(model):
    """A model of the same layers that ends in logits."""
    last = model.layers[-1]
    logits = layers.Dense(last.units)
    whole = keras.Model(model.inputs, logits(last.input))
    logits.set_weights(last.get_weights())
    return whole


KERAS = {
    "pooled, softmax": (pooled, "last_convolution", {"activation": "softmax"}),
    "pooled, several labels": (pooled, "last_convolution", {"activation": "sigmoid"}),
    "differentiated": (lambda: without_activation(two_poolings()), "last_convolution", {"activation": "softmax"}),
    "with a path around": (with_a_path_around, "aside", {"activation": "softmax", "layer": "aside"}),
}


TOKENS = {
    "transformer with a class token": token_models.with_a_class_token,
    "transformer whose class token is pooled": token_models.class_token_pooled_too,
    "transformer, pooled": token_models.pooled,
    "mixer": token_models.mixer,
    "windows of tokens": token_models.swin,
}


@pytest.mark.parametrize("name", TOKENS)
def test_transformers_conform(name, pixels):
    keras.utils.set_random_seed(2)
    model, tokens, front = TOKENS[name]()

    def on_grid(images, classes):
        values, logits, slopes = by_hand(model, tokens, model.outputs[0], images, classes)
        features, slopes = (np.asarray(one)[:, front:].reshape(len(images), 4, 4, -1) for one in (values, slopes))
        return features, logits, slopes

    conformance.check(networks.CamNetwork.from_model(model, activation="softmax"), pixels, on_grid, of_drops=5e-3)


@pytest.mark.parametrize("name", KERAS)
def test_keras_models_conform(name, pixels):
    keras.utils.set_random_seed(3)
    build, layer, settings = KERAS[name]
    model = build()

    expected = partial(by_hand, model, model.get_layer(layer).output, model.outputs[0])
    conformance.check(networks.CamNetwork.from_model(model, **settings), pixels, expected)


def test_the_network_of_contributing_conforms(tmp_path, monkeypatch, generator):
    """As a module of its own, since pickle carries a class by its name."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    code = re.search(r"^## Add a network$.*?^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    assert code.count("\n") < 40
    path = tmp_path / "contributed.py"
    path.write_text(code)
    specification = importlib.util.spec_from_file_location("contributed", path)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "contributed", module)
    specification.loader.exec_module(module)
    network = module.ColourNetwork()

    def by_patches(images, classes):
        patches = images.reshape(len(images), 4, 16, 4, 16, 3).astype("float64")
        features = patches.mean(axis=(2, 4)) / 255
        logits = features.mean(axis=(1, 2)) @ network.head_weights
        slopes = [[network.head_weights[:, one] / 16] * 16 for one in classes]
        return features, logits, np.reshape(slopes, features.shape)

    conformance.check(network, generator.integers(0, 256, (6, 64, 64, 3)).astype("uint8"), by_patches)


def test_the_check_notices_what_does_not_conform(pixels, monkeypatch):
    model = pooled()
    network = networks.CamNetwork.from_model(model, activation="softmax")
    features, logits, _ = network.explain(pixels)
    assert_close(logits, model.predict(pixels.astype("float32"), verbose=0))
    monkeypatch.setattr(network, "head_weights", network.head_weights * 1.001)
    slopes = np.broadcast_to(model.layers[-1].get_weights()[0].T[np.arange(10) % 3][:, None, None] / 16, features.shape)
    with pytest.raises(AssertionError):
        conformance.check(network, pixels, lambda images, classes: (features, logits, slopes))
