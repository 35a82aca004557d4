"""The radiographs of Kermany et al., in small trees that the tests write."""

import numpy as np
import pytest

from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import chest_xray
from pictures import write_quarter


def write_chest_xray(root):
    for split in ("train", "test"):
        write_quarter(root / "chest_xray" / split / "NORMAL" / "IM-0001-0001.jpeg")
        write_quarter(root / "chest_xray" / split / "NORMAL" / "NORMAL2-IM-0001-0001.jpeg")
        for name in ("person1_bacteria_1", "person1_bacteria_2", "person1_virus_3"):
            write_quarter(root / "chest_xray" / split / "PNEUMONIA" / f"{name}.jpeg")
        (root / "chest_xray" / split / "PNEUMONIA" / ".DS_Store").write_bytes(b"x")
        (root / "chest_xray" / split / "NORMAL" / "._IM-0001-0001.jpeg").write_bytes(b"x")
        (root / "chest_xray" / split / "stray").mkdir()


def test_chest_xray(tmp_path):
    write_chest_xray(tmp_path)
    data = chest_xray.load(tmp_path, "test", (8, 8))
    assert data.class_names == ("normal", "pneumonia") and list(data.labels) == [0, 0, 1, 1, 1]
    assert data.ids[2] == "test/person1_bacteria_1"
    assert list(data.groups) == ["IM-0001", "NORMAL2-IM-0001", "person1_bacteria", "person1_bacteria", "person1_virus"]
    image = data.read(0)
    assert image.shape == (8, 8, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(image[7, 7], [0, 0, 0])


def test_chest_xray_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="NORMAL is missing"):
        chest_xray.load(tmp_path, "train")
    write_chest_xray(tmp_path)
    for file in (tmp_path / "chest_xray/train/NORMAL").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match="NORMAL holds no images"):
        chest_xray.load(tmp_path, "train")
    with pytest.raises(ValueError, match="split is 'val'"):
        chest_xray.load(tmp_path, "val")


def test_validation_split_is_by_patient(tmp_path):
    for n in range(60):
        for image in range(1 + n % 3):
            write_quarter(tmp_path / f"chest_xray/train/PNEUMONIA/person{n}_virus_{image}.jpeg")
        write_quarter(tmp_path / f"chest_xray/train/NORMAL/IM-{n:04d}-0001.jpeg")
    train, validation = (catalogue.load("chest_xray", name, (8, 8), tmp_path) for name in ("train", "validation"))
    assert not set(train.groups) & set(validation.groups)
    assert len(train) + len(validation) == 180 and 10 <= len(validation) <= 18
    few = catalogue.load("chest_xray", "train", (8, 8), tmp_path, count=7)
    assert len(few) == 7 and set(few.ids) < set(train.ids)
