"""What a data set is: images, read when asked for, with labels, patients and, where known, boxes or masks."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from black_average_drop.datasets.findings import Findings

KEPT_BYTES = 2 << 30  # of decoded images, by a data set that is kept in memory


@dataclass(frozen=True)
class Picture:
    """One image as the network sees it, and what is known of how it is shown."""

    pixels: np.ndarray  # uint8 (H, W, 3)
    shown: str  # in words, by which limits
    filled: float  # how much of black to white the file's image uses, from 0, a blank picture, to 1
    original: tuple[int, int]  # (width, height) of the file's image as it is shown, after any turn that EXIF asks for


@dataclass(frozen=True)
class Dataset:
    """N images and what is known of them; `read(i)` renders or decodes image i as uint8 (H, W, 3)."""

    ids: np.ndarray  # (N,) text, unique until `subset` repeats an image
    labels: np.ndarray  # (N,) index into class_names
    groups: np.ndarray  # (N,) the patient, or something else that makes images dependent; otherwise the image's id
    class_names: tuple[str, ...]
    size: tuple[int, int]  # (H, W)
    positions: np.ndarray  # (N,) the numbers that `read`, `read_mask`, `boxes`, `look` and `file` take
    read: Callable[[int], np.ndarray]
    read_mask: Callable[[int], np.ndarray] | None = None  # boolean (H, W): the pixels of the object or lesion
    boxes: Callable[[int], list[tuple]] | None = None  # [(name, x0, y0, x1, y1), ...] in pixels of the image as read
    every_box: bool = False  # every box is of the class, also under another name: the class stands for many findings
    findings: Findings | None = None  # several in one image; labels may say something else, such as a folder
    look: Callable[[int], Picture] | None = None  # of files: decodes one, as `read` does, and says how it is shown
    file: Callable[[int], Path] | None = None  # of files: where image i lies

    def __len__(self):
        return len(self.ids)

    def subset(self, chosen):
        """Select some of the images, as a data set of their own.

        Args:
            chosen: indices, or a boolean (N,). An index may come several times, once for each finding.
        """
        rows = {name: getattr(self, name)[chosen] for name in ("ids", "labels", "groups", "positions")}
        if self.findings is not None:
            rows["findings"] = self.findings.of_rows(chosen)
        return replace(self, **rows)

    def images(self, chosen=None):
        """Read the images at the given indices, by default all of them.

        Returns:
            uint8 (n, H, W, 3), 0..255.
        """
        return np.stack([self.read(position) for position in self.positions[slice(None) if chosen is None else chosen]])

    def regions(self):
        """Mark the object or lesion of each image's class, by its mask or else its boxes.

        Returns:
            boolean (N, H, W).

        Raises:
            ValueError: if the data set has neither masks nor boxes.
        """
        regions = np.zeros((len(self), *self.size), bool)
        for region, position, label in zip(regions, self.positions, self.labels, strict=True):
            for _, mask in self.lesions(position, label):
                region |= mask
        return regions

    def lesions(self, position, label):
        """List the objects or lesions of an image's class, one by one.

        Args:
            position: one of `positions`.
            label: the class, an index into `class_names`.

        Returns:
            [(name, boolean (H, W)), ...]; empty masks are left out.

        Raises:
            ValueError: if the data set has neither masks nor boxes.
        """
        if self.read_mask:
            mask = self.read_mask(position)
            return [(self.class_names[label], mask)] if mask.any() else []
        if not self.boxes:
            raise ValueError("This data set has neither masks nor boxes: the places of its objects are not known.")
        lesions = []
        for name, *corners in self.boxes(position):
            if self.every_box or name == self.class_names[label]:
                left, top, right, bottom = (round(corner) for corner in corners)
                mask = np.zeros(self.size, bool)
                mask[top:bottom, left:right] = True
                lesions += [(name, mask)] if mask.any() else []
        return lesions

    def named(self, name):
        """Select the one image of that id, as a data set.

        Raises:
            ValueError: if there is no such image.
        """
        rows = np.flatnonzero(self.ids == name)[:1]
        if not len(rows):
            raise ValueError(f"There is no image {name!r} in this data set: name one like {str(self.ids[0])!r}.")
        return self.subset(rows)

    def in_memory(self):
        """Keep each image in memory once it has been asked for, as far as KEPT_BYTES reach.

        Training asks for all images in every epoch. Of a grey image one channel is kept.
        """
        kept, room = {}, KEPT_BYTES

        def read(position):
            nonlocal room
            if position in kept:
                return np.broadcast_to(kept[position], (*self.size, 3))
            image = self.read(position)
            part = image[..., :1].copy() if (image == image[..., :1]).all() else image
            if part.nbytes <= room:
                kept[position] = part
                room -= part.nbytes
            return image

        return replace(self, read=read)

    def batches(self, batch_size):
        """Read the images in batches, those of a batch in parallel: memory does not grow with N.

        An image that comes several times in a batch is read once.

        Args:
            batch_size: the largest number of images in a batch, 1 or more.

        Returns:
            A re-iterable of uint8 (n, H, W, 3) with n <= batch_size.

        Raises:
            ValueError: if batch_size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}: at least 1 is expected.")
        return _Batches(self, batch_size)


class _Batches:
    """A re-iterable of batches that knows the number of images, `total`."""

    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size, self.total = dataset, batch_size, len(dataset)

    def __iter__(self):
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            for start in range(0, self.total, self.batch_size):
                positions = self.dataset.positions[start : start + self.batch_size]
                different = dict.fromkeys(positions)
                images = dict(zip(different, readers.map(self.dataset.read, different), strict=True))
                yield np.stack([images[position] for position in positions])


def split_by_group(groups, share, seed=0):
    """Draw about a share of the images at random, whole patients only.

    Args:
        groups: (N,), the patient of each image.
        share: of the images, 0 to 1; what is drawn is never more.
        seed: of the drawing.

    Returns:
        boolean (N,), true for the images that were drawn.
    """
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    chosen = order[np.cumsum(sizes[order]) <= share * len(groups)]
    return np.isin(groups, names[chosen])
