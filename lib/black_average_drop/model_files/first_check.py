"""What is surely wrong with a model file, said within a second: before Keras or PyTorch takes many to be imported."""

import importlib.util
import tempfile
from pathlib import Path

from black_average_drop.model_files import architecture, archive_checks, configuration, formats, interface, pt2


def check_model_file(path, image_size=None, held=None, output=None, code=False):
    """Refuse a model file by what stands in it, in the words that reading it as a model would end in.

    A file that passes may still be refused once Keras or PyTorch has read it.

    Args:
        path: of the file.
        image_size: (H, W) as it was chosen, or None.
        held: name -> value of the inputs that do not change, or None.
        output: the name of the output that was chosen, or None.
        code: whether the code of classes that are not part of Keras is given, too.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a file that is of another kind or damaged, declares more than it stores, holds or needs code
            that is not part of Keras, or a model with other inputs and outputs than one image and one answer, or that
            needs PyTorch where it is not installed.
    """
    path = Path(path)
    kind = formats.kind(path)
    if kind == formats.PT2:
        _check_pt2(path, image_size, held, output, code)
        return
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


def _check_pt2(path, image_size, held, output, code):
    """Refuse a .pt2 archive, in the order in which somebody can mend it: PyTorch is installed last."""
    program, name = pt2.read_without_weights(path), path.stem
    if code:
        raise ValueError(f"{path} needs no code, which is for layers of Keras: leave CODE empty.")
    if held:
        raise ValueError(f"Model {name} takes its image alone, as all that is exported: leave held out.")
    (shape,) = program.inputs.values()
    interface.check_image_channels_first(name, shape, image_size)
    interface.chosen_output(name, list(program.outputs), output)
    if importlib.util.find_spec("torch") is None:
        raise ValueError(f"{path} needs PyTorch: install it by pip install '.[torch]', and run this again.")
