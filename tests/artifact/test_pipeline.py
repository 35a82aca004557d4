"""`make reproduce` of two notebooks that a stand-in executes: what is made again, what blocks nothing, who waits."""

import errno
import itertools
import json
import os
import subprocess
import sys
import textwrap

import pytest

from black_average_drop import files
from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import claims_page, halves, notebooks, pipeline, profiles, provenance, versions
from black_average_drop.paper import claims
from black_average_drop.statistics.trainings import Estimate

NEEDS = {"01_train": (), "03_table1": ("01_train",)}
SECTIONS = profiles.read_profile("smoke")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """(build, results, a function that runs the profile and gives the notebooks that were executed)."""
    build, results = tmp_path / "build/tiny", tmp_path / "paper_figures/tiny"
    executed, minutes = [], itertools.count()
    (tmp_path / "requirements.lock").write_text("")

    def execute(notebook, parameters, folder):
        executed.append(notebook)
        (folder / f"{notebook}.ipynb").write_text('{"cells": []}')
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{notebook}.csv").write_text(notebook)
        outputs = {f"{notebook}.csv": files.sha256(results / f"{notebook}.csv")}
        if notebook == "03_table1":
            measured = {"AUC": claims.Measured(Estimate(0.93, 0.92, 0.95, 0.5, 3), 20, "x")}
            part = claims.write_measured(notebook, measured, results, "tiny")
            outputs[part.name] = files.sha256(part)
        record = {"notebook": notebook, **versions.surroundings(), "minutes": next(minutes)}
        record |= {"machine": {"system": "Linux", "processor": "x", "cores": 2}, "parameters": {"profile": "tiny"}}
        (results / f"{notebook}.json").write_text(json.dumps(record | {"inputs": {}, "outputs": outputs}))

    for module in (pipeline, profiles):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(halves, "is_split", lambda notebook: False)  # test_analysis.py has those with two halves
    monkeypatch.setattr(pipeline, "NEEDS", NEEDS)
    monkeypatch.setattr(pipeline, "ORDER", tuple(NEEDS))
    monkeypatch.setattr(profiles, "read_profile", lambda name: SECTIONS)
    monkeypatch.setattr(profiles, "results_folder", lambda name: name)
    monkeypatch.setattr(pipeline, "execute", execute)
    surroundings = versions.surroundings()
    for module in (provenance, claims_page):  # git is asked once
        monkeypatch.setattr(module, "surroundings", lambda: surroundings)
    monkeypatch.setattr(pipeline, "notebook_sources", lambda notebook: {})

    def run():
        executed.clear()
        pipeline.run("tiny", tmp_path)
        return list(executed)

    assert run() == list(NEEDS) and run() == []
    return build, results, run


def everything(*folders):
    return {path: path.stat().st_mtime_ns for folder in folders for path in [folder, *folder.rglob("*")]}


def test_where_all_is_current_nothing_is_written(project):
    """So that a checkout on a disk that is read-only reports and verifies; the lock alone says who runs."""
    build, results, run = project
    before = everything(build, results)
    assert run() == []
    after = everything(build, results)
    assert {path for path in before if before[path] != after[path]} <= {build / ".lock"} and set(after) == set(before)


def test_the_record_of_a_notebook_that_is_gone_goes_when_others_have_run(project):
    build, results, run = project
    (gone,) = notebooks.GONE
    (results / f"{gone}.json").write_text("{}")
    (results / "trust.csv").write_text("numbers")
    (build / "03_table1.stamp.json").unlink()
    assert run() == ["03_table1"]
    assert not (results / f"{gone}.json").exists() and (results / "trust.csv").read_text() == "numbers"


def test_a_checkout_that_is_read_only_runs_where_all_is_current_and_says_so_where_not(project, monkeypatch, capsys):
    build, results, run = project

    def refuse(path, flags=os.O_RDONLY, mode=0o777, **options):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return really(path, flags, mode, **options)

    def no_unlink(path, **_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    really = os.open
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("pathlib.Path.unlink", no_unlink)
    assert run() == []
    (results / "03_table1.csv").write_text("changed")
    monkeypatch.setattr(sys, "argv", ["pipeline", "run", "--profile", "tiny", "--data", str(results)])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == (
        f"{build}/03_table1.stamp.json cannot be read or written: Read-only file system. Give this user the right to "
        "it, or mend what the name stands for, and run the same command again."
    )


BROKEN = [
    "",
    "null",
    "[]",
    "3",
    "{}",
    '{"outputs": ',
    '{"outputs": null}',
    '{"outputs": {"a": 1}}',
    "\\udcff",
    "[" * 99_999,
]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("name", ["03_table1.stamp.json", "03_table1.ipynb", "03_table1.json"])
def test_what_cannot_be_read_is_named_and_made_again(project, capsys, name, text):
    build, results, run = project
    path = (results if name == "03_table1.json" else build) / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    capsys.readouterr()
    assert run() == ["03_table1"]
    named = os.path.relpath(path, pipeline.ROOT)
    assert f"{named} is missing or cannot be read: it is made again.\n" in capsys.readouterr().out
    assert run() == []


@pytest.mark.parametrize("name", ["01_train.json", "01_train.ipynb", "03_table1.csv", "01_train.stamp.json"])
def test_what_is_lost_is_made_again(project, name):
    build, results, run = project
    next(folder / name for folder in (build, results) if (folder / name).exists()).unlink()
    assert run() == [name.split(".")[0]] and run() == []


@pytest.mark.parametrize("text", BROKEN)
def test_a_record_of_claims_that_cannot_be_read_is_made_again(project, text):
    _, results, run = project
    before = json.loads((results / "claims.json").read_text())
    (results / "claims.json").write_bytes(text.encode(errors="surrogateescape"))
    assert run() == []
    after = json.loads((results / "claims.json").read_text())
    assert after["inputs"] == before["inputs"] and after["outputs"] == before["outputs"] and after["commit"]


@pytest.mark.parametrize("name", ["claims.csv", "claims.md"])
def test_claims_that_were_changed_or_lost_are_put_together_again(project, name):
    _, results, run = project
    text = (results / name).read_text()
    (results / name).write_text("other")
    assert run() == [] and (results / name).read_text() == text
    (results / name).unlink()
    assert run() == [] and (results / name).read_text() == text


def test_a_run_that_writes_half_a_record_has_not_ended_well(project, monkeypatch):
    build, results, run = project
    (results / "03_table1.csv").unlink()
    monkeypatch.setattr(pipeline, "execute", lambda *_: (results / "03_table1.json").write_text('{"outputs": '))
    with pytest.raises(RuntimeError, match="03_table1 ended without writing its results"):
        run()
    assert not (build / "03_table1.stamp.json").exists()


def test_what_dead_processes_left_half_written_goes_and_what_others_write_stays(project):
    build, results, run = project
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for folder in (build, results):
        for number in (ended.pid, os.getpid()):
            (folder / f"partial-{number}-table.csv").write_text("half")
        (folder / "partial-notes.txt").write_text("the user's own")
    run()
    for folder in (build, results):
        left = {path.name for path in folder.glob("partial-*")}
        assert left == {f"partial-{os.getpid()}-table.csv", "partial-notes.txt"}


HOLD = """
import sys
from black_average_drop.artifact import locks
with locks.held(sys.argv[1], "make reproduce"):
    print("mine", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("other", ["tiny", "base", "demo"])
def test_a_profile_waits_for_itself_and_for_the_one_whose_results_it_makes_and_for_no_other(
    project, monkeypatch, capfd, tmp_path, other
):
    build, _, run = project
    monkeypatch.setattr(profiles, "results_folder", lambda name: "base")
    monkeypatch.setattr(profiles, "places", lambda name: (build, tmp_path / "paper_figures/tiny"))
    command = [sys.executable, "-c", HOLD, str(tmp_path / "build" / other / ".lock")]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "mine\n"
    said = []

    def end(*arguments, **options):
        said.append(arguments[0])
        holder.communicate("\n")

    monkeypatch.setattr("black_average_drop.artifact.locks.print", end, raising=False)
    assert run() == []
    if other == "demo":
        assert not said and holder.poll() is None
        holder.communicate("\n")
    else:
        assert f"build/{other}/.lock is held by process {holder.pid} (make reproduce, since " in said[0]


def test_what_is_stopped_says_nothing_of_tasks_that_were_waiting_for_the_kernel():
    code = """
        import asyncio, sys
        from black_average_drop.artifact import __main__ as command_line, choose

        async def watch():
            raise RuntimeError("Kernel died")

        def interrupted(*_, **given):
            global loop, task
            loop = asyncio.new_event_loop()
            task = loop.create_task(watch())
            loop.run_until_complete(asyncio.sleep(0.01))
            raise KeyboardInterrupt

        choose.choose = interrupted
        sys.argv = ["pipeline", "choose", "--model", "a", "--data", "b"]
        command_line.main()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "Stopped: the same command begins again; what an earlier one wrote stays.\n"
