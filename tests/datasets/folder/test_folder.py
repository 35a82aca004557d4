"""Anybody's folder of images: labels from sub-folders or a CSV, and what is taken."""

from dataclasses import replace

import numpy as np
import pytest

from black_average_drop.datasets import folder, phantoms
from black_average_drop.datasets.findings import Findings
from dicom_files import write_dicom
from pictures import RAMP, SIZE, write_grey, write_quarter


def test_flat_images_have_no_label(tmp_path):
    write_grey(tmp_path / "b.png")
    write_grey(tmp_path / "a.jpg")
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["a.jpg", "b.png"] == list(data.groups) and data.class_names == ()
    assert (data.labels == folder.UNLABELLED).all()


def test_a_csv_says_which_images_their_labels_and_their_patients(tmp_path):
    for name in ("a", "b", "c", "left out"):
        write_grey(tmp_path / f"{name}.png")
    text = "\ufeffimage,label,patient\r\nc.png,ill,p1\r\na.png,well,p1\r\nb.png,ill,p2\r\n"
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["c.png", "a.png", "b.png"] and list(data.groups) == ["p1", "p1", "p2"]
    assert data.class_names == ("ill", "well") and list(data.labels) == [0, 1, 0]
    assert list(folder.load(tmp_path, SIZE, class_names=["well", "ill", "other"]).labels) == [1, 0, 1]
    other = tmp_path / "other.csv"
    other.write_text("label,image\n1,a.png\n0,b.png\n")
    data = folder.load(tmp_path, SIZE, labels=other)
    assert list(data.labels) == [1, 0] and data.class_names == ("0", "1")


def test_a_csv_without_labels_takes_them_from_the_sub_folders(tmp_path):
    write_grey(tmp_path / "ill" / "a.png")
    write_grey(tmp_path / "well" / "b.png")
    (tmp_path / "labels.csv").write_text("image,patient\nwell/b.png,p\nill/a.png,p\n")
    data = folder.load(tmp_path, SIZE)
    assert list(data.labels) == [1, 0] and set(data.groups) == {"p"}


@pytest.mark.parametrize("table", ["label\n{c},\n{a},Mass|Edema\n{b},Edema\n", "Edema,Mass\n{c},,\n{a},1,1\n{b},1,0\n"])
def test_a_csv_lists_several_findings_of_an_image(tmp_path, table):
    """The network's outputs need not be the names of the CSV. Sub-folders are labels where they can be."""
    for name in "abc":
        write_grey(tmp_path / "study" / f"{name}.png")
    (tmp_path / "labels.csv").write_text("image," + table.format(a="study/a.png", b="./study/b.png", c="study/c.png"))
    data = folder.load(tmp_path, SIZE, class_names=("Mass", "Nodule", "Edema"))
    assert list(data.ids) == ["study/c.png", "study/a.png", "study/b.png"]
    assert data.findings.names == ("Edema", "Mass")
    np.testing.assert_array_equal(data.findings.states, np.float32([[np.nan, np.nan], [1, 1], [1, 0]]))
    assert (data.labels == folder.UNLABELLED).all()
    assert folder.load(tmp_path, SIZE).class_names == ()
    named = folder.load(tmp_path, SIZE, class_names=("x", "study"))
    assert set(named.labels) == ({folder.UNLABELLED} if table.startswith("label") else {1})


def test_images_saved_with_findings_are_read_again(tmp_path):
    states = np.float32([[1, 0, 1], [np.nan, 1, -1], [0, 0, np.nan]])
    names = ("Edema", "Mass, old", "浮腫")
    drawn = replace(phantoms.radiographs(3, size=64), findings=Findings(names, states), labels=np.full(3, -1))
    folder.save_images(drawn.subset([2, 0, 0, 1]), tmp_path)  # one image comes for two of its findings
    data = folder.load(tmp_path, (64, 64))
    assert data.findings.names == names and list(data.ids) == [f"{drawn.ids[row]}.png" for row in (2, 0, 1)]
    np.testing.assert_array_equal(data.findings.states, states[[2, 0, 1]])
    np.testing.assert_array_equal(data.images(), drawn.images([2, 0, 1]))
    assert list(data.groups) == list(drawn.groups[[2, 0, 1]])


@pytest.mark.parametrize(
    ("csv", "names", "message"),
    [
        ("name,label\na.png,x\n", (), "has no column image"),
        ("image,label\n", (), "has no column image, or no rows"),
        ("image,label\nz.png,x\n", (), "names z.png, which is no image"),
        ("image,label\n../outside.png,x\n", (), "names ../outside.png, which is no image"),
        ("image,label\na.png,x\nb.png,\n", (), "some images have a label and some have none"),
        ("image,patient\na.png,7\nb.png, \n", (), "some images have a patient and some have none"),
        ("image,label\na.png,x\nb.png,y\n", ("x", "y", "x"), "class_names names 'x' more than once"),
        ("image,label\na.png,x\nb.png,y\n", ("x", "z"), "'y' is none of the classes x, z"),
        ("image,label\na.png,x\n./a.png,x\n", (), "has more than one row for a.png"),
        ("image\n/etc/hostname\n", (), "names /etc/hostname, which is no image"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused(tmp_path, csv, names, message):
    write_grey(tmp_path / "outside.png")
    for name in "ab":
        write_grey(tmp_path / "root" / f"{name}.png")
    (tmp_path / "root" / "labels.csv").write_text(csv)
    with pytest.raises(ValueError, match=message):
        folder.load(tmp_path / "root", SIZE, class_names=names)


def test_a_blank_patient_is_the_one_of_the_dicom_file(tmp_path):
    write_grey(tmp_path / "a.png")
    write_dicom(tmp_path / "b.dcm", RAMP, PatientID="p 7")
    (tmp_path / "labels.csv").write_text("image,patient\na.png,p 7\nb.dcm,\n")
    assert list(folder.load(tmp_path, SIZE).groups) == ["p 7", "p 7"]
    write_dicom(tmp_path / "b.dcm", RAMP, PatientID="")
    with pytest.raises(ValueError, match="some images have a patient and some have none"):
        folder.load(tmp_path, SIZE)
    (tmp_path / "labels.csv").write_text("image,patient\na.png,\nb.dcm,\n")
    assert list(folder.load(tmp_path, SIZE).groups) == ["a.png", "b.dcm"]


def test_images_next_to_sub_folders_of_images_are_refused(tmp_path):
    write_grey(tmp_path / "a.png")
    write_grey(tmp_path / "ill" / "b.png")
    with pytest.raises(ValueError, match="holds images next to its sub-folders, a.png for one"):
        folder.load(tmp_path)


def test_a_dicom_directory_and_dates_as_folders_are_no_surprise(tmp_path):
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    write_grey(tmp_path / "20240101" / "a.png")
    write_grey(tmp_path / "20240102" / "b.png")
    data = folder.load(tmp_path, SIZE)
    assert data.class_names == ("20240101", "20240102") and list(data.labels) == [0, 1]


def test_dicom_that_is_no_single_image_is_named(tmp_path):
    write_dicom(tmp_path / "film.dcm", RAMP, NumberOfFrames=3)
    (tmp_path / "noise.dcm").write_bytes(b"not an image")
    for name, reason in (("film.dcm", "holds 3 frames"), ("noise.dcm", "DICOM")):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a DICOM image .*{reason}"):
            folder.load(tmp_path, SIZE).named(name).images()


def test_saved_images_are_read_again(tmp_path):
    drawn = phantoms.radiographs(4, size=64)
    folder.save_images(drawn, tmp_path)
    data = folder.load(tmp_path, (64, 64))
    assert data.class_names == drawn.class_names and sorted(data.labels) == sorted(drawn.labels)
    order = [list(drawn.ids).index(i.split("/")[1].removesuffix(".png")) for i in data.ids]
    np.testing.assert_array_equal(data.images(), drawn.images()[order])


def test_folder(tmp_path):
    write_quarter(tmp_path / "b" / "one.png", size=(7, 5))
    write_quarter(tmp_path / "a" / "two.JPG")
    write_quarter(tmp_path / ".hidden" / "three.png")
    write_quarter(tmp_path / "a" / ".four.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    data = folder.load(tmp_path, (8, 8))
    assert list(data.ids) == ["a/two.JPG", "b/one.png"] and data.class_names == ("a", "b")
    assert data.images().shape == (2, 8, 8, 3) and data.images([1]).shape == (1, 8, 8, 3)


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent is missing"):
        folder.load(tmp_path / "absent")
    with pytest.raises(ValueError, match="holds no images"):
        folder.load(tmp_path)


def test_truncated_image_is_named(tmp_path):
    write_quarter(tmp_path / "a" / "whole.png", size=(64, 64))
    content = (tmp_path / "a" / "whole.png").read_bytes()
    (tmp_path / "a" / "cut.png").write_bytes(content[: len(content) // 2])
    data = folder.load(tmp_path)
    with pytest.raises(ValueError, match="cut.png cannot be read"):
        data.images()
