"""How the notebooks are written, and that the committed ones are their scripts."""

import ast

import jupytext
import pytest

from bindings import rebound
from black_average_drop.artifact import halves, notebooks
from black_average_drop.files import NOTEBOOKS

SCRIPTS = sorted(NOTEBOOKS.glob("*.py"))


def test_every_notebook_is_in_the_order():
    assert tuple(script.stem for script in SCRIPTS) == notebooks.ORDER + notebooks.ALONE
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {*notebooks.ORDER, *notebooks.ALONE}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_and_stripped_notebook_are_alike(script):
    committed = script.with_suffix(".ipynb").read_text()
    assert notebooks.convert(script) == committed, "run make notebooks"
    source, stripped = jupytext.read(script), jupytext.read(script.with_suffix(".ipynb"))
    for one, other in zip(source.cells, stripped.cells, strict=True):
        assert (one.cell_type, one.source) == (other.cell_type, other.source)
        assert one.metadata.get("tags") == other.metadata.get("tags")
        assert other.cell_type == "markdown" or not other.outputs
    assert stripped.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_notebooks_read_like_an_article(script):
    cells = jupytext.read(script).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    for before, cell in zip(cells, cells[1:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", f"no prose before: {cell.source[:60]}"
            settings = "parameters" in cell.metadata.get(
                "tags", []
            )  # a list, one a line: those of make choose are many
            assert cell.source.count("\n") < (40 if settings else 25)
            defined = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
            assert not any(isinstance(node, defined) for node in ast.walk(ast.parse(cell.source)))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_name_stands_for_one_kind_of_thing_and_arguments_are_passed_one_by_one(script):
    source = script.read_text()
    assert source.count("\n") <= 300
    for half in halves.HALVES:  # neither takes a name of the other
        assert rebound(halves.half_text(script.stem, half)) == {}
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert not [ast.unparse(call) for call in calls if any(isinstance(one, ast.Starred) for one in call.args)]
