import datetime
import hashlib
import itertools
import json
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from black_average_drop import files, networks
from black_average_drop.artifact import (
    claims_page,
    code_hashes,
    halves,
    notebooks,
    pipeline,
    profiles,
    provenance,
    versions,
)
from black_average_drop.benchmark import command, measurement, report


def test_record_holds_what_is_needed_and_no_place(tmp_path):
    (tmp_path / "figure1.png").write_bytes(b"pixels")
    (tmp_path / "model.keras").write_bytes(b"weights")
    variables = {name: value for name, value in halves.default_parameters("02_figure1").items()}
    variables |= {"data_root": "/home/somebody/data", "unrelated": 3, "profile": "demo"}
    inputs = {"model": tmp_path / "model.keras", "images": "abc"}
    started = datetime.datetime.now() - datetime.timedelta(minutes=3)
    provenance.write_record("02_figure1", [tmp_path / "figure1.png"], inputs, variables, tmp_path, started)
    text = (tmp_path / "02_figure1.json").read_text()
    record = json.loads(text)
    assert record["outputs"] == {"figure1.png": hashlib.sha256(b"pixels").hexdigest()}
    assert record["inputs"] == {"model": hashlib.sha256(b"weights").hexdigest(), "images": "abc"}
    assert record["parameters"]["profile"] == "demo" and "unrelated" not in record["parameters"]
    assert record["sources"]["lib/black_average_drop/cams.py"] == files.sha256(
        files.ROOT / "lib/black_average_drop/cams.py"
    )
    assert "lib/black_average_drop/training/augmentation.py" not in record["sources"]  # the figure does not train
    assert record["minutes"] == 3.0 and {"python", "keras", "tensorflow"} < set(record["versions"])
    assert record["backend"] == keras.backend.backend()
    assert record["lock"] == files.sha256(files.ROOT / "requirements.lock")
    assert "somebody" not in text and str(tmp_path) not in text


# What ran, not what lies there at the end.


def write_record(folder, inputs, started, outputs=()):
    variables = halves.default_parameters("02_figure1") | {"profile": "demo"}
    return provenance.write_record("02_figure1", list(outputs), inputs, variables, folder, started)


def refused_record(folder, inputs, started, name):
    """No record, and no output that would pass for one of this run."""
    output, model = folder / "results/figure1.png", folder / "build/rows.csv"
    for path in (output, model):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"numbers")
    said = f"^{name} changed after this began, and nothing is recorded: run it again, in a new kernel.$"
    with pytest.raises(RuntimeError, match=said):
        write_record(folder / "results", inputs, started, [output, model])
    assert not list((folder / "results").iterdir()) and model.is_file()


def test_a_model_that_was_replaced_after_it_was_loaded_ends_the_run(tmp_path, small_model):
    path, started = tmp_path / "model.keras", datetime.datetime.now()
    small_model.save(path)
    old = path.read_bytes()
    networks.load(path)
    record = write_record(tmp_path / "first", {"model.keras": path}, started)
    assert record["inputs"]["model.keras"] == hashlib.sha256(old).hexdigest()
    small_model.layers[-1].set_weights([weight + 1 for weight in small_model.layers[-1].get_weights()])
    small_model.save(path)
    refused_record(tmp_path, {"model.keras": path}, started, "model.keras")
    networks.load(path)  # within a run that has read the other one, too
    refused_record(tmp_path, {"model.keras": path}, started, "model.keras")
    path.write_bytes(old)
    refused_record(tmp_path, {"model.keras": path}, started, "model.keras")
    record = write_record(tmp_path / "new", {"model.keras": path}, datetime.datetime.now())
    assert record["inputs"]["model.keras"] == hashlib.sha256(old).hexdigest()
    path.unlink()
    refused_record(tmp_path, {"model.keras": path}, datetime.datetime.now(), "model.keras")


def test_what_is_loaded_are_the_bytes_whose_checksum_is_recorded(tmp_path, small_model, monkeypatch):
    """Whatever lies at the path when Keras comes to read it."""
    path, started = tmp_path / "model.keras", datetime.datetime.now()
    small_model.save(path)
    whole, load = path.read_bytes(), keras.saving.load_model

    def replaced_before(file, **options):
        path.write_bytes(b"another model")
        return load(file, **options)

    monkeypatch.setattr(keras.saving, "load_model", replaced_before)
    model, _ = networks.load(path)
    np.testing.assert_array_equal(model.get_weights()[0], small_model.get_weights()[0])
    refused_record(tmp_path, {"model.keras": path}, started, "model.keras")
    path.write_bytes(whole)
    write_record(tmp_path / "results", {"model.keras": path}, started)


def test_a_table_or_images_that_changed_end_the_run(tmp_path):
    started = datetime.datetime.now()
    path = files.write_csv(pd.DataFrame({"value": [1.0]}), tmp_path / "scores.csv", "demo")
    files.read_csv(path)
    inputs = {"scores.csv": path, "images": ("a", "a"), "drawn": "b"}
    assert write_record(tmp_path / "first", inputs, started)["inputs"] == inputs | {
        "scores.csv": files.sha256(path),
        "images": "a",
    }
    refused_record(tmp_path, {"images": ("a", "b")}, started, "images")
    path.write_text("value\n2\n")
    refused_record(tmp_path, inputs, started, "scores.csv")
    refused_record(tmp_path, inputs | {"images": ("a", "b")}, started, "scores.csv and 1 more")


def test_a_benchmark_of_code_that_changed_writes_nothing(tmp_path, monkeypatch):
    for function in (report.write, report.record):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "benchmark",))
    monkeypatch.setattr(measurement, "measure", lambda data, scratch: iter(()))
    monkeypatch.setattr(sys, "argv", ["benchmark"])
    monkeypatch.setitem(files.CODE_AT_START, "lib/black_average_drop/benchmark/measurement.py", "another text")
    with pytest.raises(SystemExit, match="benchmark/measurement.py changed after this began"):
        command.main()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["lib/black_average_drop/cams.py", "notebooks/02_figure1.py"])
def test_a_source_that_changed_ends_the_run_and_is_in_no_key(tmp_path, monkeypatch, file):
    now = files.CODE_AT_START[file]
    monkeypatch.setitem(files.CODE_AT_START, file, "another text")
    refused_record(tmp_path, {}, datetime.datetime.now(), file)
    if file.startswith("lib"):
        with pytest.raises(RuntimeError, match=f"^{file} changed after this began"):
            code_hashes.measurement_key("trust.faithfulness", ["a"])
    monkeypatch.setitem(files.CODE_AT_START, file, now)
    monkeypatch.setitem(files.CODE_AT_START, "lib/black_average_drop/training/augmentation.py", "of no concern here")
    write_record(tmp_path / "results", {}, datetime.datetime.now())


@pytest.mark.parametrize("changes", ["", "data", "lock", "output"])
def test_what_changes_while_a_notebook_runs_ends_the_run_without_a_result(tmp_path, monkeypatch, capsys, changes):
    """With notebooks that write one file each, and something that happens while the second one runs."""
    build, results = tmp_path / "build/smoke", tmp_path / "build/smoke/results"
    (tmp_path / "data/chest_xray").mkdir(parents=True)
    places = {"data": tmp_path / "data/chest_xray/a.png", "lock": tmp_path / "requirements.lock"}
    places["output"] = results / "01_train.csv"
    for path in (places["data"], places["lock"]):
        path.write_text("at the start")

    moments, surroundings = itertools.count(), versions.surroundings()

    def execute(notebook, parameters, build):
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{notebook}.csv").write_text(notebook)
        outputs = {f"{notebook}.csv": files.sha256(results / f"{notebook}.csv")}
        record = {"notebook": notebook, **surroundings, "minutes": next(moments), "parameters": {"profile": "smoke"}}
        record |= {"machine": {"system": "Linux", "processor": "x", "cores": 2}, "inputs": {}, "outputs": outputs}
        (results / f"{notebook}.json").write_text(json.dumps(record))
        (build / f"{notebook}.ipynb").write_text('{"cells": []}')
        if changes and notebook == "02_figure1":
            places[changes].write_text("another text")

    sections = {name: {"radiograph_source": "chest_xray"} for name in notebooks.ORDER}
    monkeypatch.setattr(halves, "is_split", lambda notebook: False)
    monkeypatch.setattr(pipeline, "execute", execute)
    for module in (pipeline, profiles):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(profiles, "read_profile", lambda profile: sections)
    monkeypatch.setattr(claims_page, "assemble", lambda *_: None)
    if not changes:
        pipeline.run("smoke", tmp_path / "data")
        assert len(list(build.glob("*.stamp.json"))) == len(notebooks.ORDER)
        return
    said = "^What 02_figure1 reads, .* changed while it ran, and its results were removed: run the same command again.$"
    with pytest.raises(RuntimeError, match=said):
        pipeline.run("smoke", tmp_path / "data")
    assert {path.name for path in results.iterdir()} == {"01_train.csv", "01_train.json"}
    assert [path.name for path in build.glob("*.stamp.json")] == ["01_train.stamp.json"]
    changes = ""
    pipeline.run("smoke", tmp_path / "data")  # the remedy
    assert len(list(build.glob("*.stamp.json"))) == len(notebooks.ORDER)
