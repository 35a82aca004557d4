"""Models that are saved with their facts and loaded again, whatever layers they have."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import networks
from closeness import assert_close
from example_models import nested


def test_saved_file_carries_its_facts(tmp_path, small_model, pixels):
    path, saved = tmp_path / "new" / "model.keras", networks.Facts(class_names=("a", "b", "c"), seed=4)
    networks.save(small_model, path, saved)
    model, facts = networks.load(path)
    assert facts == saved
    assert_close(*(one.predict(pixels.astype("float32"), verbose=0) for one in (model, small_model)))
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


# What 01_train wrote into a file before facts were a dataclass, with an entry that no version knows.
STORED = {
    "image_size": [64, 64],
    "profile": "smoke",
    "seed": 0,
    "test_images": 20,
    "batch_size": 8,
    "epochs": 2,
    "learning_rate": 0.002,
    "head_epochs": 0,
    "head_learning_rate": 0.001,
    "warm_up": 0.5,
    "patience": 0,
    "augmentation": "none",
    "balanced": False,
    "dropout": 0.0,
    "source": "phantom radiographs",
    "class_names": ["normal", "pneumonia"],
    "backbone": "small_cnn",
    "weights": "random",
    "precision": "float32",
    "activation": "relu",
    "training_seed": 0,
    "test_quality": 0.75,
    "chosen_epoch": 1,
    "trained_epochs": 2,
}


def test_facts_are_stored_as_they_were_before_they_had_a_class(tmp_path, small_model):
    """The same bytes: versions before and after read each other's files."""
    path = tmp_path / "model.keras"
    small_model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("black_average_drop.json", json.dumps(STORED | {"unknown": [1]}, indent=1))
    model, facts = networks.load(path)
    assert facts.image_size == (64, 64) and facts.class_names == ("normal", "pneumonia") and facts.balanced is False
    networks.save(model, path, facts)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("black_average_drop.json").decode() == json.dumps(STORED, indent=1)


def test_files_that_cannot_be_loaded_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.keras is missing"):
        networks.load(tmp_path / "nothing.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK not a model")
    with pytest.raises(ValueError, match="broken.keras cannot be loaded"):
        networks.load(tmp_path / "broken.keras")


def test_reloaded_model_reads_the_same(tmp_path, pixels):
    model = nested("avg")
    model.save(tmp_path / "outside.keras")
    loaded, facts = networks.load(tmp_path / "outside.keras")
    assert facts == networks.Facts()
    before, after = (networks.CamNetwork.from_model(one).explain(pixels) for one in (model, loaded))
    for one, other in zip(after, before, strict=True):
        assert_close(one, other)


def repack(path, compression):
    """Write the members of an archive again, compressed in another way."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def text_and_states():
    """Layers with states next to their weights, some of which no file holds."""
    inputs = keras.Input((32, 32, 3))
    x = layers.RandomFlip()(layers.Normalization(mean=[0.0] * 3, variance=[1.0] * 3)(inputs))
    x = layers.BatchNormalization()(layers.SpectralNormalization(layers.Conv2D(8, 3, activation="relu"))(x))
    tokens = layers.Reshape((-1, 8))(x)
    tokens = layers.MultiHeadAttention(2, 4)(tokens, tokens)
    tokens = layers.Bidirectional(layers.LSTM(4, dropout=0.1))(tokens)
    return keras.Model(inputs, layers.Dense(2, "softmax")(layers.Dropout(0.1)(tokens)))


def mobile():
    backbone = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    return keras.Sequential([keras.Input((32, 32, 3)), backbone, layers.GlobalAveragePooling2D(), layers.Dense(2)])


def zeros():
    """Whose weights compress to nothing."""
    zero = {"kernel_initializer": "zeros"}
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(300, **zero), layers.Dense(2)])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("make", [text_and_states, mobile])
def test_what_keras_saved_is_loaded_whatever_is_in_it(tmp_path, make, compression, pixels):
    model = make()
    model.compile("adam", "mse")
    model.save(tmp_path / "a.keras")
    repack(tmp_path / "a.keras", compression)
    loaded, facts = networks.load(tmp_path / "a.keras")
    assert facts == networks.Facts() and loaded.count_params() == model.count_params()
    assert_close(*(one.predict(pixels.astype("float32"), verbose=0) for one in (loaded, model)))


def test_weights_of_zeros_are_loaded_as_keras_saves_them(tmp_path):
    zeros().save(tmp_path / "a.keras")
    assert not np.any(networks.load(tmp_path / "a.keras")[0].layers[1].get_weights()[0])
