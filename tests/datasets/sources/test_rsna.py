"""The Pneumonia Detection Challenge, in small trees that the tests write in its layout."""

import json

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import SOURCES, rsna
from black_average_drop.datasets.sources.source import splits_of_halves
from black_average_drop.trust import lesion_sizes, localization
from dicom_files import write_dicom

LABELS = """patientId,x,y,width,height,Target
0004cfab,,,,,0
00436515,264.0,152.0,213.0,379.0,1
00436515,562.0,152.0,256.0,453.0,1
00569f44,,,,,0
00704310,323.0,577.0,160.0,104.0,1
"""
CLASSES = """patientId,class
0004cfab,No Lung Opacity / Not Normal
00436515,Lung Opacity
00436515,Lung Opacity
00569f44,Normal
00704310,Lung Opacity
"""
ORIGINALS = [
    {"subset_img_id": name, "img_id": f"{patient:08d}_{number:03d}.png", "SOPInstanceUID": f"1.2.{number}"}
    for number, (name, patient) in enumerate({"0004cfab": 5, "00436515": 7, "00569f44": 7, "00704310": 12}.items())
]


def write_examination(folder, name, grey=90, view="PA"):
    """One file as the challenge has them, but of 64 x 64 pixels: 8 bits, without a window."""
    pixels = np.full((64, 64), grey, "uint8")
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": pixels.tobytes()}
    write_dicom(folder / f"{name}.dcm", pixels, PatientID=name, ViewPosition=view, **bits)


@pytest.fixture
def challenge(tmp_path):
    folder = tmp_path / "rsna-pneumonia-detection-challenge"
    images = folder / "stage_2_train_images"
    images.mkdir(parents=True)
    for name, view in {"0004cfab": "AP", "00436515": "AP", "00569f44": "PA", "00704310": "AP"}.items():
        write_examination(images, name, view=view)
    (images / "._00436515.dcm").write_bytes(b"of a Mac")
    (folder / "stage_2_train_labels.csv").write_text(LABELS)
    (folder / "stage_2_detailed_class_info.csv").write_text(CLASSES)
    return tmp_path


def put(root, name, text):
    (root / "rsna-pneumonia-detection-challenge" / name).write_text(text)


def test_pneumonia_and_normal_are_read_and_what_is_neither_is_left_out(challenge):
    data = rsna.load(challenge, (32, 32))
    assert list(data.ids) == ["00436515", "00569f44", "00704310"] and list(data.labels) == [1, 0, 1]
    assert data.class_names == ("Normal", "Pneumonia") and list(data.groups) == list(data.ids)
    np.testing.assert_array_equal(data.images(), np.full((3, 32, 32, 3), 90, "uint8"))
    # 1024 pixels of the table are 32 here: a pixel is 32 of them.
    assert data.boxes(0) == [
        ("Pneumonia", 8.25, 4.75, 14.90625, 16.59375),
        ("Pneumonia", 17.5625, 4.75, 25.5625, 18.90625),
    ]
    assert data.boxes(1) == []
    assert list(rsna.SOURCE.boxed(challenge).ids) == ["00436515", "00704310"]


def test_regions_are_the_boxes_in_rows_and_columns_of_the_network(challenge):
    data = rsna.load(challenge, (64, 32))
    expected = np.zeros((64, 32), bool)
    expected[36:43, 10:15] = True  # 577 / 16, (577 + 104) / 16; 323 / 32, (323 + 160) / 32
    np.testing.assert_array_equal(data.regions()[2], expected)
    put(challenge, rsna.LABELS, LABELS.replace("160.0", "1600"))  # cut at the border
    expected[36:43, 10:] = True
    np.testing.assert_array_equal(rsna.load(challenge, (64, 32)).regions()[2], expected)
    assert not data.regions()[1].any() and len(data.lesions(0, 1)) == 2


def test_copies_in_another_format_and_size_have_the_same_boxes(challenge):
    expected = rsna.load(challenge, (32, 32))
    pixels, regions = expected.images(), expected.regions()
    images = challenge / "rsna-pneumonia-detection-challenge" / "stage_2_train_images"
    for file in images.glob("*.dcm"):
        Image.new("L", (16, 16), 90).save(file.with_suffix(".png"))
        file.unlink()
    copies = rsna.load(challenge, (32, 32))
    np.testing.assert_array_equal(copies.images(), pixels)
    np.testing.assert_array_equal(copies.regions(), regions)
    assert rsna.SOURCE.views(challenge) is None


def test_views_are_those_of_the_headers(challenge):
    assert rsna.SOURCE.views(challenge)["view"].to_dict() == {"00436515": "AP", "00569f44": "PA", "00704310": "AP"}


def test_patients_are_those_of_nih_where_the_list_is_there(challenge):
    put(challenge, rsna.ORIGINALS, json.dumps(ORIGINALS))
    assert list(rsna.load(challenge).groups) == ["7", "7", "12"]
    put(challenge, rsna.ORIGINALS, json.dumps(ORIGINALS[:2]))
    with pytest.raises(ValueError, match="mappings_2018.json does not name 00569f44: fetch it again, or remove it."):
        rsna.load(challenge)
    for damaged in ("{", "{}x", '[{"subset_img_id": "a"}]', '[{"subset_img_id": "a", "img_id": "x.png"}]', "[1]", "3"):
        put(challenge, rsna.ORIGINALS, damaged)
        with pytest.raises(ValueError, match="is not RSNA's list of the original names"):
            rsna.load(challenge)


def test_splits_part_no_patient_and_are_those_of_the_catalogue(tmp_path):
    folder = tmp_path / "rsna-pneumonia-detection-challenge"
    images = folder / "stage_2_train_images"
    images.mkdir(parents=True)
    labels, classes, originals = ["patientId,x,y,width,height,Target"], ["patientId,class"], []
    for number in range(120):
        name = f"{number:08x}"
        write_examination(images, name, number)
        labels.append(f"{name},100,100,{7 * number + 16},300,1" if number % 2 else f"{name},,,,,0")
        classes.append(f"{name},{'Lung Opacity' if number % 2 else 'Normal'}")
        originals.append({"subset_img_id": name, "img_id": f"{number // 3:08d}_{number % 3:03d}.png"})
    put(tmp_path, rsna.LABELS, "\n".join(labels))
    put(tmp_path, rsna.CLASSES, "\n".join(classes))
    put(tmp_path, rsna.ORIGINALS, json.dumps(originals))
    splits = splits_of_halves(*rsna.SOURCE.boxed_halves(tmp_path, (32, 32), 4), 4)
    assert sorted(np.concatenate([part.ids for part in splits.values()])) == [f"{number:08x}" for number in range(120)]
    patients = [set(part.groups) for part in splits.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 40
    assert 50 <= len(splits["test"]) <= 60 and 3 <= len(splits["validation"]) <= 8
    for split, part in splits.items():
        assert list(catalogue.load("rsna", split, (32, 32), tmp_path, seed=4).ids) == list(part.ids)
    assert list(rsna.SOURCE.boxed_halves(tmp_path, (32, 32), 5)[1].ids) != list(splits["test"].ids)
    test = splits["test"]
    ill = test.subset(test.labels == 1)
    maps = {"the boxes": ill.regions().astype("float32"), "around them": 1 - ill.regions().astype("float32")}
    scores = localization.score_maps(maps, ill).query("score == 'hit'").groupby("map")["value"].mean()
    assert scores["the boxes"] == pytest.approx(1) and scores["around them"] == 0
    sights = lesion_sizes.with_size_classes(localization.touch_lesions(maps, ill))
    assert set(sights["size_class"]) == set(lesion_sizes.SIZES)


def test_what_is_there_is_counted(challenge):
    source = SOURCES["rsna"]
    assert set(source.count(challenge)) == set(source.expected)
    assert list(source.count(challenge).values()) == [4, 5, 4, 3, 2]
    assert set(source.count(challenge / "nowhere").values()) == {0}
    put(challenge, rsna.ORIGINALS, json.dumps(ORIGINALS))
    (challenge / "rsna-pneumonia-detection-challenge/stage_2_train_images/00704310.dcm").unlink()
    rows = dict(source.report(challenge))
    assert rows["boxes"] == "3 on 2 images"
    assert rows["examinations in the table"] == "Lung Opacity 2, No Lung Opacity / Not Normal 1, Normal 1"
    assert rows["examinations as files"] == "Lung Opacity 1, No Lung Opacity / Not Normal 1, Normal 1"
    assert (rows["NIH's patients in the table"], rows["NIH's patients as files"]) == ("3", "2")
    assert len([what for what in rows if what.startswith("SHA-256")]) == 3 and source.report("nowhere") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LABELS.replace("width", "wide"), "stage_2_train_labels.csv has no column 'width': fetch the original"),
        (LABELS.replace("Target", "target"), "stage_2_train_labels.csv has no column 'Target'"),
        (LABELS.replace("264.0", "x"), "a box of 00436515 is not four numbers inside 1024 x 1024 pixels: fetch"),
        (LABELS.replace("264.0", ""), "a box of 00436515 is not four numbers inside 1024 x 1024"),
        (LABELS.replace("213.0", "0"), "a box of 00436515 is not four numbers inside 1024 x 1024"),
        (LABELS.replace("264.0", "1024"), "a box of 00436515 is not four numbers inside 1024 x 1024"),
    ],
)
def test_a_damaged_table_of_boxes_is_refused(challenge, text, message):
    put(challenge, rsna.LABELS, text)
    with pytest.raises(ValueError, match=message):
        rsna.load(challenge)


def test_what_is_missing_is_named(challenge):
    folder = challenge / "rsna-pneumonia-detection-challenge"
    put(challenge, rsna.CLASSES, CLASSES.replace("00569f44", "00569f45"))
    assert list(rsna.load(challenge).ids) == ["00436515", "00704310"]
    (folder / rsna.CLASSES).unlink()
    with pytest.raises(FileNotFoundError, match="stage_2_detailed_class_info.csv is missing: fetch it from Kaggle"):
        rsna.load(challenge)
    with pytest.raises(FileNotFoundError, match="rsna-pneumonia-detection-challenge is missing"):
        rsna.load(challenge / "elsewhere")
