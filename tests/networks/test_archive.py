"""Models that are saved with their facts and loaded again, whatever layers they have."""

import zipfile

import keras
import numpy as np
import pytest
from example_models import nested
from keras import layers

from black_average_drop import networks
from closeness import assert_close


def test_saved_file_carries_its_facts(tmp_path, small_model, pixels):
    path = tmp_path / "new" / "model.keras"
    networks.save(small_model, path, {"class_names": ["a", "b", "c"], "seed": 4})
    model, facts = networks.load(path)
    assert facts == {"class_names": ["a", "b", "c"], "seed": 4}
    assert_close(*(one.predict(pixels.astype("float32"), verbose=0) for one in (model, small_model)))
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


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
    assert facts == {}
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
    """Layers with states beside their weights, some of which no file holds."""
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
    assert facts == {} and loaded.count_params() == model.count_params()
    assert_close(*(one.predict(pixels.astype("float32"), verbose=0) for one in (loaded, model)))


def test_weights_of_zeros_are_loaded_as_keras_saves_them(tmp_path):
    zeros().save(tmp_path / "a.keras")
    assert not np.any(networks.load(tmp_path / "a.keras")[0].layers[1].get_weights()[0])
