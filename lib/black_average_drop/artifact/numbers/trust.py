"""Numbers of the trust notebooks: agreement of metrics, hits of maps, small lesions, phantoms, shuffled weights."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import agreements, one_row
from black_average_drop.artifact.sentences.maps import CONTROLS
from black_average_drop.wording import with_interval

_SET = ("set", "set_low", "set_high")
_PAIR = ("difference", "low", "high")


def _agreement(results, profile, truth):
    """How each metric agrees with one truth: (data, metric) -> text."""
    rows = agreements(results, profile)
    rows = rows.query("maps == 'methods and controls' and telling and truth == @truth")
    return {(row["data"], row["metric"]): with_interval(row, 2, "+", _SET) for _, row in rows.iterrows()}


def against_boxes(results):
    """Metrics against boxes, small lesions touched, and the network that was trained for boxes."""
    texts = {f"{data}.{metric}": text for (data, metric), text in _agreement(results, "laptop", "hit").items()}
    texts["table of small lesions"] = _small_lesions(results)
    for _, row in pd.read_csv(results / "laptop/trust_networks.csv").iterrows():
        texts[f"network.{row['views']}.AUC"] = with_interval(row, 3)
        texts[f"network.{row['views']}.images"] = f"{row['images']}"
    return texts


def _small_lesions(results):
    """A Markdown table: how many of 100 small lesions or objects methods and controls touch, and a difference."""
    recall = pd.read_csv(results / "laptop/trust_recall.csv")
    recall = recall.query("size_class == 'small' and area == 0.1 and images == 'all positives'")
    differences = pd.read_csv(results / "laptop/trust_differences.csv").query("quantity == 'small lesions seen'")
    maps = ["Grad-CAM++", "CAM", *CONTROLS]
    lines = [f"| Of 100 small ones in | {' | '.join(maps)} | Grad-CAM++ − CAM |", "|---" * (len(maps) + 2) + "|"]
    for data, rows in recall.groupby("data", sort=False):
        seen = 100 * rows.set_index("map").loc[maps, "seen"]
        pair = one_row(differences, data=data, first="CAM", second="Grad-CAM++")
        shown = with_interval(100 * pair[list(_PAIR)], 1, "+", _PAIR)
        sure = "too few differ" if pd.isna(pair["p_holm"]) else f"p = {pair['p_holm']:.2g} after Holm"
        lines.append(f"| {data} | {' | '.join(f'{value:.0f}' for value in seen)} | {shown}, {sure} |")
    return "\n".join(lines)


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
