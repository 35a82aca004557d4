"""Nothing that is read runs code: neither models nor images, tables, checkpoints and profiles.

Archives that reach outside their folder, links, and downloads of a wrong checksum are in datasets/fetch.
"""

import ast
import os
from contextlib import suppress

import keras
import numpy as np
import pandas as pd
import pydicom
import pytest
import tensorflow
from keras import layers
from PIL import EpsImagePlugin, Image
from pydicom import encaps, uid
from pydicom.data import get_testdata_file

from black_average_drop import networks
from black_average_drop.artifact import profiles
from black_average_drop.datasets import appearance, counting, folder, images
from black_average_drop.datasets.fetch import kaggle, weights
from black_average_drop.datasets.tables import csv_files
from black_average_drop.files import ROOT
from source_lines import LIB, SCRIPTS, lines_with

# Models


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_model_with_a_lambda_layer_is_refused_in_a_sentence_and_its_code_does_not_run(tmp_path, suffix, nested):
    trap = str(tmp_path / "it-ran")
    lambda_layer = layers.Lambda(lambda x: (open(trap, "w").close(), x / 255)[1], output_shape=(32, 32, 3))
    first = keras.Sequential([keras.Input((32, 32, 3)), lambda_layer]) if nested else lambda_layer
    head = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    path = tmp_path / f"model.{suffix}"
    keras.Sequential([keras.Input((32, 32, 3)), first, *head]).save(path)
    (tmp_path / "it-ran").unlink(missing_ok=True)  # it was built here, which runs it
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path} holds a Lambda layer, code of whoever saved it, which is not run: ")
    assert said.endswith("save the model again.")
    assert "safe_mode" not in said and "\n" not in said and not (tmp_path / "it-ran").exists()


def test_a_model_with_a_tensorflow_program_is_refused(tmp_path):
    """By its name, before Keras does so in its safe mode from 3.12.1 on; test_archive_checks.py has other programs."""
    program = tensorflow.Module()
    signature = tensorflow.TensorSpec((None, 32, 32, 3), "float32")
    program.scaled = tensorflow.function(lambda pixels: {"scaled": pixels / 255}, input_signature=[signature])
    tensorflow.saved_model.save(program, tmp_path / "program", signatures={"scaled": program.scaled})
    inputs = keras.Input((32, 32, 3))
    scaled = layers.TFSMLayer(str(tmp_path / "program"), call_endpoint="scaled")(inputs)["scaled"]
    features = layers.Conv2D(4, 3, activation="relu")(scaled)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(features))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    with pytest.raises(
        ValueError, match="model.keras holds a TFSMLayer layer, code of whoever saved it, which is not run"
    ):
        networks.load(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`TFSMLayer`"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_keras_is_nowhere_told_to_trust_models():
    assert not lines_with(
        r"enable_unsafe_deserialization|safe_mode\s*=\s*False",
        [*LIB, *SCRIPTS, ROOT / "README.md", *(ROOT / "docs").glob("*.md")],
    )
    assert lines_with(r"load_model\(copy, compile=False, safe_mode=True\)", LIB)


# Files


def test_nothing_is_unpickled_and_yaml_is_read_by_the_safe_loader():
    code = [*LIB, *SCRIPTS]
    unpickling = (
        r"(import|from)\s+_?(cloud)?pickle|pickle\.|Unpickler|allow_pickle\s*=\s*(?!False)|joblib|\bdill\b|\bshelve\b"
    )
    assert not lines_with(rf"(?i){unpickling}|\bmarshal\b|torch(\.\w+)?\.load\b|sympify", code)
    assert not lines_with(r"(?<![.\w])(eval|exec)\(|os\.system|os\.popen|shell\s*=\s*True", code)
    assert not lines_with(r"yaml\.(?!safe_load|safe_dump|YAMLError)\w+", [*code, *(ROOT / "tests").rglob("*.py")])
    # The patterns are looked for where they are.
    assert lines_with(r"yaml\.safe_load", code) and lines_with(r"np\.load\(", code)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) (w) file\n%%EOF\n"


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A program of that name, which leaves a file where it was started, for Pillow to find."""
    trap, program = tmp_path / "it-ran", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # looked for when it is first needed
    return trap


def read_from_a_folder(path):
    folder.load(path.parent, (8, 8)).images()


def read_from_the_laboratory(path):
    images.read_image(path, (8, 8))


def count(path):
    counting.sides_of([path])


def fetched(path):
    kaggle._decodable(path.read_bytes())


@pytest.mark.parametrize("read", [read_from_a_folder, read_from_the_laboratory, appearance.open_shown, count, fetched])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_an_image_that_is_a_program_is_refused_and_does_not_run(tmp_path, ghostscript, read, name):
    place = tmp_path / "images"
    place.mkdir()
    (place / name).write_bytes(POSTSCRIPT)
    with pytest.raises((ValueError, OSError), match="cannot (be read as an image|identify image file)"):
        read(place / name)
    assert not ghostscript.exists() and [path.name for path in place.iterdir()] == [name]


def test_the_program_would_run_if_pillow_went_by_content_alone(tmp_path, ghostscript):
    (tmp_path / "a.png").write_bytes(POSTSCRIPT)
    with Image.open(tmp_path / "a.png") as image, suppress(Exception):
        image.load()
    assert ghostscript.exists()


def test_a_picture_in_a_dicom_file_that_is_a_program_does_not_run(tmp_path, ghostscript):
    file = pydicom.dcmread(get_testdata_file("JPEG2000.dcm", download=False))
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless):
        file.file_meta.TransferSyntaxUID = syntax
        file.PixelData = encaps.encapsulate([POSTSCRIPT])
        file.save_as(tmp_path / "a.dcm")
        with pytest.raises(ValueError, match="cannot be read as a DICOM image"):
            appearance.open_shown(tmp_path / "a.dcm")
    assert not ghostscript.exists()


def test_pillow_is_always_told_which_formats_it_may_open():
    places = [*LIB, *SCRIPTS, *(ROOT / "reliability").glob("*.py"), *(ROOT / ".ci").glob("*.py")]
    calls = [
        (path.name, node)
        for path in places
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open"
    ]
    assert len(calls) >= 3
    assert not [name for name, node in calls if "formats" not in [argument.arg for argument in node.keywords]]
    assert not lines_with(r"imread\(|imageio|\bcv2\b|skimage\.io|load_img\(|decode_image", LIB)
    assert set(images.FORMATS) == {"BMP", "JPEG", "PNG", "TIFF", "WEBP"}


@pytest.mark.parametrize("name", ["labels.csv.gz", "labels.csv.zip", "labels.csv.xz"])
def test_a_table_is_not_unpacked_by_its_name(tmp_path, name):
    """Which could be a bomb."""
    pd.DataFrame({"image": ["a.png"]}).to_csv(tmp_path / name, index=False)
    with pytest.raises(ValueError, match=f"{name} cannot be read as a CSV"):
        csv_files.read_csv_table(tmp_path / name, ())


def test_a_table_is_not_fetched_from_an_address(monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **options: pytest.fail("It was fetched."))
    with pytest.raises(ValueError, match="cannot be read as a CSV"):
        csv_files.read_csv_table("https://localhost/labels.csv", ())


def test_numpy_refuses_an_array_of_objects(tmp_path):
    """What `np.load` is used for here, checkpoints: it does not unpickle unless it is told to."""
    np.savez(tmp_path / "checkpoint.npz", weights=np.array([{}], dtype=object))
    with np.load(tmp_path / "checkpoint.npz") as file, pytest.raises(ValueError, match="allow_pickle=False"):
        file["weights"]


def test_a_profile_that_names_a_python_object_is_refused(tmp_path, monkeypatch):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/evil.yaml").write_text("01_train: !!python/object/apply:os.getcwd []\n")
    monkeypatch.setattr(profiles, "PROFILES", tmp_path / "profiles")
    with pytest.raises(ValueError, match="evil.yaml is no valid YAML"):
        profiles.read_profile("evil")


def test_everything_is_fetched_over_an_encrypted_connection():
    assert all(file.address.startswith("https://") for file in weights.WEIGHTS.values())
    assert all(file.checksum or file.size for file in weights.WEIGHTS.values())
    assert not lines_with(r"http://", LIB) and not lines_with(r"verify\s*=\s*False", LIB)
