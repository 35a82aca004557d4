"""The paper's two objections to Average Drop, measured: it depends on opacity, and on the size of the feature.

Images are pixels (N, H, W, 3) that fit in memory; `first_pass` is the `evaluation.Maps` of the same images.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import evaluation, masks
from black_average_drop.paper import claims
from black_average_drop.statistics import patients, trainings


class Correlation(NamedTuple):
    """Spearman's correlation of the drop with another quantity, over images."""

    value: float
    samples: np.ndarray  # (resamples,), its bootstrap over patients
    images: int  # how many have a drop


def contrasts(network, images, first_pass, exponents, alpha, batch_size=32, scheduler=""):
    """AD's drops when a map, scaled to a peak of 1, is raised to each power: the ranking of the pixels stays the same.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3).
        first_pass: the `evaluation.Maps` of the same images.
        exponents: the powers, above 0.
        alpha: the share of pixels that BAD keeps.
        batch_size: the number of images that go through the network at once.
        scheduler: as in `evaluation.evaluate`.

    Returns:
        method -> (N, len(exponents)), and the number of pixels of all of BAD's masks that any power changes.
    """
    drops, changed = {}, 0
    for name in first_pass.distinct_paper_methods:
        scaled = masks.scaled_to_peak(first_pass.shown(name, images.shape[1:3]).astype("float64"))
        kept = masks.kept_pixels(scaled, alpha)
        columns = []
        for power in exponents:
            raised = scaled**power
            columns.append(
                evaluation.blended_drops(network, images, raised, first_pass, batch_size, scheduler=scheduler)
            )
            changed += int((masks.kept_pixels(raised, alpha) != kept).sum())
        drops[name] = np.stack(columns, axis=1)
    return drops, changed


def contrast_table(drops, exponents, resampling):
    """The mean AD at each power of the maps with its 95 % interval.

    Args:
        drops: method -> (N, M), as `contrasts` gives them.
        exponents: (M,), the powers.
        resampling: a `patients.Resampling` of the N images.

    Returns:
        A DataFrame with columns method, exponent, AD, low and high.
    """
    tables = []
    for method, values in drops.items():
        low, high = patients.interval(patients.bootstrap_means(values, resampling))
        table = {"method": method, "exponent": exponents, "AD": np.nanmean(values, axis=0), "low": low, "high": high}
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def contrast_effect(drops):
    """AD of each image at the largest power minus that at the smallest, mean over the methods: (N,)."""
    return np.mean([values[:, -1] - values[:, 0] for values in drops.values()], axis=0)


def correlation_with_drop(rows, metric, ids, resampling, sizes=None):
    """How the drop under a metric goes with the opacity of the map or with the size of the feature.

    Args:
        rows: of `evaluation.evaluate`.
        metric: "AD" or "BAD".
        ids: (N,), the images that count.
        resampling: a `patients.Resampling` of the N images.
        sizes: a Series by id, the size of the feature. None: the opacity of the map.

    Returns:
        A `Correlation`, the mean of that under CAM and that under Grad-CAM++.
    """
    rows = rows[(rows["metric"] == metric) & rows["method"].isin(["CAM", "Grad-CAM++"])]
    wide = rows.pivot(index="id", columns="method", values=["drop", "opacity"]).loc[ids]
    columns = [
        (wide["opacity", method] if sizes is None else sizes.loc[ids], wide["drop", method])
        for method in ("CAM", "Grad-CAM++")
    ]
    value, samples = rank_correlation(columns, resampling)
    return Correlation(value, samples, int(wide["drop"].notna().any(axis=1).sum()))


def rank_correlation(columns, resampling):
    """Spearman's correlation of pairs of columns, averaged over the pairs, with its bootstrap over patients.

    Args:
        columns: pairs of (N,). Rows with a NaN are left out, and a constant column gives NaN.
        resampling: a `patients.Resampling` of the N rows.

    Returns:
        The correlation, from -1 to 1, and its bootstrap (resamples,).
    """
    table = np.stack([np.stack(pair, axis=1) for pair in columns])  # pairs, N, 2

    def correlations(counts):
        return np.mean([_rank_correlations(pair, counts) for pair in table], axis=0)

    samples = [correlations(counts) for counts in patients.bootstrap_counts(resampling)]
    return float(correlations(np.ones((1, table.shape[1])))[0]), np.concatenate(samples)


def measured_correlation(correlations, source):
    """The `claims.Measured` of a correlation over trainings.

    Args:
        correlations: a `Correlation` for each training, from the same draws of patients.
        source: of the images, in words.
    """
    samples = np.stack([one.samples for one in correlations], axis=1)
    estimate = trainings.statistic_across_trainings([one.value for one in correlations], samples, (-1, 1))
    return claims.Measured(estimate, max(one.images for one in correlations), source)


def measured_difference(values, resampling, source, reach=1.0):
    """The `claims.Measured` of a paired difference over trainings.

    Args:
        values: (N,) for each training, NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        source: of the images, in words.
        reach: the largest difference that an image can have.
    """
    return claims.measured_mean(np.stack(values, axis=1), resampling, source, reach=reach)


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
    distinct, place = np.unique(values, return_inverse=True)
    of_each = counts @ (place[:, None] == np.arange(len(distinct)))
    return (of_each.cumsum(axis=1) - (of_each - 1) / 2)[:, place]
