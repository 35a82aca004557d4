"""Leaks between training, validation and test images: a shared patient, or the very same image."""

from itertools import combinations

import pandas as pd


def compare_splits(splits, checksums):
    """Compare each two splits.

    Args:
        splits: name -> Dataset.
        checksums: name -> the checksum of each of its images, in its order (`checksums.dataset_checksums`).

    Returns:
        A DataFrame with columns splits, patients in both, the same images, which; the last one names the first three
        pairs of images.

    Raises:
        ValueError: if a patient is in two splits. The network would know from one split whom it is measured on in the
            other.
    """
    rows = []
    for one, other in combinations(splits, 2):
        crossing = sorted(set(splits[one].groups) & set(splits[other].groups))
        if crossing:
            more = f", and {len(crossing) - 1} more" if len(crossing) > 1 else ""
            raise ValueError(
                f"Patient {crossing[0]} is in {one} and in {other}{more}: leave the images of each patient in one "
                "split alone."
            )
        there = dict(zip(checksums[other], splits[other].ids, strict=True))
        pairs = zip(checksums[one], splits[one].ids, strict=True)
        same = [f"{name} = {there[checksum]}" for checksum, name in pairs if checksum in there]
        row = {"splits": f"{one} and {other}", "patients in both": len(crossing)}
        rows.append(row | {"the same images": len(same), "which": ", ".join(same[:3]) or "none"})
    return pd.DataFrame(rows, columns=["splits", "patients in both", "the same images", "which"])
