"""Pairs of maps compared on the same images, and the correction for their number."""

import numpy as np
import pandas as pd

from black_average_drop.statistics.means import estimate_means

LEVEL = 0.05  # of the corrected tests


def holm(p_values):
    """P values (M,) corrected for their number by Holm's step-down method, in the same order. NaN is no test."""
    p_values = np.asarray(p_values, "float64")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * ((~np.isnan(p_values)).sum() - np.arange(len(p_values)))  # NaN comes last
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


def differences(values, names, resampling, bounds=None):
    """Every pair of maps compared on the same images.

    Args:
        values: (N, M), image by map, NaN where an image has no value.
        names: (M,), of the maps.
        resampling: a `patients.Resampling` of the N images.
        bounds: the limits of a difference of two values, as for `means.estimate_means`.

    Returns:
        A DataFrame, a row for each pair, with columns first, second, difference (of the means, second − first), low,
        high, p and p_holm. low, high and p are those of `means.estimate_means`, and p_holm corrects p for the number of
        pairs that have one. These four are NaN where too few patients differ.
    """
    first, second = np.triu_indices(len(names), 1)
    estimates = estimate_means(values[:, second] - values[:, first], resampling, bounds)
    return pd.DataFrame(
        {
            "first": np.asarray(names)[first],
            "second": np.asarray(names)[second],
            "difference": estimates.value,
            "low": estimates.low,
            "high": estimates.high,
            "p": estimates.p,
            "p_holm": holm(estimates.p),
        }
    )
