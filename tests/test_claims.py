"""Claims: the comparisons by hand, the rule, and the table as a reader sees it."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from black_average_drop import claims, statistics
from black_average_drop.provenance import sha256
from black_average_drop.statistics import Resampling


def estimate(value, low, high, p=0.5):
    return statistics.Estimate(value, low, high, p)


def measured(value, low, high, p=0.5):
    return claims.Measured(estimate(value, low, high, p), 3, 100, "phantoms")


def rows(shift, ids="abcd"):
    """Two methods on four images, or as many times four, under AD; Grad-CAM++ is ahead by `shift` on every image but
    for noise of mean 0."""
    times = len(ids) // 4
    noise = np.tile([0.01, -0.01, 0.02, -0.02], times)
    parts = []
    for method, drop, masked in (("CAM", 0.5 + noise, [0, 0, 1, 1]), ("Grad-CAM++", 0.5 + shift - noise, [1, 1, 1, 0])):
        masked = masked * times
        part = {"id": list(ids), "method": method, "metric": "AD", "drop": drop, "class": 0, "masked_class": masked}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def test_compare_is_the_mean_of_paired_differences_over_images_and_trainings():
    ids = list("abcdefghijkl")
    found, images = claims.compare([rows(-0.1, ids), rows(-0.3, ids)], "AD", "drop", ids, Resampling(ids))
    assert found.value == pytest.approx(-0.2) and images == 12
    assert found.low < -0.2 < found.high
    some, images = claims.compare([rows(-0.1)], "AD", "drop", list("ab"), Resampling(list("ab")))
    assert some.value == pytest.approx(-0.1) and images == 2
    for method, percent in (("Grad-CAM++", 75), ("CAM", 50)):
        level, _ = claims.compare([rows(0)], "AD", "incorrect", list("abcd"), Resampling(list("abcd")), method, None)
        assert level.value == percent


def test_where_too_few_images_differ_there_is_no_interval_and_no_verdict(tmp_path):
    """Of twelve images nine differ under every training: neither interval nor test, for a level both."""
    ids = list("abcdefghijkl")
    same = rows(-0.1, ids)
    same.loc[same["id"].isin(list("jkl")), "drop"] = 0.5
    few, images = claims.compare([same] * 3, "AD", "drop", ids, Resampling(ids))
    assert few.value == pytest.approx(-0.075, abs=0.01) and images == 12
    assert np.isnan([few.low, few.high, few.p]).all()
    enough, _ = claims.compare([same, rows(-0.1, ids), rows(-0.1, ids)], "AD", "drop", ids, Resampling(ids))
    assert enough.low < enough.value < enough.high
    level, _ = claims.compare([same] * 3, "AD", "incorrect", ids, Resampling(ids), "Grad-CAM++", None)
    assert level.low < level.value == 75 < level.high
    found = {"radiographs_AD": claims.Measured(few, 3, 12, "phantoms"), "AD_size": measured(-0.1, -0.2, -0.01, 0.03)}
    claims.write_measured("03_table1", found | {"small_differences": found["radiographs_AD"]}, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    assert (table.loc[["radiographs_AD", "small_differences"], "verdict"] == "undecided").all()
    assert table.loc["AD_size", "p_holm"] == pytest.approx(0.03)  # the only test
    text = (tmp_path / "claims.md").read_text()
    assert f"| {few.value:+.4f} (no interval: too few images differ) |" in text and "nan" not in text
    assert f"| {few.value:.4f} (no interval: too few images differ) |" in text
    assert "Too few is fewer than 10 patients" in text


def test_images_that_have_no_drop_are_left_out_of_a_comparison():
    missing = rows(-0.1)
    missing.loc[0, "drop"] = np.nan
    found, images = claims.compare([missing], "AD", "drop", list("abcd"), Resampling(list("abcd")))
    assert images == 3 and found.value == pytest.approx(-0.1 - 2 * np.mean([-0.01, 0.02, -0.02]))


def test_heads_are_compared_by_auc_on_the_same_patients(generator):
    labels = np.arange(200) % 2
    parts = []
    for head, gap in (("relu", 1.0), ("softmax", 2.5)):
        for training in range(3):
            part = {"head": head, "training_seed": training, "id": np.arange(200), "group": np.arange(200) // 2}
            parts.append(pd.DataFrame(part | {"label": labels, "score": gap * labels + generator.normal(size=200)}))
    answers = pd.concat(parts)
    (auc, trained), (gain, paired) = claims.compare_heads(answers, Resampling(answers["group"], 200))
    assert trained == paired == 3
    by_hand = answers.groupby(["head", "training_seed"])[["label", "score"]].apply(
        lambda part: statistics.area_under_roc(part["label"], part["score"])
    )
    assert auc.value == pytest.approx(by_hand["relu"].mean())
    assert gain.value == pytest.approx((by_hand["relu"] - by_hand["softmax"]).mean())
    assert gain.high < 0 and gain.p < 0.01 and auc.low < auc.value < auc.high
    fewer = answers[(answers["head"] == "relu") | (answers["training_seed"] == 1)]
    (same, trained), (of_one, paired) = claims.compare_heads(fewer, Resampling(fewer["group"], 200))
    assert same == auc and (trained, paired) == (3, 1)
    assert of_one.value == pytest.approx(by_hand["relu", 1] - by_hand["softmax", 1])


def test_a_resample_of_one_class_has_no_auc():
    answers = pd.DataFrame(
        {"head": ["relu", "softmax"] * 3, "training_seed": 0, "id": [0, 0, 1, 1, 2, 2], "group": [0, 0, 1, 1, 2, 2]}
    ).assign(label=[0, 0, 1, 1, 1, 1], score=[0.1, 0.2, 0.3, 0.1, 0.2, 0.4])
    (auc, _), (gain, _) = claims.compare_heads(answers, Resampling(answers["group"], 50))
    assert auc.value == 1 and gain.value == pytest.approx(0.5) and np.isfinite(gain.p)


@pytest.mark.parametrize(
    ("claim", "found", "verdict"),
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
def test_the_rule(tmp_path, claim, found, verdict):
    claims.write_measured("03_table1", {claim: measured(*found)}, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc[claim, "verdict"] == verdict
    assert (table["verdict"].drop(claim) == "undecided").all()  # nothing was measured for the others


def test_p_values_of_directed_claims_are_corrected_together(tmp_path):
    directed = [name for name, claim in claims.CLAIMS.items() if isinstance(claim.wanted, int)]
    two = {name: measured(-0.1, -0.2, -0.01, 0.03) for name in directed[:2]}
    two["AUC"] = measured(0.93, 0.92, 0.94, 1e-30)  # a level has no test: its p does not count
    claims.write_measured("03_table1", two, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    np.testing.assert_allclose(table.loc[directed[:2], "p_holm"], 0.06)
    assert (table.loc[directed[:2], "verdict"] == "undecided").all()  # alone each would have been significant
    assert np.isnan(table.loc["AUC", "p_holm"])


def test_a_claim_that_could_not_be_measured_takes_no_part_in_the_correction(tmp_path):
    found = {"general_AD": measured(-0.1, -0.2, -0.01, 0.03), "AD_size": measured(np.nan, np.nan, np.nan, np.nan)}
    claims.write_measured("03_table1", found, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc["general_AD", "p_holm"] == pytest.approx(0.03) and np.isnan(table.loc["AD_size", "p_holm"])
    assert table.loc["AD_size", "verdict"] == "undecided"


def test_claims_come_from_several_notebooks_in_the_tables_own_order(tmp_path):
    claims.write_measured("05_identity", {"identity": measured(1e-7, 0, 1e-7)}, tmp_path, "smoke")
    claims.write_measured("03_table1", {"general_AD": measured(-0.1, -0.2, -0.05, 1e-5)}, tmp_path, "smoke")
    table = claims.assemble(tmp_path, "smoke")
    assert list(table["claim"]) == list(claims.CLAIMS)
    text = (tmp_path / "claims.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(claims.CLAIMS) and "smoke run: not a result" in text
    assert "1.0e-07" in lines[2] and "05_identity" in lines[2] and lines[2].endswith("**reproduced** |")
    assert "-0.1000 [-0.2000, -0.0500]" in lines[3] and "p < 0.0001" in lines[3] and "3 trainings" in lines[3]
    assert "not measured" in lines[4] and lines[4].endswith("**undecided** |")
    written = pd.read_csv(tmp_path / "claims.csv", comment="#")
    assert list(written["verdict"]) == list(table["verdict"])


def test_the_record_of_the_table_names_its_parts(tmp_path):
    part = claims.write_measured("03_table1", {"AUC": measured(0.93, 0.92, 0.95)}, tmp_path, "demo")
    claims.assemble(tmp_path, "demo")
    record = json.loads((tmp_path / "claims.json").read_text())
    assert record["inputs"] == {part.name: sha256(part)}
    assert record["outputs"] == {name: sha256(tmp_path / name) for name in ("claims.csv", "claims.md")}
    assert {"commit", "uncommitted_changes", "created", "versions", "lock"} < set(record)
    assert record["sources"]["lib/black_average_drop/statistics.py"] and record["parameters"] == {"profile": "demo"}
    written = (tmp_path / "claims.json").read_text().replace(record["created"], "earlier")
    (tmp_path / "claims.json").write_text(written)
    claims.assemble(tmp_path, "demo")
    assert (tmp_path / "claims.json").read_text() == written  # nothing changed: the record is that of the first time
    claims.write_measured("03_table1", {"AUC": measured(0.94, 0.93, 0.95)}, tmp_path, "demo")
    claims.assemble(tmp_path, "demo")
    assert json.loads((tmp_path / "claims.json").read_text())["inputs"] != record["inputs"]


def test_a_claim_measured_twice_is_refused(tmp_path):
    for notebook in ("03_table1", "03_old"):
        claims.write_measured(notebook, {"AUC": measured(0.93, 0.92, 0.95)}, tmp_path, "demo")
    with pytest.raises(ValueError, match="'AUC' is in two claims_"):
        claims.assemble(tmp_path, "demo")


def test_without_three_trainings_there_is_no_verdict_on_radiographs(tmp_path):
    sure = estimate(-0.1, -0.2, -0.05, 1e-9)
    found = {name: claims.Measured(sure, 2, 100, "phantoms") for name in ("general_BAD", "radiographs_BAD")}
    claims.write_measured("03_table1", found, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    assert table.loc["general_BAD", "verdict"] == "reproduced"
    assert table.loc["radiographs_BAD", "verdict"] == "undecided"


def test_shares_without_any_exception_still_have_an_interval(tmp_path):
    """Clopper and Pearson: 20 of 20 leave 83.2 % possible, 0 of 20 leave 16.8 %."""
    found = {"incorrect_AD": claims.Measured(estimate(100, 100, 100), 3, 20, "x")}
    found["incorrect_BAD"] = claims.Measured(estimate(0, 0, 0), 3, 20, "x")
    found["softmax_kills"] = claims.Measured(estimate(100, 100, 100), 3, 200, "x")
    claims.write_measured("03_table1", found, tmp_path, "demo")
    table = claims.assemble(tmp_path, "demo").set_index("claim")
    ends = binomtest(20, 20).proportion_ci(method="exact")
    assert table.loc["incorrect_AD", "low"] == pytest.approx(100 * ends.low) and ends.low < 0.84
    assert table.loc["incorrect_BAD", "high"] == pytest.approx(100 - 100 * ends.low)
    assert list(table.loc[list(found), "verdict"]) == ["undecided", "not reproduced", "reproduced"]


def test_unknown_claims_are_refused(tmp_path):
    with pytest.raises(ValueError, match="There is no claim 'speed'"):
        claims.write_measured("03_table1", {"speed": measured(1, 0, 2)}, tmp_path, "demo")
    assert not list(tmp_path.iterdir())


def test_of_several_differences_the_one_that_reaches_furthest_counts():
    near, wide, outside = measured(0.001, -0.01, 0.01), measured(0.02, -0.02, 0.06), measured(-0.04, -0.045, -0.0351)
    assert claims.furthest([near, wide]) is wide
    assert claims.furthest([near, wide, outside]) is outside
    unknown = measured(np.nan, np.nan, np.nan)
    assert claims.furthest([near, unknown, wide]) is claims.furthest([unknown, near]) is unknown
    assert claims.furthest([unknown, outside]) is claims.furthest([outside, unknown]) is outside


def test_what_the_foot_says_of_the_papers_own_numbers():
    """99.4 % of 624, 390 or 234 images, rounded to one decimal."""
    assert {n: any(round(100 * k / n, 1) == 99.4 for k in range(n + 1)) for n in (624, 390, 234)} == {
        624: True,
        390: False,
        234: False,
    }
    assert round(100 * 620 / 624, 1) == 99.4
    assert claims.paper.TABLE1["radiographs", "Grad-CAM++"][:2] == (0.7416, 0.7416)
