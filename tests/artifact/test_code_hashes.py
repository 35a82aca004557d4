import subprocess
import sys
import textwrap

import numpy as np
import pytest

from black_average_drop import files
from black_average_drop.artifact import code_hashes, versions


def test_a_key_depends_on_the_code_and_every_part(monkeypatch):
    weights = [np.arange(3.0), np.ones(2)]
    first = code_hashes.measurement_key("trust.imputation", ["a", 1], weights)
    assert code_hashes.measurement_key("trust.imputation", ["a", 1], [np.arange(3.0), np.ones(2)]) == first
    others = {
        code_hashes.measurement_key("masks", ["a", 1], weights),
        code_hashes.measurement_key("trust.imputation", ["a", 2], weights),
        code_hashes.measurement_key("trust.imputation", ["a", 1], [np.arange(3.0), np.zeros(2)]),
    }
    with monkeypatch.context() as changed:
        changed.setattr(code_hashes, "sha256", lambda path: "another text of the module")
        changed.setattr(code_hashes, "CODE_AT_START", {})  # as in a process that began with that text
        others.add(code_hashes.measurement_key("trust.imputation", ["a", 1], weights))
    assert len(others) == 4 and first not in others


# Imports, in every way that Python has; the oracle is what Python has loaded when it has imported the module.

IMPORTING = {
    "from the package": "from black_average_drop import leaf",
    "from a module": "from black_average_drop.leaf import VALUE",
    "import as": "import black_average_drop.leaf as other",
    "import": "import black_average_drop.branch.twig",
    "from a package within": "from black_average_drop.branch import twig",
    "a package within": "from black_average_drop import branch",
    "from a module within": "from black_average_drop.branch.twig import VALUE",
    "relative": "from . import leaf",
    "relative, from a module": "from .leaf import VALUE",
    "relative, from a package within": "from .branch import twig",
    "relative, from a module within": "from .branch.twig import VALUE",
    "two at once": "from . import leaf, branch",
    "in a function": "def run():\n    from . import leaf\nrun()",
    "from above": "from black_average_drop.branch.deep import VALUE",
    "nothing": "import json, math as leaf",
}
FILES = {
    "__init__.py": "",
    "leaf.py": "VALUE = 1",
    "apart.py": "VALUE = 2",
    "branch/__init__.py": "from .inner import VALUE",
    "branch/inner.py": "VALUE = 3",
    "branch/twig.py": "VALUE = 4",
    "branch/deep/__init__.py": "from ..twig import VALUE\nfrom ... import leaf",
}


@pytest.mark.parametrize("name", IMPORTING)
def test_imports_are_followed_as_python_follows_them(tmp_path, monkeypatch, name):
    package = tmp_path / "lib/black_average_drop"
    for file, text in (FILES | {"root.py": IMPORTING[name]}).items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text + "\n")
    told = "import sys, black_average_drop.root\n"
    told += "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'black_average_drop'], sep='\\n')"
    python = [sys.executable, "-c", told]
    loaded = subprocess.run(python, cwd=tmp_path / "lib", env={}, capture_output=True, text=True, check=True).stdout
    monkeypatch.setattr(code_hashes, "ROOT", tmp_path)
    assert {str(tmp_path / path) for path in code_hashes.module_sources("root")} == set(loaded.split())


def test_the_package_itself_has_no_import_that_is_not_followed():
    """What a notebook computes with is a part of what its record names: all that Python loads for it of the package."""
    told = "import sys, black_average_drop.choice.recommendation, black_average_drop.datasets.folder\n"
    told += "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'black_average_drop'], sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    named = {str(files.ROOT / path) for path in code_hashes.notebook_sources("your_data")}
    assert set(loaded) <= named and len(loaded) > 10


def test_a_module_that_is_edited_while_it_computes_is_noticed(tmp_path, copy_project):
    """In a copy of the package, by the text that Python has loaded and the one that lies there at the end."""
    copy_project(tmp_path, "lib", "notebooks")
    run = """
        from black_average_drop import masks
        from black_average_drop.artifact import code_hashes
        code_hashes.check_sources(code_hashes.module_sources("masks"))
        with open(masks.__file__, "a") as file:
            file.write("# edited\\n")
        try:
            code_hashes.check_sources(code_hashes.module_sources("masks"))
        except RuntimeError as problem:
            print(problem)
    """
    python = [sys.executable, "-c", textwrap.dedent(run)]
    environment = {"PYTHONPATH": str(tmp_path / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    said = subprocess.run(python, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("lib/black_average_drop/masks.py changed after this began"), said


def test_a_measurement_of_other_versions_is_not_found_again(monkeypatch):
    before = code_hashes.measurement_key("trust.imputation", ["a"])
    monkeypatch.setattr(versions, "version", lambda name: "0.0.1")
    assert code_hashes.measurement_key("trust.imputation", ["a"]) != before
