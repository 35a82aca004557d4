"""What the networks said, row by row: files below results/rows/, from which every table, interval and claim is made."""

import lzma
from pathlib import Path

from black_average_drop.files import read_csv, replacing, write_table

FOLDER = "rows"  # below the folder of results


def row_file(name, results):
    """Return the path of a row file, results/rows/<name>.csv.xz."""
    return Path(results) / FOLDER / f"{name}.csv.xz"


def write_rows(table, name, results, profile, digits=5):
    """Write rows to results/rows/<name>.csv.xz: the same rows give the same bytes.

    Args:
        table: a DataFrame, without its index.
        name: of the file. docs/rows.md lists every row file with its columns and units.
        results: the folder of results.
        profile: the name of the profile; the rows of "smoke" begin with a line that says what they are.
        digits: significant digits of a number that is no integer.

    Returns:
        The path.
    """
    with replacing(row_file(name, results)) as partial:
        with lzma.open(partial, "wt", encoding="utf-8", newline="", preset=9 | lzma.PRESET_EXTREME) as file:
            write_table(table, file, profile, digits)
    return row_file(name, results)


def read_rows(name, results):
    """Read the rows that `write_rows` wrote. Numbers are as rounded there; the columns id and group are text.

    Args:
        name: of the file.
        results: the folder of results.

    Returns:
        A DataFrame.

    Raises:
        FileNotFoundError: the row file is not there. make reproduce makes row files.
    """
    path = row_file(name, results)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: make reproduce writes the rows of a profile.")
    return read_csv(path)
