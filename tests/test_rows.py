import lzma
import time

import numpy as np
import pandas as pd
import pytest

from black_average_drop import rows

TABLE = pd.DataFrame(
    {
        "id": ["0012", "# 1.png", "NA", "=1+1.png"],
        "group": ["01", "01", "2", "=3"],
        "label": [0, 1, 1, 0],
        "drop": [1 / 3, np.nan, 123456.0, -1e-9 / 3],
        "whole": [True, False, True, True],
    }
)


def test_rows_are_read_as_they_were_rounded(tmp_path):
    path = rows.write_rows(TABLE, "drops", tmp_path, "demo")
    assert path == tmp_path / "rows/drops.csv.xz" == rows.row_file("drops", tmp_path)
    rounded = TABLE.assign(drop=[0.33333, np.nan, 123460.0, -3.3333e-10])
    pd.testing.assert_frame_equal(rows.read_rows("drops", tmp_path), rounded, check_exact=True)
    rows.write_rows(TABLE, "drops", tmp_path, "demo", digits=2)
    assert list(rows.read_rows("drops", tmp_path)["drop"].dropna()) == [0.33, 120000.0, -3.3e-10]


def test_rows_that_were_read_are_written_with_the_same_bytes(tmp_path, monkeypatch):
    first = rows.write_rows(TABLE, "drops", tmp_path, "demo").read_bytes()
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a gzip would hold the time
    again = rows.write_rows(rows.read_rows("drops", tmp_path), "drops", tmp_path / "other", "demo")
    assert again.read_bytes() == first and [path.name for path in again.parent.iterdir()] == [again.name]


def test_rows_of_a_smoke_run_say_what_they_are(tmp_path):
    path = rows.write_rows(TABLE, "drops", tmp_path, "smoke")
    assert lzma.open(path, "rt").readline() == "# smoke run: not a result\n"
    assert len(rows.read_rows("drops", tmp_path)) == len(TABLE)


def test_rows_that_are_not_there_are_named_with_a_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"rows/drops.csv.xz is missing: make reproduce writes the rows"):
        rows.read_rows("drops", tmp_path)
