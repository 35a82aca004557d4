"""The architecture that a model file holds, read as text and checked, without Keras.

A .keras archive has it as config.json, HDF5 as the attribute model_config, and `model.to_json()` is it.
"""

import zipfile
import zlib

import h5py

from black_average_drop.model_files import archive_checks, formats, keras2_config, keras3_config, zip_checks

_MODEL, _VERSION = "model_config", "keras_version"


def stored_architecture(file, path):
    """The architecture as a file holds it, and the version of Keras that wrote it.

    Args:
        file: where it is.
        path: what messages call it.

    Returns:
        The dict of the model, and the version as text; "2" if the file says neither it nor the modules of classes.

    Raises:
        ValueError: naming a file that cannot be read, nests too deep, or holds a program, or weights alone.
    """
    kind = formats.kind(file)
    if kind == formats.ARCHIVE:
        architecture, version = _of_archive(file, path)
    elif kind == formats.HDF5:
        architecture, version = _of_hdf5(file, path)
    else:
        architecture, version = _of_json(file, path)
    archive_checks.check_layers(architecture, path)
    return architecture, version or ("" if "module" in architecture else "2")


def model_config(file, path):
    """The architecture of a model file as Keras 3 writes it down, whichever version wrote the file.

    Args:
        file: where it is.
        path: what messages call it.

    Returns:
        A dict for `keras.saving.deserialize_keras_object`.

    Raises:
        ValueError: as `stored_architecture`, and naming what cannot be read from Keras 2.
    """
    return for_keras3(*stored_architecture(file, path), path)


def for_keras3(architecture, version, path):
    """What `stored_architecture` gives, as Keras 3 writes it down."""
    try:
        if is_keras2(version):
            return keras2_config.translated(architecture, path)
        return keras3_config.with_modules(architecture)
    except MemoryError:
        raise
    except Exception as problem:  # of all kinds, since anything may be in the file
        if str(problem).startswith(str(path)):
            raise
        raise ValueError(archive_checks.unloaded(path, f"its architecture is damaged, {problem!r}")) from problem


def is_keras2(version):
    """Whether a version is one of Keras 2, which tf_keras goes on with."""
    return version.startswith("2")


def _of_archive(file, path):
    """The architecture and version in a .keras file."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if archive_checks.CONFIG not in names:
                raise ValueError(archive_checks.lacking(path, archive_checks.CONFIG))
            config, metadata = (
                archive_checks.member(archive, name, path) if name in names else {}
                for name in (archive_checks.CONFIG, archive_checks.METADATA)
            )
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise ValueError(archive_checks.unloaded(path, problem)) from problem
    return config, str(metadata.get(_VERSION, ""))


def _of_hdf5(file, path):
    """The architecture and version in an HDF5 file."""
    try:
        with h5py.File(file, "r") as group:
            if _MODEL not in group.attrs:
                raise ValueError(formats.weights_alone(path))
            text, version = (_text(group.attrs, name, path) for name in (_MODEL, _VERSION))
    except (OSError, KeyError, RuntimeError, TypeError) as problem:
        raise ValueError(archive_checks.unloaded(path, problem)) from problem
    return archive_checks.parsed(text, _MODEL, path), version


def _of_json(file, path):
    """The architecture and version in the text that `model.to_json()` gives."""
    with open(file, "rb") as opened:
        text = opened.read(zip_checks.MOST_TEXT + 1)
    content = archive_checks.parsed(text, "the file", path)
    if not isinstance(content.get("config"), dict | list) or "class_name" not in content:
        raise ValueError(
            f"{path} holds no architecture of a Keras model: write what model.to_json() gives, or name the model file."
        )
    return content | {"compile_config": None}, str(content.get(_VERSION, ""))  # a model is loaded without its training


def _text(attributes, name, path):
    """An attribute that is text, or "" if there is none."""
    if name not in attributes:
        return ""
    described = attributes.get_id(name)
    if described.shape != () or described.dtype.itemsize > zip_checks.MOST_TEXT:
        raise ValueError(archive_checks.unloaded(path, f"its {name} is no text"))
    value = attributes[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
