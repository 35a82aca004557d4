"""Verdicts: the rule, and the table as a reader sees it."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from black_average_drop.artifact import claims_page
from black_average_drop.files import sha256
from black_average_drop.paper import claims, published
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.trainings import Estimate


def measured(value, low, high, p=0.5, trainings=3, images=100):
    return claims.Measured(Estimate(value, low, high, p, trainings), images, "phantoms")


@pytest.mark.parametrize(
    ("claim", "numbers", "verdict"),
    [
        ("general_AD", (-0.1, -0.2, -0.05, 1e-6), "reproduced"),
        ("general_AD", (0.1, 0.05, 0.2, 1e-6), "not reproduced"),
        ("general_AD", (-0.1, -0.2, 0.05, 0.2), "undecided"),
        ("radiographs_AD", (0.1, 0.05, 0.2, 1e-6), "reproduced"),
        ("radiographs_AD", (-0.1, -0.2, -0.05, 1e-6), "not reproduced"),
        ("general_AD", (np.nan, np.nan, np.nan, np.nan), "undecided"),
        ("AUC", (0.93, 0.92, 0.95), "reproduced"),
        ("AUC", (0.97, 0.965, 0.98), "not reproduced"),
        ("AUC", (0.8, 0.75, 0.85), "not reproduced"),
        ("AUC", (0.95, 0.93, 0.97), "undecided"),
        ("incorrect_AD", (0.0, 0.0, 0.0), "not reproduced"),
        ("incorrect_AD", (99.0, 96.0, 102.0), "reproduced"),  # a share ends at 100
        ("identity", (1e-7, 1e-7, 1e-7), "reproduced"),
        ("identity", (0.1, 0.1, 0.1), "not reproduced"),
        ("identity", (np.nan, np.nan, np.nan), "undecided"),
    ],
)
def test_the_rule(tmp_path, claim, numbers, verdict):
    claims.write_measured("03_table1", {claim: measured(*numbers)}, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc[claim, "verdict"] == verdict
    assert (table["verdict"].drop(claim) == "undecided").all()  # nothing was measured for the others


def test_p_values_of_directed_claims_are_corrected_together(tmp_path):
    directed = [name for name, claim in CLAIMS.items() if isinstance(claim.expected, int) and not claim.table]
    two = {name: measured(-0.1, -0.2, -0.01, 0.03) for name in directed[:2]}
    two["AUC"] = measured(0.93, 0.92, 0.94, 1e-30)  # a level has no test: its p does not count
    claims.write_measured("03_table1", two, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    np.testing.assert_allclose(table.loc[directed[:2], "p_holm"], 0.06)
    assert (table.loc[directed[:2], "verdict"] == "undecided").all()  # alone each would have been significant
    assert np.isnan(table.loc["AUC", "p_holm"])


def test_a_claim_that_could_not_be_measured_takes_no_part_in_the_correction(tmp_path):
    two = {"general_AD": measured(-0.1, -0.2, -0.01, 0.03), "AD_size": measured(np.nan, np.nan, np.nan, np.nan)}
    claims.write_measured("03_table1", two, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc["general_AD", "p_holm"] == pytest.approx(0.03) and np.isnan(table.loc["AD_size", "p_holm"])
    assert table.loc["AD_size", "verdict"] == "undecided"


def test_claims_come_from_several_notebooks_in_the_tables_own_order(tmp_path):
    claims.write_measured("05_identity", {"identity": measured(1e-7, 0, 1e-7)}, tmp_path, "smoke")
    claims.write_measured("03_table1", {"general_AD": measured(-0.1, -0.2, -0.05, 1e-5)}, tmp_path, "smoke")
    table = claims_page.assemble(tmp_path, "smoke")
    stated = [name for name, claim in CLAIMS.items() if not claim.table]
    assert list(table["claim"]) == stated
    text = (tmp_path / "claims.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(stated) and "smoke run: not a result" in text
    assert (
        "1.0e-07" in lines[2]
        and "05_identity" in lines[2]
        and lines[2].endswith("**reproduced** for trainings of this recipe |")
    )
    assert "-0.1000 [-0.2000, -0.0500]" in lines[3] and "p < 0.0001" in lines[3] and "3 trainings" in lines[3]
    assert "not measured" in lines[4] and lines[4].endswith("**undecided** |")
    written = pd.read_csv(tmp_path / "claims.csv", comment="#")
    assert list(written["verdict"]) == list(table["verdict"])


def test_the_record_of_the_table_names_its_parts(tmp_path):
    part = claims.write_measured("03_table1", {"AUC": measured(0.93, 0.92, 0.95)}, tmp_path, "demo")
    claims_page.assemble(tmp_path, "demo")
    record = json.loads((tmp_path / "claims.json").read_text())
    assert record["inputs"] == {part.name: sha256(part)}
    assert record["outputs"] == {name: sha256(tmp_path / name) for name in ("claims.csv", "claims.md")}
    assert {"commit", "uncommitted_changes", "created", "versions", "lock"} < set(record)
    assert record["sources"]["lib/black_average_drop/statistics/patients.py"] and record["parameters"] == {
        "profile": "demo"
    }
    written = (tmp_path / "claims.json").read_text().replace(record["created"], "earlier")
    (tmp_path / "claims.json").write_text(written)
    claims_page.assemble(tmp_path, "demo")
    assert (tmp_path / "claims.json").read_text() == written  # nothing changed: the record is that of the first time
    claims.write_measured("03_table1", {"AUC": measured(0.94, 0.93, 0.95)}, tmp_path, "demo")
    claims_page.assemble(tmp_path, "demo")
    assert json.loads((tmp_path / "claims.json").read_text())["inputs"] != record["inputs"]


def test_a_claim_measured_twice_is_refused(tmp_path):
    for notebook in ("03_table1", "03_old"):
        claims.write_measured(notebook, {"AUC": measured(0.93, 0.92, 0.95)}, tmp_path, "demo")
    with pytest.raises(ValueError, match="'AUC' is in two claims_"):
        claims_page.assemble(tmp_path, "demo")


def test_without_three_trainings_there_is_no_verdict_on_radiographs(tmp_path):
    sure = measured(-0.1, -0.2, -0.05, 1e-9, trainings=2)
    claims.write_measured("03_table1", {"general_BAD": sure, "radiographs_BAD": sure}, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc["general_BAD", "verdict"] == "reproduced"
    assert table.loc["radiographs_BAD", "verdict"] == "undecided"


@pytest.mark.parametrize("trained", [1, 3])
def test_shares_without_any_exception_still_have_an_interval(tmp_path, trained):
    """Clopper and Pearson: 20 of 20 leave 83.2 % possible, 0 of 20 leave 16.8 %."""
    ids = np.arange(200)
    shares = {
        name: claims.measured_mean(np.full((n, trained), value), Resampling(ids[:n]), "phantoms", bounds=(0, 100))
        for name, value, n in (("incorrect_AD", 100.0, 20), ("incorrect_BAD", 0.0, 20), ("softmax_kills", 100.0, 200))
    }
    claims.write_measured("03_table1", shares, tmp_path, "demo")
    table = claims_page.assemble(tmp_path, "demo").set_index("claim")
    ends = binomtest(20, 20).proportion_ci(method="exact")
    assert table.loc["incorrect_AD", "low"] == pytest.approx(100 * ends.low, abs=1e-4) and ends.low < 0.84
    assert table.loc["incorrect_BAD", "high"] == pytest.approx(100 - 100 * ends.low, abs=1e-4)
    expected = ["undecided", "not reproduced", "reproduced"] if trained == 3 else ["undecided"] * 3
    assert list(table.loc[list(shares), "verdict"]) == expected


def test_what_the_rule_says_of_the_papers_own_numbers():
    """99.4 % of 624, 390 or 234 images, rounded to one decimal."""
    assert {n: any(round(100 * k / n, 1) == 99.4 for k in range(n + 1)) for n in (624, 390, 234)} == {
        624: True,
        390: False,
        234: False,
    }
    assert round(100 * 620 / 624, 1) == 99.4
    assert published.TABLE1["radiographs", "Grad-CAM++"][:2] == (0.7416, 0.7416)
