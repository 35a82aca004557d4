"""`make tables` and `make reproduce` of a notebook with two halves, which stand-ins execute: which half runs?"""

import itertools
import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from black_average_drop import files, rows
from black_average_drop.artifact import analysis, claims_page, halves, pipeline, profiles, provenance, versions
from black_average_drop.files import replacing
from black_average_drop.paper import claims
from black_average_drop.statistics.trainings import Estimate

NOTEBOOK = "03_table1"
PARAMETERS = {"measuring half": {"profile": "demo", "images": 3}, "analysis half": {"profile": "demo", "resamples": 2}}


class Project:
    """A profile of one notebook, in a folder; `ran` holds the halves that ran since it was emptied."""

    def __init__(self, folder):
        self.build, self.results = folder / "build/tiny", folder / "paper_figures/tiny"
        self.sections, self.sources, self.ran = {NOTEBOOK: {"images": 5, "resamples": 7}}, {"code": "0"}, []
        self.minutes, self.fails, self.leaves = itertools.count(), False, False

    def measure(self, notebook, parameters, build):
        self.ran.append("whole")
        (build / f"{notebook}.ipynb").write_text(notebook_of("rows", "tables of the whole run"))
        path = rows.write_rows(pd.DataFrame({"drop": [parameters["images"] / 3]}), "drops", self.results, "tiny")
        record = {"notebook": notebook, **versions.surroundings(), "minutes": next(self.minutes)}
        record |= {"machine": {"system": "Linux", "processor": "x", "cores": 2}, "parameters": {"profile": "tiny"}}
        record |= {"inputs": {}, "outputs": {"rows/drops.csv.xz": files.sha256(path)}}
        (self.results / f"{notebook}.json").write_text(json.dumps(record))
        self.conclude(notebook, {**parameters, "results": str(self.results)})

    def execute_analysis(self, notebook, parameters, folder):
        self.ran.append("analysis")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{notebook}.ipynb").write_text(notebook_of("tables made again", parameters=True))
        self.conclude(notebook, parameters)

    def conclude(self, notebook, parameters):
        if self.leaves:
            return
        results = profiles.ROOT / parameters["results"]
        drop = rows.read_rows("drops", results)["drop"].iloc[0]
        table = pd.DataFrame({"drop": [drop * parameters["resamples"]]})
        outputs = [files.write_csv(table, results / "table1.csv", "tiny")]
        measured = {"AUC": claims.Measured(Estimate(drop, 0.92, 0.95, 0.5), 3, 20, "x")}
        outputs.append(claims.write_measured(notebook, measured, results, "tiny"))
        if self.fails:
            raise RuntimeError("The half failed.")
        inputs = {"drops.csv.xz": rows.row_file("drops", results)}
        provenance.write_analysis(notebook, outputs, inputs, {**parameters, "profile": "tiny"}, results)

    def run(self):
        self.ran.clear()
        pipeline.run("tiny", profiles.ROOT)
        return list(self.ran)

    def content(self):
        return {path.relative_to(self.results): path.read_bytes() for path in self.results.rglob("*") if path.is_file()}


def notebook_of(*texts, parameters=False):
    """An executed notebook; its last cell is that of the analysis half."""
    cells = [{"cell_type": "code", "source": "", "metadata": {"tags": ["parameters"]}}] if parameters else []
    cells += [{"cell_type": "markdown", "source": text, "metadata": {}} for text in texts]
    cells[-1]["metadata"] = {"tags": ["analysis"]}
    return json.dumps({"cells": cells, "nbformat": 4})


@pytest.fixture
def project(tmp_path, monkeypatch):
    made, around = Project(tmp_path), versions.surroundings()
    (tmp_path / "requirements.lock").write_bytes(versions.LOCK.read_bytes())
    for module in (pipeline, profiles, analysis):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(pipeline, "NEEDS", {NOTEBOOK: ()})
    monkeypatch.setattr(pipeline, "ORDER", (NOTEBOOK,))
    monkeypatch.setattr(profiles, "read_profile", lambda name: made.sections)
    monkeypatch.setattr(profiles, "results_folder", lambda name: name)
    monkeypatch.setattr(pipeline, "execute", made.measure)
    monkeypatch.setattr(analysis, "execute_analysis", made.execute_analysis)
    monkeypatch.setattr(halves, "is_split", lambda notebook: True)
    monkeypatch.setattr(halves, "parameters_of", lambda notebook, half: PARAMETERS[half])
    monkeypatch.setattr(pipeline, "notebook_sources", lambda notebook: {})
    monkeypatch.setattr(analysis, "analysis_sources", lambda notebook: made.sources)
    monkeypatch.setattr(provenance.code_hashes, "analysis_sources", lambda notebook: made.sources)
    monkeypatch.setattr(provenance.code_hashes, "changed_sources", lambda sources: [])
    for module in (provenance, claims_page):  # git is asked once
        monkeypatch.setattr(module, "surroundings", lambda: around)
    assert made.run() == ["whole"] and made.run() == []
    return made


def test_what_makes_tables_stale_runs_the_analysis_half_alone(project):
    before, record = project.content(), project.results / f"{NOTEBOOK}.json"
    measured, stamp = record.read_bytes(), (project.build / f"{NOTEBOOK}.stamp.json").read_bytes()
    (project.results / "table1.csv").write_text("changed by hand")
    assert project.run() == ["analysis"] and project.content() == before
    (project.results / f"{NOTEBOOK}.analysis.json").unlink()
    assert project.run() == ["analysis"] and project.run() == []
    project.sources["code"] = "1"
    assert project.run() == ["analysis"] and project.run() == []
    project.sections[NOTEBOOK]["resamples"] = 70
    assert project.run() == ["analysis"] and project.run() == []
    assert (project.results / "table1.csv").read_text() == "drop\n116.669\n"
    assert record.read_bytes() == measured and (project.build / f"{NOTEBOOK}.stamp.json").read_bytes() == stamp


def test_what_makes_rows_stale_runs_the_whole_notebook(project):
    project.sections[NOTEBOOK]["images"] = 6
    assert project.run() == ["whole"] and project.run() == []
    assert (project.results / "table1.csv").read_text() == "drop\n14\n"
    rows.write_rows(pd.DataFrame({"drop": [9.0]}), "drops", project.results, "tiny")
    assert project.run() == ["whole"] and project.run() == []
    rows.row_file("drops", project.results).unlink()
    assert project.run() == ["whole"] and (project.results / "table1.csv").read_text() == "drop\n14\n"


def test_the_executed_notebook_shows_the_tables_that_were_made_last(project):
    whole = project.build / f"{NOTEBOOK}.ipynb"
    (project.results / "table1.csv").unlink()
    assert project.run() == ["analysis"]
    assert [cell["source"] for cell in json.loads(whole.read_text())["cells"]] == ["rows", "tables made again"]


@pytest.mark.parametrize("command", ["run", "tables"])
@pytest.mark.parametrize("how", ["fails", "leaves"])
def test_a_half_that_fails_or_leaves_early_changes_nothing_and_runs_again(project, command, how):
    project.sections[NOTEBOOK]["resamples"] = 70
    before, shown = project.content(), (project.build / f"{NOTEBOOK}.ipynb").read_text()
    setattr(project, how, True)
    said = "The half failed" if how == "fails" else "The analysis half of 03_table1 ended without writing its tables"
    with pytest.raises(RuntimeError, match=said):
        project.run() if command == "run" else pipeline.make_tables("tiny")
    assert project.content() == before and (project.build / f"{NOTEBOOK}.ipynb").read_text() == shown
    assert not (project.build / "tables/results").exists()
    setattr(project, how, False)
    assert project.run() == ["analysis"]


def test_a_whole_run_whose_analysis_half_left_no_record_has_not_ended_well(project):
    project.sections[NOTEBOOK]["images"], project.leaves = 6, True
    with pytest.raises(RuntimeError, match="The analysis half of 03_table1 ended without writing its tables"):
        project.run()
    project.leaves = False
    assert project.run() == ["whole"]


def test_tables_are_made_from_rows_alone_with_the_same_bytes(project, capsys):
    before = project.content()
    shutil.rmtree(project.build)
    pipeline.make_tables("tiny")
    assert project.content() == before and project.ran == ["analysis"]
    assert capsys.readouterr().out == "Nothing changed in paper_figures/tiny.\n"
    for path in project.results.glob("*"):
        if path.suffix in (".csv", ".md") or path.name in ("claims.json", f"{NOTEBOOK}.analysis.json"):
            path.unlink()
    pipeline.make_tables("tiny")
    changed = "03_table1.analysis.json, claims.csv, claims.json, claims.md, claims_03_table1.csv, table1.csv"
    assert capsys.readouterr().out == f"Changed in paper_figures/tiny: {changed}.\n"
    assert {path for path, content in project.content().items() if content != before[path]} == set()


def test_tables_leave_a_stamp_as_it_is(project):
    project.sections[NOTEBOOK]["resamples"] = 70
    pipeline.make_tables("tiny")
    assert project.run() == []


def test_tables_remove_what_a_killed_run_left(project):
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = [
        project.results / f"partial-{ended.pid}-table1.csv",
        project.build / f"partial-{ended.pid}-{NOTEBOOK}.ipynb",
    ]
    copied = project.build / "tables/results/table1.csv"
    for path in (*left, copied):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    before = project.content()
    pipeline.make_tables("tiny")
    assert project.content() == {path: content for path, content in before.items() if path != Path(left[0].name)}
    assert not any(path.exists() for path in (*left, copied))


def test_the_copy_of_results_that_are_read_only_can_be_written(project):
    before = project.content()
    for path in [*project.results.rglob("*"), project.results]:
        path.chmod(0o555)
    with analysis.copied_results(project.build, project.results) as (copy, _):
        assert all(path.stat().st_mode & 0o200 for path in [copy, *copy.rglob("*")])
        assert {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()} == set(before)
    assert not copy.exists() and project.content() == before


@pytest.mark.parametrize("lost", ["rows/drops.csv.xz", f"{NOTEBOOK}.json"])
def test_a_profile_without_rows_is_refused_with_a_remedy(project, lost):
    (project.results / lost).unlink()
    said = (
        "^There are no rows of 03_table1 in paper_figures/tiny: run make reproduce PROFILE=tiny, which measures them.$"
    )
    with pytest.raises(FileNotFoundError, match=said):
        pipeline.make_tables("tiny")
    assert project.run() == ["whole"]
    pipeline.make_tables("tiny")


def test_rows_that_were_not_recorded_are_refused_with_a_remedy(project):
    before, path = project.content(), rows.row_file("drops", project.results)
    for content in (path.read_bytes()[:20], b"", path.read_bytes() + b"1"):
        path.write_bytes(content)
        said = "^paper_figures/tiny/rows/drops.csv.xz is not what was recorded: bring it back by git checkout, or run "
        with pytest.raises(ValueError, match=said):
            pipeline.make_tables("tiny")
    assert project.run() == ["whole"]
    pipeline.make_tables("tiny")
    assert {path for path, content in project.content().items() if content != before[path]} == {
        Path(f"{NOTEBOOK}.json")
    }


def test_rows_of_a_smaller_version_are_not_made_tables_of_the_profile(project):
    path = project.results / f"{NOTEBOOK}.json"
    path.write_text(path.read_text().replace('"profile": "tiny"', '"profile": "tiny_cpu"'))
    before = project.content()
    said = "^The rows of 03_table1 in paper_figures/tiny are those of tiny_cpu: run make tables PROFILE=tiny_cpu.$"
    with pytest.raises(ValueError, match=said):
        pipeline.make_tables("tiny")
    assert project.content() == before


def test_rows_are_looked_for_when_nobody_else_writes_them(project, monkeypatch):
    """Another run may be writing the rows that are not there yet."""
    path, before = rows.row_file("drops", project.results), project.content()
    content = path.read_bytes()
    path.unlink()

    @contextmanager
    def held_when_the_other_run_has_ended(profile):
        path.write_bytes(content)
        yield

    monkeypatch.setattr(pipeline, "_alone", held_when_the_other_run_has_ended)
    pipeline.make_tables("tiny")
    assert project.content() == before


@pytest.mark.parametrize("command", ["run", "tables"])
def test_who_stops_before_results_take_their_place_is_shown_them_by_the_next_run(project, monkeypatch, command):
    """What comes last is the result: where it is current, the executed notebook shows it."""
    project.sections[NOTEBOOK]["resamples"] = 70
    shown = []

    def stopped(place):
        shown.append((project.build / f"{NOTEBOOK}.ipynb").read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(
        analysis, "replacing", lambda place: stopped(place) if "paper" in str(place) else replacing(place)
    )
    with pytest.raises(KeyboardInterrupt):
        project.run() if command == "run" else pipeline.make_tables("tiny")
    assert "tables made again" in shown[0]
