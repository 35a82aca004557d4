import csv
import datetime
import hashlib
import json
import re
import subprocess

import keras
import numpy as np
import pandas as pd
import pytest

from black_average_drop import provenance
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
    assert "lib/black_average_drop/training.py" not in record["sources"]  # the figure does not train
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
    notebooks = {path.name: path.read_text() for path in provenance.NOTEBOOKS.glob("*.py")}
    modules = {path.name: path.read_text() for path in (provenance.ROOT / "lib").rglob("*.py")}
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
        others.add(provenance.key("imputation", ["a", 1], weights))
    assert len(others) == 4 and first not in others
