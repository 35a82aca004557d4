"""How many more would answer what a mean over trainings leaves open: patients, or trainings where these dominate."""

from typing import NamedTuple

import numpy as np

from black_average_drop.statistics.patients_needed import POWER, SURE, needed_for_means, z_squared
from black_average_drop.statistics.trainings import across_trainings
from black_average_drop.statistics.variance_recovery import covariance_over_patients, means_of_known, patients_part

FEWEST, MOST = 3, 10_000  # trainings: fewer give no verdict, and more nobody trains


class Needed(NamedTuple):
    """How many would show a difference of the margin.

    Attributes:
        what: "patients" or "trainings"; "" where that is unknown.
        fewest: of them, at the low end of the 80 % interval of the variance; infinite where the others' part alone is
            too large.
        most: at the high end; infinite where no number of patients can be named.
    """

    what: str = ""
    fewest: float = np.nan
    most: float = np.nan


def needed_across(values, resampling, margin, level):
    """How many patients or trainings such as these would show a difference of the margin, with a power of 80 %.

    Args:
        values: (N, S), image by training, NaN where an image has no value.
        resampling: a `patients.Resampling` of the N images.
        margin: the difference that matters, above 0.
        level: of the two-sided test.

    Returns:
        A `Needed`. What the others add stays: trainings are as many as they are where patients are asked for.
    """
    values = np.asarray(values, "float64")
    of_images = means_of_known(values, axis=1)[:, None]
    count, dominated = values.shape[1], across_trainings(values, resampling).dominated_by
    if count == 1:
        return Needed("patients", *(end[0] for end in needed_for_means(of_images, resampling, margin, level, POWER)))
    if not dominated:
        return Needed()
    within, of_patients = patients_part(covariance_over_patients(values, resampling.groups))
    spread = float(means_of_known(values, axis=0).var(ddof=1))
    allowed = margin**2 / z_squared(level, POWER)
    if dominated == "trainings":
        room = max(0.0, allowed - max(0.0, of_patients - within / count)) * z_squared(level, POWER)
        ends = _variance_of_few(spread, count)
        return Needed(dominated, *(_trainings(end, room, level) for end in ends))
    room = allowed - max(0.0, spread - within) / count
    if room <= 0:
        return Needed(dominated, np.inf, np.inf)
    ends = needed_for_means(of_images, resampling, np.sqrt(room * z_squared(level, POWER)), level, POWER)
    return Needed(dominated, *(end[0] for end in ends))


def _trainings(variance, room, level):
    """How many trainings of a variance have a mean whose squared distance from 0, times its errors, is in the room.

    The distance is Student's, so few trainings need more than a normal distribution says. At least FEWEST.
    """
    from scipy.stats import t

    if not room > 0:
        return np.inf
    counts = np.arange(FEWEST, MOST + 1)
    distances = (t.isf(level / 2, counts - 1) + t.ppf(POWER, counts - 1)) ** 2
    enough = variance / counts * distances <= room
    return float(counts[enough.argmax()]) if enough.any() else np.inf


def _variance_of_few(variance, count):
    """The interval, at SURE, of the variance between normal values of which there are count."""
    from scipy.stats import chi2

    outside = (1 - SURE) / 2
    return tuple(variance * (count - 1) / chi2.isf(tail, count - 1) for tail in (outside, 1 - outside))
