"""What known lesions say of the metrics, in sentences: agreement with controls, among methods alone, and who is fooled.

Rows are those of trust.csv. The primary truth of a data set is the one whose rows are `telling`.
"""

from black_average_drop.artifact.sentences.directions import side_of_zero, signed
from black_average_drop.statistics.answer_text import enumerated

TRUTHS = {
    "hit": "hits",
    "hit_tolerant": "hits with tolerance",
    "mass_inside": "mass inside",
    "top_inside": "top pixels inside",
}
ALL_MAPS, METHODS_ALONE = "methods and controls", "methods alone"
_SET = ["set", "set_low", "set_high"]


def judged(rows, maps):
    """The rows of metrics that have an agreement, without the truth itself."""
    return rows[(rows["maps"] == maps) & (rows["metric"] != "the truth itself") & rows["set"].notna()]


def best_agreements(rows):
    """For each data set the metric with the largest agreement by the primary truth, controls among the maps."""
    sentences = []
    for data, part in judged(rows[rows["telling"]], ALL_MAPS).groupby("data", sort=False):
        best = part.loc[part["set"].idxmax()]
        truth, name = TRUTHS[best["truth"]], f"{_name(best['metric'])}, {_agreement(best)}"
        if side_of_zero(best["set_low"], best["set_high"]) == 1:
            sentences.append(f"On {data} the best agreement with {truth} of {len(part)} metrics is that of {name}.")
        else:
            shown = f"On {data} none of {len(part)} metrics is shown to agree with {truth}"
            sentences.append(f"{shown}: the largest agreement is that of {name}.")
    return " ".join(sentences)


def fooled(rows, metric):
    """On which data sets a metric prefers a control to every real map, and which control that is."""
    part = judged(rows[(rows["metric"] == metric) & rows["telling"]], ALL_MAPS)
    names = part[part["fooled_by"].notna()]
    total = len(part)
    if names.empty:
        return f"{metric} prefers no control to the real maps on any of {total} data sets."
    where = [
        f"*{control}* on {enumerated(data)}"
        for control, data in names.groupby("fooled_by", sort=False)["data"].agg(list).items()
    ]
    truth = rows[rows["telling"] & (rows["maps"] == ALL_MAPS) & (rows["metric"] == "the truth itself")]
    same = names.merge(truth, on=["data", "fooled_by"])["data"]
    said = f"{metric} prefers a control to every real map on {len(names)} of {total} data sets: {enumerated(where)}."
    said += " Do not trust it." if len(names) == total else ""
    return f"{said} On {enumerated(same)} the truth prefers it too." if len(same) else said


def best_hits(hits, methods):
    """For each data set how often the methods and the best of the other maps hit, from trust_localization.csv."""
    sentences = []
    hits = hits[(hits["score"] == "hit") & (hits["images"] == "all positives")]
    for data, part in hits.groupby("data", sort=False):
        shares = 100 * part.set_index("map")["value"]
        real = shares.index.isin(methods)
        best = shares[~real].idxmax()
        sentences.append(
            f"On {data} the methods hit in {shares[real].min():.0f} to {shares[real].max():.0f} % of images. "
            f"The control with most hits is *{best}*, {shares[best]:.0f} %; "
            f"chance gives {100 * part['chance'].iloc[0]:.0f} %."
        )
    return " ".join(sentences)


def among_methods(rows, metrics=("BAD", "AD")):
    """What can be told of metrics among the methods alone: by the primary truth any, by the others those named."""
    alone = judged(rows, METHODS_ALONE)
    sentences = []
    for data, part in alone[alone["telling"]].groupby("data", sort=False):
        sides = [side_of_zero(*row[_SET[1:]]) for _, row in part.iterrows()]
        truth, count = TRUTHS[part["truth"].iloc[0]], len(part)
        if not any(sides):
            sentences.append(f"On {data}, by {truth}, the agreement of none of {count} metrics can be told from 0.")
        else:
            sentences.append(
                f"On {data}, by {truth}, {sides.count(1)} of {count} metrics agree, and {sides.count(-1)} disagree."
            )
    for metric in metrics:
        part = alone[(alone["metric"] == metric) & ~alone["telling"]]
        for side, verb in ((1, "agrees with"), (-1, "goes against")):
            found = [row for _, row in part.iterrows() if side_of_zero(*row[_SET[1:]]) == side]
            for data in dict.fromkeys(row["data"] for row in found):
                said = [f"{TRUTHS[row['truth']]} ({_agreement(row)})" for row in found if row["data"] == data]
                sentences.append(f"On {data} {metric} {verb} {enumerated(said)}.")
    return " ".join(sentences)


def counts_among_methods(rows, metrics=("BAD", "AD")):
    """How many truths, over all data sets, each metric agrees with and goes against among the methods alone."""
    alone = judged(rows, METHODS_ALONE)
    said = []
    for metric in metrics:
        part = alone[alone["metric"] == metric]
        sides = [side_of_zero(*row[_SET[1:]]) for _, row in part.iterrows()]
        said.append(f"{metric} agrees with {sides.count(1)} of {len(part)} truths and goes against {sides.count(-1)}.")
    return f"Among the methods alone {' '.join(said)}"


def scores_of_metrics(rows):
    """On which scores Average Increase and ADCC are computed."""
    if rows["metric"].str.contains("ReLU scores").any():
        return (
            "Average Increase and ADCC use softmax scores, as their authors do. "
            "Rows with *ReLU scores* in their name have the same metrics on ReLU scores."
        )
    return "Average Increase and ADCC use ReLU scores in these tables, where their authors use softmax scores."


def table_among_methods(rows, metrics):
    """The agreement among methods alone as a Markdown table: a row a data set and truth, bold where 0 is outside."""
    alone = judged(rows, METHODS_ALONE)
    lines = [
        f"| Images | Truth | {' | '.join(metrics)} | Metrics that agree, disagree |",
        "|---" * (3 + len(metrics)) + "|",
    ]
    for (data, truth), part in alone.groupby(["data", "truth"], sort=False):
        part = part.set_index("metric")
        sides = [side_of_zero(*row[_SET[1:]]) for _, row in part.iterrows()]
        cells = []
        for metric in metrics:
            text = _agreement(part.loc[metric]) if metric in part.index else "–"
            cells.append(f"**{text}**" if metric in part.index and side_of_zero(*part.loc[metric, _SET[1:]]) else text)
        name = TRUTHS[truth] + (" (primary)" if part["telling"].iloc[0] else "")
        counts = f"{sides.count(1)}, {sides.count(-1)} of {len(part)}"
        lines.append(f"| {data} | {name} | {' | '.join(cells)} | {counts} |")
    return "\n".join(lines)


def on_a_bench(rows, data, metrics):
    """Which of some metrics rank the maps of one data set with the primary truth, against it, or as by chance."""
    part = judged(rows[(rows["data"] == data) & rows["telling"]], ALL_MAPS).set_index("metric")
    said = {1: "goes with the truth", -1: "goes against the truth", 0: "cannot be told from chance"}
    by_side = {side: [] for side in said}
    for metric in metrics:
        by_side[side_of_zero(*part.loc[metric, _SET[1:]]) or 0].append(_name(metric))
    sentences = [f"By {enumerated(names)} the ranking {said[side]}." for side, names in by_side.items() if names]
    fooled_here = [_name(metric) for metric in part.index[part["fooled_by"].notna()]]
    if fooled_here:
        sentences.append(
            f"{len(fooled_here)} of {len(part)} metrics prefer a control to every real map: {enumerated(fooled_here)}."
        )
    return " ".join(sentences)


def misled(rows, data):
    """Which metrics agree with a truth that the network does not use."""
    part = judged(rows[(rows["data"] == data) & rows["telling"]], ALL_MAPS)
    names = [_name(row["metric"]) for _, row in part.iterrows() if side_of_zero(*row[_SET[1:]]) == 1]
    verb = "agree" if len(names) > 1 else "agrees"
    return (
        f"{len(names) or 'None'} of {len(part)} metrics {verb} with the lesion there, which the network does not use"
        f"{f': {enumerated(names)}' if names else ''}."
    )


def _name(metric):
    """The name of a metric as a part of a list: without its comma."""
    head, _, kind = metric.partition(", ")
    return f"{head} ({kind})" if kind else head


def _agreement(row):
    return signed(tuple(row[_SET]), 2)
