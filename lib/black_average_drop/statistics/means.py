"""Means over patients, their 95 % intervals and two-sided tests against 0: one procedure for levels and differences.

A mean over images is a ratio of sums, so a patient counts with the part that its images have in it (linearised). The
limits are those of `skewed`. Patients of strata, as of folds, are compared within them: other patients do not change
how far the strata are apart. Exact shares and bets do not use this, and hold all the same. Where fewer patients than
CARRIERS and than the root of their number carry either side of the mean, the sample says too little about its tails.
Then there is neither interval nor test, unless the values have bounds: bets on them (`betting`) hold whatever the
distribution. A share that each patient has or lacks has the interval of Clopper and Pearson.

paper_figures/reliability.md says how often all this errs, and where it must: no rule sees what was not drawn.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from black_average_drop.statistics.betting import betting_limits, betting_p
from black_average_drop.statistics.patients import ENOUGH, patients_by_stratum, sums_by_patient
from black_average_drop.statistics.skewed import Moments, moments, skewed_limits, skewed_p

CARRIERS = 7  # patients that carry either side of a mean, as `skewed` counts them
NOISE = 1e-5  # scores are float32: up to this, a difference of two scores is rounding
_SHOWN = 0.05  # the level of the intervals that are shown


@dataclass(frozen=True, eq=False)
class Estimates:
    """Means over patients with their 95 % intervals and two-sided tests against 0. Arrays are (M,).

    p is the level at which the interval reaches 0, so the two never disagree. low, high and p are NaN where too few
    patients carry the mean.

    Attributes:
        value: the means.
        low: where the interval begins.
        high: where it ends.
        p: of the test.
        patients: how many have a value.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    patients: np.ndarray
    _moments: Moments
    _bounded: dict  # column -> a function of the level that gives its limits, where `_moments` do not
    _bounds: tuple

    def limits(self, level):
        """The interval (low, high), each (M,), of the test at a level between 0 and 1: 0.05 gives that of 95 %."""
        low, high = skewed_limits(self._moments, level)
        for column, limits in self._bounded.items():
            low[column], high[column] = limits(level)
        return np.clip(low, *self._bounds), np.clip(high, *self._bounds)


def estimate_means(values, resampling, bounds=None):
    """The mean of each column over patients: a level, or a difference of two columns on the same images.

    Args:
        values: (N, M), NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images, which says whose they are, and of which stratum.
        bounds: the limits (low, high) of the values. None, or infinite ones: no use is made of any.

    Returns:
        `Estimates`. Those of fewer than ENOUGH patients have neither interval nor p.

    Raises:
        ValueError: a value is outside the bounds.
    """
    values = np.asarray(values, "float64")
    bounds = None if bounds is None or not np.isfinite(bounds).all() else tuple(bounds)
    if bounds and not ((values >= bounds[0] - NOISE) & (values <= bounds[1] + NOISE) | np.isnan(values)).all():
        raise ValueError(f"Some values are not from {bounds[0]:g} to {bounds[1]:g}: pass the bounds that they have.")
    values = np.clip(values, *bounds) if bounds else values  # float32 is a little outside
    sums = sums_by_patient(np.nan_to_num(values), resampling.groups)
    counts = sums_by_patient(~np.isnan(values), resampling.groups)
    number = (counts > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, own = sums.sum(axis=0) / counts.sum(axis=0), sums / counts
    of_means = moments(parts_of_patients(sums, counts, resampling))
    is_bounded_difference = bounds and bounds[0] < 0  # as of hits, where bets say more about few patients
    needed = CARRIERS if is_bounded_difference else np.minimum(CARRIERS, np.sqrt(number))
    carried = np.minimum(of_means.below, of_means.above) >= needed - 1e-9
    carried &= (of_means.error * np.sqrt(number) > NOISE) & (number >= ENOUGH)
    of_means = Moments(*(np.where(carried, column, np.nan) for column in of_means))
    p, bounded, ends = skewed_p(of_means), {}, (-np.inf, np.inf)
    if bounds:
        ends = bounds
        for column in np.flatnonzero(number >= ENOUGH):
            there = counts[:, column] > 0
            limits, test = _of_bounded(own[there, column], counts[there, column], ends, carried[column])
            if limits:
                bounded[int(column)], p[column] = limits, test
    blank = np.full(len(p), np.nan)
    estimates = Estimates(value, blank, blank, p, number, of_means, bounded, ends)
    low, high = estimates.limits(_SHOWN)
    return Estimates(value, low, high, p, number, of_means, bounded, ends)


def parts_of_patients(sums, counts, resampling):
    """What each patient adds to the means over images: values (P, M) with the same means, NaN where it has no image.

    Args:
        sums: (P, M), of the values of each patient.
        counts: (P, M), how many each has.
        resampling: a `patients.Resampling`, for the strata.
    """
    number, images = (counts > 0).sum(axis=0), counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sums.sum(axis=0) / images
        parts = np.where(counts > 0, value + (sums - counts * value) * number / images, np.nan)
    return _within_strata(parts, value, resampling)


def _within_strata(parts, value, resampling):
    """The parts (P, M) of patients, each stratum moved to the mean value (M,) of all; a lone patient stays as it is.

    The spread of k patients around their own mean is k - 1 over k of that around the expected one, which is made up.
    """
    strata = patients_by_stratum(resampling)
    if len(strata) == 1:
        return parts
    parts = parts.copy()
    for members in strata:
        own = parts[members]
        known = (~np.isnan(own)).sum(axis=0)
        several = known > 1
        own = own[:, several]
        apart = (own - np.nanmean(own, axis=0)) * np.sqrt(known / (known - 1))[several]
        parts[np.ix_(members, several)] = value[several] + apart
    return parts


def _of_bounded(means, weights, bounds, carried):
    """What bounds add for a column: the function of its limits and its p, or two None if they add nothing.

    Args:
        means: (P,), of the values of each patient.
        weights: (P,), how many values each of them has.
        bounds: of the values.
        carried: whether enough patients carry the mean.
    """
    least, most = (np.isclose(means, end, rtol=0, atol=1e-9 * (bounds[1] - bounds[0])) for end in bounds)
    if (least | most).all() and ((weights == weights[0]).all() or least.all() or most.all()):
        limits = partial(_share_limits, int(most.sum()), len(means), bounds)
        return limits, _share_p(int(most.sum()), len(means), bounds)
    if carried:
        return None, None
    return partial(betting_limits, means, weights, bounds), betting_p(means, weights, bounds)


def _share_limits(hits, count, bounds, level):
    """The interval of Clopper and Pearson of hits among count patients, between the bounds."""
    from scipy.special import betaincinv

    low = betaincinv(hits, count - hits + 1, level / 2) if hits else 0.0
    high = 1 - betaincinv(count - hits, hits + 1, level / 2) if hits < count else 1.0
    return tuple(bounds[0] + (bounds[1] - bounds[0]) * np.array([low, high]))


def _share_p(hits, count, bounds):
    """The level at which `_share_limits` reach 0."""
    from scipy.stats import binom

    share = np.clip(-bounds[0] / (bounds[1] - bounds[0]), 0, 1)  # at which the mean is 0
    return float(min(1.0, 2 * min(binom.sf(hits - 1, count, share), binom.cdf(hits, count, share))))


def overturned_by_unseen(estimate, n, extreme):
    """Whether patients that nobody saw could turn the sign of a mean.

    Where none of n patients shows something, up to 3 / n of all patients may (the rule of three: 95 % confidence).

    Args:
        estimate: the mean.
        n: how many patients it rests on.
        extreme: the value of each unseen patient, at the end of the range that is opposite to the mean.
    """
    share = min(1.0, 3 / n)
    return bool(estimate * ((1 - share) * estimate + share * extreme) <= 0)
