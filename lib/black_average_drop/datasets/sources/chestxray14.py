"""NIH ChestX-ray14: Data_Entry_2017*.csv, BBox_List_2017.csv and images in images/ or images_0NN/images/."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.datasets import counting
from black_average_drop.datasets.dataset import split_by_group
from black_average_drop.datasets.images import from_files, open_picture
from black_average_drop.datasets.paths import image_files, require_folder
from black_average_drop.datasets.sources.source import KaggleArchive, Source, splits_of_halves
from black_average_drop.datasets.tables.csv_files import read_csv_table
from black_average_drop.files import sha256

FOLDER = "nih-chest-xrays"
SOURCE_PIXELS = 1024  # boxes are given in the coordinates of the 1024 x 1024 originals
NO_FINDING = "No Finding"
ENTRIES, BOXES = "Data_Entry_2017*.csv", "BBox_List_2017.csv"
_SPELT = {"Infiltrate": "Infiltration"}  # in the table of boxes and in that of all images


def load(root, finding="Pneumonia", boxed_only=False, size=(224, 224)):
    """Read images labelled with a finding (class 1) or with No Finding (class 0), as far as their files are there.

    A file may have another suffix than the table says. Groups are the patients.

    Args:
        root: the data root, which holds nih-chest-xrays.
        finding: one of the 14 labels, or "any" for every image that has one: each box is then of the class, under its
            own name.
        boxed_only: keep the images of class 1 with a radiologist's box of that finding alone.
        size: (H, W), in pixels.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a table lacks something, or the finding is unknown.
    """
    folder = _folder(root)
    entries = _entries(folder, "Finding Labels", "Patient ID")
    corners = _corners(folder)
    files = _image_files(_image_folders(folder))
    entries = _labelled(entries, finding)
    entries = entries[entries["stem"].isin(files)]
    if boxed_only:
        boxed = {stem for stem, boxes in corners.items() if finding == "any" or finding in {name for name, *_ in boxes}}
        entries = entries[entries["stem"].isin(boxed) & (entries["label"] == 1)]

    stems = entries["stem"].tolist()
    paths = [files[stem] for stem in stems]
    patients = entries["Patient ID"].astype(str).tolist()

    def original_boxes(position):
        with open_picture(paths[position]) as image:
            scale = image.width / SOURCE_PIXELS, image.height / SOURCE_PIXELS
        return [
            (name, x0 * scale[0], y0 * scale[1], x1 * scale[0], y1 * scale[1])
            for name, x0, y0, x1, y1 in corners.get(stems[position], [])
        ]

    class_names = (NO_FINDING, "any finding" if finding == "any" else finding)
    dataset = from_files(paths, stems, entries["label"].tolist(), patients, class_names, size, boxes=original_boxes)
    return replace(dataset, every_box=finding == "any")


def boxed_and_normal(root, size=(224, 224), normal=980, seed=0):
    """Select every image with a box as class 1, "any finding", and some images of No Finding as class 0.

    Args:
        root: the data root.
        size: (H, W), in pixels.
        normal: how many images of No Finding, drawn at random where there are more. So there are equally few in the
            whole collection and in a part of it.
        seed: of the drawing.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    everything = load(root, "any", size=size)
    boxed = np.isin(everything.ids, load(root, "any", boxed_only=True, size=size).ids)
    healthy = np.random.default_rng(seed).permutation(np.flatnonzero(everything.labels == 0))[:normal]
    return everything.subset(np.sort(np.concatenate([np.flatnonzero(boxed), healthy])))


def _boxed_halves(root, size=(224, 224), seed=0):
    """Read the images of `boxed_and_normal` in the two halves of `halves`.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    return halves(boxed_and_normal(root, size, seed=seed), seed)


def views(root):
    """Read what the tables say of each image, whether its file is there or not.

    Returns:
        A DataFrame indexed by the image's id. Columns: view ("AP" or "PA"), findings (a tuple of labels), fully_boxed
        (there is a box of every finding: none lies outside the boxes, as far as the labels go).

    Raises:
        FileNotFoundError: if a table is missing.
        ValueError: if a column is missing.
    """
    folder = _folder(root)
    entries = _entries(folder, "Finding Labels", "View Position")
    findings = [tuple(names.split("|")) for names in entries["Finding Labels"]]
    boxed = {stem: {name for name, *_ in boxes} for stem, boxes in _corners(folder).items()}
    fully_boxed = [set(names) <= boxed.get(stem, set()) for stem, names in zip(entries["stem"], findings, strict=True)]
    table = {"view": entries["View Position"].tolist(), "findings": findings, "fully_boxed": fully_boxed}
    return pd.DataFrame(table, index=pd.Index(entries["stem"], name="id"))


def halves(dataset, seed=0):
    """Split into two Datasets of about as many images, with no patient in both.

    Patients are drawn apart who have a boxed image, and who have none: so either half has half of the boxes, too.
    """
    boxed = [bool(dataset.boxes(position)) for position in dataset.positions]
    with_box = np.isin(dataset.groups, dataset.groups[boxed])
    second = np.zeros(len(dataset), bool)
    for stratum in (with_box, ~with_box):
        second[stratum] = split_by_group(dataset.groups[stratum], 1 / 2, seed)
    return dataset.subset(~second), dataset.subset(second)


def _folder(root):
    return require_folder(Path(root) / FOLDER, "the NIH ChestX-ray14 tables and images")


def _entries(folder, *columns):
    """The table of all images with the columns checked, and the stem of each image's name next to them."""
    entries = _table(folder, ENTRIES, ["Image Index", *columns])
    return entries.assign(stem=[Path(name).stem for name in entries["Image Index"]])


def _labelled(entries, finding):
    """The rows of the finding, or of any, with label 1, and those of No Finding with label 0."""
    findings = entries["Finding Labels"].str.split("|")
    known = {name for names in findings for name in names}
    if finding != "any" and finding not in known:
        raise ValueError(f"finding is {finding!r}: choose any or one of {', '.join(sorted(known))}.")
    shown = [names != [NO_FINDING] if finding == "any" else finding in names for names in findings]
    entries = entries.assign(label=[int(flag) for flag in shown])
    return entries[[flag or names == [NO_FINDING] for flag, names in zip(shown, findings, strict=True)]]


def _corners(folder):
    """Stem -> [(finding, x0, y0, x1, y1), ...] in pixels of the originals."""
    boxes = _table(folder, BOXES, ["Image Index", "Finding Label", "Bbox [x"])
    names = boxes["Finding Label"].replace(_SPELT)
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
    files = sorted(folder.glob(pattern))
    if not files:
        raise FileNotFoundError(f"{folder / pattern} is missing: fetch it from the NIH page; see data/README.md.")
    return read_csv_table(files[0], columns)


def _places(folder):
    """images/ and images_0NN/images/, whichever are there."""
    return [place for place in (folder / "images", *sorted(folder.glob("images_0*/images"))) if place.is_dir()]


def _image_folders(folder):
    """As `_places`, at least one."""
    places = _places(folder)
    if not places:
        raise FileNotFoundError(f"{folder} has neither images/ nor images_001/images/: unpack the archives there.")
    return places


def _image_files(places):
    """Stem -> path."""
    return {path.stem: path for place in places for path in image_files(place)}


def _count(root):
    """Images, rows, boxes and boxed images, under the names of `SOURCE.expected`."""
    folder = Path(root) / FOLDER
    entries, boxes = counting.column_of(folder, ENTRIES), counting.column_of(folder, BOXES)
    return {
        "images": sum(counting.images_in(place) for place in _places(folder)),
        f"rows of {ENTRIES}": len(entries),
        "boxes": len(boxes),
        "boxed images": boxes.nunique(),
    }


def _report(root):
    """Labels, patients, view positions and boxes, of the tables and of the files there: rows (what, figure)."""
    folder = Path(root) / FOLDER
    matches = [sorted(folder.glob(pattern)) for pattern in (ENTRIES, BOXES)]
    if not all(matches):
        return []
    tables = [match[0] for match in matches]
    entries, boxes = (pd.read_csv(table, encoding="utf-8-sig") for table in tables)
    boxes["Finding Label"] = boxes["Finding Label"].replace(_SPELT)
    entries["labels"] = entries["Finding Labels"].str.split("|").map(set)
    files = _image_files(_places(folder))
    there = entries[[Path(name).stem in files for name in entries["Image Index"]]]
    rows = [("size of the images", f"{counting.size_of(files.values())}, {counting.sides_of(files.values())}")]
    rows += _box_rows(entries, boxes) + _label_rows(entries, "in the table") + _label_rows(there, "as files")
    checksums = dict(zip(files, counting.checksums_of(files.values()), strict=True))
    rows.append(("exact duplicates among the files", f"{len(files) - len(set(checksums.values())):,} beyond the first"))
    parts = splits_of_halves(*halves(boxed_and_normal(root))).items()
    parts = pd.concat([pd.DataFrame({"id": part.ids, "patient": part.groups, "part": name}) for name, part in parts])
    rows += counting.crossing_rows(parts.assign(bytes=parts["id"].map(checksums)))
    return rows + [(f"SHA-256 of {table.name}", f"`{sha256(table)}`") for table in tables]


def _box_rows(entries, boxes):
    """Boxes, the images that they are on, and images with a label that none of their boxes is of."""
    labels = entries.set_index("Image Index")["labels"]
    boxed = boxes.groupby("Image Index")["Finding Label"].agg(set)
    boxed = boxed[boxed.index.isin(labels.index)]
    unboxed = sum(bool(labels[name] - names) for name, names in boxed.items())
    pneumonia = boxes[boxes["Finding Label"] == "Pneumonia"]["Image Index"].nunique()
    images = boxes["Image Index"].nunique()
    return [
        ("boxes", f"{len(boxes):,} on {images:,} images, {pneumonia:,} of them for pneumonia"),
        ("boxed images with further labels that have no box", f"{unboxed:,} of {len(boxed):,}"),
    ]


def _label_rows(entries, where):
    """Images, labels, views and patients of some rows of the table of all images."""
    ill = entries[entries["labels"].map(lambda labels: "Pneumonia" in labels)]
    well = entries[entries["labels"].map(lambda labels: labels == {NO_FINDING})]
    patients = [set(one["Patient ID"]) for one in (ill, well, entries[~entries.index.isin(well.index)])]
    every = entries["labels"].explode().value_counts().sort_index(kind="stable")
    every = every.sort_values(ascending=False, kind="stable")
    return [
        (f"images {where}", f"{len(entries):,} of {counting.number_of(entries['Patient ID'].unique(), 'patient')}"),
        (f"labels {where}", ", ".join(f"{label} {number:,}" for label, number in every.items())),
        (f"pneumonia {where}", f"{len(ill):,}, {(ill['labels'].map(len) == 1).sum():,} with that label alone"),
        (f"no finding {where}", f"{len(well):,}"),
        (f"views of pneumonia {where}", _views(ill)),
        (f"views of no finding {where}", _views(well)),
        (f"patients {where} with images of pneumonia and of no finding", f"{len(patients[0] & patients[1]):,}"),
        (f"patients {where} with images with and without a finding", f"{len(patients[1] & patients[2]):,}"),
    ]


def _views(part):
    numbers = part["View Position"].value_counts().sort_index()
    return ", ".join(f"{number:,} {view}" for view, number in numbers.items()) or "none"


SOURCE = Source(
    name="chestxray14",
    title="NIH ChestX-ray14",
    folder=FOLDER,
    boxed=lambda root, size: load(root, "Pneumonia", boxed_only=True, size=size),
    boxed_halves=_boxed_halves,
    views=views,
    report=_report,
    download=KaggleArchive(
        "nih-chest-xrays",
        "data",
        version=3,
        members=r"images_0\d\d/images/[^/]+\.png|[^/]+\.(csv|txt|pdf)",
        checksums={
            "Data_Entry_2017.csv": "88f75094e25ccc0c6f1f9cdfd4b2f94f9379a0ae07d5ff4dcf94242707b07462",
            "BBox_List_2017.csv": "0bbfea9d4c4e9771481b3023b1bc9f0df9dea924453b12986beb29b0c4d0c95b",
        },
    ),
    download_size="45 GB, and as much again while it is unpacked",
    expected={"images": 112120, f"rows of {ENTRIES}": 112120, "boxes": 984, "boxed images": 880},
    count=_count,
)
