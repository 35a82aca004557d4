"""Maps by their mean drop, and every pair of them on the same images."""

import numpy as np
import pandas as pd

from black_average_drop import statistics


def rank_maps(drops, controls, resampling):
    """Maps by their mean drop, the smallest first.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `statistics.Resampling` of the images.

    Returns:
        A DataFrame with columns map, control, drop, low, high and images; low and high are the 95 % interval over
        patients.
    """
    low, high = statistics.interval(statistics.bootstrap_means(drops.to_numpy(), resampling))
    names = drops.columns.to_numpy()
    table = pd.DataFrame({"map": names, "control": np.isin(names, list(controls)), "drop": drops.mean().to_numpy()})
    table = table.assign(low=low, high=high, images=drops.notna().sum().to_numpy())
    return table.sort_values("drop", kind="stable", ignore_index=True)


def comparisons(drops, controls, resampling):
    """Every method against every other map on the same images.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `statistics.Resampling` of the images.

    Returns:
        A DataFrame, rows of `statistics.differences`, where p_holm corrects for the pairs that have a method in them.
    """
    pairs = statistics.differences(drops.to_numpy(), list(drops.columns), resampling)
    pairs = pairs[~(pairs["first"].isin(controls) & pairs["second"].isin(controls))].reset_index(drop=True)
    return pairs.assign(p_holm=statistics.holm(pairs["p"]))
