"""Lesions in a JSON file: annotations as COCO has them, or run-length encodings as CheXlocalize has them."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from black_average_drop.datasets.lesions import run_length
from black_average_drop.datasets.lesions.marks import (
    Mark,
    Marked,
    check_box,
    check_coordinates,
    check_pixels,
    filled,
)
from black_average_drop.datasets.paths import listing


def marks_in_json(path):
    """Read the lesions of a JSON file.

    COCO: images, annotations with a segmentation or else a bbox, and categories. CheXlocalize: image -> finding ->
    size and counts, where the image's path has _ for each / and no suffix. An image that has none is one without a
    lesion.

    Args:
        path: the file.

    Returns:
        A `Marked`.

    Raises:
        ValueError: if the file is no JSON, or neither of the two, or if a lesion in it is none.
    """
    content = _content(path)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return _of_coco(content, path)
    if isinstance(content, dict) and content and all(map(_is_encoded, content.values())):
        return _of_chexlocalize(content, path)
    raise ValueError(
        f"{path} is neither JSON of COCO nor of CheXlocalize: give it lists called images, annotations and categories."
    )


def _content(path):
    with listing(path):
        data = Path(path).read_bytes()
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        reason = " ".join(str(problem).split())[:100]
        raise ValueError(f"{path} cannot be read as JSON ({reason}): save it again in UTF-8.") from problem


def _is_encoded(findings):
    return isinstance(findings, dict) and all(map(_is_run_length, findings.values()))


def _of_chexlocalize(content, path):
    marks = []
    for image, findings in content.items():
        for finding, mask in findings.items():
            where = f"{path}, {finding} in {image}"
            marks.append(Mark(image, finding, where, draw=_decoding(mask, where)))
    clear = tuple(image for image, findings in content.items() if not findings)
    return Marked(tuple(marks), clear, joined=True)


def _of_coco(content, path):
    images = _numbered(content, "images", "file_name", path)
    names = _numbered(content, "categories", "name", path) if content.get("categories") else None
    marks, marked = [], set()
    for number, annotation in enumerate(content["annotations"], start=1):
        where = f"{path}, annotation {number}"
        image = _looked_up(images, annotation, "image_id", "images", where)
        name = _looked_up(names, annotation, "category_id", "categories", where)["name"] if names else ""
        marked.add(image["file_name"])
        marks.append(_mark(annotation, image, name, where))
    check_pixels(marks, path)
    clear = [image["file_name"] for image in images.values() if image["file_name"] not in marked]
    return Marked(tuple(marks), tuple(clear))


def _mark(annotation, image, finding, where):
    """One annotation as a `Mark`: by its segmentation, or else by its box."""
    name, shape = image["file_name"], annotation.get("segmentation")
    declared = (image["width"], image["height"]) if {"width", "height"} <= set(image) else None
    if _is_run_length(shape):
        return Mark(name, finding, where, draw=_decoding(shape, where), declared=declared)
    if shape:
        polygons = _polygons(shape, where)
        corners = np.concatenate(polygons)
        outline = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
        return Mark(name, finding, where, draw=partial(filled, polygons), outline=outline, declared=declared)
    box = annotation.get("bbox")
    if not _are_numbers(box) or len(box) != 4:
        raise ValueError(f"{where} has neither a segmentation nor a bbox of four numbers: give it one of them.")
    corners = (box[0], box[1], box[0] + box[2], box[1] + box[3])
    check_box(corners, where)
    return Mark(name, finding, where, tuple(map(float, corners)), declared=declared)


def _decoding(mask, where):
    """What decodes a run-length encoding when the mask is asked for."""

    def draw(original):
        try:
            return run_length.decode(mask["size"], mask["counts"])
        except ValueError as problem:
            raise ValueError(f"{where}: {problem}: save the mask again.") from problem

    return draw


def _polygons(shape, where):
    """[(n, 2), ...]: the corners of each polygon, which COCO gives as x, y, x, y and so on."""
    polygons = []
    for values in shape if isinstance(shape, list) else [shape]:
        if not _are_numbers(values) or len(values) < 6 or len(values) % 2:
            raise ValueError(f"{where} has a polygon that is no list of x and y of three corners or more: mend it.")
        check_coordinates(values, where)
        polygons.append(np.array(values, float).reshape(-1, 2))
    return polygons


def _are_numbers(values):
    return isinstance(values, list) and all(type(value) in (int, float) for value in values)


def _is_run_length(value):
    return isinstance(value, dict) and {"size", "counts"} <= set(value)


def _numbered(content, part, name, path):
    """The entries of one of COCO's lists, which have a name, by their ids."""
    entries = content.get(part)
    if not isinstance(entries, list):
        raise ValueError(f"{path} has no list called {part}: give it one, as COCO has.")
    numbered = {}
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get(name), str) or not entry[name]:
            raise ValueError(f"{path}: entry {number} of its {part} has no {name}: give it one.")
        key = entry.get("id")
        if type(key) not in (int, str) or key in numbered:
            raise ValueError(f"{path}: entry {number} of its {part} has no id of its own: give it one.")
        numbered[key] = entry
    return numbered


def _looked_up(entries, annotation, key, part, where):
    number = annotation.get(key) if isinstance(annotation, dict) else None
    if type(number) not in (int, str) or number not in entries:
        raise ValueError(f"{where} has the {key} {number}, which is none of the {part}: mend it.")
    return entries[number]
