"""Maps by their mean drop, and every pair of them on the same images: of all findings together, and of each."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import which_best
from black_average_drop.statistics.comparisons import differences, holm
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import ENOUGH

IN_ORDER = ("BAD", "AD")
EVERY = "all findings"  # in the column finding: of whatever finding


def rank_maps(drops, controls, resampling):
    """Maps by their mean drop, the smallest first.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the images.

    Returns:
        A DataFrame with columns map, control, drop, low, high, images and patients; low and high are the 95 % interval
        over patients.
    """
    estimates = estimate_means(drops.to_numpy(), resampling, (0, 1))
    names = drops.columns.to_numpy()
    table = pd.DataFrame({"map": names, "control": np.isin(names, list(controls)), "drop": drops.mean().to_numpy()})
    table = table.assign(low=estimates.low, high=estimates.high, images=drops.notna().sum().to_numpy())
    table = table.assign(patients=estimates.patients)
    return table.sort_values("drop", kind="stable", ignore_index=True)


def comparisons(drops, controls, resampling):
    """Every method against every other map on the same images.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the images.

    Returns:
        A DataFrame, rows of `differences`, where p_holm corrects for the pairs that have a method in them.
    """
    pairs = differences(drops.to_numpy(), list(drops.columns), resampling)
    pairs = pairs[~(pairs["first"].isin(controls) & pairs["second"].isin(controls))].reset_index(drop=True)
    return pairs.assign(p_holm=holm(pairs["p"]))


def rank_by_finding(drops, findings, controls, resampling):
    """Rank maps on all findings together, and on each finding that enough patients have.

    On all together an image with three findings counts three times. Its patient is drawn as a whole.

    Args:
        drops: a DataFrame, M findings of images by maps, NaN where one has no drop.
        findings: (M,), the name of the finding in each row; None to rank all together alone.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the M rows.

    Returns:
        The rows of `rank_maps` and those of `comparisons`, each with a column finding: EVERY, or a name where
        ENOUGH patients or more have a drop, those with most patients first. p_holm corrects for all pairs in
        the table.

    Raises:
        ValueError: a finding is named EVERY.
    """
    if findings is not None and EVERY in set(findings):  # its ranking would take the place of that of all
        raise ValueError(f"An output of the model is named {EVERY!r}: give class_names, with another name for it.")
    scopes = {EVERY: np.ones(len(drops), bool)}
    if findings is not None and len(set(findings)) > 1:
        has_drop, findings = drops.notna().any(axis=1).to_numpy(), np.asarray(findings)
        patients = pd.Series(np.asarray(resampling.groups)[has_drop]).groupby(findings[has_drop]).nunique()
        enough = patients[patients >= ENOUGH].sort_values(ascending=False, kind="stable")
        scopes |= {name: findings == name for name in enough.index}
    tables, pairs = [], []
    for name, rows in scopes.items():
        given = drops[rows], controls, resampling.of_rows(rows)
        tables.append(rank_maps(*given).assign(finding=name))
        pairs.append(comparisons(*given).assign(finding=name))
    pairs = pd.concat(pairs, ignore_index=True)
    return pd.concat(tables, ignore_index=True), pairs.assign(p_holm=holm(pairs["p"]))


def among(differences, methods):
    """The rows of `rank_by_metric`'s differences, of all findings together, that compare two of these methods."""
    of_methods = differences["first"].isin(methods) & differences["second"].isin(methods)
    return differences[of_methods & (differences["finding"] == EVERY)]


def drops_by_map(rows, metric):
    """The drops of one metric, a DataFrame of findings of images by maps, from the rows of `evaluation.evaluate`."""
    by_map = rows[rows["metric"] == metric].groupby("method", sort=False)
    return pd.DataFrame({name: part["drop"].to_numpy() for name, part in by_map})


def answers_by_metric(rows, controls, resampling, margin, some=slice(None)):
    """Which methods to take by BAD and by AD, of all findings together or of some.

    Args:
        rows, controls, resampling: as for `rank_by_metric`, of M findings of images.
        margin: the difference of mean drops that matters.
        some: which of the M count, a boolean array or a slice.

    Returns:
        metric -> a `which_best.Answer`, or None where no image has a drop.
    """
    answers = {}
    for metric in IN_ORDER:
        drops = drops_by_map(rows, metric)[some]
        given = list(controls), resampling.of_rows(some), margin
        answers[metric] = which_best.answer(drops, *given) if drops.notna().any(axis=None) else None
    return answers


def answers_by_finding(rows, controls, resampling, margin, findings, ranked):
    """`answers_by_metric` of each finding that has a ranking of its own.

    Args:
        rows, controls, resampling, margin: as for `answers_by_metric`.
        findings: (M,), the name of the finding in each row, or None.
        ranked: of `rank_by_metric`.

    Returns:
        The name of a finding -> its answers.
    """
    names = [name for name in ranked["finding"].unique() if name != EVERY]
    return {name: answers_by_metric(rows, controls, resampling, margin, np.asarray(findings) == name) for name in names}


def tables_of_answers(answers):
    """The answers as tables by the names of their files: the sets, and every pair.

    Args:
        answers: of `answers_by_metric`.
    """
    known = {(metric,): answer for metric, answer in answers.items() if answer is not None}
    return {f"answer_{name}": table for name, table in which_best.tables(known, ("metric",)).items()}


def rank_by_metric(rows, controls, resampling, findings=None):
    """Rank the maps of an evaluation by BAD and by AD.

    Args:
        rows: of `evaluation.evaluate`, M findings of images, without maps that are the same as another.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the M findings.
        findings: as for `rank_by_finding`.

    Returns:
        As `rank_by_finding`, with a further column metric, and in the first table incorrect: the percentage of masked
        images that are no longer of the explained class, or whose score crossed the threshold. p_holm is corrected
        within a metric.
    """
    tables, pairs = [], []
    for metric in IN_ORDER:
        by_map = dict(list(rows[rows["metric"] == metric].groupby("method", sort=False)))
        drops = drops_by_map(rows, metric)
        wrong = {name: (part["masked_class"] != part["class"]).to_numpy() for name, part in by_map.items()}
        table, compared = rank_by_finding(drops, findings, controls, resampling)
        ranked = zip(table["finding"], table["map"], strict=True)
        of_rows = {
            one: slice(None) if one == EVERY else np.asarray(findings) == one for one in table["finding"].unique()
        }
        incorrect = [100 * wrong[name][of_rows[finding]].mean() for finding, name in ranked]
        tables.append(table.assign(incorrect=incorrect, metric=metric))
        pairs.append(compared.assign(metric=metric))
    return pd.concat(tables, ignore_index=True), pd.concat(pairs, ignore_index=True)
