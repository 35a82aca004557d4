"""Numbers of the trust notebooks: agreement of metrics, hits of maps, small lesions, phantoms, shuffled weights."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import one_row
from black_average_drop.wording import with_interval

_SET = ("set", "set_low", "set_high")


def _agreement(results, profile, truth):
    """How each metric agrees with one truth: (data, metric) -> text."""
    rows = pd.read_csv(results / profile / "trust.csv")
    rows = rows.query("maps == 'methods and controls' and telling and truth == @truth")
    return {(row["data"], row["metric"]): with_interval(row, 2, "+", _SET) for _, row in rows.iterrows()}


def against_boxes(results):
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
            texts[f"{data}.small.{method}"] = f"{100 * one_row(small, data=data, map=method)['seen']:.0f}"
    row = one_row(small_differences, data="NIH boxes", first="CAM", second="Grad-CAM++")
    texts["small.difference"] = with_interval(
        100 * row[["difference", "low", "high"]], 1, "+", ("difference", "low", "high")
    )
    texts["small.p"] = f"{row['p_holm']:.2g}"
    for _, row in pd.read_csv(results / "laptop/trust_networks.csv").iterrows():
        texts[f"network.{row['views']}.AUC"] = with_interval(row, 3)
        texts[f"network.{row['views']}.images"] = f"{row['images']}"
    return texts


def on_phantoms(results):
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


def after_shuffling(results):
    """Rank correlation of maps before and after the weights of the head are shuffled."""
    texts = {}
    for profile in ("laptop", "demo"):
        table = pd.read_csv(results / profile / "trust_sanity.csv")
        table = table.query("measure == 'rank correlation' and maps == 'head randomised'")
        texts |= {f"{row['data']}.{row['method']}": f"{row['value']:.2f}" for _, row in table.iterrows()}
    same = pd.read_csv(results / "laptop/trust_same_maps.csv").query("data == 'NIH boxes'")
    return texts | {"methods": f"{len(same)}", "different maps": f"{same['same map as'].nunique()}"}
