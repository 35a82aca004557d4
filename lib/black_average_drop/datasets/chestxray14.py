"""NIH ChestX-ray14: Data_Entry_2017*.csv, BBox_List_2017.csv and images in images/ or images_0NN/images/."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.datasets import (
    FOLDERS,
    from_files,
    image_files,
    opened,
    read_table,
    require_folder,
    split_by_group,
)

SOURCE_PIXELS = 1024  # boxes are given in the coordinates of the 1024 x 1024 originals
NO_FINDING = "No Finding"
BOXES = "BBox_List_2017.csv"
TEST_SHARE, VALIDATION_SHARE = 1 / 2, 1 / 8  # boxes are few, and maps are measured on those of the test images alone


def load(root, finding="Pneumonia", boxed_only=False, size=(224, 224)):
    """Images below root/nih-chest-xrays labelled with `finding` (class 1) or with No Finding (class 0).

    finding: one of the 14 labels, or "any" for every image that has one: each box is then of the class, under its own
    name. boxed_only keeps the images of class 1 with a radiologist's box of that finding. size (H, W). Only images
    whose file is there count; a file may have another suffix than the table says. Groups are the patients.
    Raises FileNotFoundError for missing files and ValueError for a table that lacks something or an unknown finding.
    """
    folder = _folder(root)
    entries = _entries(folder, "Finding Labels", "Patient ID")
    corners = _corners(folder)
    files = {path.stem: path for place in _image_folders(folder) for path in image_files(place)}
    findings = entries["Finding Labels"].str.split("|")
    known = {name for names in findings for name in names}
    if finding != "any" and finding not in known:
        raise ValueError(f"finding is {finding!r}: choose any or one of {', '.join(sorted(known))}.")
    shown = [names != [NO_FINDING] if finding == "any" else finding in names for names in findings]
    entries = entries.assign(label=[int(flag) for flag in shown])
    entries = entries[[flag or names == [NO_FINDING] for flag, names in zip(shown, findings, strict=True)]]
    entries = entries[entries["stem"].isin(files)]

    if boxed_only:
        boxed = {stem for stem, found in corners.items() if finding == "any" or finding in {name for name, *_ in found}}
        entries = entries[entries["stem"].isin(boxed) & (entries["label"] == 1)]

    stems = entries["stem"].tolist()
    paths = [files[stem] for stem in stems]
    patients = entries["Patient ID"].astype(str).tolist()

    def original_boxes(position):
        with opened(paths[position]) as image:
            scale = image.width / SOURCE_PIXELS, image.height / SOURCE_PIXELS
        return [
            (name, x0 * scale[0], y0 * scale[1], x1 * scale[0], y1 * scale[1])
            for name, x0, y0, x1, y1 in corners.get(stems[position], [])
        ]

    class_names = (NO_FINDING, "any finding" if finding == "any" else finding)
    dataset = from_files(paths, stems, entries["label"].tolist(), patients, class_names, size, boxes=original_boxes)
    return replace(dataset, every_box=finding == "any")


def boxed_and_normal(root, size=(224, 224), normal=980, seed=0):
    """Every image with a box as class 1, "any finding", and `normal` images of No Finding, drawn at random where there
    are more: the same few of the whole collection as of a part. Errors as `load`."""
    everything = load(root, "any", size=size)
    boxed = np.isin(everything.ids, load(root, "any", boxed_only=True, size=size).ids)
    healthy = np.random.default_rng(seed).permutation(np.flatnonzero(everything.labels == 0))[:normal]
    return everything.subset(np.sort(np.concatenate([np.flatnonzero(boxed), healthy])))


def views(root):
    """What the tables say of each image, whether its file is there or not: a DataFrame indexed by the image's id.

    Columns: view ("AP" or "PA"), findings (a tuple of labels) and fully_boxed (there is a box of every one of them: no
    finding lies outside the boxes, as far as the labels go).
    Raises FileNotFoundError for missing files and ValueError for a missing column.
    """
    folder = _folder(root)
    entries = _entries(folder, "Finding Labels", "View Position")
    findings = [tuple(names.split("|")) for names in entries["Finding Labels"]]
    boxed = {stem: {name for name, *_ in found} for stem, found in _corners(folder).items()}
    fully_boxed = [set(names) <= boxed.get(stem, set()) for stem, names in zip(entries["stem"], findings, strict=True)]
    table = {"view": entries["View Position"].tolist(), "findings": findings, "fully_boxed": fully_boxed}
    return pd.DataFrame(table, index=pd.Index(entries["stem"], name="id"))


def split(dataset, seed=0):
    """Three Datasets, train, validation and test, with no patient in two of them.

    Half of the patients' images are for testing, drawn apart for patients who have a boxed image and for those who
    have none, so that half of the boxes are there, too; an eighth of the others is for validation.
    """
    boxed = [bool(dataset.boxes(position)) for position in dataset.positions]
    with_box = np.isin(dataset.groups, dataset.groups[boxed])
    test = np.zeros(len(dataset), bool)
    for stratum in (with_box, ~with_box):
        test[stratum] = split_by_group(dataset.groups[stratum], TEST_SHARE, seed)
    rest = dataset.subset(~test)
    validation = split_by_group(rest.groups, VALIDATION_SHARE, seed)
    return rest.subset(~validation), rest.subset(validation), dataset.subset(test)


def _folder(root):
    return require_folder(Path(root) / FOLDERS["chestxray14"], "the NIH ChestX-ray14 tables and images")


def _entries(folder, *columns):
    """The table of all images with the columns checked, and the stem of each image's name beside them."""
    entries = _table(folder, "Data_Entry_2017*.csv", ["Image Index", *columns])
    return entries.assign(stem=[Path(name).stem for name in entries["Image Index"]])


def _corners(folder):
    """stem -> [(finding, x0, y0, x1, y1), ...] in pixels of the originals."""
    boxes = _table(folder, BOXES, ["Image Index", "Finding Label", "Bbox [x"])
    names = boxes["Finding Label"].replace({"Infiltrate": "Infiltration"})  # the two tables spell it differently
    corners = {}
    first = boxes.columns.get_loc("Bbox [x")  # the header "Bbox [x,y,w,h]" falls apart at its commas
    numbers = boxes.iloc[:, first : first + 4].apply(pd.to_numeric, errors="coerce").to_numpy("float64")
    for image, name, box in zip(boxes["Image Index"], names, numbers, strict=True):
        if not np.isfinite(box).all():
            raise ValueError(
                f"{folder / BOXES}: a box of {image} is not made of four numbers: fetch the original table again."
            )
        x, y, width, height = map(float, box)
        corners.setdefault(Path(image).stem, []).append((name, x, y, x + width, y + height))
    return corners


def _table(folder, pattern, columns):
    """The CSV of the folder that matches the pattern, with the columns checked."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{folder / pattern} is missing: fetch it from the NIH page; see data/README.md.")
    return read_table(found[0], columns)


def _image_folders(folder):
    """images/ and images_0NN/images/, whichever are there."""
    places = [folder / "images", *sorted(folder.glob("images_0*/images"))]
    places = [place for place in places if place.is_dir()]
    if not places:
        raise FileNotFoundError(f"{folder} has neither images/ nor images_001/images/: unpack the archives there.")
    return places
