"""Bring what a profile reads to the data root."""

from pathlib import Path

from black_average_drop.artifact import locks
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.artifact.profiles import read_profile, values
from black_average_drop.datasets import fetch
from black_average_drop.datasets.sources import SOURCES


def fetch_for(profile, data_root):
    """Fetch the images and weights for a profile; what is there already stays.

    Raises:
        RuntimeError: something could not be fetched; the message says what to fetch by hand, and from where.
    """
    sections = read_profile(profile)
    sources, photos = values(sections.values(), "_source") & set(SOURCES), ()
    if not sources:
        print(f"{profile}: nothing to fetch, its images are drawn from a seed.")
        return
    parameters = default_parameters("01_train") | sections["01_train"]
    if parameters["general_source"] == "imagenet":
        photos = values(sections.values(), "general_image")
    with locks.held_folder(Path(data_root)):
        fetch.fetch(sources, _keras_weights(parameters, Path(data_root)), data_root, photos)


def _keras_weights(parameters, data_root):
    """(backbone, with its head) of the weights that 01_train will ask Keras for, by the rule of that notebook."""
    untrained = not parameters["general_epochs"]
    needed = set()
    for kind, with_head in (("general", untrained), ("radiograph", False)):
        weights = parameters[f"{kind}_weights"] or ("imagenet" if with_head else "")
        # Keras keeps a file of MobileNetV2 for each size, and fetches the others itself.
        if parameters[f"{kind}_backbone"] == "MobileNetV2" and parameters["image_size"] != 224:
            continue
        if weights and not (data_root / weights).is_file():
            needed.add((parameters[f"{kind}_backbone"], with_head))
    return needed
