"""Loaders against small trees that the tests write, and phantoms against what is known of them by construction."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from black_average_drop import datasets
from black_average_drop.datasets import catalogue, chest_xray, chestxray14, folder, imagenet, phantoms


def write_image(path, size=(20, 10), colour=(255, 0, 0)):
    """A file whose upper left quarter has the colour and whose rest is black; size is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0], 3), "uint8")
    pixels[: size[1] // 2, : size[0] // 2] = colour
    Image.fromarray(pixels).save(path, format="PNG")  # the content decides, not the suffix; PNG loses nothing


def write_chest_xray(root):
    for split in ("train", "test"):
        write_image(root / "chest_xray" / split / "NORMAL" / "IM-0001-0001.jpeg")
        write_image(root / "chest_xray" / split / "NORMAL" / "NORMAL2-IM-0001-0001.jpeg")
        for name in ("person1_bacteria_1", "person1_bacteria_2", "person1_virus_3"):
            write_image(root / "chest_xray" / split / "PNEUMONIA" / f"{name}.jpeg")
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
            write_image(tmp_path / f"chest_xray/train/PNEUMONIA/person{n}_virus_{image}.jpeg")
        write_image(tmp_path / f"chest_xray/train/NORMAL/IM-{n:04d}-0001.jpeg")
    train, validation = (catalogue.load("chest_xray", name, (8, 8), tmp_path) for name in ("train", "validation"))
    assert not set(train.groups) & set(validation.groups)
    assert len(train) + len(validation) == 180 and 10 <= len(validation) <= 18
    few = catalogue.load("chest_xray", "train", (8, 8), tmp_path, count=7)
    assert len(few) == 7 and set(few.ids) < set(train.ids)


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
        write_image(root / request.param.format(stem), size=(64, 64))
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
    wanted = np.zeros((3, 32, 32), bool)
    wanted[0, 16:18, 8:12] = True  # not the box of the infiltrate
    np.testing.assert_array_equal(regions, wanted)
    assert not chestxray14.load(nih, "Edema").regions().any()


def test_regions_of_any_finding_are_all_boxes(nih):
    table = nih / "nih-chest-xrays" / "BBox_List_2017.csv"
    table.write_text(NIH_BOXES.replace("0,0,1024,1024", "0,0,512,256"))
    data = chestxray14.load(nih, "any", size=(32, 32))
    wanted = np.zeros((4, 32, 32), bool)
    wanted[0, 16:18, 8:12] = wanted[0, :8, :16] = True
    np.testing.assert_array_equal(data.regions(), wanted)
    np.testing.assert_array_equal(data.subset([1, 0]).regions(), wanted[[1, 0]])
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
            write_image(root / "images" / name, size=(8, 8))
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
        train, validation, test = parts = chestxray14.split(data, seed)
        assert sorted(np.concatenate([part.ids for part in parts])) == sorted(data.ids)
        patients = [set(part.groups) for part in parts]
        assert sum(map(len, patients)) == len(set.union(*patients)) == 120
        assert 17 <= test.labels.sum() <= 23 and 94 <= (test.labels == 0).sum() <= 103
        assert len(validation) == pytest.approx((240 - len(test)) / 8, abs=3)
        for again, part in zip(chestxray14.split(data, seed), parts, strict=True):
            np.testing.assert_array_equal(again.ids, part.ids)
    for part in parts:  # rows stay together
        assert all(int(one.split("_")[0]) == int(group) for one, group in zip(part.ids, part.groups, strict=True))
        np.testing.assert_array_equal(part.regions().any(axis=(1, 2)), part.labels == 1)
    assert set(chestxray14.split(data, seed=4)[2].ids) != set(test.ids)


def test_regions_are_the_masks_where_there_are_masks():
    data = phantoms.radiographs(4, seed=1, size=64)
    np.testing.assert_array_equal(data.regions(), np.stack([data.read_mask(i) for i in range(4)]))
    np.testing.assert_array_equal(data.in_memory().regions(), data.regions())
    with pytest.raises(ValueError, match="neither masks nor boxes"):
        replace(data, read_mask=None).regions()


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


def imagenet_solution(names):
    rows = [f"{name},n{i:08d} 0 0 10 10 " for i, name in enumerate(names)]
    rows += [f"ILSVRC2012_val_9{i:07d},n{i:08d} 1 2 3 4 " for i in range(1000)]
    return "ImageId,PredictionString\n" + "\n".join(rows) + "\n"


def test_imagenet_with_its_solution(tmp_path):
    root = tmp_path / "ILSVRC2012"
    write_image(root / "val" / "a.JPEG", size=(40, 20))
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
    write_image(tmp_path / "ILSVRC2012/val/n00000007/photo.JPEG")
    data = imagenet.load(tmp_path, (16, 16))
    assert list(data.labels) == [7] and data.boxes is None
    (tmp_path / "ILSVRC2012/val/stray").mkdir()
    write_image(tmp_path / "ILSVRC2012/val/a_stray/photo.JPEG")
    assert list(imagenet.load(tmp_path, (16, 16)).labels) == [7]
    (tmp_path / "ILSVRC2012/LOC_val_solution.csv").write_text(imagenet_solution(["x", "photo"]))
    assert list(imagenet.load(tmp_path, (16, 16)).labels) == [1]  # the table decides, not the folder
    (tmp_path / "ILSVRC2012/LOC_val_solution.csv").unlink()
    (tmp_path / "ILSVRC2012/val/n00000999").rmdir()
    with pytest.raises(ValueError, match="names 999 synsets"):
        imagenet.load(tmp_path)


def test_folder(tmp_path):
    write_image(tmp_path / "b" / "one.png", size=(7, 5))
    write_image(tmp_path / "a" / "two.JPG")
    write_image(tmp_path / ".hidden" / "three.png")
    write_image(tmp_path / "a" / ".four.png")
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
    write_image(tmp_path / "a" / "whole.png", size=(64, 64))
    content = (tmp_path / "a" / "whole.png").read_bytes()
    (tmp_path / "a" / "cut.png").write_bytes(content[: len(content) // 2])
    data = folder.load(tmp_path)
    with pytest.raises(ValueError, match="cut.png cannot be read"):
        data.images()


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_images_of_more_than_eight_bits_are_refused_by_name(tmp_path, kind):
    Image.fromarray(np.arange(64).reshape(8, 8).astype(kind)).save(tmp_path / "deep.tiff")
    with pytest.raises(ValueError, match="deep.tiff has more than 8 bits"):
        datasets.read_image(tmp_path / "deep.tiff", (4, 4))


def test_crop_takes_the_pixels_that_its_boxes_say(tmp_path):
    """A white box on black, read with a crop: it lies where the scaled box says."""
    pixels = np.zeros((200, 400, 3), "uint8")
    pixels[50:100, 180:240] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    box = [("thing", 180, 50, 240, 100)]
    for crop in (1.0, 0.875, 0.5):
        paths = [tmp_path / "a.png"]
        data = datasets.from_files(paths, ["a"], [0], ["a"], ("c",), (100, 100), crop, lambda position: box)
        rows, columns = np.nonzero(data.read(0)[..., 0] > 127)
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose(found, data.boxes(0)[0][1:], atol=1)
    assert crop == 0.5 and columns.max() - columns.min() > 55  # half the height fills the image: twice as large


def test_grey_images_become_rgb(tmp_path):
    Image.fromarray(np.full((9, 9), 77, "uint8")).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(datasets.read_image(tmp_path / "grey.png", (4, 4)), np.full((4, 4, 3), 77))


@pytest.mark.parametrize("room, readings", [(3, [4, 6, 8]), (5, [4, 5, 6]), (8, [4, 4, 4])])
def test_images_in_memory_are_read_once_while_there_is_room(monkeypatch, room, readings):
    """Two grey and two coloured images, which take the room of one and of three channels."""
    monkeypatch.setattr(datasets, "KEPT_BYTES", room * 64 * 64)
    grey, coloured = phantoms.radiographs(2, seed=1, size=64), phantoms.objects(2, seed=1, size=64)
    asked = []
    both = replace(
        coloured,
        ids=np.arange(4).astype(str),
        labels=np.zeros(4, int),
        groups=np.arange(4),
        positions=np.arange(4),
        read=lambda position: asked.append(position) or (grey, coloured)[position // 2].read(position % 2),
    )
    kept, wanted = both.in_memory(), both.images()
    asked.clear()
    for count in readings:
        np.testing.assert_array_equal(kept.images(), wanted)
        assert len(asked) == count


def test_ids_must_be_unique():
    with pytest.raises(ValueError, match="The id x stands for several"):
        datasets.from_files(["a", "b"], ["x", "x"], [0, 0], ["g", "g"], ("c",), (8, 8))


def test_dataset_subsets_and_batches():
    data = phantoms.objects(7, size=64)
    part = data.subset(np.array([5, 2]))
    np.testing.assert_array_equal(part.images(), data.images([5, 2]))
    assert [len(batch) for batch in data.batches(3)] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(list(data.in_memory().batches(3))), data.images())
    assert data.named(data.ids[4]).labels[0] == 4
    with pytest.raises(ValueError, match="There is no image 'x'"):
        data.named("x")


def test_phantom_radiographs_come_from_the_seed_alone():
    many, few = phantoms.radiographs(6, seed=5, size=64), phantoms.radiographs(3, seed=5, size=64)
    np.testing.assert_array_equal(many.images()[:3], few.images())
    assert not np.array_equal(few.images(), phantoms.radiographs(3, seed=6, size=64).images())


def test_phantom_lesion_is_all_that_the_classes_differ_in():
    areas = []
    for i in range(40):
        ill, mask = phantoms.radiograph(1, i, lesion=True)
        healthy, none = phantoms.radiograph(1, i, lesion=False)
        changed = (ill != healthy).any(axis=2)
        assert mask.any() and not none.any()
        assert not (changed & ~mask).any()
        assert changed[mask].mean() > 0.5
        assert ill[mask].mean() > healthy[mask].mean()  # an opacity is brighter
        areas.append(mask.mean())
    # 1 % to 15 % of lungs that fill roughly a fifth to two fifths of the image.
    assert 0.001 < min(areas) < 0.01 < 0.03 < max(areas) < 0.07


def test_phantom_lesion_share_of_the_lung_is_exact(generator):
    lung = np.zeros((64, 64), bool)
    lung[8:56, 8:56] = True
    x, y = phantoms._grid(64)
    shares = [phantoms._lesion(np.random.default_rng(i), x, y, lung, 64)[0].sum() / lung.sum() for i in range(60)]
    assert 0.01 <= min(shares) < 0.02 and 0.13 < max(shares) <= 0.1501


SIZES = pytest.mark.parametrize("size", [64, 128, 224])


def changed(first, second):
    """boolean (n, H, W): where two data sets of the same rows differ."""
    for name in ("ids", "labels", "groups", "positions"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    return (first.images() != second.images()).any(axis=3)


def test_phantom_radiographs_are_those_of_the_committed_results():
    """Sixteen pixels of two images; one grey level is left to processors that round otherwise."""
    known = [
        [[185, 205, 222, 235], [223, 94, 46, 210], [95, 84, 195, 87], [204, 211, 206, 212]],
        [[196, 187, 181, 235], [123, 132, 81, 192], [50, 68, 173, 170], [169, 171, 180, 175]],
    ]
    found = phantoms.radiographs(2, seed=7, size=64).images()[:, 8::16, 8::16, 0]
    np.testing.assert_allclose(found.astype(int), known, atol=1)


@SIZES
def test_phantom_radiographs_without_lesions_are_the_same_chests(size):
    ill, healthy = phantoms.radiographs(10, seed=4, size=size), phantoms.radiographs(10, 4, size, lesions=False)
    np.testing.assert_array_equal(changed(ill, healthy) & ~ill.regions(), False)
    assert list(changed(ill, healthy).any(axis=(1, 2))) == [False, True] * 5
    assert not healthy.regions().any()


@SIZES
def test_class_of_marked_radiographs_hangs_on_the_marker_alone(size):
    data = phantoms.marked_radiographs(12, seed=2, size=size)
    bare = phantoms.marked_radiographs(12, seed=2, size=size, markers=False)
    assert data.class_names == phantoms.RADIOGRAPH_CLASSES and list(data.labels) == [0, 1] * 6
    markers = data.regions()
    np.testing.assert_array_equal(changed(data, bare), markers)  # every pixel of a marker is brighter than the chest
    np.testing.assert_array_equal(data.images()[markers], 255)
    np.testing.assert_array_equal(markers.any(axis=(1, 2)), data.labels == 1)
    assert not bare.regions().any()
    assert (np.abs(markers[1::2].mean(axis=(1, 2)) - 0.011) < 0.003).all()
    assert not markers[:, [0, -1]].any() and not markers[:, :, [0, -1]].any()  # the whole marker is in the image


@SIZES
def test_marked_radiographs_without_lesions_are_the_same_images(size):
    data = phantoms.marked_radiographs(12, seed=2, size=size, region="lesion")
    healthy = phantoms.marked_radiographs(12, seed=2, size=size, lesions=False, region="lesion")
    lesions = data.regions()
    np.testing.assert_array_equal(changed(data, healthy) & ~lesions, False)
    np.testing.assert_array_equal(changed(data, healthy).any(axis=(1, 2)), lesions.any(axis=(1, 2)))
    assert not healthy.regions().any()
    markers = [phantoms.marked_radiographs(12, 2, size, lesions=flag).regions() for flag in (True, False)]
    np.testing.assert_array_equal(*markers)
    assert not (markers[0] & lesions).any()


def test_marked_radiographs_are_the_chests_of_the_unmarked_ones():
    plain = phantoms.radiographs(6, seed=3, size=64, lesions=False)
    bare = phantoms.marked_radiographs(6, seed=3, size=64, lesions=False, markers=False)
    np.testing.assert_array_equal(plain.images(), bare.images())
    assert not set(plain.ids) & set(bare.ids)
    few = phantoms.marked_radiographs(3, seed=3, size=64)
    np.testing.assert_array_equal(few.images(), phantoms.marked_radiographs(6, seed=3, size=64).images()[:3])


def test_lesion_of_a_marked_radiograph_says_nothing_of_its_class():
    data = phantoms.marked_radiographs(400, seed=1, size=64, region="lesion")
    ill = data.regions().any(axis=(1, 2))
    shares = ill[data.labels == 0].mean(), ill[data.labels == 1].mean()
    # Each share of 200 fair coins has a standard deviation of 0.035.
    assert all(0.4 < share < 0.6 for share in shares)


def test_markers_lie_near_the_border_off_lungs_and_letter(monkeypatch):
    lungs, letters, find_lesion, stamp = [], [], phantoms._lesion, phantoms._stamp

    def watch_lesion(generator, x, y, lung, size):
        lungs.append(lung)
        return find_lesion(generator, x, y, lung, size)

    def watch_stamp(image, letter, size):
        blank = np.zeros_like(image)
        stamp(blank, letter, size)
        letters.append(blank > 0)
        return stamp(image, letter, size)

    monkeypatch.setattr(phantoms, "_lesion", watch_lesion)
    monkeypatch.setattr(phantoms, "_stamp", watch_stamp)
    data = phantoms.marked_radiographs(300, seed=9, size=64)
    centres = []
    for position in data.positions[data.labels == 1]:
        marker = data.read_mask(position)
        assert not (marker & (lungs[-1] | letters[-1])).any()
        rows, columns = np.nonzero(marker)
        centres.append(((rows.min() + rows.max() + 1) / 64 - 1, (columns.min() + columns.max() + 1) / 64 - 1))
    down, right = np.transpose(centres)
    assert (np.maximum(np.abs(down), np.abs(right)) > 0.65).all()
    corners = {(a > 0, b > 0) for a, b in centres if min(abs(a), abs(b)) > 0.5}
    assert len(corners) == 4 and 0.35 < (down > 0).mean() < 0.65 and 0.35 < (right > 0).mean() < 0.65


def test_marked_radiographs_refuse_another_region():
    with pytest.raises(ValueError, match="region is 'markers': choose marker or lesion"):
        phantoms.marked_radiographs(2, region="markers")


def test_phantom_objects_stand_out_where_their_mask_is():
    data = phantoms.objects(30, size=96)
    assert list(data.labels[:10]) == list(range(10))
    for i in range(30):
        mask = data.read_mask(i)
        assert 0.01 < mask.mean() < 0.4
        assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any()  # the whole object is in the image


@pytest.mark.parametrize("source", ["phantom radiographs", "marked phantom radiographs", "phantom objects"])
def test_catalogue_splits_of_phantoms_are_different_images(source):
    splits = [catalogue.load(source, name, (64, 64), count=4, seed=0) for name in catalogue.SPLITS]
    splits.append(catalogue.load(source, "train", (64, 64), count=4, seed=1))
    assert len({data.images().tobytes() for data in splits}) == 4


@pytest.mark.parametrize(
    ("source", "split", "message"),
    [
        ("mnist", "test", "no test split of source 'mnist'"),
        ("imagenet", "train", "no train split"),
        ("x", "y", "split is"),
    ],
)
def test_catalogue_refuses(source, split, message):
    with pytest.raises(ValueError, match=message):
        catalogue.load(source, split, (64, 64))
