"""Which maps may be the best: multiple comparisons with the best (Hsu 1984, Ann. Statist. 12:1136).

Less is better. A map leaves the set if its one-sided limit says that another one is better. The best map is compared
with all others at once, and only its comparisons can go wrong. So it stays in the set in 95 % of repetitions, however
many maps there are. A pair that too few patients tell apart puts none of its maps out.
"""

import numpy as np
import pandas as pd

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.simultaneous import largest_errors, level_of_each


def compare_with_best(values, names, resampling, bounds=None):
    """Each map against the best of the others.

    Args:
        values: (N, M), image by map, NaN where an image has no value. Less is better.
        names: (M,), of the maps.
        resampling: a `patients.Resampling` of the N images.
        bounds: as of `comparisons.differences`.

    Returns:
        A DataFrame, a row a map, with columns map, mean, excess (over the smallest mean of the others), may_be_best,
        and the limits that hold for all maps in 95 % of repetitions: least and most, how much worse than the best of
        the others. least is at most 0, and most is at least 0 (infinite where too few patients tell).
    """
    values = np.asarray(values, "float64")
    count = len(names)
    lower = np.full((count, count), -np.inf)  # of row − column, as the row is compared with all others
    for own in range(count):
        others = np.flatnonzero(np.arange(count) != own)
        differences = values[:, [own]] - values[:, others]
        estimates = estimate_means(differences, resampling, bounds)
        largest = largest_errors(differences, resampling, one_sided=True)
        low, _ = estimates.limits(level_of_each(largest, LEVEL, len(others), one_sided=True))
        lower[own, others] = np.where(np.isnan(low), -np.inf, low)
    may_be_best = (lower <= 0).all(axis=1)
    means = np.nanmean(values, axis=0)
    rows = []
    for own, name in enumerate(names):
        others = np.arange(count) != own
        rivals = others & may_be_best
        most = max(0.0, (-lower[rivals, own]).max()) if rivals.any() else 0.0
        row = {"map": name, "mean": means[own], "excess": means[own] - means[others].min()}
        row |= {"may_be_best": may_be_best[own], "least": min(0.0, lower[own, others].max()), "most": most}
        rows.append(row)
    return pd.DataFrame(rows)
