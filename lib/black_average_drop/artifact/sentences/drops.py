"""What AD and BAD say of Grad-CAM++ and CAM, next to the controls: Table 1 and the claims in sentences."""

import numpy as np

from black_average_drop.artifact.sentences.directions import (
    capitalised,
    side_of_zero,
    signed,
    unsigned,
    who_is_ahead,
)
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.answer_text import enumerated

IMAGES = {"general": "photos", "radiographs": "X-rays"}
METHODS = ("CAM", "Grad-CAM", "Grad-CAM++", "Grad-CAM++ (normalised alpha)")  # the other rows of Table 1 are controls


def claims_counted(claims):
    """How many of the paper's claims got which verdict, from claims.csv."""
    claims = claims[[not CLAIMS[name].table for name in claims.index]]  # other rows are no claims of the paper's
    counts = claims["verdict"].value_counts()
    kinds = [counts.get(name, 0) for name in ("reproduced", "not reproduced", "undecided")]
    return "Of its {} claims, {} are reproduced, {} are not, and {} are undecided.".format(len(claims), *kinds)


def drop_ranking(claims, table, data, metric):
    """Which of Grad-CAM++ and CAM one metric puts ahead, with ReLU and with softmax scores, and where controls are.

    Args:
        claims: claims.csv, indexed by claim.
        table: Table 1.
        data: "general" or "radiographs".
        metric: "AD" or "BAD".
    """
    claim, name = claims.loc[f"{data}_{metric}"], f"{data}_{metric}_softmax"
    rows = table[table["data"] == data]
    first = rows[rows["images"] == rows["images"].iloc[0]]
    by_score = {score: part.set_index("method") for score, part in first.groupby("score")}
    sentences = [
        relu_verdict(claim, metric, IMAGES[data]),
        *signs_of_trainings(claim),
        softmax_verdict(claims.loc[name])
        if name in claims.index
        else first_softmax_verdict(_difference(by_score["softmax"].loc["Grad-CAM++"], metric), claim["trainings"]),
        next_to_controls(by_score["relu"], metric, claim["trainings"]),
    ]
    return " ".join(sentences)


def relu_verdict(claim, metric, images):
    """Which method a metric puts ahead with ReLU scores, by a row of claims.csv."""
    return _verdict(claim, f"On {images}, with ReLU scores, {metric}")


def softmax_verdict(claim):
    """Which method the same metric puts ahead with softmax scores, by a row of claims.csv."""
    return _verdict(claim, "With softmax scores it")


def first_softmax_verdict(difference, trainings):
    """Which method is ahead with softmax scores, by Grad-CAM++ − CAM of the first of the trainings."""
    side = side_of_zero(*difference[1:])
    said = {
        None: "nothing is decided, since too few differ",
        0: "this is undecided",
        -1: "Grad-CAM++ is ahead",
        1: "CAM is ahead",
    }
    where = " in the first training" if trainings > 1 else ""
    return f"With softmax scores {said[side]}: {signed(difference, 4)}{where}."


def signs_of_trainings(claim):
    """How many trainings have the sign of their mean, and what the next one would have, where claims.csv says so."""
    if claim["trainings"] < 2 or "same_sign" not in claim.index:
        return []
    ahead = "Grad-CAM++" if claim["value"] < 0 else "CAM"
    counted = f"{claim['same_sign']:.0f} of {claim['trainings']:.0f} trainings have {ahead} ahead."
    if np.isnan(claim["next_low"]):
        return [counted]
    ends = f"{claim['next_low']:+.4f} to {claim['next_high']:+.4f}"
    return [f"{counted} The next one of this recipe is expected at {ends}."]


def _verdict(claim, begin):
    """Which method is ahead by a row of claims.csv on Grad-CAM++ − CAM, after how the sentence begins."""
    trainings = "one network" if claim["trainings"] == 1 else f"{claim['trainings']:.0f} trainings"
    difference = tuple(claim[["value", "low", "high"]])
    if side_of_zero(*difference[1:]) is None:
        return f"{begin} decides nothing: Grad-CAM++ − CAM is {difference[0]:+.4f}, without an interval ({trainings})."
    sure = f"(p = {claim['p_holm']:.2g} after Holm, {trainings})"
    if not claim["p_holm"] < comparisons.LEVEL:
        return f"{begin} is undecided: Grad-CAM++ − CAM is {signed(difference, 4)} {sure}."
    ahead, behind = ("Grad-CAM++", "CAM") if difference[0] < 0 else ("CAM", "Grad-CAM++")
    said = f"{begin} puts {ahead} ahead of {behind} by {unsigned(difference, 4)} {sure}."
    return f"{said} Patients that nobody saw could turn that." if claim.get("unseen") == "overturned" else said


def next_to_controls(rows, metric, trainings):
    """Of which controls CAM is ahead, and of which not, by rows of Table 1 that are indexed by method.

    Args:
        rows: of Table 1, which has the first of the trainings.
        metric: "AD" or "BAD".
        trainings: how many there are.
    """
    differences = {name: _difference(rows.loc[name], metric) for name in controls_of(rows)}
    behind = [name for name, difference in differences.items() if side_of_zero(*difference[1:]) == 1]
    shown = [f"*{name}* by {unsigned(differences[name], 4)}" for name in behind]
    sentences, where = [], "in the first training " if trainings > 1 else ""
    if behind:
        which = "the controls" if len(behind) == len(differences) else f"{len(behind)} of {len(differences)} controls"
        sentences.append(capitalised(f"{where}CAM is ahead of {which}: {enumerated(shown)}"))
    for name, difference in differences.items():
        if name not in behind:
            sentences.append(capitalised(where + who_is_ahead("CAM", f"the control *{name}*", difference)))
    return " ".join(sentences)


def controls_of(rows):
    """The names of the controls among rows of Table 1 that are indexed by method."""
    return [name for name in rows.index if name not in METHODS]


def range_of_trainings(rows):
    """Whether each training has the same sign of Grad-CAM++ − CAM, by one metric's rows of table1_trainings.csv."""
    row = rows[(rows["method"] == "Grad-CAM++") & (rows["minus"] == "CAM")].iloc[0]
    same = row["least"] * row["most"] > 0
    begin = f"All {row['trainings']:.0f} trainings have the same sign" if same else "The trainings differ in their sign"
    return f"{begin}: Grad-CAM++ − CAM goes from {row['least']:+.4f} to {row['most']:+.4f}."


def largest_differences(table):
    """The rows of Table 1 in which Grad-CAM++ and CAM are furthest apart, one for each score, next to the claim.

    The claim itself is judged over all trainings, with intervals that hold for all rows together.
    """
    low, high = CLAIMS["small_differences"].expected
    sentences = []
    for score, rows in table[table["method"] == "Grad-CAM++"].groupby("score", sort=False):
        found = [(*_difference(row, metric), metric, row) for metric in ("AD", "BAD") for _, row in rows.iterrows()]
        value, *ends, metric, row = max(found, key=lambda one: np.nan_to_num(abs(one[0])))
        outside = ends[0] > high or ends[1] < low
        place = "beyond" if outside else "within" if low <= ends[0] and ends[1] <= high else "not surely within"
        name = {"relu": "ReLU", "softmax": "softmax"}[score]
        sentences.append(
            f"With {name} scores the largest difference is {signed((value, *ends), 3)}, {place} the tolerance of "
            f"{high:g} ({metric}, {IMAGES[row['data']]}, {row['images']}, {row['n']} images)."
        )
    end = "These are of one training, and their intervals are not corrected for the choice of the row."
    return " ".join([*sentences, end])


def black_and_incorrect(claims, table):
    """What a black X-ray is called, Incorrect % of BAD next to the controls, and how many score as black does."""
    rows = table[(table["data"] == "radiographs") & (table["score"] == "relu")]
    rows = rows[rows["images"] == rows["images"].iloc[0]].set_index("method")
    claim = claims.loc["incorrect_BAD"]
    shares = [f"{rows.loc[name, 'incorrect_BAD']:.1f} for *{name}*" for name in controls_of(rows)]
    return (
        f"A black X-ray is called {rows['black_class'].iloc[0]}. Incorrect % of BAD is {claim['value']:.1f} "
        f"[{claim['low']:.1f}, {claim['high']:.1f}] for Grad-CAM++. "
        f"In the first training it is {enumerated(shares)}. "
        f"There {rows.loc['CAM', 'not_above_black_BAD']:.0f} % of the X-rays that BAD masks under CAM score no more "
        "than a black image."
    )


def _difference(row, metric):
    """(value, low, high) of a row of Table 1 minus CAM's."""
    return tuple(row[[f"{metric}_minus_CAM{end}" for end in ("", "_low", "_high")]])
