"""What is in a data root, counted from its files: the figures of data/README.md, as Markdown."""

from pathlib import Path

from black_average_drop.datasets.counting import size_of
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import sha256

_COLUMNS = "| what | figure |\n|---|---|"


def markdown(root):
    """Write the tables of every source below a data root, and of the weights there.

    Raises:
        ValueError: if there is none of them.
    """
    sections = []
    tables = [(source.title, source.report(root)) for source in SOURCES.values()]
    for title, rows in (*tables, ("Weights", weights_rows(root))):
        if rows:
            lines = [f"### {title}, counted\n", _COLUMNS, *(f"| {what} | {figure} |" for what, figure in rows)]
            sections.append("\n".join(lines))
    if not sections:
        folders = ", ".join(source.folder for source in SOURCES.values())
        raise ValueError(f"{root} holds none of {folders}, weights: pass DATA=, or run make data.")
    return "\n\n".join(sections)


def weights_rows(root):
    """List size and SHA-256 of the files in root/weights: rows (what, figure)."""
    files = sorted(path for path in (Path(root) / "weights").glob("*") if path.is_file())
    return [(f"{path.name}, {size_of([path])}", f"SHA-256 `{sha256(path)}`") for path in files]
