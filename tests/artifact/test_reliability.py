"""The long checks of reliability/: what they rely on, in short."""

import errno
import json
import os
import shutil
import sys

import copies
import numpy as np
import pytest
import report
from PIL import Image

from black_average_drop import files
from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import pipeline, verify


@pytest.fixture
def copy(tmp_path):
    """A build folder of a run that has come as far as one table and one figure."""
    copy = copies.Copy(tmp_path)
    copy.results.mkdir(parents=True)
    (copy.results / "table1.csv").write_text("method,AD\nCAM,0.5\n")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), "uint8")
    Image.fromarray(pixels).save(copy.results / "figure1.png")
    outputs = {path.name: files.sha256(path) for path in copy.results.iterdir()}
    (copy.build / "03_table1.stamp.json").write_text(json.dumps({"key": "", "outputs": outputs}))
    (copy.results / "partial-alpha.csv").write_text("half")
    return copy


def test_a_build_folder_that_is_whole_has_no_faults(copy):
    assert copies.faults(copy, copy) == [] and copies.partial_files(copy) == ["results/partial-alpha.csv"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda results: (results / "table1.csv").write_text("method"), "names table1.csv, which is missing or other"),
        (lambda results: (results / "table1.csv").unlink(), "names table1.csv, which is missing or other"),
        (lambda results: os.truncate(results / "figure1.png", 900), "figure1.png is not whole"),
        (lambda results: (results / "01_train.json").write_text('{"notebook": '), "01_train.json is not whole"),
        (lambda results: (results.parent / "general.keras").write_bytes(b"PK"), "general.keras is not whole"),
    ],
)
def test_whatever_is_half_written_is_noticed(copy, change, fault):
    change(copy.results)
    assert any(fault in sentence for sentence in copies.faults(copy))


def test_a_partial_file_taken_for_a_result_is_noticed(copy):
    stamp = copy.build / "03_table1.stamp.json"
    partial = copy.results / "partial-alpha.csv"
    stamp.write_text(json.dumps({"key": "", "outputs": {partial.name: files.sha256(partial)}}))
    assert copies.faults(copy) == ["03_table1.stamp.json takes partial-alpha.csv for a result"]


def test_another_table_than_the_undisturbed_one_is_noticed(copy, tmp_path):
    other = copies.Copy(tmp_path / "other")
    shutil.copytree(copy.build, other.build)
    (other.results / "table1.csv").write_text("method,AD\nCAM,0.6\n")
    assert "table1.csv differs from the undisturbed run's" in copies.faults(copy, other)


def test_a_check_rewrites_its_own_section_and_no_other(tmp_path):
    folder = tmp_path / "reliability"
    folder.mkdir()
    (folder / "mutation.md").write_text("## Mutations\n\nby somebody else\n")
    for met, word in ((True, "yes"), (None, "not judged"), (False, "**no**")):
        report.write_section("killed", "Killed", [("20 kills", "0 lost", "0", met)], 3.2, "abc", folder)
        page = report.assemble(folder).read_text()
        assert page.count("## Killed") == page.count("by somebody else") == 1
        assert f"| 20 kills | 0 lost | 0 | {word} |" in page
    assert "3 minutes" in page and json.loads((folder / "killed.json").read_text())["rows"][0]["met"] is False


@pytest.fixture
def sections(tmp_path):
    """Two sections, the one by hand, one from before there were checksums, and the page that they make."""
    folder = tmp_path / "reliability"
    for name in ("killed", "load", "old"):
        report.write_section(name, name, [("tries", "0 lost", "0", True)], 3.2, "abc", folder)
    record = json.loads((folder / "old.json").read_text())
    del record["sha256"], record["versions"]
    (folder / "old.json").write_text(json.dumps(record))
    (folder / "mutation.md").write_text("## Mutations\n")
    report.assemble(folder)
    return folder


def states(folder):
    table = verify.further(folder.parent)
    return dict(zip(table["file"], table["state"], strict=True))


UNTOUCHED = {"killed.md": "current", "load.md": "current", "old.md": "not checkable"}
UNTOUCHED |= {"mutation.md": "not checkable", "reliability.md": "current"}


def test_sections_are_checked_against_their_records_and_the_page_against_the_sections(sections):
    assert states(sections) == UNTOUCHED
    why = verify.further(sections.parent).set_index("file")["why"]
    assert why["mutation.md"] == "written by hand" and why["old.md"].startswith("written before records")
    assert set(json.loads((sections / "killed.json").read_text())["versions"]) == set(report.VERSIONS)


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("reliability/killed.md", "## Killed\n\nnever\n", {"killed.md": "altered", "reliability.md": "altered"}),
        ("reliability/killed.md", "", {"killed.md": "missing", "reliability.md": "altered"}),
        ("reliability/killed.json", "[]", {"killed.md": None, "killed.json": "altered"}),
        ("reliability/killed.json", '{"tit', {"killed.md": None, "killed.json": "altered"}),
        ("reliability/killed.json", "", {"killed.md": "unrecorded"}),
        ("reliability/old.md", "## Old\n", {"reliability.md": "altered"}),
        ("reliability/mutation.md", "## All killed\n", {"reliability.md": "altered"}),
        ("reliability/extra.txt", "whose?", {"extra.txt": "unrecorded"}),
        ("reliability.md", "# All well\n", {"reliability.md": "altered"}),
        ("reliability.md", "", {"reliability.md": "missing"}),
    ],
)
def test_a_section_or_page_that_was_edited_is_an_error(sections, name, text, changed):
    path = sections.parent / name
    path.write_text(text) if text else path.unlink()
    assert states(sections) == {file: state for file, state in (UNTOUCHED | changed).items() if state}


def test_the_page_says_which_section_another_command_precedes():
    head = " ".join((files.ROOT / "paper_figures/reliability.md").read_text().split("## ")[0].split())
    assert "`make reliability` runs the checks and writes this page" in head
    assert "The section on changed formulas is written by hand after `make mutate`." in head


def test_the_exit_status_of_a_failed_notebook_reaches_make(tmp_path):
    copy = copies.clone(tmp_path / "project")
    profile = copy.folder / "notebooks/profiles/smoke.yaml"
    text = profile.read_text()
    assert "  image_size: 64\n" in text
    profile.write_text(text.replace("  image_size: 64\n", "  image_size: 8\n"))
    done = copies.reproduce(copy)
    assert done.returncode == 2 and "reproduce] Error 1" in done.stderr
    assert "01_train stopped with ValueError" in done.stderr and (copy.build / "01_train.failed.ipynb").is_file()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_a_sentence(code, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        run_into(OSError(code, os.strerror(code), "build/smoke/01_train.ipynb"), monkeypatch)
    assert stopped.value.code.startswith(f"build/smoke/01_train.ipynb could not be written: {os.strerror(code)}. ")
    assert "make room on it and run the same command again" in stopped.value.code


def test_another_error_of_the_system_keeps_its_traceback(monkeypatch):
    with pytest.raises(PermissionError):
        run_into(PermissionError(errno.EACCES, "Permission denied"), monkeypatch)


def run_into(problem, monkeypatch):
    def run(*arguments):
        raise problem

    monkeypatch.setattr(pipeline, "run", run)
    monkeypatch.setattr(sys, "argv", ["pipeline", "run"])
    command_line.main()
