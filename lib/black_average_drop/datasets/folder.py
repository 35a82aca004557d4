"""Any folder of images, of a clinic too: one sub-folder for each class, a CSV of labels, or no labels at all."""

import os
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from black_average_drop.datasets import dicom
from black_average_drop.datasets.appearance import is_dicom_file, open_shown
from black_average_drop.datasets.csv_tables import read_csv_table
from black_average_drop.datasets.findings import COLUMNS, Findings, findings_in, findings_table
from black_average_drop.datasets.grey import check_window
from black_average_drop.datasets.images import from_files
from black_average_drop.datasets.paths import (
    IMAGE_SUFFIXES,
    check_name,
    listing,
    readable,
    require_folder,
    visible_folders,
)

LABELS = "labels.csv"
UNLABELLED = -1
MOST_CLASSES = 100_000  # a larger number as a label is a date or an id


@dataclass(frozen=True)
class Listing:
    """The N images that `load` takes, and what the folder or its CSV says of them."""

    table: pd.DataFrame  # of text, with the columns image, label and patient, where "" is not known
    labels: np.ndarray  # (N,) index into class_names, or UNLABELLED
    class_names: tuple[str, ...]
    findings: Findings | None  # several in one image
    csv: Path | None  # what says so, None for the folder itself


def load(root, size=(224, 224), labels=None, class_names=(), window="full", fit="stretch"):
    """Read the images of a folder: PNG, JPEG, TIFF, BMP, WebP of 8 bits, or of more in grey, and DICOM.

    They lie in one sub-folder for each class, or flat. A picture that its EXIF says is turned is turned upright. Ids
    are paths below root. `left_out` lists what else lies in the folder, `Dataset.look` says how each file is shown.

    Args:
        root: the folder.
        size: (H, W), in pixels, that every image is brought to.
        labels: a CSV that says which images to take, by default root's labels.csv if there is one. Its column image
            holds paths below root, label a class's name or number, patient whose image it is. The last two may be
            missing. Without patients every image is a patient of its own, but DICOM files have theirs. `findings_in`
            says how a CSV lists several findings in one image.
        class_names: the classes in the order of the network's outputs; by default those that are there, in order of
            name. Without labels every label is UNLABELLED. Findings have the names in the CSV, whatever class_names
            are.
        window: one of `grey.WINDOWS`, for grey images of more than 8 bits. "full" shows them over all values that their
            bits allow, DICOM through its own window. "minmax" shows each from its smallest to its largest value, and
            "percentile" between two percentiles.
        fit: how images of another shape than size are brought to it, one of `images.FITS`: `fits.window_of`.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError: if root is missing.
        ValueError: if the folder has no images or cannot be read, a link leads out of it, a name is not UTF-8, a CSV, a
            label or a finding does not fit, a class is named twice, or window or fit is unknown; when an image is read,
            if it cannot be decoded.
    """
    check_window(window)
    listing = listed(root, labels, class_names)
    names, of_table = listing.table["image"], listing.table["patient"]
    paths = [Path(root) / name for name in names]
    patients = [patient_of(*row) for row in zip(of_table, paths, strict=True)]
    check_all_or_none(of_table, patients, listing.csv)
    groups = [patient or name for patient, name in zip(patients, names, strict=True)]
    opening = partial(open_shown, window=window)
    dataset = from_files(paths, names, listing.labels, groups, listing.class_names, size, fit, open_shown=opening)
    return replace(dataset, findings=listing.findings)


def listed(root, labels=None, class_names=()):
    """List the images that `load` takes, without a look into them.

    Args:
        root, labels, class_names: as in `load`.

    Returns:
        A `Listing`.

    Raises:
        FileNotFoundError, ValueError: as `load`, for what the folder and the CSV show.
    """
    root = require_folder(root, "your images, flat or in one sub-folder for each class")
    if labels is not None and not Path(labels).is_file():
        raise FileNotFoundError(f"{labels} is missing: name a CSV with a column image, or leave labels out.")
    path = _table_of(root) if labels is None else labels
    table, findings = (_images(root), None) if path is None else _listed(root, path)
    class_names = tuple(map(str, class_names))
    for name in class_names:
        if class_names.count(name) > 1:
            raise ValueError(f"class_names names {name!r} more than once: name each class once.")
    of_images = table["label"]
    if findings and ((of_images == "").any() or (class_names and not set(of_images) <= set(class_names))):
        of_images = of_images.str[:0]  # names of folders that are no labels
    return Listing(table, *_numbered(of_images, class_names, path or root), findings, path)


def patient_of(patient, path):
    """Give the patient of an image: as it is known, or of a DICOM file its own, or "".

    Args:
        patient: the one in the CSV, or "".
        path: the file.

    Raises:
        ValueError: if a DICOM file is damaged.
    """
    return patient or (dicom.patient_id(path) if is_dicom_file(path) else "")


def check_all_or_none(of_table, patients, path):
    """Check that no image is without a patient where a CSV gives patients.

    Args:
        of_table: the patients in the CSV, "" for none.
        patients: those of images, as `patient_of` gives them.
        path: of the CSV, for the message.

    Raises:
        ValueError: if an image is.
    """
    if (of_table != "").any() and "" in patients:
        raise ValueError(f"{path}: some images have a patient and some have none: give all of them one, or none.")


def drawn_rows(total, most, seed):
    """Draw which of the images of a folder are taken, where there are more than are asked for.

    Args:
        total: how many images there are.
        most: how many are taken at most.
        seed: of the drawing.

    Returns:
        Their numbers, in order.
    """
    return np.sort(np.random.default_rng(seed).permutation(total)[:most])


def check_patients(groups):
    """Check that images, of which each says its patient, are of two patients at least.

    Raises:
        ValueError: if they are of one.
    """
    if len(set(groups)) < 2:
        raise ValueError(
            "All images are of one patient, and two are needed at least: say whose they are in the column patient of a "
            "labels.csv. A DICOM file is otherwise of its PatientID, which may be the same in all where names were "
            "removed."
        )


def left_out(root, dataset):
    """List the files of a folder that are not in the data set that `load` made of it.

    They are of another kind, in a deeper folder, not in the CSV, or links that lead nowhere. Folders that cannot be
    read are listed, too. Hidden files, and root's labels.csv, do not count.

    Returns:
        Paths below root, in order of name; what is not UTF-8 in a name is written in hexadecimal.
    """
    root, taken, unreadable = Path(root), set(dataset.ids), []
    walk = os.walk(root, onerror=lambda problem: unreadable.append(Path(problem.filename)))
    files = [Path(place) / name for place, _, names in walk for name in names]
    table = _table_of(root)
    below = (path.relative_to(root) for path in files + unreadable if path != table)
    visible = (path.as_posix() for path in below if not any(part.startswith(".") for part in path.parts))
    return sorted(readable(name) for name in visible if name not in taken)


def save_images(dataset, root):
    """Write the images of a Dataset so that `load` reads them.

    They become root/class-name/id.png, or with findings root/id.png and a labels.csv with findings and patients.
    """
    names = [f"{name}.png" for name in dataset.ids]
    if dataset.findings is None:
        names = [f"{dataset.class_names[label]}/{name}" for label, name in zip(dataset.labels, names, strict=True)]
    for row, name in enumerate(names):
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.images([row])[0]).save(path)
    if dataset.findings is not None:
        columns = findings_table(dataset.findings)
        table = pd.DataFrame({"image": names, "patient": dataset.groups} | columns)
        table.drop_duplicates("image").to_csv(Path(root) / LABELS, index=False)


def _table_of(root):
    """The labels.csv of a folder, however its name is capitalised, None if there is none."""
    with listing(root):
        tables = sorted(path for path in root.iterdir() if path.name.lower() == LABELS and path.is_file())
    if len(tables) > 1:
        raise ValueError(f"{root} holds {tables[0].name} and {tables[1].name}: leave one of them.")
    return tables[0] if tables else None


def _images(root):
    """image, label and patient of every file: the label is the sub-folder's name, or "" where images lie flat."""
    with listing(root):
        flat = [path for path in sorted(root.iterdir()) if _is_image(path)]
        nested = [path for folder in visible_folders(root) for path in sorted(folder.iterdir()) if _is_image(path)]
    if not flat and not nested:
        raise ValueError(f"{root} holds no images: put them into it, or into one sub-folder for each class.")
    if flat and nested:
        raise ValueError(
            f"{root} holds images next to its sub-folders, {flat[0].name} for one: put all of them into sub-folders, "
            "or none."
        )
    for path in flat or nested:
        if not path.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"{path} is a link that leads out of {root}: copy the file there, or leave it out.")
        check_name(path)
    rows = [(path.relative_to(root).as_posix(), "" if flat else path.parent.name, "") for path in flat or nested]
    return pd.DataFrame(rows, columns=COLUMNS)


def _listed(root, path):
    """image, label and patient of every row of a CSV, and its `Findings` or None."""
    table = read_csv_table(path, ())
    if "image" not in table or not len(table):
        raise ValueError(f"{path} has no column image, or no rows: name each image's path below {root} there.")
    _check_columns(table, path)
    for name in table["image"]:
        inside = (
            "\0" not in name and not Path(name).is_absolute() and (root / name).resolve().is_relative_to(root.resolve())
        )
        if not inside or not (root / name).is_file():
            raise ValueError(f"{path} names {name or 'nothing'}, which is no file in {root}: mend its column image.")
    findings, columns_given = findings_in(table, path), list(table)
    table["image"] = [os.path.normpath(name) for name in table["image"]]
    folders = [name.rpartition("/")[0] for name in table["image"]]
    known = {"label": folders, "patient": [""] * len(table)}
    for column, values in known.items():
        table[column] = table[column].str.strip() if column in table else values
    if findings and "label" in columns_given:
        table["label"] = ""  # lists
    return table[[*COLUMNS]], findings


def _check_columns(table, path):
    """Refuse a column that is there twice, or whose name is nearly one of COLUMNS."""
    for column in COLUMNS:
        if list(table.columns).count(column) > 1:
            raise ValueError(f"{path} has more than one column {column}: leave one of them.")
        alike = get_close_matches(column, [name.lower() for name in table.columns], cutoff=0.8)
        if column not in table and alike:  # it would be passed over, and labels or patients with it
            raise ValueError(f"{path} has no column {column}, but {alike[0]}: rename it to that, or to another word.")


def _numbered(labels, class_names, where):
    """Numbers (N,) of labels (N,) of text, and the classes' names."""
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
    return path.suffix.lower() in IMAGE_SUFFIXES or is_dicom_file(path)
