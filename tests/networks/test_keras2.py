"""Files that Keras 2 wrote, read as Keras 3 models: they answer what tf_keras answered, in a process of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

from black_average_drop import networks
from black_average_drop.model_files import keras2_names
from closeness import assert_close

SCRIPT = Path(__file__).with_name("keras2_models.py")
# As the script has them, which no process but its own can import.
NAMES = (
    *("sequential", "augmented", "mobile", "thawed", "partly_frozen", "caffe", "arithmetic", "sliced"),
    *("old_operations", "shared", "graph_last", "kinds_of_layers", "mixed"),
)
NOT_IN_ARCHIVES = ("caffe", "sliced")  # tf_keras cannot save a slice as .keras


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras2")
    subprocess.run([sys.executable, SCRIPT, folder], check=True, capture_output=True)
    return folder


def answers(path, folder):
    model, facts = networks.load(path)
    assert facts == networks.Facts()
    return keras.ops.convert_to_numpy(model(np.load(folder / "pixels.npy"), training=False))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_model_answers_what_tf_keras_answered(written, name, suffix):
    path = written / f"{name}.{suffix}"
    assert path.exists() != (suffix == "keras" and name in NOT_IN_ARCHIVES)
    if path.exists():
        expected = np.load(written / f"{name}.npy")
        assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()  # each image has an answer of its own
        assert_close(answers(path, written), expected, 3e-2 if name == "mixed" else 1e-5)


@pytest.mark.parametrize("weights", ["partly_frozen.h5", "partly_frozen.weights.h5", "partly_frozen_old.h5"])
def test_an_architecture_is_read_with_the_weights_next_to_it(written, tmp_path, weights):
    """Of a whole model, of tf_keras's newer format, and of weights alone in the older one."""
    shutil.copy(written / "partly_frozen.json", tmp_path / "model.json")
    shutil.copy(written / weights, tmp_path / ("model.weights.h5" if "weights" in weights else "a.h5"))
    assert_close(answers(tmp_path / "model.json", written), np.load(written / "partly_frozen.npy"))


def test_of_several_files_of_weights_the_one_of_the_usual_name_is_read(written, tmp_path):
    shutil.copy(written / "partly_frozen.json", tmp_path / "cnn.json")
    for name in ("a.h5", "b.h5"):
        shutil.copy(written / "sequential.h5", tmp_path / name)
    with pytest.raises(ValueError) as caught:
        networks.load(tmp_path / "cnn.json")
    assert str(caught.value) == (
        f"{tmp_path}/cnn.json holds an architecture alone, and 2 files of weights next to it can be meant: name the "
        "file of its weights cnn.weights.h5."
    )
    shutil.copy(written / "partly_frozen.weights.h5", tmp_path / "cnn.weights.h5")
    assert_close(answers(tmp_path / "cnn.json", written), np.load(written / "partly_frozen.npy"))


def test_a_saved_model_is_refused_and_the_remedy_works(written):
    with pytest.raises(ValueError, match="is a SavedModel, which is a program, not layers"):
        networks.load(written / "saved_model")
    assert_close(answers(written / "of_saved_model.h5", written), np.load(written / "sequential.npy"))


def test_an_archive_that_is_hdf5_by_its_bytes_is_read_as_such(written, tmp_path):
    """TensorFlow before 2.12 wrote HDF5 whatever the name."""
    shutil.copy(written / "augmented.h5", tmp_path / "a.keras")
    assert_close(answers(tmp_path / "a.keras", written), np.load(written / "augmented.npy"))


def changed(source, path, change):
    """A copy of an HDF5 file with its architecture changed."""
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)
    return path


def of_class(name, **settings):
    """The layer after the first, as one of another class."""

    def change(found):
        found[1]["class_name"] = name
        found[1]["config"] = {"name": "other"} | settings
        found[1]["inbound_nodes"] = [[[found[0]["name"], 0, 0, {}]]]

    return change


def operation(function):
    return of_class("TFOpLambda", function=function)


UNREAD = "which is not read from files of Keras 2: put a Keras layer in its place and save the model again."
REFUSED = {
    "an operation": (
        operation("linalg.inv"),
        f"holds the TensorFlow operation linalg.inv (layer tf.__operators__.getitem), {UNREAD}",
    ),
    "a way of normalizing": (
        of_class("BatchNormalization", renorm=True),
        f"holds the setting renorm of layer tf.__operators__.getitem, {UNREAD}",
    ),
    "a layer that Keras 3 has not": (
        of_class("LocallyConnected2D", filters=3),
        "holds a LocallyConnected2D layer (tf.__operators__.getitem), which Keras 3 does not have: put another layer "
        "in its place and save the model again.",
    ),
    "a layer of the user": (
        of_class("mine>Squeezed"),
        "needs the code of Squeezed, which is not in the file: put layers of Keras's own in its place and save",
    ),
    "an activation of the user": (
        lambda found: found[3]["config"].update(activation="mine"),
        "needs the code of mine, which is not in the file: put layers of Keras's own in its place and save the model",
    ),
    "more channels": (
        lambda found: found[3]["config"].update(filters=5),
        "does not go with its architecture (layer conv/1 has an array of (3, 3, 3, 4), not (3, 3, 3, 5)): save the "
        "whole model again.",
    ),
    "another layer": (
        lambda found: found[3]["config"].update(use_bias=False),
        "does not go with its architecture (layer conv/1 has 2 arrays, not 1): save the whole model again.",
    ),
    "no layers": (
        lambda found: found.clear(),
        "cannot be loaded as a Keras model (Internal error: could not find layer input_1",
    ),
    "layers that are none": (
        lambda found: found.__setitem__(1, 7),
        "cannot be loaded as a Keras model (its architecture is damaged, ",
    ),
    "a huge layer": (
        lambda found: found[3]["config"].update(filters=10**12),
        "cannot be loaded as a Keras model (it declares more parameters than it stores): save it again.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_sentence(written, tmp_path, name):
    change, said = REFUSED[name]
    path = changed(written / "caffe.h5", tmp_path / "a.h5", change)
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    assert str(caught.value).startswith(f"{path} {said}"), str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_the_names_of_layers_are_those_of_both_libraries(written):
    both = {name for name in (written / "layers.txt").read_text().split() if hasattr(keras.layers, name)}
    assert both == keras2_names.LAYERS_OF_BOTH


def test_registered_code_is_used(written, tmp_path):
    class Squeezed(layers.Layer):
        def call(self, inputs):
            return inputs[..., ::-1]

    path = changed(written / "caffe.h5", tmp_path / "a.h5", of_class("mine>Squeezed"))

    def mine(inputs):
        return -inputs

    activated = changed(
        written / "caffe.h5", tmp_path / "b.h5", lambda found: found[3]["config"].update(activation="mine")
    )
    try:
        for code in (Squeezed, mine):
            keras.saving.register_keras_serializable("tests")(code)
        assert networks.load(activated)[0].get_layer("conv.1").activation is mine
        assert_close(answers(path, written), np.load(written / "caffe.npy"))
    finally:
        for name in ("tests>Squeezed", "tests>mine"):
            keras.saving.get_custom_objects().pop(name, None)


def spoiled(change):
    def spoil(path):
        with h5py.File(path, "r+") as file:
            change(file["model_weights"])

    return spoil


def replaced(**described):
    def change(group):
        del group["conv/1/conv/1/bias:0"]
        group["conv/1/conv/1"].create_dataset("bias:0", **described)

    return spoiled(change)


def linked(group):
    del group["conv/1/conv/1/bias:0"]
    group["conv/1/conv/1/bias:0"] = h5py.ExternalLink("/etc/hostname", "/")


def swapped(group):
    group["conv/1"].attrs["weight_names"] = ["conv/1/bias:0", "conv/1/kernel:0"]


def described(content):
    return spoiled(lambda group: group.file.attrs.__setitem__("model_config", content))


def nameless(group):
    del group["dense"].attrs["weight_names"]


HOSTILE = {
    "weights of nothing": (
        replaced(shape=(10**10,), dtype="float32", chunks=(100,)),
        "stores 0 bytes that declare 40 GB",
    ),
    "a link": (spoiled(linked), "holds a link in place of weights (bias:0): save the model again."),
    "text": (replaced(data=["a"] * 4), "holds weights that are no numbers of its own (bias:0): save it again."),
    "another order": (spoiled(swapped), "does not go with its architecture (layer conv/1 has an array of (4,), not"),
    "deep lists": (described("[" * 60_000), "nests too deep (model_config): save the model again, with fewer models"),
    "no JSON": (described("{"), "cannot be loaded as a Keras model (Expecting property name"),
    "a list": (described("[1]"), "holds no object of JSON (model_config): save the model again."),
    "several texts": (described(["{}", "{}"]), "cannot be loaded as a Keras model (its model_config is no text): save"),
    "no architecture": (described("{}"), "cannot be loaded as a Keras model (its architecture is damaged, KeyError"),
    "no names": (spoiled(nameless), "does not go with its architecture (layer dense has 0 arrays, not 2): save the"),
    "a name that is not there": (
        spoiled(lambda group: group["dense"].attrs.__setitem__("weight_names", ["a", "b"])),
        "cannot be loaded as a Keras model (",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_weights_are_refused(written, tmp_path, name):
    spoil, said = HOSTILE[name]
    path = Path(shutil.copy(written / "caffe.h5", tmp_path / "a.h5"))
    spoil(path)
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    assert str(caught.value).startswith(f"{path} {said}"), str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_equal_shapes_in_another_order_are_refused(written, tmp_path):
    """gamma and beta of a batch normalization have the same shape: their names tell them apart."""
    path = Path(shutil.copy(written / "sequential.h5", tmp_path / "a.h5"))
    with h5py.File(path, "r+") as file:
        group = file["model_weights/batch_normalization"]
        names = list(group.attrs["weight_names"])
        group.attrs["weight_names"] = [names[1], names[0], *names[2:]]
    with pytest.raises(ValueError, match=r"layer batch_normalization has beta in place of gamma\): save the whole"):
        networks.load(path)


def of_keras3(with_operations):
    """A model in Keras 3, with a frozen and partly thawed model in it, whose own HDF5 is read, too."""
    inner = keras.Input((32, 32, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu", name="last")(layers.Conv2D(3, 3)(inner)))
    backbone = keras.Model(inner, x)
    backbone.trainable = False
    backbone.get_layer("last").trainable = True
    inputs = keras.Input((32, 32, 3))
    x = ops.relu(255.0 - inputs[..., ::-1]) / 127.5 + 1.0 if with_operations else layers.Rescaling(1 / 255)(inputs)
    head = keras.Sequential([layers.Dropout(0.1), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    return keras.Model(inputs, head(backbone(x)))


@pytest.mark.parametrize("with_operations", [False, True])
def test_hdf5_and_json_of_keras_3_are_read(tmp_path, pixels, with_operations):
    model = of_keras3(with_operations)
    for number, weight in enumerate(model.weights):
        weight.assign(np.random.default_rng(number).uniform(0.1, 0.5, weight.shape))
    expected = model.predict(pixels.astype("float32"), verbose=0)
    model.save(tmp_path / "a.h5")
    (tmp_path / "b.json").write_text(model.to_json())
    model.save_weights(tmp_path / "b.weights.h5")
    for name in ("a.h5", "b.json"):
        loaded, _ = networks.load(tmp_path / name)
        assert_close(loaded.predict(pixels.astype("float32"), verbose=0), expected)
