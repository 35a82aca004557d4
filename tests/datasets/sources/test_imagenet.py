"""ImageNet photos, in small trees that the tests write."""

import numpy as np
import pytest

from black_average_drop.datasets.sources import imagenet
from pictures import write_quarter


def imagenet_solution(names):
    rows = [f"{name},n{i:08d} 0 0 10 10 " for i, name in enumerate(names)]
    rows += [f"ILSVRC2012_val_9{i:07d},n{i:08d} 1 2 3 4 " for i in range(1000)]
    return "ImageId,PredictionString\n" + "\n".join(rows) + "\n"


def test_imagenet_with_its_solution(tmp_path):
    root = tmp_path / "ILSVRC2012"
    write_quarter(root / "val" / "a.JPEG", size=(40, 20))
    (root / "val" / "folder").mkdir()
    (root / "LOC_val_solution.csv").write_text(imagenet_solution(["a"]))
    data = imagenet.load(tmp_path, (14, 14))
    assert len(data.class_names) == 1000 and list(data.labels) == [0]
    # The central 87.5 % of the short side, 17.5 pixels, becomes 14: from (11.25, 1.25), by 0.8.
    assert data.boxes(0) == []  # the box 0..10 lies left of the crop
    (root / "LOC_val_solution.csv").write_text(
        imagenet_solution(["a"]).replace("0 0 10 10", "10 5 40 20 n00000000 20 5 30 10")
    )
    boxes = imagenet.load(tmp_path, (14, 14), background=True).boxes(0)
    np.testing.assert_allclose(boxes[0][1:], [0, 3, 14, 14])
    np.testing.assert_allclose(boxes[1][1:], [7, 3, 14, 7])
    assert imagenet.load(tmp_path, background=True).class_names[:2] == ("background", "n00000000")


def test_imagenet_with_one_folder_a_synset(tmp_path):
    for i in range(1000):
        (tmp_path / f"ILSVRC2012/val/n{i:08d}").mkdir(parents=True)
    write_quarter(tmp_path / "ILSVRC2012/val/n00000007/photo.JPEG")
    data = imagenet.load(tmp_path, (16, 16))
    assert list(data.labels) == [7] and data.boxes is None
    (tmp_path / "ILSVRC2012/val/stray").mkdir()
    write_quarter(tmp_path / "ILSVRC2012/val/a_stray/photo.JPEG")
    assert list(imagenet.load(tmp_path, (16, 16)).labels) == [7]
    (tmp_path / "ILSVRC2012/LOC_val_solution.csv").write_text(imagenet_solution(["x", "photo"]))
    assert list(imagenet.load(tmp_path, (16, 16)).labels) == [1]  # the table decides, not the folder
    (tmp_path / "ILSVRC2012/LOC_val_solution.csv").unlink()
    (tmp_path / "ILSVRC2012/val/n00000999").rmdir()
    with pytest.raises(ValueError, match="names 999 synsets"):
        imagenet.load(tmp_path)


def test_the_photos_of_the_committed_results_are_tested_where_all_are_there(tmp_path):
    """Next to others, such as in the whole validation set, exactly these; where one is missing, whatever is there."""
    root = tmp_path / "ILSVRC2012"
    names = [*imagenet.PHOTOS, "ILSVRC2012_val_00000003"]
    for name in names:
        write_quarter(root / "val" / f"{name}.JPEG", size=(20, 20))
    (root / "LOC_val_solution.csv").write_text(imagenet_solution(names).replace("n00000600 0", "n00000599 0"))
    listed = imagenet.SOURCE.load_split(tmp_path, "test", (14, 14))
    assert list(listed.ids) == sorted(imagenet.PHOTOS) and len(listed) == 600
    (root / "val" / f"{imagenet.PHOTOS[7]}.JPEG").unlink()
    some = imagenet.SOURCE.load_split(tmp_path, "test", (14, 14))
    assert set(some.ids) == {*names} - {imagenet.PHOTOS[7]}
