"""CheXlocalize, in small trees that the tests write in its layout."""

import json

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import SOURCES, chexlocalize
from black_average_drop.datasets.sources.source import splits_of_halves
from black_average_drop.trust import localization

COLUMNS = ("Path", "No Finding", *chexlocalize.FINDINGS)


def encoded(mask):
    """A mask as the JSON files have it, with the runs as a list."""
    flat = mask.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, len(flat)]).tolist()
    return {"size": list(mask.shape), "counts": [0, *runs] if flat[0] else runs}


def half(shape, side):
    """A mask of the left or right half of an image."""
    mask = np.zeros(shape, bool)
    mask[:, : shape[1] // 2] = side == "left"
    mask[:, shape[1] // 2 :] = side == "right"
    return mask


def write_part(root, part, patients, shape=(40, 60), spelt="Lung Opacity", prefix="CheXpert-v1.0/valid/"):
    """Images with lung opacity on the left where the patient's number is odd, and an edema that every image has."""
    rows, masks = [",".join(COLUMNS)], {}
    for patient in patients:
        place = f"patient{patient}/study1/view1_frontal.jpg"
        file = root / "chexlocalize" / "CheXpert" / part / place
        file.parent.mkdir(parents=True)
        Image.new("L", shape[::-1], patient % 256).save(file)
        labels = {"Lung Opacity": float(patient % 2), "Edema": 1.0}
        rows.append(",".join([prefix + place, *(str(labels.get(name, 0.0)) for name in COLUMNS[1:])]))
        opacity = half(shape, "left") if patient % 2 else np.zeros(shape, bool)
        empty = encoded(np.zeros(shape, bool))
        masks[f"patient{patient}_study1_view1_frontal"] = {
            **{name: empty for name in chexlocalize.FINDINGS if name != "Lung Opacity"},
            spelt: encoded(opacity),
            "Edema": encoded(half(shape, "right")),
        }
    (root / "chexlocalize" / "CheXlocalize").mkdir(exist_ok=True)
    (root / "chexlocalize" / "CheXpert" / f"{part}_labels.csv").write_text("\n".join(rows) + "\n")
    save(root, f"gt_segmentations_{part}.json", masks)
    return masks


def save(root, name, content):
    (root / "chexlocalize" / "CheXlocalize" / name).write_text(json.dumps(content))


@pytest.fixture
def stanford(tmp_path):
    write_part(tmp_path, "val", range(64541, 64565), spelt="Airspace Opacity")
    write_part(tmp_path, "test", range(64741, 64747), prefix="test/")
    return tmp_path


def test_a_finding_is_a_class_and_its_mask_the_lesion(stanford):
    data = chexlocalize.load(stanford, "test", size=(20, 20))
    assert list(data.ids) == [f"patient{number}_study1_view1_frontal" for number in range(64741, 64747)]
    assert list(data.labels) == [1, 0] * 3 and data.class_names == ("no Lung Opacity", "Lung Opacity")
    assert list(data.groups) == [f"patient{number}" for number in range(64741, 64747)]
    expected = np.zeros((6, 20, 20), bool)
    expected[::2, :, :10] = True
    np.testing.assert_array_equal(data.regions(), expected)
    edema = chexlocalize.load(stanford, "test", "Edema", (20, 20))
    assert edema.labels.all() and edema.regions()[:, :, 10:].all() and not edema.regions()[:, :, :10].any()
    assert list(chexlocalize.SOURCE.boxed(stanford, (20, 20)).labels) == [1] * 3


def test_the_older_name_of_the_finding_is_known(stanford):
    val = chexlocalize.load(stanford, "val", size=(20, 20))
    assert len(val) == 24 and val.regions()[0, :, :10].all() and not val.regions()[1].any()


def test_the_split_of_the_publisher_is_kept(stanford):
    train, validation, test = splits_of_halves(*chexlocalize.SOURCE.boxed_halves(stanford, (20, 20)), 1).values()
    assert list(test.ids) == list(chexlocalize.load(stanford, "test").ids)
    assert (
        len(train) + len(validation) == 24 and len(validation) == 3 and not set(train.groups) & set(validation.groups)
    )
    loaded = catalogue.load("chexlocalize", "validation", (20, 20), stanford, seed=1)
    assert list(loaded.ids) == list(validation.ids)


def test_maps_are_scored_next_to_the_radiologists(stanford):
    ill = chexlocalize.SOURCE.boxed(stanford, (20, 20))
    drawn = np.zeros((3, 20, 20), "float32")
    drawn[[0, 1, 2], 5, [3, 15, 4]] = 1
    scores = localization.score_maps({"a method": drawn}, ill).query("score == 'hit'")
    assert list(scores["value"]) == [1, 0, 1]
    points = {
        ill.ids[0]: {"Lung Opacity": [[59.9, 39.9], [29.9, 0.0], [31, 1]], "Edema": [[0, 0]]},  # the second one hits
        ill.ids[1]: {"Airspace Opacity": [[30.0, 3.0]]},  # the first column that is outside
        "patient64742_study1_view1_frontal": {"Lung Opacity": [[1, 1]]},  # no mask: not counted
    }
    save(stanford, chexlocalize.POINTS, points)
    human = chexlocalize.human_hits(stanford)
    assert human.to_dict("list") == {
        "id": list(ill.ids),
        "group": ["patient64741", "patient64743", "patient64745"],
        "hit": [1, 0, 0],  # the last one has no point: a miss
    }
    edema = chexlocalize.human_hits(stanford, "Edema")
    assert len(edema) == 6 and not edema["hit"].any()


@pytest.mark.parametrize("point", [[60, 3], [-1, 3], [3, 40], [3], ["x", 3], None, [float("nan"), 1], [1e400, 1]])
def test_a_point_outside_its_image_is_refused(stanford, point):
    save(stanford, chexlocalize.POINTS, {"patient64741_study1_view1_frontal": {"Lung Opacity": [point]}})
    with pytest.raises(ValueError, match="a point of patient64741_study1_view1_frontal is not inside its image: fetch"):
        chexlocalize.human_hits(stanford)


def test_a_scaled_copy_fits_its_mask_and_another_shape_does_not(stanford):
    place = stanford / "chexlocalize/CheXpert/test/patient64741/study1/view1_frontal.jpg"
    expected = chexlocalize.load(stanford, size=(20, 20)).regions()
    Image.new("L", (31, 20), 9).save(place)  # 60 x 40 halved, the side rounded up
    np.testing.assert_array_equal(chexlocalize.load(stanford, size=(20, 20)).regions(), expected)
    Image.new("L", (40, 60), 9).save(place)
    with pytest.raises(ValueError, match="view1_frontal.jpg is 40 x 60, and its mask 60 x 40: fetch the image again"):
        chexlocalize.load(stanford).regions()


@pytest.mark.parametrize(
    "damaged",
    [{"size": [40, 60], "counts": [1, 2]}, {"size": [40, 60], "counts": "zz"}, {"size": [40, 60]}, [], "x", 3]
    + [{"size": [10**6, 10**6], "counts": [10**12]}],
)
def test_a_damaged_mask_is_refused(stanford, damaged):
    save(stanford, "gt_segmentations_test.json", {"patient64741_study1_view1_frontal": {"Lung Opacity": damaged}})
    with pytest.raises(ValueError, match="the mask Lung Opacity of patient64741_study1_view1_frontal is damaged"):
        chexlocalize.load(stanford).regions()


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 3}'])
def test_a_damaged_file_of_masks_is_refused(stanford, content):
    (stanford / "chexlocalize/CheXlocalize/gt_segmentations_test.json").write_text(content)
    with pytest.raises(ValueError, match="gt_segmentations_test.json .*: fetch the original file again."):
        chexlocalize.load(stanford)


@pytest.mark.parametrize(("old", "new"), [("1.0", "2.0"), ("test/patient", "../../x"), (".jpg", ".txt")])
def test_a_damaged_table_is_refused(stanford, old, new):
    table = stanford / "chexlocalize/CheXpert/test_labels.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(ValueError, match="is no image of a patient with 0 or 1: fetch the original table again."):
        chexlocalize.load(stanford, finding="Edema")


def test_what_is_missing_or_unknown_is_named(stanford):
    with pytest.raises(
        ValueError, match="part is 'train' and finding 'Fracture': choose one of val, test, and of Atel"
    ):
        chexlocalize.load(stanford, "train", "Fracture")
    with pytest.raises(FileNotFoundError, match="hb_salient_pt_test.json is missing: fetch it from Stanford AIMI"):
        chexlocalize.human_hits(stanford)
    (stanford / "chexlocalize/CheXpert/val_labels.csv").unlink()
    with pytest.raises(FileNotFoundError, match="val_labels.csv is missing: fetch it from Stanford AIMI"):
        chexlocalize.load(stanford, "val")


def test_what_is_there_is_counted(stanford):
    source = SOURCES["chexlocalize"]
    assert source.count(stanford) == {"val images": 24, "test images": 6} and source.report("nowhere") == []
    assert set(source.count(stanford)) == set(source.expected)
    rows = dict(source.report(stanford))
    assert rows["test, images"].endswith("in 6 files of 6 patients")
    assert "Edema 6" in rows["test, masks"] and "Lung Opacity 3" in rows["test, masks"]
    assert "Lung Opacity 12" in rows["val, masks"]
