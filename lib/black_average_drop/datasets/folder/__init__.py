"""Any folder of images, of a clinic too: flat, or in folders of splits, classes, patients and studies."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from black_average_drop.datasets.appearance import open_shown
from black_average_drop.datasets.findings import findings_table
from black_average_drop.datasets.folder.labels import UNLABELLED
from black_average_drop.datasets.folder.listing import LABELS, Listing, listed
from black_average_drop.datasets.grey import check_window
from black_average_drop.datasets.images import from_files

__all__ = [  # UNLABELLED too, which labels of a folder may be
    "UNLABELLED",
    "Listing",
    "as_dataset",
    "check_patients",
    "drawn_rows",
    "listed",
    "load",
    "save_images",
]


def load(
    root,
    size=(224, 224),
    labels=None,
    class_names=(),
    window="full",
    fit="stretch",
    layout="",
    split="test",
    patients="",
    frame="",
):
    """Read the images of a folder: PNG, JPEG, TIFF, BMP, WebP of 8 bits, or of more in grey, and DICOM.

    A picture that its EXIF says is turned is turned upright. Ids are paths below root in POSIX form; `path#i` is frame
    i of a file, if all of its frames are taken. `Dataset.look` says how each file is shown.

    Args:
        root, labels, class_names, layout, split, patients, frame: as for `listed`.
        size, window, fit: as for `as_dataset`.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError, ValueError: as `listed` and `as_dataset`.
    """
    check_window(window)
    return as_dataset(listed(root, labels, class_names, layout, split, patients, frame), size, window, fit)


def as_dataset(found, size=(224, 224), window="full", fit="stretch"):
    """Make a `Dataset` of the images that a `Listing` lists, without another look into the folder.

    Args:
        found: the `Listing`.
        size: (H, W), in pixels, that every image is brought to.
        window: one of `grey.WINDOWS`, or [centre, width], for grey images of more than 8 bits. "full" shows them over
            all values that their bits allow, DICOM through its own window. "minmax" shows each from its smallest to its
            largest value, and "percentile" between two percentiles.
        fit: how images of another shape than size are brought to it, one of `images.FITS`: `fits.part_seen`.

    Raises:
        ValueError: if window or fit is unknown, or two images have one id; when an image is read, if it cannot be
            decoded.
    """
    check_window(window)
    paths = [found.root / file for file in found.table["file"]]
    dataset = from_files(
        paths,
        found.table["image"],
        found.labels,
        found.groups,
        found.class_names,
        size,
        fit,
        open_shown=partial(open_shown, window=window),
        frames=found.frames,
    )
    return replace(dataset, findings=found.findings)


def drawn_rows(total, most, seed, first=()):
    """Draw which of the images of a folder are taken, where there are more than are asked for.

    Args:
        total: how many images there are.
        most: how many are taken at most.
        seed: of the drawing.
        first: the numbers of those that are taken before any other.

    Returns:
        Their numbers, in order.
    """
    order = np.random.default_rng(seed).permutation(total)
    return np.sort(order[np.argsort(~np.isin(order, list(first)), kind="stable")][:most])


def check_patients(groups):
    """Check that images, of which each says its patient, are of two patients at least.

    Raises:
        ValueError: if they are of one.
    """
    if len(set(groups)) < 2:
        raise ValueError(
            "All images are of one patient, and two are needed at least: say whose they are in the column patient of a "
            'labels.csv, by a pattern such as patients="(person\\d+)", or by layout= where sub-folders are patients '
            "(PatientID of DICOM files may be the same in all where names were removed)."
        )


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
