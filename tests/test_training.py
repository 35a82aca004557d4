import random

import keras
import numpy as np
import pytest

from black_average_drop import networks, training
from black_average_drop.datasets import Dataset, phantoms, split_by_group


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
