"""The verdict on metrics and maps in words: one sentence on two maps, and the page of tables and sentences."""

import numpy as np
import pandas as pd

from black_average_drop import wording
from black_average_drop.statistics import comparisons
from black_average_drop.trust import agreement


def difference_sentence(data, rates, pair, objects="small lesions"):
    """The difference between two maps in words that a doctor can use.

    Args:
        data: the name of the data set.
        rates: map -> the share of the lesions that it touches, from 0 to 1.
        pair: the row of `comparisons.differences` of these shares for the two maps.
        objects: what the maps touch.
    """
    first, second = pair["first"], pair["second"]
    touched = f"{data}: {second} touches {100 * rates[second]:.0f} of 100 {objects}, {first} {100 * rates[first]:.0f}; "
    if np.isnan(pair["p_holm"]):
        return touched + "too few differ for a test."
    decided = "is significant" if pair["p_holm"] < comparisons.LEVEL else "is not significant"
    percent = {name: 100 * pair[name] for name in ("difference", "low", "high")}
    shown = wording.with_interval(percent, 1, "+", tuple(percent))
    return f"{touched}the difference, {shown}, {decided} (p = {pair['p_holm']:.2g} after Holm)."


def verdict_page(agreements, hits, sentences):
    """The verdict on the metrics as Markdown: a table of agreement, a table of hits, and sentences.

    Args:
        agreements: a DataFrame, rows of `agreement.judge_metrics` with a column data.
        hits: a DataFrame with columns data, map, value, low, high and chance.
        sentences: of `difference_sentence`.
    """
    data = list(agreements["data"].unique())
    lines = [
        "Kendall's tau-b between the ranking of methods and controls by each metric and by the truth, which is the hits"
    ]
    lines += ["where nothing else is named, 95 % interval over patients. † fooled: the metric prefers a control, which"]
    lines += ["says nothing, to every real map.", ""]
    lines += _table_head("Metric", data)
    for metric, rows in agreements[agreements["maps"] == agreement.MAPS[0]].groupby("metric", sort=False):
        rows = rows.set_index("data").reindex(data)
        cells = ["–" if pd.isna(row["set"]) else _agreement(row) for _, row in rows.iterrows()]
        lines.append(f"| {metric} | {' | '.join(cells)} |")
    data = list(hits["data"].unique())
    lines += ["", "How often the maximum of a map lies on the lesion or object, percent, and by chance.", ""]
    lines += _table_head("Map", data)
    for name, rows in hits.groupby("map", sort=False):
        rows = rows.set_index("data").reindex(data)
        cells = ["–" if pd.isna(row["value"]) else _percent(row) for _, row in rows.iterrows()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "Small lesions or objects, those of the smallest third of their kind, are touched if a quarter of them",
    ]
    lines += ["lies in the tenth of the image that the map ranks highest:", ""]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in sentences)]) + "\n"


def _table_head(corner, columns):
    """The first two lines of a table in Markdown."""
    return [f"| {corner} | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]


def _agreement(row):
    """A cell of the table of agreement."""
    return wording.with_interval(row, 2, "+", ("set", "set_low", "set_high")) + (" †" if row["fooled_by"] else "")


def _percent(row):
    """A cell of the table of hits."""
    percent = {name: 100 * row[name] for name in ("value", "low", "high", "chance")}
    return f"{wording.with_interval(percent, 0)}, chance {percent['chance']:.0f}"
