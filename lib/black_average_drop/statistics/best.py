"""Which maps may be the best: multiple comparisons with the best (Hsu 1984, Ann. Statist. 12:1136).

Less is better. A map leaves the set if its one-sided limit says that another one is better. The best map is compared
with all others at once, and only its comparisons can go wrong. So it stays in the set in 97.5 % of repetitions, however
many maps there are, and of two maps one leaves where the two-sided test at 5 % says that they differ. How much worse
than the best a map is at most is a limit at 5 %, as sameness is shown. A pair that too few patients tell apart puts
none of its maps out; how many differ at all limits how much worse one of them can be.
"""

import numpy as np
import pandas as pd

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.equivalence import bound_by_differing
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.simultaneous import largest_errors, level_of_each


def compare_with_best(values, names, resampling, reach):
    """Each map against the best of the others.

    Args:
        values: (N, M), image by map, NaN where an image has no value. Less is better.
        names: (M,), of the maps.
        resampling: a `patients.Resampling` of the N images.
        reach: the largest difference that two values of an image can have.

    Returns:
        A DataFrame, a row a map, with columns map, mean, excess (over the smallest mean of the others), may_be_best,
        least and most: how much worse than the best of the others. least is at most 0 for the maps that may be the
        best, and most is at least 0. Below `patients.ENOUGH` patients both are infinite.
    """
    values = np.asarray(values, "float64")
    count, means = len(names), np.nanmean(values, axis=0)
    if count == 1:
        alone = {"map": names, "mean": means, "excess": np.nan, "may_be_best": True, "least": 0.0, "most": 0.0}
        return pd.DataFrame(alone)
    lower = _lower_limits(values, resampling, reach, LEVEL / 2)
    upper = -_lower_limits(values, resampling, reach, LEVEL).T
    may_be_best = (lower <= 0).all(axis=1)
    rows = []
    for own, name in enumerate(names):
        others = np.arange(count) != own
        rivals = others & may_be_best
        row = {"map": name, "mean": means[own], "excess": means[own] - means[others].min()}
        row |= {"may_be_best": may_be_best[own], "least": lower[own, others].max()}
        rows.append(row | {"most": max(0.0, upper[own, rivals].max()) if rivals.any() else 0.0})
    return pd.DataFrame(rows)


def _lower_limits(values, resampling, reach, level):
    """The one-sided limits (M, M) of row − column, as each row is compared with all columns at once."""
    count = values.shape[1]
    lower = np.full((count, count), -np.inf)
    for own in range(count):
        others = np.flatnonzero(np.arange(count) != own)
        differences = values[:, [own]] - values[:, others]
        estimates = estimate_means(differences, resampling)
        few = np.isnan(estimates.low)
        largest = largest_errors(differences, resampling, one_sided=True)
        bonferroni, at_once = 2 * level / len(others), level_of_each(largest, level, len(others), one_sided=True)
        low, _ = estimates.limits(bonferroni if few.any() else at_once)
        for column in np.flatnonzero(few):
            low[column] = -bound_by_differing(differences[:, column], resampling.groups, reach, level / len(others))
        lower[own, others] = np.where(np.isnan(low), -np.inf, low)
    return lower
