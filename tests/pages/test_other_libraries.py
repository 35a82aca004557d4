"""The tables of make peers: as recorded, each row with its sentence, and each sentence as its numbers say."""

import json
import runpy

import pandas as pd
import pytest

from black_average_drop.artifact.numbers import peers
from black_average_drop.files import ROOT, sha256

FOLDER = ROOT / "paper_figures" / "peers"
SAME = 1e-4  # of the peak: more is another map
PAGE = (ROOT / "docs/other-libraries.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def peer_tables():
    return runpy.run_path(str(ROOT / "peers/peer_tables.py"))


def table(name):
    return pd.read_csv(FOLDER / f"{name}.csv")


TABLES = ("maps", "metrics", "average_drops", "steps")


def test_every_table_is_recorded(peer_tables):
    assert tuple(peer_tables["COLUMNS"]) == TABLES
    outputs = json.loads((FOLDER / "peers.json").read_text(encoding="utf-8"))["outputs"]
    assert set(outputs) == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "md")}
    assert {path.name for path in FOLDER.iterdir()} == {*outputs, "peers.json"}
    assert all(sha256(FOLDER / file) == checksum for file, checksum in outputs.items())


@pytest.mark.parametrize("name", TABLES)
def test_the_page_shows_the_table(peer_tables, name):
    shown = peer_tables["markdown"](name, table(name))
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == shown and shown in PAGE


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_its_sentence_and_its_numbers(name):
    rows = table(name)
    assert (
        len(rows) and rows["sentence"].str.len().min() > 5 and not rows["sentence"].str.contains("|", regex=False).any()
    )
    keys = {"maps": ["method", "library"], "metrics": ["metric", "library", "sentence"], "average_drops": ["whose"]}
    assert not rows.duplicated(keys.get(name, ["step"])).any()
    numbers = {"maps": "ours", "metrics": "difference"}.get(name, "AD")
    assert rows[numbers].notna().all()


def test_who_is_right_is_what_the_numbers_say():
    """A map is said to be the same where it is, and otherwise a formula is named that its numbers bear out."""
    for row in table("maps").itertuples():
        apart = max(value for value in (row.pooled, row.by_position) if value == value)
        if row.sentence.startswith("The paper."):
            assert apart > SAME and row.ours > SAME and row.formula < SAME, row
        elif pd.notna(row.formula):  # right but for a step that the sentence names
            assert row.sentence.startswith("Both, once ") and apart > SAME and row.formula < SAME, row
        else:
            assert row.sentence.startswith("Both") and max(apart, row.ours) < SAME and row.rank > 0.999, row


def test_metrics_are_the_same_where_it_is_said():
    rows = table("metrics")
    both = rows["sentence"].str.startswith("Both")
    assert (rows["difference"] <= rows["most"])[both].all() and both.sum() > 15
    assert (rows[~both]["most"].isna() | rows[~both]["sentence"].str.contains("divide")).all()


def test_what_the_page_says_of_the_five_libraries():
    rows = table("maps")
    names = rows["library"].str.split().str[0]
    assert names.nunique() == 5
    plus = rows["method"] == "Grad-CAM++"
    assert set(names[plus]) == set(names) - {"captum"} and rows[plus]["sentence"].str.startswith("The paper.").all()
    assert set(names[rows["method"] == "Eigen-CAM"]) == {"pytorch-grad-cam"}
    assert (
        "Of 5 libraries 4 have Grad-CAM++. In 4 of them it is not" in " ".join(PAGE.split())
        and "captum has no Grad-CAM++" in PAGE
    )


def test_the_count_of_libraries_follows_from_the_table(tmp_path):
    """By hand: of three libraries two have Grad-CAM++, and one of these draws that of the paper."""
    (tmp_path / "peers").mkdir()
    rows = [("Grad-CAM", "a 1.0", "The paper. x"), ("Grad-CAM++", "b 1.0", "Both: the same map.")]
    rows += [("Grad-CAM++", "c 2.0", "The paper. y"), ("Grad-CAM++", "c 3.0", "The paper. y")]
    table = pd.DataFrame(rows, columns=["method", "library", "sentence"])
    table.to_csv(tmp_path / "peers/maps.csv", index=False)
    counted = peers.other_libraries(tmp_path)
    assert counted == {"compared": "3", "with Grad-CAM++": "2", "off the paper": "1"}


def test_road_is_held_through_the_libraries_that_the_page_names():
    rows = table("metrics")
    names = set(rows.loc[rows["metric"].str.startswith("ROAD"), "library"].str.split().str[0])
    assert names == {"pytorch-grad-cam", "Quantus"}
    assert "ROAD's authors is not: it is held through pytorch-grad-cam and Quantus only." in PAGE


def test_average_drops_are_those_of_their_definitions():
    rows = table("average_drops")
    assert rows["by_hand"].dropna().max() < 1e-4 and rows["by_hand"].notna().sum() == len(rows) - 1
    steps, start = table("steps"), rows["AD"].iloc[0]
    assert (steps["AD"] - start - steps["difference"]).abs().max() < 2e-3  # three digits
    assert rows["AD"].max() - rows["AD"].min() > 0.05


def test_a_table_is_written_as_it_is_read(peer_tables, tmp_path):
    rows = {name: table(name).to_dict("records") for name in TABLES}
    rows["steps"][0]["AD"] = None
    peer_tables["write"](rows, tmp_path)
    assert (tmp_path / "maps.csv").read_bytes() == (FOLDER / "maps.csv").read_bytes()
    assert "| – | " in (tmp_path / "steps.md").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))
    assert {"peers/peer_tables.py", "peers/requirements.txt", "lib/black_average_drop/cams.py"} <= set(
        record["sources"]
    )
    assert record["outputs"]["steps.md"] == sha256(tmp_path / "steps.md")
