"""Does a metric rank maps as the truth does? Kendall's tau-b with intervals, and the metrics that controls fool.

Values are (N, M): image by map. More is better, and NaN means that an image has no value.
"""

import numpy as np
import pandas as pd

from black_average_drop.statistics import patients
from black_average_drop.statistics.means import estimate_means

VALUE_DIGITS, TRUTH_DIGITS = 5, 4  # decimals to which metrics and truths are compared
TRUTH = "the truth itself"  # ranked like a metric: the other rows are read against this one
MAPS = ("methods and controls", "methods alone")
FLAT = ("all ones", "Fake-CAM")  # controls that are the same all over, but for a pixel: they rank nothing in an image


def tau_b(one, other):
    """Kendall's tau-b, which corrects for ties.

    Args:
        one: (..., M), what ranks M maps.
        other: (..., M), what ranks the same maps.

    Returns:
        (...), from -1 to 1. NaN where one of the two is all ties or has a NaN.
    """
    first, second = np.triu_indices(one.shape[-1], 1)
    signs = [np.sign(values[..., first] - values[..., second]) for values in (one, other)]
    untied = np.sqrt((signs[0] ** 2).sum(axis=-1) * (signs[1] ** 2).sum(axis=-1))
    concordant = (signs[0] * signs[1]).sum(axis=-1)
    return np.divide(concordant, untied, out=np.full(np.shape(untied), np.nan), where=untied > 0)


def rank_agreement(values, truth, resampling, each=None):
    """How well a metric's ranking of M maps agrees with the truth's, by tau-b.

    Values that are equal after rounding to VALUE_DIGITS, and truths that are equal after rounding to TRUTH_DIGITS, are
    ties: further digits are the noise of float32 scores, or of ties that pixels share.

    Args:
        values: (N, M), of the metric.
        truth: (N, M), of the same images and maps.
        resampling: a `patients.Resampling` of the N images.
        each: boolean (M,), the maps that are ranked within an image; all of them by default.

    Returns:
        A dict. known: the number of images with values. set: the agreement of the means over these images, with its
        95 % interval set_low and set_high over patients. ranked: the number of images in which neither the metric nor
        the truth ranks all maps alike. image: the mean over these images of the agreement within an image, with its
        interval image_low and image_high, which is of `estimate_means`. What cannot be computed is NaN.
    """
    count = values.shape[1]
    known = ~np.isnan(values).any(axis=1) & ~np.isnan(truth).any(axis=1)
    values, truth, resampling = values[known], truth[known], resampling.of_rows(known)
    agreement = {"known": len(values), "set": np.nan, "set_low": np.nan, "set_high": np.nan}
    agreement |= {"ranked": 0, "image": np.nan, "image_low": np.nan, "image_high": np.nan}
    if not len(values):
        return agreement
    both = np.concatenate([values, truth], axis=1)
    samples = patients.bootstrap_means(both, resampling)
    means = both.mean(axis=0)
    low, high = patients.interval(_rounded_tau(samples[:, :count], samples[:, count:])[:, None])
    agreement |= {"set": float(_rounded_tau(means[:count], means[count:])), "set_low": low[0], "set_high": high[0]}
    each = np.full(count, True) if each is None else each
    by_image = _rounded_tau(values[:, each], truth[:, each])[:, None]
    agreement["ranked"] = int((~np.isnan(by_image)).sum())
    if agreement["ranked"]:
        mean = estimate_means(by_image, resampling, (-1, 1))
        agreement |= {"image": float(mean.value[0]), "image_low": mean.low[0], "image_high": mean.high[0]}
    return agreement


def _rounded_tau(values, truth):
    """`tau_b` of values and truths (..., M), each rounded to its digits."""
    return tau_b(np.round(values, VALUE_DIGITS), np.round(truth, TRUTH_DIGITS))


def fooled_by(values, names, controls, resampling):
    """The control that a metric prefers to every real map, and how often one is preferred in resamples.

    Args:
        values: (N, M), of the metric, rounded as in `rank_agreement`.
        names: (M,), of the maps.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the N images.

    Returns:
        The control's name, "" if there is none, and the share of the resamples with such a control, from 0 to 1. The
        share is NaN for fewer than `patients.ENOUGH` patients.
    """
    control = np.isin(names, list(controls))
    samples = np.round(patients.bootstrap_means(values, resampling), VALUE_DIGITS)
    best_control, best_real = (np.fmax.reduce(samples[:, chosen], axis=1) for chosen in (control, ~control))
    known = ~np.isnan(best_control) & ~np.isnan(best_real)
    share = float((best_control > best_real)[known].mean()) if known.any() else np.nan
    means = np.round(np.nanmean(values, axis=0), VALUE_DIGITS)
    best = int(np.nanargmax(np.where(control, means, -np.inf)))
    return (names[best] if means[best] > means[~control].max() else ""), share


def judge_metrics(measured, truth, methods, resampling, directions):
    """How far every metric ranks the maps as the truth does.

    An image counts for a metric if it has a value of this metric and a truth. Without any such image all is NaN. Maps
    of FLAT hit by their share of chance, and are left out within an image.

    Args:
        measured: a DataFrame with columns id, map, metric and value.
        truth: a DataFrame, ids by maps, controls among them.
        methods: the maps that are no controls.
        resampling: a `patients.Resampling` of the rows of truth.
        directions: metric -> 1 where more is better, -1 where less is better.

    Returns:
        A DataFrame, a row for each metric and each of MAPS, with columns metric, maps, those of `rank_agreement`, and,
        where controls take part, fooled_by and fooled_share as of `fooled_by`.
    """
    rows = []
    for metric, direction in directions.items():
        values = measured[measured["metric"] == metric].pivot(index="id", columns="map", values="value")
        values = values.reindex(columns=truth.columns)
        known = truth.index.isin(values.index)
        ids, of_known = truth.index[known], resampling.of_rows(known)
        for maps, names in zip(MAPS, (list(truth.columns), list(methods)), strict=True):
            turned = direction * values.loc[ids, names].to_numpy()
            row = {"metric": metric, "maps": maps, "fooled_by": "", "fooled_share": np.nan}
            each = ~np.isin(names, FLAT)
            row |= rank_agreement(turned, truth.loc[ids, names].to_numpy(), of_known, each)
            controls = set(names) - set(methods)
            if controls and not np.isnan(turned).all():
                row["fooled_by"], row["fooled_share"] = fooled_by(turned, names, controls, of_known)
            rows.append(row)
    return pd.DataFrame(rows)
