"""Does a model understand its images? Wrong preprocessing or order is noticed, and a correct use is left alone."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from black_average_drop import networks
from black_average_drop.choice import preprocessing_doubts
from black_average_drop.networks import first_layers
from black_average_drop.statistics import roc
from closeness import assert_close


@pytest.fixture(scope="module")
def bright_or_dark():
    """A model that tells bright from dark images if it is given values from -1 to 1, and the images."""
    keras.utils.set_random_seed(0)
    convolution = layers.Conv2D(2, 3, padding="same", activation="relu")
    dense = layers.Dense(2, "softmax")
    model = keras.Sequential([keras.Input((16, 16, 3)), convolution, layers.GlobalAveragePooling2D(), dense])
    kernel = np.zeros((3, 3, 3, 2), "float32")
    kernel[1, 1, :, 0], kernel[1, 1, :, 1] = 1, -1
    convolution.set_weights([kernel, np.zeros(2, "float32")])
    dense.set_weights([np.array([[4, -4], [-4, 4]], "float32"), np.zeros(2, "float32")])
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = np.where(labels == 0, 180, 80)[:, None, None, None] + generator.normal(0, 5, (40, 16, 16, 3))
    return model, images.astype("uint8"), labels


def with_statistics(mean, variance, scale=1.0, offset=0.0, kind="BatchNorm"):
    """A model of grey or coloured means: values as they come, a layer that keeps statistics, pooling, a dense head."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(scale, offset)(inputs) if (scale, offset) != (1.0, 0.0) else inputs
    pass_on = layers.Conv2D(3, 1, use_bias=False)
    x = pass_on(x)
    pass_on.set_weights([np.eye(3, dtype="float32")[None, None]])
    values = np.full(3, mean, "float32"), np.full(3, variance, "float32")
    layer = layers.BatchNormalization(epsilon=0) if kind == "BatchNorm" else layers.Normalization(-1, *values)
    x = layers.ReLU()(layer(x))
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x)))
    if kind == "BatchNorm":
        layer.set_weights([np.ones(3), np.zeros(3), *values])
    return model


def tried(model, images, labels=None, chosen=""):
    states = None if labels is None else np.eye(2)[labels]
    table = preprocessing_doubts.try_preprocessings(model, images, states, chosen)
    return table, preprocessing_doubts.doubts_about_answers(table, chosen)


def test_the_right_preprocessing_raises_no_doubt(bright_or_dark):
    model, images, labels = bright_or_dark
    table, doubts = tried(model, images, labels, "-1..1")
    assert table.set_index("preprocessing")["auc"]["-1..1"] == 1 and not doubts
    assert not tried(model, images, None, "-1..1")[1]
    one = labels == 0
    assert not tried(model, images[one], labels[one], "-1..1")[1] and not tried(model, images[~one], None, "-1..1")[1]


def test_forgotten_preprocessing_is_noticed_with_and_without_labels(bright_or_dark):
    model, images, labels = bright_or_dark
    for known in (labels, None):
        assert "surer than training makes them" in tried(model, images, known, "")[1]["too sure"]
    doubt = tried(model, images, labels, "0..1")[1]["equal answers"]  # without labels, images may be of one class
    assert doubt.startswith("The answers hardly vary from image to image")
    assert not tried(model, images, None, "0..1")[1]


def test_a_correct_use_is_not_advised_to_change_because_another_way_meets_more_labels():
    """As measured: answers that are less sure under the right preprocessing, with labels met by 88 against 70 %."""
    table = pd.DataFrame({"preprocessing": ["0..1", "-1..1"], "rescales": False, "unlike": np.nan, "log_odds": 3.0})
    table = table.assign(variation=1.0, surest=0.9, spread=0.4, auc=[0.75, 0.92], error=0.06)
    table = table.assign(moved=np.nan, reordered=np.nan, gain_error=np.nan)
    assert preprocessing_doubts.doubts_about_answers(table, "0..1") == {}


def test_divergence_from_the_statistics_by_hand(generator):
    images = generator.integers(0, 256, (8, 16, 16, 3)).astype("uint8")
    values = images.astype("float64").reshape(-1, 3) / 255
    for kind in ("BatchNorm", "Normalization"):
        first = first_layers.first_statistics(with_statistics(0.4, 0.05, kind=kind))
        ratio, shift = values.var(axis=0) / 0.05, (values.mean(axis=0) - 0.4) ** 2 / 0.05
        by_hand = np.median((ratio + shift - 1 - np.log(ratio)) / 2)
        assert_close(
            first_layers.divergence_from_training(first, networks.preprocessing("0..1"), images), by_hand, 1e-4
        )
    equal = first_layers.first_statistics(with_statistics(values.mean(), values.var()))
    assert first_layers.divergence_from_training(equal, networks.preprocessing("0..1"), images) < 1e-3
    assert first_layers.first_statistics(with_statistics(0, 1)) is None  # never trained


@pytest.mark.parametrize(("right", "mean", "variance"), [("0..1", 0.5, 1 / 12), ("-1..1", 0, 1 / 3), ("", 127, 5419)])
def test_the_first_batchnorm_tells_the_right_preprocessing(generator, right, mean, variance):
    images = generator.integers(0, 256, (40, 16, 16, 3)).astype("uint8")
    table, doubts = tried(with_statistics(mean, variance), images, None, right)
    assert "statistics" not in doubts
    way = f"preprocessing={right!r}" if right else "no preprocessing"
    for wrong in {"", "0..1", "-1..1"} - {right}:
        said = preprocessing_doubts.doubts_about_answers(table, wrong).get("statistics", "")
        near = {right, wrong} == {"0..1", "-1..1"} and table.set_index("preprocessing")["unlike"][wrong] < 0.5
        assert near or f"{way} gives such values" in said
    assert "statistics" in preprocessing_doubts.doubts_about_answers(table, "VGG16")


def test_values_that_no_way_gives_are_named_as_such_and_other_images_are_not(generator):
    images = generator.integers(0, 256, (40, 16, 16, 3)).astype("uint8")
    _, doubts = tried(with_statistics(5e4, 1.0), images)
    assert "no way of preprocessing that was tried gives them" in doubts["statistics"]
    _, doubts = tried(with_statistics(0.5, 0.01), images, None, "0..1")  # of less contrast than these
    assert "statistics" not in doubts


def test_a_rescaling_layer_of_its_own_takes_pixels(generator):
    images = generator.integers(0, 256, (40, 16, 16, 3)).astype("uint8")
    model = with_statistics(0, 1 / 3, 1 / 127.5, -1.0)
    assert first_layers.has_own_rescaling(model) and tried(model, images)[1].keys().isdisjoint(
        {"own rescaling", "statistics"}
    )
    for wrong in ("0..1", "-1..1", "VGG16"):
        assert "leave preprocessing empty" in tried(model, images, None, wrong)[1]["own rescaling"]
    assert not first_layers.has_own_rescaling(with_statistics(0, 1, 2.0))  # which takes no pixels


def test_classes_in_the_wrong_order_are_noticed_also_where_most_labels_are_met(generator):
    """70, 15 and 15 % of the images, the two rare classes exchanged."""
    labels = np.repeat([0, 1, 2], (70, 15, 15))
    logits = 4 * np.eye(3)[np.array([0, 2, 1])[labels]] + generator.normal(0, 0.5, (100, 3))
    readings = preprocessing_doubts.answers(logits, "softmax", np.eye(3)[labels])
    assert readings["moved"] < 0.6 and readings["reordered"] > 0.99 and readings["auc"] < 0.8
    said = preprocessing_doubts.doubts_about_answers(
        pd.DataFrame([{"preprocessing": "", "rescales": False, "unlike": np.nan} | readings])
    )
    assert list(said) == ["order"] and "give class_names in the order of the model's outputs" in said["order"]


def test_sigmoids_whose_thresholds_differ_are_in_the_right_order(generator):
    """Fourteen outputs for findings, of which the images have two; the largest output is nobody's decision."""
    labels = np.arange(100) % 2 * 3  # classes 0 and 3
    logits = generator.normal(0, 1, (100, 14)) - 3
    logits[:, 7] += 4  # an output that says yes to most
    logits[np.arange(100), labels] += 2.3
    assert (logits.argmax(axis=1) == labels).mean() < 0.2
    readings = preprocessing_doubts.answers(logits, "sigmoid", np.eye(14)[labels])
    by_hand = np.mean([roc.area_under_roc((labels == k).astype(int), logits[:, k]) for k in (0, 3)])
    assert readings["auc"] == pytest.approx(by_hand) and readings["auc"] > 0.9
    table = pd.DataFrame([{"preprocessing": "", "rescales": False, "unlike": np.nan} | readings])
    assert preprocessing_doubts.doubts_about_answers(table) == {}
    readings = preprocessing_doubts.answers(logits, "sigmoid", np.eye(14)[3 - labels])  # really exchanged
    exchanged = pd.DataFrame([table.iloc[0].to_dict() | readings])
    assert list(preprocessing_doubts.doubts_about_answers(exchanged)) == ["order"]


def test_findings_of_one_image_count_where_they_are_known(generator):
    """Two findings at once, of which one is uncertain or not mentioned in some images; a third is in every image."""
    states = np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0, np.ones(60)], axis=1).astype("float32")
    logits = generator.normal(0, 1, (60, 3)) + 2 * states
    states[:10, 0], states[10:20, 1] = -1, np.nan
    by_hand = [
        roc.area_under_roc(states[rows, k].astype(int), logits[rows, k])
        for k, rows in ((0, slice(10, None)), (1, [*range(10), *range(20, 60)]))
    ]
    assert preprocessing_doubts.answers(logits, "sigmoid", states)["auc"] == pytest.approx(np.mean(by_hand))


def test_rare_findings_do_not_drown_those_with_enough_images(generator):
    """The common finding is told apart; of three images with another one nothing can be said."""
    states = np.stack([np.arange(100) % 2, np.arange(100) < 3], axis=1).astype("float32")
    logits = generator.normal(0, 1, (100, 2))
    logits[:, 0] += 1.5 * states[:, 0]
    readings = preprocessing_doubts.answers(logits, "sigmoid", states)
    common = roc.area_under_roc(states[:, 0].astype(int), logits[:, 0])
    assert readings["auc"] == pytest.approx(common) and readings["error"] == pytest.approx(np.sqrt(101 / 12 / 50 / 50))


def test_answers_that_have_nothing_to_do_with_labels_are_noticed_where_there_are_enough(generator):
    logits = generator.normal(0, 1, (100, 2))
    for labels, expected in ((np.arange(100) % 2, ["chance"]), ((np.arange(100) < 3).astype(int), [])):
        readings = preprocessing_doubts.answers(logits, "softmax", np.eye(2)[labels])
        table = pd.DataFrame([{"preprocessing": "", "rescales": False, "unlike": np.nan} | readings])
        assert list(preprocessing_doubts.doubts_about_answers(table)) == expected


def test_a_model_of_grey_images_is_tried_where_the_preprocessing_is_for_grey(generator):
    images = generator.integers(0, 256, (12, 16, 16, 3)).astype("uint8")
    parts = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((16, 16, 1)), *parts])
    assert list(tried(model, images)[0]["preprocessing"]) == ["", "0..1", "-1..1", "-1024..1024"]
    with pytest.raises(ValueError, match="preprocessing='VGG16' is for colours"):
        preprocessing_doubts.try_preprocessings(model, images, None, "VGG16")


def test_preprocessing_by_name(bright_or_dark):
    _, images, _ = bright_or_dark
    assert networks.preprocessing("") is None
    assert_close(networks.preprocessing("0..1")(images), images / 255, 1e-6)
    assert_close(networks.preprocessing("-1..1")(images), images / 127.5 - 1, 1e-6)
    assert_close(networks.preprocessing("-1024..1024")(images), (images / 127.5 - 1) * 1024, 1e-6)
    colours = networks.preprocessing("imagenet")
    assert_close(colours(images), networks.preprocessing("DenseNet121")(images), 1e-6)  # Keras's own for PyTorch's
    with pytest.raises(IndexError):
        colours(images[..., :1])
    caffe = networks.preprocessing("VGG16")(images)
    assert_close(caffe[..., 0], images[..., 2] - 103.939, 1e-6)
    with pytest.raises(ValueError, match="preprocessing is 'tanh': choose '', '0..1', '-1..1', '-1024..1024', 'ima"):
        networks.preprocessing("tanh")
