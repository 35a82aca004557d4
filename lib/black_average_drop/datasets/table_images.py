"""Which image a row of a table means: by its path, by the end of a longer path, or by its bare name."""

import posixpath
import re
from collections import Counter

from black_average_drop.datasets import dicom_headers
from black_average_drop.datasets.paths import IMAGE_SUFFIXES

SUFFIXES = frozenset((*IMAGE_SUFFIXES, *dicom_headers.SUFFIXES))
SPLIT_FOLDERS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))

FROM_A_ROOT = re.compile(r"([A-Za-z]:)?[/\\]|\.\.")  # of a computer, or of another folder


def images_of_rows(values, names, path):
    """Find the image that each row of a table means.

    A value means an image if the two paths are equal, or one is the end of the other: `train/p1/a.png` means
    `p1/a.png`, and `a.png` means `p1/a.png`. The longest such path counts. The suffix may be missing, or be another
    one of images. If no value means an image, the folders that all values have in front are left out: they may be of
    another computer. Two kinds of folders are never left out, since another image may have the same name in another
    folder: those from the name of a split on, such as train, and the last folder of a path that begins at no root.

    Args:
        values: what the table calls the images: paths, of Windows too, or bare names.
        names: the images that are there, as paths below their folder.
        path: of the table, for the message.

    Returns:
        A list with the name of the image for each value, None where none is there, and how many folders in front were
        left out.

    Raises:
        ValueError: if a value fits several images.
    """
    written = {value: _plain_path(value) for value in dict.fromkeys(values)}
    found = _matched(written, names, path)
    folders = 0
    if not any(found.values()) and (folders := _shared_folders(written)):
        found = _matched({value: plain.split("/", folders)[-1] for value, plain in written.items()}, names, path)
    return [found[value] for value in values], folders if any(found.values()) else 0


def _matched(written, names, path):
    """Value -> name or None; written: value -> its plain path."""
    there = set(names)
    whole, ends = {}, {}
    depths = {plain.count("/") + 1 for plain in written.values()}
    for name in names:
        bare = _bare(name)
        whole.setdefault(bare, []).append(name)
        depth = bare.count("/") + 1
        for shorter in depths:
            if shorter < depth:
                ends.setdefault(bare.split("/", depth - shorter)[-1], []).append(name)
    return {
        value: value if value in there else _one(value, plain, whole, ends, path) for value, plain in written.items()
    }


def _one(value, plain, whole, ends, path):
    """The image that a value means, or None."""
    bare = _bare(plain)
    if not bare:
        return None
    equal, longer = whole.get(bare, []), ends.get(bare, [])
    last = plain.rpartition("/")[2]
    same_suffix = ([name for name in some if name.rpartition("/")[2] == last] for some in (equal, longer))
    candidates = next((some for some in (*same_suffix, equal, longer) if some), [])
    while not candidates and "/" in bare:
        bare = bare.partition("/")[2]
        candidates = whole.get(bare, [])
    if len(candidates) > 1:
        raise ValueError(
            f"{path} names {value}, which fits {candidates[0]} and {candidates[1]}: write the whole path of each there."
        )
    return candidates[0] if candidates else None


def _plain_path(value):
    """A path of any system, without what leads to its first folder."""
    path = posixpath.normpath(value.strip().replace("\\", "/"))
    while path.startswith(("/", "../")):
        path = path.partition("/")[2]
    return "" if path in (".", "..") else path


def _bare(path):
    """A path without the suffix of an image."""
    stem, point, suffix = path.rpartition(".")
    return stem if (point + suffix).lower() in SUFFIXES else path


def _shared_folders(written):
    """How many folders in front are left out, of value -> its plain path."""
    last = 1 if all(FROM_A_ROOT.match(value.strip()) for value in written) else 2
    number = 0
    for folders in zip(*(plain.split("/")[:-last] for plain in written.values()), strict=False):
        if len(set(folders)) > 1 or folders[0].lower() in SPLIT_FOLDERS:
            break
        number += 1
    return number


def named_twice(images):
    """Give an image that several rows mean, or None."""
    return next((name for name, number in Counter(images).items() if number > 1), None)
