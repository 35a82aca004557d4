"""The data sets by name, each with its splits: what notebooks and saved models refer to."""

import numpy as np

from black_average_drop.datasets import phantoms
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.source import SPLITS

# Drawn from a seed: name -> the function that draws.
PHANTOMS = {
    "phantom radiographs": phantoms.radiographs,
    "marked phantom radiographs": phantoms.marked_radiographs,
    "phantom objects": phantoms.objects,
}
NAMES = (*PHANTOMS, *SOURCES)
BOXED = tuple(name for name, source in SOURCES.items() if source.boxed)  # radiographs whose lesions have a place


def load(source, split, size, root=None, count=0, seed=0, background=False, **drawn):
    """Load one split of a data set.

    Args:
        source: a name in PHANTOMS, or one in `sources.SOURCES` that has this split.
        split: "train", "validation" or "test".
        size: (H, W), in pixels.
        root: the data root, for what lies on the disk.
        count: how many images: of phantoms those of the split's own seed, derived from seed; of other sources drawn
            at random, 0 for all.
        seed: of the images, or of the drawing and the validation split.
        background: whether classes begin with "background", as in ImageNet heads of 1,001 classes.
        drawn: further arguments of the function in PHANTOMS.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: if the source or its split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}: choose one of {', '.join(SPLITS)}.")
    if source in PHANTOMS:
        return PHANTOMS[source](count, seed=len(SPLITS) * seed + SPLITS.index(split), size=size[0], **drawn)
    if source not in SOURCES or split not in SOURCES[source].splits:
        real = [f"{name} ({', '.join(known.splits)})" for name, known in SOURCES.items() if known.splits]
        raise ValueError(
            f"There is no {split} split of source {source!r}: choose one of {', '.join([*PHANTOMS, *real])}."
        )
    dataset = SOURCES[source].load_split(root, split, size, seed, background)
    if 0 < count < len(dataset):
        chosen = np.random.default_rng(seed).choice(len(dataset), count, replace=False)
        dataset = dataset.subset(np.sort(chosen))
    return dataset
