"""Models as .keras files, each with what is needed to use it again."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras

from black_average_drop import files
from black_average_drop.files import replacing
from black_average_drop.model_files import archive_checks
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
    """Read a model and its facts from a .keras file.

    What is loaded is a copy of the bytes whose checksum is remembered for the record of a run.

    Returns:
        The model, and its `Facts`, none of which is known for a file that `save` did not write.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a file that cannot be read, is in the older format HDF5, declares more than it stores, or
            holds code of whoever saved it, such as a Lambda layer.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run 01_train first, or name another model file.")
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise ValueError(
            f"{path} is in the older format HDF5, and only .keras files are read: load it with Keras, if you trust "
            'whoever made it, and save it with model.save("model.keras").'
        )
    archive_checks.check_archive(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.keras"
        shutil.copyfile(path, copy)
        files.remember(path, copy)
        stored, parameters = archive_checks.examine(copy, path)
        try:
            facts = Facts.of_stored(stored)
            with at_most(parameters):
                model = keras.saving.load_model(copy, compile=False, safe_mode=True)
        except MemoryError:
            raise
        except Exception as problem:  # of all kinds, since anything may stand in the file
            raise ValueError(archive_checks.unloaded(path, problem)) from problem
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds no model, but an object {type(model).__name__}: save the model itself.")
    return model, facts
