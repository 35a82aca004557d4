"""Trained classifiers, loaded with the test images that go with them."""

from dataclasses import dataclass

import keras

from black_average_drop import networks
from black_average_drop.datasets import Dataset, catalogue


@dataclass(frozen=True)
class Classifier:
    """A trained classifier with its test images."""

    facts: networks.Facts
    model: keras.Model
    network: networks.CamNetwork
    dataset: Dataset  # the test images, which are read when they are asked for


def load_classifier(path, data_root, activation=None):
    """A trained classifier with the test images that its file names.

    Args:
        path: of the .keras file that `01_train` saved.
        data_root: the folder of real images, as `catalogue.load` takes it.
        activation: "relu" or "softmax", as which the logits are scored; None: as the model was trained.

    Returns:
        A `Classifier`. `classifier.dataset.in_memory()` reads each image once.

    Raises:
        FileNotFoundError: if there is no such file, or no such images.
        ValueError: naming a file that cannot be loaded, or that names no test images.
    """
    model, facts = networks.load(path)
    network = networks.CamNetwork.from_model(model, activation=activation)
    background = network.classes == 1001  # ImageNet's thousand classes, behind one for the background
    drawn = data_root, facts.test_images, facts.seed, background
    return Classifier(facts, model, network, catalogue.load(facts.source, "test", network.image_size, *drawn))
