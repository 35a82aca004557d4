"""Training batches: what is in them, in which order, and when."""

import numpy as np
import pytest

from black_average_drop.datasets import split_by_group
from black_average_drop.training.batches import ShuffledBatches
from training_examples import bright_and_dark


def test_split_takes_whole_patients():
    groups = np.repeat([f"patient {i}" for i in range(50)], 4)
    chosen = split_by_group(groups, 0.2, seed=1)
    assert 30 <= chosen.sum() <= 40 and not set(groups[chosen]) & set(groups[~chosen])
    assert (chosen == split_by_group(groups, 0.2, seed=1)).all()
    assert (chosen != split_by_group(groups, 0.2, seed=2)).any()


def test_every_epoch_sees_every_image_once_in_another_order():
    data = bright_and_dark(10)
    batches = ShuffledBatches(data, 4, seed=0)
    orders = []
    for epoch in (0, 1):
        batches.start(epoch)
        orders.append(list(batches.order))
        seen = np.concatenate([batches[i][1] for i in range(len(batches))])
        assert len(seen) == 10 and seen.sum() == 5
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10)) and orders[0] != orders[1]


def test_balanced_classes_weigh_the_same():
    data = bright_and_dark(40).subset(np.r_[0:40:2, 1:11:2])  # 20 dark, 5 bright
    batches = ShuffledBatches(data, 8, 0, balanced=True)
    labels, weights = (np.concatenate([batches[i][part] for i in range(len(batches))]) for part in (1, 2))
    assert weights[labels == 0].sum() == pytest.approx(12.5) and weights[labels == 1].sum() == pytest.approx(12.5)
    assert len(ShuffledBatches(data, 8, 0)[0]) == 2


def test_augmentation_depends_on_seed_epoch_and_image_alone():
    data, seen = bright_and_dark(6), {}

    def augment(image, generator):
        return np.full_like(image, generator.integers(256))

    for name, size, seed, epoch in (("a", 2, 0, 0), ("b", 3, 0, 0), ("epoch", 2, 0, 1), ("seed", 2, 1, 0)):
        batches = ShuffledBatches(data, size, seed, augment)
        batches.start(epoch)
        values = np.concatenate([batches[i][0][:, 0, 0, 0] for i in range(len(batches))])
        seen[name] = values[np.argsort(batches.order)]
    np.testing.assert_array_equal(seen["a"], seen["b"])
    assert len(set(seen["a"])) > 3 and (seen["a"] != seen["epoch"]).any() and (seen["a"] != seen["seed"]).any()


def test_batches_may_be_asked_for_again_and_out_of_order():
    batches = ShuffledBatches(bright_and_dark(30), 4, 0)
    expected = [batches._read(i)[0] for i in range(len(batches))]
    for index in (0, 0, 5, 2, 7, 0, 7):
        np.testing.assert_array_equal(batches[index][0], expected[index])
