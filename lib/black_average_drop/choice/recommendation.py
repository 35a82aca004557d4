"""What the rankings come to in a few sentences: which methods to take, and how far that may be trusted."""

import math
from typing import NamedTuple

import pandas as pd

from black_average_drop import cams, files, wording
from black_average_drop.choice.markdown import as_code
from black_average_drop.choice.ranking import answers_by_finding
from black_average_drop.controls import CONTROLS
from black_average_drop.statistics import answer_text, which_best
from black_average_drop.statistics.means import overturned_by_unseen
from black_average_drop.statistics.patients import ENOUGH
from black_average_drop.trust import agreement

BAR = r"\|"  # in a cell of a table in Markdown
AGREEMENT = ("set", "set_low", "set_high")  # of the rankings of a set, with its interval


class Recommendation(NamedTuple):
    """What is said of one metric, in sentences, each "" where there is nothing to say.

    Attributes:
        which: which methods to take, or that the images do not tell.
        worse: the methods that are worse by more than the margin, and by how much at least.
        needed: how many patients would answer what is open.
        controls: how control maps do next to the methods that may be taken.
        unseen: what patients of a kind that was not seen could change.
    """

    which: str
    worse: str = ""
    needed: str = ""
    controls: str = ""
    unseen: str = ""


def recommend(metric, answer, same_as=None):
    """Which methods to take by a metric, and what stands behind that.

    Args:
        metric: "BAD" or "AD".
        answer: a `which_best.Answer`, or None where no image has a drop.
        same_as: method -> the method whose map it shares.

    Returns:
        A `Recommendation`.
    """
    if answer is None:
        return Recommendation(f"No image has a score above 0 for the class that is explained: {metric} says nothing.")
    same_as = same_as or {}
    needed, controls, unseen = _needed(answer), _controls(metric, answer), _of_unseen(answer)
    return Recommendation(_which(metric, answer, same_as), _worse(answer, same_as), needed, controls, unseen)


def _which(metric, answer, same_as):
    """Which methods may be taken, and which are not told apart from the best."""
    methods, margin = answer.methods.sort_values("mean", kind="stable"), answer.margin
    same, open_ = (methods.loc[methods["word"] == word, "map"] for word in (which_best.SAME, which_best.OPEN))
    alike, rest = ("; ".join(_with_twins(name, same_as) for name in names) for names in (same, open_))
    if len(methods) == 1:
        return f"{alike or rest} is the only method: {metric} has none to compare it with."
    if not len(same) and len(open_) == len(methods):
        return f"These images do not tell the methods apart by {metric}: {rest}."
    if not len(same):
        return f"By {metric} the best is one of these, and these images do not tell which: {rest}."
    if methods["may_be_best"].sum() == 1 and len(same) == 1:
        return f"By {metric} take {alike}: it loses less of the score than every other method."
    some = "any of these" if len(same) > 1 else "this one"
    said = f"By {metric} take {some}: {alike}. The loss of score is at most {margin:g} more than by the best method."
    return f"{said} Whether one of these is better is open: {rest}." if len(open_) else said


def _worse(answer, same_as):
    """Which methods are worse than the best by more than the margin, and by how much at least."""
    worse = answer.methods[answer.methods["word"] == which_best.WORSE]
    named = [f"{_with_twins(row['map'], same_as)}{_at_least(row['least'])}" for _, row in worse.iterrows()]
    return f"Worse: {'; '.join(named)}." if named else ""


def _at_least(difference):
    """By how much something is worse at least, rounded down, "" below a thousandth."""
    rounded = math.floor(1000 * difference) / 1000
    return f" by at least {rounded:g}" if rounded else ""


def _with_twins(name, same_as):
    """The name of a method, with those that draw the same map."""
    twins = [twin for twin, first in same_as.items() if first == name]
    if "Grad-CAM++" in (name, *twins):  # nothing is negative, and its positive part no method of its own
        twins = [twin for twin in twins if twin != cams.POSITIVE_PART]
    return f"{_shown(name)} (the same map: {', '.join(map(_shown, twins))})" if twins else _shown(name)


def _shown(name):
    """The name of a map in Markdown: what others called theirs is code."""
    known = name in cams.METHODS or name in cams.ON_REQUEST or name in CONTROLS
    return name if known else as_code(name)


def _needed(answer):
    """How many patients would answer what is open between methods that may be the best, "" where nothing is."""
    may_be = set(answer.methods.loc[answer.methods["may_be_best"], "map"])
    pairs = answer.pairs[answer.pairs["first"].isin(may_be) & answer.pairs["second"].isin(may_be)]
    pairs = pairs[~pairs["differs"] & ~(pairs["within"] <= answer.margin)].dropna(subset="difference_fewest")
    if not len(pairs):
        return ""
    furthest = pairs.loc[pairs["difference_fewest"].idxmax()]
    names = {end: _shown(furthest[end]) for end in ("first", "second")}
    return answer_text.needed_sentence(furthest.to_dict() | names, answer)


def _controls(metric, answer):
    """How control maps, which know nothing of the image, do next to the methods that may be taken."""
    if not len(answer.controls):
        return ""
    better, few, open_ = answer_text.controls_as_good(answer)
    said = [f"Control maps that lose less: {answer_text.enumerated(better)}."] if better else []
    said += [f"Control maps that may lose as little: {answer_text.enumerated(open_)}."] if open_ else []
    if said:
        said.append(f"They know nothing of the image, so {metric} says little here of where a map should point.")
    if few:
        said.append(
            f"Too few patients differ for a comparison with the control maps {answer_text.enumerated(few)}, which know "
            "nothing of the image."
        )
    return " ".join(said) or "Every control map, which knows nothing of the image, is worse."


def table_of_findings(rows, findings, ranked, counts, resampling, margin):
    """A table in Markdown of which methods to take for each finding, "" where no finding has a ranking of its own.

    Args:
        rows, findings, ranked, resampling, margin: as for `ranking.answers_by_finding`.
        counts: of `selection.count`.
    """
    answers = answers_by_finding(rows, CONTROLS, resampling, margin, findings, ranked)
    known = counts["finding"].isin(answers)
    if not known.any():
        return ""
    lines = []
    for _, row in counts[known].iterrows():
        cells = [as_code(row["finding"]), str(row["explained"]), str(row["patients"])]
        cells += [_in_short(answer) for answer in answers[row["finding"]].values()]
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    few = counts.loc[~known & (counts["explained"] > 0), "finding"]
    end = f"Fewer than {ENOUGH} patients have {', '.join(map(as_code, few))}: no ranking." if len(few) else ""
    head = (
        "For each finding by itself: the methods that are practically as good as the best. *Open* are those that are "
        "not told apart from the best. The limits are not corrected for the number of findings."
    )
    names = ["Finding", "Images", "Patients", *next(iter(answers.values()))]
    return "\n".join([head, "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *lines, "", end]).strip()


def _of_unseen(answer):
    """One sentence on what patients that nobody saw could change of the lead of one method, by the rule of three."""
    alone = answer.methods.loc[answer.methods["may_be_best"], "map"]
    if len(alone) > 1 or len(answer.methods) == 1:
        return ""
    name, turned = alone.item(), []
    pairs = pd.concat([answer.pairs, answer.controls])
    for _, row in pairs[(pairs["first"] == name) | (pairs["second"] == name)].iterrows():
        lead, other = (row["difference"], row["second"]) if row["first"] == name else (-row["difference"], row["first"])
        if overturned_by_unseen(lead, answer.patients, -1):
            turned.append(_shown(other))
    could = f"could turn its lead over {', '.join(turned)}" if turned else "could turn none of its leads"
    return (
        f"Up to 3 in {answer.patients} patients may be of a kind that was not seen: at the opposite extreme they "
        f"{could}."
    )


def _in_short(answer):
    """The methods that may be taken, those that are open, and how controls do next to them, for a cell."""
    if answer is None:
        return "no score above 0"
    methods = answer.methods.sort_values("mean", kind="stable")
    same, open_ = (list(methods.loc[methods["word"] == word, "map"]) for word in (which_best.SAME, which_best.OPEN))
    said = [", ".join(map(_shown, same))] if same else []
    said += [f"open: {', '.join(map(_shown, open_))}"] if open_ else []
    better, few, alike = answer_text.controls_as_good(answer)
    how = {"a control is better": better, "a control may be as good": alike, "too few differ from a control": few}
    said += [words for words, names in how.items() if names][:1]
    return "; ".join(said)


def verdict_of_trust():
    """How well BAD and AD judged maps on real lesions, in words, "" where these results are not at hand."""
    path = files.ROOT / "paper_figures/laptop/trust.csv"
    if not path.is_file():
        return ""
    table = pd.read_csv(path).query("data == 'NIH boxes' and metric in ('BAD', 'AD')")
    hits, counts = {}, []
    for maps in agreement.MAPS:
        rows = table[(table["maps"] == maps) & (table["truth"] == "hit")].set_index("metric")
        hits[maps] = ", ".join(
            f"{name} {wording.with_interval(rows.loc[name], 2, '+', AGREEMENT)}" for name in ("BAD", "AD")
        )
    controls, methods = agreement.MAPS
    for name in ("BAD", "AD"):
        rows = table[(table["maps"] == methods) & (table["metric"] == name)]
        with_it, against = (rows["set_low"] > 0).sum(), (rows["set_high"] < 0).sum()
        counts.append(f"{name} agreed with {with_it} and went against {against} of {len(rows)} truths")
    return (
        "Where lesions are known, on radiographs, the metrics' rankings of methods and controls together are set next "
        f"to where the maps point (Kendall's tau-b with hits, 1 is full agreement and 0 none: {hits[controls]}). "
        f"Among the methods alone {', and '.join(counts)} (with hits: {hits[methods]}). A method that may be "
        "taken here keeps the score. That does not say that it shows most lesions."
    )
