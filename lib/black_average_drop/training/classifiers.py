"""Trained classifiers, loaded with the test images that go with them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras

from black_average_drop import networks
from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import imagenet


@dataclass(frozen=True)
class Classifier:
    """A trained classifier with its test images."""

    facts: networks.Facts
    model: keras.Model
    network: networks.CamNetwork
    data_root: Path | str  # of real images

    @cached_property
    def dataset(self):
        """The test images that the facts name, a `Dataset`. Their files are listed, and read, when they are asked for.

        Raises:
            FileNotFoundError: if there are no such images.
            ValueError: if the facts name no images.
        """
        return catalogue.load(
            self.facts.source,
            split="test",
            size=self.network.image_size,
            root=self.data_root,
            count=self.facts.test_images,
            seed=self.facts.seed,
            background=self.network.has_background,
        )

    def image(self, name):
        """One test image by its id, as a `Dataset`; of ImageNet any photo that is there, tested or not."""
        if self.facts.source == imagenet.SOURCE.name:
            photos = imagenet.load(self.data_root, self.network.image_size, self.network.has_background)
            return photos.named(name)
        return self.dataset.named(name)


def load_classifier(path, data_root, activation=None):
    """A trained classifier with the test images that its file names.

    Args:
        path: of the .keras file that `01_train` saved.
        data_root: the folder of real images, as `catalogue.load` takes it.
        activation: "relu" or "softmax", as which the logits are scored; None: as the model was trained.

    Returns:
        A `Classifier`. `classifier.dataset.in_memory()` reads each image once.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a file that cannot be loaded.
    """
    model, facts = networks.load(path)
    network = networks.CamNetwork.from_model(model, activation=activation)
    return Classifier(facts, model, network, data_root)
