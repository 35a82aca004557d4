"""Numbers along alpha, of the contrast of a map, and of softmax."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import comparisons


def decided_along_alpha(results):
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


def over_contrasts(results):
    """AD of CAM on photos over several contrasts of one map."""
    drops = pd.read_csv(results / "laptop/alpha_contrast.csv").query("data == 'General images' and method == 'CAM'")
    return {"low": f"{drops['AD'].min():.2f}", "high": f"{drops['AD'].max():.2f}"}


def behind_softmax(results):
    """What becomes of Grad-CAM++ behind softmax at the largest logits, mean over trainings."""
    table = pd.read_csv(results / "laptop/softmax.csv")
    largest = table.loc[table.groupby("training")["factor"].idxmax()]
    return {"blank": f"{largest['blank'].mean():.0f}", "negative": f"{largest['negative_maps'].mean():.0f}"}
