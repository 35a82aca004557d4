"""What an `which_best.Answer` says, in sentences: which maps to take, and what would decide what is open."""

import math

import numpy as np

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.which_best import OPEN, SAME, WORSE
from black_average_drop.wording import with_interval

ALL = ("difference", "all_low", "all_high")  # of pairs, with limits for all of them together


def sentences(answer, margin, digits=4):
    """Everything that an answer says, one text for each of its parts.

    Args:
        answer: a `which_best.Answer`.
        margin: the difference that matters, that it was made with.
        digits: of the differences.

    Returns:
        A list of texts.
    """
    texts = [set_sentence(answer, margin, digits)]
    texts += [pair_sentence(row, margin, digits) for _, row in answer.pairs.iterrows()]
    return [*texts, *controls_sentence(answer)]


def set_sentence(answer, margin, digits=4):
    """Which methods may be the best, which of them are practically as good, and by how much the others are worse."""
    methods, said = answer.methods, []
    for word, verb in ((SAME, "Practically as good as the best"), (OPEN, "Not told apart from the best")):
        rows = methods[methods["word"] == word]
        named = [_at_most(row, digits) for _, row in rows.iterrows()]
        if named:
            said.append(f"{verb}{f' (within {margin:g})' if word == SAME else ''}: {', '.join(named)}.")
    worse = [_at_least(row["map"], answer.pairs, digits) for _, row in methods[methods["word"] == WORSE].iterrows()]
    return " ".join([*said, *([f"Worse: {', '.join(worse)}."] if worse else [])])


def pair_sentence(row, margin, digits=4):
    """Whether two maps differ, whether the difference is within the margin, and how many patients would tell."""
    apart = f"{row['second']} − {row['first']}: {with_interval(row, digits, '+', ALL)}"
    if math.isnan(row["p_adjusted"]):
        differs = "too few patients differ for a test"
    else:
        differs = "a real difference" if row["p_adjusted"] < LEVEL else "no difference shown"
    within = row["within"] <= margin
    if math.isnan(row["within"]):
        holds = "no margin holds it with so few patients"
    else:
        holds = f"{'within' if within else 'not shown to be within'} ±{margin:g} (±{row['within']:.{digits}f} holds)"
    said = f"{apart}, {differs}, and {holds}."
    if within or row["p_adjusted"] < LEVEL:
        return said
    return f"{said} {needed_sentence(row)}".strip()


def needed_sentence(row):
    """How many patients would answer each question, "" where nothing can be said of it."""
    if math.isnan(row["difference_fewest"]):
        return ""
    shown, same = (
        _from_to(row[f"{question}_fewest"], row[f"{question}_most"]) for question in ("difference", "sameness")
    )
    sameness = "or sameness" if same == shown else f"and {same} sameness"
    said = f"{shown.capitalize()} patients such as these would show a difference of the margin"
    return f"{said}, {sameness} if there is none."


def controls_sentence(answer):
    """Which controls, which know nothing of the image, do as well as the best methods: a list of at most one text."""
    against = answer.controls
    if not len(against):
        return []
    as_well = against[~((against["difference"] > 0) & (against["p_adjusted"] < LEVEL))]
    if not len(as_well):
        return ["Every control is worse than each of these."]
    named = list(dict.fromkeys(as_well["second"]))
    return [f"Controls that are not shown to be worse than each of these: {', '.join(named)}."]


def one_digit(number):
    """A number of patients to one digit, rounded up: 37 is 40, and 251 is 300."""
    size = 10 ** math.floor(math.log10(number))
    return math.ceil(number / size) * size


def _from_to(fewest, most):
    if math.isinf(fewest):
        return "more patients than can be said"
    low, high = one_digit(fewest), one_digit(most)
    return f"about {low:,}" if low == high else f"between {low:,} and {high:,}"


def _at_most(row, digits):
    if np.isinf(row["most"]):
        return f"{row['map']} (too few patients differ for a limit)"
    limit = f"at most {row['most']:.{digits}f} worse" if row["most"] > 0 else "ahead of all others"
    return f"{row['map']} ({limit})"


def _at_least(name, pairs, digits):
    """A map and by how much it is worse than some other one at least, by the limits that hold for all pairs."""
    ends = [*pairs.loc[pairs["second"] == name, "all_low"], *-pairs.loc[pairs["first"] == name, "all_high"]]
    least = np.nanmax(ends) if not np.isnan(ends).all() else -np.inf
    return f"{name} (by at least {least:.{digits}f})" if least > 0 else name
