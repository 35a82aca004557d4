"""ImageNet validation photos: ILSVRC2012/val/*.JPEG with LOC_val_solution.csv, or one sub-folder a synset."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.datasets import counting
from black_average_drop.datasets.images import from_files
from black_average_drop.datasets.paths import image_files, require_folder, visible_folders
from black_average_drop.datasets.sources.source import KagglePhotos, Source
from black_average_drop.datasets.tables.csv_files import read_csv_table
from black_average_drop.files import sha256

FOLDER = "ILSVRC2012"
SOLUTION = "LOC_val_solution.csv"
CLASSES = 1000
# The photos of the committed results: one of each of 100 classes drawn at random, as the paper has them, and 500 more.
PHOTOS = tuple(Path(__file__).with_name("imagenet_photos.txt").read_text().split())


def load(root, size=(224, 224), background=False):
    """Read the photos below ILSVRC2012/val; class names are the synsets in sorted order, the order of ImageNet heads.

    With LOC_val_solution.csv next to val/, its labels and boxes count. Otherwise val/ holds one folder for each of the
    1,000 synsets, empty ones included, and there are no boxes.

    Args:
        root: the data root, which holds ILSVRC2012.
        size: (H, W), in pixels.
        background: put a class "background" first, as heads of 1,001 classes have it.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if there is no photo, or a photo or a table does not fit. The message names the file and the remedy.
    """
    folder = require_folder(Path(root) / FOLDER / "val", "ImageNet validation photos")
    solution = folder.parent / SOLUTION
    if solution.is_file():
        answers = _answers(solution)
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
    if len(synsets) != CLASSES:
        raise ValueError(f"{solution if answers else folder} names {len(synsets)} synsets: all 1,000 are needed.")

    def boxes(position):
        return _boxes(answers[paths[position].stem], paths[position].stem, solution)

    class_names = (["background"] if background else []) + synsets
    labels = [class_names.index(name) for name in names]
    ids = [path.stem for path in paths]
    return from_files(paths, ids, labels, ids, class_names, size, "imagenet", boxes if answers else None)


def _load_split(root, split, size, seed=0, background=False):
    """The photos for testing: those of the committed results if all of them are there, otherwise whatever is there."""
    photos = load(root, size, background)
    listed = np.isin(photos.ids, PHOTOS)
    return photos.subset(listed) if listed.sum() == len(PHOTOS) else photos


def _answers(solution):
    """Photo -> the words of its answer: synset x0 y0 x1 y1, once for every object."""
    table = read_csv_table(solution, ("ImageId", "PredictionString"))
    if (twice := table["ImageId"].duplicated()).any():
        name = table["ImageId"][twice].iloc[0]
        raise ValueError(f"{solution} names {name} more than once: fetch the original table again.")
    return dict(zip(table["ImageId"], table["PredictionString"].str.split(), strict=True))


def _boxes(words, photo, solution):
    """[(synset, x0, y0, x1, y1), ...] of the words of an answer."""
    try:
        objects = np.reshape(words, (-1, 5))
        corners = objects[:, 1:].astype(float)
    except ValueError as problem:
        raise ValueError(
            f"{solution}: the boxes of {photo} are not a synset and four numbers each: fetch the original table again."
        ) from problem
    return [(name, *box) for name, box in zip(objects[:, 0].tolist(), corners.tolist(), strict=True)]


def _synset_folders(folder):
    return [place for place in visible_folders(folder) if re.fullmatch(r"n\d{8}", place.name)]


def _images_by_synset(folder):
    return [path for place in _synset_folders(folder) for path in image_files(place)]


def _count(root):
    """Photos, and rows and classes of the table of answers, under the names of `SOURCE.expected`."""
    folder = Path(root) / FOLDER
    photos = counting.images_in(folder / "val") or sum(counting.images_in(place) for place in folder.glob("val/n*"))
    answers = counting.column_of(folder, SOLUTION, 1)
    return {
        "photos": photos,
        f"rows of {SOLUTION}": len(answers),
        "classes in it": answers.str.split().str[0].nunique(),
    }


def _report(root):
    """Photos, their classes and boxes, and the table of answers: rows (what, figure)."""
    folder = Path(root) / FOLDER
    if not (folder / "val").is_dir():
        return []
    photos = load(root)
    paths = [path for place in (folder / "val", *folder.glob("val/n*")) for path in image_files(place)]
    rows = [
        ("size of the photos", f"{counting.size_of(paths)}, {counting.sides_of(paths)}"),
        ("photos", f"{len(photos):,} of {len(set(photos.labels.tolist())):,} classes"),
        ("exact duplicates", f"{len(paths) - len(set(counting.checksums_of(paths))):,} beyond the first"),
    ]
    solution = folder / SOLUTION
    if solution.is_file():
        answers = pd.read_csv(solution, encoding="utf-8-sig").set_index("ImageId")["PredictionString"].str.split()
        synsets = answers.str[0].nunique()
        boxes = sum(len(answers[path.stem]) // 5 for path in paths)
        rows.insert(2, ("boxes on these photos", f"{boxes:,}"))
        rows.append((f"rows of {SOLUTION}", f"{len(answers):,} of {synsets:,} classes"))
        rows.append((f"SHA-256 of {SOLUTION}", f"`{sha256(solution)}`"))
    return rows


SOURCE = Source(
    name="imagenet",
    title="ImageNet photos",
    folder=FOLDER,
    load_split=_load_split,
    splits=("test",),
    report=_report,
    download=KagglePhotos(
        competition="imagenet-object-localization-challenge",
        table=SOLUTION,
        columns=("ImageId", "PredictionString"),
        photo="ILSVRC/Data/CLS-LOC/val/{}.JPEG",
        ids=PHOTOS,
        terms="ImageNet photos are for non-commercial research and education only: https://image-net.org/download.",
    ),
    download_size="85 MB",
    expected={"photos": len(PHOTOS), f"rows of {SOLUTION}": 50000, "classes in it": CLASSES},
    count=_count,
    at_least=("photos",),
)
