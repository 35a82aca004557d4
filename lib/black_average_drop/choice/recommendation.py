"""What the rankings come to in a few sentences, and how far they may be trusted."""

import numpy as np
import pandas as pd

from black_average_drop import cams, files, lettering, wording
from black_average_drop.controls import CONTROLS
from black_average_drop.statistics import answer_text, comparisons, which_best
from black_average_drop.statistics.means import overturned_by_unseen
from black_average_drop.statistics.patients import ENOUGH
from black_average_drop.trust import agreement

FEWER = 0.9  # of alpha: where BAD keeps less of the image than that, its drop is that of another alpha
BAR = r"\|"  # in a cell of a table in Markdown
AGREEMENT = ("set", "set_low", "set_high")  # of the rankings of a set, with its interval


def recommend(metric, answer, same_as=None):
    """Which methods to take by a metric, how far controls do as well, and what would tell more: a few sentences.

    Args:
        metric: "BAD" or "AD".
        answer: a `which_best.Answer`, or None where no image has a drop.
        same_as: method -> the method whose map it shares.
    """
    if answer is None:
        return f"No image has a score above 0 for the class that is explained: {metric} says nothing."
    same_as = same_as or {}
    said = [f"**{_which(metric, answer, same_as)}**", _worse(answer, same_as), _needed(answer)]
    return " ".join(one for one in [*said, _controls(metric, answer), _of_unseen(answer)] if one)


def recommend_overall(answers, same_as=None):
    """The sentences of `recommend` for each metric.

    Args:
        answers: of `ranking.answers_by_metric`.
        same_as: as for `recommend`.

    Returns:
        metric -> sentences.
    """
    return {metric: recommend(metric, answer, same_as) for metric, answer in answers.items()}


def _which(metric, answer, same_as):
    """Which methods may be taken, and which are not told apart from the best."""
    methods, margin = answer.methods.sort_values("mean", kind="stable"), answer.margin
    same, open_ = (methods.loc[methods["word"] == word, "map"] for word in (which_best.SAME, which_best.OPEN))
    alike, rest = (", ".join(_with_twins(name, same_as) for name in names) for names in (same, open_))
    if len(methods) == 1:
        return f"{alike or rest} is the only method: {metric} has none to compare it with."
    if not len(same):
        return f"These images do not tell the methods apart by {metric}: {rest}."
    if methods["may_be_best"].sum() == 1 and len(same) == 1:
        return f"By {metric} take {alike}: it loses less of the score than every other method."
    some = "any of these" if len(same) > 1 else "this one"
    said = f"By {metric} take {some}: {alike}. The loss of score is at most {margin:g} more than by the best method."
    return f"{said} Whether one of these is better is open: {rest}." if len(open_) else said


def _worse(answer, same_as):
    """Which methods are worse than the best by more than the margin, and by how much at least."""
    worse = answer.methods[answer.methods["word"] == which_best.WORSE]
    named = [f"{_with_twins(row['map'], same_as)} by at least {row['least']:.2g}" for _, row in worse.iterrows()]
    return f"Worse: {', '.join(named)}." if named else ""


def _with_twins(name, same_as):
    """The name of a method, with those that draw the same map."""
    twins = [twin for twin, first in same_as.items() if first == name]
    if "Grad-CAM++" in (name, *twins):  # nothing is negative, and its positive part no method of its own
        twins = [twin for twin in twins if twin != cams.POSITIVE_PART]
    return f"{_shown(name)} (the same map: {', '.join(map(_shown, twins))})" if twins else _shown(name)


def _shown(name):
    """The name of a map in Markdown: what others called theirs is code."""
    known = name in cams.METHODS or name in cams.ON_REQUEST or name in CONTROLS
    return name if known else _as_code(name)


def _needed(answer):
    """How many patients would answer what is open between methods that may be the best, "" where nothing is."""
    may_be = set(answer.methods.loc[answer.methods["may_be_best"], "map"])
    pairs = answer.pairs[answer.pairs["first"].isin(may_be) & answer.pairs["second"].isin(may_be)]
    pairs = pairs[~pairs["differs"] & ~(pairs["within"] <= answer.margin)].dropna(subset="difference_fewest")
    if not len(pairs):
        return ""
    furthest = pairs.loc[pairs["difference_most"].idxmax()]
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


def table_of_findings(ranked, differences, counts):
    """A table in Markdown of what comes out for each finding, "" where no finding has a ranking of its own.

    Args:
        ranked, differences: of `ranking.rank_by_metric`.
        counts: of `selection.count`.
    """
    metrics = list(ranked["metric"].unique())
    lines = []
    for _, row in counts[counts["finding"].isin(ranked["finding"])].iterrows():
        cells = [_as_code(row["finding"]), str(row["explained"]), str(row["patients"])]
        for metric in metrics:
            chosen = (
                one[(one["finding"] == row["finding"]) & (one["metric"] == metric)] for one in (ranked, differences)
            )
            cells.append(_in_short(*chosen))
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    if not lines:
        return ""
    few = counts.loc[~counts["finding"].isin(ranked["finding"]) & (counts["explained"] > 0), "finding"]
    end = f"Fewer than {ENOUGH} patients have {', '.join(map(_as_code, few))}: no ranking." if len(few) else ""
    head = (
        "For each finding: the method with the smallest drop. It is in bold if it is ahead of every other method and "
        "every control. That is a stricter question than the one above: p is corrected for all comparisons of all "
        "these rankings by one metric."
    )
    names = ["Finding", "Images", "Patients", *metrics]
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


def _in_short(table, pairs):
    """The method with the smallest drop, in bold if it is ahead of all other maps, or how many it is not ahead of."""
    best = table[~table["control"]].iloc[0]
    if not best["images"]:
        return "no score above 0"
    versus = _against_others(best["map"], pairs)
    shown = f"{best['map']} {wording.with_interval(best, 3, columns=('drop', 'low', 'high'))}"
    if versus["sure"].all():
        return f"**{shown}**"
    controls = versus.loc[~versus["sure"], "other"].isin(table.loc[table["control"], "map"]).sum()
    return f"{shown}, not ahead of {(~versus['sure']).sum()} maps, {controls} of them controls"


def _against_others(name, pairs):
    """Every comparison of one method: other, lead, which is > 0 where it is ahead, p_holm, and whether that is sure."""
    versus = pairs[(pairs["first"] == name) | (pairs["second"] == name)]
    other = versus["second"].where(versus["first"] == name, versus["first"])
    lead = versus["difference"].where(versus["first"] == name, -versus["difference"])
    return versus.assign(other=other, lead=lead, sure=(lead > 0) & (versus["p_holm"] < comparisons.LEVEL))


def put_together(doubts, parts, counted):
    """Put together what is said of a study, as Markdown.

    Args:
        doubts: sentences that speak against preprocessing or images.
        parts: sentences and lists in their order, "" for what is not to be said.
        counted: a sentence on what was measured.
    """
    warning = " ".join(["**Doubtful:**", *doubts]) if doubts else ""
    last = f"{counted} This is no clinical evidence. {verdict_of_trust()}"
    return "\n\n".join(part for part in (warning, *parts, last) if part) + "\n"


def counts_in_words(dataset, pairs, without):
    """Say how many images, patients and findings were measured.

    Args:
        dataset: a Dataset of the findings that were explained.
        pairs: whether an image may have several findings.
        without: how many were left out, since their score is 0.
    """
    images, patients = len(np.unique(dataset.ids)), len(np.unique(dataset.groups))
    explained = f", {len(dataset)} findings" if pairs else ""
    return f"{images} images of {patients} patients{explained}, {without} left out for a score of 0."


def alpha_not_chosen(alpha):
    """One sentence for an alpha that maps could not choose, since the paper's methods draw fewer than two of them."""
    *others, last = cams.PAPER_METHODS
    return f"Alpha {alpha:g} was not chosen by maps: of {', '.join(others)} and {last} no two draw different maps here."


def negative_part(share):
    """One sentence on feature maps of which a share is negative, "" where nothing is.

    Args:
        share: of `evaluation.Maps.negative_share`.
    """
    if not share:
        return ""
    return (
        f"Of the feature maps {100 * share:.3g} % is negative (by absolute value): {cams.POSITIVE_PART} replaces "
        "Grad-CAM++ and has no part in the choice of alpha."
    )


def blanks(blank_maps, classes, names):
    """One sentence that counts the blank maps of each method by the class that is explained, "" where there is none.

    Args:
        blank_maps: name -> boolean (N,).
        classes: (N,), the explained class.
        names: of the classes.
    """
    counts = []
    for name, blank in blank_maps.items():
        if blank.any():
            counted = pd.Series(blank).groupby(np.asarray(classes)).agg(["sum", "size"]).query("sum > 0")
            counted = counted.sort_values("sum", ascending=False, kind="stable")
            parts = [f"{_as_code(names[label])} {row['sum']} of {row['size']}" for label, row in counted[:3].iterrows()]
            parts += [f"{len(counted) - 3} more classes"] if len(counted) > 3 else []
            counts.append(f"{name} {blank.sum()} of {len(blank)} ({', '.join(parts)})")
    if not counts:
        return ""
    return f"Blank maps, which point nowhere and are scored as a black image: {'; '.join(counts)}."


def of_others(drawn):
    """One sentence that names the maps which others drew, "" where there are none."""
    if not drawn:
        return ""
    named = [
        _as_code(name) if new.endswith(name) else f"{_as_code(name)} ({new})"
        for name, new in lettering.of_maps(drawn).items()
    ]
    return f"Maps of others, behind {lettering.OTHERS} in the figures: {', '.join(named)}."


def fewer_kept(rows, maps):
    """Say of which maps BAD keeps clearly less of the image than alpha, "" where there is none.

    Blank maps are no part of this: `blanks` counts them.

    Args:
        rows: of `evaluation.evaluate`.
        maps: the names of those to speak of.
    """
    of_bad = rows[(rows["metric"] == "BAD") & rows["method"].isin(maps) & (rows["opacity"] > 0)]
    kept, alpha = of_bad.groupby("method", sort=False)["kept"].mean(), rows["alpha"].iloc[0]
    fewer = [f"{_as_code(name)} {100 * share:.1f} %" for name, share in kept.items() if share < FEWER * alpha]
    if not fewer:
        return ""
    return (
        f"Many pixels of these maps have equal values. So BAD keeps less than {100 * alpha:.1f} % of the image: "
        f"{', '.join(fewer)}. It keeps all that a mask of two values marks if alpha is larger than the marked share."
    )


def _as_code(name):
    """A class's name as code in Markdown, where none of its signs means anything."""
    return "`{}`".format(" ".join(name.replace("`", "'").split()))


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
