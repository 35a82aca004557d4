"""What is surely wrong with a model file, said within a second: before Keras is imported, which takes many."""

import tempfile
from pathlib import Path

from black_average_drop.model_files import architecture, archive_checks, configuration, formats, interface


def check_model_file(path, image_size=None, held=None, output=None, code=False):
    """Refuse a model file by what stands in it, in the words that reading it with Keras would end in.

    A file that passes may still be refused once Keras has read it.

    Args:
        path: of the file.
        image_size: (H, W) as it was chosen, or None.
        held: name -> value of the inputs that do not change, or None.
        output: the name of the output that was chosen, or None.
        code: whether the code of classes that are not part of Keras is given, too.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a file that is of another kind or damaged, declares more than it stores, holds or needs code
            that is not part of Keras, or a model with other inputs and outputs than one image and one answer.
    """
    path = Path(path)
    kind = formats.kind(path)
    if kind == formats.ARCHIVE:
        archive_checks.check_archive(path)
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / "model.keras"
            link.symlink_to(path.resolve())  # so that what is extracted does not come to lie next to the file
            archive_checks.examine(link, path)
    config = architecture.model_config(path, path)
    if kind != formats.ARCHIVE:
        weights = formats.weights_of(path) if kind == formats.JSON else path
        archive_checks.check_weights(weights, weights)
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
