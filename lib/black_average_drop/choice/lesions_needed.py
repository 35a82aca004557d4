"""About how many lesions would decide between two maps."""

import numpy as np
from scipy.stats import norm

from black_average_drop.statistics import comparisons, means
from black_average_drop.statistics.patients import ENOUGH

POWER = 0.8  # the chance that so many lesions decide, if the difference is the one that was measured


def lesions_needed(differences, groups, tests=1):
    """Estimate how many lesions like these would decide the sign of a mean of paired differences.

    For a two-sided test it is n (z_level + z_power)^2 / z^2, where n lesions gave the mean and z is the mean over its
    standard error over patients. The level is divided by the number of tests, which is Holm's first step and so the
    hardest. There are also as many lesions needed as bring ENOUGH patients that differ. The number is an
    order of magnitude, since z is estimated from the few lesions that there are.

    Args:
        differences: (M,), one for each lesion.
        groups: (M,), the patient of each lesion.
        tests: how many are corrected together.

    Returns:
        A number above M, rounded up to two digits. NaN where the mean is 0 or there are fewer than two patients.
    """
    differences, count = np.asarray(differences, "float64"), len(differences)
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    patients = int(patient.max(initial=-1)) + 1
    if patients < 2 or abs(differences.mean()) <= means.NOISE:
        return np.nan
    sums = np.bincount(patient, differences)
    residuals = np.bincount(patient, differences - differences.mean())
    error = np.sqrt((residuals**2).sum() * patients / (patients - 1)) / count
    quantiles = norm.isf(comparisons.LEVEL / 2 / tests) + norm.isf(1 - POWER)
    for_power = count * (quantiles * error / differences.mean()) ** 2
    for_rule = count * ENOUGH * (sums**2).sum() / np.abs(sums).sum() ** 2
    needed = max(for_power, for_rule, count + 1)
    step = 10.0 ** (np.floor(np.log10(needed)) - 1)
    return float(max(1.0, step) * np.ceil(round(needed / max(1.0, step), 9)))
