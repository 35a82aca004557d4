"""Several runs of the smoke profile: from nothing, with memory kept otherwise, and on JAX."""

import json
import shutil

import numpy as np
import pandas as pd

from black_average_drop import rows
from black_average_drop.artifact import halves, notebooks
from smoke_project import run


def test_two_runs_from_nothing_give_the_same_tables_however_memory_is_kept(smoke_runs):
    assert len(smoke_runs.tables["first"]) > 15
    assert smoke_runs.tables["second"] == smoke_runs.tables["first"]


def test_rows_alone_give_the_tables_of_the_whole_run_to_the_byte(project, tmp_path, copy_project):
    """In a copy without build, data and anything that an analysis half made."""
    copy_project(tmp_path, "lib", "notebooks", "requirements.lock")
    results, whole = tmp_path / "build/smoke/results", project / "build/smoke/results"
    (results / rows.FOLDER).mkdir(parents=True)
    split = [notebook for notebook in notebooks.ORDER if halves.is_split(notebook)]
    for notebook in notebooks.ORDER:
        record = json.loads((whole / f"{notebook}.json").read_text())
        for name in [f"{notebook}.json", *record["outputs"]]:
            if notebook in split and not name.startswith("..") or name.startswith("claims_"):
                shutil.copyfile(whole / name, results / name)
    made = [json.loads((whole / f"{notebook}.analysis.json").read_text())["outputs"] for notebook in split]
    expected = {*(name for outputs in made for name in outputs), "claims.csv", "claims.md"}
    assert not expected & {path.name for path in results.iterdir()}
    done = run(tmp_path, "tables", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("analysis half: done") == len(split) and "Changed in build/smoke/results: " in done.stdout
    assert {name for name in expected if (results / name).read_bytes() != (whole / name).read_bytes()} == set()
    assert "Nothing changed in build/smoke/results." in run(tmp_path, "tables", "--profile", "smoke").stdout


def test_the_whole_profile_runs_on_jax_without_tensorflow(projects):
    ours = projects["jax"] / "build/smoke/results"
    records = {
        name: json.loads((projects[name] / "build/smoke/results/01_train.json").read_text()) for name in projects
    }
    assert records["jax"]["backend"] == "jax" and records["first"]["backend"] == "tensorflow"
    assert records["jax"]["inputs"] == records["first"]["inputs"]  # the very same pixels
    history = pd.read_csv(ours / "training.csv", comment="#").query("data == 'radiographs'")
    assert (history.groupby("head")["stage"].first() == "head").all()
    assert set(history["stage"]) == {"head", "network"} and np.isfinite(history["loss"]).all()
    table = pd.read_csv(ours / "table1.csv", comment="#")
    assert table.query("images == 'all' and score == 'relu'")["AD"].between(0, 1).all()
    verdicts = pd.read_csv(ours / "claims.csv", comment="#").set_index("claim")
    assert verdicts.loc["identity", "verdict"] == "reproduced"
    assert verdicts.loc["radiographs_BAD", "trainings"] == 1  # no verdict on X-rays from one training
    assert "reproduced" not in verdicts.loc["radiographs_BAD", "verdict"]
    assert {path.name for path in ours.iterdir()} == {
        path.name for path in (projects["first"] / "build/smoke/results").iterdir()
    }
