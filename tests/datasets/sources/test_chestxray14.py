"""NIH ChestX-ray14, in small trees that the tests write."""

import numpy as np
import pytest

from black_average_drop.datasets.sources import chestxray14
from black_average_drop.datasets.sources.source import splits_of_halves
from pictures import write_quarter

NIH_ENTRIES = """Image Index,Finding Labels,Follow-up #,Patient ID,View Position
00000001_000.png,Pneumonia|Edema,0,1,PA
00000001_001.png,No Finding,1,1,PA
00000002_000.png,Edema,0,2,AP
00000003_000.png,Pneumonia,0,3,AP
00000004_000.png,No Finding,0,4,AP
"""
NIH_BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00000001_000.png,Pneumonia,256,512,128,64
00000001_000.png,Infiltrate,0,0,1024,1024
"""


@pytest.fixture(params=["images/{}.png", "images_001/images/{}.png", "images/{}.jpg"])
def nih(tmp_path, request):
    root = tmp_path / "nih-chest-xrays"
    for stem in ("00000001_000", "00000001_001", "00000002_000", "00000003_000"):  # 00000004_000 was not fetched
        write_quarter(root / request.param.format(stem), size=(64, 64))
    (root / "Data_Entry_2017_v2020.csv").write_text(NIH_ENTRIES)
    (root / "BBox_List_2017.csv").write_text(NIH_BOXES)
    return tmp_path


def test_chestxray14(nih):
    data = chestxray14.load(nih, "Pneumonia", size=(32, 32))
    assert list(data.ids) == ["00000001_000", "00000001_001", "00000003_000"] and list(data.labels) == [1, 0, 1]
    assert list(data.groups) == ["1", "1", "3"] and data.class_names == ("No Finding", "Pneumonia")
    # Boxes are in 1024-pixel coordinates, whatever the size of the file; here the image is read at 32.
    assert data.boxes(0) == [("Pneumonia", 8.0, 16.0, 12.0, 18.0), ("Infiltration", 0.0, 0.0, 32.0, 32.0)]
    assert data.boxes(1) == []
    assert list(chestxray14.load(nih, "any").labels) == [1, 0, 1, 1]
    assert list(chestxray14.load(nih, "Pneumonia", boxed_only=True).ids) == ["00000001_000"]


def test_regions_are_the_boxes_of_the_class_alone(nih):
    regions = chestxray14.load(nih, "Pneumonia", size=(32, 32)).regions()
    expected = np.zeros((3, 32, 32), bool)
    expected[0, 16:18, 8:12] = True  # not the box of the infiltrate
    np.testing.assert_array_equal(regions, expected)
    assert not chestxray14.load(nih, "Edema").regions().any()


def test_regions_of_any_finding_are_all_boxes(nih):
    table = nih / "nih-chest-xrays" / "BBox_List_2017.csv"
    table.write_text(NIH_BOXES.replace("0,0,1024,1024", "0,0,512,256"))
    data = chestxray14.load(nih, "any", size=(32, 32))
    expected = np.zeros((4, 32, 32), bool)
    expected[0, 16:18, 8:12] = expected[0, :8, :16] = True
    np.testing.assert_array_equal(data.regions(), expected)
    np.testing.assert_array_equal(data.subset([1, 0]).regions(), expected[[1, 0]])
    assert [name for name, *_ in data.boxes(0)] == ["Pneumonia", "Infiltration"]
    one, other = data.lesions(0, 1)
    assert (one[0], other[0]) == ("Pneumonia", "Infiltration") and not (one[1] & other[1]).any()
    assert list(chestxray14.boxed_and_normal(nih, (32, 32)).ids) == ["00000001_000", "00000001_001"]


def test_chestxray14_views(nih):
    entries = nih / "nih-chest-xrays" / "Data_Entry_2017_v2020.csv"
    entries.write_text(NIH_ENTRIES + "00000005_000.png,Infiltration|Mass,0,5,AP\n00000006_000.png,Mass,0,6,PA\n")
    boxes = nih / "nih-chest-xrays" / "BBox_List_2017.csv"
    boxes.write_text(NIH_BOXES + "00000005_000.png,Infiltrate,0,0,1,1\n00000005_000.png,Mass,0,0,1,1\n")
    table = chestxray14.views(nih)
    assert list(table.index[:2]) == ["00000001_000", "00000001_001"] and len(table) == 7
    assert list(table["view"]) == ["PA", "PA", "AP", "AP", "AP", "AP", "PA"]
    assert table["findings"]["00000001_000"] == ("Pneumonia", "Edema")
    # 00000001_000 lacks a box of its edema, others have no box at all.
    assert list(table.index[table["fully_boxed"]]) == ["00000005_000"]
    entries.write_text(NIH_ENTRIES.replace("View Position", "View"))
    with pytest.raises(ValueError, match="Data_Entry_2017_v2020.csv has no column 'View Position'"):
        chestxray14.views(nih)
    boxes.write_text(NIH_BOXES.replace("Finding Label", "Finding"))
    entries.write_text(NIH_ENTRIES)
    with pytest.raises(ValueError, match="BBox_List_2017.csv has no column 'Finding Label'"):
        chestxray14.views(nih)


def test_chestxray14_split_is_by_patient_and_halves_the_boxed_images(tmp_path):
    """120 patients with 1 to 3 images; the first 40 have a box on their first image, further images have none."""
    root = tmp_path / "nih-chest-xrays"
    entries, boxes = [NIH_ENTRIES.splitlines()[0]], [NIH_BOXES.splitlines()[0]]
    for patient in range(120):
        for image in range(1 + patient % 3):
            ill = patient < 40 and image == 0
            name = f"{patient:08d}_{image:03d}.png"
            write_quarter(root / "images" / name, size=(8, 8))
            entries.append(f"{name},{'Mass' if ill else 'No Finding'},0,{patient},PA")
            boxes += [f"{name},Mass,0,0,512,512"] * ill
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries))
    (root / "BBox_List_2017.csv").write_text("\n".join(boxes))
    data = chestxray14.load(tmp_path, "any", size=(8, 8))
    assert len(data) == 240 and data.labels.sum() == 40
    few = chestxray14.boxed_and_normal(tmp_path, (8, 8), normal=30)
    assert len(few) == 70 and few.labels.sum() == 40 and set(few.ids) < set(data.ids)
    assert list(chestxray14.boxed_and_normal(tmp_path, (8, 8)).ids) == list(data.ids)
    for seed in range(10):
        train, validation, test = parts = list(splits_of_halves(*chestxray14.halves(data, seed), seed).values())
        assert sorted(np.concatenate([part.ids for part in parts])) == sorted(data.ids)
        patients = [set(part.groups) for part in parts]
        assert sum(map(len, patients)) == len(set.union(*patients)) == 120
        assert 17 <= test.labels.sum() <= 23 and 94 <= (test.labels == 0).sum() <= 103
        assert len(validation) == pytest.approx((240 - len(test)) / 8, abs=3)
        again = splits_of_halves(*chestxray14.halves(data, seed), seed).values()
        for one, part in zip(again, parts, strict=True):
            np.testing.assert_array_equal(one.ids, part.ids)
    for part in parts:  # rows stay together
        assert all(int(one.split("_")[0]) == int(group) for one, group in zip(part.ids, part.groups, strict=True))
        np.testing.assert_array_equal(part.regions().any(axis=(1, 2)), part.labels == 1)
    assert set(chestxray14.halves(data, seed=4)[1].ids) != set(test.ids)


def test_chestxray14_names_what_is_wrong(nih):
    with pytest.raises(ValueError, match="finding is 'Pnuemonia'"):
        chestxray14.load(nih, "Pnuemonia")
    table = nih / "nih-chest-xrays" / "Data_Entry_2017_v2020.csv"
    table.write_text(NIH_ENTRIES.replace("Patient ID", "Patient"))
    with pytest.raises(ValueError, match="no column 'Patient ID'"):
        chestxray14.load(nih)
    table.unlink()
    with pytest.raises(FileNotFoundError, match="Data_Entry_2017"):
        chestxray14.load(nih)
