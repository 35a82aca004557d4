"""What the notebook on alpha says in sentences: BAD along alpha, and whether drops grow with opacity and size."""

import numpy as np

from black_average_drop.artifact.sentences.directions import in_ranges, side_of_zero, signed
from black_average_drop.paper.preparations import AS_IN_TABLE_1
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.answer_text import enumerated
from black_average_drop.wording import rounded_up, with_interval

SEEN = 0.1  # grey levels, mean change of a pixel: less is as good as nothing
STEP = 5  # percent from one alpha of the grid to the next


def ranking_along_alpha(rows, chosen, images, trainings=1):
    """At which alphas BAD puts which method ahead, after Holm's correction over the grid, and at that of Table 1.

    Args:
        rows: of alpha_bad.csv, one data set. They are of one network.
        chosen: the alpha of Table 1, which is not of the grid.
        images: how many the rows are of.
        trainings: how many networks there are, of which the rows are of the first.
    """
    whose = "With one network" if trainings == 1 else f"In the first of {trainings} trainings"
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
                f"{whose} {name} is ahead where BAD keeps {in_ranges(percents[at], STEP)} % of the pixels."
            )
    if not decided.all():
        open_ = (~decided).sum()
        which = f"{open_} of {len(grid)} shares {'is' if open_ == 1 else 'are'}" if sentences else "No share is"
        sentences.append(f"{which} {'undecided' if sentences else 'decided'} after Holm.")
    side = np.sign(at_chosen["BAD"]) if at_chosen["p"] < comparisons.LEVEL else 0
    said = {-1: "Grad-CAM++ is ahead", 1: "CAM is ahead", 0: "this is undecided"}
    apart = signed(tuple(at_chosen[["BAD", "low", "high"]]), 4)
    at = f"At its alpha of Table 1, {100 * chosen:.0f} %, {said[side]} (Grad-CAM++ − CAM {apart}, {images} "
    at += f"images).{_margin(rows['within'], 'holds the difference at every share')}"
    return " ".join([*sentences, at])


def _margin(within, holds):
    """The smallest margin that holds every one of some differences, as a sentence; "" where none is known to."""
    largest = within.max(skipna=False)
    return f" A margin of {rounded_up(largest, 4)} {holds}." if largest < 1 else ""


def growing_drops(claims):
    """Whether the drops of AD and of BAD go with the opacity of the map and with the size of the lesion."""
    sentences, most = [], claims["trainings"].max()
    for metric in ("BAD", "AD"):
        by_verb = {}
        for quantity, name in (("opacity", "opacity"), ("size", "the lesion's size")):
            row = claims.loc[f"{metric}_{quantity}"]
            open_ = "is not shown to go with" if np.isnan(row["p_holm"]) else "is not shown after Holm to go with"
            verb = {1: "grows with", -1: "falls with"}.get(_side(row), open_)
            some = f", {row['trainings']:.0f} of {most:.0f} trainings" if row["trainings"] < most else ""
            by_verb.setdefault(verb, []).append(f"{name} ({signed(tuple(row[['value', 'low', 'high']]), 2)}{some})")
        said = [f"{verb} {enumerated(things)}" for verb, things in by_verb.items()]
        sentences += [f"The drop of {metric} {one}." for one in said]
    return " ".join(sentences)


def _side(claim):
    """The side of 0 that a row of claims.csv decides: after Holm's correction, where the claim has a direction."""
    return 0 if claim["p_holm"] >= comparisons.LEVEL else side_of_zero(claim["low"], claim["high"])


def grad_cam_plus_plus_behind_softmax(claim, table):
    """What becomes of Grad-CAM++ behind softmax at the largest logits, mean over trainings.

    Args:
        claim: the row of claims.csv on maps that float32 leaves blank.
        table: of softmax.csv.
    """
    largest = table.loc[table.groupby("training")["factor"].idxmax()]
    negative = largest["negative_maps"].mean()
    whose = "the equation, not only its arithmetic" if negative >= 50 else "its arithmetic more than the equation"
    return (
        f"At the paper's logits float32 leaves {with_interval(claim, 1)} % of the maps blank. Computed exactly, "
        f"{negative:.0f} % are negative on the whole: what fails is {whose}."
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
    """How far the preparation of images moves the mean drop of both methods, next to what is between these.

    Args:
        table: of alpha_preparations.csv. Ways that change pixels by less than SEEN are not spoken of.
        data: its data set.
        images: what a sentence calls it.
    """
    of_data = table[(table["data"] == data) & ((table["change"] >= SEEN) | (table["preparation"] == AS_IN_TABLE_1))]
    how = f"One network, {of_data['images'].iloc[0]} images, alpha chosen again each time."
    sentences = [f"{how} The intervals are not corrected for the choice of the way."]
    for metric in ("AD", "BAD"):
        rows = of_data[of_data["metric"] == metric]
        most = rows.loc[rows["moved"].abs().idxmax()]
        moved = signed(tuple(most[["moved", "moved_low", "moved_high"]]), 4)
        as_before = rows[rows["preparation"] == AS_IN_TABLE_1].iloc[0]
        first, others = signed(tuple(as_before[["difference", "low", "high"]]), 4), len(rows) - 1
        begin = f"Of {others} ways to prepare the same {images}, '{most['preparation']}' moves {metric} the most, by"
        if others == 1:
            begin = f"The one other way to prepare the same {images}, '{most['preparation']}', moves {metric} by"
        sentences.append(
            f"{begin} {moved}. Grad-CAM++ − CAM is {first} for images prepared as in Table 1, and from "
            f"{rows['difference'].min():+.4f} to {rows['difference'].max():+.4f} over all ways."
            + _margin(rows["within"], "holds it each time")
        )
    return " ".join(sentences)
