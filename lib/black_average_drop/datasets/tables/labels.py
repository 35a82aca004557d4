"""Tables of labels as they come: from hospitals, from Kaggle, or written for this project."""

import re
from dataclasses import dataclass

import pandas as pd

from black_average_drop.datasets.findings import COLUMNS, Findings, findings_in
from black_average_drop.datasets.tables.columns import NO_IMAGES, may_be_finding, plain_name, roles_of
from black_average_drop.datasets.tables.csv_files import read_csv_table
from black_average_drop.datasets.tables.image_names import images_of_rows, named_twice
from black_average_drop.datasets.tables.public import one_row_each

SEPARATORS = ",;\t"
PATIENT_FOLDER = re.compile(r"(?:^|[/\\])(patient\d+)[/\\]")  # of CheXpert


@dataclass(frozen=True)
class LabelTable:
    """What a table says of the N images that are both there and in it."""

    table: pd.DataFrame  # of text, with the columns image, label and patient, where "" is not known
    findings: Findings | None  # several in one image
    notes: tuple[str, ...]  # sentences for the report, without names of files and patients
    label_column: str = ""  # where labels, or lists of findings, come from; "" where the table has no such column


def read_label_table(path, names):
    """Read which images have which labels, findings and patients.

    Columns may be separated by commas, semicolons or tabs. `columns.roles_of` says which columns hold images,
    labels and patients, `image_names.images_of_rows` which image a row means, and `public.one_row_each` which
    tables may have several rows for an image. `findings_in` says how findings are read. Columns such as Sex and Age are
    never findings.

    Args:
        path: of the CSV.
        names: paths below their folder of the images that are there.

    Returns:
        A `LabelTable`, in the order of the rows.

    Raises:
        ValueError: if the file is no CSV, has no column of images, or no row for an image; if a row of a column image
            means no image; if a row fits several images, or an image has several rows; as `findings_in`.
    """
    names = list(names)
    table = read_csv_table(path, (), SEPARATORS)
    if not len(table):
        raise ValueError(NO_IMAGES.format(path))
    table, notes = one_row_each(table, path)
    roles, of_roles = roles_of(table.columns, path)
    notes = notes or of_roles

    values = table[roles.image]
    images, left_out = images_of_rows(values, names, path)
    _check_images(images, values, roles.image, names, path)
    there = pd.Series(images).notna().to_numpy()
    notes += _image_notes(there, len(names), left_out)

    findings, of_findings = _findings(table, roles, path)
    patients, of_patients = _patients(table, roles)
    label_column = "" if findings and _is_class(roles.label) else roles.label
    labels = _column(table, "" if findings else label_column)
    read = pd.DataFrame(dict(zip(COLUMNS, (images, labels, patients), strict=True)))[there].reset_index(drop=True)
    findings = findings and findings.of_rows(there)
    return LabelTable(read, findings, tuple(notes + of_findings + of_patients), label_column)


def _is_class(column):
    """Whether a column holds labels only where no other columns are findings."""
    return plain_name(column) == "class"


def _column(table, name):
    """The cells of a column, blank if there is none."""
    return table[name].str.strip() if name else pd.Series("", index=table.index)


def _check_images(images, values, column, names, path):
    """Refuse a table of which no row, or in the column image one row, means no image, and one with two rows for one."""
    missing = [value for value, image in zip(values, images, strict=True) if image is None]
    if len(missing) == len(images) and names and plain_name(column) != "image":
        raise ValueError(
            f"{path} names {missing[0]!r} in its column {column}, and none of its rows names an image that is there, "
            f"such as {names[0]!r}: write the images' names or paths there."
        )
    if missing and plain_name(column) == "image":
        raise ValueError(
            f"{path} names {missing[0] or 'nothing'}, which is no image that is there: mend its column image."
        )
    twice = named_twice([image for image in images if image is not None])
    if twice:
        raise ValueError(f"{path} has more than one row for {twice}: leave one row for each image.")


def _image_notes(there, images, left_out):
    """Sentences on rows without a file, and on files without a row."""
    notes, found = [], int(there.sum())
    if left_out:
        notes.append(f"No path of the table fits as it is. Without the first folders of each, {left_out}, paths fit.")
    if found < len(there):
        notes.append(f"The table has {len(there):,} rows. No image is there for {len(there) - found:,} of them.")
    if found < images:
        notes.append(f"The folder has {images:,} images. The table has no row for {images - found:,}, left out.")
    return notes


def _findings(table, roles, path):
    """`Findings` of all rows or None, and sentences on where they come from."""
    others = [number for number, name in enumerate(table.columns) if name not in (roles.image, roles.label)]
    kept = [number for number in others if table.columns[number] and may_be_finding(table.columns[number])]
    columns = table.iloc[:, kept].assign(image=table[roles.image])
    findings = findings_in(columns, path) if _is_class(roles.label) else None
    if findings is None:
        of_label = {"label": table[roles.label]} if roles.label else {}
        findings = findings_in(columns.assign(**of_label), path)
    if findings is None:
        passed_over = [name for name in columns if name != "image"]
        nothing = (
            "The table has no column of labels, and none of 1, 0, -1 and blanks alone: it says nothing of findings."
        )
        return None, [nothing] * bool(passed_over and not roles.label)
    if not set(findings.names) <= set(table.columns):
        return findings, [f"Findings are those in the lists of the column {roles.label}."]
    never = [name for name in table.columns if name and not may_be_finding(name) and name not in vars(roles).values()]
    columns = "Findings are the columns" if len(findings.names) > 1 else "The finding is the column"
    notes = [f"{columns} {', '.join(findings.names)}."]
    notes += [f"Columns that are never findings, by their names: {', '.join(never)}."] if never else []
    return findings, notes


def _patients(table, roles):
    """The patient of each row, "" where it is not known, and a sentence on where they come from."""
    if roles.patient:
        return _column(table, roles.patient), [f"Patients are those of the column {roles.patient}."]
    if plain_name(roles.image) == "path":
        folders = table[roles.image].str.extract(PATIENT_FOLDER)[0]
        if folders.notna().all():
            return folders, [f"Patients are the folders patient and a number in the column {roles.image}."]
    return _column(table, ""), []
