"""Tables of public data sets with exactly the headers of their makers: by hand, and against pandas."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.datasets.tables.labels import read_label_table
from label_rows import states_of

CHEXPERT = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n"
)
NIH = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
VINDR = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"


@pytest.fixture
def read(tmp_path):
    """A function that reads a table, given as text, for images that are there."""

    def reading(text, names):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return read_label_table(path, names)

    return reading


def test_rsna_has_a_row_for_each_box(read):
    text = "patientId,x,y,width,height,Target\nu1,,,,,0\nu2,264.0,152.0,213.0,379.0,1\nu2,562.0,152.0,256.0,453.0,1\n"
    text += "u3,,,,,0\n"
    found = read(text, ["train/u2.dcm", "train/u1.dcm"])
    assert found.table.to_numpy().tolist() == [["train/u1.dcm", "", ""], ["train/u2.dcm", "", ""]]
    assert states_of(found) == {"Pneumonia": [0, 1]}
    assert "4 rows for 3 images" in found.notes[0] and "it tells no patients" in found.notes[0]
    with pytest.raises(ValueError, match="has '0' and '1' for u2 in its column Target: fetch the original table again"):
        read(text.replace("379.0,1", "379.0,0"), ["u2.dcm"])


def test_the_classes_of_rsna_are_labels(read):
    text = "patientId,class\nu1,No Lung Opacity / Not Normal\nu2,Lung Opacity\nu2,Lung Opacity\nu3,Normal\n"
    found = read(text, ["u1.png", "u2.png", "u3.png"])
    assert list(found.table["label"]) == ["No Lung Opacity / Not Normal", "Lung Opacity", "Normal"]
    assert found.findings is None and found.label_column == "class"
    ours = read("patientId,class\nu1,ill\nu2,well\n", ["u1.png", "u2.png"])  # a table of somebody else
    assert list(ours.table["label"]) == ["ill", "well"] and "RSNA" not in " ".join(ours.notes)


def test_chexpert_has_states_and_patients_in_its_paths(read):
    text = CHEXPERT + (
        "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n"
        "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Male,1,Frontal,PA,,,-1.0,1.0,,-1.0,,,,,,,1.0,\n"
        "CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,Male,0,Lateral,,,,,0.0,,,,,,,,,,\n"
    )
    names = [
        f"patient0000{name}.jpg"
        for name in ("2/study2/view1_frontal", "2/study1/view2_lateral", "1/study1/view1_frontal")
    ]
    expected = {
        "No Finding": [1, 9, 9],
        "Cardiomegaly": [9, -1, 9],
        "Lung Opacity": [9, 1, 0],
        "Edema": [9, -1, 9],
        "Pneumothorax": [0, 9, 9],
        "Fracture": [9, 1, 9],
        "Support Devices": [1, 9, 9],
    }
    for front in ("", "train/", "CheXpert-v1.0-small/train/", "CheXpert-v1.0/train/"):
        found = read(text, [front + name for name in names])
        assert states_of(found) == expected
        assert list(found.table["image"]) == [front + names[number] for number in (2, 0, 1)]
        assert list(found.table["patient"]) == ["patient00001", "patient00002", "patient00002"]
    assert "Columns that are never findings, by their names: Sex, Age, Frontal/Lateral, AP/PA." in found.notes


def test_boxes_of_three_readers_count_by_majority(read):
    """Two boxes of a reader are one voice."""
    text = VINDR + (
        "i1,No finding,14,R11,,,,\ni1,No finding,14,R7,,,,\ni1,Cardiomegaly,3,R10,691,1375,1653,1831\n"
        "i2,Cardiomegaly,3,R8,1,2,3,4\ni2,Cardiomegaly,3,R8,5,6,7,8\ni2,Nodule/Mass,8,R9,1,2,3,4\n"
        "i3,Nodule/Mass,8,R1,1,2,3,4\ni3,Nodule/Mass,8,R2,1,2,3,4\ni3,No finding,14,R3,,,,\n"
    )
    found = read(text, ["train/i2.dicom", "train/i1.dicom", "train/i3.dicom"])
    assert list(found.table["image"]) == ["train/i1.dicom", "train/i2.dicom", "train/i3.dicom"]
    assert states_of(found) == {"Cardiomegaly": [0, -1, 0], "No finding": [1, 0, 0], "Nodule/Mass": [0, -1, 1]}
    assert "3 images have 2 to 3 readers each. Of 9 findings, 2 are uncertain" in found.notes[0]


def test_rows_of_boxes_come_in_any_order(read):
    text = "image_id,class_name,rad_id\ni2,ILD,R2\ni1,No finding,R2\ni2,ILD,R1\ni1,No finding,R1\n"
    found = read(text, ["i1.png", "i2.png"])
    assert list(found.table["image"]) == ["i2.png", "i1.png"]
    assert states_of(found) == {"ILD": [1, 0], "No finding": [0, 1]}


def test_blank_cells_of_readers_are_no_voices(read):
    text = "image_id,rad_id,COPD,Edema\ni1,R1,1,\ni1,R2,1,\ni1,R3,,\ni2,R1,0,1\ni2,R2,-1,0\ni2,R3,-1,\n"
    assert states_of(read(text, ["i1.png", "i2.png"])) == {"COPD": [1, -1], "Edema": [9, -1]}


def test_patients_of_a_table_of_boxes_are_kept(read):
    text = "image_id,class_name,rad_id,patient\ni1,ILD,R1,p\ni1 ,ILD,R2,p\ni2,No finding,R1,q\n"
    assert list(read(text, ["i1.png", "i2.png"]).table["patient"]) == ["p", "q"]
    with pytest.raises(ValueError, match="has 'p' and 'q' for i1 in its column patient"):
        read(text.replace("R2,p", "R2,q"), ["i1.png", "i2.png"])


def test_boxes_without_readers_are_of_one(read):
    text = "image_id,class_name,x_min,y_min,x_max,y_max\ni1,Cardiomegaly,1,2,3,4\ni1,ILD,1,2,3,4\ni2,No finding,,,,\n"
    assert states_of(read(text, ["i1.png", "i2.png"])) == {"Cardiomegaly": [1, 0], "ILD": [1, 0], "No finding": [0, 1]}


def test_columns_of_three_readers_count_by_majority(read, generator):
    """Against a median over readers, which is the majority of three."""
    images = np.repeat([f"i{number:02}" for number in range(40)], 3)
    table = pd.DataFrame(generator.integers(0, 2, (120, 3)), columns=["Aortic enlargement", "COPD", "Other diseases"])
    table.insert(0, "image_id", images)
    table.insert(1, "rad_id", generator.permuted(np.tile(["R8", "R9", "R10"], (40, 1)), axis=1).ravel())
    expected = table.drop(columns="rad_id").groupby("image_id").median()
    found = read(table.sample(frac=1, random_state=0).to_csv(index=False), [f"{name}.png" for name in expected.index])
    assert found.findings.names == tuple(expected.columns)
    order = [name.removesuffix(".png") for name in found.table["image"]]
    np.testing.assert_array_equal(found.findings.states, expected.loc[order])
    one = read("image_id,Aortic enlargement,COPD\ni1,1,0\ni2,0,0\n", ["i1.png", "i2.png"])  # the test split
    assert states_of(one) == {"Aortic enlargement": [1, 0], "COPD": [0, 0]}


@pytest.mark.parametrize("header", ["ImageId, EncodedPixels", "ImageId,EncodedPixels"])
def test_siim_has_a_mask_or_minus_one(read, header):
    text = f"{header}\n1.2.276.1.5.443873,387620 23 996 33\n1.2.276.1.5.443873,1 2\n1.2.276.1.5.8504, -1\n"
    names = ["x/1.2.276.1.5.8504.dcm", "y/1.2.276.1.5.443873.dcm"]
    found = read(text, names)
    assert list(found.table["image"]) == names[::-1] and states_of(found) == {"Pneumothorax": [1, 0]}
    assert "3 rows for 2 images" in found.notes[0]
    with pytest.raises(ValueError, match="for 1.2.276.1.5.8504 in its column EncodedPixels"):
        read(text + "1.2.276.1.5.8504,1 2\n", names)


def test_lists_of_nih_agree_with_pandas(read, generator):
    findings = np.array(["Atelectasis", "Effusion", "Mass", "Pleural_Thickening"])
    lists = ["|".join(generator.permutation(findings)[: generator.integers(1, 4)]) for _ in range(99)] + ["No Finding"]
    lines = [
        f"{number:08}_000.png,{labels},{number % 2},{number // 2},57,M,PA,2682,2749,0.143,0.143\n"
        for number, labels in enumerate(lists)
    ]
    names = [f"images_001/images/{number:08}_000.jpg" for number in range(100)]
    found = read(NIH + "".join(lines), names[::-1])
    expected = pd.Series(lists).str.get_dummies("|")
    assert found.findings.names == tuple(expected.columns)
    np.testing.assert_array_equal(found.findings.states, expected)
    assert list(found.table["image"]) == names and list(found.table["patient"]) == [str(i // 2) for i in range(100)]
    few = read(NIH + "".join(lines), names[-1:])  # its table says of findings that others have that it has none
    assert few.findings.names == tuple(expected.columns) and few.findings.states.tolist() == [[0, 0, 0, 1, 0]]


def test_notes_of_public_tables_hold_no_names(read):
    text = VINDR + "i1,No finding,14,R11,,,,\ni1,No finding,14,R7,,,,\n"
    said = " ".join(read(text, ["DOE/i1.png", "DOE/i2.png"]).notes)
    assert "The table has no row for 1" in said and not any(name in said for name in ("i1", "i2", "DOE", "R11"))
