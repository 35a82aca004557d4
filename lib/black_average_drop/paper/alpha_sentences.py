"""The closing sentences of `04_alpha`, each rendered from a row of its tables: no direction without a test."""

import math

from black_average_drop import wording
from black_average_drop.paper.alpha_rows import LESIONS, RADIOGRAPHS
from black_average_drop.paper.alpha_study import DIFFERENCE
from black_average_drop.paper.small_lesions import TESTED
from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import overturned_by_unseen

# What maps are called in a sentence, where their name says too little.
IN_WORDS = {"centre prior": "a bump in the middle", "another image's map": "another patient's map"}


def closing_sentences(subjects, tables, dead):
    """Everything that `04_alpha` concludes, a text for each data set and table.

    Args:
        subjects: of `alpha_rows.subject_rows`.
        tables: of `alpha_tables.all_tables`.
        dead: of `alpha_claims.dead_trainings`.

    Returns:
        A list of texts.
    """
    texts, along, contrasts = [], tables["alpha_bad"], tables["alpha_contrast_differences"]
    for row in tables["alpha_anew"].to_dict("records"):
        data = row["data"]
        differences = along[(along["data"] == data) & (along["quantity"] == DIFFERENCE)]
        scope = _scope(subjects[subjects["data"] == data], row)
        texts.append(f"{scope}: {alpha_sentences(differences, row)}")
        for moved in contrasts[contrasts["data"] == data].to_dict("records"):
            texts.append(f"{scope}: {contrast_sentences(moved)}")
    source = subjects.loc[subjects["data"] == LESIONS, "source"].iloc[0]
    trainings = int((subjects["data"] == RADIOGRAPHS).sum())
    return [*texts, lesion_sentences(tables["alpha_small_lesions"], source), *dead_sentences(dead, trainings)]


def alpha_sentences(differences, row):
    """Whether the ranking of Grad-CAM++ and CAM depends on alpha, for one data set.

    Args:
        differences: the rows of `alpha_study.along_table` that are a DIFFERENCE.
        row: what `alpha_study.chosen_again` gives.
    """
    at_table1 = differences[differences["of_table1"]].iloc[0].to_dict()
    steps = differences[~differences["of_table1"]]
    decided = steps["p_holm"] < LEVEL
    ahead, behind = int((decided & (steps["BAD"] < 0)).sum()), int((decided & (steps["BAD"] > 0)).sum())
    turns = "The ranking turns over along alpha." if ahead and behind else "No alpha turns the ranking over."
    turns = turns if ahead or behind else "No alpha decides the ranking."
    said = [
        f"At the alpha of Table 1, {row['alpha_table1']:.2f}, BAD of {DIFFERENCE} is "
        f"{wording.with_interval(at_table1, 4, '+', ('BAD', 'low', 'high'))}.",
        _ranked(at_table1["BAD"], at_table1["low"], at_table1["high"], row["patients"]),
        f"Of {len(steps)} other alphas, Grad-CAM++ is ahead at {ahead} and CAM at {behind}.",
        f"{len(steps) - ahead - behind} are undecided (Holm).",
        turns,
    ]
    if math.isnan(row["alpha_low"]):
        return " ".join([*said, "With so few patients no interval is given for a chosen alpha."])
    said.append(f"Patients drawn again choose an alpha between {row['alpha_low']:.2f} and {row['alpha_high']:.2f}.")
    if not math.isnan(row["again_low"]):
        said.append(f"The difference there is between {row['again_low']:+.4f} and {row['again_high']:+.4f}.")
    return " ".join(said)


def contrast_sentences(row):
    """How far contrast alone moves AD of one method, from a row of `objections.contrast_differences`."""
    change = wording.with_interval(row, 4, "+", ("difference", "low", "high"))
    moved = {-1: "Contrast alone lowers it", 1: "Contrast alone raises it", 0: "Whether contrast moves it is undecided"}
    return (
        f"AD of {row['method']} is {row['smallest']:.4f} at the smallest power of its map, and {row['largest']:.4f} at "
        f"the largest. {moved[_sign(row['low'], row['high'])]}: {change}."
    )


def lesion_sentences(touches, source):
    """Which maps touch the small lesions, with the controls, from `small_lesions.touched_table`."""
    share = touches.set_index("map")["touched"]
    others = [f"{IN_WORDS.get(name, name)} {share[name]:.0f} %" for name in share.index if name != TESTED]
    lesions, trainings = touches["lesions"].iloc[0], touches["trainings"].iloc[0]
    said = [
        f"Small lesions ({lesions} of {source}, mean of {trainings} trainings): {TESTED} touches "
        f"{share[TESTED]:.0f} %, {', '.join(others[:-1])}, and {others[-1]}."
    ]
    for row in touches[touches["map"] != TESTED].to_dict("records"):
        other = IN_WORDS.get(row["map"], row["map"])
        change = wording.with_interval(row, 1, "+", ("difference", "low", "high"))
        if math.isnan(row["p"]):
            verdict = "too few differ for a test"
        elif row["p_holm"] >= LEVEL:
            verdict = "undecided"
        else:
            more = "more" if row["difference"] > 0 else "fewer"
            verdict = f"{TESTED} touches {more} in {row['same_sign']:.0f} of {trainings} trainings"
            verdict += ", unless unseen patients overturn it" if row["unseen"] == "overturned" else ""
        said.append(f"{TESTED} − {other}: {change} points, {verdict}.")
    return " ".join(said)


def dead_sentences(dead, trainings):
    """How many of so many trainings are dead, and what does not hold them: a list of one text, or of none."""
    if not dead:
        return []
    return [
        f"Dead trainings of the radiograph classifier: {len(dead)} of {trainings}. Their ReLU scores are 0 for every "
        "image, so no mean of drops or of their correlations holds them."
    ]


def _scope(subjects, row):
    """What a sentence holds for: which images, which training, which scores."""
    counted = subjects["counted"].iloc[0]
    network = f"training {row['training']}" if len(subjects) > 1 else "one network"
    return f"{row['data']} ({counted}, {row['images']} images, {network}, ReLU scores)"


def _ranked(value, low, high, count):
    """Which of CAM and Grad-CAM++ has the smaller BAD, and whether patients that nobody saw could turn that."""
    sign = _sign(low, high)
    if math.isnan(low):
        return "Too few patients differ for an interval."
    if not sign:
        return "So neither is shown to be ahead."
    turned = "would" if overturned_by_unseen(value, count, -sign) else "would not"
    return (
        f"So {'Grad-CAM++' if sign < 0 else 'CAM'} is ahead. A share 3/n of unseen patients at the opposite extreme "
        f"{turned} overturn that."
    )


def _sign(low, high):
    """The sign that an interval decides: -1, 1, or 0 where it holds 0 or is not there."""
    return 1 if low > 0 else -1 if high < 0 else 0
