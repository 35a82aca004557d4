"""What the project knows of a data set that lies below the data root: how it is read, fetched, checked and counted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from black_average_drop.datasets.dataset import Dataset, split_by_group

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 1 / 8  # of the images that a network may learn from


@dataclass(frozen=True)
class KaggleArchive:
    """A whole data set of Kaggle, one archive."""

    owner: str
    name: str
    version: int
    members: str  # regular expression: which members of the archive are unpacked, by their whole names
    inside: str = "."  # where in the archive the source's folder is
    checksums: dict[str, str] = field(default_factory=dict)  # path below the unpacked archive -> SHA-256


@dataclass(frozen=True)
class KagglePhotos:
    """Single files of a Kaggle competition: a table of answers and some photos."""

    competition: str
    table: str  # its name there, and below the source's folder
    columns: tuple[str, ...]  # of the table
    photo: str  # the path of a photo there, with {} for its id
    ids: tuple[str, ...]  # of the photos that are always fetched
    terms: str  # the sentence that is printed before anything is fetched


@dataclass(frozen=True)
class Source:
    """A data set by the name that profiles and saved models give it."""

    name: str
    title: str  # the heading of its figures in data/README.md
    folder: str  # below the data root
    # (data root, split, size, seed, background) -> that split. None where `catalogue.load` gives none of this source.
    load_split: Callable[..., Dataset] | None = None
    splits: tuple[str, ...] = ()  # those of SPLITS that load_split gives
    # For the notebooks where it is known where the lesions are; None elsewhere. (data root, size) -> images of class 1,
    # each with a lesion; (data root, size, seed) -> two halves that share no patient, class 0 without the finding.
    boxed: Callable[..., Dataset] | None = None
    boxed_halves: Callable[..., tuple[Dataset, Dataset]] | None = None
    # data root -> by the id of an image its view, AP or PA, and, if the tables say so, whether it is fully_boxed.
    views: Callable[[Path], pd.DataFrame | None] | None = None
    report: Callable[[Path], list[tuple[str, str]]] = lambda root: []  # data root -> rows of data/README.md, or none
    # For `make data`. None where nobody but the user can fetch it.
    download: KaggleArchive | KagglePhotos | None = None
    download_size: str = ""  # for the message: bytes with their unit
    expected: dict[str, int] = field(default_factory=dict)  # what -> number, of the whole source
    count: Callable[[Path], dict[str, int]] = lambda root: {}  # data root -> what is there, under the same names
    at_least: tuple[str, ...] = ()  # names in `expected` of which more does no harm


def splits_of_halves(learned, judged, seed=0):
    """Split two halves into train, validation and test: an eighth of the first half, whole patients, is for validation.

    Args:
        learned: the Dataset that a network learns from.
        judged: the Dataset that it is judged on, of other patients.
        seed: of the drawing.

    Returns:
        Split -> Dataset, by the names of SPLITS.
    """
    validation = split_by_group(learned.groups, VALIDATION_SHARE, seed)
    return dict(zip(SPLITS, (learned.subset(~validation), learned.subset(validation), judged), strict=True))
