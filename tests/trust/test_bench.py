"""Benches: which images count, and what goes from one notebook to the next."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from black_average_drop import cams, controls, evaluation, masks, networks
from black_average_drop.datasets import catalogue
from black_average_drop.trust import bench as benches
from black_average_drop.trust import localization
from dicom_files import write_dicom


def save(folder, source, file, **facts):
    """A random network for 64 x 64 images of a source, as 01_train saves one."""
    names = (
        catalogue.load(source, "test", (64, 64), None, 2).class_names if source in catalogue.PHANTOMS else ("a", "b")
    )
    model = networks.build("small_cnn", (64, 64), names, "relu")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.random.default_rng(1).normal(size=kernel.shape).astype("float32"), bias])
    networks.save(model, folder / file, networks.Facts(source=source, seed=3, test_images=12, **facts))
    return benches.load_bench(folder / file, "nowhere")


@pytest.fixture
def markers(tmp_path):
    return save(tmp_path, "marked phantom radiographs", "trust_markers.keras")


def test_a_bench_has_the_images_whose_truth_is_known(tmp_path, markers):
    test = catalogue.load("marked phantom radiographs", "test", (64, 64), None, 12, 3)
    assert list(markers.images.ids) == list(test.ids[test.labels == 1])
    assert list(markers.normal.ids) == list(test.ids[test.labels == 0])
    assert (markers.slug, markers.title, markers.uses, markers.ignores) == (
        "markers",
        "Marker phantoms",
        "marker",
        "lesion",
    )
    assert markers.network.activation == "relu" and markers.views is None
    objects = save(tmp_path, "phantom objects", "general.keras")
    assert len(objects.images) == 12 and objects.normal is None and objects.uses == ""  # every class has an object


def test_where_nobody_knows_the_lesions_there_is_no_bench(tmp_path):
    assert save(tmp_path, "chest_xray", "radiographs_relu_0.keras") is None
    with pytest.raises(ValueError, match="No classifier has images with a known truth: name a source of KINDS"):
        benches.load_benches([tmp_path / "radiographs_relu_0.keras"], "nowhere")


def test_classifiers_without_a_known_truth_are_left_out(tmp_path):
    save(tmp_path, "phantom objects", "general.keras")
    save(tmp_path, "chest_xray", "radiographs_relu_0.keras")
    files = [tmp_path / "general.keras", tmp_path / "radiographs_relu_0.keras"]
    assert [bench.file for bench in benches.load_benches(files, "nowhere")] == ["general.keras"]


def test_phantoms_are_drawn_again_without_what_is_taken_away(markers):
    some = markers.counting(markers.images.ids[[4, 1]])
    assert list(some.images.ids) == list(markers.images.ids[[1, 4]])
    without = some.drawn_again(**benches.WITHOUT["marker"])
    assert list(without.ids) == list(some.images.ids)
    changed = (without.images() != some.images.images()).any(axis=-1)
    np.testing.assert_array_equal(changed & ~some.images.regions(), False)  # the marker alone is gone
    assert changed.any(axis=(1, 2)).all()


def test_what_counts_is_read_again_in_its_order(tmp_path, markers):
    objects = save(tmp_path, "phantom objects", "general.keras")
    chosen = [objects.counting(objects.images.ids[2:5]), markers.counting(markers.images.ids[:2])]
    path = benches.write_counted(chosen, tmp_path, "demo")
    again = benches.read_counted(tmp_path, "nowhere")
    assert path.name == benches.COUNTED and [one.slug for one in again] == ["objects", "markers"]
    for one, other in zip(chosen, again, strict=True):
        assert list(one.images.ids) == list(other.images.ids)
        np.testing.assert_array_equal(one.images.images(), other.images.images())


def test_maps_are_read_again_to_the_last_bit(tmp_path, markers):
    methods = cams.chosen([*cams.PAPER_METHODS, "Eigen-CAM"]) | {"as large as images": lambda e: e.images[..., 0]}
    first_pass = evaluation.explain_all(markers.network, markers.images.batches(4), methods, 4, markers.images.labels)
    drawn = markers.with_maps(first_pass, 5)
    assert (
        drawn.methods == [name for name in methods if name not in first_pass.same_as] and "Grad-CAM" not in drawn.maps
    )
    assert list(drawn.maps) == [*drawn.methods, *controls.CONTROLS]
    assert drawn.alpha == masks.select_alpha(first_pass.curve)
    again = benches.read_maps(markers, benches.write_maps(drawn, tmp_path / "maps.npz", 5))
    assert again.alpha == drawn.alpha and again.first_pass.same_as == first_pass.same_as
    assert list(again.first_pass.maps) == list(methods)
    for name, maps in drawn.maps.items():
        assert again.maps[name].dtype == maps.dtype
        np.testing.assert_array_equal(again.maps[name], maps)
    pd.testing.assert_frame_equal(again.first_pass.scores, first_pass.scores)
    for name in benches.ARRAYS:
        np.testing.assert_array_equal(getattr(again.first_pass, name), getattr(first_pass, name))


def test_subsets_are_all_images_and_those_called_right(markers):
    first_pass = evaluation.explain_all(
        markers.network, markers.images.batches(4), batch_size=4, classes=markers.images.labels
    )
    subsets = markers.with_maps(first_pass, 0).subsets()
    assert list(subsets) == ["all positives", "true positives"] and subsets["all positives"].all()
    predicted = markers.network.score(markers.images.images())[0].argmax(axis=1)
    np.testing.assert_array_equal(subsets["true positives"], predicted == 1)


def test_few_images_are_the_same_for_a_seed(markers):
    few = markers.few(3, 7)
    assert list(few) == sorted(set(few)) and len(few) == 3 and list(few) == list(markers.few(3, 7))
    assert list(markers.few(100, 0)) == list(range(len(markers.images)))


def test_tables_are_read_again_to_the_last_bit(tmp_path):
    table = pd.DataFrame(
        {"id": ["a", "-1"], "hit": np.array([0.1, 1 / 3], "float32"), "used": [True, False], "n": [1, 2]}
    )
    again = benches.read_exact_table(benches.write_exact_table(table, tmp_path / "table.npz"))
    assert (
        list(again.columns) == list(table.columns) and again["hit"].dtype == "float32" and again["used"].dtype == bool
    )
    assert again["id"].tolist() == ["a", "-1"] and (again[["hit", "n"]] == table[["hit", "n"]]).all(axis=None)


@pytest.fixture
def hospital(tmp_path):
    """NIH ChestX-ray14 with 40 patients of one image each: the first 20 have a box, every other one of all findings."""
    place = tmp_path / "nih-chest-xrays"
    (place / "images").mkdir(parents=True)
    entries = ["Image Index,Finding Labels,Patient ID,View Position"]
    boxes = ["Image Index,Finding Label,Bbox [x,y,w,h]"]
    for patient in range(40):
        name = f"{patient:08d}_000.png"
        pixels = np.random.default_rng(patient).integers(0, 256, (64, 64, 3)).astype("uint8")
        Image.fromarray(pixels).save(place / "images" / name)
        labels = ("Mass" if patient % 2 else "Mass|Edema") if patient < 20 else "No Finding"
        entries.append(f"{name},{labels},{patient},{'AP' if patient % 3 else 'PA'}")
        boxes += [f"{name},Mass,256,256,128,512"] if patient < 20 else []
    (place / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries) + "\n")
    (place / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    return tmp_path


def test_a_bench_of_boxes_has_the_test_images_and_what_the_hospital_says_of_them(hospital):
    model = networks.build("small_cnn", (64, 64), ("No Finding", "any finding"), "relu")
    networks.save(model, hospital / "trust_boxes.keras", networks.Facts(source="chestxray14", seed=2, test_images=0))
    bench = benches.load_bench(hospital / "trust_boxes.keras", hospital)
    splits = benches.boxed_splits("chestxray14", hospital, (64, 64), 2)
    assert list(splits) == ["train", "validation", "test"] and sum(map(len, splits.values())) == 40
    test = splits["test"]
    assert list(bench.images.ids) == list(test.ids[test.labels == 1]) and len(bench.images) >= 5
    assert list(bench.normal.ids) == list(test.ids[test.labels == 0])
    assert (bench.images.regions().sum(axis=(1, 2)) == 8 * 32).all()
    assert (bench.slug, bench.title, bench.uses) == ("boxes", "NIH boxes", "") and bench.draw is None
    predicted = pd.DataFrame({"predicted": bench.images.labels})
    first_pass = evaluation.Maps(
        maps={}, same_as={}, classes=None, scores=predicted, curve=None, digests=None, feature_sums=None
    )
    boxed = replace(bench, first_pass=first_pass).subsets()["without unboxed findings"]
    np.testing.assert_array_equal(boxed, [int(name[:8]) % 2 == 1 for name in bench.images.ids])


@pytest.fixture
def challenge(tmp_path):
    """RSNA's challenge with 40 examinations: the first 20 have a box of an eighth of both sides."""
    place = tmp_path / "rsna-pneumonia-detection-challenge"
    (place / "stage_2_train_images").mkdir(parents=True)
    labels, classes = ["patientId,x,y,width,height,Target"], ["patientId,class"]
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 4096, (64, 64))
        view = "AP" if number % 3 else "PA"
        write_dicom(place / "stage_2_train_images" / f"{number:04x}.dcm", pixels, ViewPosition=view)
        labels.append(f"{number:04x},512,256,128,128,1" if number < 20 else f"{number:04x},,,,,0")
        classes.append(f"{number:04x},{'Lung Opacity' if number < 20 else 'Normal'}")
    (place / "stage_2_train_labels.csv").write_text("\n".join(labels) + "\n")
    (place / "stage_2_detailed_class_info.csv").write_text("\n".join(classes) + "\n")
    return tmp_path


def test_a_bench_of_rsna_is_that_of_its_split_and_its_views_say_nothing_of_boxes(challenge):
    model = networks.build("small_cnn", (64, 64), ("Normal", "Pneumonia"), "relu")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.random.default_rng(1).normal(size=kernel.shape).astype("float32"), bias])
    networks.save(model, challenge / "trust_rsna.keras", networks.Facts(source="rsna", seed=2, test_images=0))
    bench = benches.load_bench(challenge / "trust_rsna.keras", challenge)
    test = catalogue.load("rsna", "test", (64, 64), challenge, seed=2)
    assert list(bench.images.ids) == list(test.ids[test.labels == 1]) and len(bench.images) >= 5
    assert list(bench.normal.ids) == list(test.ids[test.labels == 0])
    assert (bench.slug, bench.title, bench.uses) == ("rsna", "RSNA boxes", "")
    expected = np.zeros((64, 64), bool)
    expected[16:24, 32:40] = True
    assert (bench.images.regions() == expected).all()
    assert list(bench.views.loc[test.ids, "view"]) == ["AP" if int(name, 16) % 3 else "PA" for name in test.ids]
    methods, labels = cams.chosen(cams.PAPER_METHODS), bench.images.labels
    drawn = bench.with_maps(evaluation.explain_all(bench.network, bench.images.batches(8), methods, 8, labels), 0)
    assert list(drawn.subsets()) == ["all positives", "true positives"]
    points = localization.score_maps(drawn.maps, drawn.images)
    assert set(points["map"]) == set(drawn.maps) and (points["chance_hit"] == 1 / 64).all()
