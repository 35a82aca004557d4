"""Numbers that the pages name in a sentence, computed from the committed results.

Each function reads a few files of paper_figures/ and returns a dict, field name -> text. The first part of a name says
what the number is about, the last part which number it is: `contrast.high`, `trust.NIH boxes.BAD`.
"""

import json

import numpy as np
import pandas as pd

from black_average_drop.files import ROOT
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics import comparisons, patients
from black_average_drop.wording import with_interval

TRAINING_IMAGES = 5216  # radiographs in the train folder of chest_xray
PAPER_EPOCHS = 20  # of the `paper` profile, at most


def named(results=ROOT / "paper_figures"):
    """Compute every number that a page may name.

    Args:
        results: Path, the folder of committed results.

    Returns:
        Dict, field name -> text.
    """
    return {f"{about}.{name}": text for about, part in _PARTS.items() for name, text in part(results).items()}


def _one(table, **values):
    """The one row of a table that has these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    if len(table) != 1:
        raise ValueError(f"{len(table)} rows instead of one have {values}.")
    return table.iloc[0]


def _lead(results, profile, data):
    """The rows of Table 1 for one data set: its first images, ReLU scores; indexed by method."""
    table = pd.read_csv(results / profile / "table1.csv").query("data == @data and score == 'relu'")
    return table[table["images"] == table["images"].iloc[0]].set_index("method")


def _claims(results):
    """Verdicts counted, and the values of those claims that a sentence quotes."""
    table = pd.read_csv(results / "laptop/claims.csv").set_index("claim")
    table = table[[not CLAIMS[name].table for name in table.index]]
    counts = table["verdict"].value_counts()
    return {
        "all": f"{len(table)}",
        **{name: f"{counts.get(name, 0)}" for name in ("reproduced", "not reproduced", "undecided")},
        "incorrect": f"{table.loc['incorrect_BAD', 'value']:.0f}",
        "opacity": f"{table.loc['BAD_opacity', 'value']:.2f}",
        "size": f"{table.loc['BAD_size', 'value']:.2f}",
        "least patients": f"{patients.ENOUGH}",
    }


def _table1(results):
    """What stands below Table 1: images, alpha, and what a black image scores."""
    texts = {}
    for data in ("general", "radiographs"):
        rows = _lead(results, "laptop", data).loc[["CAM", "Grad-CAM", "Grad-CAM++"]]
        cam, kept = rows.loc["CAM"], 100 * rows["kept_area"]
        ends = f"{kept.min():.1f}", f"{kept.max():.1f}"
        texts |= {
            f"{data}.images": f"{cam['n']}",
            f"{data}.patients": f"{cam['patients']}",
            f"{data}.alpha": f"{cam['alpha']:.3f}",
            f"{data}.kept": ends[0] if ends[0] == ends[1] else " to ".join(ends),
            f"{data}.black class": cam["black_class"],
            f"{data}.black score": f"{cam['black_score']:.3f}",
            f"{data}.left out": f"{cam['left_out']}",
            f"{data}.AD": f"{cam['AD']:.3f}",
            f"{data}.not above black": f"{cam['not_above_black_BAD']:.0f}",
        }
    tests = pd.read_csv(results / "laptop/test.csv")
    size = _parameters(results, "laptop", "image_size")["image_size"]
    return texts | {"size": f"{size}", "tested": f"{tests.query('data == @data')['images'].iloc[0]}"}


def _differences(results):
    """Grad-CAM++ − CAM for each data set and metric, with a verdict, and with the spread of several trainings."""
    texts = {}
    spread = pd.read_csv(results / "laptop/table1_trainings.csv").query("method == 'Grad-CAM++' and minus == 'CAM'")
    for data in ("general", "radiographs"):
        rows = _lead(results, "laptop", data)
        row = rows.loc["Grad-CAM++"]
        for metric in ("AD", "BAD"):
            columns = tuple(f"{metric}_minus_CAM{end}" for end in ("", "_low", "_high"))
            printed = row[f"{metric}_paper"] - rows.loc["CAM", f"{metric}_paper"]
            texts[f"{data}.{metric}"] = with_interval(row, 4, "+", columns)
            texts[f"{data}.{metric}.verdict"] = _verdict(row[columns[1]], row[columns[2]])
            texts[f"{data}.{metric}.paper"] = f"{printed:+.4f}"
    for metric, row in spread.set_index("metric").iterrows():
        texts[f"{metric}.mean"] = f"{row['mean']:+.4f}"
        texts[f"{metric}.deviation"] = f"{row['deviation']:.4f}"
        texts[f"{metric}.range"] = f"{row['least']:+.4f} to {row['most']:+.4f}"
        texts["trainings"] = f"{row['trainings']}"
    return texts


def _verdict(low, high):
    """Which method has the smaller drop, from the interval of Grad-CAM++ − CAM."""
    return "Grad-CAM++ is ahead" if high < 0 else "CAM is ahead" if low > 0 else "undecided"


def _alpha(results):
    """At which alphas BAD decides between Grad-CAM++ and CAM, after Holm's correction over the grid of alphas."""
    table = pd.read_csv(results / "laptop/alpha_bad.csv").query("quantity == 'Grad-CAM++ − CAM'")
    chosen = pd.read_csv(results / "laptop/alpha_anew.csv").set_index("data")["alpha_table1"]
    decided = {}
    for data, rows in table.groupby("data"):
        grid = rows[rows["alpha"] != chosen[data]]
        decided[data] = (100 * grid["alpha"][comparisons.holm(grid["p"]) < comparisons.LEVEL]).round().astype(int)
    later = table.query("data == 'Radiographs' and BAD > 0")
    return {
        "grid": f"{len(grid)}",
        "first undecided": f"{decided['Radiographs'].max() + 5}",
        "CAM ahead from": f"{100 * later['alpha'].min():.0f}",
        "CAM ahead by": f"{np.ceil(1000 * later['BAD'].max()) / 1000:.3f}",
        "photos decided": " and ".join(map(str, decided["General images"])),
    }


def _contrast(results):
    """AD of CAM on photos over several contrasts of one map."""
    drops = pd.read_csv(results / "laptop/alpha_contrast.csv").query("data == 'General images' and method == 'CAM'")
    return {"low": f"{drops['AD'].min():.2f}", "high": f"{drops['AD'].max():.2f}"}


def _softmax(results):
    """What becomes of Grad-CAM++ behind softmax at the largest logits, mean over trainings."""
    table = pd.read_csv(results / "laptop/softmax.csv")
    largest = table.loc[table.groupby("training")["factor"].idxmax()]
    return {"blank": f"{largest['blank'].mean():.0f}", "negative": f"{largest['negative_maps'].mean():.0f}"}


_SET = ("set", "set_low", "set_high")


def _agreement(results, profile, truth):
    """How each metric agrees with one truth: (data, metric) -> text."""
    rows = pd.read_csv(results / profile / "trust.csv")
    rows = rows.query("maps == 'methods and controls' and telling and truth == @truth")
    return {(row["data"], row["metric"]): with_interval(row, 2, "+", _SET) for _, row in rows.iterrows()}


def _trust(results):
    """Metrics and maps against boxes: agreement, hits, small lesions, and the network that was trained for boxes."""
    texts = {f"{data}.{metric}": text for (data, metric), text in _agreement(results, "laptop", "hit").items()}
    hits = pd.read_csv(results / "laptop/trust_localization.csv").query("score == 'hit' and images == 'all positives'")
    hits = hits[hits["data"] == "NIH boxes"].set_index("map")[["value", "chance"]] * 100
    methods = hits.loc[["CAM", "Grad-CAM++", "Grad-CAM++ (normalised alpha)", "Ablation-CAM", "Eigen-CAM"], "value"]
    texts["hits"] = f"{methods.min():.0f} to {methods.max():.0f}"
    texts["hits.chance"] = f"{hits['chance'].iloc[0]:.0f}"
    texts["hits.bump"] = f"{hits.loc['centre prior', 'value']:.0f}"
    small = pd.read_csv(results / "laptop/trust_recall.csv")
    small = small.query("size_class == 'small' and area == 0.1 and images == 'all positives'")
    small_differences = pd.read_csv(results / "laptop/trust_differences.csv").query("quantity == 'small lesions seen'")
    for data in ("NIH boxes", "ImageNet boxes"):
        for method in ("CAM", "Grad-CAM++"):
            texts[f"{data}.small.{method}"] = f"{100 * _one(small, data=data, map=method)['seen']:.0f}"
    row = _one(small_differences, data="NIH boxes", first="CAM", second="Grad-CAM++")
    texts["small.difference"] = with_interval(
        100 * row[["difference", "low", "high"]], 1, "+", ("difference", "low", "high")
    )
    texts["small.p"] = f"{row['p_holm']:.2g}"
    for _, row in pd.read_csv(results / "laptop/trust_networks.csv").iterrows():
        texts[f"network.{row['views']}.AUC"] = with_interval(row, 3)
        texts[f"network.{row['views']}.images"] = f"{row['images']}"
    return texts


def _phantoms(results):
    """What phantoms lose without a part of them, and how metrics agree with the part that the network uses."""
    falls = pd.read_csv(results / "demo/trust_falls.csv").set_index(["data", "taken away"])["mean fall"] * 100
    texts = {
        "fall.lesion": f"{falls['Lesion phantoms', 'lesion']:.0f}",
        "fall.marker": f"{falls['Marker phantoms', 'marker']:.0f}",
        "fall.useless lesion": f"{falls['Marker phantoms', 'lesion']:.1f}",
    }
    for data, truth in (("Marker phantoms", "mass_inside"), ("Lesion phantoms", "hit")):
        agreement = _agreement(results, "demo", truth)
        texts |= {f"{data}.{metric}": text for (name, metric), text in agreement.items() if name == data}
    return texts


def _shuffled(results):
    """Rank correlation of maps before and after the weights of the head are shuffled."""
    texts = {}
    for profile in ("laptop", "demo"):
        table = pd.read_csv(results / profile / "trust_sanity.csv")
        table = table.query("measure == 'rank correlation' and maps == 'head randomised'")
        texts |= {f"{row['data']}.{row['method']}": f"{row['value']:.2f}" for _, row in table.iterrows()}
    same = pd.read_csv(results / "laptop/trust_same_maps.csv").query("data == 'NIH boxes'")
    return texts | {"methods": f"{len(same)}", "different maps": f"{same['same map as'].nunique()}"}


def _paper_network(results):
    """The smaller version of the paper's network: its AUC, BAD, black image and softmax maps."""
    tests = pd.read_csv(results / "paper/test.csv").query("measure == 'AUC'").set_index("head")
    columns = ("BAD_minus_CAM", "BAD_minus_CAM_low", "BAD_minus_CAM_high")
    table = pd.read_csv(results / "paper/table1.csv")
    black = table.query("images == 'predicted pneumonia' and score == 'relu'")["black_score"]
    softmax = pd.read_csv(results / "paper/softmax.csv").sort_values("factor")["blank"]
    given = _parameters(results, "paper", "radiograph_epochs")
    return {
        "AUC.relu": with_interval(tests.loc["relu"], 3),
        "AUC.softmax": with_interval(tests.loc["softmax"], 3),
        "BAD": with_interval(_lead(results, "paper", "radiographs").loc["Grad-CAM++"], 4, "+", columns),
        "black score": f"{black.iloc[0]:.1f}",
        "softmax images": f"{pd.read_csv(results / 'paper/claims_06_softmax.csv')['images'].iloc[0]}",
        "softmax blank": f"{softmax.iloc[-1]:.0f}",
        "size": f"{given['image_size']}",
        "epochs": f"{given['radiograph_epochs']}",
    }


def _records(results, profile):
    """The records of one profile: name of a notebook, or of its analysis half -> content."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((results / profile).glob("[0-9][0-9]_*.json"))}


def _parameters(results, profile, name):
    """The parameters of the first notebook, or half of one, that has one of this name."""
    given = (record["parameters"] for record in _records(results, profile).values())
    return next(parameters for parameters in given if name in parameters)


def _times(results):
    """Minutes of groups of notebooks, by the first number of their names."""
    minutes = {
        profile: pd.Series(
            {name: one["minutes"] for name, one in _records(results, profile).items() if "minutes" in one}
        )
        for profile in ("demo", "laptop", "paper")
    }
    trust = pd.read_csv(results / "laptop/trust.csv")
    maps = pd.read_csv(results / "laptop/trust_localization.csv")["map"].nunique()
    number = minutes["laptop"].index.str[:2].astype(int)
    return {
        **{f"{profile}.training": f"{rows['01_train']:.0f}" for profile, rows in minutes.items()},
        "laptop.paper": f"{minutes['laptop'][(number > 1) & (number < 7)].sum():.0f}",
        "laptop.trust": f"{minutes['laptop'][number >= 7].sum():.0f}",
        "trust.metrics": f"{trust.loc[trust['metric'] != 'the truth itself', 'metric'].nunique()}",
        "trust.maps": f"{maps}",
    }


def _speed(results):
    """The benchmark's machine, the rows that miss their targets as a table, and how long training takes."""
    record = _records(results, "laptop")["01_train"]
    minutes, epochs = record["minutes"], record["parameters"]["radiograph_epochs"]
    classifiers = sum(path.endswith(".keras") and "radiographs" in path for path in record["outputs"])
    passed = classifiers * epochs * TRAINING_IMAGES
    hours = PAPER_EPOCHS * TRAINING_IMAGES / (passed / minutes / 60) / 3600
    rows = pd.read_csv(results / "benchmark/benchmark.csv")
    missed = [
        f"| {row['row']} | {row['of']} | {row['value']:.3f} | {row['target']} |"
        for _, row in rows[rows["met"] == "no"].iterrows()
    ]
    rates = rows.set_index("row")["value"]
    slower = rates["MobileNetV2: forward passes"] / rates["InceptionResNetV2: forward passes"]
    return {
        "missed targets": "\n".join(["| What | Against | Value | Target |", "|---|---|---|---|", *missed]),
        "machine": (results / "benchmark/benchmark.md").read_text().splitlines()[2],
        "training images": f"{TRAINING_IMAGES:,}",
        "classifiers": f"{classifiers}",
        "epochs": f"{epochs}",
        "passed": f"{passed:,}",
        "minutes": f"{minutes}",
        "a second": f"{passed / minutes / 60:.0f}",
        "paper epochs": f"{PAPER_EPOCHS}",
        "hours": f"{hours:.1f}",
        "paper hours": f"{hours * slower:.0f}",
    }


def _models(results):
    """How well the classifiers of the `laptop` profile do on test images."""
    tests = pd.read_csv(results / "laptop/test.csv")
    photos = _one(tests, data="general", measure="accuracy")
    texts = {"photos.images": f"{photos['images']}", "photos.accuracy": f"{photos['value']:.3f}"}
    aucs = tests.query("data == 'radiographs' and measure == 'AUC'")
    for head, rows in aucs.groupby("head"):
        texts[f"{head}.seeds"] = ", ".join(map(str, rows["training_seed"]))
        texts[f"{head}.AUC"] = ", ".join(f"{value:.3f}" for value in rows["value"])
    texts["AUC"] = with_interval(_one(pd.read_csv(results / "laptop/claims.csv"), claim="AUC"), 3)
    texts["AUC range"] = f"{aucs['value'].min():.3f} to {aucs['value'].max():.3f}"
    training = pd.read_csv(results / "laptop/training.csv").query("chosen and data == 'radiographs'")
    texts["validation AUC"] = f"{training['validation_quality'].min():.3f}"
    ill = _lead(results, "laptop", "radiographs").loc["CAM", "n"]
    normal = aucs["images"].iloc[0] - ill
    right = tests.query("data == 'radiographs' and head == 'relu' and training_seed == 0").set_index("measure")["value"]
    called_ill, called_normal = round(ill * right["sensitivity"]), round(normal * right["specificity"])
    texts |= {"ill": f"{ill}", "normal": f"{normal}", "ill called ill": f"{called_ill}"}
    return texts | {"normal called normal": f"{called_normal}", "normal called ill": f"{normal - called_normal}"}


_PARTS = {
    "claims": _claims,
    "table1": _table1,
    "differences": _differences,
    "alpha": _alpha,
    "contrast": _contrast,
    "softmax": _softmax,
    "trust": _trust,
    "phantoms": _phantoms,
    "shuffled": _shuffled,
    "paper network": _paper_network,
    "times": _times,
    "speed": _speed,
    "models": _models,
}
