"""Several findings in one image: the columns of a labels.csv as the state of each finding in each image."""

from dataclasses import dataclass, replace

import numpy as np

SEPARATOR = "|"
COLUMNS = ("image", "label", "patient")  # every other one may be a finding
STATES = (1, 0, -1)
BOOLEANS = {"true": 1, "false": 0}  # as pandas writes them
BLANKS = ("", "nan", "na", "n/a", "<na>", "none", "null")  # what other programs write for nothing, in small letters


@dataclass(frozen=True)
class Findings:
    """What a table says of F findings in N images."""

    names: tuple[str, ...]  # (F,)
    states: np.ndarray  # float32 (N, F): 1 present, 0 absent, -1 uncertain, NaN not mentioned

    def of_rows(self, rows):
        """The same findings in some of the images: indices, which may repeat an image, or a boolean (N,)."""
        return replace(self, states=self.states[rows])


def findings_in(table, path):
    """Read the findings of a table, which are lists in its column label, or columns of their own.

    The column label holds lists if a | is in any of its cells: `Effusion|Edema`. A finding in the list of an image is
    present, one that other images have is absent, and of a blank cell nothing is known. Their names come in order.

    Without a column label, or if that is blank all over, each column that holds only 1, 0, -1 and blanks is a finding.
    One that is blank all over is none. True is 1, False is 0, and a word that other programs write for nothing, such as
    nan, is a blank. Columns of other numbers or words are passed over.

    Args:
        table: a DataFrame of text with a row for each image, and a column image.
        path: of the CSV, for the message.

    Returns:
        `Findings`, or None if the table holds none.

    Raises:
        ValueError: if a cell holds bars alone, or a word in a column that otherwise holds mostly 1, 0 and -1; if two
            findings differ in nothing but capitals, spaces and underscores; or if lists are in another column alone.
    """
    if "label" not in table or table["label"].map(_is_blank).all():
        return _in_columns(table, path)
    if table["label"].str.contains(SEPARATOR, regex=False).any():
        return _in_lists(table, path)
    return None


def findings_table(findings):
    """Write `Findings` as columns that `findings_in` reads: a dict name -> (N,) of "1", "0", "-1" and ""."""
    return {
        name: ["" if np.isnan(state) else f"{state:.0f}" for state in states]
        for name, states in zip(findings.names, findings.states.T, strict=True)
    }


def _in_lists(table, path):
    """The findings of a column label with a | in it."""
    lists = []
    for image, cell in zip(table["image"], table["label"], strict=True):
        names = [name.strip() for name in cell.split(SEPARATOR) if name.strip()]
        if not names and cell.strip():
            raise ValueError(
                f"{path}: its column label holds {cell!r} for {image}, which names no finding: name one, such as No "
                "Finding, or leave the cell blank."
            )
        lists.append([] if _is_blank(cell) else names)
    names = sorted({name for some in lists for name in some})
    _check_names(names, path)
    numbers = {name: number for number, name in enumerate(names)}
    states = np.zeros((len(lists), len(names)), "float32")
    for row, some in zip(states, lists, strict=True):
        row[[numbers[name] for name in some]] = 1
        if not some:
            row[:] = np.nan
    return Findings(tuple(names), states)


def _in_columns(table, path):
    """The findings of columns of 1, 0, -1 and blanks."""
    found = []
    for number, name in enumerate(table.columns):
        if name and name not in COLUMNS:
            states = _states(table.iloc[:, number], table["image"], name, path)  # a name may come twice
            found += [] if states is None else [(name, states)]
    if not found:
        _check_no_lists(table, path)
        return None
    names, states = zip(*found, strict=True)
    _check_names(names, path)
    return Findings(names, np.stack(states, axis=1))


def _check_no_lists(table, path):
    """Refuse lists in a column that is not read: NIH calls it Finding Labels."""
    for number, name in enumerate(table.columns):
        cells = table.iloc[:, number]
        listing = cells[cells.str.contains(SEPARATOR, regex=False)]
        if len(listing) and name not in COLUMNS:
            raise ValueError(
                f"{path}: its column {name} holds {listing.iloc[0]!r}, and findings are read from the column label: "
                "rename it to label, or leave out the column."
            )


def _states(cells, images, name, path):
    """A column of text as states (N,), or None if the column is no finding."""
    read = {cell: _number(cell) for cell in cells.unique()}
    numbers = [number for number in read.values() if number is not None and not np.isnan(number)]
    words = cells.isin([cell for cell, number in read.items() if number is None])
    if not numbers or not set(numbers) <= set(STATES):
        return None
    if words.any():
        if words.sum() < cells.map(read).isin(STATES).sum():
            row = words.to_numpy().argmax()
            raise ValueError(
                f"{path}: its column {name} holds {cells.iloc[row]!r} for {images.iloc[row]}: write 1, 0, -1 or "
                "nothing there, or leave out the column."
            )
        return None
    return cells.map(read).to_numpy("float32")


def _number(cell):
    """A cell as a number, NaN where it is blank, None where it holds a word."""
    if _is_blank(cell):
        return np.nan
    try:
        return float(BOOLEANS.get(cell.strip().casefold(), cell))
    except ValueError:
        return None


def _is_blank(cell):
    return cell.strip().casefold() in BLANKS


def _check_names(names, path):
    """Refuse two findings that a reader would take for one."""
    written = {}
    for name in names:
        plain = " ".join(name.replace("_", " ").casefold().split())
        if plain in written:
            raise ValueError(
                f"{path}: {written[plain]!r} and {name!r} name one finding: write its name in one way, and in one "
                "column alone."
            )
        written[plain] = name
