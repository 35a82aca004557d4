"""Training batches whose order and augmentation are functions of seed, epoch and image."""

import os
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

READ_AHEAD = 6  # batches


class ShuffledBatches(keras.utils.PyDataset):
    """The images of a data set in batches, in another order in each epoch, augmented and weighed.

    They read ahead by themselves: with the workers of Keras, the first epoch on JAX begins with the second batch.
    """

    def __init__(self, dataset, batch_size, seed, augment=None, balanced=False, whole=False):
        super().__init__()
        self.batches = len(dataset) // batch_size if whole else -(-len(dataset) // batch_size)
        self.dataset, self.batch_size, self.seed, self.augment = dataset, batch_size, seed, augment
        counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
        self.weights = len(dataset) / (len(counts) * counts) if balanced else None
        self.readers = ThreadPoolExecutor(os.cpu_count())
        self.start(0)

    def start(self, epoch):
        """Begin an epoch: another order, other draws of augmentation."""
        self.epoch, self.ahead = epoch, {}
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        for coming in range(index, min(index + READ_AHEAD, len(self))):
            if coming not in self.ahead:
                self.ahead[coming] = self.readers.submit(self._read, coming)
        return self.ahead.pop(index).result()

    def _read(self, index):
        """Pixels (n, H, W, 3), labels (n,) and, where classes weigh the same, weights (n,) of a batch."""
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self.dataset.images(rows), self.dataset.labels[rows]
        if self.augment:
            generators = (np.random.default_rng([self.seed, self.epoch, row]) for row in rows)
            images = np.stack([self.augment(*pair) for pair in zip(images, generators, strict=True)])
        if self.weights is None:
            return as_pixels(images), labels
        return as_pixels(images), labels, self.weights[labels].astype("float32")


def as_pixels(images):
    """Images of any dtype as a model takes them."""
    return images.astype("float32")
