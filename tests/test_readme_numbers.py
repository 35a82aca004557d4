"""Every number in the README's prose is one that a committed result holds, or is named here as something else."""

import json
import re

import numpy as np
import pandas as pd

from black_average_drop import paper, pipeline, statistics
from black_average_drop.provenance import ROOT

README = (ROOT / "README.md").read_text()
# What is shown as a table is compared with the committed one by test_readme.py; code and links hold no results.
PROSE = re.sub(r"<!-- table.*?<!-- end -->|```.*?```|`[^`]*`|\]\([^)]*\)", "", README, flags=re.DOTALL)
PROSE = " ".join(PROSE.split())

# Sentences with numbers that no file in paper_figures holds.
ELSEWHERE = (
    "need only Python 3.11 to 3.13",
    "more than ten times any difference",  # below, from the numbers themselves
    "99 % of the maps blank, as the paper says",
    "*Incorrect %* is 0 because these networks",
    "with a kernel of 0,",
    "a test AUC just as good (0.965), had CAM ahead by 0.0485 [0.0364, 0.0611] under BAD",  # of an earlier commit
    "can be told from 0 on either",
    "with its 95 % interval over patients",
    "since its drops are 0 for",
    "the NIH images are 45 GB",
    "| 2 minutes |",  # wall-clock times beside other work, environment included
    "| 8 minutes, of which 1 makes the environment and",
    "(9 minutes of processor time, 7 % of it the system's, as long as 12,770 times 10,000 products of matrices ",
    "60 x 60)",
    "for glibc 2.35 and newer",
    "| 82 minutes beside other work",
    "| 92 minutes, of which",
    "where its last feature maps are 3 x 3,",
    "the paper has about 0.93 with ReLU",
    "TIFF of 8 bits, or of 16 in grey",
    "follow in 15 ms for the demo network and in 55 ms for MobileNetV2",
    "reference [13]",
    "for 02 to 06,",
)


def table(name, profile="laptop"):
    return pd.read_csv(ROOT / "paper_figures" / profile / name)


def one(found, **wanted):
    """The one row of a table with these values."""
    for column, value in wanted.items():
        found = found[found[column] == value]
    assert len(found) == 1, wanted
    return found.iloc[0]


def interval(row, digits, sign="", name=("value", "low", "high")):
    value, low, high = (f"{row[part]:{sign}.{digits}f}" for part in name)
    return f"{value} [{low}, {high}]"


def record(profile, notebook):
    return json.loads((ROOT / "paper_figures" / profile / f"{notebook}.json").read_text())


def of_images():
    """How many images, how large, and how they were trained on."""
    tests = table("test.csv")
    general, radiographs = (tests.query("data == @data")["images"].iloc[0] for data in ("general", "radiographs"))
    laptop, given = (record(name, "01_train")["parameters"] for name in ("laptop", "paper"))
    size, smaller = laptop["image_size"], given["image_size"]
    whole = pipeline.read_profile("paper")["01_train"]["image_size"]
    notes = (ROOT / "data/README.md").read_text()
    boxed = re.search(r"in ([\d,]+) files", notes.split("### NIH ChestX-ray14, counted")[1])[1]
    assert 0.4 < one(table("trust_networks.csv"), views="all")["images"] / int(boxed.replace(",", "")) < 0.6
    return [
        f"InceptionResNetV2 at {whole} pixels",
        f"MobileNetV2 at {size} pixels, on {general} ImageNet validation photos and on the {radiographs} test",
        f"InceptionResNetV2 at {whole} x {whole}, ImageNet weights",
        f"InceptionResNetV2 at {smaller} x {smaller}, random weights, {given['radiograph_epochs']} epochs",
        f"the same network at {smaller} pixels",
        f"It is one training, from half of {boxed} images",
    ]


def of_times():
    minutes = {
        profile: {name: record(profile, name)["minutes"] for name in pipeline.ORDER if name in there}
        for profile, there in (("demo", pipeline.ORDER), ("laptop", pipeline.ORDER), ("paper", pipeline.ORDER[:-1]))
    }
    laptop = minutes["laptop"]
    rest = sum(value for name, value in laptop.items() if name not in ("01_train", "07_trust"))
    trust, maps = table("trust.csv"), table("trust_localization.csv")["map"].nunique()
    measures = trust.loc[trust["metric"] != "the truth itself", "metric"].nunique()
    return [
        f"{minutes['demo']['01_train']:.0f} train five classifiers",
        f"{laptop['01_train']:.0f} for , which trains six classifiers, {rest:.0f} ",
        f"{laptop['07_trust']:.0f} for , which trains one more and measures {measures} metrics on {maps} maps",
        f"{minutes['paper']['01_train']:.0f} train two classifiers",
    ]


def of_alpha():
    found = table("alpha_bad.csv").query("quantity == 'Grad-CAM++ − CAM'")
    chosen = table("alpha_anew.csv").set_index("data")["alpha_table1"]
    sure = {}
    for data, part in found.groupby("data"):
        grid = part[part["alpha"] != chosen[data]]
        decided = statistics.holm(grid["p"]) < 0.05
        sure[data] = {f"{round(100 * a)}": b for a, b in zip(grid["alpha"][decided], grid["BAD"][decided], strict=True)}
    photos, radiographs = sure["General images"], sure["Radiographs"]
    assert all(difference > 0 for difference in photos.values())
    assert all(difference < 0 for difference in radiographs.values()) and len(radiographs) == 6  # 5 to 30 %
    first_undecided = 5 * (len(radiographs) + 1)
    assert one(found, data="General images", alpha=chosen["General images"])["p"] > 0.05
    late = found.query("data == 'Radiographs' and BAD > 0")
    return [
        f"below {first_undecided} %; from {100 * late['alpha'].min():.0f} % on CAM is ahead by less than "
        f"{np.ceil(1000 * late['BAD'].max()) / 1000:.3f}, which is undecided once {len(grid)} alphas",
        f"CAM is ahead at {' and '.join(photos)} %, and undecided elsewhere",
    ]


def of_the_conclusions():
    contrast = table("alpha_contrast.csv").query("data == 'General images' and method == 'CAM'")["AD"]
    reported = [paper.TABLE1[kind, "Grad-CAM++"][i] - paper.TABLE1[kind, "CAM"][i] for kind in TABLES for i in (0, 1)]
    assert contrast.max() - contrast.min() > 10 * max(map(abs, reported))
    claims, softmax = table("claims.csv").set_index("claim"), table("softmax.csv")
    blank = claims.loc["softmax_kills", "value"]
    negative = softmax.loc[softmax.groupby("training")["factor"].idxmax(), "negative_maps"].mean()
    shown = table("table1.csv").query("data == 'radiographs' and score == 'relu' and images == 'label pneumonia'")
    black = {f"{shown.set_index('method').loc[name, 'not_above_black_BAD']:.0f}" for name in ("CAM", "Grad-CAM++")}
    drop = {f"{shown.set_index('method').loc[name, 'AD']:.3f}" for name in ("CAM", "Grad-CAM++")}
    assert f"{blank:.0f}" == "99" and len(black) == len(drop) == 1 and not shown["incorrect_BAD"][:3].any()
    return [
        f"moves AD of CAM on photos from {contrast.min():.2f} to {contrast.max():.2f}",
        f"AD is so small ({drop.pop()})",
        f"opacity of the map (correlation {claims.loc['BAD_opacity', 'value']:.2f})",
        f"size of the lesion ({claims.loc['BAD_size', 'value']:.2f})",
        f"Computed exactly, {negative:.0f} % of them are negative",
        f"{black.pop()} % of the radiographs that BAD masks score no more than a black image",
    ]


TABLES = ("general", "radiographs")
SET = ("set", "set_low", "set_high")


def agreement(metric, data, truth="hit", profile="laptop"):
    found = table("trust.csv", profile)
    row = one(found, metric=metric, data=data, truth=truth, maps="methods and controls", telling=True)
    return interval(row, 2, "+", SET)


def alone(metric, data, **more):
    return agreement(metric, data, **more).split()[0]


def of_trust():
    alike = table("trust.csv").query("maps == 'methods alone' and known > 0 and metric != 'the truth itself'")
    alike = alike[alike["truth"] == "hit"]
    assert len(alike) > 20 and ((alike["set_low"] < 0) & (alike["set_high"] > 0)).all()
    hits = table("trust_localization.csv").query("score == 'hit' and data == 'NIH boxes' and images == 'all positives'")
    hits = 100 * hits.set_index("map")[["value", "chance"]]
    methods = hits.loc[["CAM", "Grad-CAM++", "Grad-CAM++ (normalised alpha)", "Ablation-CAM", "Eigen-CAM"], "value"]
    small = table("trust_recall.csv").query("size_class == 'small' and area == 0.1 and images == 'all positives'")
    small = {
        (data, name): f"{100 * one(small, data=data, map=name)['seen']:.0f}"
        for data in ("NIH boxes", "ImageNet boxes")
        for name in ("CAM", "Grad-CAM++")
    }
    seen = table("trust_differences.csv").query("quantity == 'small lesions seen'")
    p = {data: one(seen, data=data, first="CAM", second="Grad-CAM++")["p_holm"] for data, _ in small}
    assert p["NIH boxes"] < 0.05 and np.isnan(p["ImageNet boxes"])
    networks = table("trust_networks.csv").set_index("views")
    nih, photos = "NIH boxes", "ImageNet boxes"
    return [
        f"tau-b {agreement('AD', nih)} on NIH boxes and {agreement('AD', photos)} on ImageNet boxes",
        f"BAD agrees at {agreement('BAD', nih)} and {agreement('BAD', photos)};",
        f"ROAD ({alone('ROAD', photos)}) and insertion ({alone('insertion', photos)}) do better than BAD, on NIH they "
        f"do worse ({alone('ROAD', nih)}, {alone('insertion', nih)})",
        f"at {methods.min():.0f} to {methods.max():.0f} % on NIH, by chance {hits['chance'].iloc[0]:.0f} %, the bump "
        f"{hits.loc['centre prior', 'value']:.0f} %",
        f"Grad-CAM++ touches {small[nih, 'Grad-CAM++']} of 100, CAM {small[nih, 'CAM']}, which is more than chance; on "
        f"small objects in photos {small[photos, 'Grad-CAM++']} and {small[photos, 'CAM']}, where too few differ to "
        "say so",
        f"AUC {interval(networks.loc['all'], 3)}, within AP views {networks.loc['AP', 'value']:.3f}, within PA views "
        f"{networks.loc['PA', 'value']:.3f}",
    ]


def of_phantoms():
    falls = table("trust_falls.csv", "demo").set_index(["data", "taken away"])["mean fall"] * 100
    marker, lesion = "Marker phantoms", "Lesion phantoms"
    inside = {"truth": "mass_inside", "profile": "demo"}
    return [
        f"Without its lesion a phantom loses {falls[lesion, 'lesion']:.0f} % of its score, without its planted marker "
        f"{falls[marker, 'marker']:.0f} %, without a lesion that tells nothing {falls[marker, 'lesion']:.1f} %",
        f"insertion and ROAD rank the maps right ({alone('insertion', marker, **inside)} and "
        f"{alone('ROAD', marker, **inside)}), BAD does less well "
        f"({agreement('BAD', marker, **inside)}), and AD does not ({agreement('AD', marker, **inside)})",
        f"AD ranks against the truth ({agreement('AD', lesion, profile='demo')}) and BAD with it, weakly "
        f"({agreement('BAD', lesion, profile='demo')})",
        "instead of black its agreement cannot be told from chance "
        f"({agreement('BAD, blurred', lesion, profile='demo')})",
    ]


def of_sanity():
    def kept(data, method, profile="laptop"):
        found = table("trust_sanity.csv", profile)
        row = one(found, measure="rank correlation", data=data, maps="head randomised", method=method)
        return f"{row['value']:.2f}"

    same = table("trust_same_maps.csv").groupby("data")
    assert (same.size() == 10).all() and (same["same map as"].nunique() == 5).all()
    assert kept("ImageNet boxes", "Eigen-CAM") == kept("NIH boxes", "Eigen-CAM") == "1.00"
    first, second = ([kept(data, name) for data in ("ImageNet boxes", "NIH boxes")] for name in ("Grad-CAM++", "CAM"))
    return [
        f"is {first[0]} on photos and {first[1]} on NIH, for CAM {second[0]} and {second[1]}, but "
        f"{kept('Lesion phantoms', 'CAM', 'demo')} on lesion phantoms",
        "Of ten methods five are different maps",
    ]


def of_the_papers_network():
    tests = table("test.csv", "paper").query("measure == 'AUC'").set_index("head")
    shown = table("table1.csv", "paper").query("data == 'radiographs' and score == 'relu'")
    row = one(shown, images="label pneumonia", method="Grad-CAM++")
    difference = interval(row, 4, "+", ("BAD_minus_CAM", "BAD_minus_CAM_low", "BAD_minus_CAM_high"))
    black = re.findall(
        r"called pneumonia, ReLU score ([\d.]+)\.\n", (ROOT / "paper_figures/paper/table1.md").read_text()
    )
    blank = table("softmax.csv", "paper").sort_values("factor")["blank"]
    images = one(table("claims_06_softmax.csv", "paper"), claim="softmax_kills")["images"]
    assert blank.iloc[0] == 0 and len(black) == 1
    return [
        f"Test AUC is {interval(tests.loc['relu'], 3)} with the ReLU head and {interval(tests.loc['softmax'], 3)} with",
        f"BAD of Grad-CAM++ − CAM is {difference} on X-rays: undecided",
        f"called pneumonia with a score of {float(black[0]):.1f}",
        f"not blank for any of {images} X-rays as trained, and for {blank.iloc[-1]:.0f} % of them",
    ]


def of_speed():
    record = json.loads((ROOT / "paper_figures/laptop/01_train.json").read_text())
    minutes, epochs = record["minutes"], record["parameters"]["radiograph_epochs"]
    classifiers = sum(path.endswith(".keras") and "radiographs" in path for path in record["outputs"])
    passed = classifiers * epochs * 5216
    hours = 20 * 5216 / (passed / minutes / 60) / 3600
    rates = pd.read_csv(ROOT / "paper_figures/benchmark/benchmark.csv").set_index("row")["value"]
    slower = rates["MobileNetV2: forward passes"] / rates["InceptionResNetV2: forward passes"]
    assert classifiers == 6
    whole, alphas = rates["MobileNetV2: evaluation"], rates["MobileNetV2: all alphas together"]
    memory = rates["Peak memory, 10,000 images"]
    return [
        f"with MobileNetV2 evaluation takes {whole:.3f} times its passes, all alphas together take {alphas:.3f} of "
        f"evaluation, and 10,000 images {memory:.3f} times the memory of 100.",
        f"the 5,216 X-rays of : six classifiers for {epochs} epochs pass {passed:,} images in the {minutes} minutes of",
        f"{passed / minutes / 60:.0f} a second on two cores",
        f"the 20 epochs of the profile would take {hours:.1f} hours with MobileNetV2 and, by the ratio of forward "
        f"passes above, {hours * slower:.0f} with InceptionResNetV2",
    ]


SOURCES = (of_images, of_times, of_alpha, of_the_conclusions, of_trust, of_phantoms, of_sanity, of_the_papers_network)
SOURCES += (of_speed,)


def test_the_readme_quotes_the_committed_results_and_no_number_without_a_source():
    left = PROSE
    for sentence in (*(one for source in SOURCES for one in source()), *ELSEWHERE):
        assert sentence in left, sentence
        left = left.replace(sentence, " … ")
    left = re.sub(r"(Table|Figure) 1\b|table1\.md|eq\. \(8\)|b?float(16|32)|MobileNetV2|InceptionResNetV2", "", left)
    assert not re.findall(r"\S* \S*\d\S* \S*", left)
