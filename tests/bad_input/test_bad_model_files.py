"""Model files that are damaged, of another kind, or larger than they look."""

import json
import zipfile

from bad_cases import Case, refused, table_of
from bad_images import content
from bad_networks import network
from black_average_drop import networks
from black_average_drop.model_files.pt2_refusal import EXPORT


def saved(name, make):
    return Case(f"model file, {name}", make, "{root}/a.keras cannot be loaded as a Keras model (...): save it again.")


def half_a_model(root):
    network().save(root / "a.keras")
    content("a.keras", (root / "a.keras").read_bytes()[:3000])(root)


def zipped(name, *members, content=b""):
    """An archive of files that all hold the same."""

    def make(root):
        with zipfile.ZipFile(root / name, "w") as archive:
            for member in members:
                archive.writestr(member, content)

    return make


def member(name, content, compression=zipfile.ZIP_STORED):
    """A saved model, one file of whose archive is replaced."""

    def make(root):
        network().save(root / "a.keras")
        with zipfile.ZipFile(root / "a.keras") as archive:
            parts = {one: archive.read(one) for one in archive.namelist()} | {name: content}
        with zipfile.ZipFile(root / "a.keras", "w", compression) as archive:
            for one, part in parts.items():
                archive.writestr(one, part)

    return make


FILES = [
    saved("empty", content("a.keras", b"")),
    saved("text", content("a.keras", b"no model")),
    saved("truncated", half_a_model),
    Case(
        "model file, weights alone",
        lambda root: network().save_weights(root / "a.weights.h5"),
        "{root}/a.weights.h5 holds weights without the architecture: write model.to_json() to a file a.json next to "
        'it, and name that file, or save the whole model with model.save("model.keras").',
    ),
    Case(
        "model file, an architecture alone",
        lambda root: (root / "a.json").write_text(network().to_json()),
        "{root}/a.json holds an architecture alone, and no file of weights next to it can be meant: name the file of "
        "its weights a.weights.h5.",
    ),
    Case(
        "model file, other JSON",
        content("a.json", b'{"image_size": 64}'),
        "{root}/a.json holds no architecture of a Keras model: write what model.to_json() gives, or name the model "
        "file.",
    ),
    Case(
        "model file, a SavedModel",
        lambda root: network().export(root / "a", verbose=False),
        "{root}/a is a SavedModel, which is a program, not layers: write it as HDF5 by "
        'tf_keras.models.load_model("{root}/a").save("model.h5") if you trust its author, and name that file.',
    ),
    Case(
        "model file, TensorFlow Lite",
        content("a.tflite", b"TFL3"),
        "{root}/a.tflite is a TensorFlow Lite model, which keeps no layers: name a Keras model, as "
        'model.save("model.keras") writes it, that it was converted from.',
    ),
    Case(
        "model file, ONNX",
        content("a.onnx", b"onnx"),
        '{root}/a.onnx is an ONNX model, which is not read: name a Keras model, as model.save("model.keras") writes '
        "it, that it was converted from.",
    ),
    Case(
        "model file, PyTorch in place of Keras",
        zipped("a.pt2", "a/archive_format", content=b"pt2"),
        "{root}/a.pt2 is a model of PyTorch: name a model of Keras, or read it with networks.open_model.",
    ),
    Case(
        "model file, pickled by PyTorch",
        content("a.pth", b"\x80\x02"),
        f"{{root}}/a.pth is a pickled PyTorch file, which runs code when it is read: export the model with {EXPORT}, "
        "and name that file.",
    ),
    Case(
        "model file, TorchScript",
        zipped("a.pt", "a/data.pkl", "a/code/__torch__.py", "a/constants.pkl"),
        "{root}/a.pt is a TorchScript file, which is a program: export the model that it was made from with "
        f"{EXPORT}, and name that file.",
    ),
    Case(
        "model file, safetensors",
        content("a.safetensors", b"{}"),
        f"{{root}}/a.safetensors is a file of weights without the model: load them into the model, export it with "
        f"{EXPORT}, and name that file.",
    ),
    Case(
        "model file, an old export of PyTorch",
        zipped("a.pt2", "serialized_exported_program.json", "serialized_state_dict.pt"),
        "{root}/a.pt2 was exported by PyTorch before 2.8, whose exports are pickled: export the model with a newer "
        f"one, {EXPORT}, and name that file.",
    ),
    Case(
        "model file, a truncated export of PyTorch",
        content("a.pt2", b"PK"),
        "{root}/a.pt2 is no archive of torch.export, or a damaged one: export the model with "
        f"{EXPORT}, and name that file.",
    ),
    Case(
        "model file, a graph of TensorFlow",
        content("a.pb", b"graph"),
        "{root}/a.pb is a graph of TensorFlow, which keeps no layers: name the folder it is in, if that is a "
        "SavedModel, or else the Keras model that it was made from.",
    ),
    Case(
        "model file, a configuration of zeros",
        member("config.json", bytes(20_000_000)),
        "{root}/a.keras holds 20 MB of text (config.json): save it again.",
    ),
    Case(
        "model file, weights of nothing",
        member("model.weights.h5", bytes(20_000_000), zipfile.ZIP_DEFLATED),
        "{root}/a.keras stores ... that declare 20 MB (model.weights.h5): save the model again, without compression.",
    ),
    Case(
        "model file, a layer that is not there",
        member("config.json", json.dumps({"module": "mine", "class_name": "Mine", "config": {}}).encode()),
        "{root}/a.keras needs the code of Mine, which is not in the file: put layers of Keras's own in its place and "
        "save the model again, or name the file with that code, CODE=layers.py TRUST=yes.",
    ),
    Case(
        "model file, a folder",
        lambda root: (root / "a.keras").mkdir(),
        "{root}/a.keras is missing: run 01_train first, or name another model file.",
    ),
]


@table_of(FILES)
def test_model_files(case, tmp_path):
    case.make(tmp_path)
    refused(lambda: networks.load(next(tmp_path.iterdir())), case.outcome, tmp_path)
