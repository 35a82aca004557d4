"""Do two maps differ, and is the difference within a margin? Two questions, with one answer each.

A difference can be real and too small to matter. The margin says what is too small, in the unit of the values. Whether
a difference is within it is asked by two one-sided tests (Schuirmann 1987), each at 5 %, for all pairs together.
"""

import numpy as np
import pandas as pd

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.means import NOISE, estimate_means
from black_average_drop.statistics.patients import ENOUGH, sums_by_patient
from black_average_drop.statistics.simultaneous import adjusted, largest_errors, level_of_each, level_of_sameness


def compare_pairs(values, names, resampling, reach, pairs=None):
    """Compare maps two by two on the same images, with limits for all these pairs together.

    Args:
        values: (N, M), image by map, NaN where an image has no value.
        names: (M,), of the maps.
        resampling: a `patients.Resampling` of the N images.
        reach: the largest difference that two values of an image can have.
        pairs: of positions of maps, a list; None for all pairs.

    Returns:
        A DataFrame, a row for each pair, with columns first, second and those of `compare_differences`, of second −
        first.
    """
    first, second = np.triu_indices(len(names), 1) if pairs is None else np.reshape(pairs, (-1, 2)).astype(int).T
    values, names = np.asarray(values), np.asarray(names)
    table = pd.DataFrame({"first": names[first], "second": names[second]})
    return table.join(compare_differences(values[:, second] - values[:, first], resampling, reach))


def compare_differences(differences, resampling, reach):
    """Whether mean differences are from 0, and within which margin, with limits for all of them together.

    Args:
        differences: (N, M), NaN where an image has none.
        resampling: a `patients.Resampling` of the N images.
        reach: the largest difference of an image.

    Returns:
        A DataFrame, a row for each of M, with columns

        - difference (the mean);
        - low, high, p: the 95 % interval and the test of this difference alone;
        - all_low, all_high: intervals of which all hold the truth in 95 % of repetitions;
        - p_adjusted, for all differences, and differs: whether the interval for all leaves out 0;
        - within: the smallest margin that holds the difference, for all of them at 5 %.

        Where too few patients differ, only `within` is given: the largest share of patients that may differ (Clopper
        and Pearson) times reach. Below ENOUGH patients there is none either.
    """
    estimates, count = estimate_means(differences, resampling), max(differences.shape[1], 1)
    largest = largest_errors(differences, resampling) if count > 1 else np.array([np.nan])  # one needs no correction
    few = np.isnan(estimates.low)
    all_low, all_high = estimates.limits(level_of_each(largest, LEVEL, count))
    of_all = 2 * LEVEL / count if few.any() else level_of_sameness(largest, LEVEL, count)
    within = np.abs(estimates.limits(of_all)).max(axis=0)
    for column in np.flatnonzero(few):
        within[column] = bound_by_differing(differences[:, column], resampling.groups, reach, LEVEL / count)
    table = {"difference": estimates.value, "low": estimates.low, "high": estimates.high, "p": estimates.p}
    table |= {"all_low": all_low, "all_high": all_high, "p_adjusted": adjusted(estimates.p, largest)}
    return pd.DataFrame(table | {"differs": (all_low > 0) | (all_high < 0), "within": within})


def bound_by_differing(differences, groups, reach, level):
    """A limit of a mean's distance from 0, by how many patients differ at all.

    Args:
        differences: (N,), NaN where an image has none.
        groups: (N,), the patient of each image.
        reach: the largest difference of an image.
        level: how often the limit may be too small.

    Returns:
        The limit, NaN below ENOUGH patients.
    """
    from scipy.special import betaincinv

    known = ~np.isnan(differences)
    images = sums_by_patient(known[:, None], groups)[:, 0]
    apart = sums_by_patient(known[:, None] & (np.abs(differences) > NOISE)[:, None], groups)[:, 0] > 0
    count, hits = int((images > 0).sum()), int(apart.sum())
    if count < ENOUGH:
        return np.nan
    share = betaincinv(hits + 1, count - hits, 1 - level) if hits < count else 1.0
    return min(1.0, share * images.max() / images[images > 0].mean()) * reach
