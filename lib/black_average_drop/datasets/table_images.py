"""Which image a row of a table means: by its path, by the end of a longer path, or by its bare name."""

import posixpath
import re
from collections import Counter

from black_average_drop.datasets.paths import IMAGE_SUFFIXES

SUFFIXES = (*IMAGE_SUFFIXES, ".dcm", ".dicom", ".ima")
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
    written = {value: _parts(value) for value in dict.fromkeys(values)}
    found = _matched(written, names, path)
    shared = 0
    if not any(found.values()) and (shared := _shared_folders(written)):
        found = _matched({value: parts[shared:] for value, parts in written.items()}, names, path)
    return [found[value] for value in values], shared if any(found.values()) else 0


def _matched(written, names, path):
    """Value -> name or None; written: value -> parts of its path."""
    there = set(names)
    whole, ends = {}, {}
    lengths = {len(parts) for parts in written.values()}
    for name in names:
        parts = _bare(name.split("/"))
        whole.setdefault("/".join(parts), []).append(name)
        for length in lengths:
            if length < len(parts):
                ends.setdefault("/".join(parts[-length:]), []).append(name)
    return {
        value: value if value in there else _one(value, parts, whole, ends, path) for value, parts in written.items()
    }


def _one(value, parts, whole, ends, path):
    """The image that a value means, or None."""
    bare = _bare(parts)
    full = "/".join(bare)
    equal, longer = (whole.get(full, []), ends.get(full, [])) if full else ([], [])
    same_suffix = [[name for name in some if name.rpartition("/")[2] == parts[-1]] for some in (equal, longer)]
    shorter = (whole.get("/".join(bare[first:]), []) for first in range(1, len(bare)))
    candidates = next((some for some in (*same_suffix, equal, longer, *shorter) if some), None)
    if candidates is None:
        return None
    if len(candidates) > 1:
        raise ValueError(
            f"{path} names {value}, which fits {candidates[0]} and {candidates[1]}: write the whole path of each there."
        )
    return candidates[0]


def _parts(value):
    """The folders and the name in a path of any system."""
    path = value.strip().replace("\\", "/")
    return [part for part in posixpath.normpath(path).split("/") if part not in ("", ".", "..")]


def _bare(parts):
    """The same parts without the suffix of an image."""
    stem, suffix = posixpath.splitext(parts[-1]) if parts else ("", "")
    return [*parts[:-1], stem] if suffix.lower() in SUFFIXES else list(parts)


def _shared_folders(written):
    """How many folders in front are left out, of value -> parts of its path."""
    last = 1 if all(FROM_A_ROOT.match(value.strip()) for value in written) else 2
    number = 0
    for folders in zip(*(parts[:-last] for parts in written.values()), strict=False):
        if len(set(folders)) > 1 or folders[0].lower() in SPLIT_FOLDERS:
            break
        number += 1
    return number


def named_twice(images):
    """Give an image that several rows mean, or None."""
    return next((name for name, number in Counter(images).items() if number > 1), None)
