"""What is surely wrong with a folder of images, said before any image is decoded."""

from pathlib import Path

from black_average_drop.datasets import appearance, folder, images
from black_average_drop.datasets.grey import check_window

MOST_HEADERS = 1000  # of files whose beginning is read: a second or two


def check_folder(root, labels=None, class_names=(), window="full", most=500, seed=0):
    """Refuse a folder by its files, its table, and the headers of the images that a run takes.

    A folder that passes may still hold an image that cannot be decoded.

    Args:
        root, labels, class_names, window: as in `folder.load`.
        most, seed: as in `folder.drawn_rows`.

    Returns:
        The ids of the images that a run takes, a list.

    Raises:
        FileNotFoundError, ValueError: as `folder.load`; as `images.open_picture` for an image; if all images are of one
            patient.
    """
    check_window(window)
    listing = folder.listed(root, labels, class_names)
    table, ids = listing.table, listing.table["image"]
    images.from_files(ids, ids, listing.labels, ids, listing.class_names, (1, 1))  # no id comes twice
    taken = table.iloc[folder.drawn_rows(len(table), most, seed)]
    names, patients = list(taken["image"]), []
    for name, patient in zip(names[:MOST_HEADERS], taken["patient"], strict=False):
        path = Path(root) / name
        patients.append(folder.patient_of(patient, path))
        if not appearance.is_dicom_file(path):
            images.open_picture(path).close()
    folder.check_all_or_none(table["patient"], patients, listing.csv)
    groups = [patient or name for patient, name in zip(patients, names, strict=False)]
    folder.check_patients([*groups, *names[MOST_HEADERS:]])
    return names
