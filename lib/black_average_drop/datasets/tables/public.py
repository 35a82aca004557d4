"""Tables of public data sets that have several rows for an image: brought to one row each.

RSNA Pneumonia Detection Challenge (stage 2), VinDr-CXR (the challenge on Kaggle, and PhysioNet) and SIIM-ACR
Pneumothorax. Those of NIH ChestX-ray14 and CheXpert have one row for each image as they come.
"""

import numpy as np
import pandas as pd

from black_average_drop.datasets.findings import Findings, findings_in, findings_table
from black_average_drop.datasets.tables.columns import PATIENT_COLUMNS, may_be_finding, plain_name

OPACITY_CLASSES = {"Normal", "No Lung Opacity / Not Normal", "Lung Opacity"}  # of RSNA


def one_row_each(table, path):
    """Bring a public table to one row for each image. Any other table stays as it is.

    RSNA: an image has Pneumonia if its Target is 1. VinDr-CXR: a finding is present, or absent, if more than half of
    the readers of the image say so, and else uncertain (-1). SIIM-ACR: an image has Pneumothorax if a row of it holds
    a mask.

    Args:
        table: a DataFrame of text, with the columns of the file.
        path: of the file, for the message.

    Returns:
        The table, of text too, and a list of sentences on what was put together.

    Raises:
        ValueError: if rows of an image contradict each other where they may not.
    """
    plain = [plain_name(column) for column in table.columns]
    if len(set(plain)) < len(plain):
        return table, []
    columns = dict(zip(plain, table.columns, strict=True))
    for needed, combine in FORMATS.items():
        if set(needed) <= set(columns):
            image = columns[needed[0]]
            table = table.assign(**{image: table[image].str.strip()})
            combined, notes = combine(table, [columns[name] for name in needed], path)
            return _with_patients(combined, table, needed[0], columns, path), notes
    return table, []


def _with_patients(combined, table, image, columns, path):
    """The same rows with the patients of the table, if it has any."""
    patient = next((columns[name] for name in PATIENT_COLUMNS if name in columns and name != image), None)
    if combined is table or patient is None:
        return combined
    return combined.merge(_agreeing(table, columns[image], patient, path), on=columns[image])


def _rsna_boxes(table, columns, path):
    """The column Target, 1 or 0, of boxes."""
    states = _agreeing(table, columns[0], columns[1], path)
    note = (
        f"The table was read as that of RSNA: it has {len(table):,} rows for {len(states):,} images, which have "
        "Pneumonia or not. It calls an examination patientId, so it tells no patients."
    )
    return states.rename(columns={columns[1]: "Pneumonia"}), [note]


def _rsna_classes(table, columns, path):
    """The column class, one of three, which is repeated for each box."""
    if set(table.columns) != set(columns) or not set(table[columns[1]]) <= OPACITY_CLASSES:
        return table, []
    note = "The table was read as that of RSNA's three classes. It calls an examination patientId."
    return _agreeing(table, *columns, path), [note]


def _siim_masks(table, columns, path):
    """The column EncodedPixels: -1, or a mask as runs of pixels."""
    image, mask = columns
    states = table[mask].str.strip().map({"-1": "0", "": ""}).fillna("1")
    found = _agreeing(table.assign(**{mask: states}), image, mask, path)
    note = (
        f"The table was read as that of SIIM-ACR: it has {len(table):,} rows for {len(found):,} images, which have "
        "Pneumothorax where there is a mask."
    )
    return found.rename(columns={mask: "Pneumothorax"}), [note]


def _vindr_boxes(table, columns, path):
    """Boxes, a row each, with the name of the finding; every reader of an image has one row at least."""
    image, finding = columns[:2]
    reader = [name for name in table.columns if plain_name(name) == "radid"]
    reading = table.groupby([image, *reader], sort=False).ngroup().to_numpy()
    found = table[finding].str.strip()
    names = sorted(set(found) - {""})
    numbers = found.map({name: number for number, name in enumerate(names)})
    states = np.zeros((reading.max(initial=-1) + 1, len(names)), "float32")
    named = numbers.notna().to_numpy()
    states[reading[named], numbers[named].astype(int)] = 1
    return _by_majority(table.drop_duplicates([image, *reader])[image], names, states)


def _vindr_labels(table, columns, path):
    """A row for each image and reader, and a column for each finding."""
    kept = [name for name in table.columns if may_be_finding(name)]
    findings = findings_in(table[kept].assign(image=table[columns[0]]), path)
    if findings is None:
        return table, []
    return _by_majority(table[columns[0]], findings.names, findings.states)


def _by_majority(images, names, states):
    """One row for each image from readings: images a Series (R,), states (R, F) of 1, 0, -1 and NaN."""
    key = images.name
    numbers, images = pd.factorize(images)
    present, absent, given = (
        pd.DataFrame(which).groupby(numbers).sum().to_numpy() for which in (states == 1, states == 0, states == states)
    )
    joint = np.select([given == 0, 2 * present > given, 2 * absent > given], [np.nan, 1, 0], -1)
    columns = findings_table(Findings(tuple(names), joint.astype("float32")))
    readers = np.bincount(numbers)
    spread = f"{readers.min()}" if readers.min() == readers.max() else f"{readers.min()} to {readers.max()}"
    note = (
        f"Readers were put together by majority. {len(images):,} images have {spread} readers each. Of {joint.size:,} "
        f"findings, {(joint == -1).sum():,} are uncertain, since no state has more than half of the readers."
    )
    return pd.DataFrame({key: images} | columns), [note]


def _agreeing(table, key, column, path):
    """One row for each image, whose rows have one value in a column.

    Raises:
        ValueError: if they have several.
    """
    rows = table[[key, column]].apply(lambda cells: cells.str.strip()).drop_duplicates()
    twice = rows[rows[key].duplicated()]
    if len(twice):
        image = twice[key].iloc[0]
        values = rows.loc[rows[key] == image, column].tolist()
        raise ValueError(
            f"{path} has {values[0]!r} and {values[1]!r} for {image} in its column {column}: fetch the original table "
            "again."
        )
    return rows.reset_index(drop=True)


FORMATS = {  # plain names of columns, that of the images first, that of the labels second
    ("patientid", "target", "x", "y", "width", "height"): _rsna_boxes,
    ("patientid", "class"): _rsna_classes,
    ("imageid", "encodedpixels"): _siim_masks,
    ("imageid", "classname", "radid"): _vindr_boxes,
    ("imageid", "classname", "xmin"): _vindr_boxes,
    ("imageid", "radid"): _vindr_labels,
}
