"""What the notebook on alpha says in sentences: BAD along alpha, and whether drops grow with opacity and size."""

import numpy as np

from black_average_drop.artifact.sentences.directions import enumerated, in_ranges, side_of_zero, signed
from black_average_drop.statistics import comparisons

STEP = 5  # percent from one alpha of the grid to the next


def ranking_along_alpha(rows, chosen):
    """At which alphas BAD puts which method ahead, after Holm's correction over the grid, and at that of Table 1.

    Args:
        rows: of alpha_bad.csv, one data set. They are of one network.
        chosen: the alpha of Table 1, which is not of the grid.
    """
    rows = rows[rows["quantity"] == "Grad-CAM++ − CAM"].reset_index(drop=True)
    at_chosen = rows.loc[(rows["alpha"] - chosen).abs().idxmin()]  # written with other digits, it may not be equal
    grid = rows.drop(at_chosen.name)
    decided = comparisons.holm(grid["p"]) < comparisons.LEVEL
    percents = (100 * grid["alpha"]).round().astype(int)
    sentences = []
    for name, side in (("Grad-CAM++", -1), ("CAM", 1)):
        at = decided & (np.sign(grid["BAD"]) == side)
        if at.any():
            sentences.append(
                f"With one network {name} is ahead where BAD keeps {in_ranges(percents[at], STEP)} % of the pixels."
            )
    if not decided.all():
        open_ = (~decided).sum()
        which = f"{open_} of {len(grid)} shares {'is' if open_ == 1 else 'are'}" if sentences else "No share is"
        sentences.append(f"{which} {'undecided' if sentences else 'decided'} after Holm.")
    side = np.sign(at_chosen["BAD"]) if at_chosen["p"] < comparisons.LEVEL else 0
    said = {-1: "Grad-CAM++ is ahead", 1: "CAM is ahead", 0: "this is undecided"}
    return " ".join([*sentences, f"At the alpha of Table 1, {100 * chosen:.0f} %, {said[side]}."])


def growing_drops(claims):
    """Whether the drops of AD and of BAD go with the opacity of the map and with the size of the lesion."""
    sentences = []
    for metric in ("BAD", "AD"):
        by_verb = {}
        for quantity, name in (("opacity", "opacity"), ("size", "the lesion's size")):
            row = claims.loc[f"{metric}_{quantity}"]
            open_ = "is not shown to go with" if np.isnan(row["p_holm"]) else "is not shown after Holm to go with"
            verb = {1: "grows with", -1: "falls with"}.get(_side(row), open_)
            by_verb.setdefault(verb, []).append(f"{name} ({signed(tuple(row[['value', 'low', 'high']]), 2)})")
        said = [f"{verb} {enumerated(things)}" for verb, things in by_verb.items()]
        sentences += [f"The drop of {metric} {one}." for one in said]
    return " ".join(sentences)


def _side(claim):
    """The side of 0 that a row of claims.csv decides: after Holm's correction, where the claim has a direction."""
    return 0 if claim["p_holm"] >= comparisons.LEVEL else side_of_zero(claim["low"], claim["high"])


def grad_cam_plus_plus_behind_softmax(table):
    """What becomes of Grad-CAM++ behind softmax at the largest logits, mean over trainings, from softmax.csv."""
    largest = table.loc[table.groupby("training")["factor"].idxmax()]
    blank, negative = largest["blank"].mean(), largest["negative_maps"].mean()
    whose = "the equation, not only its arithmetic" if negative >= 50 else "its arithmetic more than the equation"
    return (
        f"At the paper's logits float32 leaves {blank:.0f} % of the maps blank. Computed exactly, {negative:.0f} % are "
        f"negative on the whole: what fails is {whose}."
    )


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


def prepared_in_other_ways(table, data, images):
    """How far the preparation of images alone moves the mean drop of both methods, next to what is between these.

    Args:
        table: of alpha_preparations.csv.
        data: its data set.
        images: what a sentence calls it.
    """
    sentences = []
    for metric in ("AD", "BAD"):
        rows = table[(table["data"] == data) & (table["metric"] == metric)]
        most = rows.loc[rows["moved"].abs().idxmax()]
        moved = signed(tuple(most[["moved", "moved_low", "moved_high"]]), 4)
        first, others = signed(tuple(rows.iloc[0][["difference", "low", "high"]]), 4), len(rows) - 1
        sentences.append(
            f"Of {others} ways to prepare the same {images}, '{most['preparation']}' moves {metric} the most, by "
            f"{moved}. Grad-CAM++ − CAM is {first} as in Table 1, and from {rows['difference'].min():+.4f} to "
            f"{rows['difference'].max():+.4f} over all ways."
        )
    return " ".join(sentences)
