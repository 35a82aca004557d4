"""Figures for data/README.md, counted from files: sizes, duplicates, patients and images in two parts, as text."""

import pandas as pd

from black_average_drop import progress
from black_average_drop.datasets.images import open_picture
from black_average_drop.datasets.paths import image_files
from black_average_drop.files import sha256


def images_in(folder):
    """Count the image files directly inside a folder, 0 if there is no such folder."""
    return len(image_files(folder)) if folder.is_dir() else 0


def column_of(folder, pattern, column=0):
    """Read a column, by its number, of the CSV in a folder that matches the pattern; empty if there is none."""
    files = sorted(folder.glob(pattern))
    if not files:
        return pd.Series(dtype=str)
    return pd.read_csv(files[0], encoding="utf-8-sig", usecols=[column], dtype=str).iloc[:, 0]


def number_of(items, noun):
    """Write the number of items with its noun: "1 image", "1,341 images"."""
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def size_of(paths):
    """Write the bytes of files in megabytes, and their number."""
    paths = list(paths)
    return f"{sum(path.stat().st_size for path in paths) / 1e6:,.1f} MB in {number_of(paths, 'file')}"


def sides_of(paths):
    """Write widths and heights of images, which tell a scaled copy from the original; only the headers are read."""
    sizes = []
    for path in progress.bar(list(paths), desc="sizes", unit="file"):
        with open_picture(path) as image:
            sizes.append(image.size)
    widths, heights = zip(*sizes, strict=True) if sizes else ((0,), (0,))
    return f"{_span(widths)} x {_span(heights)} pixels"


def checksums_of(paths):
    """Compute the SHA-256 of each file, hexadecimal."""
    return [sha256(path) for path in progress.bar(list(paths), desc="checksums", unit="file")]


def in_several(table, column, part):
    """Count the values of one column of a DataFrame that are there with several values of another column."""
    return int((table.groupby(column)[part].nunique() > 1).sum())


def crossing_rows(table):
    """Count patients and images in two of the parts that profiles of seed 0 train, choose the epoch and test on.

    Args:
        table: a DataFrame with a row for each image and the columns patient, bytes (a checksum) and part.

    Returns:
        Rows (what, figure) for `report.markdown`.
    """
    parts = "two of train, validation and test"
    return [
        (f"patients in {parts}", f"{in_several(table, 'patient', 'part'):,}"),
        (f"images in {parts}, by exact bytes", f"{in_several(table, 'bytes', 'part'):,}"),
    ]


def _span(lengths):
    return f"{min(lengths)}" if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"
