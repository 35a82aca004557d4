"""A trained classifier, loaded with the test images that its file names."""

import numpy as np
import pytest

from black_average_drop import networks, training
from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import imagenet
from pictures import write_quarter


@pytest.mark.parametrize("activation", [None, "relu"])
def test_a_trained_classifier_comes_with_the_test_images_that_it_names(tmp_path, activation):
    model = networks.build("small_cnn", (64, 64), ("normal", "pneumonia"), "softmax")
    facts = networks.Facts(source="phantom radiographs", test_images=6, seed=3, class_names=("normal", "pneumonia"))
    networks.save(model, tmp_path / "a.keras", facts)
    classifier = training.load_classifier(tmp_path / "a.keras", tmp_path, activation)
    expected = catalogue.load("phantom radiographs", "test", (64, 64), count=6, seed=3)
    np.testing.assert_array_equal(classifier.dataset.images(), expected.images())
    np.testing.assert_array_equal(classifier.dataset.ids, expected.ids)
    assert classifier.facts == facts and classifier.network.activation == (activation or "softmax")
    logits = classifier.network.score(expected.images())[0]
    np.testing.assert_allclose(logits, networks.CamNetwork.from_model(model).score(expected.images())[0], rtol=1e-5)


@pytest.mark.parametrize("classes, background", [(1000, False), (1001, True), (2, False)])
def test_the_class_of_the_background_is_known_by_their_number(tmp_path, monkeypatch, classes, background):
    asked, model = [], networks.build("small_cnn", (32, 32), [str(one) for one in range(classes)], "softmax")
    networks.save(model, tmp_path / "a.keras", networks.Facts(source="imagenet", test_images=9, seed=1))
    monkeypatch.setattr(catalogue, "load", lambda *given, **named: asked.append((given, named)) or "images")
    assert training.load_classifier(tmp_path / "a.keras", "data").dataset == "images"
    named = {"split": "test", "size": (32, 32), "root": "data", "count": 9, "seed": 1, "background": background}
    assert asked == [(("imagenet",), named)]


def test_a_photo_is_found_by_name_whether_it_is_tested_or_not(tmp_path, monkeypatch):
    root = tmp_path / "ILSVRC2012"
    for name in ("ILSVRC2012_val_00000016", "b"):
        write_quarter(root / "val" / f"{name}.JPEG", size=(40, 40))
    rows = [f"{name},n{i:08d} 0 0 9 9 " for i, name in enumerate(["ILSVRC2012_val_00000016", "b", *range(998)])]
    (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "\n".join(rows) + "\n")
    monkeypatch.setattr(imagenet, "PHOTOS", ("ILSVRC2012_val_00000016",))
    model = networks.build("small_cnn", (32, 32), [str(one) for one in range(1000)], "softmax")
    networks.save(model, tmp_path / "a.keras", networks.Facts(source="imagenet", test_images=0, seed=1))
    classifier = training.load_classifier(tmp_path / "a.keras", tmp_path)
    assert list(classifier.dataset.ids) == ["ILSVRC2012_val_00000016"]
    assert list(classifier.image("b").ids) == ["b"] and list(classifier.image("b").labels) == [1]
    with pytest.raises(ValueError, match="There is no image 'c' in this data set"):
        classifier.image("c")
