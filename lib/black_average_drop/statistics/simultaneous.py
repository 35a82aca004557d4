"""Many comparisons at once: the level of each at which one of them errs as rarely as it should (max-T).

Patients are drawn again, and all comparisons see the same draws. So comparisons that go together, as of maps that are
nearly one, count for less than as many independent ones. The largest error of all comparisons, in standard errors,
gives a level for each (Westfall and Young 1993). The limits and tests at that level are those of `means`, which also
refuse what too few patients carry.
"""

import numpy as np

from black_average_drop.statistics.patients import bootstrap_means


def largest_errors(values, resampling, one_sided=False):
    """The largest error of M means in each resample of patients, in standard errors.

    Args:
        values: (N, M), NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        one_sided: whether only means that come out too large count as errors.

    Returns:
        (resamples,), NaN where no mean has an error.
    """
    samples = bootstrap_means(values, resampling)
    samples = samples[:, ~np.isnan(samples).all(axis=0)]
    errors = samples - np.nanmean(samples, axis=0)
    spread = np.nanstd(samples, axis=0)
    errors = np.nan_to_num(errors[:, spread > 0] / spread[spread > 0])  # a draw without a mean has no error
    if not errors.shape[1]:
        return np.full(len(samples), np.nan)
    return (errors if one_sided else np.abs(errors)).max(axis=1)


def level_of_each(largest, level, comparisons, one_sided=False):
    """The level of each comparison's two-sided interval at which one of them errs in a share of all repetitions.

    Args:
        largest: of `largest_errors`.
        level: that share, between 0 and 1.
        comparisons: how many there are, M. Bonferroni's level / M always holds.
        one_sided: whether one limit of each interval is used alone, as in `largest`.
    """
    from scipy.stats import norm

    sides = 2 if one_sided else 1
    if comparisons < 2:
        return sides * level
    if np.isnan(largest).all():
        return sides * level / comparisons
    return float(sides * np.clip(norm.sf(np.quantile(largest, 1 - level)) * 2 / sides, level / comparisons, level))


def level_of_sameness(largest, level, comparisons):
    """The level of each comparison's two-sided interval whose ends show sameness, one of all errs in a share level.

    A true difference can be missed on one side of its own interval alone. So either twice Bonferroni's level holds, or
    that at which no interval errs on any side.
    """
    return max(level_of_each(largest, level, comparisons), 2 * level / comparisons)


def adjusted(p_values, largest):
    """P values (M,) of comparisons, corrected for all of them: the level of all together at which each is rejected.

    Args:
        p_values: (M,), two-sided. NaN is no test, and counts as a comparison all the same.
        largest: of `largest_errors`, two-sided.

    Returns:
        (M,), at least p and at most M times p, at most 1.
    """
    from scipy.stats import norm

    p_values = np.asarray(p_values, "float64")
    bonferroni = np.minimum(1, len(p_values) * p_values)
    if np.isnan(largest).all():
        return bonferroni
    reached = (largest >= norm.isf(p_values / 2)[:, None]).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.clip((1 + reached) / (1 + len(largest)), p_values, bonferroni)
