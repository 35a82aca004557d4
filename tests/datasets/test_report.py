"""The figures of a data root against small trees whose figures are counted by hand."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import report
from black_average_drop.datasets.sources import SOURCES, chest_xray, chestxray14
from black_average_drop.files import ROOT


def write(path, shade, size=(6, 4)):
    """An image of one shade of grey: the same shade and size, the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0]), shade, "uint8")).save(path, "PNG")


def write_chest_xray(root):
    folder = root / "chest_xray"
    images = {
        "train/NORMAL": {"IM-0001-0001": 1, "IM-0001-0002": 1, "IM-0002-0001": 2, "NORMAL2-IM-0003-0001": 3},
        "train/PNEUMONIA": {"person1_bacteria_1": 10, "person1_bacteria_2": 10, "person1_bacteria_3": 10}
        | {"person1_virus_4": 11, "person2_virus_5": 11, "person3_virus_6": 1},
        "test/NORMAL": {"NORMAL2-IM-0001-0001": 20, "IM-0003-0001": 21},
        "test/PNEUMONIA": {"person2_bacteria_1": 11, "person9_virus_1": 31, "person9_virus_2": 32},
    }
    for place, shades in images.items():
        for stem, shade in shades.items():
            write(folder / place / f"{stem}.jpeg", shade)
        (folder / place / ".DS_Store").write_bytes(b"x")
    write(folder / "train" / "NORMAL" / "IM-0002-0001.jpeg", 2, size=(9, 5))


def test_chest_xray_figures(tmp_path):
    write_chest_xray(tmp_path)
    rows = dict(SOURCES["chest_xray"].report(tmp_path))
    total = sum(path.stat().st_size for path in (tmp_path / "chest_xray").rglob("*.jpeg"))
    assert rows == {
        "size": f"{total / 1e6:,.1f} MB in 15 files, 6 to 9 x 4 to 5 pixels",
        "train, normal": "4 images of 3 patients",
        "train, pneumonia": "6 images of 4 patients",
        "test, normal": "2 images of 2 patients",
        "test, pneumonia": "3 images of 2 patients",
        "train, both": "10 images of 7 patients",
        "test, both": "5 images of 4 patients",
        "patients in both splits": "0",
        "`personN` in both splits, wrongly read without bacteria or virus": "1",  # person2
        "`IM-N` in both splits, wrongly read without `NORMAL2-`": "2",  # 0001 and 0003
        # train: IM-0001 twice and person3 (shade 1), person1_bacteria three times, shade 11 twice.
        "exact duplicates within train": "5 beyond the first, 8 files in all",
        "exact duplicates within test": "0 beyond the first, 0 files in all",
        "images in both splits, by exact bytes": "1",  # shade 11
        "patients in two of train, validation and test": "0",
        "images in two of train, validation and test, by exact bytes": "1",
        "images with both labels, by exact bytes": "1",  # shade 1
        "images of two patients, by exact bytes": "2: IM-0001 and person3_virus; "
        "person1_virus and person2_bacteria and person2_virus",
    }


def test_a_patient_in_both_splits_is_counted(tmp_path):
    write_chest_xray(tmp_path)
    write(tmp_path / "chest_xray" / "test" / "PNEUMONIA" / "person1_virus_77.jpeg", 99)
    rows = dict(SOURCES["chest_xray"].report(tmp_path))
    assert rows["patients in both splits"] == rows["patients in two of train, validation and test"] == "1"


def test_an_image_in_two_parts_of_train_is_counted(tmp_path, monkeypatch):
    write_chest_xray(tmp_path)
    monkeypatch.setattr(chest_xray, "split_by_group", lambda groups, share: groups == "IM-0001")  # and person3: shade 1
    rows = dict(SOURCES["chest_xray"].report(tmp_path))
    assert rows["images in two of train, validation and test, by exact bytes"] == "2"
    write_chestxray14(tmp_path)
    whole = chestxray14.load(tmp_path, "any")
    parts = {name: whole.subset(whole.ids == one) for name, one in (("train", "a"), ("validation", "b"), ("test", "d"))}
    monkeypatch.setattr(chestxray14, "splits_of_halves", lambda learned, judged: parts)
    rows = dict(SOURCES["chestxray14"].report(tmp_path))
    assert rows["patients in two of train, validation and test"] == "1"
    assert rows["images in two of train, validation and test, by exact bytes"] == "1"  # a and b


ENTRIES = """Image Index,Finding Labels,Patient ID,View Position
a.png,Pneumonia|Edema,1,PA
b.png,No Finding,1,PA
c.png,Edema,2,AP
d.png,Pneumonia,3,AP
e.png,No Finding,2,AP
f.png,No Finding,4,PA
g.png,Edema|Infiltration,5,PA
h.png,Infiltration,6,PA
"""
BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
a.png,Pneumonia,1,1,1,1
d.png,Pneumonia,1,1,1,1
d.png,Pneumonia,2,2,2,2
g.png,Infiltrate,1,1,1,1
h.png,Infiltrate,1,1,1,1
"""


def write_chestxray14(root):
    folder = root / "nih-chest-xrays"
    for shade, stem in enumerate("abcd"):
        write(folder / f"images_00{1 + shade % 2}" / "images" / f"{stem}.png", max(shade, 1), size=(8, 8))
    (folder / "Data_Entry_2017.csv").write_text(ENTRIES)
    (folder / "BBox_List_2017.csv").write_text(BOXES)


def test_chestxray14_figures(tmp_path):
    write_chestxray14(tmp_path)
    rows = dict(SOURCES["chestxray14"].report(tmp_path))
    assert rows.pop("size of the images").endswith("MB in 4 files, 8 x 8 pixels")
    assert rows == {
        "boxes": "5 on 4 images, 2 of them for pneumonia",
        "boxed images with further labels that have no box": "2 of 4",  # Edema of a and of g
        "images in the table": "8 of 6 patients",
        "labels in the table": "Edema 3, No Finding 3, Infiltration 2, Pneumonia 2",
        "pneumonia in the table": "2, 1 with that label alone",
        "no finding in the table": "3",
        "views of pneumonia in the table": "1 AP, 1 PA",
        "views of no finding in the table": "1 AP, 2 PA",
        "patients in the table with images of pneumonia and of no finding": "1",  # patient 1
        "patients in the table with images with and without a finding": "2",  # patients 1 and 2
        "images as files": "4 of 3 patients",
        "labels as files": "Edema 2, Pneumonia 2, No Finding 1",
        "pneumonia as files": "2, 1 with that label alone",
        "no finding as files": "1",
        "views of pneumonia as files": "1 AP, 1 PA",
        "views of no finding as files": "1 PA",
        "patients as files with images of pneumonia and of no finding": "1",
        "patients as files with images with and without a finding": "1",
        "exact duplicates among the files": "1 beyond the first",  # a and b
        "patients in two of train, validation and test": "0",
        "images in two of train, validation and test, by exact bytes": "0",
        "SHA-256 of Data_Entry_2017.csv": f"`{hashlib.sha256(ENTRIES.encode()).hexdigest()}`",
        "SHA-256 of BBox_List_2017.csv": f"`{hashlib.sha256(BOXES.encode()).hexdigest()}`",
    }


def write_imagenet(root):
    folder = root / "ILSVRC2012"
    for name, shade in {"one": 1, "two": 2, "three": 2}.items():
        write(folder / "val" / f"{name}.JPEG", shade)
    lines = ["one,n00000007 0 0 9 9 n00000007 1 1 2 2", "two,n00000007 0 0 9 9", "three,n00000008 0 0 9 9"]
    lines += [f"other{i},n{i:08d} 0 0 9 9" for i in range(1000)]
    (folder / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "\n".join(lines) + "\n")


def test_imagenet_figures(tmp_path):
    write_imagenet(tmp_path)
    rows = dict(SOURCES["imagenet"].report(tmp_path))
    assert rows.pop("size of the photos").endswith("MB in 3 files, 6 x 4 pixels")
    table = (tmp_path / "ILSVRC2012" / "LOC_val_solution.csv").read_bytes()
    assert rows == {
        "photos": "3 of 2 classes",
        "boxes on these photos": "4",
        "exact duplicates": "1 beyond the first",
        "rows of LOC_val_solution.csv": "1,003 of 1,000 classes",
        "SHA-256 of LOC_val_solution.csv": f"`{hashlib.sha256(table).hexdigest()}`",
    }


def test_what_is_not_there_is_left_out_and_nothing_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds none of chest_xray"):
        report.markdown(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.h5").write_bytes(b"w")
    text = report.markdown(tmp_path)
    assert text.count("###") == 1 and hashlib.sha256(b"w").hexdigest() in text and "w.h5, 0.0 MB in 1 file" in text


def test_the_readme_holds_what_the_report_prints(tmp_path):
    """Figure for figure the same rows, in the same order: only the figures themselves need the real files."""
    for write_source in (write_chest_xray, write_chestxray14, write_imagenet):
        write_source(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mobilenet_v2_imagenet1001.weights.h5").write_bytes(b"")
    shown = (ROOT / "data" / "README.md").read_text().split("<!-- table: data-report -->")[1].split("<!-- end -->")[0]

    def rows(text):
        names = [line.split("|")[1].strip() if line.startswith("|") else line for line in text.strip().splitlines()]
        return [name.split(", 0.0 MB")[0].split(", 14.6 MB")[0].replace("_v2020", "") for name in names]

    first, second = report.markdown(tmp_path), report.markdown(tmp_path)
    assert rows(shown) == rows(first) and first == second
