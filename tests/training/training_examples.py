"""Images that a few steps suffice to learn, and trainings on them."""

import numpy as np

from black_average_drop import networks, training
from black_average_drop.datasets import Dataset
from black_average_drop.training import augmentation


def bright_and_dark(count, seed=0):
    """Two classes that differ in brightness, which a few steps suffice to learn."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = (generator.integers(0, 100, (count, 64, 64, 3)) + 120 * labels[:, None, None, None]).astype("uint8")
    ids = np.arange(count).astype(str)
    return Dataset(ids, labels, ids, ("dark", "bright"), (64, 64), np.arange(count), lambda position: pixels[position])


def weights_of(model):
    return [np.array(weight) for weight in model.get_weights()]


# Everything that has a state: Dropout, augmentation, shuffling, two stages, class weights, early stopping, warming up.
FULL = {"head_epochs": 2, "augment": augmentation.radiograph, "balanced": True, "patience": 2, "warm_up": 0.2}


def trained_fully(checkpoint=None, seed=0):
    networks.make_deterministic(seed)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"), dropout=0.4)
    data, validation = bright_and_dark(48), bright_and_dark(24, seed=1)
    history = training.fit(model, data, validation, 9, 8, 1e-3, seed, checkpoint=checkpoint, **FULL)
    return history, weights_of(model)
