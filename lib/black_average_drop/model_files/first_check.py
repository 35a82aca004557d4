"""What is surely wrong with a model file, said within a second: before Keras is imported, which takes many."""

import json
import tempfile
import zipfile
from pathlib import Path

from black_average_drop.model_files import archive_checks, configuration, interface


def check_model_file(path, image_size=None, held=None, output=None, code=False):
    """Refuse a .keras file by what stands in it, in the words that reading it with Keras would end in.

    A file that passes may still be refused once Keras has read it.

    Args:
        path: of the file. Files of other kinds are left to what reads them.
        image_size: (H, W) as it was chosen, or None.
        held: name -> value of the inputs that do not change, or None.
        output: the name of the output that was chosen, or None.
        code: whether the code of classes that are not part of Keras is given, too.

    Raises:
        ValueError: naming a file that is damaged, declares more than it stores, holds or needs code that is not part of
            Keras, or a model with other inputs and outputs than one image and one answer.
    """
    path = Path(path)
    if not path.is_file() or path.suffix.lower() in (".h5", ".hdf5"):
        return
    archive_checks.check_archive(path)
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "model.keras"
        link.symlink_to(path.resolve())  # so that what is extracted does not come to lie next to the file
        archive_checks.examine(link, path)
        with zipfile.ZipFile(link) as archive:
            config = json.loads(archive.read(archive_checks.CONFIG))
            version = _version(archive)
    if version.startswith("3."):
        if not code and (custom := configuration.custom_class(config)):
            raise ValueError(archive_checks.needs_code(path, custom))
        check_interface(config, image_size, held, output)


def check_interface(config, image_size=None, held=None, output=None):
    """Refuse a model that does not take one image and give one answer, as far as its configuration says so.

    Args:
        config: the model as Keras 3 writes it.
        image_size, held, output: as in `check_model_file`.

    Raises:
        ValueError: as the functions of `interface`.
    """
    name = configuration.model_name(config)
    if shapes := configuration.input_shapes(config):
        image = interface.image_input(name, shapes, held)
        interface.check_image_shape(name, shapes[image], image_size)
    if outputs := configuration.names_of_outputs(config):
        interface.chosen_output(name, outputs, output)


def _version(archive):
    """The version of Keras that wrote an archive, "" where the archive does not say so."""
    try:
        metadata = json.loads(archive.read("metadata.json"))
    except (KeyError, ValueError, RecursionError):
        return ""
    return str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""
