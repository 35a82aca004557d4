"""pyproject.toml, requirements.lock and environment.yml say the same; the Makefile and the lock are fit to publish."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from black_average_drop.provenance import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
QUIET = "--disable-pip-version-check"


def pins():
    """name -> pinned versions; a package can have one for each of several Pythons."""
    found = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]


@pytest.mark.parametrize("requirement", sorted({*PROJECT["dependencies"], *EXTRAS}))
def test_every_direct_dependency_is_pinned_within_its_range(requirement):
    requirement = Requirement(requirement)
    versions = pins()[canonicalize_name(requirement.name)]
    assert versions and all(version in requirement.specifier for version in versions)


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


def test_installed_versions_are_the_locked_ones():
    from importlib.metadata import version

    for name in ("keras", "tensorflow", "numpy", "pandas", "papermill"):
        assert version(name) in pins()[name]


def test_a_python_without_wheels_is_refused_in_a_sentence(tmp_path):
    """A stand-in interpreter that says it is 3.14, in front of the real one."""
    old = tmp_path / "python"
    pretend = "s/sys.version_info\\[:2\\]/(3, 14)/g"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$(printf %s "$2" | sed \'{pretend}\')"\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "env", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0 and "Python 3.14 has no TensorFlow wheels: name one of 3.11 to 3.13" in done.stderr
    assert not (tmp_path / "venv").exists()


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
