"""Images with their labels and, where there are any, boxes or masks: one module a source.

Every source gives a `Dataset`; images are pixels 0..255, RGB, of one size, read only when asked for.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image

# Where each real source lies below the data root.
FOLDERS = {"chest_xray": "chest_xray", "chestxray14": "nih-chest-xrays", "imagenet": "ILSVRC2012"}
KEPT_BYTES = 2 << 30  # of decoded images, by a data set that is kept in memory
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
# The only formats that Pillow may open: it goes by content, and hands PostScript to a program that runs what is in it.
FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
_SAMPLE_FORMAT, _SIGNED = 339, 2  # a tag of TIFF, and its value where numbers below 0 may come


@dataclass(frozen=True)
class Dataset:
    """N images and what is known of them; `read(i)` renders or decodes image i as uint8 (H, W, 3)."""

    ids: np.ndarray  # (N,) text, unique
    labels: np.ndarray  # (N,) index into class_names
    groups: np.ndarray  # (N,) the patient, or whatever else makes images dependent; the image itself otherwise
    class_names: tuple[str, ...]
    size: tuple[int, int]  # (H, W)
    positions: np.ndarray  # (N,) what `read`, `read_mask` and `boxes` are asked with
    read: Callable[[int], np.ndarray]
    read_mask: Callable[[int], np.ndarray] | None = None  # boolean (H, W): the pixels of the object or lesion
    boxes: Callable[[int], list[tuple]] | None = None  # [(name, x0, y0, x1, y1), ...] in pixels of the image as read
    every_box: bool = False  # the class stands for many findings: each box is of it, whatever the box's own name

    def __len__(self):
        return len(self.ids)

    def subset(self, chosen):
        """The images at the given indices, or where a boolean (N,) is true."""
        rows = {name: getattr(self, name)[chosen] for name in ("ids", "labels", "groups", "positions")}
        return replace(self, **rows)

    def images(self, chosen=None):
        """uint8 (n, H, W, 3): the chosen images, by default all of them."""
        return np.stack([self.read(position) for position in self.positions[slice(None) if chosen is None else chosen]])

    def regions(self):
        """boolean (n, H, W): where the object or lesion of each image's class is, by its mask or else its boxes.

        Raises ValueError if the data set has neither."""
        regions = np.zeros((len(self), *self.size), bool)
        for region, position, label in zip(regions, self.positions, self.labels, strict=True):
            for _, mask in self.lesions(position, label):
                region |= mask
        return regions

    def lesions(self, position, label):
        """The objects or lesions of an image's class, one by one: [(name, boolean (H, W)), ...]; empty masks left out.

        Raises ValueError if the data set has neither masks nor boxes."""
        if self.read_mask:
            mask = self.read_mask(position)
            return [(self.class_names[label], mask)] if mask.any() else []
        if not self.boxes:
            raise ValueError("This data set has neither masks nor boxes: where its objects are is not known.")
        found = []
        for name, *corners in self.boxes(position):
            if self.every_box or name == self.class_names[label]:
                left, top, right, bottom = (round(corner) for corner in corners)
                mask = np.zeros(self.size, bool)
                mask[top:bottom, left:right] = True
                found += [(name, mask)] if mask.any() else []
        return found

    def named(self, wanted):
        """The one image of that id. Raises ValueError if there is none."""
        found = np.flatnonzero(self.ids == wanted)
        if not len(found):
            raise ValueError(f"There is no image {wanted!r} in this data set: name one like {str(self.ids[0])!r}.")
        return self.subset(found)

    def in_memory(self):
        """The same images, each read when first asked for and then kept, as far as KEPT_BYTES reach: for training,
        which asks for all of them in every epoch. Of a grey image one channel is kept."""
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
        """Re-iterable of uint8 (n, H, W, 3) with n <= batch_size, read as it goes, the images of a batch side by side:
        memory does not grow with N.

        Raises ValueError for a batch_size below 1."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}: at least 1 is wanted.")
        return _Batches(self, batch_size)


class _Batches:
    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size, self.total = dataset, batch_size, len(dataset)

    def __iter__(self):
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            for start in range(0, self.total, self.batch_size):
                positions = self.dataset.positions[start : start + self.batch_size]
                yield np.stack(list(readers.map(self.dataset.read, positions)))


def from_files(paths, ids, labels, groups, class_names, size, crop=1.0, boxes=None, open_image=None):
    """A Dataset of image files. boxes: position -> [(name, x0, y0, x1, y1)] in pixels of the original file.

    size (H, W); crop and open_image as in `read_image`. Boxes are cut at the border of the image. Raises ValueError if
    there is no image or an id comes twice and, when boxes are asked for, for one that lies outside its image.
    """
    ids = np.asarray(ids, str)
    if not len(ids):
        raise ValueError("There is no image to read: check the folder and the selection.")
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"The id {unique[counts > 1][0]} stands for several images: name each image once.")

    def scaled_boxes(position):
        with opened(paths[position]) as image:
            width, height = image.size
        left, top, side_x, side_y = _crop_window((width, height), size, crop)
        scale_x, scale_y = size[1] / side_x, size[0] / side_y
        corners = []
        for name, *box in boxes(position):
            if not (max(box[0], 0) < min(box[2], width) and max(box[1], 0) < min(box[3], height)):  # nor with NaN
                raise ValueError(
                    f"{paths[position]}: its box {name} {tuple(box)} lies outside its {width} x {height} pixels: mend "
                    "the table of boxes, or leave the image out."
                )
            x0, x1 = np.clip([(x - left) * scale_x for x in box[0::2]], 0, size[1])
            y0, y1 = np.clip([(y - top) * scale_y for y in box[1::2]], 0, size[0])
            if x1 > x0 and y1 > y0:  # a box outside the crop is not in the image any more
                corners.append((name, float(x0), float(y0), float(x1), float(y1)))
        return corners

    return Dataset(
        ids=ids,
        labels=np.asarray(labels, int),
        groups=np.asarray(groups, str),
        class_names=tuple(class_names),
        size=tuple(size),
        positions=np.arange(len(ids)),
        read=lambda position: read_image(paths[position], size, crop, open_image),
        boxes=scaled_boxes if boxes else None,
    )


def split_by_group(groups, share, seed=0):
    """Boolean (N,): about `share` of the images, whole patients (groups (N,)) only, drawn at random."""
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    chosen = order[np.cumsum(sizes[order]) <= share * len(groups)]
    return np.isin(groups, names[chosen])


def opened(path):
    """One file as a Pillow image, not decoded yet.

    Raises ValueError naming the file if it is no image, holds several pages or frames, of which somebody must choose
    one, or more pixels than Pillow takes for harmless, or is what Pillow decodes without a word to other values:
    colours of 16 bits, a TIFF of signed bytes, or a TIFF to be turned, which 13.0 gives in scrambled rows if it is not
    compressed.
    """
    with decoding(path):
        image = Image.open(path, formats=FORMATS)
        width, height, pages = *image.size, getattr(image, "n_frames", 1)
        turned = image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.Orientation, 1) != 1
        deep, signed = _has_deep_colours(image), image.mode == "L" and is_signed(image)
    if pages > 1:
        image.close()
        raise ValueError(
            f"{path} holds {pages} pages or frames, and one is wanted: save it by itself, or leave it out."
        )
    if turned:
        image.close()
        raise ValueError(f"{path} is a TIFF that its tag Orientation turns: save it upright, or leave it out.")
    if deep:
        image.close()
        raise ValueError(
            f"{path} has colours or transparency of 16 bits: convert it to 8 bits with the window to be shown."
        )
    if signed:
        image.close()
        raise ValueError(f"{path} is a TIFF of signed 8-bit values: save it with values from 0 to 255, or as 16 bits.")
    if width * height > Image.MAX_IMAGE_PIXELS:
        image.close()
        raise ValueError(f"{path} holds too many pixels ({width} x {height}): make it smaller, or leave it out.")
    return image


def is_signed(image):
    """Whether a Pillow image comes from a TIFF whose values may be below 0."""
    return image.format == "TIFF" and _SIGNED in image.tag_v2.get(_SAMPLE_FORMAT, ())


def read_image(path, size, crop=1.0, open_image=None):
    """Decode one file as uint8 (H, W, 3): grey becomes RGB, then bilinear resizing to size (H, W).

    crop=1.0 stretches the whole image; a smaller crop keeps the aspect ratio and takes the largest central window of
    that ratio, shrunk by crop (0.875 is ImageNet's usual evaluation). open_image: path -> Pillow image, by default
    `opened`, which leaves pixels where the file has them: a turn that its EXIF asks for is not made, so that boxes fit
    and classifiers see what they were trained on.
    Raises ValueError naming the file if it is truncated, no image, partly transparent, or of more than 8 bits: turning
    those into pixels 0..255 takes a background or a window that somebody must choose.
    """
    with (open_image or opened)(path) as image:
        if image.mode == "F" or image.mode.startswith("I"):
            raise ValueError(f"{path} has more than 8 bits a pixel: convert it to 8 bits with the window to be shown.")
        with decoding(path):
            opaque = not image.has_transparency_data or image.convert("RGBA").getchannel("A").getextrema()[0] == 255
        if not opaque:
            raise ValueError(f"{path} is transparent in places: save it on the background that is to be shown.")
        left, top, width, height = _crop_window(image.size, size, crop)
        window = (left, top, left + width, top + height)
        with decoding(path):
            image = image.convert("RGB").resize((size[1], size[0]), Image.Resampling.BILINEAR, box=window)
            return np.asarray(image)


@contextmanager
def decoding(path):
    """Around what Pillow does with a file: whatever it raises becomes a ValueError that names the file."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        raise ValueError(f"{path} holds too many pixels ({problem}): make it smaller, or leave it out.") from problem
    except Exception as problem:  # damaged files make its decoders raise errors of every kind
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ValueError(f"{path} cannot be read as an image ({reason}): remove it or fetch it again.") from problem


def readable(name):
    """A file's name as text that can be written: what is no UTF-8 in it in hexadecimal."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_name(path):
    """Raises ValueError for a name that no table and no page can hold."""
    if readable(path) != str(path):
        raise ValueError(f"The name of {readable(path)} is not UTF-8: rename the file or its folder.")


@contextmanager
def listing(folder):
    """Around what looks into a folder: a part of it that cannot be read becomes a ValueError that names it."""
    try:
        yield
    except OSError as problem:
        place = problem.filename or folder
        raise ValueError(
            f"{place} cannot be read ({problem.strerror}): make it readable for yourself, or leave it out."
        ) from problem


def read_table(path, columns):
    """A CSV in UTF-8, with or without a byte-order mark, as a DataFrame of text; spaces around column names are cut.

    Raises ValueError naming the file if it is no such CSV, a row is longer than the header, or one of `columns` is
    missing, there twice, or empty in a row.
    """
    try:
        # With the header as a row like the others, pandas neither renames columns nor shifts rows that are too long.
        # Opened here, so that what is named like an address or an archive is neither fetched nor unpacked.
        with open(path, encoding="utf-8-sig", newline="") as file:
            cells = pd.read_csv(file, dtype=str, header=None, na_filter=False)
    except (OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())
        raise ValueError(
            f"{path} cannot be read as a CSV ({reason}): save it in UTF-8, with a comma between columns."
        ) from problem
    names = [name.strip() for name in cells.iloc[0]]
    table = cells.iloc[1:].fillna("").reset_index(drop=True).set_axis(names, axis=1)
    for name in columns:
        if names.count(name) != 1:
            there = "no column" if name not in names else "more than one column"
            raise ValueError(f"{path} has {there} {name!r}: fetch the original table again.")
        if (table[name].str.strip() == "").any():
            row = int((table[name].str.strip() == "").argmax()) + 1
            raise ValueError(f"{path} has nothing in column {name!r} of row {row}: fetch the original table again.")
    return table


def require_folder(path, what):
    """The folder as a Path. Raises FileNotFoundError saying what should be there and how to name another place."""
    path = Path(path)
    with listing(path):
        there = path.is_dir()
    if not there:
        raise FileNotFoundError(f"{path} is missing: it should hold {what}; see data/README.md, or pass another DATA=.")
    return path


def visible_folders(folder):
    """Sub-folders in order of name, hidden ones left out. Raises ValueError for a folder that cannot be read."""
    with listing(folder):
        return sorted(path for path in Path(folder).iterdir() if path.is_dir() and not path.name.startswith("."))


def image_files(folder):
    """Image files directly inside a folder, in order of name, hidden ones left out. Raises ValueError for a folder
    that cannot be read."""
    with listing(folder):
        return sorted(
            path
            for path in Path(folder).iterdir()
            if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        )


def _has_deep_colours(image):
    """Whether Pillow would cut colours to the upper 8 of 16 bits, which makes those of 12 bits nearly black."""
    if image.mode == "F" or image.mode.startswith("I"):
        return False
    if image.format == "TIFF":
        return max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,))) > 8
    return image.format == "PNG" and any(";16" in str(tile.args) for tile in image.tile)


def _crop_window(original, size, crop):
    """(left, top, width, height) of the part of an original (width, height) that becomes the image of size (H, W)."""
    width, height = original
    if crop == 1.0:
        return 0.0, 0.0, float(width), float(height)
    scale = crop * min(width / size[1], height / size[0])
    window = (size[1] * scale, size[0] * scale)
    return (width - window[0]) / 2, (height - window[1]) / 2, *window
