import csv
import datetime
import hashlib
import itertools
import json
import re
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pandas as pd
import pytest

from black_average_drop import benchmark, networks, pipeline, provenance
from black_average_drop.benchmark import measurement, report
from black_average_drop.datasets import phantoms


def test_record_holds_what_is_needed_and_no_place(tmp_path):
    (tmp_path / "figure1.png").write_bytes(b"pixels")
    (tmp_path / "model.keras").write_bytes(b"weights")
    variables = {name: value for name, value in provenance.default_parameters("02_figure1").items()}
    variables |= {"data_root": "/home/somebody/data", "unrelated": 3, "profile": "demo"}
    inputs = {"model": tmp_path / "model.keras", "images": "abc"}
    started = datetime.datetime.now() - datetime.timedelta(minutes=3)
    provenance.write("02_figure1", [tmp_path / "figure1.png"], inputs, variables, tmp_path, started)
    text = (tmp_path / "02_figure1.json").read_text()
    record = json.loads(text)
    assert record["outputs"] == {"figure1.png": hashlib.sha256(b"pixels").hexdigest()}
    assert record["inputs"] == {"model": hashlib.sha256(b"weights").hexdigest(), "images": "abc"}
    assert record["parameters"]["profile"] == "demo" and "unrelated" not in record["parameters"]
    assert record["sources"]["lib/black_average_drop/cams.py"] == provenance.sha256(
        provenance.ROOT / "lib/black_average_drop/cams.py"
    )
    assert "lib/black_average_drop/training/augmentation.py" not in record["sources"]  # the figure does not train
    assert record["minutes"] == 3.0 and {"python", "keras", "tensorflow"} < set(record["versions"])
    assert record["backend"] == keras.backend.backend()
    assert record["lock"] == provenance.sha256(provenance.ROOT / "requirements.lock")
    assert "somebody" not in text and str(tmp_path) not in text


@pytest.mark.parametrize("changed", ["lib/module.py", "lib/new.py", "notebooks/01_train.py", "requirements.lock", ""])
def test_a_record_says_whether_the_tree_was_as_committed(tmp_path, monkeypatch, changed):
    for name in ("lib/module.py", "notebooks/01_train.py", "requirements.lock", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("committed")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    (tmp_path / (changed or "README.md")).write_text("changed")  # what nothing is computed from does not count
    found = provenance.surroundings()
    assert found["uncommitted_changes"] == bool(changed) and len(found["commit"]) == 40


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), provenance.replacing(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    with provenance.replacing(target) as partial:
        partial.write_text("new")
    assert target.read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_csv_has_six_digits_and_says_that_it_is_a_smoke_run(tmp_path):
    table = pd.DataFrame({"name": ["a"], "value": [1 / 3]})
    assert provenance.write_csv(table, tmp_path / "table.csv", "demo") == tmp_path / "table.csv"
    assert (tmp_path / "table.csv").read_text() == "name,value\na,0.333333\n"
    provenance.write_csv(table, tmp_path / "table.csv", "smoke")
    assert (tmp_path / "table.csv").read_text().splitlines()[:2] == ["# smoke run: not a result", "name,value"]
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_dataset_checksum_sees_pixels_labels_and_ids():
    data = phantoms.radiographs(5, size=64)
    whole = provenance.dataset_checksum(data)
    assert whole == provenance.dataset_checksum(data, batch_size=2)
    assert whole != provenance.dataset_checksum(phantoms.radiographs(5, seed=1, size=64))
    assert whole != provenance.dataset_checksum(data.subset(slice(0, 4)))


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    def version(name):
        if name == "tensorflow":
            raise provenance.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(provenance, "version", version)
    found = provenance._versions()
    assert "tensorflow" not in found and found["keras"] == "1.0"


def test_a_kept_measurement_is_found_again_under_its_key_alone(tmp_path):
    table = pd.DataFrame({"id": ["0012", "b"], "value": [0.1 + 0.2, np.nan]})
    provenance.keep(table, tmp_path / "kept.csv", "a key")
    pd.testing.assert_frame_equal(provenance.kept(tmp_path / "kept.csv", "a key"), table, check_exact=True)
    assert provenance.kept(tmp_path / "kept.csv", "another") is None
    assert provenance.kept(tmp_path / "other.csv", "a key") is None


NAMES = ["# 1.png", "b#2.png", "NA", "nan", "0012", 'quoted "x", y', "two\nlines"]


@pytest.mark.parametrize("profile", ["demo", "smoke"])
def test_image_ids_survive_a_round_trip_whatever_files_are_called(tmp_path, profile):
    groups = [f"{number:04}" for number in range(len(NAMES))]
    table = pd.DataFrame({"id": NAMES, "group": groups, "value": [np.nan, *np.arange(1.0, len(NAMES))]})
    provenance.keep(table, tmp_path / "kept.csv", "a key")
    provenance.write_csv(table, tmp_path / "written.csv", profile)
    table.to_csv(tmp_path / "rows.csv.gz", index=False)
    read = [provenance.kept(tmp_path / "kept.csv", "a key")]
    read += [provenance.read_csv(tmp_path / name) for name in ("written.csv", "rows.csv.gz")]
    for found in read:
        pd.testing.assert_frame_equal(found, table, check_exact=True)


FORMULAS = [
    "=1+1.png",
    "+1",
    "-1+2",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\uff1d1",
    "'=1",
    "''-1",
    "-3 of a patient",
    "a\r=1",
    '=HYPERLINK("x";"y")',
]


def test_no_text_is_a_formula_in_a_spreadsheet_and_each_is_read_as_it_was(tmp_path):
    plain = ["a.png", "'a.png", "1-2", "a=b", ""]
    texts = FORMULAS + plain
    table = pd.DataFrame({"id": texts, "group": texts[::-1], "=class": texts, "drop": -np.arange(len(texts)) / 3})
    written = [provenance.write_csv(table, tmp_path / "written.csv", "demo"), tmp_path / "kept.csv"]
    provenance.keep(table, written[1], "key")
    for path in written:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if not row[0].startswith("# ")]
        cells = [cell for row in rows for cell in row[:3]]
        assert len(cells) == 3 * (len(texts) + 1) and not [
            cell for cell in cells if cell[:1] in tuple("=+-@\t\r\uff1d")
        ]
        assert sum(cell in plain for cell in cells) == 3 * len(plain)  # nothing else is changed
        assert [float(row[3]) for row in rows[1:]] == pytest.approx(table["drop"], rel=1e-5)
        found = provenance.read_csv(path)
        assert list(found.columns) == list(table.columns)
        for name in ("id", "group", "=class"):
            assert list(found[name].fillna("")) == list(table[name])


def test_nothing_is_read_with_a_remark_sign_that_may_be_in_a_file_name():
    notebooks = {path: path.read_text() for path in provenance.NOTEBOOKS.glob("*.py")}
    modules = {path: path.read_text() for path in (provenance.ROOT / "lib").rglob("*.py")}
    assert not [name for name, text in modules.items() if re.search(r"read_csv\(.*comment=", text)]
    assert not [name for name, text in notebooks.items() if "pd.read_csv" in text]
    assert [name for name, text in notebooks.items() if "provenance.read_csv" in text]


def test_a_key_hangs_on_the_code_and_every_part(monkeypatch):
    weights = [np.arange(3.0), np.ones(2)]
    first = provenance.key("imputation", ["a", 1], weights)
    assert provenance.key("imputation", ["a", 1], [np.arange(3.0), np.ones(2)]) == first
    others = {
        provenance.key("masks", ["a", 1], weights),
        provenance.key("imputation", ["a", 2], weights),
        provenance.key("imputation", ["a", 1], [np.arange(3.0), np.zeros(2)]),
    }
    with monkeypatch.context() as changed:
        changed.setattr(provenance, "sha256", lambda path: "another text of the module")
        changed.setattr(provenance, "AT_START", {})  # as in a process that began with that text
        others.add(provenance.key("imputation", ["a", 1], weights))
    assert len(others) == 4 and first not in others


# Imports, in every way that Python has; the oracle is what Python has loaded when it has imported the module.

IMPORTING = {
    "from the package": "from black_average_drop import leaf",
    "from a module": "from black_average_drop.leaf import VALUE",
    "import as": "import black_average_drop.leaf as other",
    "import": "import black_average_drop.branch.twig",
    "from a package within": "from black_average_drop.branch import twig",
    "a package within": "from black_average_drop import branch",
    "from a module within": "from black_average_drop.branch.twig import VALUE",
    "relative": "from . import leaf",
    "relative, from a module": "from .leaf import VALUE",
    "relative, from a package within": "from .branch import twig",
    "relative, from a module within": "from .branch.twig import VALUE",
    "two at once": "from . import leaf, branch",
    "in a function": "def run():\n    from . import leaf\nrun()",
    "from above": "from black_average_drop.branch.deep import VALUE",
    "nothing": "import json, math as leaf",
}
FILES = {
    "__init__.py": "",
    "leaf.py": "VALUE = 1",
    "apart.py": "VALUE = 2",
    "branch/__init__.py": "from .inner import VALUE",
    "branch/inner.py": "VALUE = 3",
    "branch/twig.py": "VALUE = 4",
    "branch/deep/__init__.py": "from ..twig import VALUE\nfrom ... import leaf",
}


@pytest.mark.parametrize("name", IMPORTING)
def test_imports_are_followed_as_python_follows_them(tmp_path, monkeypatch, name):
    package = tmp_path / "lib/black_average_drop"
    for file, text in (FILES | {"root.py": IMPORTING[name]}).items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text + "\n")
    told = "import sys, black_average_drop.root\n"
    told += "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'black_average_drop'], sep='\\n')"
    python = [sys.executable, "-c", told]
    loaded = subprocess.run(python, cwd=tmp_path / "lib", env={}, capture_output=True, text=True, check=True).stdout
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert {str(tmp_path / path) for path in provenance.module_sources("root")} == set(loaded.split())


def test_the_package_itself_has_no_import_that_is_not_followed():
    """What a notebook computes with is a part of what its record names: all that Python loads for it of the package."""
    told = "import sys, black_average_drop.cams, black_average_drop.choice, black_average_drop.datasets.folder\n"
    told += "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'black_average_drop'], sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    named = {str(provenance.ROOT / path) for path in provenance.sources("08_your_data")}
    assert set(loaded) <= named and len(loaded) > 10


# What ran, not what lies there at the end.


def write_record(folder, inputs, started, outputs=()):
    variables = provenance.default_parameters("02_figure1") | {"profile": "demo"}
    return provenance.write("02_figure1", list(outputs), inputs, variables, folder, started)


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
    path = provenance.write_csv(pd.DataFrame({"value": [1.0]}), tmp_path / "scores.csv", "demo")
    provenance.read_csv(path)
    inputs = {"scores.csv": path, "images": ("a", "a"), "drawn": "b"}
    assert write_record(tmp_path / "first", inputs, started)["inputs"] == inputs | {
        "scores.csv": provenance.sha256(path),
        "images": "a",
    }
    refused_record(tmp_path, {"images": ("a", "b")}, started, "images")
    path.write_text("value\n2\n")
    refused_record(tmp_path, inputs, started, "scores.csv")
    refused_record(tmp_path, inputs | {"images": ("a", "b")}, started, "scores.csv and 1 more")


@pytest.mark.parametrize("file", ["lib/black_average_drop/cams.py", "notebooks/02_figure1.py"])
def test_a_source_that_changed_ends_the_run_and_is_in_no_key(tmp_path, monkeypatch, file):
    now = provenance.AT_START[file]
    monkeypatch.setitem(provenance.AT_START, file, "another text")
    refused_record(tmp_path, {}, datetime.datetime.now(), file)
    if file.startswith("lib"):
        with pytest.raises(RuntimeError, match=f"^{file} changed after this began"):
            provenance.key("faithfulness", ["a"])
    monkeypatch.setitem(provenance.AT_START, file, now)
    monkeypatch.setitem(provenance.AT_START, "lib/black_average_drop/training/augmentation.py", "of no concern here")
    write_record(tmp_path / "results", {}, datetime.datetime.now())


def test_a_module_that_is_edited_while_it_computes_is_noticed(tmp_path):
    """In a copy of the package, by the text that Python has loaded and the one that lies there at the end."""
    import shutil

    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in ("lib", "notebooks"):
        shutil.copytree(provenance.ROOT / part, tmp_path / part, ignore=ignore)
    run = """
        from black_average_drop import masks, provenance
        provenance.check_sources(provenance.module_sources("masks"))
        with open(masks.__file__, "a") as file:
            file.write("# edited\\n")
        try:
            provenance.check_sources(provenance.module_sources("masks"))
        except RuntimeError as problem:
            print(problem)
    """
    python = [sys.executable, "-c", textwrap.dedent(run)]
    environment = {"PYTHONPATH": str(tmp_path / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    said = subprocess.run(python, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("lib/black_average_drop/masks.py changed after this began"), said


def test_a_benchmark_of_code_that_changed_writes_nothing(tmp_path, monkeypatch):
    for function in (report.write, report.record):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "benchmark",))
    monkeypatch.setattr(measurement, "measure", lambda data, scratch: iter(()))
    monkeypatch.setattr(sys, "argv", ["benchmark"])
    monkeypatch.setitem(provenance.AT_START, "lib/black_average_drop/benchmark/measurement.py", "another text")
    with pytest.raises(SystemExit, match="benchmark/measurement.py changed after this began"):
        benchmark.main()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("changes", ["", "data", "lock", "output"])
def test_what_changes_while_a_notebook_runs_ends_the_run_without_a_result(tmp_path, monkeypatch, capsys, changes):
    """With notebooks that write one file each, and something that happens while the second one runs."""
    build, results = tmp_path / "build/smoke", tmp_path / "build/smoke/results"
    (tmp_path / "data/chest_xray").mkdir(parents=True)
    places = {"data": tmp_path / "data/chest_xray/a.png", "lock": tmp_path / "requirements.lock"}
    places["output"] = results / "01_train.csv"
    for path in (places["data"], places["lock"]):
        path.write_text("at the start")

    moments, surroundings = itertools.count(), provenance.surroundings()

    def execute(notebook, parameters, build):
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{notebook}.csv").write_text(notebook)
        outputs = {f"{notebook}.csv": provenance.sha256(results / f"{notebook}.csv")}
        record = {"notebook": notebook, **surroundings, "minutes": next(moments), "parameters": {"profile": "smoke"}}
        record |= {"machine": {"system": "Linux", "processor": "x", "cores": 2}, "inputs": {}, "outputs": outputs}
        (results / f"{notebook}.json").write_text(json.dumps(record))
        (build / f"{notebook}.ipynb").write_text('{"cells": []}')
        if changes and notebook == "02_figure1":
            places[changes].write_text("another text")

    sections = {name: {"radiograph_source": "chest_xray"} for name in pipeline.ORDER}
    monkeypatch.setattr(pipeline, "_execute", execute)
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    monkeypatch.setattr(pipeline, "read_profile", lambda profile: sections)
    monkeypatch.setattr(pipeline.claims, "assemble", lambda *_: None)
    if not changes:
        pipeline.run("smoke", tmp_path / "data")
        assert len(list(build.glob("*.stamp.json"))) == len(pipeline.ORDER)
        return
    said = "^What 02_figure1 reads, .* changed while it ran, and its results were removed: run the same command again.$"
    with pytest.raises(RuntimeError, match=said):
        pipeline.run("smoke", tmp_path / "data")
    assert {path.name for path in results.iterdir()} == {"01_train.csv", "01_train.json"}
    assert [path.name for path in build.glob("*.stamp.json")] == ["01_train.stamp.json"]
    changes = ""
    pipeline.run("smoke", tmp_path / "data")  # the remedy
    assert len(list(build.glob("*.stamp.json"))) == len(pipeline.ORDER)


def test_a_record_names_what_makes_pixels_and_scores(monkeypatch):
    versions = provenance.surroundings()["versions"]
    assert {"pillow", "pydicom", "python-gdcm", "h5py", "numpy", "keras", "tensorflow"} <= set(versions)
    monkeypatch.setattr(provenance, "version", lambda name: "1.0")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert "torch" not in provenance._versions()  # installed, but nothing used it
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert provenance._versions()["torch"] == "1.0"


def test_a_measurement_of_other_versions_is_not_found_again(monkeypatch):
    before = provenance.key("imputation", ["a"])
    monkeypatch.setattr(provenance, "version", lambda name: "0.0.1")
    assert provenance.key("imputation", ["a"]) != before
