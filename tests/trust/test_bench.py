"""Benches: which images count, and what goes from one notebook to the next."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from black_average_drop import cams, controls, evaluation, masks, networks
from black_average_drop.datasets import catalogue, leaks
from black_average_drop.datasets.checksums import dataset_checksums
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
    (drawn,) = benches.draw_maps([markers], [first_pass], 5)
    assert (
        drawn.methods == [name for name in methods if name not in first_pass.same_as] and "Grad-CAM" not in drawn.maps
    )
    assert list(drawn.maps) == [*drawn.methods, *controls.CONTROLS]
    assert drawn.alpha == masks.select_alpha(first_pass.curve)
    assert benches.write_maps(drawn, tmp_path, 5) == benches.maps_file(markers, tmp_path)
    again = benches.read_maps(markers, tmp_path)
    assert again.alpha == drawn.alpha and again.first_pass.same_as == first_pass.same_as
    assert list(again.first_pass.maps) == list(methods)
    for name, maps in drawn.maps.items():
        assert again.maps[name].dtype == maps.dtype
        np.testing.assert_array_equal(again.maps[name], maps)
    pd.testing.assert_frame_equal(again.first_pass.scores, first_pass.scores)
    for name in benches.ARRAYS:
        np.testing.assert_array_equal(getattr(again.first_pass, name), getattr(first_pass, name))


def test_what_is_known_of_each_image(markers):
    labels = markers.images.labels
    first_pass = evaluation.explain_all(markers.network, markers.images.batches(4), batch_size=4, classes=labels)
    known = markers.with_maps(first_pass, 0.3, 0).known()
    logits, scores = markers.network.score(markers.images.images())[:2]
    np.testing.assert_array_equal(known["right"], logits.argmax(axis=1) == 1)
    np.testing.assert_allclose(known["score"], scores[:, 1], rtol=1e-5)
    black = markers.network.score(np.zeros((1, 64, 64, 3), "float32"))[1][0, 1]
    np.testing.assert_allclose(known["black_score"], black, rtol=1e-5)
    np.testing.assert_allclose(known["region"], markers.images.regions().mean(axis=(1, 2)))
    assert (known["near"] > known["region"]).all() and known["fully_boxed"].all()
    assert list(known["id"]) == list(markers.images.ids) and list(known["group"]) == list(markers.images.groups)
    named = markers.named(known)
    assert list(named.columns[:4]) == ["data", "fold", "training", "id"] and set(named["data"]) == {"Marker phantoms"}


def test_few_images_are_the_same_for_a_seed(markers):
    few = markers.few(3, 7)
    assert list(few) == sorted(set(few)) and len(few) == 3 and list(few) == list(markers.few(3, 7))
    assert list(markers.few(100, 0)) == list(range(len(markers.images)))


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


def save_boxed(folder, source, names, **facts):
    """A random network for 64 x 64 radiographs with boxes, as 07 saves one, and its bench."""
    model = networks.build("small_cnn", (64, 64), names, "relu")
    kernel, bias = model.layers[-1].get_weights()
    kernel = np.random.default_rng(facts["training_seed"]).normal(size=kernel.shape).astype("float32")
    model.layers[-1].set_weights([kernel, bias])
    file = f"trust_{facts['fold']}{facts['training_seed'] - 2}.keras"
    networks.save(model, folder / file, networks.Facts(source=source, seed=2, test_images=0, **facts))
    return benches.load_bench(folder / file, folder)


def test_a_bench_of_boxes_has_its_fold_and_what_the_hospital_says_of_it(hospital):
    splits = benches.fold_splits("chestxray14", hospital, (64, 64), 2)
    assert list(splits) == ["A", "B"] and all(list(of_fold) == list(catalogue.SPLITS) for of_fold in splits.values())
    names = ("No Finding", "any finding")
    for fold in benches.FOLDS:
        bench = save_boxed(hospital, "chestxray14", names, fold=fold, training_seed=3)
        test = splits[fold]["test"]
        assert list(bench.images.ids) == list(test.ids[test.labels == 1]) and len(bench.images) >= 5
        assert list(bench.normal.ids) == list(test.ids[test.labels == 0])
        assert (bench.images.regions().sum(axis=(1, 2)) == 8 * 32).all()
        assert (bench.slug, bench.title, bench.uses, bench.fold, bench.training) == ("boxes", "NIH boxes", "", fold, 1)
        assert bench.draw is None
    methods, labels = cams.chosen(cams.PAPER_METHODS), bench.images.labels
    drawn = bench.with_maps(evaluation.explain_all(bench.network, bench.images.batches(8), methods, 8, labels), 0.2, 0)
    boxed = drawn.known()["fully_boxed"]
    np.testing.assert_array_equal(boxed, [int(name[:8]) % 2 == 1 for name in bench.images.ids])


@pytest.mark.parametrize("seed", range(5))
def test_every_boxed_image_is_judged_once_by_a_network_that_saw_nothing_of_its_patient(hospital, seed):
    """Two images of each patient, so that folds of images would part some patients."""
    entries = hospital / "nih-chest-xrays" / "Data_Entry_2017_v2020.csv"
    lines = entries.read_text().splitlines()
    entries.write_text("\n".join([line.replace(f",{n},", f",{n - n % 2},") for n, line in enumerate(lines, -1)]))
    splits = benches.fold_splits("chestxray14", hospital, (32, 32), seed)
    for of_fold in splits.values():
        checksums = {split: dataset_checksums(part)[1] for split, part in of_fold.items()}
        assert not leaks.compare_splits(of_fold, checksums)["patients in both"].any()
        learned = {*of_fold["train"].groups, *of_fold["validation"].groups}
        assert not learned & set(of_fold["test"].groups) and len(of_fold["validation"])
        assert set(of_fold["train"].labels) == {0, 1} == set(of_fold["test"].labels)
    judged = np.concatenate([of_fold["test"].ids for of_fold in splits.values()])
    assert len(judged) == len(set(judged)) == 40
    for fold, other in zip(benches.FOLDS, benches.FOLDS[::-1], strict=True):
        both = [*splits[fold]["train"].ids, *splits[fold]["validation"].ids]
        assert sorted(both) == sorted(splits[other]["test"].ids)


def test_benches_of_one_title_share_alpha_and_what_counts_as_the_same_map(hospital):
    """Alpha of one curve that is the sum; a method that is its own map on one fold is its own on both."""
    names, methods = ("No Finding", "any finding"), cams.chosen([*cams.PAPER_METHODS, "Layer-CAM", "HiRes-CAM"])
    both = [save_boxed(hospital, "chestxray14", names, fold=fold, training_seed=2) for fold in benches.FOLDS]
    passes = [evaluation.explain_all(one.network, one.images.batches(8), methods, 8, one.images.labels) for one in both]
    passes[1] = passes[1]._replace(same_as={"Grad-CAM": "CAM"})
    curve = passes[0].curve + passes[1].curve
    each = [masks.select_alpha(one.curve) for one in passes]
    drawn = benches.draw_maps(both, passes, 0)
    assert drawn[0].alpha == drawn[1].alpha == masks.select_alpha(curve) and each[0] != each[1]
    assert drawn[0].first_pass.same_as == drawn[1].first_pass.same_as == {"Grad-CAM": "CAM"}
    assert list(drawn[0].maps) == list(drawn[1].maps) and "HiRes-CAM" in drawn[0].maps
    alone = benches.draw_maps([both[0], replace(both[1], title="others")], passes, 0)
    assert [one.alpha for one in alone] == each and "HiRes-CAM" in alone[0].first_pass.same_as


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
    bench = save_boxed(challenge, "rsna", ("Normal", "Pneumonia"), fold="A", training_seed=2)
    test = catalogue.load("rsna", "test", (64, 64), challenge, seed=2)
    assert list(bench.images.ids) == list(test.ids[test.labels == 1]) and len(bench.images) >= 5
    assert list(bench.normal.ids) == list(test.ids[test.labels == 0])
    assert (bench.slug, bench.title, bench.uses) == ("rsna", "RSNA boxes", "")
    expected = np.zeros((64, 64), bool)
    expected[16:24, 32:40] = True
    assert (bench.images.regions() == expected).all()
    assert list(bench.views.loc[test.ids, "view"]) == ["AP" if int(name, 16) % 3 else "PA" for name in test.ids]
    methods, labels = cams.chosen(cams.PAPER_METHODS), bench.images.labels
    drawn = bench.with_maps(evaluation.explain_all(bench.network, bench.images.batches(8), methods, 8, labels), 0.2, 0)
    known, points = drawn.known(), localization.score_maps(drawn.maps, drawn.images)
    assert known["fully_boxed"].all() and (known["region"] == 1 / 64).all()
    assert set(points["map"]) == set(drawn.maps) and set(points["score"]) == set(localization.SCORES)
