import csv
import re

import numpy as np
import pandas as pd
import pytest

from black_average_drop import files


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    with files.replacing(target) as partial:
        partial.write_text("new")
    assert target.read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_csv_has_six_digits_and_says_that_it_is_a_smoke_run(tmp_path):
    table = pd.DataFrame({"name": ["a"], "value": [1 / 3]})
    assert files.write_csv(table, tmp_path / "table.csv", "demo") == tmp_path / "table.csv"
    assert (tmp_path / "table.csv").read_text() == "name,value\na,0.333333\n"
    files.write_csv(table, tmp_path / "table.csv", "smoke")
    assert (tmp_path / "table.csv").read_text().splitlines()[:2] == ["# smoke run: not a result", "name,value"]
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_kept_measurement_is_found_again_under_its_key_alone(tmp_path):
    table = pd.DataFrame({"id": ["0012", "b"], "value": [0.1 + 0.2, np.nan]})
    files.keep_table(table, tmp_path / "kept.csv", "a key")
    pd.testing.assert_frame_equal(files.kept_table(tmp_path / "kept.csv", "a key"), table, check_exact=True)
    assert files.kept_table(tmp_path / "kept.csv", "another") is None
    assert files.kept_table(tmp_path / "other.csv", "a key") is None


NAMES = ["# 1.png", "b#2.png", "NA", "nan", "0012", 'quoted "x", y', "two\nlines"]


@pytest.mark.parametrize("profile", ["demo", "smoke"])
def test_image_ids_survive_a_round_trip_whatever_files_are_called(tmp_path, profile):
    groups = [f"{number:04}" for number in range(len(NAMES))]
    table = pd.DataFrame({"id": NAMES, "group": groups, "value": [np.nan, *np.arange(1.0, len(NAMES))]})
    files.keep_table(table, tmp_path / "kept.csv", "a key")
    files.write_csv(table, tmp_path / "written.csv", profile)
    table.to_csv(tmp_path / "rows.csv.gz", index=False)
    read = [files.kept_table(tmp_path / "kept.csv", "a key")]
    read += [files.read_csv(tmp_path / name) for name in ("written.csv", "rows.csv.gz")]
    for again in read:
        pd.testing.assert_frame_equal(again, table, check_exact=True)


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
    written = [files.write_csv(table, tmp_path / "written.csv", "demo"), tmp_path / "kept.csv"]
    files.keep_table(table, written[1], "key")
    for path in written:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if not row[0].startswith("# ")]
        cells = [cell for row in rows for cell in row[:3]]
        assert len(cells) == 3 * (len(texts) + 1) and not [
            cell for cell in cells if cell[:1] in tuple("=+-@\t\r\uff1d")
        ]
        assert sum(cell in plain for cell in cells) == 3 * len(plain)  # nothing else is changed
        assert [float(row[3]) for row in rows[1:]] == pytest.approx(table["drop"], rel=1e-5)
        again = files.read_csv(path)
        assert list(again.columns) == list(table.columns)
        for name in ("id", "group", "=class"):
            assert list(again[name].fillna("")) == list(table[name])


def test_nothing_is_read_with_a_remark_sign_that_may_be_in_a_file_name():
    notebooks = {path: path.read_text() for path in files.NOTEBOOKS.glob("*.py")}
    modules = {path: path.read_text() for path in (files.ROOT / "lib").rglob("*.py")}
    assert not [name for name, text in modules.items() if re.search(r"read_csv\(.*comment=", text)]
    assert not [name for name, text in notebooks.items() if "pd.read_csv" in text]
    assert [name for name, text in notebooks.items() if "= read_csv(" in text]
