"""Processes that compute keep their memory: by whom it is set, what wins, and that it does what it should."""

import os
import subprocess
import sys

import pytest

from black_average_drop.artifact import allocator, execution
from black_average_drop.files import ROOT
from page_faults import FAULTS, PAGES, glibc_only

OURS = [f"{name}={value}" for name, (value, _) in allocator.TUNABLES.items()]


@pytest.fixture
def of_version(monkeypatch):
    """A function that makes this system one with that C library, as os.confstr names it; None: it has no name."""

    def pretend(name):
        def confstr(what):
            if name is None:
                raise ValueError("unrecognized configuration name")
            return name

        monkeypatch.setattr(os, "confstr", confstr)

    return pretend


def test_glibc_is_told_to_keep_what_is_freed(of_version):
    of_version("glibc 2.36")
    assert allocator.settings({}) == {"GLIBC_TUNABLES": ":".join(OURS)}
    assert allocator.settings({"PATH": "/bin"} | allocator.settings({})) == {}  # a process of a process


@pytest.mark.parametrize(
    ("given", "tunables"),
    [
        ({"GLIBC_TUNABLES": ""}, None),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}, ["glibc.malloc.hugetlb=0", *OURS[1:]]),
        ({"GLIBC_TUNABLES": "glibc.rtld.nns=4"}, ["glibc.rtld.nns=4", *OURS]),
        ({"MALLOC_TOP_PAD_": "4096", "MALLOC_ARENA_MAX": "2"}, OURS[:3]),
        (
            {"GLIBC_TUNABLES": "glibc.malloc.top_pad=1", "MALLOC_MMAP_THRESHOLD_": "9"},
            ["glibc.malloc.top_pad=1", *OURS[:2]],
        ),
    ],
)
def test_what_the_user_has_set_wins(of_version, given, tunables):
    of_version("glibc 2.36")
    assert allocator.settings(given) == ({} if tunables is None else {"GLIBC_TUNABLES": ":".join(tunables)})


@pytest.mark.parametrize("name", ["glibc 2.34", "musl 1.2.5", None])
def test_elsewhere_nothing_is_set(of_version, name):
    """Before 2.35 so high a threshold for mmap was overlooked, and the lowest one kept."""
    of_version(name)
    assert allocator.settings({}) == {}
    of_version("glibc 2.35")
    assert allocator.settings({})


def faults(**environment):
    command = [sys.executable, "-m", "black_average_drop.artifact.allocator", sys.executable, "-c", FAULTS]
    inherited = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    return int(subprocess.run(command, env=inherited | environment, capture_output=True, check=True).stdout)


@glibc_only
def test_a_command_finds_again_what_it_has_freed():
    assert faults(GLIBC_TUNABLES="") > 19 * PAGES
    assert faults() < 2 * PAGES


def test_a_command_that_is_not_there_is_said():
    for arguments, said in (
        (["no-such-command"], "no-such-command cannot be started (No such file or directory): name a program.\n"),
        (
            [],
            "Name a command to start: python -m black_average_drop.artifact.allocator python my_script.py, for one.\n",
        ),
    ):
        command = [sys.executable, "-m", "black_average_drop.artifact.allocator", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@glibc_only
def test_kernels_get_it_and_importing_the_library_sets_nothing(monkeypatch, tmp_path):
    import papermill

    seen = []
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    monkeypatch.setattr(
        papermill,
        "execute_notebook",
        lambda source, target, *_, **__: open(target, "w").close() or seen.append(dict(os.environ)),
    )
    execution.execute("02_figure1", {"profile": "smoke"}, tmp_path)
    assert seen[0]["GLIBC_TUNABLES"] == ":".join(OURS)
    monkeypatch.delenv("GLIBC_TUNABLES")
    code = (
        "import importlib.util, os, pkgutil, black_average_drop as package; before = dict(os.environ);"
        "modules = pkgutil.walk_packages(package.__path__, package.__name__ + '.');"
        "torch = importlib.util.find_spec('torch');"  # an extra, which is imported in one folder alone
        "[importlib.import_module(one.name) for one in modules if torch or '.pytorch.' not in one.name];"
        "print({name for name in os.environ if name.startswith(('GLIBC', 'MALLOC', 'LD_'))} - set(before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("target", "started"),
    [
        ("reproduce", "effort .venv/bin/python -m black_average_drop.artifact run"),
        ("test", "effort .venv/bin/python -m pytest"),
        ("test-torch", "effort build/torch/venv/bin/python -m pytest tests/networks/pytorch"),
        ("test-oldest", "effort build/oldest/venv/bin/python -m pytest"),
        ("peers", "effort build/peers/venv/bin/python -m pytest"),
        ("reliability", "allocator .venv/bin/python -m pytest"),
        ("benchmark", "allocator .venv/bin/python -m black_average_drop.benchmark"),
        ("lab", "allocator .venv/bin/jupyter lab"),
    ],
)
def test_make_starts_what_computes_with_it(target, started):
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert f"python -m black_average_drop.artifact.{started}" in done.stdout
