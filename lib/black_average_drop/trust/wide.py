"""Rows of maps as files hold them: a column for each map, which takes a fraction of a row for each."""

import pandas as pd

from black_average_drop import rows

NAMES = ["data", "fold", "training"]  # which images they are of, and by which network


def spread(table):
    """A row for each image or lesion and what was measured of it, a column for each map.

    Args:
        table: a DataFrame with columns map and value, and others that name the row.
    """
    keys = [name for name in table if name not in ("map", "value")]
    return table.set_index([*keys, "map"])["value"].unstack("map", sort=False).rename_axis(columns=None).reset_index()


def gather(table, keys):
    """The opposite of `spread`: a row for each map. Maps without any value for a data set are left out there.

    Args:
        table: a DataFrame with a column data.
        keys: the columns that name a row; all others are maps.
    """
    parts = []
    for _, part in table.groupby("data", sort=False):
        maps = [name for name in part.columns.difference(keys, sort=False) if part[name].notna().any()]
        parts.append(part.melt(keys, maps, var_name="map"))
    return pd.concat(parts, ignore_index=True)


def read_maps_rows(name, results, keys):
    """Read a row file of maps and gather it: one value for each image and map, the mean over the networks of a fold.

    Args:
        name: of the row file.
        results: the folder of results.
        keys: the columns, next to NAMES, that name a row.
    """
    table = gather(read_named(name, results), [*NAMES, *keys])
    if table["training"].nunique() > 1:
        together = [column for column in table if column not in ("training", "value")]
        table = table.groupby(together, sort=False, dropna=False)["value"].mean().reset_index()
    return table.drop(columns="training", errors="ignore")


def read_named(name, results):
    """Read a row file with the columns NAMES. A fold or a view that is not known is ""."""
    table = rows.read_rows(name, results)
    texts = [column for column in ("fold", "view") if column in table]
    return table.assign(**{column: table[column].astype(object).where(table[column].notna(), "") for column in texts})
