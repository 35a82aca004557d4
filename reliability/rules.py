"""Rules that give means of differences an interval and a test: ours, and those that it is compared with.

Each takes values (patients, draws) and gives low, high and p, each (draws,), NaN where it refuses.
"""

import numpy as np
from scipy.stats import t

from black_average_drop.statistics import skewed
from black_average_drop.statistics.betting import betting_limits, betting_p
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

OWN, STUDENT = "estimate_means", "Student's t"
FLIPS, RESAMPLES = 1999, 999
RANGE = 10  # normal, exponential and lognormal values divided by it are taken for differences from -1 to 1


def own(values):
    estimates = estimate_means(values, Resampling(np.arange(len(values))))
    return estimates.low, estimates.high, estimates.p


def student(values):
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        return _around(mean, error, t.isf(0.025, len(values) - 1), 2 * t.sf(np.abs(mean / error), len(values) - 1))


def student_where_enough_differ(values):
    """The normal interval where 10 patients differ by (sum |d|)^2 / sum d^2, as the claims had it."""
    return _where_enough_differ(values, student(values))


def hall(values, factor=1.0, further=False):
    """Hall's transformation alone, with n - 1 degrees of freedom."""
    of_means = skewed.moments(values)
    skew = factor * of_means.skew / skewed.SKEW
    degrees = np.full(len(skew), len(values) / skewed.DEGREES)  # so that there are n - 1
    of_means = of_means._replace(skew=skew, below=degrees, above=degrees)
    if further:
        return (*skewed.skewed_limits(of_means, 0.05), skewed.skewed_p(of_means))
    quantile = t.isf(0.025, len(values) - 1)
    low, high = (skewed.hall_inverse(sign * quantile, skew) for sign in (1, -1))
    studentised = of_means.mean / of_means.error
    transformed = studentised + skew * studentised**2 / 3 + skew**2 * studentised**3 / 27 + skew / 6
    p = 2 * t.sf(np.abs(transformed), len(values) - 1)
    return of_means.mean - low * of_means.error, of_means.mean - high * of_means.error, p


def further(values):
    """The further one of Hall's and Student's limits, with n - 1 degrees of freedom and no refusal."""
    return hall(values, further=True)


def sign_flips(values):
    """The percentile interval and the sign-flip test where 10 patients differ: the rule until 2026-11."""
    generator, count = np.random.default_rng(0), len(values)
    weights = generator.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    low, high = np.percentile(weights @ values, [2.5, 97.5], axis=0)
    signs = generator.choice([-1.0, 1.0], (FLIPS, count))
    reached = (np.abs(signs @ values) >= np.abs(values.sum(axis=0)) * (1 - 1e-9)).sum(axis=0)
    return _where_enough_differ(values, (low, high, (reached + 1) / (FLIPS + 1)))


def bootstrap_t(values):
    """The studentised mean over patients drawn again, with equal tails (Efron 1981)."""
    count = len(values)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    mean, apart = values.mean(axis=0), values - values.mean(axis=0)
    means = weights @ apart
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = means / np.sqrt((weights @ apart**2 - means**2) / (count - 1))
        error = values.std(axis=0, ddof=1) / np.sqrt(count)
        observed = mean / error
        studentised = np.where(np.isnan(studentised), 0, studentised)
        beyond = [
            (side + 1) / (RESAMPLES + 1)
            for side in (np.sum(studentised >= observed, axis=0), np.sum(studentised <= observed, axis=0))
        ]
        least, most = np.percentile(studentised, [2.5, 97.5], axis=0)
        return mean - most * error, mean - least * error, np.minimum(1, 2 * np.minimum(*beyond))


def betting(values):
    """Bets on differences from -1 to 1."""
    scaled = np.clip(values / (RANGE if np.abs(values).max() > 1 else 1), -1, 1)
    ones = np.ones(len(values))
    limits = np.array([betting_limits(column, ones, (-1, 1), 0.05) for column in scaled.T])
    return *limits.T, np.array([betting_p(column, ones, (-1, 1)) for column in scaled.T])


def _around(mean, error, quantile, p):
    return mean - quantile * error, mean + quantile * error, p


def _where_enough_differ(values, found):
    enough = np.abs(values).sum(axis=0) ** 2 >= 10 * (values**2).sum(axis=0) * (1 - 1e-9)
    return tuple(np.where(enough, one, np.nan) for one in found)


FAST = {
    OWN: own,
    STUDENT: student,
    "Student's t where 10 patients differ": student_where_enough_differ,
    "Hall's transformation": hall,
    "the further one of both": further,
}
SLOW = {
    OWN: own,
    "sign flips where 10 patients differ": sign_flips,
    "bootstrap-t": bootstrap_t,
    "bets on [-1, 1]": betting,
}
FOR_POWER = {OWN: own, STUDENT: student} | {name: rule for name, rule in SLOW.items() if name != OWN}
