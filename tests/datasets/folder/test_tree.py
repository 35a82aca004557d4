"""Levels of folders: what each is taken for, and the same images in trees of each kind."""

import numpy as np
import pytest

from black_average_drop.datasets import folder
from black_average_drop.datasets.folder import tree
from black_average_drop.datasets.folder.names import in_mask_folder
from dicom_files import write_dicom
from pictures import SIZE, write_grey

UIDS = ("1.2.840.113619.2.1", "1.2.840.113619.2.2")


def roles(*names, **settings):
    return "/".join(tree.read_tree(tree.folders_of(names), **settings).roles)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.png", "b.png"], ""),
        (["ill/a.png", "well/b.png"], "class"),
        (["images/a.png", "images/b.png"], "-"),
        (["NORMAL/a.png"], "class"),
        (["20240101/a.png", "20240102/b.png"], "class"),  # the only level: the notebook says what names are
        (["patient1/a.png", "patient2/b.png"], "patient"),
        ([f"{UIDS[0]}/a.dcm", f"{UIDS[1]}/b.dcm"], "study"),
        (["train/a.png", "test/b.png"], "split"),
        (["test/NORMAL/a.png", "train/NORMAL/b.png", "train/PNEUMONIA/c.png"], "split/class"),
        (["chest_xray/test/NORMAL/a.png", "chest_xray/Train/PNEUMONIA/b.png"], "-/split/class"),
        # Kaggle's archive holds a second copy of itself, which is in no split.
        (["test/NORMAL/a.png", "train/PNEUMONIA/b.png", "chest_xray/test/NORMAL/a.png"], "split/class"),
        (["NORMAL/train/a.png", "PNEUMONIA/test/b.png"], "class/split"),
        (["train/glioma_x/a.png", "train/Other/b.png", "val/glioma_x/c.png", "val/other/d.png"], "split/class"),
        # The same numbers or patients in each split are no classes, nor are names that one split lacks.
        (["train/1/a.png", "train/2/b.png", "val/1/c.png", "val/2/d.png"], "split/patient"),
        (["train/case 1/a.png", "val/case 1/c.png"], "split/patient"),
        (["train/Ito/a.png", "train/Sato/b.png", "val/Ito/c.png"], "split/patient"),
        (["Benign/p1/a.png", "malignant/p2/b.png"], "class/patient"),
        (["p1/No_Finding/a.png", "p2/positive/b.png"], "patient/class"),
        (["0/p1/a.png", "1/p2/b.png"], "patient/study"),  # numbers alone are no classes
        (["p1/s/1/a.dcm", "p2/t/2/a.dcm"], "patient/study/series"),
        (["p1/s/1/x/a.dcm", "p2/t/2/y/a.dcm"], "patient/study/series/-"),
        (["p1/study1/series2/a.dcm", "p2/study1/series1/a.dcm"], "patient/study/series"),
        (["study1/series2/a.dcm", "study2/series1/a.dcm"], "study/series"),
        ([f"p1/{UIDS[0]}/{UIDS[1]}/a.dcm", f"p2/{UIDS[1]}/{UIDS[0]}/a.dcm"], "patient/study/series"),
        (["images/p1/a.png", "images/p2/b.png"], "-/patient"),
        # One patient, and not as many as there are dates.
        (["Sato/20240101/a.dcm", "Sato/20240305/a.dcm"], "patient/study"),
        (["images/20240101/a.dcm", "images/20240305/a.dcm"], "-/study"),
        (["images_001/images/a.png", "images_002/images/b.png"], "-/-"),
        (["files/p10/p10000032/s50414267/a.dcm", "files/p11/p11000011/s51029426/a.dcm"], "-/-/patient/study"),
        (
            ["train/XR_ELBOW/patient00001/study1_positive/1.png", "valid/XR_HAND/patient00002/study1_negative/1.png"],
            "split/-/patient/study",
        ),
        (["ill/a.png", "ill/more/b.png"], "-/-"),
        (["ill/a.png", "well/b.png", "ill/more/c.png"], "patient/-"),
    ],
)
def test_each_level_is_taken_for_what_its_names_say(names, expected):
    assert roles(*names) == expected


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("Ito", "Sato", "Suzuki"), "patient"),  # more than the model has outputs, and none of these
        (("Ito", "Sato"), "class"),  # perhaps, in another language: the notebook says that they are no outputs
        (("ill", "Sato", "Suzuki"), "class"),  # whoever numbers labels refuses the other names
        (("0", "1", "2"), "patient"),
        (("20240101", "20240102", "20240103"), "study"),
    ],
)
def test_more_folders_than_classes_are_patients(folders, expected):
    names = [f"{folder}/a.png" for folder in folders]
    assert roles(*names, class_names=("ill", "well")) == expected and roles(*names) == "class"


def test_names_of_classes_that_are_given_tell_classes():
    names = ["No_Finding/p1/a.png", "EDEMA/p2/b.png"]
    assert roles(*names, class_names=["edema", "no finding", "mass"]) == "class/patient"
    assert roles("a/p1/a.png", "b/p2/b.png", class_names=["a", "c"]) == "patient/study"
    assert roles("0/p1/a.png", "1/p2/b.png", class_names=["0", "1"]) == "class/patient"
    assert roles("0/p1/a.png", "1/p2/b.png", class_names=["0", "1", "2"]) == "patient/study"


@pytest.mark.parametrize(
    "layout", ["", "class", "class/class", "class/person", "class/patient/-", "Split/class/patient"]
)
def test_a_layout_overrules_and_a_wrong_one_is_refused(layout):
    names = ["a/x/1.png", "b/y/2.png"]
    assert roles(*names, layout="- / Class") == "-/class" and roles(*names, layout="flat") == "-/-"
    if layout:
        said = f"^layout is '{layout}', and the folders have 2 levels .level 1: a, b; level 2: x, y.: give each level "
        with pytest.raises(ValueError, match=said):
            roles(*names, layout=layout)


def test_images_of_one_patient_are_so_in_each_class_and_split():
    """A study without a patient above it counts with the folders above it, since its name may come again."""
    names = ["train/normal/p1/a.png", "test/pneumonia/p1/b.png", "test/normal/p2/c.png"]
    folders = tree.folders_of(names)
    shape = tree.read_tree(folders)
    assert tree.units_of(shape, folders) == ("patient", ["p1", "p1", "p2"])
    folders = tree.folders_of(["x/normal/study1/a.png", "y/normal/study1/b.png", "y/pneumonia/study1/c.png"])
    shape = tree.read_tree(folders, layout="-/class/study")
    assert tree.units_of(shape, folders) == ("study", ["x/study1", "y/study1", "y/study1"])
    assert tree.units_of(tree.read_tree(folders, layout="flat"), folders)[0] == ""


def test_the_table_of_levels_names_no_patients():
    names = ["test/normal/Sato/a.png", "test/pneumonia/Ito/b.png", "train/normal/Mori/c.png"]
    folders = tree.folders_of(names)
    table = tree.levels_table(tree.read_tree(folders), folders[:2])
    assert list(table["taken for"]) == ["split", "class", "patient"] and list(table["folders"]) == [1, 2, 2]
    assert list(table["names"]) == ["test", "normal, pneumonia", ""]
    folders = tree.folders_of(["Sato/a.png", "Ito/b.png"])  # classes, as far as can be told
    table = tree.levels_table(tree.read_tree(folders), folders)
    assert table.loc[0, "taken for"] == "class" and table.loc[0, "names"] == ""


def test_masks_next_to_images_are_no_images():
    names = ["COVID/images/a.png", "COVID/masks/a.png", "images/b.png", "Masks/b.png", "mask/c.png"]
    assert in_mask_folder(tree.folders_of(names)) == [False, True, False, True, True]
    assert in_mask_folder(tree.folders_of(["mask/a.png", "no mask/b.png"])) == [False, False]  # two classes


# Twelve pictures of six patients, in trees of each kind.
PICTURES = [((np.arange(64).reshape(SIZE) + number) * 3 % 256).astype("uint8") for number in range(12)]
LABELS = ["normal", "pneumonia"] * 6
PATIENTS = [f"person{number // 2}" for number in range(12)]
SPLITS = ["train"] * 4 + ["val"] * 4 + ["test"] * 4
EIGHT_BITS = {"BitsStored": 8, "HighBit": 7}


def write_all(root, pattern, dicom=False, **tags):
    """Each picture at the place that the pattern says; the label and patient of each, for a CSV."""
    names = []
    for number, (values, label, patient, split) in enumerate(zip(PICTURES, LABELS, PATIENTS, SPLITS, strict=True)):
        name = pattern.format(number=number, label=label, patient=patient, split=split, uid=f"1.2.3.4.5.{number}")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if dicom:
            own = {"PatientID": patient} | tags
            write_dicom(root / name, values, **EIGHT_BITS, **own)
        else:
            write_grey(root / name, values)
        names.append(name)
    return names


def write_table(root, names, **columns):
    columns = {"image": names} | columns
    rows = zip(*columns.values(), strict=True)
    (root / "labels.csv").write_text("\n".join([",".join(columns), *map(",".join, rows)]) + "\n")


def seen(root, **settings):
    """What is known of each picture, whatever its id: (number of the picture, label, patient)."""
    data = folder.load(root, SIZE, **settings)
    pixels = data.images()[..., 0]
    numbers = [next(n for n, one in enumerate(PICTURES) if (one == values).all()) for values in pixels]
    labels = [data.class_names[label] for label in data.labels]
    return sorted(zip(numbers, labels, map(str, data.groups), strict=True))


ALL = sorted(zip(range(12), LABELS, PATIENTS, strict=True))


@pytest.mark.parametrize(
    ("pattern", "settings"),
    [
        ("{split}/{label}/{patient}_{number}.png", {"split": "all", "patients": r"(person\d+)"}),
        ("chest_xray/{split}/{label}/{patient}_{number}.png", {"split": "all", "patients": r"(person\d+)"}),
        ("{split}/{label}/{patient}/{number}.png", {"split": "all"}),
        ("{label}/{patient}/{number}.png", {}),
        ("{patient}/{label}/{number}.png", {}),
        ("{label}/{patient}_{number}.png", {"patients": r"(person\d+)"}),
        ("group{number}/{patient}/{label}/{number}.png", {"layout": "-/patient/class"}),
    ],
)
def test_the_same_pictures_in_folders_are_of_the_same_labels_and_patients(tmp_path, pattern, settings):
    write_all(tmp_path, pattern)
    assert seen(tmp_path, **settings) == ALL


@pytest.mark.parametrize(
    ("pattern", "dicom"),
    [("{number}.png", False), ("{patient}/study1/series{number}/1", True), ("{uid}/{uid}.dcm", True)],
)
def test_the_same_pictures_with_a_table_are_of_the_same_labels_and_patients(tmp_path, pattern, dicom):
    """DICOM files without a suffix in a tree of studies know their patients."""
    names = write_all(tmp_path, pattern, dicom)
    write_table(tmp_path, names, label=LABELS, **({} if dicom else {"patient": PATIENTS}))
    assert seen(tmp_path) == ALL


def test_the_same_pictures_in_dicom_files_by_class(tmp_path):
    write_all(tmp_path, "{label}/{number}", dicom=True)
    assert seen(tmp_path) == ALL


@pytest.mark.parametrize("split", ["train", "val", "validation", "valid", "test", "TEST"])
def test_a_split_is_chosen(tmp_path, split):
    write_all(tmp_path, "{split}/{label}/{patient}_{number}.png")
    kept = [row for row in ALL if SPLITS[row[0]] == {"valid": "val", "validation": "val"}.get(split, split.lower())]
    assert len(kept) == 4 and seen(tmp_path, split=split, patients=r"(person\d+)") == kept
    found = folder.listed(tmp_path, split=split)
    other = {f"other split ({name})" for name in ("train", "validation", "test")}
    asked = "validation" if split.startswith("val") else split.lower()
    assert dict(found.passed_over.to_numpy()) == dict.fromkeys(other - {f"other split ({asked})"}, 4)
    assert found.notes[0] == (
        f"The images of the split {asked} are taken, by the names of folders (test 4, train 4, validation 4)."
    )


def test_a_split_that_is_not_there_is_refused(tmp_path):
    for name in ("train/normal/a.png", "val/normal/b.png"):
        write_grey(tmp_path / name)
    said = r"^split is 'test', and .* has images of other splits alone \(train 1, validation 1\): choose one of these"
    with pytest.raises(ValueError, match=said):
        folder.load(tmp_path, SIZE)
    assert len(folder.load(tmp_path, SIZE, split="all")) == 2
    (tmp_path / "val" / "normal" / "b.png").unlink()
    assert len(folder.load(tmp_path, SIZE)) == 1  # one such folder alone is no choice
    assert list(folder.listed(tmp_path, split="train").levels["taken for"]) == ["split", "class"]
    with pytest.raises(ValueError, match="^split is 'val', and no level of folders in .* has names of splits: leave"):
        folder.load(tmp_path, SIZE, split="val")


def test_a_table_says_which_images_before_their_splits_count(tmp_path):
    """A table of the training images takes these, without a word on split."""
    names = write_all(tmp_path, "{split}/{number}.png")
    write_table(tmp_path, names[:4], label=LABELS[:4])
    assert len(folder.load(tmp_path, SIZE)) == 4
    write_table(tmp_path, names, label=LABELS)
    assert list(folder.load(tmp_path, SIZE).ids) == names[8:]
