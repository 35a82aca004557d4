"""What the notebook on alpha says in sentences: BAD along alpha, and whether drops grow with opacity and size."""

import numpy as np

from black_average_drop.artifact.sentences.directions import in_ranges, joined, side_of_zero, signed
from black_average_drop.statistics import comparisons

STEP = 5  # percent from one alpha of the grid to the next


def ranking_along_alpha(rows, chosen):
    """At which alphas BAD puts which method ahead, after Holm's correction over the grid, and at that of Table 1.

    Args:
        rows: of alpha_bad.csv, one data set.
        chosen: the alpha of Table 1, which is not of the grid.
    """
    rows = rows[rows["quantity"] == "Grad-CAM++ − CAM"]
    grid = rows[rows["alpha"] != chosen]
    decided = comparisons.holm(grid["p"]) < comparisons.LEVEL
    percents = (100 * grid["alpha"]).round().astype(int)
    sides = {"Grad-CAM++": decided & (grid["BAD"] < 0), "CAM": decided & (grid["BAD"] > 0)}
    said = [f"{name} is ahead at {in_ranges(percents[at], STEP)} %" for name, at in sides.items() if at.any()]
    others = f"{'Every other' if said else 'Each'} of {len(grid)} alphas is undecided after Holm."
    at_chosen = rows[rows["alpha"] == chosen].iloc[0]
    if at_chosen["p"] < comparisons.LEVEL:
        ahead = "Grad-CAM++" if at_chosen["BAD"] < 0 else "CAM"
        last = f"At Table 1's own alpha, {100 * chosen:.0f} %, {ahead} is ahead."
    else:
        last = f"Table 1's own alpha, {100 * chosen:.0f} %, is undecided."
    first = f"Along alpha, in the first training, {', and '.join(said)}. " if said else ""
    return f"{first}{others if not decided.all() else ''} {last}".replace("  ", " ")


def growing_drops(claims):
    """Whether the drops of AD and of BAD go with the opacity of the map and with the size of the lesion."""
    sentences = []
    for metric in ("BAD", "AD"):
        by_verb = {}
        for quantity, name in (("opacity", "the opacity of the map"), ("size", "the size of the lesion")):
            row = claims.loc[f"{metric}_{quantity}"]
            verb = {1: "grows with", -1: "falls with"}.get(
                side_of_zero(row["low"], row["high"]), "is not shown to go with"
            )
            by_verb.setdefault(verb, []).append(f"{name} ({signed(tuple(row[['value', 'low', 'high']]), 2)})")
        said = [f"{verb} {joined(things)}" for verb, things in by_verb.items()]
        sentences += [f"{'It' if i else f'On X-rays the drop of {metric}'} {one}." for i, one in enumerate(said)]
    return " ".join(sentences)


def exact_softmax(table):
    """How many exact maps of Grad-CAM++ behind softmax are negative at the largest logits, from softmax.csv."""
    largest = table.loc[table.groupby("training")["factor"].idxmax()]
    negative = largest["negative_maps"].mean()
    whose = "the equation, not only its arithmetic" if negative >= 50 else "its arithmetic more than the equation"
    return f"Computed exactly, {negative:.0f} % of the maps are negative on the whole: what fails is {whose}."


def contrast_next_to_differences(contrast, table):
    """How far contrast alone moves AD of CAM on photos, next to the largest difference that the paper prints."""
    drops = contrast[(contrast["data"] == "General images") & (contrast["method"] == "CAM")]["AD"]
    printed = table[table["score"] == "relu"].dropna(subset="AD_paper").set_index(["data", "method"])
    differences = [
        printed.loc[(data, "Grad-CAM++"), name] - printed.loc[(data, "CAM"), name]
        for data in printed.index.unique("data")
        for name in ("AD_paper", "BAD_paper")
    ]
    times = (drops.max() - drops.min()) / np.abs(differences).max()
    return (
        f"The same ranking of pixels, drawn with another contrast, moves AD of CAM on photos from {drops.min():.2f} to "
        f"{drops.max():.2f}. That is {times:.1f} times the largest difference between methods that the paper prints."
    )
