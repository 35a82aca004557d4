"""Model files that declare more than they store, nest without end or hold programs: a sentence, before Keras sees them.

A Lambda layer and a program of TensorFlow that Keras itself has saved are in test_security.py.
"""

import re

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import networks
from black_average_drop.model_files import archive_checks
from hostile_archives import BUILT, HOSTILE, KERNEL, SIX_GB, with_weights


@pytest.fixture
def saved(tmp_path, small_model):
    networks.save(small_model, tmp_path / "a.keras", networks.Facts(seed=1))
    return tmp_path / "a.keras"


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_before_keras_sees_it(saved, monkeypatch, name):
    spoil, said, what = HOSTILE[name]
    spoil(saved)
    seen = []
    monkeypatch.setattr(keras.saving, "load_model", lambda *arguments, **options: seen.append(arguments))
    with pytest.raises(ValueError) as caught:
        networks.load(saved)
    sentence = str(caught.value)
    pattern = re.escape(said.replace("{path}", str(saved)).replace("{what}", what))
    pattern = pattern.replace(re.escape(r"[\d.]+ \w+"), r"[\d.]+ \w+")
    assert re.match(pattern, sentence), sentence
    assert not seen and "\n" not in sentence and len(sentence) < 500


@pytest.mark.parametrize("name", BUILT)
def test_what_keras_cannot_build_is_one_sentence(saved, name):
    spoil, said = BUILT[name]
    spoil(saved)
    with pytest.raises(ValueError) as caught:
        networks.load(saved)
    sentence = str(caught.value)
    assert sentence.startswith(f"{saved} cannot be loaded as a Keras model ({said}"), sentence
    assert sentence.endswith("): save it again.") and "\n" not in sentence and len(sentence) < 500


def test_parameters_of_an_optimizer_and_other_names_of_weights_make_no_room(saved, small_model):
    """A file has as many parameters as its model, whatever lies next to them."""
    small_model.compile("adam", "mse")
    small_model.fit(np.zeros((2, 32, 32, 3)), np.zeros((2, 3)), verbose=0)
    small_model.save(saved)

    def again(file):
        for number in range(100):
            file[f"more{number}"] = file[KERNEL]

    with_weights(again)(saved)
    assert archive_checks.examine(saved, saved)[1] == small_model.count_params()


def own_layer():
    class Squeezed(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    return Squeezed, Squeezed


def own_activation():
    def swish_of_ours(inputs):
        return inputs

    return swish_of_ours, lambda: layers.Conv2D(3, 3, activation=swish_of_ours)


def around(layer, nested=False):
    parts = [keras.Input((32, 32, 3)), layer, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    model = keras.Sequential(parts)
    return keras.Sequential([keras.Input((32, 32, 3)), model]) if nested else model


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("own", [own_layer, own_activation])
def test_code_that_is_not_in_the_file_is_named_and_layers_of_keras_or_registered_ones_are_read(tmp_path, own, nested):
    path, (code, make) = tmp_path / "a.keras", own()
    around(make(), nested).save(path)
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    assert str(caught.value) == (
        f"{path} needs the code of {code.__name__}, which is not in the file: put layers of Keras's own in its place "
        "and save the model again, or name the file with that code, CODE=layers.py TRUST=yes."
    )
    around(layers.Conv2D(3, 3, activation="swish"), nested).save(path)
    networks.load(path)
    try:
        keras.saving.register_keras_serializable("tests")(code)
        around(make(), nested).save(path)
        networks.load(path)
    finally:
        del keras.saving.get_custom_objects()[f"tests>{code.__name__}"]


def test_a_file_of_weights_that_declares_more_than_it_stores_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(KERNEL, (SIX_GB,), "float32")
    monkeypatch.setattr(keras.Model, "load_weights", None)
    with pytest.raises(
        ValueError, match=rf"^{path} stores 0 bytes that declare 6 GB \({KERNEL}\): save the model again"
    ):
        networks.build("MobileNetV2", (64, 64), ("a", "b"), weights=path)
