"""A method is recommended where it beats every other map, and blank maps are counted."""

import re

import numpy as np
import pandas as pd
import pytest

from black_average_drop import lettering
from black_average_drop.choice import answers_and_maps, ranking, recommendation
from black_average_drop.files import ROOT
from black_average_drop.statistics.patients import Resampling
from drop_tables import CONTROLS, drops


def recommended(table, groups=None, same_as=None):
    groups = np.arange(len(table)) if groups is None else groups
    resampling = Resampling(groups, 300)
    ranked = ranking.rank_maps(table, CONTROLS, resampling)
    pairs = ranking.comparisons(table, CONTROLS, resampling)
    return recommendation.recommend("BAD", ranked, pairs, same_as)


def test_a_method_is_recommended_if_it_beats_methods_and_controls(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    same_as = {"Layer-CAM": "Grad-CAM++", "Grad-CAM++ (positive part)": "Grad-CAM++"}  # the second of them by its name
    sentence = recommended(table, same_as=same_as)
    assert sentence.startswith("BAD recommends Grad-CAM++: it loses least of the score (Grad-CAM++, 0.4")
    assert "(the same map: Layer-CAM)" in sentence and re.search(
        r"largest p after Holm's correction \d(\.\d)?e-\d\d\)", sentence
    )


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        (
            {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.4},
            "1 may do as well or better: centre prior",
        ),
        ({"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.2, "centre prior": 0.6}, "1 may do as well or better: all ones"),
        ({"CAM": 0.4, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6}, "is not significant"),
    ],
)
def test_no_method_is_recommended_next_to_an_equal(generator, means, reason):
    sentence = recommended(drops(generator, means))
    assert sentence.startswith("These images do not tell the methods apart by BAD") and reason in sentence


def test_no_method_is_recommended_where_too_few_images_differ(generator):
    """Grad-CAM++ is ahead of CAM, and far ahead, on six images alone."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.5, "all ones": 0.8, "centre prior": 0.8})
    table["Grad-CAM++"] = table["CAM"]
    table.iloc[:6, 1] -= 0.3
    sentence = recommended(table)
    assert sentence.endswith("but between it and CAM too few images differ for a test.")
    assert "do not tell the methods apart" in sentence and "nan" not in sentence
    table.iloc[6:12, 1] -= 0.3
    assert recommended(table).startswith("BAD recommends Grad-CAM++")


def test_images_of_one_patient_do_not_count_as_many(generator):
    """80 images of four patients: no test that flips whole patients can be below 2 / 2^4."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    assert "do not tell the methods apart" in recommended(table, groups=np.arange(80) // 20)


def test_nothing_is_recommended_where_no_image_has_a_score():
    table = pd.DataFrame(np.full((5, 2), np.nan), columns=["CAM", "all ones"])
    ranked = ranking.rank_maps(table, CONTROLS, Resampling(np.arange(5), 20))
    assert recommendation.recommend("BAD", ranked, None).startswith("No image has a score above 0")


def test_an_alpha_that_no_maps_chose_and_features_that_go_negative_are_said():
    assert recommendation.alpha_not_chosen(0.2) == (
        "Alpha 0.2 was not chosen by maps: of CAM, Grad-CAM and Grad-CAM++ no two draw different maps here."
    )
    assert recommendation.negative_part(0.03172) == (
        "Of the feature maps 3.17 % is negative (by absolute value): Grad-CAM++ (positive part) replaces Grad-CAM++ "
        "and has no part in the choice of alpha."
    )
    assert recommendation.negative_part(0.0) == ""


def test_each_finding_has_a_line_and_those_of_few_patients_are_named(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7})
    table.loc[table.index[45:75], "CAM"] = table["Grad-CAM++"]  # of Mass, none is ahead
    table.loc[table.index[45:75], "all ones"] -= 0.5
    findings = np.repeat(["Edema", "Mass", "Hernia"], (45, 30, 5))
    ranked, pairs = ranking.rank_by_finding(table, findings, CONTROLS, Resampling(np.arange(80), 300))
    ranked, pairs = ranked.assign(metric="BAD"), pairs.assign(metric="BAD")
    counts = pd.DataFrame({"finding": ["Edema", "Hernia", "Mass", "Nodule"]})
    counts = counts.assign(explained=[45, 5, 30, 0], patients=[45, 5, 30, 0])
    lines = recommendation.table_of_findings(ranked, pairs, counts).splitlines()
    assert lines[2:4] == ["| Finding | Images | Patients | BAD |", "|---|---|---|---|"]
    assert re.fullmatch(r"\| `Edema` \| 45 \| 45 \| \*\*Grad-CAM\+\+ 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]\*\* \|", lines[4])
    assert lines[5].startswith("| `Mass` | 30 | 30 | ") and len(lines) == 8
    assert lines[5].endswith(", not ahead of 2 maps, 1 of them controls |")
    assert lines[-1] == "Fewer than 10 patients have `Hernia`: no ranking."
    odd = {"Edema": "a|b", "CAM": "c|d", "Grad-CAM++": "e|f"}
    lines = recommendation.table_of_findings(ranked.replace(odd), pairs.replace(odd), counts.replace(odd)).splitlines()
    assert lines[4].startswith(r"| `a\|b` | 45 | 45 | **e\|f 0.")
    whole = ranked[ranked["finding"] == ranking.EVERY]
    assert recommendation.table_of_findings(whole, pairs, counts) == ""
    assert list(recommendation.recommend_overall(ranked, pairs)) == ["BAD"]


def test_blank_maps_are_counted_by_explained_class(generator):
    """Whatever makes them: nowhere positive before clipping, or not a number."""
    maps = generator.uniform(0.1, 1, (3, 10, 4, 4)).astype("float32")
    maps[0, :6] *= -1
    maps[1, 9, 0, 0] = np.nan
    classes = np.arange(10) // 5
    drawn = {"CAM": maps[0], "Grad-CAM++": maps[1], "Eigen-CAM": maps[2]}
    blank = answers_and_maps.blank_maps(drawn, batch_size=4)
    said = recommendation.blanks(blank, classes, ["NORMAL", "<b>`$x$\n"])
    assert said == (
        "Blank maps, which point nowhere and are scored as a black image: CAM 6 of 10 (`NORMAL` 5 of 5, `<b>'$x$` 1 of "
        "5); Grad-CAM++ 1 of 10 (`<b>'$x$` 1 of 5)."
    )
    many = recommendation.blanks(
        {"CAM": np.ones(10, bool)}, np.arange(10) % 5, [f"class {number}" for number in range(5)]
    )
    assert "CAM 10 of 10 (`class 0` 2 of 2, `class 1` 2 of 2, `class 2` 2 of 2, 2 more classes)" in many
    assert recommendation.blanks({"Eigen-CAM": np.zeros(10, bool)}, classes, ["NORMAL", "PNEUMONIA"]) == ""


def test_maps_of_others_are_named_also_where_no_font_can_draw_them(monkeypatch):
    monkeypatch.setattr(lettering, "_drawable", str.isascii)
    said = recommendation.of_others({"Dr. Pen": None, "<b>肺": None})
    assert said == "Maps of others, behind ◆ in the figures: `Dr. Pen`, `<b>肺` (◆ set 2)."
    assert recommendation.of_others({}) == ""


def test_maps_are_named_of_which_bad_keeps_less_than_alpha():
    """By hand: a mask that covers more than alpha keeps nothing. A blank map is no mask, and a control is not named."""
    kept = {"CAM": [0.2, 0.19], "mask": [0.0, 0.1], "blank now and then": [0.2, 0.0], "all ones": [0.0, 0.0]}
    rows = pd.DataFrame(
        [(name, metric, share) for name, shares in kept.items() for share in shares for metric in ("AD", "BAD")],
        columns=["method", "metric", "kept"],
    )
    rows = rows.assign(alpha=0.2, opacity=0.5)
    rows.loc[rows["method"].eq("blank now and then") & rows["kept"].eq(0), "opacity"] = 0
    rows.loc[rows["metric"] == "AD", "kept"] = 1.0
    assert recommendation.fewer_kept(rows, list(kept)[:3]) == (
        "Many pixels of these maps have equal values. So BAD keeps less than 20.0 % of the image: `mask` 5.0 %. It "
        "keeps all that a mask of two values marks if alpha is larger than the marked share."
    )
    assert recommendation.fewer_kept(rows, ["CAM"]) == ""


def test_the_verdict_of_trust_is_quoted_from_the_committed_results():
    said = recommendation.verdict_of_trust()
    table = pd.read_csv(ROOT / "paper_figures/laptop/trust.csv")
    rows = table[(table["data"] == "NIH boxes") & (table["truth"] == "hit") & table["metric"].isin(["AD", "BAD"])]
    assert len(rows) == 4 and all(
        f"{row.metric} {row.set:+.2f} [{row.set_low:+.2f}" in said for row in rows.itertuples()
    )
    alone = table[(table["data"] == "NIH boxes") & (table["maps"] == "methods alone")]
    for metric in ("BAD", "AD"):
        part = alone[alone["metric"] == metric]
        counts = (part["set_low"] > 0).sum(), (part["set_high"] < 0).sum(), len(part)
        assert len(part) == 4 and "{} agreed with {} and went against {} of {} truths".format(metric, *counts) in said


def test_a_recommendation_says_what_unseen_patients_could_turn(generator):
    """3 of 80 patients at -1 take 0.0375 from a lead: of 0.03 they turn the sign, of 0.3 they do not."""
    said = recommended(drops(generator, {"CAM": 0.43, "Grad-CAM++": 0.4, "all ones": 0.7}, spread=0.01))
    assert said.endswith(
        "Up to 3 in 80 patients may be of a kind that was not seen: at the opposite extreme they could turn its lead "
        "over CAM."
    )
    said = recommended(drops(generator, {"CAM": 0.7, "Grad-CAM++": 0.4, "all ones": 0.7}, spread=0.01))
    assert said.endswith("at the opposite extreme they could turn none of these leads.")
