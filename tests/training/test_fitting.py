"""Classifiers trained in stages, with the epoch chosen on validation images."""

import random

import keras
import numpy as np
import pytest

from black_average_drop import networks, training
from black_average_drop.datasets import phantoms
from black_average_drop.training import fitting
from training_examples import bright_and_dark, weights_of


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

    monkeypatch.setattr(fitting, "quality", scripted)
    history = training.fit(model, bright_and_dark(32), validation, 3, 8, 1e-3)
    assert list(history["chosen"]) == [False, True, False] and list(history["validation_quality"]) == [0.6, 0.9, 0.7]
    for weight, second in zip(model.get_weights(), after_epoch[1], strict=True):
        np.testing.assert_array_equal(weight, second)
    assert any((second != third).any() for second, third in zip(after_epoch[1], after_epoch[2], strict=True))
    assert all(labels is validation.labels for labels in seen)


def test_weights_follow_the_seed_whatever_python_draws():
    """Keras would shuffle the batches once more, by Python's global generator."""
    weights = []
    for python_seed in (1, 2):
        networks.make_deterministic(0)
        model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
        random.seed(python_seed)
        training.fit(model, bright_and_dark(48), bright_and_dark(8), 1, 4, 1e-3)
        weights.append(model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_same_seed_gives_the_same_network():
    first, second = (trained(3, epochs=1)[0].get_weights() for _ in range(2))
    other = trained(4, epochs=1)[0].get_weights()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


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


@pytest.mark.parametrize("bias", [(-1.0, -1.0), (1.0, -9.0)])
def test_a_dead_head_is_kept_where_no_training_may_be_dropped(bias):
    """It has gone through all of its epochs, and its scores are those of the dead head."""
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    head = model.layers[-1]
    head.set_weights([np.zeros_like(head.get_weights()[0]), np.array(bias)])
    data = bright_and_dark(16)
    history = training.fit(model, data, data, 2, 8, 1e-3, keep_dead=True)
    assert len(history) == 2 and history["chosen"].sum() == 1
    assert (training.predict(model, data, 8)[:, np.array(bias) < 0] == 0).all()


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


def test_the_head_alone_is_trained_first(monkeypatch):
    networks.make_deterministic(0)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    trunk, frozen = model.get_layer("small_cnn"), []
    trunk.layers[2].trainable = False  # a BatchNorm that was frozen before stays so
    after, epoch = [weights_of(model)], fitting._pass_over

    def watched(trained, batches, title):
        frozen.append(len(trained.trainable_variables))
        loss = epoch(trained, batches, title)
        after.append(weights_of(model))
        return loss

    monkeypatch.setattr(fitting, "_pass_over", watched)
    data = bright_and_dark(32)
    history = training.fit(model, data, bright_and_dark(8, 1), 1, 8, 1e-2, head_epochs=2, head_learning_rate=1e-2)
    assert list(history["stage"]) == ["head", "head", "network"] and list(history["epoch"]) == [1, 2, 3]
    assert frozen[:2] == [2, 2] and frozen[2] == 2 + 6 + 2 * 5  # kernel and bias; six kernels, five BatchNorms
    for start, head, network in zip(after[0][2:-2], after[2][2:-2], after[3][2:-2], strict=True):
        np.testing.assert_array_equal(start, head)  # the trunk, its BatchNorm's statistics among it
        assert (network != head).any() or len(network) == 16  # the frozen BatchNorm alone
    assert all((start != head).any() for start, head in zip(after[0][-2:], after[2][-2:], strict=True))
    assert not trunk.layers[2].trainable and trunk.layers[3].trainable and trunk.trainable


@pytest.mark.parametrize(
    ("qualities", "patience", "epochs"),
    [((0.6, 0.9, 0.7, 0.8, 0.95, 0.9), 2, 4), ((0.6, 0.9, 0.7, 0.8, 0.95, 0.9), 3, 6), ((0.9, 0.8, 0.7), 0, 3)],
)
def test_training_stops_when_it_has_not_improved_for_long(monkeypatch, qualities, patience, epochs):
    answers = iter(qualities)
    monkeypatch.setattr(fitting, "quality", lambda labels, scores: next(answers))
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    data = bright_and_dark(8)
    history = training.fit(model, data, data, len(qualities), 8, 1e-3, patience=patience)
    assert list(history["validation_quality"]) == list(qualities[:epochs])
    assert history["chosen"].idxmax() == int(np.argmax(qualities[:epochs]))


def test_epochs_of_the_head_alone_do_not_try_the_patience(monkeypatch):
    answers = iter((0.9, 0.8, 0.7, 0.6, 0.5))
    monkeypatch.setattr(fitting, "quality", lambda labels, scores: next(answers))
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    data = bright_and_dark(8)
    history = training.fit(model, data, data, 2, 8, 1e-3, head_epochs=3, patience=2)
    assert len(history) == 5


@pytest.mark.parametrize("warm_up", [0, 0.25])
def test_learning_rate_rises_along_a_line_and_falls_along_a_cosine(warm_up):
    rates = [float(fitting._schedule(0.1, 200, warm_up)(step)) for step in range(201)]
    rising = int(200 * warm_up)
    falling = 0.1 * (1 + np.cos(np.pi * np.arange(201 - rising) / (200 - rising))) / 2
    expected = [*(0.1 * np.arange(rising) / max(rising, 1)), *falling]
    np.testing.assert_allclose(rates, expected, atol=1e-7)


def test_each_stage_warms_up_by_itself(monkeypatch):
    seen = []
    monkeypatch.setattr(
        fitting, "_schedule", lambda *given: seen.append(given) or keras.optimizers.schedules.CosineDecay(1e-3, 9)
    )
    data = bright_and_dark(32)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    training.fit(model, data, data, 3, 8, 1e-3, head_epochs=2, head_learning_rate=1e-2, warm_up=0.5)
    assert seen == [(1e-2, 2 * 4, 0.5), (1e-3, 3 * 4, 0.5)]
    with pytest.raises(ValueError, match="warm_up is 1: a share from 0 to below 1 is expected"):
        training.fit(model, data, data, 3, 8, 1e-3, warm_up=1)


def test_recipes_are_known_by_name():
    assert training.recipe("plain")["patience"] == 0 and training.recipe("full")["augmentation"] == "full"
    with pytest.raises(ValueError, match="The recipe is 'ful': choose one of plain, full"):
        training.recipe("ful")


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
    assert all(layer.compute_dtype == "float32" for layer in networks.inner_layers(loaded, with_models=True))
    for weight, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    difference = training.predict(model, validation, 16) - training.predict(loaded, validation, 16)
    assert 0 < np.abs(difference).max() < 0.02
