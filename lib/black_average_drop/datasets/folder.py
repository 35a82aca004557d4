"""Any folder of images, of the clinic too: a sub-folder a class, a CSV of labels, or no labels at all."""

import os
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageOps
from pydicom.misc import is_dicom

from black_average_drop import progress
from black_average_drop.datasets import (
    IMAGE_SUFFIXES,
    check_name,
    decoding,
    dicom,
    from_files,
    is_signed,
    listing,
    opened,
    read_table,
    readable,
    require_folder,
    visible_folders,
)
from black_average_drop.datasets.grey import AS_IT_IS, check_window, filled, limits, stretched

LABELS = "labels.csv"
COLUMNS = ("image", "label", "patient")
UNLABELLED = -1
MOST_CLASSES = 100_000  # a larger number as a label is a date or an id
LEAST_FILLED = 0.25  # of black to white: files that use less are doubted
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value where small numbers are bright


def load(root, size=(224, 224), crop=1.0, labels=None, class_names=(), window="full"):
    """The images of a folder: PNG, JPEG, TIFF, BMP, WebP of 8 bits, or of more in grey, and DICOM.

    They lie in one sub-folder for each class, or flat. A CSV, labels or else root's labels.csv, says which of them to
    take: its column image holds paths below root, label a class's name or number, patient whose image it is; label and
    patient may be missing. Without patients there every image is a patient of its own, DICOM files have theirs.
    class_names: the classes in the order of the network's outputs; by default those that are there, in order of name.
    Without labels every label is UNLABELLED. window, one of `grey.WINDOWS`: whether grey images of more than 8 bits are
    shown over all values that their bits allow, DICOM through its own window, or each from its smallest to its largest
    value or between two percentiles; a picture that its EXIF says is turned is turned upright. Ids are paths below
    root; size (H, W), crop as in `datasets.read_image`. `left_out` lists what lies in the folder besides, `shown` how
    each file was shown.
    Raises FileNotFoundError for a missing root, ValueError for a folder without images, one that cannot be read, a link
    that leads out of it, a name that is not UTF-8, a CSV or label that does not fit, a class named twice, an unknown
    window, and, when it is read, a file that cannot be decoded.
    """
    check_window(window)
    root = require_folder(root, "your images, flat or in one sub-folder for each class")
    path = _table_of(root) if labels is None else labels
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
    opening = partial(open_image, window=window)
    return from_files(paths, table["image"], numbers, groups, class_names, size, crop, open_image=opening)


def left_out(root, dataset):
    """Paths below root, in order of name, of the files that a data set from `load` did not take: of another kind, in a
    deeper folder, not in the CSV, or links that lead nowhere; and of folders that cannot be read. Hidden ones, and
    root's labels.csv, do not count. What is no UTF-8 in a name is written in hexadecimal."""
    root, taken, unreadable = Path(root), set(dataset.ids), []
    walk = os.walk(root, onerror=lambda problem: unreadable.append(Path(problem.filename)))
    files = [Path(place) / name for place, _, names in walk for name in names]
    table = _table_of(root)
    below = (path.relative_to(root) for path in files + unreadable if path != table)
    visible = (path.as_posix() for path in below if not any(part.startswith(".") for part in path.parts))
    return sorted(readable(name) for name in visible if name not in taken)


def shown(root, dataset, window="full"):
    """How each image of a data set from `load` is shown: a DataFrame with columns id, shown, filled.

    shown: by which limits, in words; filled: how much of black to white is used, from 0, a blank picture, to 1. Raises
    ValueError for a file that cannot be decoded."""
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        opening = readers.map(lambda name: _shown(Path(root) / name, window)[1:], dataset.ids)
        rows = list(progress.bar(opening, total=len(dataset), desc="grey values", unit="image"))
    return pd.DataFrame(rows, columns=["shown", "filled"]).assign(id=dataset.ids)[["id", "shown", "filled"]]


def not_blank(dataset, table):
    """The images that are of more than one grey value, by the rows of `shown`. Raises ValueError if there is none."""
    there = (table["filled"] > 0).to_numpy()
    if not there.any():
        raise ValueError(
            f"All {len(dataset)} images are of one grey value alone, {dataset.ids[0]} for one: choose "
            'window="minmax", or export them again.'
        )
    return dataset.subset(there)


def doubts(table):
    """What speaks against the way that images are shown, by the rows of `shown`: sentences, none if nothing does."""
    blank = table[table["filled"] == 0]
    narrow = table[(table["filled"] > 0) & (table["filled"] < LEAST_FILLED) & (table["shown"] != AS_IT_IS)]
    found = []
    if len(blank):
        found.append(
            f"{_some(blank, table)} of one grey value alone and left out: see whether they are meant to be so, or "
            'whether window="minmax" shows more.'
        )
    if len(narrow):
        found.append(
            f"{_some(narrow, table)} shown over a range of which their values fill less than a quarter, so that they "
            'are all dark, bright or flat: window="minmax" or "percentile" stretches each.'
        )
    return found


def save(dataset, root):
    """Write the images of a Dataset as root/class-name/id.png, which `load` reads."""
    for row in range(len(dataset)):
        path = Path(root) / dataset.class_names[dataset.labels[row]] / f"{dataset.ids[row]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.images([row])[0]).save(path)


def open_image(path, window="full"):
    """A file as a Pillow image of 8 bits; window as in `load`. Raises ValueError if it cannot be decoded."""
    return _shown(path, window)[0]


def _shown(path, window):
    """A Pillow image of 8 bits, by which limits it is shown, and how much of black to white it uses."""
    if _is_dicom(path):
        picture, how, used = dicom.shown(path, window)
        return Image.fromarray(picture), how, used
    image, how = opened(path), AS_IT_IS
    with decoding(path):
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            ImageOps.exif_transpose(image, in_place=True)
        deep = image.mode == "F" or image.mode.startswith("I")
        values = np.asarray(image, "float64") if deep else np.asarray(image.convert("RGB"))
    if deep:
        values, how = _deep(path, image, values, window)
        image = Image.fromarray(values)
        values = values[..., None]
    return image, how, filled(values)


def _deep(path, image, values, window):
    """Grey values (H, W) of more than 8 bits as uint8, and by which limits."""
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds values that are no numbers: replace them, or leave the image out.")
    tags = image.tag_v2 if image.format == "TIFF" else {}
    # Pillow has no mode for 32 bits without a sign and takes the last of them for one.
    if tags and values.min() < 0 and image.mode == "I" and not is_signed(image):
        raise ValueError(f"{path} holds values beyond 31 bits, which turn negative: save it with 16 bits.")
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
    low = -(2 ** (bits - 1)) if is_signed(image) else 0
    ends, how = limits(values, window, None if image.mode == "F" else (low, low + 2**bits - 1))
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        ends = ends[::-1]  # Pillow inverts those of 8 bits by itself
    return stretched(values, *ends), how


def _some(part, table):
    """How many of the images, with the names of some, as the beginning of a sentence."""
    names = ", ".join(f"`{name}`" for name in part["id"].iloc[:3]) + (", ..." if len(part) > 3 else "")
    return f"{len(part)} of {len(table)} images ({names}) {'is' if len(part) == 1 else 'are'}"


def _table_of(root):
    """The labels.csv of a folder, however its name is capitalised, None if there is none."""
    with listing(root):
        found = sorted(path for path in root.iterdir() if path.name.lower() == LABELS and path.is_file())
    if len(found) > 1:
        raise ValueError(f"{root} holds {found[0].name} and {found[1].name}: leave one of them.")
    return found[0] if found else None


def _images(root):
    """image, label and patient of every file: the label is the sub-folder's name, or "" where images lie flat."""
    with listing(root):
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
        check_name(path)
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
