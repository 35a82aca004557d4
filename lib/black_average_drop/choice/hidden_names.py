"""Numbers in the place of the names of files and patients, which may tell whose images they are."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd

from black_average_drop.files import write_csv

NAMES = ("hidden", "shown")
PLACES = ("images", "labels", "maps", "lesions")  # parameters of your_data that name files or folders of patients


def check_names(names):
    """Refuse what is no choice.

    Raises:
        ValueError: if names is none of NAMES.
    """
    if names not in NAMES:
        raise ValueError(f"names is {names!r}: choose one of {', '.join(NAMES)}.")


def as_numbers(dataset, names="hidden"):
    """Call images and patients by numbers, where names are to be hidden.

    Patients always have numbers, in the order in which they first come. So no draw depends on their names.

    Args:
        dataset: a Dataset of N images.
        names: one of NAMES.

    Returns:
        A Dataset with the ids "image 001", ... in the order of the images, or with its own ids for "shown".

    Raises:
        ValueError: if names is none of NAMES.
    """
    check_names(names)
    ids = dataset.ids if names == "shown" else _numbered(dataset.ids, "image")
    return replace(dataset, ids=ids, groups=_numbered(dataset.groups, "patient"))


def without_places(parameters, names):
    """Copy parameters of your_data, with "hidden" in the place of paths to images and what goes with them.

    Args:
        parameters: name -> value.
        names: one of NAMES. With "shown" nothing is hidden.
    """
    hidden = {name: "hidden" for name in PLACES if parameters.get(name)} if names == "hidden" else {}
    return dict(parameters) | hidden


def write_key(dataset, hidden, path):
    """Write the key to hidden names, a CSV with the columns image, patient and file, for its owner's eyes alone.

    A patient has a number there, and no other name.

    Args:
        dataset: a Dataset, with the paths of files as ids.
        hidden: of `as_numbers`.
        path: of the CSV. Nobody else on this machine may read it.
    """
    table = pd.DataFrame({"image": hidden.ids, "patient": hidden.groups, "file": dataset.ids})
    os.chmod(write_csv(table, path, profile=""), 0o600)


def _numbered(names, noun):
    """One text for each of the names (N,), the same for the same name."""
    first, number = np.unique(names, return_index=True, return_inverse=True)[1:]
    order = np.argsort(np.argsort(first)) + 1
    return np.array([f"{noun} {one:0{max(3, len(str(len(first))))}d}" for one in order[number]])
