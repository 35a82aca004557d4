"""Intervals of a mean of bounded values that hold whatever the distribution: bets against each mean that it may have.

If the mean is m, the product of 1 + s (x - m) over the patients is 1 on average for every stake s that keeps it from
falling below 0. So a mean m at which the product reaches 1 / level is refuted at this level (Waudby-Smith and Ramdas
2024, J. R. Statist. Soc. B 86:1). Here the product is the mean over a few fixed stakes. It sees no order of patients.

Patients with several images count by their number of images, as in the mean over all images.
"""

import numpy as np

STAKES = 2.0 ** -np.arange(10)  # shares of the largest stake
STEPS = 60  # of the search for a limit, which halve the range each time


def betting_limits(means, weights, bounds, level):
    """The interval of a weighted mean over patients.

    Args:
        means: (P,), of the values of each patient.
        weights: (P,), how many values each of them has.
        bounds: the limits (least, most) of the values, both finite.
        level: of the interval, between 0 and 1; 0.05 gives that of 95 %.

    Returns:
        (low, high).
    """
    least, most = bounds
    low = _lower_limit(np.asarray(means, "float64") - least, weights, most - least, level / 2)
    high = _lower_limit(most - np.asarray(means, "float64"), weights, most - least, level / 2)
    return least + low, most - high


def betting_p(means, weights, bounds):
    """The two-sided p value of the mean against 0, the level at which the limits reach it. Arguments as there."""
    least, most = bounds
    if not least < 0 < most:
        return 1.0
    above = _log_capital(np.asarray(means, "float64") - least, weights, -least)
    below = _log_capital(most - np.asarray(means, "float64"), weights, most)
    return float(min(1.0, 2 * np.exp(-max(above, below))))


def _log_capital(values, weights, mean):
    """The logarithm of what bets win that the mean of values at or above 0 is above this one."""
    shares = np.asarray(weights) / np.max(weights)
    with np.errstate(divide="ignore"):
        won = np.log1p(STAKES[:, None] * shares * (values / mean - 1)).sum(axis=1)
    return np.logaddexp.reduce(won) - np.log(len(STAKES))


def _lower_limit(values, weights, most, level):
    """The largest mean, from 0 to most, that bets on a larger one refute at this level."""
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _log_capital(values, weights, middle) >= -np.log(level):
            low = middle
        else:
            high = middle
    return low
