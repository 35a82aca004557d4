"""Every metric judged by every truth, and every map by AD, BAD and the primary truth."""

import pandas as pd

from black_average_drop.metrics import METRICS
from black_average_drop.statistics import which_best
from black_average_drop.trust import agreement, truths
from black_average_drop.trust.directions import DIRECTIONS


def judge_by_truths(measured, points, images, methods):
    """How far every metric ranks maps as every truth does, and on each fold of patients as the primary truth does.

    The primary truth is judged as well, like a metric, as `agreement.TRUTH`.

    Args:
        measured: rows with columns data, id, metric, map and value.
        points: rows with columns data, id, fold, score, map and value. A data set with a second truth comes again, with
            what it is after a colon.
        images: data set -> `summaries.Images`.
        methods: data set -> the maps that are no controls.

    Returns:
        A DataFrame, rows of `agreement.judge_metrics` with further columns data, fold ("" for all images), truth (one
        of `truths.SCORES`) and telling (whether this is the primary truth).
    """
    tables = []
    for title, of_title in points.groupby("data", sort=False):
        data, primary = title.split(":")[0], truths.primary_truth(title)
        itself = points[(points["data"] == data) & (points["score"] == primary)]
        of_data = pd.concat([measured[measured["data"] == data], itself.assign(metric=agreement.TRUTH)])
        folds = [fold for fold in of_title["fold"].unique() if fold]
        for fold in ["", *folds]:
            of_fold = of_title[of_title["fold"] == fold] if fold else of_title
            for truth, part in of_fold.groupby("score", sort=False):
                if fold and truth != primary:
                    continue
                expected = part.pivot(index="id", columns="map", values="value")[list(part["map"].unique())]
                resampling = images[data].resampling(expected.index)
                directions = DIRECTIONS | {agreement.TRUTH: 1}
                table = agreement.judge_metrics(of_data, expected, methods[data], resampling, directions)
                tables.append(table.assign(data=title, fold=fold, truth=truth, telling=truth == primary))
    return pd.concat(tables, ignore_index=True)


def which_maps(measured, points, images, methods, margin, margin_of_hits):
    """Which methods may be the best by AD, by BAD, and by the primary truth, and how controls do next to them.

    Args:
        measured, points, images, methods: as for `compare_methods`.
        margin: the difference of AD or BAD that matters.
        margin_of_hits: the difference of the primary truth that matters; of hits, a share of the images.

    Returns:
        (data, quantity) -> `which_best.Answer`. Of the truth it is what a map misses, 1 less the truth.
    """
    answers = {}
    for data, own in methods.items():
        truth = truths.primary_truth(data)
        missed = points[(points["data"] == data) & (points["score"] == truth)]
        parts = {name: measured[(measured["data"] == data) & (measured["metric"] == name)] for name in METRICS}
        parts[truth] = missed.assign(value=1 - missed["value"])
        for quantity, part in parts.items():
            values = part.pivot(index="id", columns="map", values="value")
            others = [name for name in part["map"].unique() if name not in own]
            limits = images[data].resampling(values.index), margin_of_hits if quantity == truth else margin
            answers[data, quantity] = which_best.answer(values[[*own, *others]], others, *limits)
    return answers


def compare_methods(measured, points, images, methods):
    """Every pair of methods compared under every metric and every truth, with Holm's correction for the pairs.

    Args:
        measured, points, images, methods: as for `judge_by_truths`, but each data set once.

    Returns:
        A DataFrame, rows of `comparisons.differences` with further columns data and quantity (the metric or the truth).
    """
    named = [measured.rename(columns={"metric": "quantity"}), points.rename(columns={"score": "quantity"})]
    tables = []
    for (data, quantity), part in pd.concat(named).groupby(["data", "quantity"], sort=False):
        if data in images:
            values = part.pivot(index="id", columns="map", values="value")
            pairs = images[data].differences(values, methods[data])
            tables.append(pairs.assign(data=data, quantity=quantity))
    return pd.concat(tables, ignore_index=True)
