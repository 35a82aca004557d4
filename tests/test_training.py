import os
import random
import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from black_average_drop import augmentation, networks, training
from black_average_drop.datasets import Dataset, catalogue, phantoms, split_by_group
from black_average_drop.provenance import ROOT


def bright_and_dark(count, seed=0):
    """Two classes that differ in brightness, which a few steps suffice to learn."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = (generator.integers(0, 100, (count, 64, 64, 3)) + 120 * labels[:, None, None, None]).astype("uint8")
    ids = np.arange(count).astype(str)
    return Dataset(ids, labels, ids, ("dark", "bright"), (64, 64), np.arange(count), lambda position: pixels[position])


def test_split_takes_whole_patients():
    groups = np.repeat([f"patient {i}" for i in range(50)], 4)
    chosen = split_by_group(groups, 0.2, seed=1)
    assert 30 <= chosen.sum() <= 40 and not set(groups[chosen]) & set(groups[~chosen])
    assert (chosen == split_by_group(groups, 0.2, seed=1)).all()
    assert (chosen != split_by_group(groups, 0.2, seed=2)).any()


def trained(seed, epochs=3):
    networks.make_deterministic(seed)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    history = training.fit(model, bright_and_dark(64), bright_and_dark(32, seed=1), epochs, 16, 1e-3, seed)
    return model, history


def test_fit_learns_and_keeps_the_best_epoch():
    model, history = trained(0)
    assert list(history["epoch"]) == [1, 2, 3] and history["chosen"].sum() == 1
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    validation = bright_and_dark(32, seed=1)
    reached = training.quality(validation.labels, training.predict(model, validation, 16))
    assert reached == history["validation_quality"].max() == history["validation_quality"][history["chosen"]].iloc[0]
    assert reached > 0.95


def test_the_chosen_epoch_is_the_best_on_validation_images(monkeypatch):
    """Scripted qualities: epoch 2 is best, though training goes on to change the weights afterwards."""
    after_epoch, seen = [], []
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    validation = bright_and_dark(8, seed=1)

    def scripted(labels, scores):
        after_epoch.append(model.get_weights())
        seen.append(labels)
        return (0.6, 0.9, 0.7)[len(seen) - 1]

    monkeypatch.setattr(training, "quality", scripted)
    history = training.fit(model, bright_and_dark(32), validation, 3, 8, 1e-3)
    assert list(history["chosen"]) == [False, True, False] and list(history["validation_quality"]) == [0.6, 0.9, 0.7]
    for found, second in zip(model.get_weights(), after_epoch[1], strict=True):
        np.testing.assert_array_equal(found, second)
    assert any((second != third).any() for second, third in zip(after_epoch[1], after_epoch[2], strict=True))
    assert all(labels is validation.labels for labels in seen)


def test_weights_follow_the_seed_whatever_python_draws():
    """Keras would shuffle the batches once more, by Python's global generator."""
    found = []
    for python_seed in (1, 2):
        networks.make_deterministic(0)
        model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
        random.seed(python_seed)
        training.fit(model, bright_and_dark(48), bright_and_dark(8), 1, 4, 1e-3)
        found.append(model.get_weights())
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_same_seed_gives_the_same_network():
    first, second = (trained(3, epochs=1)[0].get_weights() for _ in range(2))
    other = trained(4, epochs=1)[0].get_weights()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_every_epoch_sees_every_image_once_in_another_order():
    data = bright_and_dark(10)
    batches = training._ShuffledBatches(data, 4, seed=0)
    orders = []
    for epoch in (0, 1):
        batches.start(epoch)
        orders.append(list(batches.order))
        seen = np.concatenate([batches[i][1] for i in range(len(batches))])
        assert len(seen) == 10 and seen.sum() == 5
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10)) and orders[0] != orders[1]


def test_a_dead_head_stops_the_run_in_a_sentence():
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    head = model.layers[-1]
    head.set_weights([np.zeros_like(head.get_weights()[0]), np.full(2, -1.0)])
    with pytest.raises(ValueError, match="The ReLU head is dead: after the first epoch"):
        training.fit(model, bright_and_dark(16), bright_and_dark(16), 2, 8, 1e-3)


def test_a_head_that_is_dead_for_one_class_stops_the_run():
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    head = model.layers[-1]
    head.set_weights([np.zeros_like(head.get_weights()[0]), np.array([1.0, -9.0])])
    with pytest.raises(ValueError, match="The head is dead for class bright"):
        training.fit(model, bright_and_dark(16), bright_and_dark(16), 1, 8, 1e-3)


def test_no_epoch_and_scores_that_are_nan_are_refused():
    model, data = networks.build("small_cnn", (64, 64), ("dark", "bright")), bright_and_dark(16)
    with pytest.raises(ValueError, match="epochs is 0"):
        training.fit(model, data, data, 0, 8, 1e-3)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"), "softmax")
    model.layers[-1].set_weights([np.full((96, 2), np.nan), np.ones(2)])
    with pytest.raises(ValueError, match="Scores are NaN after epoch 1"):
        training.fit(model, data, data, 1, 8, 1e-3)


def test_one_class_only_is_refused():
    data = bright_and_dark(16)
    with pytest.raises(ValueError, match="The validation images have none of class bright"):
        training.fit(
            networks.build("small_cnn", (64, 64), data.class_names), data, data.subset(data.labels == 0), 1, 8, 1e-3
        )


def test_quality_of_two_classes_is_auc_and_of_more_the_share_right():
    assert training.quality(np.array([0, 1, 1]), np.array([[1.0, 0], [1, 2], [3, 1]])) == 0.5
    assert training.quality(np.array([0, 1, 2]), np.eye(3)[[0, 1, 0]]) == pytest.approx(2 / 3)


def test_frozen_batch_normalisation_keeps_its_statistics(tmp_path):
    keras.applications.MobileNetV2(weights=None, classes=1000).save_weights(tmp_path / "w.weights.h5")
    model = networks.build("MobileNetV2", (64, 64), ("a", "b"), weights=tmp_path / "w.weights.h5")
    trunk = model.get_layer("MobileNetV2")
    statistics = trunk.get_layer("bn_Conv1").get_weights()
    data = phantoms.radiographs(8, size=64)
    training.fit(model, data, data, 1, 4, 1e-3)
    for before, after in zip(statistics, trunk.get_layer("bn_Conv1").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any(variable is trunk.get_layer("Conv1").kernel for variable in model.trainable_variables)
    assert not any(variable is trunk.get_layer("bn_Conv1").gamma for variable in model.trainable_variables)
    scale, offset = model.get_layer("pixels_to_network").get_weights()  # the rescaling is not trained either
    np.testing.assert_array_equal(scale[0, 0], np.eye(3, dtype="float32") / np.float32(127.5))
    np.testing.assert_array_equal(offset, -1)


def weights_of(model):
    return [np.array(weight) for weight in model.get_weights()]


def test_the_head_alone_is_trained_first(monkeypatch):
    networks.make_deterministic(0)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    trunk, frozen = model.get_layer("small_cnn"), []
    trunk.layers[2].trainable = False  # a BatchNorm that was frozen before stays so
    after, epoch = [weights_of(model)], training._train_one_epoch

    def watched(trained, batches, title):
        frozen.append(len(trained.trainable_variables))
        loss = epoch(trained, batches, title)
        after.append(weights_of(model))
        return loss

    monkeypatch.setattr(training, "_train_one_epoch", watched)
    data = bright_and_dark(32)
    history = training.fit(model, data, bright_and_dark(8, 1), 1, 8, 1e-2, head_epochs=2, head_learning_rate=1e-2)
    assert list(history["stage"]) == ["head", "head", "network"] and list(history["epoch"]) == [1, 2, 3]
    assert frozen[:2] == [2, 2] and frozen[2] == 2 + 6 + 2 * 5  # kernel and bias; six kernels, five BatchNorms
    for start, head, network in zip(after[0][2:-2], after[2][2:-2], after[3][2:-2], strict=True):
        np.testing.assert_array_equal(start, head)  # the trunk, its BatchNorm's statistics among it
        assert (network != head).any() or len(network) == 16  # the frozen BatchNorm alone
    assert all((start != head).any() for start, head in zip(after[0][-2:], after[2][-2:], strict=True))
    assert not trunk.layers[2].trainable and trunk.layers[3].trainable and trunk.trainable


def test_balanced_classes_weigh_the_same():
    data = bright_and_dark(40).subset(np.r_[0:40:2, 1:11:2])  # 20 dark, 5 bright
    batches = training._ShuffledBatches(data, 8, 0, balanced=True)
    labels, weights = (np.concatenate([batches[i][part] for i in range(len(batches))]) for part in (1, 2))
    assert weights[labels == 0].sum() == pytest.approx(12.5) and weights[labels == 1].sum() == pytest.approx(12.5)
    assert len(training._ShuffledBatches(data, 8, 0)[0]) == 2


def test_augmentation_hangs_on_seed_epoch_and_image_alone():
    data, seen = bright_and_dark(6), {}

    def augment(image, generator):
        return np.full_like(image, generator.integers(256))

    for name, size, seed, epoch in (("a", 2, 0, 0), ("b", 3, 0, 0), ("epoch", 2, 0, 1), ("seed", 2, 1, 0)):
        batches = training._ShuffledBatches(data, size, seed, augment)
        batches.start(epoch)
        values = np.concatenate([batches[i][0][:, 0, 0, 0] for i in range(len(batches))])
        seen[name] = values[np.argsort(batches.order)]
    np.testing.assert_array_equal(seen["a"], seen["b"])
    assert len(set(seen["a"])) > 3 and (seen["a"] != seen["epoch"]).any() and (seen["a"] != seen["seed"]).any()


def test_batches_may_be_asked_for_again_and_out_of_order():
    batches = training._ShuffledBatches(bright_and_dark(30), 4, 0)
    expected = [batches._read(i)[0] for i in range(len(batches))]
    for index in (0, 0, 5, 2, 7, 0, 7):
        np.testing.assert_array_equal(batches[index][0], expected[index])


@pytest.mark.parametrize(
    ("qualities", "patience", "epochs"),
    [((0.6, 0.9, 0.7, 0.8, 0.95, 0.9), 2, 4), ((0.6, 0.9, 0.7, 0.8, 0.95, 0.9), 3, 6), ((0.9, 0.8, 0.7), 0, 3)],
)
def test_training_stops_when_it_has_not_improved_for_long(monkeypatch, qualities, patience, epochs):
    answers = iter(qualities)
    monkeypatch.setattr(training, "quality", lambda labels, scores: next(answers))
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    data = bright_and_dark(8)
    history = training.fit(model, data, data, len(qualities), 8, 1e-3, patience=patience)
    assert list(history["validation_quality"]) == list(qualities[:epochs])
    assert history["chosen"].idxmax() == int(np.argmax(qualities[:epochs]))


def test_epochs_of_the_head_alone_do_not_try_the_patience(monkeypatch):
    answers = iter((0.9, 0.8, 0.7, 0.6, 0.5))
    monkeypatch.setattr(training, "quality", lambda labels, scores: next(answers))
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    data = bright_and_dark(8)
    history = training.fit(model, data, data, 2, 8, 1e-3, head_epochs=3, patience=2)
    assert len(history) == 5


@pytest.mark.parametrize("warm_up", [0, 0.25])
def test_learning_rate_rises_along_a_line_and_falls_along_a_cosine(warm_up):
    found = [float(training._schedule(0.1, 200, warm_up)(step)) for step in range(201)]
    rising = int(200 * warm_up)
    falling = 0.1 * (1 + np.cos(np.pi * np.arange(201 - rising) / (200 - rising))) / 2
    wanted = [*(0.1 * np.arange(rising) / max(rising, 1)), *falling]
    np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_each_stage_warms_up_by_itself(monkeypatch):
    seen = []
    monkeypatch.setattr(
        training, "_schedule", lambda *given: seen.append(given) or keras.optimizers.schedules.CosineDecay(1e-3, 9)
    )
    data = bright_and_dark(32)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    training.fit(model, data, data, 3, 8, 1e-3, head_epochs=2, head_learning_rate=1e-2, warm_up=0.5)
    assert seen == [(1e-2, 2 * 4, 0.5), (1e-3, 3 * 4, 0.5)]
    with pytest.raises(ValueError, match="warm_up is 1: a share from 0 to below 1 is wanted"):
        training.fit(model, data, data, 3, 8, 1e-3, warm_up=1)


# Everything that has a state: Dropout, augmentation, shuffling, two stages, class weights, early stopping, warming up.
FULL = {"head_epochs": 2, "augment": augmentation.radiograph, "balanced": True, "patience": 2, "warm_up": 0.2}


def trained_fully(checkpoint=None, seed=0):
    networks.make_deterministic(seed)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"), dropout=0.4)
    data, validation = bright_and_dark(48), bright_and_dark(24, seed=1)
    history = training.fit(model, data, validation, 9, 8, 1e-3, seed, checkpoint=checkpoint, **FULL)
    return history, weights_of(model)


@pytest.fixture(scope="module")
def undisturbed():
    history, weights = trained_fully()
    assert 4 < len(history) < 11  # early stopping is at work: nothing is better than all images right
    return history, weights


KILLED = """
import os, signal, sys
sys.path.insert(0, "tests")
from black_average_drop import training
import test_training

name, count = sys.argv[2], int(sys.argv[3])
original = getattr(training, name) if name != "savez" else training.np.savez
seen = []


def deadly(*arguments, **named):
    seen.append(1)
    if len(seen) == count:
        if name == "savez":  # half of the file is on the disk
            arguments[0].write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)


setattr(training if name != "savez" else training.np, name, deadly)
test_training.trained_fully(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [("_pixels", 4), ("_pixels", 15), ("_write_checkpoint", 3), ("_pixels", 40), ("savez", 4)],
    ids=["first epoch", "head", "between the stages", "network", "while the checkpoint is written"],
)
def test_a_killed_training_ends_where_an_undisturbed_one_does(tmp_path, undisturbed, name, count):
    checkpoint = tmp_path / "training.checkpoint.npz"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, checkpoint, name, str(count)], cwd=ROOT, env=os.environ, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    before = checkpoint.is_file()
    assert before == (name != "_pixels" or count > 4)
    epochs, one = [], training._train_one_epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_train_one_epoch", lambda *all: epochs.append(1) or one(*all))
        history, weights = trained_fully(checkpoint)
    pd.testing.assert_frame_equal(history, undisturbed[0], check_exact=True)
    for found, expected in zip(weights, undisturbed[1], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(epochs) < len(history) if before else len(epochs) == len(history)


def test_a_finished_training_is_not_repeated_and_another_one_not_taken_for_it(
    tmp_path, undisturbed, monkeypatch, capsys
):
    checkpoint = tmp_path / "training.checkpoint.npz"
    trained_fully(checkpoint)
    epochs, one = [], training._train_one_epoch
    monkeypatch.setattr(training, "_train_one_epoch", lambda *all: epochs.append(1) or one(*all))
    capsys.readouterr()
    history, weights = trained_fully(checkpoint)
    assert not epochs and "is of a training that is done" in capsys.readouterr().out
    pd.testing.assert_frame_equal(history, undisturbed[0], check_exact=True)
    for found, expected in zip(weights, undisturbed[1], strict=True):
        np.testing.assert_array_equal(found, expected)
    history, _ = trained_fully(checkpoint, seed=1)
    assert "is of another training: starting anew" in capsys.readouterr().out
    assert len(epochs) == len(history) and not history.equals(undisturbed[0])


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
    monkeypatch.setattr(catalogue, "load", lambda *given: asked.append(given) or "images")
    assert training.load_classifier(tmp_path / "a.keras", "data").dataset == "images"
    assert asked == [("imagenet", "test", (32, 32), "data", 9, 1, background)]


def test_recipes_are_known_by_name():
    assert training.recipe("plain")["patience"] == 0 and training.recipe("full")["augmented"]
    with pytest.raises(ValueError, match="The recipe is 'ful': choose one of plain, full"):
        training.recipe("ful")


def test_every_setting_tells_trainings_apart(monkeypatch, tmp_path):
    asked = []

    def key(model, training_images, validation, settings, augment):
        asked.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_key", key)
    model, data = networks.build("small_cnn", (64, 64), ("dark", "bright")), bright_and_dark(8)
    named = {"head_epochs": 13, "head_learning_rate": 0.17, "balanced": True, "patience": 19}
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, data, data, 11, 4, 0.16, 18, checkpoint=tmp_path / "c.npz", **named)
    assert set(asked[0]) >= {11, 4, 0.16, 18, 13, 0.17, True, 19}


@pytest.mark.parametrize(
    "content", [b"", b"half of a file", None], ids=["empty", "no archive", "archive without facts"]
)
def test_a_checkpoint_that_cannot_be_read_is_told_and_passed_over(tmp_path, capsys, content):
    path = tmp_path / "model.checkpoint.npz"
    path.write_bytes(content) if content is not None else np.savez(path, other=np.ones(3))
    model, data = networks.build("small_cnn", (64, 64), ("dark", "bright")), bright_and_dark(8)
    assert len(training.fit(model, data, data, 1, 8, 1e-3, checkpoint=path)) == 1
    assert capsys.readouterr().out == "model.checkpoint.npz cannot be read: starting anew.\n"
    with np.load(path) as file:
        assert "facts" in file.files


def brighter(data):
    """The same ids and labels with other pixels."""
    return replace(data, read=lambda position: data.read(position) // 2 + 100)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 2e-3},
        {"augment": None},
        {"balanced": False},
        {"training": bright_and_dark(24)},
        {"model": ("small_cnn", (64, 64), ("dark", "bright"), "softmax")},
        {"first_weights": 1},
        {"training": brighter(bright_and_dark(48))},
    ],
    ids=["learning rate", "augmentation", "class weights", "images", "head", "first weights", "pixels"],
)
def test_checkpoint_key_tells_trainings_apart(change):
    def key(model, training_images, learning_rate, augment, balanced, first_weights):
        networks.make_deterministic(first_weights)
        return training._key(
            networks.build(*model), training_images, bright_and_dark(8, 1), [learning_rate, balanced], augment
        )

    usual = {
        "model": ("small_cnn", (64, 64), ("dark", "bright")),
        "training_images": bright_and_dark(48),
        "learning_rate": 1e-3,
        "augment": augmentation.radiograph,
        "balanced": True,
        "first_weights": 0,
    }
    changed = usual | {"training_images" if name == "training" else name: value for name, value in change.items()}
    assert key(**usual) == key(**usual) != key(**changed)


def test_mixed_precision_trains_and_is_saved_as_float32(tmp_path, precision):
    networks.make_deterministic(0)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"), dropout=0.2, precision=precision)
    assert keras.config.dtype_policy().name == "float32"  # what comes after is not touched
    assert model.get_layer("small_cnn").layers[1].compute_dtype == precision.removeprefix("mixed_")
    validation = bright_and_dark(32, 1)
    history = training.fit(model, bright_and_dark(64), validation, 3, 16, 1e-3)
    assert history["validation_quality"].max() > 0.95
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")  # bfloat16 reaches as far down as float32
    networks.save(networks.in_precision(model, "float32"), tmp_path / "model.keras", networks.Facts())
    loaded, _ = networks.load(tmp_path / "model.keras")
    assert all(layer.compute_dtype == "float32" for layer in training._all_layers(loaded))
    for weight, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    difference = training.predict(model, validation, 16) - training.predict(loaded, validation, 16)
    assert 0 < np.abs(difference).max() < 0.02
