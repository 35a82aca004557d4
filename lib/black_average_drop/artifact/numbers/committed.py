"""Rows of the committed results: the one that has these values, those of Table 1, and the records of a profile."""

import json

import pandas as pd


def one_row(table, **values):
    """The one row of a table that has these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    if len(table) != 1:
        raise ValueError(f"{len(table)} rows instead of one have {values}.")
    return table.iloc[0]


def lead_rows(results, profile, data):
    """The rows of Table 1 for one data set: its first images, ReLU scores; indexed by method."""
    table = pd.read_csv(results / profile / "table1.csv").query("data == @data and score == 'relu'")
    return table[table["images"] == table["images"].iloc[0]].set_index("method")


def agreements(results, profile):
    """trust.csv of a profile. ROAD is called so whether or not the table says that it is combined of two curves."""
    table = pd.read_csv(results / profile / "trust.csv")
    return table.assign(metric=table["metric"].replace("ROAD, combined", "ROAD"))


def records_of(results, profile):
    """The records of one profile: name of a notebook, or of its analysis half -> content."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((results / profile).glob("[0-9][0-9]_*.json"))}


def parameters_with(results, profile, name):
    """The parameters of the first notebook, or half of one, that has one of this name."""
    given = (record["parameters"] for record in records_of(results, profile).values())
    return next(parameters for parameters in given if name in parameters)


def least_to_most(values, digits):
    """The smallest and the largest of values as text, "1 to 3"; one number where both are printed alike."""
    low, high = f"{values.min():.{digits}f}", f"{values.max():.{digits}f}"
    return low if low == high else f"{low} to {high}"
