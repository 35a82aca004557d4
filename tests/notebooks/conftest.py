"""The smoke profile, run once for all tests of this folder."""

import os
from types import SimpleNamespace

import pytest

from black_average_drop.artifact import notebooks
from smoke_project import edit_profile, start

# Where TensorFlow is not installed, importing it fails.
WITHOUT_TENSORFLOW = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""
# The whole recipe of a training, which the smoke profile leaves out, and one training with each head.
RECIPE = {"radiograph_head_epochs": 1, "radiograph_recipe": "full", "training_seeds": 1, "softmax_seeds": 1}


def tables(folder):
    """The tables and rows that a run wrote, name -> bytes."""
    results = folder / "build/smoke/results"
    paths = [*results.glob("*.csv"), *results.glob("*.md"), *results.glob("rows/*")]
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def smoke_runs(tmp_path_factory, copy_project):
    """Copies of the project, the smoke profile run once in each, side by side: as it is, with the memory that the C
    library gives by itself (see `allocator`), and with the whole recipe on JAX where there is no TensorFlow. The tables
    are read here, before any test has touched a copy."""
    folders, runs = {}, {}
    for name in ("first", "second", "jax"):
        folder = folders[name] = copy_project(tmp_path_factory.mktemp(name), "lib", "notebooks", "requirements.lock")
        more = {"GLIBC_TUNABLES": ""} if name == "second" else {}
        if name == "jax":
            edit_profile(folder, "01_train", **RECIPE)
            (folder / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
            more = {"KERAS_BACKEND": "jax", "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'lib'}"}
        runs[name] = start(folder, "run", "--profile", "smoke", **more)
    for name, process in runs.items():
        out, err = process.communicate()
        assert process.returncode == 0, name + out + err
        assert out.count("running") == len(notebooks.ORDER)
    return SimpleNamespace(folders=folders, tables={name: tables(folder) for name, folder in folders.items()})


@pytest.fixture(scope="session")
def projects(smoke_runs):
    return smoke_runs.folders


@pytest.fixture(scope="session")
def project(projects):
    """The first run, which no test changes."""
    return projects["first"]


@pytest.fixture
def results(project):
    return project / "build/smoke/results"
