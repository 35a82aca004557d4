"""Maps of others: which file is whose, what is read of it, and that no more is read than is asked for."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from black_average_drop import cams
from black_average_drop.datasets import folder, from_files, images
from black_average_drop.datasets.maps import check, formats, layout, map_files
from closeness import assert_close

NAMES = ("Effusion", "Pleural Thickening", "Mass/Nodule")
SMALL = np.arange(6, dtype="float32").reshape(2, 3) - 1


def pairs(*ids, size=(4, 6)):
    """A Dataset of images that nobody reads, an image with several findings several times."""
    dataset = from_files(sorted(set(ids)), sorted(set(ids)), [0] * len(set(ids)), sorted(set(ids)), NAMES, size)
    return dataset.subset([sorted(set(ids)).index(name) for name in ids])


def save(path, values=SMALL):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)


def load(root, ids=("a.png", "b.png"), classes=(0, 0), names=NAMES, size=(4, 6), fit="stretch"):
    dataset = pairs(*ids, size=size)
    if fit != "stretch":  # the files are looked at
        dataset = folder.load(root.parent / "images", size, fit=fit)
    return map_files.load(root, dataset, np.array(classes), names, fit)


def located(root, *arguments, **named):
    """Set -> where the map of each pair is, below root."""
    return {name: [str(path.relative_to(root)) for path in maps.paths] for name, maps in load(root, *arguments).items()}


def test_each_sub_folder_is_a_set_and_holds_findings(tmp_path):
    for name in ("captum IG", "pen"):
        for finding, image in (("Effusion", "a"), ("Effusion", "b"), ("Pleural Thickening", "a")):
            save(tmp_path / name / finding / f"{image}.npy")
    several = (("a.png", "a.png", "b.png"), (0, 1, 0))
    files = ["Effusion/a.npy", "Pleural Thickening/a.npy", "Effusion/b.npy"]
    assert located(tmp_path, *several) == {name: [f"{name}/{file}" for file in files] for name in ("captum IG", "pen")}
    assert located(tmp_path / "pen", *several) == {"pen": files}  # without the level of sets


def test_where_an_image_has_one_finding_its_folder_may_be_missing_and_goes_first_where_it_is_there(tmp_path):
    for name in ("NORMAL/a", "NORMAL/b", "Effusion/NORMAL/b"):
        save(tmp_path / "pen" / f"{name}.npy")
    ids = ("NORMAL/a.png", "NORMAL/b.png")
    files = ["NORMAL/a.npy", "Effusion/NORMAL/b.npy"]
    assert located(tmp_path, ids) == {"pen": [f"pen/{file}" for file in files]}
    assert located(tmp_path / "pen", ids) == {"pen": files}
    assert load(tmp_path, ids)["pen"].unused == 1
    with pytest.raises(ValueError, match=r"pen lacks 2 of 3 maps, such as \S+/Effusion/NORMAL/a.npy \(.png will do\)"):
        load(tmp_path, (*ids, ids[0]), (0, 0, 1))


def test_maps_of_one_set_may_lie_in_the_folder_itself(tmp_path):
    save(tmp_path / "pen/a.npy")
    save(tmp_path / "pen/b.png", np.uint8([[1, 2]]))
    save(tmp_path / "pen/overview.png", np.uint8([[1, 2]]))  # of no image
    assert located(tmp_path / "pen") == {"pen": ["a.npy", "b.png"]}
    save(tmp_path / "pen/captum/a.npy")
    with pytest.raises(ValueError, match=r"next to captum, .* into one folder, such as \S+/pen/maps/a.npy.$"):
        load(tmp_path / "pen")
    (tmp_path / "pen/maps").mkdir()  # as the sentence says
    for name in ("a.npy", "b.png"):
        (tmp_path / "pen" / name).rename(tmp_path / "pen/maps" / name)
    save(tmp_path / "pen/captum/b.npy")
    assert set(located(tmp_path / "pen")) == {"captum", "maps"}


@pytest.mark.parametrize(
    "folder", ["Mass_Nodule", "mass_nodule", "MASS NODULE", "Mass Nodule"], ids=["exact", "small", "capitals", "blank"]
)
def test_what_a_folder_of_a_finding_may_be_called(tmp_path, folder):
    for image in "ab":
        save(tmp_path / "pen" / folder / f"{image}.npy")
    assert located(tmp_path, ("a.png", "b.png"), (2, 2))["pen"][0] == f"pen/{folder}/a.npy"


def test_the_very_name_goes_before_one_like_it(tmp_path):
    for finding in ("mass", "Mass"):
        save(tmp_path / "pen" / finding / "a.npy")
    for number, name in enumerate(("mass", "Mass")):
        assert located(tmp_path, ("a.png",), (number,), ("mass", "Mass"))["pen"] == [f"pen/{name}/a.npy"]
    with pytest.raises(ValueError, match="^Mass and mass could both hold the maps of MASS: rename one of them.$"):
        load(tmp_path, ("a.png",), (0,), ("MASS",))
    (tmp_path / "pen/Mass/a.npy").unlink()
    with pytest.raises(ValueError, match="pen/Mass/a.npy"):  # never the map of another finding
        load(tmp_path, ("a.png",), (1,), ("mass", "Mass"))


def test_accents_may_be_stored_in_either_way_and_two_findings_have_no_folder_in_common(tmp_path):
    save(tmp_path / "pen/e\u0301panchement/a.npy")  # as a Mac may write it
    assert len(load(tmp_path, ("a.png",), (0,), ("\u00c9panchement",))["pen"]) == 1
    with pytest.raises(ValueError, match="^Two outputs of the network would have their maps in one folder, a_b: give"):
        load(tmp_path, ("a.png",), (0,), ("a/b", "a_b"))


def test_a_suffix_that_is_none_belongs_to_the_name():
    assert layout.image_stems(["1.2.840", "b.DCM", "c.tar.png", "d/e.jpeg"]) == ["1.2.840", "b", "c.tar", "d/e"]
    assert layout.image_stems(["a.ima", "b.IMA", "c.dicom"]) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="^a.png and a.jpg would have the same map"):
        layout.image_stems(["a.png", "b.png", "a.jpg"])


def test_what_is_no_map_is_passed_over_and_counted(tmp_path):
    for name in ("Effusion/a.npy", "Effusion/b.npy", "Effusion/c.npy", "Mass/a.npy", "Effusion/.a.npy", ".old/a.npy"):
        save(tmp_path / "pen" / name)
    (tmp_path / "pen/notes.txt").write_text("")
    (tmp_path / ".git").mkdir()
    maps = load(tmp_path)["pen"]
    assert (maps.passed_over, maps.unused) == (3, 2)


def test_one_map_is_that_of_one_image(tmp_path):
    """Ids of a CSV may lie at several depths."""
    save(tmp_path / "pen/Effusion/a.npy")
    with pytest.raises(ValueError, match=r"a.npy could be the map of Effusion in a or of Effusion in Effusion/a: put"):
        load(tmp_path, ("a.png", "Effusion/a.png"))


def test_links_that_lead_out_are_refused_and_others_are_followed(tmp_path):
    save(tmp_path / "elsewhere/a.npy")
    save(tmp_path / "maps/pen/b.npy")
    (tmp_path / "maps/pen/a.npy").symlink_to(tmp_path / "maps/pen/b.npy")
    assert len(load(tmp_path / "maps")["pen"]) == 2
    (tmp_path / "maps/pen/a.npy").unlink()
    (tmp_path / "maps/pen/a.npy").symlink_to(tmp_path / "elsewhere/a.npy")
    with pytest.raises(ValueError, match="a.npy is a link that leads out of"):
        load(tmp_path / "maps")
    (tmp_path / "maps/other").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="other is a link that leads out of"):
        load(tmp_path / "maps")


@pytest.mark.parametrize("kind", ["float16", "float32", ">f8", "int8", "uint16", "int64", "bool"])
def test_values_are_clipped_and_their_peak_is_scaled_by_a_power_of_two(tmp_path, kind):
    values = (SMALL + (np.dtype(kind).kind == "u")).astype(kind)
    expected = np.maximum(values.astype("float64"), 0)
    np.save(tmp_path / "a.npy", values)
    read = formats.values_of_map(tmp_path / "a.npy")
    factor = read.max() / expected.max()
    assert read.dtype == np.float32 and 0.5 <= read.max() < 1 and np.log2(factor) % 1 == 0
    np.testing.assert_array_equal(read, (expected * factor).astype("float32"))


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1, 1e300])
def test_maps_of_any_scale_are_the_same_map(tmp_path, scale):
    np.save(tmp_path / "a.npy", SMALL.astype("float64") * scale)
    read = formats.values_of_map(tmp_path / "a.npy")
    assert_close(read / read.max(), np.maximum(SMALL, 0) / 4, share=1e-6)


def test_a_map_may_be_blank(tmp_path):
    for values in (-SMALL - 2, np.zeros((2, 3))):
        np.save(tmp_path / "a.npy", values)
        np.testing.assert_array_equal(formats.values_of_map(tmp_path / "a.npy"), np.zeros((2, 3)))


@pytest.mark.parametrize("shape", [(1, 2, 3), (2, 3, 1), (1, 2, 1, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_axes_of_length_1_do_not_count_nor_does_the_order_in_the_file(tmp_path, shape, order):
    np.save(tmp_path / "a.npy", np.asarray(SMALL.reshape(shape), order=order))
    assert formats.size_of_map(tmp_path / "a.npy") == (2, 3)
    np.testing.assert_array_equal(formats.values_of_map(tmp_path / "a.npy") * 8, np.maximum(SMALL, 0))


def test_a_single_row_is_a_map(tmp_path):
    np.save(tmp_path / "a.npy", SMALL[:1] + 1)
    assert formats.values_of_map(tmp_path / "a.npy").shape == (1, 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.uint8([[0, 51, 255]]), [0, 0.2, 1]),
        (np.uint16([[0, 13107, 65535]]), [0, 0.2, 1]),
        (np.array([[False, True, True]]), [0, 1, 1]),
        (np.uint8([[[0] * 3, [51] * 3, [255] * 3]]), [0, 0.2, 1]),
        (np.uint8([[[0, 255], [51, 255], [255, 255]]]), [0, 0.2, 1]),
    ],
    ids=["8 bits", "16 bits", "1 bit", "colours alike", "opaque"],
)
def test_grey_pictures(tmp_path, values, expected):
    Image.fromarray(values).save(tmp_path / "a.png")
    assert formats.size_of_map(tmp_path / "a.png") == (1, 3)
    read = formats.values_of_map(tmp_path / "a.png")[0]
    np.testing.assert_allclose(read / read.max(), expected, rtol=1e-6)


@pytest.mark.parametrize("fit", images.FITS)
def test_a_map_of_the_whole_file_is_fitted_as_its_image_is(tmp_path, generator, fit):
    """The same picture once as an image and once as a map: they differ by the rounding of the image."""
    (tmp_path / "images").mkdir()
    for shape in ((50, 37), (13, 16)):  # larger than what the network sees, and smaller
        picture = generator.integers(0, 256, shape).astype("uint8")
        save(tmp_path / "images/a.png", picture)
        save(tmp_path / "maps/deep/a.npy", picture / 1e6)
        save(tmp_path / "maps/pen/a.png", picture)
        expected = images.read_image(tmp_path / "images/a.png", (16, 20), fit)[..., 0]
        for maps in load(tmp_path / "maps", ("a.png",), (0,), size=(16, 20), fit=fit).values():
            if fit == "stretch" and shape == (13, 16):
                assert maps.size == shape  # evaluation upsamples it
                continue
            assert maps.size == (16, 20)
            read = maps[:][0]
            factor = picture.max() / formats.values_of_map(maps.paths[0]).max()
            assert np.abs(read * factor - expected).max() <= 1  # the image is rounded twice, once for each axis


@pytest.mark.parametrize("shape", [(2, 3), (16, 20)], ids=["of a layer", "of the network"])
def test_a_map_of_what_the_network_sees_is_not_fitted(tmp_path, generator, shape):
    (tmp_path / "images").mkdir()
    save(tmp_path / "images/a.png", np.zeros((16, 20), "uint8") if shape == (16, 20) else np.zeros((50, 37), "uint8"))
    values = generator.random(shape)
    save(tmp_path / "maps/pen/a.npy", values)
    for fit in images.FITS:
        maps = load(tmp_path / "maps", ("a.png",), (0,), size=(16, 20), fit=fit)["pen"]
        assert maps.size == shape
        np.testing.assert_allclose(maps[0] / maps[0].max(), values / values.max(), rtol=1e-6)


def test_a_map_longer_than_the_image_in_one_side_is_of_the_whole_file_too(tmp_path):
    save(tmp_path / "pen/a.npy", np.repeat(np.float32([[0, 0, 1, 1, 1, 1, 0, 0]]), 2, axis=0))
    maps = load(tmp_path, ("a.png",), (0,), size=(4, 4))["pen"]
    np.testing.assert_allclose(maps[0] / maps[0].max(), np.tile([0, 1, 1, 0], (4, 1)), atol=0.2)
    assert maps.size == (4, 4)


def test_small_maps_of_one_size_stay_as_they_are(tmp_path):
    for name in "ab":
        save(tmp_path / f"pen/{name}.npy")
    maps = load(tmp_path)["pen"]
    assert maps.size == (2, 3) and maps[:].shape == (2, 2, 3)
    np.testing.assert_array_equal(maps[0] * 8, np.maximum(SMALL, 0))


def test_maps_of_several_sizes_are_all_brought_to_that_of_the_image(tmp_path):
    save(tmp_path / "pen/a.npy")
    save(tmp_path / "pen/b.npy", np.ones((4, 6)))
    maps = load(tmp_path)["pen"]
    assert maps.size == (4, 6)
    np.testing.assert_allclose(maps[[0]] * 8, cams.upsample(np.maximum(SMALL, 0)[None], (4, 6)), rtol=1e-6)
    np.testing.assert_array_equal(maps[1], np.full((4, 6), 0.5))


def test_rows_are_a_slice_or_indices_and_only_these_are_read(tmp_path, monkeypatch):
    ids = [f"{number:02}.png" for number in range(12)]
    for number, name in enumerate(ids):
        save(tmp_path / "pen" / name.replace("png", "npy"), np.float32([[1, number]]))
    maps, opened, read = load(tmp_path, ids, [0] * 12)["pen"], [], formats.values_of_map
    monkeypatch.setattr(formats, "values_of_map", lambda path: opened.append(path.stem) or read(path))
    assert len(maps) == 12
    for rows in (slice(2, 5), np.array([7, 1]), [3], slice(10, 99)):
        opened.clear()
        values = maps[rows]
        expected = np.arange(12)[rows]
        assert opened == [f"{number:02}" for number in expected]
        np.testing.assert_allclose(values[:, 0, 1] / values[:, 0, 0], expected)
    assert maps[slice(0, 0)].shape == (0, 1, 2)


def test_a_worker_thread_reads_them_too(tmp_path):
    save(tmp_path / "pen/a.npy")
    maps, read = load(tmp_path, ("a.png",), (0,))["pen"], []
    thread = threading.Thread(target=lambda: read.append(maps[:]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(read[0], maps[:])


def test_a_file_that_changes_its_size_meanwhile_is_named(tmp_path):
    save(tmp_path / "pen/a.npy")
    maps = load(tmp_path, ("a.png",), (0,))["pen"]
    save(tmp_path / "pen/a.npy", np.ones((1, 1)))
    with pytest.raises(ValueError, match="a.npy has changed its size since the run began: run it again."):
        maps[:]


def test_the_checksum_is_that_of_all_values_and_of_the_names(tmp_path):
    for name in ("pen/a.npy", "pen/b.npy"):
        save(tmp_path / "maps" / name)
    first = map_files.maps_checksum(load(tmp_path / "maps"))
    for name in "ab":
        save(tmp_path / f"turned/pen/{name}.npy", SMALL.reshape(3, 2))
    assert map_files.maps_checksum(load(tmp_path / "turned")) != first
    save(tmp_path / "maps/pen/c.npy", SMALL * 2)
    assert map_files.maps_checksum(load(tmp_path / "maps")) == first  # of no image
    save(tmp_path / "maps/pen/b.npy", SMALL + 1)
    second = map_files.maps_checksum(load(tmp_path / "maps"))
    os.rename(tmp_path / "maps/pen", tmp_path / "maps/ink")
    third = map_files.maps_checksum(load(tmp_path / "maps"))
    assert len({first, second, third}) == 3
    save(tmp_path / "maps/ink/b.npy", SMALL * np.nan)
    with pytest.raises(ValueError, match="b.npy holds NaN or infinite values"):
        map_files.maps_checksum(load(tmp_path / "maps"))


def test_the_first_check_finds_maps_at_every_depth_and_reads_some_headers(tmp_path, monkeypatch):
    for name in ("a", "pen/a", "Effusion/a", "pen/Effusion/a"):
        save(tmp_path / name.replace("/", "-") / f"{name}.npy")
        check.check_maps(tmp_path / name.replace("/", "-"), ["a.png", "b.png"])
    save(tmp_path / "pen/x/too/deep/by/a.npy")
    with pytest.raises(ValueError, match="holds no map of any image: name maps like the images, .*/x/maps/a.npy for"):
        check.check_maps(tmp_path / "pen/x", ["a.png", "b.png"])
    for number in range(5):
        save(tmp_path / f"many/pen/{number}.npy")
    monkeypatch.setattr(check, "MOST_HEADERS", 3)
    read, opened = formats.size_of_map, []
    monkeypatch.setattr(formats, "size_of_map", lambda path: opened.append(path) or read(path))
    check.check_maps(tmp_path / "many", [f"{number}.png" for number in range(5)])
    assert len(opened) == 3
