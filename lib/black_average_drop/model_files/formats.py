"""Which kind of file a model is in, where its weights are, and what to do with a file that holds no model."""

import zipfile
from pathlib import Path

from black_average_drop.model_files.pt2_archive import FORMAT, folder_of
from black_average_drop.model_files.pt2_refusal import EXPORT

ARCHIVE, HDF5, JSON, PT2 = ".keras", ".h5", ".json", ".pt2"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"  # with which HDF5 begins
_KERAS = 'name a Keras model, as model.save("model.keras") writes it'
_FOREIGN = {
    ".tflite": f"a TensorFlow Lite model, which keeps no layers: {_KERAS}, that it was converted from.",
    ".onnx": f"an ONNX model, which is not read: {_KERAS}, that it was converted from.",
    ".pb": "a graph of TensorFlow, which keeps no layers: name the folder it is in, if that is a SavedModel, or else "
    "the Keras model that it was made from.",
    ".safetensors": f"a file of weights without the model: load them into the model, export it with {EXPORT}, and name "
    "that file.",
}
_PICKLED = (".pt", ".pth", ".bin", ".ckpt")  # as PyTorch writes them, if they are no archive of torch.export


def kind(path):
    """Which kind of file a model is in: ARCHIVE, HDF5, JSON or PT2. Names may lie: what a file holds counts.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a SavedModel or a file of another library, and what to do instead.
    """
    path = Path(path)
    if path.is_dir() and (path / "saved_model.pb").is_file():
        raise ValueError(
            f"{path} is a SavedModel, which is a program, not layers: write it as HDF5 by "
            f'tf_keras.models.load_model("{path}").save("model.h5") if you trust its author, and name that file.'
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run 01_train first, or name another model file.")
    suffix = path.suffix.lower()
    names = _names_in_zip(path)
    if _says_pt2(path, names):
        return PT2
    if suffix in _FOREIGN:
        raise ValueError(f"{path} is {_FOREIGN[suffix]}")
    if other := _of_pytorch(names, suffix):
        raise ValueError(f"{path} {other} {EXPORT}, and name that file.")
    try:
        with open(path, "rb") as file:
            begins = file.read(len(_SIGNATURE))
    except OSError:
        begins = b""  # what reads the file says so
    if begins == _SIGNATURE:
        return HDF5
    return JSON if suffix == ".json" else ARCHIVE


def _names_in_zip(path):
    """The names of the files in an archive; [] of any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return []


def _says_pt2(path, names):
    """Whether an archive with these files says of itself that torch.export has written it."""
    if not (folder := folder_of(names)):
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{folder}/{FORMAT}") as member:
            return member.read(4) == b"pt2"
    except Exception:  # of all kinds, since anything may be in the file; what reads the archive says so
        return True


def _of_pytorch(names, suffix):
    """What a file of PyTorch is that is not read, up to the line that exports its model; "" of any other file."""
    parts = {name.partition("/")[2] for name in names}
    if any(name.endswith("serialized_exported_program.json") for name in names):
        return "was exported by PyTorch before 2.8, whose exports are pickled: export the model with a newer one,"
    if "constants.pkl" in parts:
        return "is a TorchScript file, which is a program: export the model that it was made from with"
    if "data.pkl" in parts or suffix in _PICKLED:
        return "is a pickled PyTorch file, which runs code when it is read: export the model with"
    if suffix == PT2:
        return "is no archive of torch.export, or a damaged one: export the model with"
    return ""


def weights_of(path):
    """The file of weights of an architecture in a JSON file: of the same name, of the usual name, or the only one.

    Args:
        path: of the JSON file.

    Raises:
        ValueError: naming a folder with no such file, or with several.
    """
    path = Path(path)
    folder = sorted(one for one in path.parent.iterdir() if one.suffix.lower() in (".h5", ".hdf5") and one.is_file())
    named = [f"{path.stem}.weights.h5", f"{path.stem}.h5", "model.weights.h5", "model.h5"]
    known = [path.parent / name for name in named if path.parent / name in folder]
    if known:
        return known[0]
    if len(folder) == 1:
        return folder[0]
    found = f"{len(folder)} files" if folder else "no file"
    raise ValueError(
        f"{path} holds an architecture alone, and {found} of weights next to it can be meant: name the file of its "
        f"weights {path.stem}.weights.h5."
    )


def files_of(path):
    """The files that a model is read from: one, or an architecture in JSON and its weights.

    Args:
        path: of the model file.

    Raises:
        FileNotFoundError, ValueError: as `kind` and `weights_of`.
    """
    path = Path(path)
    return [path, weights_of(path)] if kind(path) == JSON else [path]


def weights_alone(path):
    """What to say of a file of weights that is named as a model."""
    return (
        f"{path} holds weights without the architecture: write model.to_json() to a file {_stem(path)}.json next to "
        'it, and name that file, or save the whole model with model.save("model.keras").'
    )


def _stem(path):
    return Path(path).name.removesuffix(".h5").removesuffix(".hdf5").removesuffix(".weights")
