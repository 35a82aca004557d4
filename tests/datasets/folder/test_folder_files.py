"""What lies in a folder: images by name and content, other files counted by kind, files of several frames."""

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from black_average_drop.datasets import folder
from black_average_drop.datasets.dicom import headers
from black_average_drop.datasets.folder.files import find_files, headers_of
from dicom_files import write_dicom
from pictures import RAMP, SIZE, write_grey

REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


def without_pixels(path, sop_class):
    """A DICOM file of that class with nothing but a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_dicom(path, RAMP, PatientID="q")
    file = pydicom.dcmread(path)
    for name in ("PixelData", "Rows", "Columns"):
        delattr(file, name)
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = sop_class
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def kinds(found):
    return dict(found.passed_over.to_numpy())


def test_files_of_other_kinds_are_counted_without_their_names(tmp_path):
    for name in ("a/1.png", "a/.2.png", "b/3.JPG", ".c/4.png"):
        write_grey(tmp_path / name)
    (tmp_path / "a" / "sato.hanako").write_text("a person's name may stand behind a dot")
    for name in ("a/notes.txt", "b/more.TXT", "a/README", "DICOMDIR", "a/old.gif"):
        (tmp_path / name).write_bytes(b"text")
    (tmp_path / "a" / "nowhere.png").symlink_to(tmp_path / "absent.png")
    (tmp_path / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    found = folder.listed(tmp_path)
    assert list(found.table["image"]) == ["a/1.png", "b/3.JPG"] and list(found.passed_over) == ["kind", "files"]
    assert kinds(found) == {
        "hidden": 1,
        "hidden folder": 1,
        "not an image (another suffix)": 1,
        "not an image (.txt)": 2,
        "not an image (no suffix)": 1,
        "not an image (.gif)": 1,
        "DICOMDIR": 1,
        "link that leads nowhere": 1,
        "link to another folder": 1,
    }


def test_dicom_is_known_by_its_content_and_files_without_pixels_are_passed_over(tmp_path):
    for number, name in enumerate(("p1/a", "p1/b.ima", "p2/c.dicom", "p2/d.bin", "p2/e.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_dicom(tmp_path / name, RAMP * 64, PatientID=f"id {number}")
    (tmp_path / "p1" / "b.ima").write_bytes((tmp_path / "p1" / "b.ima").read_bytes()[132:])  # no preamble
    without_pixels(tmp_path / "p2" / "report", REPORT)
    without_pixels(tmp_path / "top.dcm", REPORT)  # is no image next to sub-folders
    without_pixels(tmp_path / "p1" / "header.dcm", "1.2.840.10008.5.1.4.1.1.1")
    found = folder.listed(tmp_path)
    assert list(found.table["file"]) == ["p1/a", "p1/b.ima", "p2/c.dicom", "p2/d.bin", "p2/e.png"]
    assert list(found.groups) == [f"id {number}" for number in range(5)]
    assert kinds(found) == {"structured report": 2, "header only": 1}
    assert (folder.as_dataset(found, SIZE).images().max(axis=(1, 2, 3)) > 200).all()


def test_a_folder_of_reports_alone_says_so(tmp_path):
    without_pixels(tmp_path / "a.dcm", REPORT)
    said = r"holds no images, only other files \(1 structured report\): put them into it"
    with pytest.raises(ValueError, match=said):
        folder.listed(tmp_path)


def test_a_damaged_file_is_listed_for_whoever_reads_it(tmp_path):
    write_dicom(tmp_path / "a.dcm", RAMP)
    (tmp_path / "b.dcm").write_bytes(b"not DICOM")
    (tmp_path / "c.png").write_bytes(b"not PNG")
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["a.dcm", "b.dcm", "c.png"]
    for name in ("b.dcm", "c.png"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as"):
            data.named(name).images()


def test_each_header_is_read_once(tmp_path, monkeypatch):
    for number in range(3):
        write_dicom(tmp_path / f"{number}.dcm", RAMP, PatientID=f"id {number}")
    read, header = [], headers.header
    monkeypatch.setattr(headers, "header", lambda path: read.append(path.name) or header(path))
    data = folder.load(tmp_path, SIZE)
    assert sorted(read) == ["0.dcm", "1.dcm", "2.dcm"] and len(set(data.groups)) == 3


def test_headers_of_files_that_a_table_or_split_leaves_out_are_not_read(tmp_path, monkeypatch):
    for name in ("test", "train", "val"):
        (tmp_path / name).mkdir()
        write_dicom(tmp_path / name / "a.dcm", RAMP)
    read, header = [], headers.header
    monkeypatch.setattr(headers, "header", lambda path: read.append(path.parent.name) or header(path))
    folder.listed(tmp_path)
    (tmp_path / "labels.csv").write_text("image\nval/a.dcm\n")
    assert kinds(folder.listed(tmp_path)) == {"not in the table": 2}
    assert read == ["test", "val"]


def test_text_burned_into_pixels_is_said(tmp_path):
    for number, burned_in in enumerate(("YES", "NO", None)):
        write_dicom(tmp_path / f"{number}.dcm", RAMP, BurnedInAnnotation=burned_in)
    said = "1 of 3 files says that text is burned into the pixels (BurnedInAnnotation): look whether it names the "
    assert f"{said}patient." in folder.listed(tmp_path).notes


def frames_of(root):
    """A DICOM file of three frames, a TIFF of four pages, and files of one: frame i has the level 50 i + 50."""
    levels = np.arange(1, 5, dtype="uint8") * 50
    whole = np.repeat(levels[:3], 64).reshape(24, 8)
    own = {"NumberOfFrames": 3, "Rows": 8, "BitsStored": 8, "HighBit": 7}
    write_dicom(root / "a.dcm", whole, PatientID="p", **own)
    tifffile.imwrite(root / "b.tif", np.repeat(levels, 64).reshape(4, 8, 8), photometric="minisblack")
    Image.fromarray(np.full(SIZE, 7, "uint8")).save(root / "c.tif")
    write_grey(root / "d.png", np.full(SIZE, 9))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("first", {"a.dcm": 50, "b.tif": 50, "c.tif": 7, "d.png": 9}),
        ("middle", {"a.dcm": 100, "b.tif": 150, "c.tif": 7, "d.png": 9}),
        (2, {"a.dcm": 150, "b.tif": 150, "c.tif": 7, "d.png": 9}),
        ("0", {"a.dcm": 50, "b.tif": 50, "c.tif": 7, "d.png": 9}),
        (
            "all",
            {"a.dcm#0": 50, "a.dcm#1": 100, "a.dcm#2": 150, "b.tif#0": 50, "b.tif#1": 100, "b.tif#2": 150}
            | {"b.tif#3": 200, "c.tif": 7, "d.png": 9},
        ),
    ],
)
def test_frames_are_chosen(tmp_path, frame, expected):
    frames_of(tmp_path)
    data = folder.load(tmp_path, SIZE, frame=frame)
    assert dict(zip(data.ids, data.images()[:, 4, 4, 0].tolist(), strict=True)) == expected
    groups = {"a.dcm": "p"}  # frames of a file are of one patient, also where nobody says of whom
    assert list(data.groups) == [groups.get(name.split("#")[0], name.split("#")[0]) for name in data.ids]


def test_frames_have_the_labels_of_their_file(tmp_path):
    frames_of(tmp_path)
    (tmp_path / "labels.csv").write_text("image,Edema,Mass\nb.tif,1,0\na.dcm,0,1\n")
    data = folder.load(tmp_path, SIZE, frame="all")
    assert list(data.ids) == [f"b.tif#{i}" for i in range(4)] + [f"a.dcm#{i}" for i in range(3)]
    np.testing.assert_array_equal(data.findings.states, [[1, 0]] * 4 + [[0, 1]] * 3)


def test_several_frames_are_refused_where_nobody_chooses(tmp_path):
    frames_of(tmp_path)
    found = folder.listed(tmp_path)
    assert (
        "2 of 4 files hold several frames or pages and cannot be read: frame= says which one is taken." in found.notes
    )
    data = folder.as_dataset(found, SIZE)
    for name in ("a.dcm", "b.tif"):
        with pytest.raises(ValueError, match=f'{name} .*frames.*: choose one by frame, such as frame="middle", or'):
            data.named(name).images()
    with pytest.raises(ValueError, match="a.dcm .*"):  # there is no frame 3
        folder.load(tmp_path, SIZE, frame=3).named("a.dcm").images()


@pytest.mark.parametrize("frame", ["last", -1, "-1", 1.5, True, None, "one"])
def test_an_unknown_frame_is_refused(tmp_path, frame):
    write_grey(tmp_path / "a.png")
    with pytest.raises(ValueError, match="^frame is .*: choose first, middle, all or a number from 0.$"):
        folder.load(tmp_path, SIZE, frame=frame)


def test_a_damaged_header_is_left_to_whoever_decodes(tmp_path):
    write_dicom(tmp_path / "a.dcm", RAMP)
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:200])
    files = find_files(tmp_path)
    assert files.images == ["a.dcm", "b.dcm"] == sorted(files.dicom)
    assert "a.dcm" in headers_of(tmp_path, files.images)
    folder.listed(tmp_path)
