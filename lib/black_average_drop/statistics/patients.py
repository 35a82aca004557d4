"""Patients drawn again and again: images of one patient are alike, so the bootstrap draws whole patients."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

ENOUGH = 10  # patients that differ, as `enough_differ` counts them, for an interval of a paired difference


@dataclass(frozen=True, eq=False)
class Resampling:
    """How patients are drawn with replacement: who they are, how often, and from which seed.

    Attributes:
        groups: (N,), the patient of each row of the values.
        resamples: how many times all patients are drawn.
        seed: of the draws; the same seed gives the same draws.
    """

    groups: np.ndarray
    resamples: int = 2000
    seed: int = 0

    def of_rows(self, rows):
        """The same number of draws and the same seed for the patients of some rows.

        Args:
            rows: indices, a slice, or a boolean array (N,).
        """
        return replace(self, groups=np.asarray(self.groups)[rows])


def bootstrap_means(values, resampling):
    """Means of each column over patients drawn with replacement. Every column has the same draws (paired).

    Args:
        values: (N, M), NaN where a row has no value.
        resampling: a `Resampling` of the N rows.

    Returns:
        (resamples, M). A column without any value in a resample gives NaN there.
    """
    values = np.asarray(values, "float64")
    sums = sums_by_patient(np.nan_to_num(values), resampling.groups)
    counts = sums_by_patient(~np.isnan(values), resampling.groups)
    means = np.full((resampling.resamples, values.shape[1]), np.nan)
    for start in range(0, resampling.resamples, 100):  # by blocks, since draws are (resamples, patients)
        block = slice(start, start + 100)
        draws = _draws(len(sums), resampling.resamples, resampling.seed)[block].astype("float64")
        totals = draws @ counts
        np.divide(draws @ sums, totals, out=means[block], where=totals > 0)
    return means


@lru_cache(maxsize=2)  # one table asks for the same draws hundreds of times
def _draws(patients, resamples, seed):
    """How often each patient is drawn: uint16 (resamples, patients)."""
    generator, draws = np.random.default_rng(seed), np.empty((resamples, patients), "uint16")
    for start in range(0, resamples, 100):
        block = draws[start : start + 100]
        block[:] = generator.multinomial(patients, np.full(patients, 1 / patients), size=len(block))
    return draws


def bootstrap_counts(resampling):
    """How often each image is drawn, by the draws of `bootstrap`.

    Args:
        resampling: a `Resampling` of N images.

    Yields:
        Blocks (R, N) of float64, R at most 100, for all resamples together.
    """
    patient, patients = _numbered(resampling.groups)
    generator = np.random.default_rng(resampling.seed)
    for start in range(0, resampling.resamples, 100):
        count = min(100, resampling.resamples - start)
        draws = [generator.integers(patients, size=patients) for _ in range(count)]
        yield np.stack([np.bincount(draw, minlength=patients) for draw in draws]).astype("float64")[:, patient]


def bootstrap(statistic, resampling):
    """Any statistic over patients drawn with replacement; `bootstrap_means` is the fast way for means.

    Args:
        statistic: a function of the indices (n,) of the images drawn, which gives (M,).
        resampling: a `Resampling` of the images.

    Returns:
        (resamples, M).
    """
    patient, _ = _numbered(resampling.groups)
    rows = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    generator = np.random.default_rng(resampling.seed)
    draws = (generator.integers(len(rows), size=len(rows)) for _ in range(resampling.resamples))
    return np.array([np.atleast_1d(statistic(np.concatenate([rows[one] for one in draw]))) for draw in draws])


def interval(samples, level=0.95):
    """Percentile interval of bootstrap samples.

    Args:
        samples: (resamples, M). NaN samples are left out.
        level: the share of the samples inside, between 0 and 1.

    Returns:
        (low, high), each (M,), NaN for a column of nothing but NaN.
    """
    tail = 100 * (1 - level) / 2
    low, high = np.full(samples.shape[1], np.nan), np.full(samples.shape[1], np.nan)
    known = ~np.isnan(samples).all(axis=0)
    if known.any():
        low[known], high[known] = np.nanpercentile(samples[:, known], [tail, 100 - tail], axis=0)
    return low, high


def sums_by_patient(values, groups):
    """The sums (patients, M) of values (N, M) over the rows of each patient, float64."""
    patient, patients = _numbered(groups)
    sums = np.zeros((patients, values.shape[1]))
    np.add.at(sums, patient, values)
    return sums


def _numbered(groups):
    """The number (N,) of each row's patient, from 0, and how many patients there are."""
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    return patient, int(patient.max()) + 1
