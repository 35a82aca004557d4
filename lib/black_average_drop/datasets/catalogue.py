"""The sources by name, each with its splits: what notebooks and saved models refer to."""

import numpy as np

from black_average_drop.datasets import chest_xray, imagenet, phantoms, split_by_group

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 0.1
PHANTOMS = {
    "phantom radiographs": phantoms.radiographs,
    "marked phantom radiographs": phantoms.marked_radiographs,
    "phantom objects": phantoms.objects,
}


def load(source, split, size, root=None, count=0, seed=0, background=False, **drawn):
    """One split of a source as a Dataset; size (H, W).

    source: a name in PHANTOMS (count images of the split's own seed, derived from seed), "chest_xray" (a tenth of
    train, by patient, is the validation split) or "imagenet" (test only; background: see `imagenet.load`). count, if
    not 0, draws that many images of a real source at random. drawn: what else the function in PHANTOMS takes.
    Raises ValueError for an unknown source or split.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}: choose one of {', '.join(SPLITS)}.")
    if source in PHANTOMS:
        return PHANTOMS[source](count, seed=len(SPLITS) * seed + SPLITS.index(split), size=size[0], **drawn)
    if source == "chest_xray":
        dataset = chest_xray.load(root, "test" if split == "test" else "train", size)
        if split != "test":
            held_out = split_by_group(dataset.groups, VALIDATION_SHARE, seed)
            dataset = dataset.subset(held_out if split == "validation" else ~held_out)
    elif source == "imagenet" and split == "test":
        dataset = imagenet.load(root, size, background)
    else:
        raise ValueError(
            f"There is no {split} split of source {source!r}: "
            f"choose {', '.join(PHANTOMS)}, chest_xray, or the test split of imagenet."
        )
    if 0 < count < len(dataset):
        chosen = np.random.default_rng(seed).choice(len(dataset), count, replace=False)
        dataset = dataset.subset(np.sort(chosen))
    return dataset
