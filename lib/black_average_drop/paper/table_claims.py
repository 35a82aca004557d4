"""What Table 1 says of the paper's claims: the differences over all trainings, in its primary rows and in every row."""

from collections import Counter

import numpy as np

from black_average_drop.metrics import METRICS
from black_average_drop.paper import claims, published, row_differences
from black_average_drop.paper.stated_claims import CLAIMS


def measure_claims(parts, margin):
    """Measure the claims on drops, on what is lit, and on Incorrect %, over the images that count.

    Photos and radiographs have claims of the paper. Softmax scores and another backbone have rows of their own.

    Args:
        parts: data -> `tables.PartOfTable1`.
        margin: the difference of mean drops that matters.

    Returns:
        claim -> `claims.Measured`.
    """
    measured, differences = {}, {}
    for data, part in parts.items():
        rows = list(part.alive.values())
        if not rows:
            continue
        resampling = part.resampling.of_rows(part.counted)
        where = {
            "images": part.images["id"][part.counted].to_numpy(),
            "resampling": resampling,
            "source": part.about["source"].iloc[0],
        }
        columns = {f"{data}_{metric}": (metric, "drop") for metric in METRICS}
        columns |= {f"{data}_{metric}_softmax": (metric, "softmax_drop") for metric in METRICS}
        for claim, (metric, column) in columns.items():
            if claim in CLAIMS:
                measured[claim] = claims.compare(rows, metric, column, **where)
                differences[claim] = claims.values_by_training(rows, metric, column, where["images"]), resampling
        if data in published.DATA:
            measured[f"{data}_lit"] = claims.compare(rows, METRICS[0], "lit", **where)
        if data == "radiographs":
            for metric in METRICS:
                measured[f"incorrect_{metric}"] = claims.compare(rows, metric, "incorrect", **where, baseline=None)
    together = Counter(CLAIMS[claim].table for claim in differences)
    tested = Counter(claim.table for claim in CLAIMS.values() if isinstance(claim.expected, int))
    for claim, (values, resampling) in differences.items():
        counts = (of_all[CLAIMS[claim].table] for of_all in (together, tested))
        measured[claim] = claims.with_margin(measured[claim], values, resampling, margin, *counts)
    return measured


def differences_of_table(parts):
    """Grad-CAM++ − CAM in every row of Table 1 that the paper has data for, over all trainings.

    Each training predicts classes of its own. So the rows by prediction hold the images that the training predicts so.

    Args:
        parts: data -> `tables.PartOfTable1`.

    Returns:
        A list of `claims.Measured`, of `row_differences.differences_of_rows`.
    """
    of_data = []
    for data, part in parts.items():
        if data in published.DATA and part.alive:
            rows, ids = list(part.alive.values()), part.images["id"].to_numpy()
            explained = row_differences.explained_classes(rows, ids)
            chosen = {"predicted pneumonia": explained == 1, "predicted normal": explained == 0}
            subsets = {name: chosen.get(name, own) for name, own in part.subsets.items()}
            subsets = {name: own for name, own in subsets.items() if np.any(own)}
            source = part.about["source"].iloc[0]
            of_data.append(row_differences.RowsOfData(rows, ids, subsets, part.resampling, source))
    return row_differences.differences_of_rows(of_data)
