"""CSV files that others made: read as text, with the columns checked."""

import pandas as pd


def read_csv_table(path, columns):
    """Read a CSV in UTF-8, with or without a byte-order mark, as a DataFrame of text.

    Args:
        path: the file. Spaces around its column names are cut.
        columns: names that must be there, each once and with a value in every row.

    Raises:
        ValueError: if the file is no such CSV, a row is longer than the header, or one of the columns is missing, there
            twice, or empty in a row. The message names the file.
    """
    try:
        # With the header as a row like the others, pandas neither renames columns nor shifts rows that are too long.
        # Opened here, so that a name like an address or an archive is neither fetched nor unpacked.
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
