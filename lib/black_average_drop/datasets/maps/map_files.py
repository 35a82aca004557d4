"""Maps that another program or a person made, read from their files batch by batch, so that they are ranked like ours.

`layout` says which file is whose map, and `formats` how a file is read.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from black_average_drop import cams, controls, progress
from black_average_drop.datasets.images import fit_to_size
from black_average_drop.datasets.maps import formats, layout


@dataclass(frozen=True)
class MapFiles:
    """One set of maps of M pairs of an image and a finding: like an array (M, h, w) that is read when indexed."""

    paths: tuple[Path, ...]  # (M,)
    originals: tuple[tuple[int, int] | None, ...]  # (M,), the size (h, w) of each image file where the fit asks for it
    size: tuple[int, int]  # (h, w) of every map as it is given
    image_size: tuple[int, int]  # (H, W) of what the network sees
    fit: str  # of the images, one of `images.FITS`
    passed_over: int  # files below the folder of the set that are no maps, or hidden
    unused: int  # maps there of other images or findings

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, rows):
        """Read the maps of some rows, a slice or indices: float32 (n, h, w), >= 0.

        Raises:
            ValueError: as `formats.values_of_map`, or if a file is no longer as it was found.
        """
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self._read(chosen)
        maps = np.empty((len(chosen), *self.size), "float32")
        for one, number in zip(maps, chosen, strict=True):
            one[:] = self._read(number)
        return maps

    def _read(self, number):
        path = self.paths[number]
        values = formats.values_of_map(path)
        whole = _covers_whole_file(values.shape, self.image_size, self.originals[number])
        if values.shape == self.size and not whole:
            return values
        if self.size != self.image_size:
            raise ValueError(f"{path} has changed its size since the run began: run it again.")
        if whole:
            return np.asarray(fit_to_size(Image.fromarray(values), self.image_size, self.fit))
        return cams.upsample(values[None], self.image_size)[0]


def load(root, dataset, classes, class_names, fit="stretch"):
    """Find the maps that others made of images: every set of maps in a folder, as `layout` describes it.

    Every map is there, and the header of each is read, before anything else is computed. A map may have any scale. Its
    values below 0 count as 0. A map that is larger than the network's image, in height or width, covers the whole image
    file: it is fitted as the images are, with 0 around it where they are padded. So is a smaller one of the very size
    of the image file. Any other smaller map covers what the network sees. Where all maps of a set have one such size,
    they stay small, and evaluation upsamples them like those of a method. Where sizes differ, each map is brought to
    that of the network's image.

    Args:
        root: the folder.
        dataset: a `Dataset` of M pairs of an image and a finding: an image with several findings is there several
            times. Unless fit is "stretch", its `look` is asked for the size of each file.
        classes: (M,), the findings, indices into class_names.
        class_names: text, as the outputs of the network are called.
        fit: that of the images, one of `images.FITS`.

    Returns:
        name of the set -> `MapFiles`.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if a map is missing, ambiguous or cannot be read by its header, or a set is named like a map that
            is drawn here.
    """
    originals = _sizes_of_files(dataset, fit)
    stems, classes = layout.image_stems(dataset.ids), [int(number) for number in classes]
    sets, size = {}, tuple(dataset.size)
    for name, place in layout.sets_in(root, stems, class_names).items():
        if name in cams.METHODS | cams.ON_REQUEST | controls.CONTROLS:
            raise ValueError(f"{place} is named like a map that is drawn here: rename the folder.")
        listed = layout.list_maps(place)
        paths = layout.files_of_pairs(listed, place, stems, classes, class_names)
        sizes = [formats.size_of_map(path) for path in paths]
        whole = any(_covers_whole_file(one, size, original) for one, original in zip(sizes, originals, strict=True))
        common = size if whole or len(set(sizes)) > 1 else sizes[0]
        unused = sum(map(len, listed.files.values())) - len(paths)
        sets[name] = MapFiles(tuple(paths), originals, common, size, fit, listed.passed_over, unused)
    return sets


def maps_checksum(sets):
    """Compute the SHA-256, hexadecimal, over the names and all maps of sets as evaluation gets them.

    Every file is read, so that a map which cannot be decoded, or holds NaN, is refused here.

    Args:
        sets: name -> `MapFiles`, as `load` gives them.
    """
    whole = hashlib.sha256()
    with progress.bar(total=sum(map(len, sets.values())), desc="maps of others", unit="map") as bar:
        for name, maps in sets.items():
            whole.update(f"{name}\0{len(maps)} {maps.size}\0".encode())
            for number in range(len(maps)):
                whole.update(maps[number].tobytes())
                bar.update(1)
    return whole.hexdigest()


def _sizes_of_files(dataset, fit):
    """Sizes (h, w) of the image files of M pairs, or None for each where it does not matter what a map covers."""
    if fit == "stretch" or dataset.look is None:
        return (None,) * len(dataset)
    sizes = {position: dataset.look(position).original[::-1] for position in set(dataset.positions.tolist())}
    return tuple(sizes[position] for position in dataset.positions.tolist())


def _covers_whole_file(size, image_size, original):
    """Whether a map (h, w) was made of the image file: it is larger than the network's image (H, W), or of its size."""
    return size[0] > image_size[0] or size[1] > image_size[1] or (size == original and size != image_size)
