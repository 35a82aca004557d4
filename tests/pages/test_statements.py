"""What pages of results say in words, next to their numbers, holds for the committed results."""

import re

import pandas as pd
import pytest

from black_average_drop.artifact.numbers import naming
from black_average_drop.files import ROOT

RESULTS = ROOT / "paper_figures"
NAMES = {
    "hit": "hits",
    "hit_tolerant": "hits with tolerance",
    "mass_inside": "mass inside",
    "top_inside": "top pixels inside",
}


def read(page):
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def table(name, profile="laptop"):
    return pd.read_csv(RESULTS / profile / name)


@pytest.fixture(scope="module")
def named():
    return naming.named()


def test_verdicts_are_those_of_table_1(named):
    lines = (RESULTS / "laptop/table1.md").read_text("utf-8").splitlines()
    for data, title in (("general", "General images"), ("radiographs", "Radiographs")):
        for metric in ("AD", "BAD"):
            (line,) = [one for one in lines if re.match(rf"- {title}, [\w ]+, {metric}, ", one)]
            begin = f"differences.{data}.{metric}"
            assert f"= {named[begin]}: **{named[f'{begin}.verdict']}**" in line
            assert f"(the paper: {named[f'{begin}.paper']}, no interval)" in line
            if data == "radiographs":
                spread = [named[f"differences.{metric}.{name}"] for name in ("mean", "deviation")]
                assert f"the mean is {spread[0]}, the standard deviation {spread[1]}, " in line
                least, most = named[f"differences.{metric}.range"].split(" to ")
                assert f"least and most {least} and {most};" in line


def test_table_1_holds_what_is_said_below_it(named):
    lines = (RESULTS / "laptop/table1.md").read_text("utf-8").splitlines()
    for data, title, patients in (
        ("general", "General images", ""),
        ("radiographs", "Radiographs", " of 203 patients"),
    ):
        name = f"table1.{data}"
        assert (
            f"{title}: {named[f'{name}.images']} images{patients}, alpha {named[f'{name}.alpha']}, black image: "
            f"{named[f'{name}.black class']}, its score for the explained class {named[f'{name}.black score']}; "
            f"BAD kept {named[f'{name}.kept']} % of the pixels; "
            f"left out for a score of 0: {named[f'{name}.left out']}.  "
        ) in lines
    assert named["table1.radiographs.patients"] == "203"


def test_claims_are_counted_as_their_table_shows_them(named):
    shown = (RESULTS / "laptop/claims.md").read_text("utf-8")
    papers = shown.split("\n## ")[0]  # further tables are no claims of the paper
    kinds = [papers.count(f"| **{verdict}**") for verdict in ("reproduced", "not reproduced", "undecided")]
    expected = "Of its {} claims, {} are reproduced, {} are not, and {} are undecided.".format(sum(kinds), *kinds)
    assert named["say.claims"] == expected


def test_incorrect_percent_has_one_interval_in_sentence_and_claims(named):
    row = table("claims.csv").set_index("claim").loc["incorrect_BAD"]
    shown = f"{row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
    assert f"Incorrect % of BAD is {shown} for Grad-CAM++" in named["say.incorrect"]
    assert f"| {shown}; the next training" in (RESULTS / "laptop/claims.md").read_text("utf-8")


def test_the_smaller_version_of_the_papers_network(named):
    shown = re.search(
        r"A black image is called pneumonia, ReLU score ([\d.]+)\.", read("paper_figures/paper/table1.md")
    )
    assert named["paper network.black score"] == f"{float(shown[1]):.1f}"


def test_small_lesions_stand_next_to_their_controls(named):
    seen = table("trust_recall.csv").query("size_class == 'small' and area == 0.1 and images == 'all positives'")
    seen = seen.set_index(["data", "map"])["seen"] * 100
    for sentences, data in (("say.small lesions", "NIH boxes"), ("say.small objects", "ImageNet boxes")):
        for name in ("centre prior", "another image's map", "Eigen-CAM"):
            assert f"{seen[data, name]:.0f} ({name})" in named[sentences]
        methods = f"Grad-CAM++ touches {seen[data, 'Grad-CAM++']:.0f}, CAM {seen[data, 'CAM']:.0f}."
        assert methods in named[sentences]


def test_every_truth_is_in_the_table_of_methods_alone(named):
    rows = table("trust.csv").query("maps == 'methods alone' and metric == 'BAD'")
    lines = named["say.table of methods alone"].splitlines()
    assert len(lines) == 2 + len(rows) and len(rows) > 4
    for _, row in rows.iterrows():
        (line,) = [
            one for one in lines if re.match(rf"\| {row['data']} \| {NAMES[row['truth']]}(?: \(primary\))? \|", one)
        ]
        assert f"{row['set']:+.2f} [{row['set_low']:+.2f}, {row['set_high']:+.2f}]" in line
        assert ("(primary)" in line) == row["telling"]


def test_the_page_says_that_its_tables_are_older_than_arcc_until_they_have_it():
    assert ("ARCC" in set(table("trust.csv")["metric"])) != ("are older than ARCC" in read("docs/trust.md"))


def test_which_maps_are_the_same_and_which_survive_a_shuffled_head(named):
    same = table("trust_same_maps.csv").groupby("data")
    assert (same.size() == 10).all() and (same["same map as"].nunique() == 5).all()
    assert named["shuffled.methods"] == "10" and named["shuffled.different maps"] == "5"
    for data in ("ImageNet boxes", "NIH boxes"):
        assert named[f"shuffled.{data}.Eigen-CAM"] == "1.00"
    one_map = table("trust_same_maps.csv").query("data == 'NIH boxes'").set_index("method")["same map as"]
    first = [name for name, other in one_map.items() if other == "CAM"]
    assert f"| {', '.join(first)} | CAM without its negative part |" in read("docs/trust.md")
    assert one_map["Grad-CAM (positive gradients)"] == one_map["Layer-CAM"] == "Grad-CAM++ (normalised alpha)"
    assert all(one_map[name] == name for name in ("Grad-CAM++", "Ablation-CAM", "Eigen-CAM"))


def test_missed_targets_are_those_of_the_benchmark(named):
    shown = (RESULTS / "benchmark/benchmark.md").read_text("utf-8").splitlines()
    missed = [line.split(" | ") for line in shown if line.endswith("| no |")]
    listed = [line.strip("| ").split(" | ") for line in named["speed.missed targets"].splitlines()[2:]]
    assert [(what, of, target) for what, of, _, target in listed] == [
        (what.removeprefix("| "), of, target) for what, of, _, target, _ in missed
    ]
    assert all(float(value) > float(target.removeprefix("at most ")) for _, _, value, target in listed)


def test_committed_phantom_classifier_is_neither_lost_nor_trivial():
    """Some trainings stop early, as their drawn settings say. Each is far from chance, and none is perfect."""
    tests = table("test.csv", "demo").query("data == 'radiographs' and measure == 'AUC'")
    assert (tests["low"] > 0.8).all() and (tests["value"] < 0.985).all() and tests["value"].max() > 0.9
