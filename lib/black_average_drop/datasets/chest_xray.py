"""The pneumonia radiographs of the paper's reference [13] (Kermany et al.): chest_xray/{train,test}/{NORMAL,PNEUMONIA}.

The source's val/ folder has 16 images and is not used: `datasets.split_by_group` takes a share of train, by patient.
"""

import re
from pathlib import Path

from black_average_drop.datasets import FOLDERS, from_files, image_files, require_folder

CLASS_NAMES = ("normal", "pneumonia")
_PATIENT = re.compile(r"(person\d+)_(bacteria|virus)|((?:NORMAL2-)?IM-\d+)")


def load(root, split, size=(224, 224)):
    """The images of split "train" or "test" below root/chest_xray; size (H, W).

    Raises FileNotFoundError for a missing folder and ValueError for one without images.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split is {split!r}: choose "train" or "test".')
    paths, labels = [], []
    for label, name in enumerate(CLASS_NAMES):
        folder = require_folder(
            Path(root) / FOLDERS["chest_xray"] / split / name.upper(), f"the {name} radiographs of {split}"
        )
        found = image_files(folder)
        if not found:
            raise ValueError(f"{folder} holds no images: unpack the data set again; see data/README.md.")
        paths += found
        labels += [label] * len(found)
    ids = [f"{split}/{path.stem}" for path in paths]
    return from_files(paths, ids, labels, [patient(path.stem) for path in paths], CLASS_NAMES, size)


def patient(stem):
    """The patient of a file name. Numbers restart in each group, so the key keeps the group: (personN, bacteria or
    virus), or the whole IM-n or NORMAL2-IM-n prefix; a name of another form is a patient of its own."""
    found = _PATIENT.match(stem)
    if not found:
        return stem
    return found.group(3) or f"{found.group(1)}_{found.group(2)}"
