"""By what checksum a data set is known: that of its ids, labels and pixels as a network sees them."""

import hashlib

import numpy as np

from black_average_drop import progress


def dataset_checksum(dataset, batch_size=64):
    """Compute the SHA-256, hexadecimal, of a data set as `dataset_checksums` does."""
    return dataset_checksums(dataset, batch_size)[0]


def dataset_checksums(dataset, batch_size=64):
    """Compute the checksum of a whole data set and those of its images, reading every image once.

    Args:
        dataset: a `datasets.Dataset`.
        batch_size: how many images are in memory at a time.

    Returns:
        The SHA-256 over ids, labels, findings and pixels, and a list with the SHA-256 of the pixels of each image.
    """
    whole, each = hashlib.sha256(), []
    update_with_labels(whole, dataset)
    with progress.bar(total=len(dataset), desc="checksums", unit="image") as bar:
        for images in dataset.batches(batch_size):
            whole.update(images.tobytes())
            each += [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
            bar.update(len(images))
    return whole.hexdigest(), each


def update_with_labels(whole, dataset):
    """Update a hash of hashlib with the ids, labels and findings of a data set."""
    whole.update("\n".join(f"{i} {label}" for i, label in zip(dataset.ids, dataset.labels, strict=True)).encode())
    if dataset.findings is not None:
        whole.update(
            "|".join(dataset.findings.names).encode() + np.nan_to_num(dataset.findings.states, nan=2).tobytes()
        )
