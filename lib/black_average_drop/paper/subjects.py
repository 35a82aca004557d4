"""The classifiers that `04_alpha` measures, with their test images and what `03_table1` measured of these."""

from dataclasses import dataclass, replace

import numpy as np

from black_average_drop import cams, evaluation, networks, training
from black_average_drop.datasets import Dataset
from black_average_drop.paper.alpha_rows import GENERAL, RADIOGRAPHS, STEPS


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A classifier with its test images, and what Table 1 says of them."""

    data: str  # what Table 1 calls its images: "general" or "radiographs"
    title: str  # names its rows
    training: int  # the seed of the training
    file: str  # of the classifier, in the build folder
    source: str  # of the images
    network: networks.CamNetwork
    dataset: Dataset  # all test images
    counted: np.ndarray  # boolean (N,), those that Table 1 puts first: of radiographs the ones labelled pneumonia
    alpha: float  # of Table 1
    few: Dataset | None = None  # some of the images that count, for what needs many masked images
    pixels: np.ndarray | None = None  # of these
    first_pass: evaluation.Maps | None = None  # of these, under the paper's methods

    @property
    def alphas(self):
        """`STEPS` and the alpha of Table 1, rising."""
        return np.union1d(STEPS, self.alpha)

    @property
    def has_objects(self):
        """Whether each image shows an object whose size is known; the lesions of radiographs are measured apart."""
        return self.data == "general" and bool(self.dataset.read_mask or self.dataset.boxes)

    def sampled(self, most, seed, batch_size, scheduler=""):
        """The same subject with at most `most` of the images that count, drawn at random, and their maps."""
        rows = np.flatnonzero(self.counted)
        order = np.random.default_rng(seed).permutation(len(rows))[:most]
        few = self.dataset.subset(rows[np.sort(order)])
        pixels = few.images()
        methods = cams.chosen(cams.PAPER_METHODS)
        first_pass = evaluation.explain_all(self.network, pixels, methods, batch_size, scheduler=scheduler)
        return replace(self, few=few, pixels=pixels, first_pass=first_pass)


def load_subject(build, data_root, evaluated, repeat=None):
    """A classifier of `01_train` with the alpha that `03_table1` chose for it.

    Args:
        build: the build folder.
        data_root: the folder of the data sets.
        evaluated: of `rows_of_table1.read_table1_rows`.
        repeat: the seed of a training of the radiograph classifier. None: the general classifier.
    """
    data, title, file = "radiographs", RADIOGRAPHS, f"radiographs_relu_{repeat}.keras"
    if repeat is None:
        data, title, file = "general", GENERAL, "general.keras"
    classifier = training.load_classifier(build / file, data_root, activation="relu")
    own = evaluated[(evaluated["data"] == data) & (evaluated["training"] == (repeat or 0))]
    dataset = classifier.dataset.in_memory()
    return Subject(
        data=data,
        title=title,
        training=repeat or 0,
        file=file,
        source=classifier.facts.source,
        network=classifier.network,
        dataset=dataset,
        counted=np.full(len(dataset), True) if repeat is None else dataset.labels == 1,
        alpha=own["alpha"].iloc[0],
    )
