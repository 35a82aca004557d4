"""`pip install .` gives the package under its own name, whole, and usable away from the checkout."""

import json
import tomllib

import pytest
import yaml

import black_average_drop
from black_average_drop.files import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = ROOT / "lib/black_average_drop"
EVERYTHING = """
import importlib, importlib.util, json, pkgutil
from importlib.metadata import distribution
import black_average_drop
for module in pkgutil.walk_packages(black_average_drop.__path__, "black_average_drop."):
    if ".pytorch." in module.name and importlib.util.find_spec("torch") is None:
        continue  # PyTorch is an extra, and imported there alone
    importlib.import_module(module.name)
installed = distribution("black-average-drop")
places = [black_average_drop.__file__, str(installed.locate_file(""))]
print(json.dumps([*places, installed.version, black_average_drop.__version__]))
"""


def test_every_module_can_be_imported_away_from_the_checkout(installed, tmp_path):
    done = installed.run("-c", EVERYTHING, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    file, place, version, own_version = json.loads(done.stdout.splitlines()[-1])
    assert file == str(installed.site / "black_average_drop/__init__.py") and place == str(installed.site)
    assert version == own_version == PROJECT["version"]


def test_every_file_of_the_package_is_installed(installed):
    def files(folder):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    assert files(installed.site / "black_average_drop") == files(PACKAGE)


def test_version_is_the_same_wherever_it_stands():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert black_average_drop.__version__ == PROJECT["version"] == citation["version"]
    assert f"\n## [{PROJECT['version']}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("arguments", [(), ("run", "--profile", "smoke"), ("notebooks", "--check"), ("report",)])
def test_pipeline_without_notebooks_wants_a_checkout(installed, tmp_path, arguments):
    done = installed.run("-m", "black_average_drop.artifact", *arguments, cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "There are no notebooks next to this installed package: the pipeline needs a checkout of the project, "
        "made ready by make env.\n"
    )
