"""What is surely wrong with a folder of images, said before any image is decoded."""

import numpy as np

from black_average_drop.datasets import folder, images
from black_average_drop.datasets.folder.patients import LEVEL
from black_average_drop.datasets.grey import check_window
from black_average_drop.datasets.lesions.lesion_files import check_lesions


def check_folder(
    root,
    labels=None,
    class_names=(),
    window="full",
    most=500,
    seed=0,
    fit="stretch",
    layout="",
    split="test",
    patients="",
    frame="",
    lesions="",
):
    """Refuse a folder by its settings, files, table, and the headers of DICOM files.

    A folder that passes may still hold images that cannot be decoded: whoever reads them names all of these. Patients
    by folders that nobody named do not count here, since the model's file may know some of these as classes.

    Args:
        root, labels, class_names, window, fit, layout, split, patients, frame: as in `folder.load`.
        most, seed: as in `folder.drawn_rows`.
        lesions: a file or folder of lesions, or "". Images that it names are taken first.

    Returns:
        The ids of the images that a run takes, a list.

    Raises:
        FileNotFoundError, ValueError: as `folder.load` and `lesion_files.check_lesions`; if all images are of one
            patient.
    """
    check_window(window)
    images.check_fit(fit)
    listing = folder.listed(root, labels, class_names, layout, split, patients, frame)
    ids = listing.table["image"]
    images.from_files(ids, ids, listing.labels, ids, listing.class_names, (1, 1))  # no id comes twice
    taken = rows_taken(list(ids), most, seed, lesions)
    if layout or listing.patients_from != LEVEL:
        folder.check_patients(listing.groups[taken])
    return list(ids.iloc[taken])


def rows_taken(ids, most, seed, lesions=""):
    """Draw which images a run takes: those with lesions first.

    Args:
        ids: (N,), of all images.
        most, seed: as in `folder.drawn_rows`.
        lesions: a file or folder of lesions, or "".

    Returns:
        Their numbers, in order.

    Raises:
        FileNotFoundError, ValueError: as `lesion_files.check_lesions`.
    """
    marked = check_lesions(lesions, list(ids)) if lesions else set()
    return folder.drawn_rows(len(ids), most, seed, np.flatnonzero(np.isin(ids, list(marked))))
