"""What is wrong with a study of your_data, said before its notebook starts.

Settings, the folder of images and what stands in the model's file are refused within a second or two. What only Keras
can tell is found by another process, which reads the model as the notebook will.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress

from black_average_drop.artifact.choose_settings import height_and_width, of_images, window_or_pair
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.artifact.notebooks import YOUR_DATA
from black_average_drop.choice.hidden_names import check_names
from black_average_drop.datasets.decoded import check_unreadable
from black_average_drop.datasets.fits import check_fit
from black_average_drop.datasets.folder.check import check_folder
from black_average_drop.datasets.folder.frames import check_frame
from black_average_drop.datasets.folder.patients import check_pattern
from black_average_drop.datasets.grey import check_window
from black_average_drop.datasets.maps.check import check_maps
from black_average_drop.model_files import settings
from black_average_drop.model_files.first_check import check_model_file

CHECKED_ALONE = ("names", "unreadable")  # settings of images that no file can contradict
_READER = "black_average_drop.artifact.model_reading"


def check(model, images, given):
    """Refuse a study that its notebook would refuse.

    Args:
        model: the path of the model file.
        images: the path of the folder.
        given: parameter -> value, checked by `check_settings`; others have the notebook's default.

    Raises:
        ValueError, FileNotFoundError: in the words of what reads the model, the folder or the maps.
    """
    parameters = default_parameters(YOUR_DATA) | given | {"model": str(model)}
    size = tuple(height_and_width(parameters["image_size"]))
    check_model_file(
        model, size or None, parameters["held"] or None, parameters["output"] or None, bool(parameters["code"])
    )
    print(f"{YOUR_DATA}: reading {model.name} and {images.name}", flush=True)
    with _reading(parameters) as reading:
        asked = of_images(parameters) | {"lesions": parameters["lesions"]}
        asked["most"] = asked.pop("most_images")
        taken = check_folder(images, **{name: one for name, one in asked.items() if name not in CHECKED_ALONE})
        if parameters["maps"]:
            check_maps(parameters["maps"], taken)
        import papermill  # noqa: F401  takes two seconds; the run needs it, and has to wait here anyway

        said = reading.communicate()[0]
    refusal = _refusal(said) if reading.returncode == 0 else ""
    if refusal:
        raise ValueError(refusal)


def check_settings(parameters):
    """Refuse settings that are none of their choices.

    Args:
        parameters: name -> value, of the types of the notebook's parameters.

    Raises:
        ValueError: naming the setting and its choices.
    """
    if parameters.get("activation"):
        settings.check_choice("activation", parameters["activation"], settings.ACTIVATIONS)
    if "precision" in parameters:
        settings.check_precision(parameters["precision"])
    settings.check_preprocessing(parameters.get("preprocessing", ""))
    checks = {"fit": check_fit, "frame": check_frame, "names": check_names, "patients": check_pattern}
    for name, check_value in (checks | {"unreadable": check_unreadable}).items():
        if name in parameters:
            check_value(parameters[name])
    if "window" in parameters:
        check_window(window_or_pair(parameters["window"]))
    own = default_parameters(YOUR_DATA)["colour_map"]
    if parameters.get("colour_map", own) != own:
        import matplotlib  # here, since it takes as long as all else of this module

        if parameters["colour_map"] not in matplotlib.colormaps:
            raise ValueError(f'colour_map is {parameters["colour_map"]!r}: choose "{own}" or a name in Matplotlib.')


@contextmanager
def _reading(parameters):
    """A process that reads the model, without a GPU, whose memory the notebook needs; it ends with the block."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", _READER], env=environment, text=True, **pipes)
    try:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(parameters, default=str))
        process.stdin = None
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _refusal(said):
    """The sentence in what the process printed, "" where there is none: libraries print, too."""
    lines = said.splitlines()
    try:
        return json.loads(lines[-1])["refused"] if lines else ""
    except (ValueError, KeyError, TypeError):
        return ""
