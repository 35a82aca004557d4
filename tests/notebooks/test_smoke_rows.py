"""The row files of a smoke run against docs/rows.md, which says what each column holds."""

import re

import pandas as pd
import pytest

from black_average_drop import cams, controls, rows
from black_average_drop.files import ROOT

PAGE = (ROOT / "docs/rows.md").read_text(encoding="utf-8")
# The page of each row file, by its name: what stands for all files of its notebook, and what for it alone.
ABOUT = {
    name: (common, own)
    for section in re.split("^### ", PAGE, flags=re.MULTILINE)[1:]
    for common, *files in [re.split(r"^(?=`\w+`: )", section, flags=re.MULTILINE)]
    for own in files
    for name in [re.match(r"`(\w+)`: ", own)[1]]
}
FOR_ALL = PAGE.split("### ")[0]
MAPS = {*cams.METHODS, *controls.CONTROLS}  # where the page says "A column with the name of a map"


def named(text):
    return re.findall("`([^`]+)`", text)


def in_table(name):
    """The columns that the table of a file lists, a range of numbers by its ends."""
    cells = re.findall(r"^\| (`.*?) \|", ABOUT[name][1], re.MULTILINE)
    above = in_table("identity")[3:] if "the columns above but\nthe first three" in ABOUT[name][1] else []
    return [*above, *(column for cell in cells for column in named(cell))]


def is_number(text):
    return re.fullmatch(r"[\d.]+", text) is not None


def test_every_row_file_is_listed(results):
    assert sorted(ABOUT) == sorted(path.name.removesuffix(".csv.xz") for path in results.glob("rows/*"))


@pytest.mark.parametrize("name", sorted(ABOUT))
def test_every_column_is_listed_and_every_listed_column_is_there(results, name):
    table, (common, own) = rows.read_rows(name, results), ABOUT[name]
    columns = list(table.columns)
    assert [column for column in in_table(name) if column not in columns] == []
    known = {*named(FOR_ALL + common + own), *in_table(name)}
    known |= MAPS if "A column with the name of a map" in common else set()
    ranges = re.findall(r"`([\d.]+)` to `([\d.]+)`", own)
    unknown = [
        column
        for column in columns
        if column not in known
        and not (is_number(column) and any(float(low) <= float(column) <= float(high) for low, high in ranges))
    ]
    assert unknown == []


def test_pandas_reads_row_files_by_their_names(results):
    for path in results.glob("rows/*"):
        read = rows.read_rows(path.name.removesuffix(".csv.xz"), results)
        alone = pd.read_csv(path, comment="#", dtype={"id": str, "group": str})
        assert list(alone.columns) == list(read.columns) and len(alone) == len(read)
