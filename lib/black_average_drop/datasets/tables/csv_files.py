"""CSV files that others made: read as text, with the columns checked."""

import codecs
import csv
import re

import pandas as pd


def read_csv_table(path, columns, separators=","):
    """Read a CSV in UTF-8, with or without a byte-order mark, as a DataFrame of text.

    Args:
        path: the file. Spaces around its column names are cut.
        columns: names that must be there, each once and with a value in every row.
        separators: characters, of which one parts the columns. The one is taken that parts most rows as it parts the
            header. A first line such as `sep=;`, which Excel understands, names it.

    Raises:
        ValueError: if the file is no such CSV, a row is longer than the header, or one of the columns is missing, there
            twice, or empty in a row. The message names the file.
    """
    try:
        with open(path, "rb") as file:
            if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise UnicodeError("it is in UTF-16, which Excel calls Unicode text")
        # With the header as a row like the others, pandas neither renames columns nor shifts rows that are too long.
        # Opened here, so that a name like an address or an archive is neither fetched nor unpacked.
        with open(path, encoding="utf-8-sig", newline="") as file:
            separator = _separator(file, separators)
            cells = pd.read_csv(file, sep=separator, dtype=str, header=None, na_filter=False)
    except (OSError, ValueError, csv.Error) as problem:
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


def _separator(file, separators):
    """The character that parts the columns of an open file, which is left at its header."""
    first = file.readline()
    named = re.fullmatch(r'"?sep=(.)"?', first.rstrip("\r\n"))
    if named and named[1] in separators:
        return named[1]
    candidates = [separator for separator in separators if separator in first]
    if len(candidates) < 2:
        file.seek(0)
        return (candidates or separators)[0]

    def fit(separator):
        """The share of rows with as many cells as the header, and how many those are."""
        file.seek(0)
        lengths = [len(row) for row in csv.reader(file, delimiter=separator) if row]
        like_header = sum(length == lengths[0] for length in lengths[1:])
        return lengths[0] > 1, like_header / max(len(lengths) - 1, 1), lengths[0]

    best = max(candidates, key=fit)
    file.seek(0)
    return best
