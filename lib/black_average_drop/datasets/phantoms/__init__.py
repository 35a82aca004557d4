"""Phantoms: images drawn from a seed whose lesion or object is known to the pixel.

`radiographs` are frontal chest images of two classes told apart by a lesion, `marked_radiographs` the same chests told
apart by a planted marker, `objects` coloured things of ten classes. Image i of a seed is the same whatever the number
of images.
"""

import numpy as np

from black_average_drop.datasets.dataset import Dataset
from black_average_drop.datasets.phantoms.chest import draw_chest, draw_radiograph
from black_average_drop.datasets.phantoms.scene import draw_object
from black_average_drop.datasets.phantoms.shapes import SHAPES

RADIOGRAPH_CLASSES = ("normal", "pneumonia")
OBJECT_CLASSES = tuple(SHAPES)
LEAST_SIZE = 64  # pixels


def radiographs(count, seed=0, size=128, lesions=True):
    """Draw chest radiographs, half of them with an opacity of 1 % to 15 % of the lung area and its mask.

    Args:
        count: how many images, 1 or more.
        seed: of the images.
        size: their width and height, in pixels, 64 or more.
        lesions: with False the ids, labels and chests are the same, and every lesion is left out.

    Returns:
        A `Dataset` with masks, of the classes normal and pneumonia.
    """
    labels = np.arange(count) % 2

    def render(i):
        return draw_radiograph(seed, i, lesions and bool(labels[i]), size)

    return _dataset("radiograph", count, seed, size, labels, RADIOGRAPH_CLASSES, render)


def marked_radiographs(count, seed=0, size=128, lesions=True, markers=True, region="marker"):
    """Draw chest radiographs whose class depends on a planted marker alone, as on a hospital's stamp.

    Every image of class 1 carries the marker near the border, outside the lungs. A coin of its own decides for each
    image whether it has a lesion.

    Args:
        count, seed, size: as in `radiographs`.
        lesions: with False the ids, labels and chests are the same, and every lesion is left out.
        markers: with False the ids, labels and chests are the same, and every marker is left out.
        region: what the masks show of the image as it is drawn, "marker" or "lesion".

    Returns:
        A `Dataset` with masks, of the classes normal and pneumonia.

    Raises:
        ValueError: if region is something else.
    """
    if region not in ("marker", "lesion"):
        raise ValueError(f"region is {region!r}: choose marker or lesion.")
    labels = np.arange(count) % 2

    def render(i):
        ill = np.random.default_rng([seed, i, 4]).uniform() < 0.5
        image, lesion, marker = draw_chest(seed, i, lesions and ill, markers and bool(labels[i]), size)
        return image, marker if region == "marker" else lesion

    return _dataset("marked-radiograph", count, seed, size, labels, RADIOGRAPH_CLASSES, render)


def objects(count, seed=0, size=128):
    """Draw photo-like images of ten kinds of coloured, textured things on a cluttered ground, with the thing's mask.

    Args:
        count, seed, size: as in `radiographs`.

    Returns:
        A `Dataset` with masks, of the classes OBJECT_CLASSES.
    """
    labels = np.arange(count) % len(OBJECT_CLASSES)

    def render(i):
        return draw_object(seed, i, OBJECT_CLASSES[labels[i]], size)

    return _dataset("object", count, seed, size, labels, OBJECT_CLASSES, render)


def _dataset(kind, count, seed, size, labels, class_names, render):
    """The images that render(i) draws, each with its mask."""
    if count < 1 or size < LEAST_SIZE:
        raise ValueError(
            f"{count} phantoms of {size} pixels: at least one of at least {LEAST_SIZE} pixels is expected."
        )
    ids = np.array([f"{kind}-{seed}-{i:05d}" for i in range(count)])
    return Dataset(
        ids=ids,
        labels=labels,
        groups=ids,  # every phantom is a patient of its own
        class_names=class_names,
        size=(size, size),
        positions=np.arange(count),
        read=lambda position: render(position)[0],
        read_mask=lambda position: render(position)[1],
    )
