"""What pages of results say in words, next to their numbers, holds for the committed results."""

import re

import numpy as np
import pandas as pd
import pytest

from black_average_drop.artifact import numbers
from black_average_drop.files import ROOT
from black_average_drop.statistics import comparisons

RESULTS = ROOT / "paper_figures"


def read(page):
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def table(name, profile="laptop"):
    return pd.read_csv(RESULTS / profile / name)


@pytest.fixture(scope="module")
def named():
    return numbers.named()


def test_verdicts_are_those_of_table_1(named):
    lines = (RESULTS / "laptop/table1.md").read_text("utf-8").splitlines()
    for data, title in (("general", "General images"), ("radiographs", "Radiographs")):
        for metric in ("AD", "BAD"):
            (line,) = [one for one in lines if one.startswith(f"- {title}, {metric}: ")]
            begin = f"differences.{data}.{metric}"
            assert f"= {named[begin]}: **{named[f'{begin}.verdict']}**" in line
            assert f"(the paper: {named[f'{begin}.paper']}, no interval)" in line
            if data == "radiographs":
                spread = [named[f"differences.{metric}.{name}"] for name in ("mean", "deviation")]
                assert f"the mean is {spread[0]}, the standard deviation {spread[1]}, " in line
                least, most = named[f"differences.{metric}.range"].split(" to ")
                assert line.endswith(f"least and most {least} and {most}.")
    assert named["differences.radiographs.BAD.verdict"] == "Grad-CAM++ is ahead"


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
    for verdict in ("reproduced", "not reproduced", "undecided"):
        assert shown.count(f"**{verdict}** |") == int(named[f"claims.{verdict}"])
    assert sum(int(named[f"claims.{name}"]) for name in ("reproduced", "not reproduced", "undecided")) == int(
        named["claims.all"]
    )


def test_the_ranking_along_alpha():
    rows = table("alpha_bad.csv").query("quantity == 'Grad-CAM++ − CAM'")
    chosen = table("alpha_anew.csv").set_index("data")["alpha_table1"]
    decided = {}
    for data, part in rows.groupby("data"):
        grid = part[part["alpha"] != chosen[data]]
        decided[data] = grid[comparisons.holm(grid["p"]) < 0.05]
    assert (decided["General images"]["BAD"] > 0).all() and len(decided["General images"])
    radiographs = decided["Radiographs"]
    assert (radiographs["BAD"] < 0).all() and len(radiographs) == 6  # 5 to 30 %, each of them
    assert radiographs["alpha"].max() == pytest.approx(0.3)
    at_table_1 = {data: part[part["alpha"] == chosen[data]].iloc[0] for data, part in rows.groupby("data")}
    assert at_table_1["General images"]["p"] > 0.05
    assert at_table_1["Radiographs"]["BAD"] < 0 and at_table_1["Radiographs"]["p"] < 0.05
    trainings = table("table1_trainings.csv").query("metric == 'BAD' and method == 'Grad-CAM++' and minus == 'CAM'")
    assert (trainings["most"] < 0).all()


def test_contrast_moves_ad_more_than_any_difference_of_the_paper():
    drops = table("alpha_contrast.csv").query("data == 'General images' and method == 'CAM'")["AD"]
    printed = table("table1.csv").query("score == 'relu'").dropna(subset="AD_paper").set_index(["data", "method"])
    differences = [
        printed.loc[(data, "Grad-CAM++"), name] - printed.loc[(data, "CAM"), name]
        for data in ("general", "radiographs")
        for name in ("AD_paper", "BAD_paper")
    ]
    assert drops.max() - drops.min() > 10 * max(map(abs, differences)) > 0


def test_black_images_and_incorrect_percent():
    rows = table("table1.csv").query("data == 'radiographs' and score == 'relu' and images == 'label pneumonia'")
    rows = rows.set_index("method")
    for column, digits in (("not_above_black_BAD", 0), ("AD", 3)):
        assert len({f"{rows.loc[name, column]:.{digits}f}" for name in ("CAM", "Grad-CAM++")}) == 1
    assert not rows["incorrect_BAD"].iloc[:3].any()
    claims = table("claims.csv").set_index("claim")
    assert f"{claims.loc['softmax_kills', 'value']:.0f}" == numbers.named()["softmax.blank"] == "99"
    assert claims.loc["incorrect_AD", "value"] == claims.loc["incorrect_BAD", "value"] == 0
    assert claims.loc["radiographs_AD", "verdict"] == "undecided"


def test_the_smaller_version_of_the_papers_network():
    blank = table("softmax.csv", "paper").sort_values("factor")["blank"]
    assert blank.iloc[0] == 0
    rows = table("table1.csv", "paper").query("data == 'radiographs' and score == 'relu'")
    row = numbers._one(rows, images="label pneumonia", method="Grad-CAM++")
    assert row["BAD_minus_CAM_low"] < 0 < row["BAD_minus_CAM_high"]
    shown = re.search(
        r"A black image is called pneumonia, ReLU score ([\d.]+)\.", read("paper_figures/paper/table1.md")
    )
    assert numbers.named()["paper network.black score"] == f"{float(shown[1]):.1f}"


def test_ad_prefers_a_map_of_ones_and_no_metric_tells_methods_apart():
    for profile in ("laptop", "demo"):
        rows = table("trust.csv", profile).query("metric == 'AD' and maps == 'methods and controls'")
        assert (rows["fooled_by"] == "all ones").all() and (rows["fooled_share"] == 1).all() and len(rows)
    alone = table("trust.csv").query("maps == 'methods alone' and known > 0 and metric != 'the truth itself'")
    alone = alone[alone["truth"] == "hit"]
    among_all = table("trust.csv").query("maps == 'methods and controls' and truth == 'hit' and known > 0")
    low = among_all[among_all["metric"] != "the truth itself"].groupby("metric")["set_low"].min()
    assert (low > 0).mean() > 0.8  # most metrics tell methods from controls
    assert len(alone) > 20 and ((alone["set_low"] < 0) & (alone["set_high"] > 0)).all()


def test_bad_agrees_better_on_nih_and_road_and_insertion_on_photos():
    rows = table("trust.csv").query("maps == 'methods and controls' and truth == 'hit'")
    rows = rows.set_index(["data", "metric"])["set"]
    for metric in ("ROAD", "insertion"):
        assert rows["ImageNet boxes", metric] > rows["ImageNet boxes", "BAD"]
        assert rows["NIH boxes", metric] < rows["NIH boxes", "BAD"]
    for data, best in (("NIH boxes", {"BAD", "BAD over alpha"}), ("ImageNet boxes", {"ROAD"})):
        assert set(rows[data].drop("the truth itself").nlargest(len(best)).index) == best
    fooled = numbers._one(table("trust.csv"), data="NIH boxes", metric="BAD", truth="hit", maps="methods and controls")
    hits = table("trust_localization.csv").query("score == 'hit' and data == 'NIH boxes' and images == 'all positives'")
    assert fooled["fooled_by"] == hits.loc[hits["value"].idxmax(), "map"] == "centre prior"


def test_small_lesions_tell_methods_apart_and_small_objects_do_not():
    seen = table("trust_differences.csv").query("quantity == 'small lesions seen'")
    p = {
        data: numbers._one(seen, data=data, first="CAM", second="Grad-CAM++")["p_holm"]
        for data in ("NIH boxes", "ImageNet boxes")
    }
    assert p["NIH boxes"] < 0.05 and np.isnan(p["ImageNet boxes"])


def test_the_boxed_network_has_half_of_the_images():
    assert 0.4 < numbers._one(table("trust_networks.csv"), views="all")["images"] / 1860 < 0.6


def test_what_metrics_do_on_phantoms():
    rows = table("trust.csv", "demo").query("maps == 'methods and controls' and telling")
    rows = rows.set_index(["data", "truth", "metric"]).sort_index()
    marker, lesion = rows.loc[("Marker phantoms", "mass_inside")], rows.loc[("Lesion phantoms", "hit")]
    assert min(marker.loc["insertion", "set"], marker.loc["ROAD", "set"]) > marker.loc["BAD", "set_high"]
    assert marker.loc["AD", "set"] < 0 < marker.loc["AD", "set_high"]
    assert lesion.loc["AD", "set_high"] < 0 < lesion.loc["BAD", "set_low"]
    assert lesion.loc["BAD, blurred", "set_low"] < 0 < lesion.loc["BAD, blurred", "set_high"]
    for part in (marker, lesion):
        assert (part.loc[["Average Increase", "Average Gain", "ADCC"], "fooled_by"] != "").all()


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


def test_trainings_are_counted_as_the_records_say(named):
    assert named["speed.classifiers"] == "6" and "train six classifiers" in read("docs/reproducing.md")
    aucs = table("test.csv").query("data == 'radiographs' and measure == 'AUC'")
    assert len(aucs) == 6 and aucs["training_seed"].nunique() == 3


def test_committed_phantom_classifier_is_neither_lost_nor_trivial():
    tests = table("test.csv", "demo").query("data == 'radiographs' and measure == 'AUC'")
    assert tests["value"].between(0.90, 0.985).all()
