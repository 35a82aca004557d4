"""The pneumonia radiographs of the paper's reference [13] (Kermany et al.): chest_xray/{train,test}/{NORMAL,PNEUMONIA}.

The archive's val/ folder has 16 images and is not used: a share of train, by patient, is the validation split.
"""

import re
from pathlib import Path

import pandas as pd

from black_average_drop.datasets import counting
from black_average_drop.datasets.dataset import split_by_group
from black_average_drop.datasets.images import from_files
from black_average_drop.datasets.paths import image_files, require_folder
from black_average_drop.datasets.sources.source import SPLITS, KaggleArchive, Source

FOLDER = "chest_xray"
CLASS_NAMES = ("normal", "pneumonia")
VALIDATION_SHARE = 0.1  # of train
EXPECTED = {
    "images in train/NORMAL": 1341,
    "images in train/PNEUMONIA": 3875,
    "images in test/NORMAL": 234,
    "images in test/PNEUMONIA": 390,
}
_PATIENT = re.compile(r"(person\d+)_(bacteria|virus)|((?:NORMAL2-)?IM-\d+)")


def load(root, split, size=(224, 224)):
    """Read the images of one folder of the archive.

    Args:
        root: the data root, which holds chest_xray.
        split: "train" or "test".
        size: (H, W), in pixels.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if a folder has no images.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split is {split!r}: choose "train" or "test".')
    paths, labels = [], []
    for label, name in enumerate(CLASS_NAMES):
        folder = require_folder(Path(root) / FOLDER / split / name.upper(), f"the {name} radiographs of {split}")
        files = image_files(folder)
        if not files:
            raise ValueError(f"{folder} holds no images: unpack the data set again; see data/README.md.")
        paths += files
        labels += [label] * len(files)
    ids = [f"{split}/{path.stem}" for path in paths]
    return from_files(paths, ids, labels, [patient_of_name(path.stem) for path in paths], CLASS_NAMES, size)


def _load_split(root, split, size, seed=0, background=False):
    """One of train, validation and test; validation is a tenth of the archive's train, by patient, drawn from seed."""
    dataset = load(root, "test" if split == "test" else "train", size)
    if split == "test":
        return dataset
    held_out = split_by_group(dataset.groups, VALIDATION_SHARE, seed)
    return dataset.subset(held_out if split == "validation" else ~held_out)


def patient_of_name(stem):
    """Tell the patient from a file name.

    Numbers restart in each group, so the key keeps the group: (personN, bacteria or virus), or the whole IM-n or
    NORMAL2-IM-n prefix. A name of another form is a patient of its own.
    """
    match = _PATIENT.match(stem)
    if not match:
        return stem
    return match.group(3) or f"{match.group(1)}_{match.group(2)}"


def _count(root):
    """Images by folder, under the names of EXPECTED."""
    folder = Path(root) / FOLDER
    return {name: counting.images_in(folder / name.removeprefix("images in ")) for name in EXPECTED}


def _report(root):
    """Counts by split and class, patients, and duplicates by exact bytes: rows (what, figure)."""
    table = _table(Path(root) / FOLDER)
    if not len(table):
        return []
    rows = [("size", f"{counting.size_of(table['path'])}, {counting.sides_of(table['path'])}")]
    rows += [(f"{split}, {label}", _images_of_patients(part)) for (split, label), part in _parts(table, "label")]
    rows += [(f"{split}, both", _images_of_patients(part)) for (split,), part in _parts(table)]
    rows += [
        ("patients in both splits", f"{counting.in_several(table, 'patient', 'split'):,}"),
        (
            "`personN` in both splits, wrongly read without bacteria or virus",
            f"{counting.in_several(table, 'person', 'split'):,}",
        ),
        ("`IM-N` in both splits, wrongly read without `NORMAL2-`", f"{counting.in_several(table, 'IM', 'split'):,}"),
    ]
    for (split,), part in _parts(table):
        alike = part[part.duplicated("bytes", keep=False)]
        extra = len(alike) - alike["bytes"].nunique()
        rows.append((f"exact duplicates within {split}", f"{extra} beyond the first, {len(alike)} files in all"))
    rows.append(("images in both splits, by exact bytes", f"{counting.in_several(table, 'bytes', 'split'):,}"))
    rows += counting.crossing_rows(table)
    with_both = counting.in_several(table, "bytes", "label")
    rows.append(("images with both labels, by exact bytes", f"{with_both:,}"))
    rows.append(("images of two patients, by exact bytes", _listed(_of_several_patients(table))))
    return rows


def _table(folder):
    """A row for each image: split, label, path, patient, checksum (bytes), the part that it is used in, and a name.

    The name is the patient's as keys that leave the group out would read it.
    """
    files = [
        (split, name, path)
        for split in ("train", "test")
        for name in CLASS_NAMES
        if (folder / split / name.upper()).is_dir()
        for path in image_files(folder / split / name.upper())
    ]
    table = pd.DataFrame(files, columns=["split", "label", "path"])
    if not files:
        return table
    table["patient"] = [patient_of_name(path.stem) for path in table["path"]]
    # Numbers restart in each group: what a key that leaves the group out would take for one child.
    table["person"] = table["patient"].str.extract(r"^(person\d+)_", expand=False)
    table["IM"] = table["patient"].str.extract(r"(IM-\d+)$", expand=False)
    table["bytes"] = counting.checksums_of(table["path"])
    table["part"], train = table["split"], table["split"] == "train"
    held_out = split_by_group(table.loc[train, "patient"].to_numpy(str), VALIDATION_SHARE)
    table.loc[table.index[train][held_out], "part"] = "validation"
    return table


def _parts(table, *columns):
    """The rows by split, and by further columns, in their order."""
    return table.groupby(["split", *columns], sort=False)


def _images_of_patients(part):
    images, patients = counting.number_of(part, "image"), counting.number_of(part["patient"].unique(), "patient")
    return f"{images} of {patients}"


def _of_several_patients(table):
    """The patients of each image that is there under several of them, as text."""
    patients = table.groupby("bytes")["patient"].agg(lambda names: " and ".join(sorted(set(names))))
    return sorted(names for names in patients if " and " in names)


def _listed(names):
    return f"{len(names)}" + (f": {'; '.join(names)}" if names else "")


SOURCE = Source(
    name="chest_xray",
    title="chest_xray",
    folder=FOLDER,
    load_split=_load_split,
    splits=SPLITS,
    report=_report,
    download=KaggleArchive(
        "paultimothymooney",
        "chest-xray-pneumonia",
        version=2,
        members=r"chest_xray/(train|val|test)/(NORMAL|PNEUMONIA)/[^/.][^/]*\.jpeg",  # no second copy, no __MACOSX
        inside="chest_xray",
    ),
    download_size="2.5 GB",
    expected=EXPECTED,
    count=_count,
)
