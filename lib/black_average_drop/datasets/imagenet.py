"""ImageNet validation photos: ILSVRC2012/val/*.JPEG with LOC_val_solution.csv, or one sub-folder a synset."""

import re
from pathlib import Path

import numpy as np

from black_average_drop.datasets import FOLDERS, from_files, image_files, read_table, require_folder, visible_folders

CROP = 0.875  # the central window that ImageNet classifiers are usually evaluated on


def load(root, size=(224, 224), background=False):
    """The photos below root/ILSVRC2012/val; class names are the synsets in sorted order, the order of ImageNet heads.

    With LOC_val_solution.csv beside val/, its labels and boxes; otherwise val/ holds one folder for each of the 1,000
    synsets, empty ones included, and there are no boxes. background=True puts a class "background" first, as heads of
    1,001 classes have it. size (H, W). Raises FileNotFoundError or ValueError naming the file and the remedy.
    """
    folder = require_folder(Path(root) / FOLDERS["imagenet"] / "val", "ImageNet validation photos")
    solution = folder.parent / "LOC_val_solution.csv"
    if solution.is_file():
        table = read_table(solution, ("ImageId", "PredictionString"))
        if (twice := table["ImageId"].duplicated()).any():
            name = table["ImageId"][twice].iloc[0]
            raise ValueError(f"{solution} names {name} more than once: fetch the original table again.")
        answers = dict(zip(table["ImageId"], table["PredictionString"].str.split(), strict=True))
        synsets = sorted({words[0] for words in answers.values()})
        paths = image_files(folder) or _images_by_synset(folder)
        unknown = [path for path in paths if path.stem not in answers]
        if unknown:
            raise ValueError(f"{unknown[0]} is not in {solution}: remove it or complete the table.")
        names = [answers[path.stem][0] for path in paths]
    else:
        synsets = [place.name for place in _synset_folders(folder)]
        paths = _images_by_synset(folder)
        names = [path.parent.name for path in paths]
        answers = {}
    if not paths:
        raise ValueError(f"{folder} holds no photos: put the validation images there; see data/README.md.")
    if len(synsets) != 1000:
        raise ValueError(f"{solution if answers else folder} names {len(synsets)} synsets: all 1,000 are needed.")

    def boxes(position):
        words = answers[paths[position].stem]  # synset x0 y0 x1 y1, once for every object
        try:
            found = np.reshape(words, (-1, 5))
            corners = found[:, 1:].astype(float)
        except ValueError as problem:
            raise ValueError(
                f"{solution}: the boxes of {paths[position].stem} are not a synset and four numbers each: fetch the "
                "original table again."
            ) from problem
        return [(name, *box) for name, box in zip(found[:, 0].tolist(), corners.tolist(), strict=True)]

    class_names = (["background"] if background else []) + synsets
    labels = [class_names.index(name) for name in names]
    ids = [path.stem for path in paths]
    return from_files(paths, ids, labels, ids, class_names, size, CROP, boxes if answers else None)


def _synset_folders(folder):
    return [place for place in visible_folders(folder) if re.fullmatch(r"n\d{8}", place.name)]


def _images_by_synset(folder):
    return [path for place in _synset_folders(folder) for path in image_files(place)]
