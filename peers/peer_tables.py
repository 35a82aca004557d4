"""The tables that docs/other-libraries.md shows, and the record of what they were made with."""

import json
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from black_average_drop.artifact.code_hashes import folder_sources
from black_average_drop.artifact.versions import surroundings
from black_average_drop.files import ROOT, replacing, sha256

FOLDER = ROOT / "paper_figures" / "peers"
# Table -> column of the CSV file -> its head in Markdown.
COLUMNS = {
    "maps": {
        "method": "Method",
        "library": "Library",
        "pooled": "From the equation, pooled head",
        "by_position": "From the equation, head by position",
        "ours": "From ours",
        "rank": "Rank correlation",
        "formula": "From the formula named",
        "sentence": "Who is right, and what to do",
    },
    "metrics": {
        "metric": "Metric",
        "library": "Library",
        "difference": "Difference",
        "most": "At most",
        "sentence": "Who is right, and what to do",
    },
    "average_drops": {
        "whose": "Whose",
        "AD": "AD",
        "increase": "Average Increase",
        "score": "Score",
        "divided": "Divided by",
        "scaled": "Map scaled",
        "kernel": "Map enlarged",
        "masked": "What is masked",
        "by_hand": "From the same by hand",
        "sentence": "Why it differs",
    },
    "steps": {"step": "One thing changed", "AD": "AD", "difference": "Difference", "sentence": "Who does so"},
}
PLACES = {"rank": "{:.3f}", "AD": "{:.3f}", "increase": "{:.2f}"}  # the other numbers are differences
LIBRARIES = ("torch", "grad-cam", "torchcam", "captum", "tf-keras-vis", "xplique", "quantus")


def write(tables, folder=FOLDER):
    """Write each table as CSV and as Markdown, and peers.json, which says what they were made with.

    Args:
        tables: name of COLUMNS -> rows, each a dict with its columns. A number may be None.
        folder: where they go.
    """
    names = []
    for name, columns in COLUMNS.items():
        table = pd.DataFrame(tables[name], columns=list(columns))
        with replacing(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, float_format="%.3g", lineterminator="\n")
        with replacing(folder / f"{name}.md") as partial:
            partial.write_text(markdown(name, pd.read_csv(folder / f"{name}.csv")), encoding="utf-8")
        names += [f"{name}.csv", f"{name}.md"]
    record = surroundings() | {"sources": folder_sources("peers"), "inputs": {}}
    record["versions"] |= dict(_versions())
    record["outputs"] = {file: sha256(folder / file) for file in names}
    with replacing(folder / "peers.json") as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def markdown(name, table):
    """A table of COLUMNS, as it is read from its CSV file, as lines of Markdown."""
    columns = COLUMNS[name]
    lines = [f"| {' | '.join(columns.values())} |", f"|{'---|' * len(columns)}"]
    for row in table.to_dict("records"):
        lines.append(f"| {' | '.join(_cell(column, row[column]) for column in columns)} |")
    return "\n".join(lines) + "\n"


def _cell(column, value):
    if pd.isna(value):
        return "–"
    return value if isinstance(value, str) else PLACES.get(column, "{:.1e}").format(value)


def _versions():
    for library in LIBRARIES:
        try:
            yield library, version(library)
        except PackageNotFoundError:
            yield library, "not installed"
