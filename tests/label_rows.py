"""What a table of labels says, as plain lists."""

import numpy as np


def rows_of(read):
    """Image, label and patient of each row."""
    return read.table.to_numpy().tolist()


def states_of(read):
    """Finding -> its states, with 9 for NaN."""
    columns = np.nan_to_num(read.findings.states, nan=9).T.astype(int).tolist()
    return dict(zip(read.findings.names, columns, strict=True))
