"""A model file examined before Keras reads it: to what it expands, how deep it nests, what it may make.

A .keras file is a zip archive: config.json says what is built, model.weights.h5 what fills it. A few bytes of either
can declare more than any memory holds, and a layer can carry a program.
"""

import math
import re
import zipfile
import zlib
from pathlib import Path

import h5py

from black_average_drop.model_files.zip_checks import (
    MOST_NESTED,
    check_expansion,
    check_text,
    check_zip_members,
    json_value,
    nested_values,
)

FACTS = "black_average_drop.json"  # the member that holds what the model itself does not know
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Layers that carry a program instead of settings, and what a Python function within a model is written down as.
PROGRAMS = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__")
_OF_OPTIMIZER = ("optimizer", "optimizer_weights")  # the outermost groups of weights that no model needs
_NUMBER = re.compile(r"bool|(u?int|float|bfloat|complex)\d+(_e\dm\d(fn)?)?")  # names of dtypes
_CUSTOM = re.compile(r"(?:Could not (?:locate|deserialize)|Unknown) (?:class |function |layer:? |object:? )?'([^']+)'")


def check_archive(path):
    """Raise ValueError naming a file that cannot be read or is no archive at all, whatever its size."""
    try:
        with open(path, "rb") as file:
            if zipfile.is_zipfile(file):
                return
    except OSError as problem:
        raise ValueError(unloaded(path, problem.strerror)) from problem
    raise ValueError(unloaded(path, "it is no archive"))


def examine(file, path):
    """The facts in a .keras file, and how many parameters its weights have, without those of an optimizer.

    Args:
        file: where it lies, in a folder to which its weights are extracted.
        path: what messages call it.

    Raises:
        ValueError: naming a file that is no such archive, expands to more than MOST_EXPANDED times its bytes, nests
            deeper than MOST_NESTED, or holds a program.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_parts(archive, Path(file).stat().st_size, path)
            facts = member(archive, FACTS, path) if FACTS in archive.namelist() else {}
            check_layers(member(archive, CONFIG, path), path)
            weights = archive.extract(WEIGHTS, Path(file).parent)
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise ValueError(unloaded(path, problem)) from problem
    return facts, check_weights(weights, path)


def check_weights(file, path):
    """How many numbers an HDF5 file of weights holds, without those of an optimizer.

    Args:
        file: where it is.
        path: what messages call it.

    Raises:
        ValueError: naming a file that expands to more than MOST_EXPANDED times its bytes, or holds anything but numbers
            of its own.
    """
    try:
        with h5py.File(file, "r") as opened:
            datasets = list(_datasets(opened, path))
    except (OSError, KeyError, RuntimeError, TypeError) as problem:
        raise ValueError(unloaded(path, problem)) from problem
    check_expansion(sum(expanded for _, _, expanded in datasets), Path(file).stat().st_size, "all weights", path)
    return sum(count for group, count, _ in datasets if group not in _OF_OPTIMIZER)


def member(archive, name, path):
    """The object that a member of an archive holds as JSON, as `parsed` reads it."""
    check_text(archive.getinfo(name).file_size, name, path)
    return parsed(archive.read(name), name, path)


def parsed(text, name, path):
    """The object that a text holds as JSON.

    Args:
        text: str or bytes.
        name: what messages call the text.
        path: what messages call the file.

    Raises:
        ValueError: naming a text that is longer than MOST_TEXT, no object of JSON, or nested deeper than MOST_NESTED.
    """
    try:
        content = json_value(text, name, path)
    except ValueError as problem:
        if str(problem).startswith(str(path)):
            raise
        raise ValueError(unloaded(path, problem)) from problem
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no object of JSON ({name}): save the model again.")
    return content


def check_layers(config, path):
    """Check that nothing in a configuration is a program, or an array whose type takes more memory than its values.

    Raises:
        ValueError: naming what is.
    """
    waiting = [config | {"compile_config": None}]  # a model is loaded without its training
    while waiting:
        value = waiting.pop()
        waiting += nested_values(value)
        name, inner = (value.get("class_name"), value.get("config")) if isinstance(value, dict) else (None, None)
        if name in PROGRAMS:
            what = "a Python function" if name == "__lambda__" else f"a {name} layer"
            raise ValueError(
                f"{path} holds {what}, code of whoever saved it, which is not run: put layers of Keras's own in its "
                "place and save the model again."
            )
        dtype = inner.get("dtype") if name in ("__numpy__", "__tensor__") and isinstance(inner, dict) else "float32"
        if not _NUMBER.fullmatch(str(dtype)):
            raise ValueError(f"{path} holds an array that is none of numbers ({CONFIG}): save the model again.")


def unloaded(path, problem):
    """What to say of a file that was not loaded: the class whose code is not there, or what went wrong.

    Args:
        path: what the message calls the file.
        problem: an exception or a text.
    """
    if custom := _CUSTOM.search(str(problem)):
        return needs_code(path, custom[1])
    said = str(problem).rsplit("Exception encountered: ", 1)[-1].strip()  # Keras says first what it was doing
    reason = said.splitlines()[0][:200] if said else type(problem).__name__
    return f"{path} cannot be loaded as a Keras model ({reason}): save it again."


def needs_code(path, name):
    """What to say of a file that names a class or function whose code is not there.

    Args:
        path: what the message calls the file.
        name: of the class or function.
    """
    return (
        f"{path} needs the code of {name}, which is not in the file: put layers of Keras's own in its place and save "
        "the model again, or name the file with that code, CODE=layers.py TRUST=yes."
    )


def lacking(path, name):
    """What to say of an archive without a member."""
    return f'{path} holds no {name}: save the model again with model.save("model.keras").'


def _check_parts(archive, size, path):
    """That what a model needs is there, and that members are as `check_zip_members` says."""
    names = set(archive.namelist())
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise ValueError(lacking(path, name))
    check_zip_members(archive, size, path, (CONFIG, FACTS, METADATA))


def _datasets(file, path):
    """Of each dataset, however many names it has: the outermost group, how many numbers and bytes it holds."""
    waiting, seen = [(file, ())], set()
    while waiting:
        group, place = waiting.pop()
        for name in group:
            here = (*place, name)
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{path} holds a link in place of weights ({name}): save the model again.")
            if len(here) > MOST_NESTED:
                raise ValueError(f"{path} nests too deep ({WEIGHTS}): save the model again.")
            one = group[name]
            address = h5py.h5o.get_info(one.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(one, h5py.Group):
                waiting.append((one, here))
            elif isinstance(one, h5py.Dataset) and one.shape is not None:
                if one.external or one.is_virtual or one.dtype.hasobject:
                    raise ValueError(f"{path} holds weights that are no numbers of its own ({name}): save it again.")
                count = math.prod(one.shape)
                expanded = max(count, math.prod(one.chunks or (1,))) * one.dtype.itemsize
                check_expansion(expanded, one.id.get_storage_size(), "/".join(here), path)
                yield here[0], count, expanded
