"""What an `which_best.Answer` says, in sentences: which maps to take, and what would decide what is open."""

import math

import numpy as np

from black_average_drop.statistics.which_best import OPEN, SAME, WORSE
from black_average_drop.wording import rounded_up, with_interval

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
    texts += [pair_sentence(row, answer, digits) for _, row in answer.pairs.iterrows()]
    return [*texts, *controls_sentences(answer)]


def set_sentence(answer, digits=4):
    """Which methods may be the best, which of them are practically as good, and by how much the others are worse."""
    methods, said = answer.methods, []
    if len(methods) == 1:
        return f"{methods['map'].item()} is the only method: there is none to compare it with."
    alone = methods["may_be_best"].sum() == 1
    for word, verb in ((SAME, "Practically as good as the best"), (OPEN, "Not told apart from the best")):
        rows = methods[methods["word"] == word]
        named = [_place(row, alone, digits) for _, row in rows.iterrows()]
        if named:
            said.append(f"{verb}{f' (within {answer.margin:g})' if word == SAME else ''}: {', '.join(named)}.")
    worse = methods[methods["word"] == WORSE]
    named = [f"{row['map']} (by at least {row['least']:.{digits}f})" for _, row in worse.iterrows()]
    return " ".join([*said, *([f"Worse: {', '.join(named)}."] if worse.size else [])])


def pair_sentence(row, answer, digits=4):
    """Whether two maps differ, whether the difference is within the margin, and how many patients would tell.

    row: of the pairs of an answer.
    """
    margin = answer.margin
    apart = f"{row['second']} − {row['first']}: {with_interval(row, digits, '+', ALL)}"
    if math.isnan(row["p_adjusted"]):
        differs = "too few patients differ for a test"
    else:
        differs = "a real difference" if row["differs"] else "no difference shown"
    within = row["within"] <= margin
    if math.isnan(row["within"]):
        holds = "no margin holds it with so few patients"
    else:
        smallest = rounded_up(row["within"], digits)
        holds = f"{'within' if within else 'not shown to be within'} ±{margin:g} (±{smallest} holds)"
    said = f"{apart}, {differs}, and {holds}."
    if within or row["differs"]:
        return said
    return f"{said} {needed_sentence(row, answer)}".strip()


def needed_sentence(row, answer):
    """How many patients would answer each question about a pair, "" where nothing can be said of it."""
    if math.isnan(row["difference_fewest"]):
        return ""
    if math.isinf(row["difference_most"]):
        least = to_one_digit(row["difference_fewest"], math.floor)
        return (
            f"At least {least:,} patients such as these in all (here {answer.patients}) would be needed to show a "
            f"difference of {answer.margin:g} between {row['first']} and {row['second']}. More is not "
            "known of so few."
        )
    shown, same = (
        from_to(row[f"{question}_fewest"], row[f"{question}_most"]) for question in ("difference", "sameness")
    )
    sameness = "as many would show" if same == shown else f"{same} would show"
    return (
        f"In four of five studies {shown} patients such as these in all (here {answer.patients}) would show a "
        f"difference of {answer.margin:g} between {row['first']} and {row['second']}, and {sameness} sameness if there "
        "is none."
    )


def controls_sentences(answer):
    """How controls, which know nothing of the image, do next to the methods that are offered: a list of texts."""
    against, said = answer.controls, []
    if not len(against):
        return []
    methods = enumerated(list(dict.fromkeys(against["first"])))
    better, few, open_ = controls_as_good(answer)
    if better:
        said.append(f"Controls that do better than some of {methods}: {enumerated(better)}.")
    if open_:
        said.append(f"Controls that are not told apart from some of {methods}: {enumerated(open_)}.")
    if few:
        said.append(f"Too few patients differ to compare some of {methods} with: {enumerated(few)}.")
    return said or [f"Every control is worse than {methods}."]


def controls_as_good(answer):
    """The controls that are not shown to be worse than each method that is offered.

    Returns:
        Three lists of names: controls that are better than one, those that too few patients tell from one, and those
        that are not told apart from one.
    """
    against = answer.controls
    of_better = list(dict.fromkeys(against.loc[against["all_high"] < 0, "second"]))
    without = list(dict.fromkeys(against.loc[against["all_low"].isna(), "second"]))
    of_open = list(dict.fromkeys(against.loc[(against["all_low"] <= 0) & (against["all_high"] >= 0), "second"]))
    of_open = [name for name in of_open if name not in of_better]
    return of_better, [name for name in without if name not in (*of_better, *of_open)], of_open


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
