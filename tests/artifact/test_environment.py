"""pyproject.toml, requirements.lock and environment.yml say the same; the Makefile and the lock are fit to publish."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from black_average_drop.files import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
QUIET = "--disable-pip-version-check"


def pins():
    """name -> pinned versions; a package can have one for each of several Pythons."""
    versions = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", LOCK, re.MULTILINE):
        versions.setdefault(canonicalize_name(name), []).append(version)
    return versions


EXTRAS = [one for name, extra in PROJECT["optional-dependencies"].items() if name != "torch" for one in extra]
REQUIREMENTS = sorted({*PROJECT["dependencies"], *EXTRAS})


@pytest.fixture(scope="module")
def oldest():
    spec = importlib.util.spec_from_file_location("oldest", ROOT / ".ci/oldest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_direct_dependency_is_pinned_within_its_range(requirement):
    requirement = Requirement(requirement)
    versions = pins()[canonicalize_name(requirement.name)]
    assert versions and all(version in requirement.specifier for version in versions)


def test_pytorch_is_in_no_lock_and_pinned_to_one_version():
    (requirement,) = map(Requirement, PROJECT["optional-dependencies"]["torch"])
    assert requirement.name == "torch" and [one.operator for one in requirement.specifier] == ["=="]
    assert "torch" not in pins()


def test_every_pin_has_hashes_and_no_address():
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK)
    assert sum(len(versions) for versions in pins().values()) > 50
    for entry in entries:
        if "==" in entry.splitlines()[0]:
            assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in LOCK and "index" not in LOCK.split("\nabsl")[0]


def test_conda_environment_installs_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    python, _, pip = environment["dependencies"]
    assert python.removeprefix("python=") + ".0" in SpecifierSet(PROJECT["requires-python"])
    assert pip == {"pip": ["--requirement requirements.lock"]}


def test_tensorflow_is_allowed_up_to_the_tested_minor_and_no_further():
    (locked,) = map(Version, pins()["tensorflow"])
    (requirement,) = map(Requirement, PROJECT["optional-dependencies"]["tensorflow"])
    assert f"{locked.major}.{locked.minor + 1}.0" not in requirement.specifier


def test_oldest_pins_are_the_lower_bounds_and_the_rest_is_the_lock(oldest):
    bounds = {
        canonicalize_name(requirement.name): one.version
        for requirement in map(Requirement, REQUIREMENTS)
        for one in requirement.specifier
        if one.operator == ">="
    }
    assert {"keras", "tensorflow", "numpy", "jax"} <= set(bounds) and oldest.lowest(PROJECT) == bounds
    lines = oldest.constraints(PROJECT, LOCK)
    assert {f"{name}=={bound}" for name, bound in bounds.items()} <= set(lines)
    entries = [line.removesuffix(" \\") for line in LOCK.splitlines()]
    assert set(lines[len(bounds) :]) < set(entries)
    names = [line.split("==")[0] for line in lines]
    assert all(names.count(name) == 1 for name in bounds)
    # Direct requirements are the lock's own; what TensorFlow, Keras and JAX alone ask for is left to them.
    assert {canonicalize_name(Requirement(one).name) for one in REQUIREMENTS} <= set(names)
    assert "tornado" in names and not {"protobuf", "ml-dtypes", "jaxlib", "optree"} & set(names)


def test_oldest_pins_follow_pyproject(oldest):
    project = {"dependencies": ["a>=1.2,<2", "b", "c"], "optional-dependencies": {"more": ["d[x]", "e-f>=3"]}}
    lock = """a==1.9 ; python_full_version < '3.12' \\
    --hash=sha256:0
    # via project
b==4 \\
    --hash=sha256:0
    # via
    #   project
    #   a
e-f==5 \\
    # via project
g==6 \\
    # via
    #   a
    #   h
h==7 \\
    # via e-f
i==8 \\
    # via
    #   b
    #   h
"""
    assert oldest.constraints(project, lock) == ["a==1.2", "e-f==3", "b==4", "i==8"]


def test_installed_versions_are_the_locked_ones(oldest):
    """Or, in the environment of `make test-oldest`, the oldest allowed."""
    here = Path(sys.prefix).resolve() == (ROOT / "build/oldest/venv").resolve()
    bounds = oldest.lowest(PROJECT) if here else {}
    for name in ("keras", "tensorflow", "numpy", "pandas", "papermill"):
        allowed = [bounds[name]] if name in bounds else pins()[name]
        assert Version(metadata.version(name)) in map(Version, allowed), name


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("env", "Python 3.14 has no TensorFlow wheels: name one of 3.11 to 3.13"),
        ("test-oldest", "Python 3.14 is not the oldest that pyproject.toml allows: make test-oldest PYTHON=python3.11"),
    ],
)
def test_a_python_that_does_not_fit_is_refused_in_a_sentence(target, said, tmp_path):
    """A stand-in interpreter that says it is 3.14, in front of the real one."""
    old = tmp_path / "python"
    pretend = "s/sys.version_info\\[:2\\]/(3, 14)/g"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$(printf %s "$2" | sed \'{pretend}\')"\n')
    old.chmod(0o755)
    places = [f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", f"OLDEST={tmp_path / 'oldest'}"]
    done = subprocess.run(["make", target, *places], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and said in done.stderr
    assert not (tmp_path / "venv").exists() and not (tmp_path / "oldest").exists()


def test_environment_is_not_built_again_while_the_lock_is_unchanged(tmp_path):
    (tmp_path / "requirements.lock").write_text(LOCK)
    done = subprocess.run(
        ["make", "--no-print-directory", "env", f"VENV={tmp_path}", "PYTHON=false"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout == ""


def test_the_kernel_is_this_environments_own_whatever_the_user_has(tmp_path, monkeypatch):
    broken = tmp_path / "jupyter" / "kernels" / "python3"
    broken.mkdir(parents=True)
    (broken / "kernel.json").write_text('{"argv": ["/no/such/python"], "display_name": "broken", "language": "python"}')
    code = (
        "from jupyter_client.kernelspec import KernelSpecManager as M; import sys;"
        "spec = M().get_kernel_spec('python3'); print(spec.resource_dir.startswith(sys.prefix), spec.argv[0])"
    )
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    answers = {}
    for prefer in ("0", "1"):
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", prefer)
        answers[prefer] = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert answers["0"] == ["False", "/no/such/python"]  # the trap is real
    assert answers["1"][0] == "True"
    assert "export JUPYTER_PREFER_ENV_PATH = 1" in (ROOT / "Makefile").read_text()


def test_binder_installs_the_package_as_make_does(tmp_path):
    """postBuild with a python that says what it is asked for."""
    told = tmp_path / "python"
    told.write_text('#!/bin/sh\necho "$@"\n')
    told.chmod(0o755)
    script = ROOT / "postBuild"
    done = subprocess.run([script], cwd=ROOT, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    made = re.search(r"python (-m pip install .*--editable \.)", (ROOT / "Makefile").read_text())[1]
    assert done.returncode == 0
    assert done.stdout.split() == [word for word in made.split() if word not in ("--quiet", QUIET)]


def test_every_phony_target_has_a_rule():
    makefile = (ROOT / "Makefile").read_text()
    phony = {name for line in re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE) for name in line.split()}
    assert len(phony) > 15 and not phony - set(re.findall(r"^([^\s:#]+):(?!=)", makefile, re.MULTILINE))


def test_dev_container_makes_the_environment_and_serves_nobody_else():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    python = container["image"].rsplit(":", 1)[1]
    assert python + ".0" in SpecifierSet(PROJECT["requires-python"])
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [value for name, value in container.items() if name.endswith("Command")]
    assert commands == ["make env"]
    assert all(command.removeprefix("make ") in targets for command in commands)
    # JupyterLab listens on localhost in the container; publishing a port (appPort, -p) would open it to the network.
    assert container["forwardPorts"] == [8888] and list(container["portsAttributes"]) == ["8888"]
    assert "make lab" in container["portsAttributes"]["8888"]["label"] and "lab" in targets
    assert not {"appPort", "runArgs"} & set(container)
    tools = container["customizations"]["vscode"]
    assert tools["settings"]["remote.localPortHost"] == "localhost"
    assert {"ms-python.python", "ms-toolsai.jupyter", "charliermarsh.ruff"} == set(tools["extensions"])
