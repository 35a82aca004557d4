"""Lesions that the user marked in images: read, checked, and given as masks at the size of the network's image.

`boxes`, `json_files` and `mask_files` read the kinds of files. `marks` places a lesion in the
network's image, and `lesions` holds what comes of it.
"""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd

from black_average_drop import progress
from black_average_drop.datasets.lesions import Lesions, packed
from black_average_drop.datasets.lesions.boxes import marks_in_table
from black_average_drop.datasets.lesions.json_files import marks_in_json
from black_average_drop.datasets.lesions.marks import placed
from black_average_drop.datasets.lesions.mask_files import check_mask, marks_in_folder, masks_below
from black_average_drop.datasets.maps import layout
from black_average_drop.datasets.paths import listing
from black_average_drop.datasets.tables.image_names import images_of_rows
from black_average_drop.files import sha256

MOST_BYTES = 200_000_000  # of one file; a JSON takes up to ten times as much in memory
MOST_HEADERS = 300  # of masks whose beginning is read by the first check
TABLES = (".csv", ".tsv", ".txt")
# What is counted -> what one of them is, and what several are.
_COUNTED = {
    "unknown": ("lesion names an image that is not there", "lesions name images that are not there"),
    "elsewhere": ("lesion is of an image that is not explained", "lesions are of images that are not explained"),
    "twice": ("box is there twice and was taken once", "boxes are there twice and were taken once"),
    "cut": (
        "lesion reaches beyond its image and was cut at the border",
        "lesions reach beyond their images and were cut at the border",
    ),
    "away": (
        "lesion is in a part of its image that fit={fit} cuts away",
        "lesions are in parts of their images that fit={fit} cuts away",
    ),
    "small": (
        "lesion is too small to be seen in the network's image",
        "lesions are too small to be seen in the network's image",
    ),
    "whole": ("lesion covers the whole image", "lesions cover the whole image"),
    "black": ("mask marks nothing", "masks mark nothing"),
    "clear": ("image is listed without a lesion", "images are listed without a lesion"),
    "files": (
        "file next to the masks is none and was passed over",
        "files next to the masks are none and were passed over",
    ),
}


def load(place, dataset, fit, sizes, names=()):
    """Read the lesions of images from a file or folder, and place them in the network's image.

    Every file is read once, here. An image that a file of lesions names by a part of its path is found if that part
    is of one image alone.

    Args:
        place: a CSV of boxes, a JSON of COCO or CheXlocalize, or a folder of masks.
        dataset: a `Dataset` of images; one with several findings may be there several times.
        fit: as in `images.read_image`, that of the images.
        sizes: id -> (width, height) of the image file as it is shown.
        names: ids of all images there are, if dataset holds only some of them.

    Returns:
        `Lesions`, in the order of the file. Those of images that dataset does not hold are counted.

    Raises:
        FileNotFoundError: if place is missing.
        ValueError: if place is of no known kind, damaged or too large, if none of its images is there, or if a lesion
            is none, lies outside its image, or was marked in an image of another size.
    """
    here, counts = set(map(str, dataset.ids)), Counter()
    there = list(map(str, names)) or sorted(here)
    marked = _marks_in(place, there)
    owners = _owners(marked, there, place)
    rows, parts, seen = [], [], set()
    with progress.bar(total=len(marked.marks), desc="lesions", unit="lesion") as bar:
        for mark in marked.marks:
            bar.update(1)
            owner = owners[mark.image]
            if owner not in here:
                counts["elsewhere" if owner else "unknown"] += 1
                continue
            key = (owner, mark.finding, mark.box)
            if mark.box and key in seen:
                counts["twice"] += 1
                continue
            seen.add(key)
            lesion = placed(replace(mark, image=owner), sizes[owner], dataset.size, fit)
            counts["cut"] += lesion.is_cut
            if not lesion.mask.any():
                counts["small" if lesion.is_shown else "away" if lesion.is_drawn else "black"] += 1
                continue
            counts["whole"] += lesion.mask.all()
            rows.append((owner, mark.finding, mark.kind, lesion.mask.mean()))
            parts.append(packed(lesion.mask))
    counts["clear"] = len({owners[name] for name in marked.clear} & here - {owner for owner, *_ in rows})
    counts["files"] = marked.passed_over
    table = pd.DataFrame(rows, columns=["id", "finding", "kind", "area"])
    return Lesions(table, (*_notes(counts, fit), *marked.notes), tuple(dataset.size), tuple(parts))


def check_lesions(place, names):
    """Refuse a file or folder of lesions by what it says, before an image is decoded.

    What passes may still hold a lesion that does not fit its image.

    Args:
        place: as in `load`.
        names: ids of all images there are.

    Returns:
        The ids of the images that have a lesion, or a mask that may be black, as a set.

    Raises:
        FileNotFoundError, ValueError: as `load`, for what needs no image and no decoded mask.
    """
    names = list(map(str, names))
    marked = _marks_in(place, names)
    owners = _owners(marked, names, place)
    if Path(place).is_dir():
        for mark in marked.marks[:MOST_HEADERS]:
            check_mask(mark.where)
    return {owners[mark.image] for mark in marked.marks} - {""}


def checksum_of_lesions(place):
    """Compute the SHA-256, hexadecimal, over the file of lesions, or over the names and bytes of all masks in a folder.

    Raises:
        ValueError: if it cannot be read.
    """
    place = Path(place)
    with listing(place):
        if place.is_file():
            return sha256(place)
        whole = hashlib.sha256()
        for name, path in masks_below(place)[0]:
            whole.update(f"{name}\0{sha256(path)}\0".encode())
    return whole.hexdigest()


def _marks_in(place, names):
    """What a place holds, by the reader of its kind."""
    place = Path(place)
    with listing(place):
        is_folder, is_file = place.is_dir(), place.is_file()
    if is_folder:
        return marks_in_folder(place, names)
    if not is_file:
        raise FileNotFoundError(f"{place} is missing: name a file of boxes or a folder of masks.")
    if place.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"{place} is larger than {MOST_BYTES // 1_000_000} MB: leave only the lesions of your images in it."
        )
    if place.suffix.lower() == ".json":
        return marks_in_json(place)
    if place.suffix.lower() in TABLES:
        return marks_in_table(place)
    raise ValueError(
        f"{place} is of no kind that is known here: name a .csv of boxes, a .json of COCO or CheXlocalize, or a folder "
        "of masks."
    )


def _owners(marked, names, place):
    """Each image that a file of lesions names -> its id, "" if it is none of the images."""
    given = list(dict.fromkeys([*(mark.image for mark in marked.marks), *marked.clear]))
    if not given:
        raise ValueError(f"{place} names no image: write one row for each lesion there.")
    if Path(place).is_dir():
        there = set(names)
        found = [name if name in there else "" for name in given]
    elif marked.joined:
        found = _of_joined_names(given, names, place)
    else:
        found = [name or "" for name in images_of_rows(given, names, place)[0]]
    if not any(found):
        raise ValueError(
            f"{place} names {given[0]}, which is no image, as are the others there, and the first image is {names[0]}: "
            "write names below your folder of images."
        )
    return dict(zip(given, found, strict=True))


def _of_joined_names(given, names, place):
    """The ids of images whose paths have _ for /, "" for none: of a path, or of its end."""
    ends = {}
    for name in names:
        parts = layout.image_stems([name])[0].split("/")
        for first in range(len(parts)):
            ends.setdefault("_".join(parts[first:]), []).append(name)
    for name in given:
        if len(ends.get(name, ())) > 1:
            raise ValueError(
                f"{place} names {name}, which fits {ends[name][0]} and {ends[name][1]}: leave out one of the images."
            )
    return [ends.get(name, [""])[0] for name in given]


def _notes(counts, fit):
    """Sentences on what was counted, without a name of an image or a file."""
    return tuple(
        f"{counts[what]:,} {one if counts[what] == 1 else several}.".replace("{fit}", fit)
        for what, (one, several) in _COUNTED.items()
        if counts[what]
    )
