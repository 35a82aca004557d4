"""Pairs of maps compared on the same images, and the correction for their number."""

import numpy as np
import pandas as pd

from black_average_drop.statistics.means import FLIPS, bootstrap_differences, sign_flip_test
from black_average_drop.statistics.patients import interval

LEVEL = 0.05  # of the corrected tests


def holm(p_values):
    """P values (M,) corrected for their number by Holm's step-down method, in the same order. NaN is no test."""
    p_values = np.asarray(p_values, "float64")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * ((~np.isnan(p_values)).sum() - np.arange(len(p_values)))  # NaN comes last
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted


def differences(values, names, resampling, flips=FLIPS):
    """Every pair of maps compared on the same images.

    Args:
        values: (N, M), image by map, NaN where an image has no value.
        names: (M,), of the maps.
        resampling: a `Resampling` of the N images.
        flips: as for `sign_flip_test`.

    Returns:
        A DataFrame, a row for each pair, with columns first, second, difference (of the means, second − first), low,
        high, p and p_holm. low and high are the 95 % interval over patients, p is that of `sign_flip_test`, and p_holm
        corrects it for the number of pairs that have one. These four are NaN where too few patients differ.
    """
    first, second = np.triu_indices(len(names), 1)
    paired = values[:, second] - values[:, first]
    low, high = interval(bootstrap_differences(paired, resampling))
    p = np.where(np.isnan(low), np.nan, sign_flip_test(paired, resampling.groups, flips, resampling.seed))
    return pd.DataFrame(
        {
            "first": np.asarray(names)[first],
            "second": np.asarray(names)[second],
            "difference": np.nanmean(paired, axis=0),
            "low": low,
            "high": high,
            "p": p,
            "p_holm": holm(p),
        }
    )
