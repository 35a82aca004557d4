"""Which methods are to be taken, and what is said next to it; blank maps are counted."""

import re

import numpy as np
import pandas as pd
import pytest

from black_average_drop.choice import ranking, recommendation
from black_average_drop.files import ROOT
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.which_best import answer
from drop_tables import CONTROLS, drops


def recommended(table, groups=None, same_as=None, margin=0.02):
    groups = np.arange(len(table)) if groups is None else groups
    found = answer(table, list(CONTROLS), Resampling(groups, 300), margin)
    return " ".join(filter(None, recommendation.recommend("BAD", found, same_as)))


def test_one_method_is_taken_where_it_is_ahead_of_methods_and_controls(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    same_as = {"Layer-CAM": "Grad-CAM++", "Grad-CAM++ (positive part)": "Grad-CAM++"}  # the second of them by its name
    said = recommended(table, same_as=same_as)
    assert said.startswith(
        "By BAD take Grad-CAM++ (the same map: Layer-CAM): it loses less of the score than every other method."
    )
    assert re.search(
        r"Worse: CAM by at least 0\.0[6-9]\d*\. Every control map, which .* is worse\. Up to 3 in 80", said
    )


def test_any_of_several_that_are_practically_the_same_may_be_taken(generator):
    means = {"CAM": 0.4, "Grad-CAM++": 0.405, "Eigen-CAM": 0.5, "all ones": 0.7}
    said = recommended(drops(generator, means, images=600, spread=0.02))
    assert said.startswith(
        "By BAD take any of these: CAM; Grad-CAM++. The loss of score is at most 0.02 more than by the best method."
    )
    assert re.search(r"Worse: Eigen-CAM by at least 0\.09", said) and "patients such as" not in said


@pytest.mark.parametrize("control", ["centre prior", "all ones"])
def test_a_control_that_does_as_well_says_that_the_metric_says_little(generator, control):
    means = {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.7} | {control: 0.4}
    said = recommended(drops(generator, means))
    assert said.startswith("By BAD take Grad-CAM++: ")
    assert (
        f"Control maps that may lose as little: {control}. They know nothing of the image, so BAD says little here of "
        "where a map should point."
    ) in said
    better = recommended(drops(generator, means | {control: 0.2}))
    assert f"Control maps that lose less: {control}. They know nothing" in better


def test_methods_that_are_not_told_apart_name_the_patients_that_would_tell(generator):
    said = recommended(drops(generator, {"CAM": 0.4, "Grad-CAM++": 0.4, "all ones": 0.7}, images=40, spread=0.1))
    assert said.startswith("These images do not tell the methods apart by BAD: ")
    assert re.search(
        r"between \d00 and \d00 patients such as these in all \(here 40\) would show a difference of 0\.02", said
    )
    some = drops(generator, {"CAM": 0.4, "Grad-CAM++": 0.4, "all ones": 0.7}, images=60, spread=0.01)
    some["Eigen-CAM"] = some["CAM"] + generator.normal(0, 0.12, 60)
    assert re.search(
        "^By BAD take any of these: .*Whether one of these is better is open: Eigen-CAM", recommended(some)
    )


def test_where_few_images_differ_the_methods_are_told_to_be_open_or_the_same(generator):
    """Grad-CAM++ is far ahead of CAM on two images alone: of 40 that says nothing, of 600 it cannot matter."""
    for images, begin in ((40, "These images do not tell the methods apart"), (600, "By BAD take any of these")):
        table = drops(generator, {"CAM": 0.5, "all ones": 0.8, "centre prior": 0.8}, images=images)
        table["Grad-CAM++"] = table["CAM"]
        table.iloc[:2, -1] -= 0.3
        said = recommended(table)
        assert said.startswith(begin) and "nan" not in said


def test_images_of_one_patient_do_not_count_as_many(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    said = recommended(table, groups=np.arange(80) // 20)
    assert said.startswith("These images do not tell the methods apart by BAD: Grad-CAM++; CAM.")


def test_one_method_alone_and_names_of_others(generator):
    table = drops(generator, {"CAM": 0.5, "all ones": 0.7})
    assert recommended(table).startswith("CAM is the only method: BAD has none to compare it with. Every control map")
    table["*my* [map](x)"] = table["CAM"] + generator.uniform(0.1, 0.3, 80)
    assert "Worse: `*my* [map](x)` by at least 0." in recommended(table)


def test_nothing_is_recommended_where_no_image_has_a_score():
    said = recommendation.recommend("BAD", None)
    assert said.which.startswith("No image has a score above 0") and not any(said[1:])


def rows_of(table):
    """Rows as of `evaluation.evaluate`, of BAD and AD, which are the same here."""
    parts = [
        pd.DataFrame({"metric": metric, "method": name, "drop": table[name], "class": 0, "masked_class": 0})
        for metric in ("BAD", "AD")
        for name in table
    ]
    return pd.concat(parts, ignore_index=True)


def test_each_finding_has_a_line_and_those_of_few_patients_are_named(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7})
    table.loc[table.index[45:75], "CAM"] = table["Grad-CAM++"]  # of Mass, none is ahead
    table.loc[table.index[45:75], "all ones"] = table["Grad-CAM++"] + generator.normal(0, 0.1, 80)
    table.loc[table.index[:3]] = np.nan
    findings = np.repeat(["Edema", "Mass", "Hernia"], (45, 30, 5))
    rows, resampling = rows_of(table), Resampling(np.arange(80), 300)
    ranked, _ = ranking.rank_by_metric(rows, CONTROLS, resampling, findings)
    counts = pd.DataFrame({"finding": ["Edema", "Hernia", "Mass", "Nodule"]})
    counts = counts.assign(explained=[45, 5, 30, 0], patients=[45, 5, 30, 0])
    lines = recommendation.table_of_findings(rows, findings, ranked, counts, resampling, 0.02).splitlines()
    assert lines[2:4] == ["| Finding | Images | Patients | BAD | AD |", "|---|---|---|---|---|"]
    assert lines[4] == "| `Edema` | 45 | 45 | Grad-CAM++ | Grad-CAM++ |"
    both = "open: CAM, Grad-CAM++; a control may be as good"  # of 30 patients none differs: up to 9.5 % may
    assert lines[5] == f"| `Mass` | 30 | 30 | {both} | {both} |" and len(lines) == 8
    assert lines[-1] == "Fewer than 10 patients have `Hernia`: no ranking."
    odd, where = {"Edema": "a|b"}, (rows["metric"] == "AD") & np.tile(findings == "Edema", 6)
    rows.loc[where, "drop"], findings = np.nan, np.where(findings == "Edema", "a|b", findings)
    given = rows, findings, ranked.replace(odd), counts.replace(odd), resampling, 0.02
    assert r"| `a\|b` | 45 | 45 | Grad-CAM++ | no score above 0 |" in recommendation.table_of_findings(*given)
    whole = ranked[ranked["finding"] == ranking.EVERY]
    assert recommendation.table_of_findings(rows, None, whole, counts, resampling, 0.02) == ""


def test_how_controls_do_is_said_for_each_finding(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.8})
    for control, end in ((0.1, "; a control is better"), (0.5, "; a control may be as good"), (0.9, "")):
        found = answer(
            table.assign(**{"all ones": control + generator.normal(0, 0.02, 80)}),
            ["all ones"],
            Resampling(np.arange(80)),
            0.02,
        )
        assert recommendation._in_short(found) == f"CAM{end}"
    table["all ones"] = table["CAM"] + (np.arange(80) == 0)
    assert recommendation._in_short(answer(table, ["all ones"], Resampling(np.arange(80)), 0.02)).endswith(
        "; too few differ from a control"
    )


def test_the_pair_that_needs_most_patients_is_named_though_another_has_no_upper_end(generator):
    """One patient alone tells CAM and Grad-CAM++ apart, and Eigen-CAM is far from clear."""
    table = pd.DataFrame({"CAM": np.full(60, 0.4)})
    table["Grad-CAM++"] = table["CAM"] + 0.5 * (np.arange(60) == 0)
    table["Eigen-CAM"] = table["CAM"] + generator.normal(0, 0.3, 60)
    said = recommendation.recommend("BAD", answer(table, [], Resampling(np.arange(60)), 0.02)).needed
    assert re.search(r"between \d,000 and \d,000 patients .* Eigen-CAM", said)


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
    said = recommended(drops(generator, {"CAM": 0.7, "Grad-CAM++": 0.4, "all ones": 0.43}, spread=0.01))
    assert said.endswith("could turn its lead over all ones.")
    said = recommended(drops(generator, {"CAM": 0.43, "Grad-CAM++": 0.4, "all ones": 0.7}, spread=0.01))
    assert said.endswith(
        "Up to 3 in 80 patients may be of a kind that was not seen: at the opposite extreme they could turn its lead "
        "over CAM."
    )
    said = recommended(drops(generator, {"CAM": 0.7, "Grad-CAM++": 0.4, "all ones": 0.7}, spread=0.01))
    assert said.endswith("at the opposite extreme they could turn none of its leads.")
