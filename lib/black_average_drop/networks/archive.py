"""Models as files, each with what is needed to use it again: written as .keras, read as whatever Keras writes."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras

from black_average_drop import files
from black_average_drop.files import replacing
from black_average_drop.model_files import architecture, archive_checks, formats
from black_average_drop.networks import keras2_weights
from black_average_drop.networks.facts import Facts
from black_average_drop.networks.parameter_limit import at_most


def save(model, path, facts):
    """Write a model, and the facts needed to use it again, as one .keras file, or nothing.

    Args:
        model: a Keras model.
        path: of the file.
        facts: `Facts`.
    """
    with replacing(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(archive_checks.FACTS, json.dumps(facts.stored(), indent=1))


def load(path):
    """Read a model and its facts from a file of Keras 3, Keras 2 or tf_keras.

    The file is a .keras archive, a whole model as HDF5, or the text of `model.to_json()` with a file of weights next to
    it. What is loaded is a copy of the bytes whose checksum is remembered for the record of a run.

    Returns:
        The model, and its `Facts`, none of which is known for a file that `save` did not write.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a file that cannot be read, is no Keras model, declares more than it stores, holds something
            of Keras 2 that is not read, or holds code of whoever saved it, such as a Lambda layer.
    """
    path = Path(path)
    kind = formats.kind(path)
    if kind == formats.PT2:
        raise ValueError(f"{path} is a model of PyTorch: name a model of Keras, or read it with networks.open_model.")
    if kind == formats.ARCHIVE:
        archive_checks.check_archive(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(path, Path(folder) / f"model{kind}")
        known, weights, parameters = _examined(copy, path, kind)
        facts = _facts(known, path)
        model = _model(copy, path, weights, parameters)
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds no model, but an object {type(model).__name__}: save the model itself.")
    return model, facts


def _examined(copy, path, kind):
    """The facts in a file, of which this is a copy, where its weights are, and how many numbers they hold."""
    if kind == formats.ARCHIVE:
        known, parameters = archive_checks.examine(copy, path)
        return known, copy.with_name(archive_checks.WEIGHTS), parameters
    if kind == formats.HDF5:
        return {}, copy, archive_checks.check_weights(copy, path)
    architecture.stored_architecture(copy, path)  # other JSON is refused before weights are looked for
    found = formats.weights_of(path)
    weights = _copied(found, copy.with_name(found.name))
    print(f"{path}: with the weights in {found.name}.", flush=True)
    return {}, weights, archive_checks.check_weights(weights, found)


def _copied(path, copy):
    """Copy a file, and remember the bytes of the copy."""
    try:
        shutil.copyfile(path, copy)
    except OSError as problem:
        raise ValueError(archive_checks.unloaded(path, problem.strerror)) from problem
    files.remember(path, copy)
    return copy


def _facts(known, path):
    """The facts in an archive."""
    try:
        return Facts.of_stored(known)
    except ValueError as problem:
        raise ValueError(archive_checks.unloaded(path, problem)) from problem


def _model(copy, path, weights, parameters):
    """The model in a file, of which this is a copy, with its weights, of which there are so many."""
    config, version = architecture.stored_architecture(copy, path)
    keras2 = architecture.is_keras2(version)
    native = copy.suffix == formats.ARCHIVE and not keras2
    translated = None if native else architecture.for_keras3(config, version, path)
    try:
        with at_most(parameters):
            if native:
                return keras.saving.load_model(copy, compile=False, safe_mode=True)
            custom = _custom()
            translated = _with_custom(translated, custom)
            model = keras.saving.deserialize_keras_object(translated, custom_objects=custom, safe_mode=True)
        if isinstance(model, keras.Model) and keras2:
            keras2_weights.assign(model, config, weights, path)
        elif isinstance(model, keras.Model):
            model.load_weights(weights)
        return model
    except MemoryError:
        raise
    except Exception as problem:  # of all kinds, since anything may stand in the file
        if str(problem).startswith(str(path)):
            raise
        raise ValueError(archive_checks.unloaded(path, problem)) from problem


def _custom():
    """The classes and functions that were registered, by their names without a package, as Keras 2 writes them."""
    return {name.rsplit(">", 1)[-1]: one for name, one in keras.saving.get_custom_objects().items()}


def _with_custom(entry, custom):
    """The dict of a model where layers that were registered are called so: HDF5 does not tell them from Keras's."""
    if isinstance(entry, list):
        return [_with_custom(one, custom) for one in entry]
    if not isinstance(entry, dict):
        return entry
    entry = {key: _with_custom(value, custom) for key, value in entry.items()}
    name = str(entry.get("class_name")).rsplit(">", 1)[-1]
    if name in custom and entry.get("module") == "keras.layers":
        entry |= {"module": None, "class_name": name, "registered_name": name}
    return entry
