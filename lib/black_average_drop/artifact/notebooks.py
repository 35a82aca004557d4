"""The notebooks of the project, in their order, and the .ipynb that each percent script makes."""

import hashlib

from black_average_drop.files import NOTEBOOKS, replacing

# Each notebook in its order, with those whose outputs it reads.
NEEDS = {
    "01_train": (),
    "02_figure1": ("01_train",),
    "03_table1": ("01_train",),
    "04_alpha": ("01_train", "03_table1"),
    "05_identity": ("01_train",),
    "06_softmax": ("01_train",),
    "07_what_networks_use": ("01_train",),
    "08_maps_against_truth": ("01_train", "07_what_networks_use"),
    "09_verdict": ("01_train", "07_what_networks_use", "08_maps_against_truth"),
}
ORDER = tuple(NEEDS)
# Notebooks of earlier versions whose records still lie with results; paper_figures/README.md names their successors.
GONE = {"07_trust": ("01_train",)}
YOUR_DATA = "your_data"  # what `choose` runs
ALONE = ("explore", YOUR_DATA)  # in no profile: anybody may open them


def convert(script):
    """Make the text of a stripped .ipynb from a percent script.

    Cell identifiers are hashes of the source, so that they stay where the source stays.
    """
    import jupytext
    import nbformat

    notebook = jupytext.read(script)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    seen = {}
    for cell in notebook.cells:
        seen[cell.source] = seen.get(cell.source, 0) + 1
        cell.id = hashlib.sha256(f"{cell.source}{seen[cell.source]}".encode()).hexdigest()[:8]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(nbformat.validator.normalize(notebook)[1], version=nbformat.NO_CONVERT) + "\n"


def outdated():
    """Return the percent scripts, in order of name, whose .ipynb is missing or not what `convert` makes of them."""
    return [script for script in sorted(NOTEBOOKS.glob("*.py")) if not is_converted(script)]


def is_converted(script):
    """Whether the .ipynb of a percent script is there and what `convert` makes of the script."""
    notebook = script.with_suffix(".ipynb")
    return notebook.is_file() and notebook.read_text() == convert(script)


def regenerate():
    """Write the .ipynb of every percent script."""
    for script in sorted(NOTEBOOKS.glob("*.py")):
        with replacing(script.with_suffix(".ipynb")) as partial:
            partial.write_text(convert(script))
