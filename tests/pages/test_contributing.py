"""The examples in CONTRIBUTING.md run as they stand, and the hooks of pre-commit see what they are there to see."""

import os
import re
import shlex
import subprocess
import sys

import keras
import pytest
import yaml

from black_average_drop import cams, evaluation, networks
from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import choose, pipeline, verify
from black_average_drop.datasets import phantoms
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import ROOT
from black_average_drop.paper import rows_of_table1
from black_average_drop.trust import directions

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
EXAMPLES = re.findall(r"^## Add a ([a-z ]+)$.*?^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
# What each of them must print, from its own doing.
PRINTED = {
    "method": r"^feature norm +AD +0\.\d+$",
    "method that asks the network again": r"^occlusion +AD +0\.\d+$",
    "metric": r"^Grad-CAM\+\+ +0\.\d+$",
    "test of your own": r"^training 0: [+-]0\.\d+, p = [01]\.\d+\ntraining 1: ",
    "data set": r"^\('normal',\) \['p7'\] \(1, 224, 224, 3\)$",
    "backbone": r"^conv_pw_13_relu \(4, 2, 2, 1024\) \(4, 2\)$",
    "network": r"^Grad-CAM +AD +[01]\.\d+$",
}
HOOKS = {
    hook["id"]: hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
}


def write_rows_of_table1(results):
    """Rows of two networks on twelve phantoms, in the place of the committed ones."""
    images, measured = phantoms.radiographs(12, size=64), {}
    for training in (0, 1):
        keras.utils.set_random_seed(training)
        model = networks.build("small_cnn", images.size, images.class_names, "relu", head_start=2.0)
        network = networks.CamNetwork.from_model(model)
        evaluated = evaluation.evaluate(network, images.batches(4), alpha=0.2, ids=images.ids)
        measured["radiographs", training] = evaluated, images, evaluation.black_logits(network)
    rows_of_table1.write_table1_rows(measured, results, "laptop")


@pytest.mark.parametrize("title, code", EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_example_runs_as_it_stands(title, code, tmp_path, monkeypatch, capsys):
    assert code.count("\n") < {"network": 40, "method that asks the network again": 24}.get(title, 20)
    monkeypatch.chdir(tmp_path)
    if title == "test of your own":
        write_rows_of_table1(tmp_path / "paper_figures/laptop")
    monkeypatch.setattr(cams, "METHODS", dict(cams.METHODS))
    monkeypatch.setattr(cams, "ON_REQUEST", dict(cams.ON_REQUEST))
    monkeypatch.setattr(directions, "DIRECTIONS", dict(directions.DIRECTIONS))
    monkeypatch.setitem(SOURCES, "ours", None)  # and out of it again in the end
    exec(compile(code, f"CONTRIBUTING.md, {title}", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(PRINTED[title], printed, re.MULTILINE), printed


def test_there_is_an_example_of_each_and_no_other_code():
    assert [title for title, _ in EXAMPLES] == list(PRINTED)
    assert TEXT.count("```python") == len(EXAMPLES)


def test_named_files_are_there():
    for name in re.findall(r"`((?:tests|notebooks|lib|data|docs)/[\w./]*)`", TEXT):
        assert name == "notebooks/NN_name.py" or (ROOT / name).exists(), name


@pytest.fixture
def checkout(tmp_path, copy_project):
    """A copy of what the hooks read, so that they may change it, with this environment as its .venv."""
    copy_project(tmp_path, "lib", "notebooks", "tests", "pyproject.toml")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def sources(checkout):
    return {
        path: path.read_bytes() for part in ("lib", "notebooks", "tests") for path in (checkout / part).rglob("*.*")
    }


def passes(hook, checkout):
    """As pre-commit decides: the entry exits with 0 and changes no file. Also what it said."""
    before = sources(checkout)
    environment = {**os.environ, "PYTHONPATH": str(checkout / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        shlex.split(HOOKS[hook]["entry"]), cwd=checkout, env=environment, capture_output=True, text=True
    )
    return done.returncode == 0 and sources(checkout) == before, done.stdout + done.stderr


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_pass_on_the_checkout(hook, checkout):
    passed, said = passes(hook, checkout)
    assert passed, said


@pytest.mark.parametrize("name", ["notebooks/03_table1.py", "lib/black_average_drop/masks.py", "tests/test_masks.py"])
@pytest.mark.parametrize("hook, line", [("ruff-check", "import antigravity\n"), ("ruff-format", "spread = [ 1,2 ]\n")])
def test_ruff_reads_modules_tests_and_percent_scripts(hook, line, name, checkout):
    with open(checkout / name, "a") as file:
        file.write(f"\n\n# %%\n{line}")
    passed, said = passes(hook, checkout)
    assert not passed
    if hook == "ruff-check":
        assert f"--> {name}:" in said
    else:
        assert (checkout / name).read_text().endswith("spread = [1, 2]\n"), said


@pytest.mark.parametrize("change", ["script", "notebook", "missing"])
def test_notebook_that_is_not_its_script_is_named(change, checkout):
    script = checkout / "notebooks/05_identity.py"
    if change == "missing":
        script.with_suffix(".ipynb").unlink()
    else:
        path = script if change == "script" else script.with_suffix(".ipynb")
        path.write_text(path.read_text().replace("Grad-CAM", "Grad-cam"))
    passed, said = passes("notebooks", checkout)
    assert not passed
    assert said == "Not what its script says: notebooks/05_identity.ipynb. Run make notebooks.\n"


@pytest.mark.parametrize(
    ("command", "argument", "takers"),
    [
        (["run"], ["--check"], "notebooks"),
        (["run"], ["--set", "alpha=0.3"], "choose"),
        (["run"], ["--model", "net.keras"], "choose"),
        (["notebooks", "--check"], ["--data", "data"], "run, choose, verify, data, data-report"),
        (["report"], ["--data", "elsewhere"], "run, choose, verify, data, data-report"),
        (["choose"], ["--profile", "laptop"], "run, tables, report, verify, data"),
    ],
)
def test_an_argument_that_a_command_would_not_heed_is_refused(command, argument, takers, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "_do", lambda arguments: None)  # were it not refused
    monkeypatch.setattr(sys, "argv", ["pipeline", *command, *argument])
    with pytest.raises(SystemExit) as left:
        command_line.main()
    said = f"{argument[0]} goes with {takers}, not with {command[0]}: leave it out\n"
    assert left.value.code == 2 and capsys.readouterr().err.endswith(said)


def test_arguments_that_a_command_heeds_reach_it(monkeypatch):
    reached = {}
    for module, name in ((pipeline, "run"), (choose, "choose"), (verify, "check_results")):
        monkeypatch.setattr(module, name, lambda *given, called=name, **more: reached.update({called: (*given, more)}))
    choosing = "choose --model net.keras --data images --set seed=1 --maps maps --lesions boxes.csv"
    for line in ("run --profile laptop", choosing, "verify --data ="):
        monkeypatch.setattr(sys, "argv", ["pipeline", *line.split()])
        command_line.main()
    apart = {"code": "", "trust": "", "maps": "maps", "lesions": "boxes.csv"}
    assert reached == {
        "run": ("laptop", "data", {}),
        "choose": ("net.keras", "images", ["seed=1"], apart),
        "check_results": ("", "=", {}),
    }


def test_hooks_run_on_the_files_that_they_are_about():
    assert list(HOOKS) == ["ruff-check", "ruff-format", "imports", "notebooks"]
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in HOOKS.values())
    expected = re.compile(HOOKS["notebooks"]["files"])
    for script in (ROOT / "notebooks").glob("*.py"):
        assert expected.search(f"notebooks/{script.name}") and expected.search(f"notebooks/{script.stem}.ipynb")
    assert not expected.search("README.md")
