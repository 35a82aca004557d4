"""RSNA Pneumonia Detection Challenge, stage 2: stage_2_train_images/ and two tables, with boxes of pneumonia.

The images come from NIH ChestX-ray14. What the tables call a patient is one examination; RSNA's list of the original
names says whose it is.
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.errors import InvalidDicomError

from black_average_drop.datasets import counting
from black_average_drop.datasets.appearance import open_shown
from black_average_drop.datasets.dataset import split_by_group
from black_average_drop.datasets.dicom import stored_pixels
from black_average_drop.datasets.images import from_files
from black_average_drop.datasets.paths import IMAGE_SUFFIXES, require_folder
from black_average_drop.datasets.sources.source import SPLITS, Source, splits_of_halves
from black_average_drop.datasets.tables.csv_files import read_csv_table
from black_average_drop.files import sha256

FOLDER = "rsna-pneumonia-detection-challenge"
IMAGES = "stage_2_train_images"
LABELS, CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
ORIGINALS = "pneumonia-challenge-dataset-mappings_2018.json"  # from RSNA, and not needed
CLASS_NAMES = ("Normal", "Pneumonia")
SOURCE_PIXELS = 1024  # boxes are given in the coordinates of the 1024 x 1024 originals
_CORNERS = ["x", "y", "width", "height"]
_SUFFIXES = (".dcm", *IMAGE_SUFFIXES)


def load(root, size=(224, 224)):
    """Read the images with pneumonia (class 1) and the normal ones (class 0), as far as their files are there.

    Images that are neither, "No Lung Opacity / Not Normal", are left out: many show another disease, and nobody drew
    where. A file may be a copy with another suffix or size. Groups are NIH's patients where RSNA's list of the original
    names is in the folder; without it each examination is a patient of its own.

    Args:
        root: the data root, which holds rsna-pneumonia-detection-challenge.
        size: (H, W), in pixels.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a table lacks something, or there is no image.
    """
    folder = require_folder(Path(root) / FOLDER, "the tables and images of RSNA's challenge")
    corners, classes = _corners(folder), _classes(folder)
    files = _files(require_folder(folder / IMAGES, "the images of RSNA's challenge"))
    ids = [name for name in classes.index if name in files and (corners[name] or classes[name] == CLASS_NAMES[0])]
    patients = _patients(folder)
    unknown = [name for name in ids if patients and name not in patients]
    if unknown:
        raise ValueError(f"{folder / ORIGINALS} does not name {unknown[0]}: fetch it again, or remove it.")

    def boxes(position):
        height, width = size
        scales = np.array([width, height] * 2) / SOURCE_PIXELS
        return [(CLASS_NAMES[1], *(np.array(box) * scales).tolist()) for box in corners[ids[position]]]

    dataset = from_files(
        [files[name] for name in ids],
        ids,
        [int(bool(corners[name])) for name in ids],
        [patients.get(name, name) for name in ids],
        CLASS_NAMES,
        size,
        open_shown=partial(open_shown, window="full"),
    )
    return replace(dataset, boxes=boxes)


def _boxed(root, size=(224, 224)):
    """Read the images with pneumonia, each with its boxes: as `load` does."""
    dataset = load(root, size)
    return dataset.subset(dataset.labels == 1)


def _boxed_halves(root, size=(224, 224), seed=0):
    """Split the images of `load` into two Datasets of about as many images, with no patient in both.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    dataset = load(root, size)
    second = split_by_group(dataset.groups, 1 / 2, seed)
    return dataset.subset(~second), dataset.subset(second)


def _views(root):
    """Read the view of each image of `load` from its DICOM header.

    Returns:
        A DataFrame indexed by the image's id, with the column view: "AP", "PA", or "" where a copy has no header. None
        where no image has one.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    dataset = load(root)
    found = [_view(dataset.file(position)) for position in dataset.positions]
    return pd.DataFrame({"view": found}, index=pd.Index(dataset.ids, name="id")) if any(found) else None


def _load_split(root, split, size, seed=0, background=False):
    return splits_of_halves(*_boxed_halves(root, size, seed), seed)[split]


def _view(path):
    try:
        file = stored_pixels.open_dicom(path, stop_before_pixels=True, specific_tags=["ViewPosition"])
        return str(file.get("ViewPosition") or "")
    except InvalidDicomError:  # a copy in another format
        return ""


def _table(folder, name, columns):
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder / name} is missing: fetch it from Kaggle; see data/README.md.")
    return read_csv_table(folder / name, columns)


def _classes(folder):
    """Id -> class, in the order of the table, which has a row for each box."""
    table = _table(folder, CLASSES, ["patientId", "class"])
    return table.drop_duplicates("patientId").set_index("patientId")["class"]


def _corners(folder):
    """Id -> [(x0, y0, x1, y1), ...] in pixels of the originals, cut at their border; empty without pneumonia."""
    path = folder / LABELS
    table = _table(folder, LABELS, ["patientId", "Target"])
    missing = [name for name in _CORNERS if name not in table]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]!r}: fetch the original table again.")
    numbers = table[_CORNERS].apply(pd.to_numeric, errors="coerce").to_numpy("float64")
    corners = {}
    for name, target, (x, y, width, height) in zip(table["patientId"], table["Target"], numbers, strict=True):
        boxes = corners.setdefault(name, [])
        if target.strip() == "0":
            continue
        box = np.clip([x, y, x + width, y + height], 0, SOURCE_PIXELS).tolist()
        if not (box[0] < box[2] and box[1] < box[3]):  # nor with NaN
            raise ValueError(
                f"{path}: a box of {name} is not four numbers inside {SOURCE_PIXELS} x {SOURCE_PIXELS} pixels: fetch "
                "the original table again."
            )
        boxes.append(tuple(box))
    return corners


def _patients(folder):
    """Id -> NIH's patient, empty where RSNA's list of the original names is not there."""
    path = folder / ORIGINALS
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text("utf-8"))
        return {row["subset_img_id"]: str(int(row["img_id"].split("_")[0])) for row in rows}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"{path} is not RSNA's list of the original names: fetch it again, or remove it.") from problem


def _files(place):
    """Stem -> path."""
    paths = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES and path.name[0] != ".")
    return {path.stem: path for path in paths}


def _count(root):
    """Images, rows, examinations and boxes, under the names of `SOURCE.expected`."""
    folder = Path(root) / FOLDER
    names, targets = (counting.column_of(folder, LABELS, column) for column in (0, 5))
    place = folder / IMAGES
    ill = targets == "1"
    return {
        "images": len(_files(place)) if place.is_dir() else 0,
        f"rows of {LABELS}": len(names),
        f"examinations in {LABELS}": names.nunique(),
        "boxes": int(ill.sum()),
        "boxed images": names[ill].nunique(),
    }


def _report(root):
    """Classes, boxes and patients of the tables, and of the files there: rows (what, figure)."""
    folder = Path(root) / FOLDER
    if not all((folder / name).is_file() for name in (LABELS, CLASSES)):
        return []
    corners, classes, patients = _corners(folder), _classes(folder), _patients(folder)
    files = _files(folder / IMAGES) if (folder / IMAGES).is_dir() else {}
    rows = [("size of the images", counting.size_of(files.values()))]
    boxes = [len(found) for found in corners.values()]
    rows.append(("boxes", f"{sum(boxes):,} on {np.count_nonzero(boxes):,} images"))
    for where, names in (("in the table", classes.index), ("as files", classes.index[classes.index.isin(files)])):
        kinds = classes[names].value_counts().sort_index()
        rows.append((f"examinations {where}", ", ".join(f"{kind} {number:,}" for kind, number in kinds.items())))
        if patients:
            owners = {patients[name] for name in names if name in patients}
            rows.append((f"NIH's patients {where}", f"{len(owners):,}"))
    tables = [folder / name for name in (LABELS, CLASSES, ORIGINALS) if (folder / name).is_file()]
    return rows + [(f"SHA-256 of {table.name}", f"`{sha256(table)}`") for table in tables]


SOURCE = Source(
    name="rsna",
    title="RSNA Pneumonia Detection Challenge",
    folder=FOLDER,
    load_split=_load_split,
    splits=SPLITS,
    boxed=_boxed,
    boxed_halves=_boxed_halves,
    views=_views,
    report=_report,
    expected={
        "images": 26684,
        f"rows of {LABELS}": 30227,
        f"examinations in {LABELS}": 26684,
        "boxes": 9555,
        "boxed images": 6012,
    },
    count=_count,
)
