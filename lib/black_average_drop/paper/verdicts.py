"""A verdict on each of the paper's claims, by a rule that was fixed before anything was measured.

The notebooks wrote what they measured, each for its own claims. Here all of it is corrected for the number of tests.
"""

import numpy as np
import pandas as pd

from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.comparisons import LEVEL

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"


def decide(table):
    """The claims in their order, with p_holm and verdict.

    Args:
        table: a DataFrame with the columns that `write_measured` writes.

    Returns:
        A DataFrame with a row for each of the paper's claims, measured or not, and one for each other row that was
        measured. p_holm corrects the tests of the paper's claims together, and those of every other table by itself.

    Raises:
        ValueError: if two notebooks measured the same claim.
    """
    twice = table["claim"][table["claim"].duplicated()]
    if len(twice):
        raise ValueError(f"The claim {twice.iloc[0]!r} is in two claims_*.csv: remove the one that is out of date.")
    shown = [name for name, claim in CLAIMS.items() if not claim.table or name in set(table["claim"])]
    missing = [name for name in shown if name not in set(table["claim"])]
    blank = pd.DataFrame({"claim": missing, "data": "not measured", "trainings": 0, "images": 0})
    table = pd.concat([table, blank], ignore_index=True) if missing else table
    table = table.set_index("claim").loc[shown].reset_index()
    stated = [CLAIMS[name] for name in shown]
    bounds = np.array([claim.bounds for claim in stated])
    table["low"], table["high"] = np.maximum(table["low"], bounds[:, 0]), np.minimum(table["high"], bounds[:, 1])
    directed = np.array([isinstance(claim.expected, int) for claim in stated]) & table["p"].notna().to_numpy()
    table["p_holm"] = np.nan
    for heading in {claim.table for claim in stated}:
        tested = directed & np.array([claim.table == heading for claim in stated])
        table.loc[tested, "p_holm"] = comparisons.holm(table.loc[tested, "p"])
    table["verdict"] = [_verdict(CLAIMS[row["claim"]], row) for _, row in table.iterrows()]
    return table


def _verdict(claim, row):
    """The verdict on a claim by its row of the table."""
    if np.isnan(row["low"]) or row["trainings"] < claim.trainings:
        return UNDECIDED
    if isinstance(claim.expected, int):
        if not row["p_holm"] < LEVEL:
            return UNDECIDED
        return REPRODUCED if np.sign(row["value"]) == claim.expected else NOT_REPRODUCED
    low, high = claim.expected
    if low <= row["low"] and row["high"] <= high:
        return REPRODUCED
    return NOT_REPRODUCED if row["low"] > high or row["high"] < low else UNDECIDED
