"""What a folder shows is refused as it would be when its images are read; nothing else is refused."""

import numpy as np
import pytest

from bad_cases import assert_says, refused, table_of
from bad_images import SIZE, files
from black_average_drop.datasets import folder
from black_average_drop.datasets.folder import check as folder_check
from dicom_files import write_dicom
from test_bad_folders import FOLDERS
from test_bad_images import IMAGES
from test_bad_labels import CLASS_NAMES, TABLES


@table_of([*FOLDERS, *TABLES, *IMAGES])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore:Invalid value for VR")
def test_what_is_refused_is_refused_in_the_words_of_whoever_reads_it(case, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "check_patients", lambda groups: None)  # most of these folders hold one image
    root = tmp_path / "root"
    root.mkdir()
    case.make(root)
    try:
        folder_check.check_folder(root, class_names=CLASS_NAMES.get(case.given, ()))
    except (ValueError, FileNotFoundError) as problem:
        assert isinstance(case.outcome, str), f"refused, but it can be read: {problem}"
        assert_says(str(problem), case.outcome, root)
    else:
        assert not isinstance(case.outcome, str) or case in IMAGES  # found when they are decoded


def test_images_are_of_two_patients_at_least(tmp_path):
    said = "All images are of one patient, and two are needed at least: say whose they are in the column patient of ..."
    files("a.png", "b.png")(tmp_path)
    folder_check.check_folder(tmp_path)
    (tmp_path / "labels.csv").write_text("image,patient\na.png,p\nb.png,p\n")
    refused(lambda: folder_check.check_folder(tmp_path), said)
    (tmp_path / "labels.csv").write_text("image,patient\na.png,p\nb.png,\n")
    none = "{root}/labels.csv: some images have a patient and some have none: give all of them one, or none."
    for check in (folder_check.check_folder, folder.load):
        refused(lambda check=check: check(tmp_path), none, tmp_path)


def test_dicom_files_have_their_own_patients(tmp_path):
    for name, patient in (("a.dcm", "p"), ("b.dcm", "p"), ("c.dcm", "q")):
        write_dicom(tmp_path / name, np.zeros(SIZE, "uint8"), PatientID=patient)
    folder_check.check_folder(tmp_path)
    (tmp_path / "c.dcm").unlink()
    with pytest.raises(ValueError, match="^All images are of one patient"):
        folder_check.check_folder(tmp_path)


def test_only_images_that_are_taken_count(tmp_path):
    """The same ones as the notebook takes, and none is opened by Pillow."""
    files("a.png", "b.png", "c.png", "d.png")(tmp_path)
    (tmp_path / "c.png").write_bytes(b"no image")
    (tmp_path / "labels.csv").write_text("image,patient\na.png,p\nb.png,p\nc.png,p\nd.png,q\n")
    for seed in range(8):
        rows = folder.drawn_rows(4, 3, seed)
        assert len(set(rows)) == 3 and list(rows) == sorted(rows)
        if 3 in rows:
            assert folder_check.check_folder(tmp_path, most=3, seed=seed) == [f"{'abcd'[row]}.png" for row in rows]
        else:
            with pytest.raises(ValueError, match="^All images are of one patient"):
                folder_check.check_folder(tmp_path, most=3, seed=seed)


def test_folders_that_only_a_model_knows_as_classes_are_no_reason_to_refuse(tmp_path):
    """Levels of folders may be classes by the names in the model's file, unless layout says what they are."""
    files("x/1/a.png", "x/2/a.png", "x/2/b.png")(tmp_path)
    assert len(folder_check.check_folder(tmp_path, most=1)) == 1
    with pytest.raises(ValueError, match="^All images are of one patient"):
        folder_check.check_folder(tmp_path, most=1, layout="-/patient")


def test_a_table_that_is_not_there_and_an_unknown_window_are_named(tmp_path):
    files("a.png", "b.png")(tmp_path)
    absent = f"{tmp_path}/labels2.csv"
    said = f"{absent} is missing: name a CSV with a column image, or leave labels out."
    for check in (folder_check.check_folder, folder.load):
        refused(lambda check=check: check(tmp_path, labels=absent), said)
    refused(
        lambda: folder_check.check_folder(tmp_path, window="bone"),
        "window is 'bone': choose one of full, minmax, percentile, or [centre, width] with a width above 0.",
    )
    refused(
        lambda: folder_check.check_folder(tmp_path, class_names=["a", "a"]),
        "class_names names 'a' more than once: name each class once.",
    )
