"""The images of a user: listed, decoded once, and called by numbers in whatever is written."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.choice import hidden_names
from black_average_drop.datasets import appearance, decoded, folder
from black_average_drop.datasets.dataset import Dataset
from black_average_drop.datasets.folder.check import rows_taken

DECODED, UNREADABLE, KEY = "decoded", "unreadable.csv", "key.csv"  # in the folder of results


@dataclass(frozen=True, eq=False)
class UserImages:
    """The N images that a run takes, and what it says of the folder that they come from."""

    named: Dataset  # ids are paths below the folder
    dataset: Dataset  # the same images, under the names that tables and figures may have
    appearances: pd.DataFrame  # as of `decoded.Decoded`, with the ids of `dataset`, and those of blank images
    listing: folder.Listing
    notes: list[str]  # sentences for the report
    contents: str  # the checksum of the files as they were decoded
    twice: Dataset  # all images of the folder at twice the size, read from their files

    def resized(self, positions):
        """The images at positions, uint8 (n, H, W, 3), by way of twice the size: the mean of two by two pixels."""
        return np.stack([_halved(self.twice.read(position)) for position in positions])


def read_images(root, size, results, most_images, seed, names, unreadable, fit, window, lesions="", **how):
    """List the images of a folder, decode those that are taken, and leave out blank ones.

    Args:
        root: the folder.
        size: (H, W), in pixels, what the network sees.
        results: the folder of results. DECODED below it holds the pixels until `forget` is called, UNREADABLE the
            names of what cannot be read, and KEY those of all images where names are hidden.
        most_images, seed: how many are taken, as for `check.rows_taken`.
        names: one of `hidden_names.NAMES`.
        unreadable: one of `decoded.CHOICES`.
        fit, window: as for `folder.as_dataset`.
        lesions: a file or folder of lesions, or "". Images that it names are taken first.
        **how: further arguments of `folder.listed`.

    Returns:
        `UserImages`.

    Raises:
        FileNotFoundError, ValueError: as `folder.listed`, `decoded.check_all_read`, `appearance.not_blank` and
            `folder.check_patients`.
    """
    results = Path(results)
    listing = folder.listed(root, **how)
    whole = folder.as_dataset(listing, size, window, fit)
    taken = rows_taken(whole.ids.tolist(), most_images, seed, lesions)
    once = decoded.decode_once(whole.subset(taken), results / DECODED)
    left_out = decoded.check_all_read(once, unreadable, results / UNREADABLE)
    under_numbers = hidden_names.as_numbers(once.dataset, names)
    if names == "hidden":
        hidden_names.write_key(once.dataset, under_numbers, results / KEY)
    appearances = once.appearances.assign(id=under_numbers.ids)
    dataset = appearance.not_blank(under_numbers, appearances)
    named = appearance.not_blank(once.dataset, appearances)
    folder.check_patients(dataset.groups)
    notes = [
        f"{len(whole):,} images are in the folder.",
        *listing.notes,
        appearance.fit_in_words(fit),
        *([left_out] if left_out else []),
    ]
    if lesions and len(taken) < len(whole):
        notes.append("Images with lesions were taken first, and others drawn at random.")
    contents = decoded.contents_checksum(named, once.contents)
    twice = folder.as_dataset(listing, (2 * size[0], 2 * size[1]), window, fit)
    return UserImages(named, dataset, appearances, listing, notes, contents, twice)


def _halved(pixels):
    """The means of two by two pixels of uint8 (2 H, 2 W, 3), rounded."""
    height, width, colours = pixels.shape
    blocks = pixels.reshape(height // 2, 2, width // 2, 2, colours)
    return np.round(blocks.mean(axis=(1, 3))).astype("uint8")


def forget(results):
    """Remove the decoded images from a folder of results."""
    shutil.rmtree(Path(results) / DECODED, ignore_errors=True)
