"""Boxes in a CSV: our own columns, or those of public data sets as they come."""

import math
from dataclasses import dataclass

from black_average_drop.datasets.findings import BLANKS
from black_average_drop.datasets.lesions.marks import Mark, Marked, check_box, check_pixels
from black_average_drop.datasets.tables.csv_files import read_csv_table


@dataclass(frozen=True)
class Columns:
    """How one kind of table calls its columns; capitals do not matter."""

    image: str
    box: tuple[str, str, str, str]
    is_corner: bool  # whether the last two of the box are its lower right corner, not width and height
    finding: str = ""  # the column that names it
    is_ill: str = ""  # the column that holds 1 where there is a lesion
    illness: str = ""  # what all lesions are, where no column says so


NO_LESION = "no finding"
SEPARATORS = ",;\t"
KINDS = (
    Columns("image", ("x0", "y0", "x1", "y1"), True, "finding"),
    Columns("patientId", ("x", "y", "width", "height"), False, is_ill="Target", illness="Pneumonia"),  # RSNA
    Columns("image_id", ("x_min", "y_min", "x_max", "y_max"), True, "class_name"),  # VinDr-CXR
    Columns("Image Index", ("Bbox [x", "y", "w", "h]"), False, "Finding Label"),  # ChestX-ray14
)


def marks_in_table(path):
    """Read the boxes of a CSV.

    A row without a box, or with the finding NO_LESION, says that its image has no lesion.

    Args:
        path: the file. Its columns are those of one of KINDS; others are passed over.

    Returns:
        A `Marked`.

    Raises:
        ValueError: if the columns are of no kind, a row names no image, or a box is none.
    """
    table = read_csv_table(path, (), SEPARATORS)
    kind, columns = _kind_of(table, path)
    marks, clear = [], []
    numbers = [table.iloc[:, columns[name]] for name in kind.box]
    known = [table.iloc[:, columns[name]] if name in columns else [""] * len(table) for name in _further(kind)]
    for row, (image, finding, is_ill, *box) in enumerate(zip(*known, *numbers, strict=True), start=1):
        where = f"{path}, row {row}"
        image, finding = image.strip(), finding.strip() or kind.illness
        box = ["" if cell.strip().casefold() in BLANKS else cell.strip() for cell in box]
        if not image:
            raise ValueError(f"{where}: its column {kind.image} is blank: name an image there.")
        if not any(box) or finding.casefold() == NO_LESION or (kind.is_ill and is_ill.strip() in ("0", "0.0")):
            clear.append(image)
            continue
        corners = [_number(cell, name, where) for cell, name in zip(box, kind.box, strict=True)]
        if not kind.is_corner:
            corners[2:] = [corners[0] + corners[2], corners[1] + corners[3]]
        check_box(corners, where)
        marks.append(Mark(image, finding, where, tuple(corners)))
    check_pixels(marks, path)
    readers = len(set(table["rad_id"])) if list(table).count("rad_id") == 1 else 1
    several = f"Boxes are of {readers} readers. A lesion that several of them marked counts several times."
    return Marked(tuple(marks), tuple(clear), notes=(several,) if readers > 1 else ())


def _further(kind):
    return kind.image, kind.finding, kind.is_ill


def _kind_of(table, path):
    """The kind of a table, and column of that kind -> its number."""
    names = [name.casefold() for name in table.columns]
    for kind in KINDS:
        if {name.casefold() for name in (kind.image, *kind.box)} <= set(names):
            asked = [name for name in (*_further(kind), *kind.box) if name and name.casefold() in names]
            for name in asked:
                if names.count(name.casefold()) > 1:
                    raise ValueError(f"{path} has more than one column {name}: leave one of them.")
            return kind, {name: names.index(name.casefold()) for name in asked}
    ours = KINDS[0]
    raise ValueError(
        f"{path} has no boxes that are known here: give it the columns {', '.join((ours.image, *ours.box))} and "
        f"{ours.finding}."
    )


def _number(cell, column, where):
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{where}: its column {column} holds {cell or 'nothing'}: write a number of pixels, such as 12.5, or leave "
            "all four blank where there is no lesion."
        )
    return value
