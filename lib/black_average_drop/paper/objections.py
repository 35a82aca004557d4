"""The paper's two objections to Average Drop, from rows: it depends on opacity, and on the size of the feature.

Rows are those of `alpha_rows`. Nothing here needs a network or an image.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop.paper.alpha_rows import PAIR, RADIOGRAPHS, by_method, patients_of_rows
from black_average_drop.statistics import patients
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling


class Correlation(NamedTuple):
    """Spearman's correlation of the drop with another quantity, over images."""

    value: float
    samples: np.ndarray  # (resamples,), its bootstrap over patients; NaN below `patients.ENOUGH` patients
    images: int  # how many have a drop


def contrast_table(rows, sampling):
    """The mean AD at each power of the maps with its 95 % interval.

    Args:
        rows: of `alpha_rows.rows_of_contrasts`, of one classifier.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns method, exponent, AD, low and high.
    """
    resampling, tables = Resampling(patients_of_rows(rows), **sampling), []
    for method, values in by_method(rows).items():
        one = estimate_means(values.to_numpy(), resampling, (0, 1))
        table = {"method": method, "exponent": values.columns.astype(float), "AD": one.value}
        tables.append(pd.DataFrame(table | {"low": one.low, "high": one.high}))
    return pd.concat(tables, ignore_index=True)


def contrast_differences(rows, sampling):
    """How far contrast alone moves AD: that at the largest power minus that at the smallest.

    Args:
        rows: of `alpha_rows.rows_of_contrasts`, of one classifier.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns method, smallest and largest (the AD there), difference, low, high and p.
    """
    drops = by_method(rows)
    ends = np.stack([values.iloc[:, -1] - values.iloc[:, 0] for values in drops.values()], axis=1)
    one = estimate_means(ends, Resampling(patients_of_rows(rows), **sampling))
    columns = {"method": list(drops)}
    columns |= {"smallest": [values.iloc[:, 0].mean() for values in drops.values()]}
    columns |= {"largest": [values.iloc[:, -1].mean() for values in drops.values()]}
    return pd.DataFrame(columns | {"difference": one.value, "low": one.low, "high": one.high, "p": one.p})


def contrast_effect(rows):
    """AD of each image at the largest power minus that at the smallest, mean over the methods: a Series by id."""
    drops = by_method(rows).values()
    return sum(values.iloc[:, -1] - values.iloc[:, 0] for values in drops) / len(drops)


def correlations_with_drop(rows, feature, sampling):
    """How the drop under AD and BAD goes with the opacity of the map or with the size of the feature.

    Args:
        rows: a row for each image and map, with columns id, group, map, opacity, size, AD and BAD, of one classifier.
        feature: "opacity" or "size".
        sampling: resamples and seed of the `Resampling`.

    Returns:
        metric -> `Correlation`, the mean of that under CAM and that under Grad-CAM++.
    """
    group_of = patients_of_rows(rows)
    resampling, found = Resampling(group_of, **sampling), {}
    of_map = {name: rows[rows["map"] == name].set_index("id").loc[group_of.index] for name in PAIR}
    for metric in ("AD", "BAD"):
        value, samples = rank_correlation([(part[feature], part[metric]) for part in of_map.values()], resampling)
        known = np.logical_or.reduce([part[metric].notna() for part in of_map.values()])
        found[metric] = Correlation(value, samples, int(known.sum()))
    return found


def correlations_of_classifiers(table1, lesions, sampling):
    """`correlations_with_drop` of every classifier, with the opacity and with each size that is known.

    Args:
        table1: of `alpha_rows.opacity_and_drops`.
        lesions: of `alpha_rows.rows_of_lesions`, of the trainings of the radiograph classifier.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        (data, feature, training) -> metric -> `Correlation`.
    """
    found = {}
    for (data, training), part in table1.groupby(["data", "training"], sort=False):
        for feature in ("opacity", "size"):
            if part[feature].notna().any():
                found[data, feature, training] = correlations_with_drop(part, feature, sampling)
        if data == RADIOGRAPHS:
            of_lesions = lesions[lesions["training"] == training]
            found[data, "size", training] = correlations_with_drop(of_lesions, "size", sampling)
    return found


def correlation_table(correlations):
    """The correlations with their 95 % intervals over patients.

    Args:
        correlations: (data, feature, training) -> what `correlations_with_drop` gives.

    Returns:
        A DataFrame with columns data, feature, training, metric, correlation, low, high and images.
    """
    lines = []
    for (data, feature, training), by_metric in correlations.items():
        for metric, one in by_metric.items():
            low, high = np.ravel(patients.interval(one.samples[:, None]))
            names = {"data": data, "feature": feature, "training": training, "metric": metric}
            lines.append(names | {"correlation": one.value, "low": low, "high": high, "images": one.images})
    return pd.DataFrame(lines)


def rank_correlation(columns, resampling):
    """Spearman's correlation of pairs of columns, averaged over the pairs, with its bootstrap over patients.

    Args:
        columns: pairs of (N,). Rows with a NaN are left out, and a constant column gives NaN.
        resampling: a `patients.Resampling` of the N rows.

    Returns:
        The correlation, from -1 to 1, and its bootstrap (resamples,), NaN below `patients.ENOUGH` patients.
    """
    table = np.stack([np.stack(pair, axis=1) for pair in columns])  # pairs, N, 2

    def correlations(counts):
        return np.mean([_rank_correlations(pair, counts) for pair in table], axis=0)

    value = float(correlations(np.ones((1, table.shape[1])))[0])
    known = ~np.isnan(table).any(axis=(0, 2))
    if len(np.unique(np.asarray(resampling.groups)[known])) < patients.ENOUGH:
        return value, np.full(resampling.resamples, np.nan)
    return value, np.concatenate([correlations(counts) for counts in patients.bootstrap_counts(resampling)])


def _rank_correlations(pairs, counts):
    """Spearman's (R,) of the two columns of pairs (N, 2), where row n counts counts[r, n] times; counts (R, N)."""
    known = ~np.isnan(pairs).any(axis=1)
    counts = counts[:, known]
    total = counts.sum(axis=1, keepdims=True)
    one, other = (_ranks(values, counts) - (total + 1) / 2 for values in pairs[known].T)
    spread = np.sqrt((counts * one**2).sum(axis=1) * (counts * other**2).sum(axis=1))
    both = (counts * one * other).sum(axis=1)
    return np.divide(both, spread, out=np.full(len(counts), np.nan), where=(spread > 0) & (total[:, 0] > 2))


def _ranks(values, counts):
    """Ranks (R, n) of values (n,), each of which is there counts[r, n] times; equal values share their middle rank."""
    order = np.argsort(values, kind="stable")
    distinct, place = np.unique(values, return_inverse=True)
    of_each = np.add.reduceat(counts[:, order], np.searchsorted(values[order], distinct), axis=1)
    return (of_each.cumsum(axis=1) - (of_each - 1) / 2)[:, place]
