"""The two halves of a notebook: one measures, and one makes tables and sentences of the rows that were measured.

The halves meet at the first cell with the tag "analysis". A notebook without such a cell measures from end to end.
"""

import ast
import hashlib
import re

from black_average_drop.files import NOTEBOOKS

MEASURING, ANALYSIS = HALVES = ("measuring half", "analysis half")
_CELL = re.compile(r"^# %%(?P<kind>.*)$", re.MULTILINE)


def is_split(notebook):
    """Whether a notebook, by its name, has an analysis half."""
    return bool(half_text(notebook, ANALYSIS))


def half_text(notebook, half):
    """Return the text of one of the `HALVES` in the percent script of a notebook, without the cell of parameters.

    Parameters stand in no half: a record holds their values, each in the half that names it. The analysis half of a
    notebook without one is "".
    """
    text = (NOTEBOOKS / f"{notebook}.py").read_text(encoding="utf-8")
    starts = list(_CELL.finditer(text))
    pieces = [
        (start["kind"], text[start.start() : end])
        for start, end in zip(starts, [*(one.start() for one in starts[1:]), len(text)], strict=True)
    ]
    first = next((place for place, (kind, _) in enumerate(pieces) if '"analysis"' in kind), len(pieces))
    chosen = pieces[:first] if half == MEASURING else pieces[first:]
    return "".join(piece for kind, piece in chosen if '"parameters"' not in kind)


def names_in(notebook, half):
    """Return the names that a half reads, a set; those that a query of pandas mentions as @name, too."""
    nodes = list(ast.walk(ast.parse(half_text(notebook, half))))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return names | {name for text in texts for name in re.findall(r"@([^\W\d]\w*)", text)}


def parameters_of(notebook, half):
    """Return name -> default of the parameters that belong to a half: those that it names.

    A parameter that neither half names belongs to the measuring half.
    """
    defaults = default_parameters(notebook)
    named = names_in(notebook, half)
    if half == MEASURING:
        named |= set(defaults) - names_in(notebook, ANALYSIS)
    return {name: value for name, value in defaults.items() if name in named}


def default_parameters(notebook):
    """Read name -> default of a notebook's parameters from the cell tagged "parameters" of its percent script."""
    cell = (NOTEBOOKS / f"{notebook}.py").read_text().split('tags=["parameters"]')[1].split("# %%")[0]
    cell = cell.split("\n", 1)[1]
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(cell).body
        if isinstance(statement, ast.Assign)
    }


def first_of_analysis(cells):
    """Return the place of the first cell of the analysis half among the cells of an .ipynb, or how many there are."""
    tagged = (place for place, cell in enumerate(cells) if "analysis" in cell["metadata"].get("tags", []))
    return next(tagged, len(cells))


def half_checksum(notebook, half):
    """Compute the SHA-256 of the text of a half, hexadecimal."""
    return hashlib.sha256(half_text(notebook, half).encode()).hexdigest()


def source_name(notebook, half):
    """Return what a half is called among the sources of a record, such as "notebooks/03_table1.py, analysis half"."""
    return f"{NOTEBOOKS.name}/{notebook}.py, {half}"


# Name -> SHA-256 of the halves of every notebook, before anything is computed.
HALVES_AT_START = {
    source_name(script.stem, half): half_checksum(script.stem, half)
    for script in NOTEBOOKS.glob("*.py")
    for half in HALVES
}
