"""One data set: fetched next to its place, counted there, and put in its place when it is whole."""

import os
import shutil

from black_average_drop.datasets.fetch import kaggle
from black_average_drop.datasets.fetch.downloads import STAGING, reason
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.source import KagglePhotos


def fetch_source(name, root, photos=()):
    """Fetch one data set, or count what is there already.

    Args:
        name: one of `SOURCES`.
        root: the data root, a Path.
        photos: ids of further photos, for a source that is fetched photo by photo.

    Raises:
        RuntimeError: if it could not be fetched. The message says why, and how to get it by hand.
    """
    source = SOURCES[name]
    place, staging = root / source.folder, root / STAGING / source.folder
    if place.exists():
        difference = _difference(source, root)
        whole = ", and whole" if source.expected else ""
        print(f"{source.folder}: there already{f', but with {difference}' if difference else whole}.")
    elif source.download is None:
        raise RuntimeError(f"{source.folder} has no download: put it at {place} by hand; see data/README.md.")
    else:
        print(f"{source.folder}: fetching from Kaggle, {source.download_size}.", flush=True)
        try:
            os.replace(_whole_tree(source, staging, photos), place)
        except (OSError, ValueError) as problem:
            raise RuntimeError(
                f"{source.folder} could not be fetched ({reason(problem)}): {kaggle.by_hand(source.download, place)}"
            ) from problem
        print(f"{place}: whole.")
    shutil.rmtree(staging, ignore_errors=True)
    _remove_if_empty(staging.parent)


def _whole_tree(source, staging, photos):
    """The folder of a source in staging, fetched and counted. Raises ValueError if it is not whole."""
    # A folder of the right name: the source counts what is below the root that it is given.
    tree = staging / "root" / source.folder
    if isinstance(source.download, KagglePhotos):
        kaggle.fetch_photos(source.download, tree, photos)
    else:
        kaggle.fetch_archive(source.download, tree, staging)
    difference = _difference(source, tree.parent)
    if difference:
        shutil.rmtree(staging)
        raise ValueError(f"what came has {difference}")
    return tree


def _difference(source, root):
    """The first count below root that is not that of the whole source, with both numbers; "" if there is none."""
    counts = source.count(root)
    for name, expected in source.expected.items():
        more = name in source.at_least and counts[name] > expected
        if counts[name] != expected and not more:
            return f"{counts[name]:,} {name} instead of {expected:,}"
    return ""


def _remove_if_empty(folder):
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
