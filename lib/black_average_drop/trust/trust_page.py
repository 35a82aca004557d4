"""The verdict on metrics and maps in words: sentences on two maps and on methods alone, and the page of tables."""

import numpy as np
import pandas as pd

from black_average_drop import wording
from black_average_drop.statistics import answer_text, comparisons, folds, which_best
from black_average_drop.trust import agreement, truths
from black_average_drop.trust.kinds import SMALL
from black_average_drop.trust.lesion_sizes import SIZES

AREA = 0.1  # the share of the image in which a sentence looks for small lesions
# What a sentence on small lesions is read against: maps that do not look for the finding.
CONTROLS = {
    "centre prior": "the bump in the middle",
    "another image's map": "another patient's map",
    "Eigen-CAM": "Eigen-CAM, which is blind to the class,",
}
NAMES = {truth: words.strip(" ()") or "hits" for truth, words in truths.SCORES.items()}


def difference_sentence(data, rates, chance, pair, objects="small lesions"):
    """The difference between two maps in words that a doctor can use, next to controls.

    Args:
        data: the name of the data set.
        rates: map -> the share of the lesions that it touches, from 0 to 1.
        chance: the share that a map touches if it is shifted anywhere.
        pair: the row of `summaries.Images.differences` of these shares for the two maps.
        objects: what the maps touch.
    """
    first, second = pair["first"], pair["second"]
    text = f"{data}: of 100 {objects} {second} touches {100 * rates[second]:.0f}, {first} {100 * rates[first]:.0f}. "
    controls = [f"{words} {100 * rates[name]:.0f}" for name, words in CONTROLS.items() if name in rates]
    text += f"For comparison: {'; '.join([*controls, f'chance {100 * chance:.0f}'])}. "
    within = wording.rounded_up(100 * pair["within"], 0) if pair["within"] < 0.99 else ""
    holds = f" The smallest margin that holds it, as all pairs in theirs, is ±{within}." if within else ""
    if np.isnan(pair["p_holm"]):
        return text + f"{second} − {first}: too few patients for a test.{holds}"
    percent = {name: 100 * pair[name] for name in ("difference", "low", "high")}
    shown, decided = wording.with_interval(percent, 1, "+", tuple(percent)), pair["p_holm"] < comparisons.LEVEL
    text += f"{second} − {first}: {shown}, {'' if decided else 'not '}significant (p = {pair['p_holm']:.2g} after Holm)"
    turned = {"holds": "; unseen patients would not turn it", "overturned": "; unseen patients could turn it"}
    return text + (turned[pair["unseen"]] if decided else "") + "." + holds


def small_lesion_sentences(recall, pairs):
    """`difference_sentence` of CAM and Grad-CAM++ on the small lesions of each data set that has both.

    Args:
        recall: a DataFrame of `summaries.recall` with columns data and images.
        pairs: a DataFrame of `summaries.Images.differences` of small lesions, with a column data.
    """
    small = recall[(recall["size_class"] == SIZES[0]) & (recall["area"] == AREA)]
    small, sentences = small[small["images"] == "all positives"], []
    for _, pair in pairs[(pairs["first"] == "CAM") & (pairs["second"] == "Grad-CAM++")].iterrows():
        rates = small[small["data"] == pair["data"]].set_index("map")
        chance = rates.loc[["CAM", "Grad-CAM++"], "chance"].mean()
        sentences.append(difference_sentence(pair["data"], rates["seen"], chance, pair, SMALL[pair["data"]]))
    return sentences


def alone_sentences(verdict):
    """What each truth says of the metrics among methods alone: a sentence for each data set and truth.

    Args:
        verdict: a DataFrame, rows of `agreement.judge_metrics` with columns data and truth.
    """
    ranked = verdict[(verdict["maps"] == agreement.MAPS[1]) & (verdict["metric"] != agreement.TRUTH)]
    sentences = []
    for (data, truth), rows in ranked.groupby(["data", "truth"], sort=False):
        rows = rows.set_index("metric")
        told = rows[(rows["set_low"] > 0) | (rows["set_high"] < 0)]
        listed = [f"{metric} {_interval(row)}" for metric, row in told.iterrows()]
        known = rows["set"].notna().sum()
        said = f"{', '.join(listed) or 'none'} of {known} metrics" if known else "no metric ranks the methods"
        primary = ", the primary truth" if truth == truths.primary_truth(data) else ""
        sentences.append(f"{data}, {NAMES[truth]}{primary}: {said}.")
    return sentences


def caveats(methods, areas, networks=1):
    """What limits a conclusion on methods alone: how many there are, by how many networks, and how good these are.

    Args:
        methods: data set -> the methods that draw different maps.
        areas: a DataFrame with columns data, views, value, low and high: the AUC by view of networks that have one.
        networks: how many networks judge a fold.
    """
    sentences = []
    for data, names in methods.items():
        said = f"{data}: methods with a map of their own ({len(names)}, near twins among them): {', '.join(names)}"
        of_data = areas[areas["data"] == data].set_index("views")
        for view in of_data.index.intersection(["AP"]):
            area = wording.with_interval(of_data.loc[view], 2)
            said += f"; {networks} network{'s' * (networks > 1)} a fold, with an AUC of {area} within {view}"
        sentences.append(f"{said}.")
    return sentences


def answer_table(answers):
    """Which methods may be the best by each quantity, and how controls do next to them: a table in Markdown.

    answers: of `judging.which_maps`.
    """
    words = (which_best.SAME, which_best.OPEN, which_best.WORSE)
    lines = [f"| By | {' | '.join(word.capitalize() for word in words)} | Controls |", "|---" * 5 + "|"]
    for (data, quantity), one in answers.items():
        cells = [f"{data}, {NAMES.get(quantity, quantity)}, within {one.margin:g}"]
        for word in words:
            rows = one.methods[one.methods["word"] == word]
            cells.append(", ".join(f"{row['map']} {_worse(row)}" for _, row in rows.iterrows()) or "–")
        better, few, alike = answer_text.controls_as_good(one)
        said = {"better": better, "not told apart": alike, "too few differ": few}
        told = "; ".join(f"{how}: {', '.join(names)}" for how, names in said.items() if names)
        cells.append(told or ("all worse" if len(one.controls) else "–"))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _worse(row):
    """The limits of how much worse than the best of the others a method is, in brackets."""
    return "(–)" if np.isinf(row["most"]) else f"[{max(0.0, row['least']):.4f}, {row['most']:.4f}]"


def verdict_page(verdict, hits, by_fold, answers, sentences, limits, networks=1):
    """The verdict on the metrics as Markdown: tables of agreement and of hits, and sentences.

    Args:
        verdict: a DataFrame, rows of `agreement.judge_metrics` with columns data and truth.
        hits: a DataFrame, rows of `summaries.mean_scores` with a column data.
        by_fold: as verdict, of the single folds of patients by the primary truth, with a column fold. It may be empty.
        answers: of `judging.which_maps`.
        sentences: of `difference_sentence`.
        limits: of `caveats`.
        networks: how many networks judge a fold.
    """
    primary = verdict["truth"] == verdict["data"].map(truths.primary_truth)
    with_controls = verdict["maps"] == agreement.MAPS[0]
    told = verdict[primary & with_controls]
    told = told.assign(column=told["data"] + told["truth"].map(truths.SCORES))
    lines = [
        "Kendall's tau-b between the ranking of methods and controls by each metric and by the primary truth, 95 %",
        "interval over patients. † fooled: the metric prefers a control, which says nothing, to every real map.",
        truths.REASON,
        "",
        *_table(told, "Metric", "metric", "column", _agreement),
        "",
        "How often the maximum of a map lies on the lesion or object, percent, and by chance.",
        *([folds.covered_by(networks)] if len(by_fold) else []),
        "",
        *_table(hits, "Map", "map", "data", _percent),
        "",
        "Which methods may be the best by AD, by BAD, and by the primary truth. In brackets: how much worse than the",
        "best of the others. Upper limits are at 5 % for all methods together, a lower one at 2.5 % for its method",
        "alone. Controls are compared with the methods that may be taken. Margins were chosen when these data were",
        "known (post hoc).",
        "",
        *answer_table(answers),
    ]
    for (data, maps), rows in verdict.groupby(["data", "maps"], sort=False):
        rows = rows.assign(column=rows["truth"].map(NAMES))
        lines += ["", f"{data}: agreement with every truth, {maps}.", ""]
        lines += _table(rows, "Metric", "metric", "column", _agreement)
    if len(by_fold):
        rows = by_fold.assign(column=by_fold["data"] + ", fold " + by_fold["fold"])
        rows = rows[rows["maps"] == agreement.MAPS[0]]
        lines += ["", "Each fold of patients by itself, by the primary truth, for its own networks.", ""]
        lines += _table(rows, "Metric", "metric", "column", _agreement)
    lines += ["", "Among methods alone these agreements can be told from 0. No interval is corrected for the number of"]
    lines += ["metrics and truths.", "", *(f"- {sentence}" for sentence in [*alone_sentences(verdict), *limits])]
    lines += [
        "",
        "Small lesions or objects, those of the smallest third of their kind, are touched if a quarter of them",
    ]
    lines += [
        "lies in the tenth of the image that the map ranks highest. Unseen patients could turn a difference if it"
    ]
    lines += ["turned with a share of 3 / n of them at the opposite extreme, where n patients were seen:", ""]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in sentences)]) + "\n"


def _table(rows, corner, index, columns, cell):
    """A table in Markdown, a row for each value of one column of a DataFrame, a column for each of another."""
    names = list(rows[columns].unique())
    lines = [f"| {corner} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for name, part in rows.groupby(index, sort=False):
        part = part.set_index(columns).reindex(names)
        cells = [cell(row) for _, row in part.iterrows()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _interval(row):
    return wording.with_interval(row, 2, "+", ("set", "set_low", "set_high"))


def _agreement(row):
    """A cell of a table of agreement."""
    if pd.isna(row["set"]):
        return "–"
    return _interval(row) + (" †" if row["fooled_by"] else "")


def _percent(row):
    """A cell of the table of hits."""
    if pd.isna(row["value"]):
        return "–"
    percent = {name: 100 * row[name] for name in ("value", "low", "high", "others_low", "others_high", "chance")}
    others = "" if pd.isna(row["others_low"]) else " [{others_low:.0f}, {others_high:.0f}]".format(**percent)
    return f"{wording.with_interval(percent, 0)}{others}, chance {percent['chance']:.0f}"
