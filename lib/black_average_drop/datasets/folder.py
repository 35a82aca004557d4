"""Any folder of images, of the clinic too: a sub-folder a class, a CSV of labels, or no labels at all."""

import os
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageOps
from pydicom.misc import is_dicom

from black_average_drop.datasets import (
    IMAGE_SUFFIXES,
    dicom,
    from_files,
    is_signed,
    opened,
    read_table,
    require_folder,
    stretched,
    visible_folders,
)

LABELS = "labels.csv"
COLUMNS = ("image", "label", "patient")
UNLABELLED = -1
MOST_CLASSES = 100_000  # a larger number as a label is a date or an id
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value where small numbers are bright


def load(root, size=(224, 224), crop=1.0, labels=None, class_names=()):
    """The images of a folder: PNG, JPEG, TIFF, BMP, WebP of 8 bits, or of more in grey, and DICOM.

    They lie in one sub-folder for each class, or flat. A CSV, labels or else root's labels.csv, says which of them to
    take: its column image holds paths below root, label a class's name or number, patient whose image it is; label and
    patient may be missing. Without patients there every image is a patient of its own, DICOM files have theirs.
    class_names: the classes in the order of the network's outputs; by default those that are there, in order of name.
    Without labels every label is UNLABELLED. Grey images of more than 8 bits are stretched from their smallest to their
    largest value; a picture that its EXIF says is turned is turned upright. Ids are paths below root; size (H, W), crop
    as in `datasets.read_image`. `left_out` lists what lies in the folder besides.
    Raises FileNotFoundError for a missing root, ValueError for a folder without images, a link that leads out of it, a
    CSV or label that does not fit, a class named twice, and, when it is read, a file that cannot be decoded.
    """
    root = require_folder(root, "your images, flat or in one sub-folder for each class")
    path = root / LABELS if labels is None and (root / LABELS).is_file() else labels
    table = _images(root) if path is None else _listed(root, path)
    numbers, class_names = _numbered(table["label"], tuple(map(str, class_names)), path or root)
    paths = [root / name for name in table["image"]]
    patients = [
        patient or (dicom.patient(file) if _is_dicom(file) else "")
        for patient, file in zip(table["patient"], paths, strict=True)
    ]
    if (table["patient"] != "").any() and "" in patients:
        raise ValueError(f"{path}: some images have a patient and some have none: give all of them one, or none.")
    groups = [patient or name for patient, name in zip(patients, table["image"], strict=True)]
    return from_files(paths, table["image"], numbers, groups, class_names, size, crop, open_image=open_image)


def left_out(root, dataset):
    """Paths below root, in order of name, of the files that a data set from `load` did not take: of another kind, in a
    deeper folder, not in the CSV, or links that lead nowhere. Hidden ones, and root's labels.csv, do not count."""
    root, taken = Path(root), {*dataset.ids, LABELS}
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file() or not path.exists())
    visible = (path.as_posix() for path in files if not any(part.startswith(".") for part in path.parts))
    return sorted(name for name in visible if name not in taken)


def save(dataset, root):
    """Write the images of a Dataset as root/class-name/id.png, which `load` reads."""
    for row in range(len(dataset)):
        path = Path(root) / dataset.class_names[dataset.labels[row]] / f"{dataset.ids[row]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.images([row])[0]).save(path)


def open_image(path):
    """A file as a Pillow image of 8 bits. Raises ValueError or OSError if it cannot be decoded."""
    if _is_dicom(path):
        return Image.fromarray(dicom.read(path))
    image = opened(path)
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, "float64")
        if not np.isfinite(values).all():
            raise ValueError(f"{path} holds values that are no numbers: replace them, or leave the image out.")
        ends = values.min(), values.max()
        # Pillow has no mode for 32 bits without a sign and takes the last of them for one.
        if image.format == "TIFF" and ends[0] < 0 and image.mode == "I" and not is_signed(image):
            raise ValueError(f"{path} holds values beyond 31 bits, which turn negative: save it with 16 bits.")
        if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            ends = ends[::-1]  # Pillow inverts those of 8 bits by itself
        return Image.fromarray(stretched(values, *ends))
    return image


def _images(root):
    """image, label and patient of every file: the label is the sub-folder's name, or "" where images lie flat."""
    flat = [path for path in sorted(root.iterdir()) if _is_image(path)]
    nested = [path for folder in visible_folders(root) for path in sorted(folder.iterdir()) if _is_image(path)]
    if not flat and not nested:
        raise ValueError(f"{root} holds no images: put them into it, or into one sub-folder for each class.")
    if flat and nested:
        raise ValueError(
            f"{root} holds images beside its sub-folders, {flat[0].name} for one: put all of them into sub-folders, or "
            "none."
        )
    for path in flat or nested:
        if not path.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"{path} is a link that leads out of {root}: copy the file there, or leave it out.")
    rows = [(path.relative_to(root).as_posix(), "" if flat else path.parent.name, "") for path in flat or nested]
    return pd.DataFrame(rows, columns=COLUMNS)


def _listed(root, path):
    """image, label and patient of every row of a CSV."""
    table = read_table(path, ())
    if "image" not in table or not len(table):
        raise ValueError(f"{path} has no column image, or no rows: name each image's path below {root} there.")
    for wanted in COLUMNS:
        if list(table.columns).count(wanted) > 1:
            raise ValueError(f"{path} has more than one column {wanted}: leave one of them.")
        alike = get_close_matches(wanted, [name.lower() for name in table.columns], cutoff=0.8)
        if wanted not in table and alike:  # which would be passed over, and labels or patients with it
            raise ValueError(f"{path} has no column {wanted}, but {alike[0]}: rename it to that, or to another word.")
    for name in table["image"]:
        inside = (
            "\0" not in name and not Path(name).is_absolute() and (root / name).resolve().is_relative_to(root.resolve())
        )
        if not inside or not (root / name).is_file():
            raise ValueError(f"{path} names {name or 'nothing'}, which is no file in {root}: mend its column image.")
    table["image"] = [os.path.normpath(name) for name in table["image"]]
    folders = [name.rpartition("/")[0] for name in table["image"]]
    known = {"label": folders, "patient": [""] * len(table)}
    for column, values in known.items():
        table[column] = table[column].str.strip() if column in table else values
    return table[[*COLUMNS]]


def _numbered(labels, class_names, where):
    """Numbers (N,) of labels (N,) of text, and the classes' names."""
    for name in class_names:
        if class_names.count(name) > 1:
            raise ValueError(f"class_names names {name!r} more than once: name each class once.")
    if (labels == "").all():
        return np.full(len(labels), UNLABELLED), class_names
    if (labels == "").any():
        raise ValueError(f"{where}: some images have a label and some have none: give all of them one, or none.")
    if not class_names and labels.str.fullmatch(r"\d{1,6}").all() and (top := labels.astype(int).max()) < MOST_CLASSES:
        class_names = tuple(map(str, range(top + 1)))
    class_names = class_names or tuple(sorted(set(labels)))
    numbers = {str(number): number for number in range(len(class_names))}
    numbers |= {name: number for number, name in enumerate(class_names)}
    unknown = sorted(set(labels) - set(numbers))
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r} is none of the classes {', '.join(class_names)}: mend class_names.")
    return labels.map(numbers).to_numpy(), class_names


def _is_image(path):
    if not path.is_file() or path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    return path.suffix.lower() in IMAGE_SUFFIXES or _is_dicom(path)


def _is_dicom(path):
    """By its name, or, since files of the clinic often have none of note, by what it holds."""
    return path.suffix.lower() in dicom.SUFFIXES or (path.suffix.lower() not in IMAGE_SUFFIXES and is_dicom(path))
