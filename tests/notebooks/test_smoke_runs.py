"""Several runs of the smoke profile: from nothing, with memory kept otherwise, and on JAX."""

import json

import numpy as np
import pandas as pd


def test_two_runs_from_nothing_give_the_same_tables_however_memory_is_kept(smoke_runs):
    assert len(smoke_runs.tables["first"]) > 15
    assert smoke_runs.tables["second"] == smoke_runs.tables["first"]


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
