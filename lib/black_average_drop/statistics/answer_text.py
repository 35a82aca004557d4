"""What an `which_best.Answer` says, in sentences: which maps to take, and what would decide what is open."""

import math

import numpy as np

from black_average_drop.statistics.which_best import OPEN, SAME, WORSE
from black_average_drop.wording import with_interval

ALL = ("difference", "all_low", "all_high")  # of pairs, with limits for all of them together


def sentences(answer, digits=4):
    """Everything that an answer says, one text for each of its parts.

    Args:
        answer: a `which_best.Answer`.
        digits: of the differences.

    Returns:
        A list of texts.
    """
    texts = [set_sentence(answer, digits)]
    texts += [pair_sentence(row, answer.margin, digits) for _, row in answer.pairs.iterrows()]
    return [*texts, *controls_sentence(answer)]


def set_sentence(answer, digits=4):
    """Which methods may be the best, which of them are practically as good, and by how much the others are worse."""
    methods, said = answer.methods, []
    alone = methods["may_be_best"].sum() == 1
    for word, verb in ((SAME, "Practically as good as the best"), (OPEN, "Not told apart from the best")):
        rows = methods[methods["word"] == word]
        named = [_place(row, alone, digits) for _, row in rows.iterrows()]
        if named:
            said.append(f"{verb}{f' (within {answer.margin:g})' if word == SAME else ''}: {', '.join(named)}.")
    worse = methods[methods["word"] == WORSE]
    named = [f"{row['map']} (by at least {row['least']:.{digits}f})" for _, row in worse.iterrows()]
    return " ".join([*said, *([f"Worse: {', '.join(named)}."] if worse.size else [])])


def pair_sentence(row, margin, digits=4):
    """Whether two maps differ, whether the difference is within the margin, and how many patients would tell."""
    apart = f"{row['second']} − {row['first']}: {with_interval(row, digits, '+', ALL)}"
    if math.isnan(row["p_adjusted"]):
        differs = "too few patients differ for a test"
    else:
        differs = "a real difference" if row["differs"] else "no difference shown"
    within = row["within"] <= margin
    if math.isnan(row["within"]):
        holds = "no margin holds it with so few patients"
    else:
        holds = f"{'within' if within else 'not shown to be within'} ±{margin:g} (±{row['within']:.{digits}f} holds)"
    said = f"{apart}, {differs}, and {holds}."
    if within or row["differs"]:
        return said
    return f"{said} {needed_sentence(row)}".strip()


def needed_sentence(row):
    """How many patients would answer each question, "" where nothing can be said of it."""
    if math.isnan(row["difference_fewest"]):
        return ""
    shown, same = (
        from_to(row[f"{question}_fewest"], row[f"{question}_most"]) for question in ("difference", "sameness")
    )
    sameness = "or sameness" if same == shown else f"and {same} sameness"
    said = f"{shown.capitalize()} patients such as these would show a difference of the margin"
    return f"{said}, {sameness} if there is none."


def controls_sentence(answer):
    """Which controls, which know nothing of the image, do as well as the best methods: a list of at most one text."""
    against = answer.controls
    if not len(against):
        return []
    as_well = against[~(against["all_low"] > 0)]
    if not len(as_well):
        return ["Every control is worse than each of these."]
    named = list(dict.fromkeys(as_well["second"]))
    return [f"Controls that are not shown to be worse than each of these: {', '.join(named)}."]


def enumerated(names):
    """Names as a list in a sentence: "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def to_one_digit(number, rounded):
    """A number of patients to one digit, by math.floor or math.ceil: 251 is 200 or 300."""
    size = 10 ** math.floor(math.log10(number))
    return int(rounded(number / size) * size)


def from_to(fewest, most):
    """Numbers such as "between 200 and 300", to one digit; most may be infinite."""
    if math.isinf(most):
        return f"{to_one_digit(fewest, math.floor):,} or more"
    low, high = to_one_digit(fewest, math.floor), to_one_digit(most, math.ceil)
    return f"about {low:,}" if low == high else f"between {low:,} and {high:,}"


def _place(row, alone, digits):
    """A map that may be the best, alone or not, or is practically as good, and the limits of how much worse it is."""
    if np.isinf(row["most"]):
        return f"{row['map']} (too few patients differ for a limit)"
    if row["most"] == 0:
        return f"{row['map']} ({'ahead of all others' if alone else 'the smallest mean'})"
    if row["may_be_best"]:
        return f"{row['map']} (at most {row['most']:.{digits}f} worse)"
    return f"{row['map']} (worse by {row['least']:.{digits}f} to {row['most']:.{digits}f})"
