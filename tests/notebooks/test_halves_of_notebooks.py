"""Every notebook that measures and concludes has two halves, and the second one needs nothing of the first but rows."""

import ast
import builtins
import subprocess
import sys

import pytest

from black_average_drop.artifact import code_hashes, halves, notebooks, profiles
from black_average_drop.files import ROOT
from black_average_drop.rows import FOLDER

# Every notebook but Figure 1, which is nothing but maps.
MEASURE_AND_CONCLUDE = (
    "01_train",
    "03_table1",
    "04_alpha",
    "05_identity",
    "06_softmax",
    "07_what_networks_use",
    "08_maps_against_truth",
    "09_verdict",
)
# What only the measuring half may read.
PLACES = {"build", "data_root", "scheduler"}
# Modules of conclusions, by the beginning of their names. The ROC curve is no conclusion, and training needs its area.
CONCLUDE = ("statistics/", "paper/claims.py", "paper/verdicts.py", "trust/agreement.py")
MAY_MEASURE = ("statistics/__init__.py", "statistics/roc.py")
MEASURE = ("networks/", "datasets/", "training/", "evaluation.py", "figures.py", "masks.py", "cams.py")
# What computes networks and maps, and takes seconds to import.
HEAVY = {"keras", "tensorflow", "jax", "torch"}
SPLIT = [name for name in notebooks.ORDER if halves.is_split(name)]


def test_every_notebook_that_measures_and_concludes_has_two_halves():
    assert tuple(SPLIT) == MEASURE_AND_CONCLUDE


def bound(text):
    """The names that a text of Python binds."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


@pytest.mark.parametrize("notebook", SPLIT)
def test_the_analysis_half_takes_nothing_from_the_measuring_half_but_parameters(notebook):
    text = halves.half_text(notebook, halves.ANALYSIS)
    from_before = halves.names_in(notebook, halves.ANALYSIS) - bound(text) - set(dir(builtins))
    assert from_before <= set(halves.default_parameters(notebook)) - PLACES
    assert "results" in from_before


@pytest.mark.parametrize("notebook", SPLIT)
def test_the_measuring_half_depends_on_no_module_that_concludes(notebook):
    modules = {path.removeprefix("lib/black_average_drop/") for path in code_hashes.notebook_sources(notebook)}
    assert not [path for path in modules if path.startswith(CONCLUDE) and path not in MAY_MEASURE]


@pytest.mark.parametrize("notebook", SPLIT)
def test_the_analysis_half_depends_on_no_module_that_measures(notebook):
    """So that a change of a network, a map or a mask leaves its record current."""
    modules = {path.removeprefix("lib/black_average_drop/") for path in code_hashes.analysis_sources(notebook)}
    assert not [path for path in modules if path.startswith(MEASURE)]


def imported_at_once(text):
    """The packages that a module imports when it is imported itself, not in a function later."""
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("notebook", SPLIT)
def test_no_module_of_the_analysis_half_imports_keras(notebook):
    modules = [ROOT / path for path in code_hashes.analysis_sources(notebook) if path.endswith(".py")]
    assert modules and not [path.name for path in modules if imported_at_once(path.read_text()) & HEAVY]


def test_the_imports_of_the_analysis_halves_start_no_keras():
    """In one process of its own, half by half, other packages and what they import among them."""
    lines = ["import sys"]
    for notebook in SPLIT:
        nodes = ast.parse(halves.half_text(notebook, halves.ANALYSIS)).body
        lines += [ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        lines.append(f"print({notebook!r}, *sorted({HEAVY!r} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.stdout.splitlines() == SPLIT, done.stderr


@pytest.mark.parametrize("folder", profiles.result_folders(), ids=lambda folder: folder.name)
def test_the_rows_of_a_profile_are_at_most_two_megabytes(folder):
    assert sum(path.stat().st_size for path in (folder / FOLDER).glob("*")) <= 2e6
