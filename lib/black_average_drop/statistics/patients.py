"""Patients drawn again and again: images of one patient are alike, so the bootstrap draws whole patients."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

ENOUGH = 10  # patients: fewer give neither an interval nor a test, of whatever


@dataclass(frozen=True, eq=False)
class Resampling:
    """How patients are drawn with replacement: who they are, how often, and from which seed.

    Attributes:
        groups: (N,), the patient of each row of the values.
        resamples: how many times all patients are drawn.
        seed: of the draws; the same seed gives the same draws.
        strata: (N,), the stratum of each row. Of each stratum as many patients are drawn as it has. None: one stratum.
    """

    groups: np.ndarray
    resamples: int = 2000
    seed: int = 0
    strata: np.ndarray | None = None

    def of_rows(self, rows):
        """The same number of draws and the same seed for the patients of some rows.

        Args:
            rows: indices, a slice, or a boolean array (N,).
        """
        strata = None if self.strata is None else np.asarray(self.strata)[rows]
        return replace(self, groups=np.asarray(self.groups)[rows], strata=strata)


def bootstrap_means(values, resampling):
    """Means of each column over patients drawn with replacement. Every column has the same draws (paired).

    Args:
        values: (N, M), NaN where a row has no value.
        resampling: a `Resampling` of the N rows.

    Returns:
        (resamples, M). A column without any value in a resample gives NaN there, and one of fewer than ENOUGH patients
        gives NaN alone.
    """
    values = np.asarray(values, "float64")
    sums = sums_by_patient(np.nan_to_num(values), resampling.groups)
    counts = sums_by_patient(~np.isnan(values), resampling.groups)
    strata = patients_by_stratum(resampling)
    sums, counts = sums[np.concatenate(strata)], counts[np.concatenate(strata)]
    means = np.full((resampling.resamples, values.shape[1]), np.nan)
    for start in range(0, resampling.resamples, 100):  # by blocks, since draws are (resamples, patients)
        block = slice(start, start + 100)
        draws = _draws(tuple(map(len, strata)), resampling.resamples, resampling.seed)[block].astype("float64")
        totals = draws @ counts
        np.divide(draws @ sums, totals, out=means[block], where=totals > 0)
    means[:, (counts > 0).sum(axis=0) < ENOUGH] = np.nan
    return means


@lru_cache(maxsize=2)  # one table asks for the same draws hundreds of times
def _draws(sizes, resamples, seed):
    """How often each patient is drawn, stratum after stratum: uint16 (resamples, patients)."""
    generator, draws = np.random.default_rng(seed), np.empty((resamples, sum(sizes)), "uint16")
    for start in range(0, resamples, 100):
        block = draws[start : start + 100]
        drawn = [generator.multinomial(size, np.full(size, 1 / size), size=len(block)) for size in sizes]
        block[:] = np.concatenate(drawn, axis=1)
    return draws


def bootstrap_counts(resampling):
    """How often each image is drawn, by the draws of `bootstrap`.

    Args:
        resampling: a `Resampling` of N images.

    Yields:
        Blocks (R, N) of float64, R at most 100, for all resamples together; NaN for fewer than ENOUGH patients.
    """
    patient, patients = _numbered(resampling.groups)
    drawn = _drawn_patients(resampling)
    for start in range(0, resampling.resamples, 100):
        draws = [next(drawn) for _ in range(min(100, resampling.resamples - start))]
        counts = np.stack([np.bincount(draw, minlength=patients) for draw in draws]).astype("float64")[:, patient]
        yield counts if patients >= ENOUGH else np.full_like(counts, np.nan)


def bootstrap(statistic, resampling):
    """Any statistic over patients drawn with replacement; `bootstrap_means` is the fast way for means.

    Args:
        statistic: a function of the indices (n,) of the images drawn, which gives (M,).
        resampling: a `Resampling` of the images.

    Returns:
        (resamples, M), NaN for fewer than ENOUGH patients.
    """
    patient, patients = _numbered(resampling.groups)
    if patients < ENOUGH:
        return np.full((resampling.resamples, np.size(statistic(np.arange(len(patient))))), np.nan)
    rows = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    drawn = _drawn_patients(resampling)
    return np.array([np.atleast_1d(statistic(np.concatenate([rows[one] for one in draw]))) for draw in drawn])


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
    starts = np.cumsum(np.bincount(patient, minlength=patients)) - np.bincount(patient, minlength=patients)
    return np.add.reduceat(np.asarray(values, "float64")[np.argsort(patient, kind="stable")], starts, axis=0)


def patients_by_stratum(resampling):
    """The numbers of the patients of each stratum, in the order of `sums_by_patient`: a list of arrays.

    Raises:
        ValueError: if a patient is in two strata.
    """
    patient, patients = _numbered(resampling.groups)
    if resampling.strata is None:
        return [np.arange(patients)]
    strata, stratum = np.unique(np.asarray(resampling.strata), return_inverse=True)
    of_patient = np.empty(patients, int)
    of_patient[patient] = stratum
    if (of_patient[patient] != stratum).any():
        raise ValueError("A patient is in two strata: put all images of a patient in one.")
    return [np.flatnonzero(of_patient == number) for number in range(len(strata))]


def _drawn_patients(resampling):
    """The numbers of the patients of each draw, one array a draw."""
    strata, generator = patients_by_stratum(resampling), np.random.default_rng(resampling.seed)
    for _ in range(resampling.resamples):
        yield np.concatenate([members[generator.integers(len(members), size=len(members))] for members in strata])


def _numbered(groups):
    """The number (N,) of each row's patient, from 0, and how many patients there are."""
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    return patient, int(patient.max()) + 1
