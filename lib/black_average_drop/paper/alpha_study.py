"""What the rows of `04_alpha` say of alpha: the curve that it is chosen from, BAD along it, and other readings.

Rows are those of `alpha_rows`. Nothing here needs a network or an image.
"""

import numpy as np
import pandas as pd

from black_average_drop.paper.alpha_rows import TABLE1, by_method, curves_of_rows, gains, patients_of_rows
from black_average_drop.statistics import comparisons, patients
from black_average_drop.statistics.equivalence import compare_differences
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

DIFFERENCE = "Grad-CAM++ − CAM"
LARGEST = 1.0  # difference of two drops


def curve_band(rows, sampling):
    """The curve that alpha is chosen from, with its 95 % interval over patients.

    Args:
        rows: of `alpha_rows.curve_rows`, of one data set.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns alpha, difference (a share of the peak), low, high and random_masks, which is the curve
        of two masks drawn at random.
    """
    curves, shares = curves_of_rows(rows)
    estimates = estimate_means(curves / (curves.mean(axis=0).max() or 1.0), Resampling(rows["group"], **sampling))
    band = {"alpha": shares, "difference": estimates.value, "low": estimates.low, "high": estimates.high}
    return pd.DataFrame(band | {"random_masks": 4 * shares * (1 - shares)})


def along_table(rows, sampling):
    """BAD of each method at every alpha, and the difference of Grad-CAM++ and CAM, with 95 % intervals.

    Args:
        rows: of `alpha_rows.rows_along_alpha`, of one classifier.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns quantity, alpha, of_table1, BAD, low, high, p, p_holm and within. The difference alone
        is tested against 0, and Holm's correction is for the steps, not for the alpha of Table 1. within is the
        smallest margin that holds it, for every alpha together. Where too few patients differ, the difference has
        neither interval nor p. A mean drop is from 0 to 1, as in Table 1.
    """
    drops = by_method(rows)
    resampling, tables = Resampling(patients_of_rows(rows), **sampling), []
    for quantity, values in (drops | {DIFFERENCE: gains(drops)}).items():
        alphas, of_table1 = _alphas(values, rows), values.columns == TABLE1
        estimates = estimate_means(values.to_numpy(), resampling, None if quantity == DIFFERENCE else (0, 1))
        table = {"quantity": quantity, "alpha": alphas, "of_table1": of_table1, "BAD": estimates.value}
        table |= {"low": estimates.low, "high": estimates.high}
        if quantity == DIFFERENCE:
            table |= {"p": estimates.p, "p_holm": comparisons.holm(np.where(of_table1, np.nan, estimates.p))}
            table |= {"within": compare_differences(values.to_numpy(), resampling, LARGEST)["within"]}
        tables.append(pd.DataFrame(table).sort_values("alpha", kind="stable"))
    return pd.concat(tables, ignore_index=True)


def chosen_again(curve_rows, drop_rows, sampling):
    """Alpha chosen again in each resample of patients, and the difference of Grad-CAM++ and CAM there.

    Args:
        curve_rows: of `alpha_rows.curve_rows`, of all images of one data set.
        drop_rows: of `alpha_rows.rows_along_alpha`, of some of these images.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A dict: alpha_table1, images and patients (with drops), outside_grid (resamples whose alpha is below or above
        all that were measured), alpha_low, alpha_median, alpha_high, again_low and again_high. fixed_low and fixed_high
        are the interval of the same images at the alpha of Table 1. Where that is not given, the other is not either.
        Below `patients.ENOUGH` patients there is none at all.
    """
    gained, group_of = gains(by_method(drop_rows)), patients_of_rows(drop_rows)
    alphas = _alphas(gained, drop_rows)
    order = np.argsort(alphas, kind="stable")
    known = gained.reindex(curve_rows["id"]).to_numpy()[:, order]
    resampling = Resampling(curve_rows["group"], **sampling)
    samples = redrawn_alpha(curves_of_rows(curve_rows)[0], alphas[order], known, resampling)
    fixed = estimate_means(gained[[TABLE1]].to_numpy(), Resampling(group_of, **sampling))
    row = {"alpha_table1": drop_rows["alpha_table1"].iloc[0], "images": len(gained)}
    row["patients"] = group_of[gained[TABLE1].notna()].nunique()
    row["outside_grid"] = int(np.isnan(samples[:, 1]).sum())
    if row["patients"] < patients.ENOUGH:
        samples = np.full_like(samples, np.nan)
    if np.isnan(fixed.low[0]):
        samples[:, 1] = np.nan
    (low, again_low), (high, again_high) = patients.interval(samples)
    row |= {"alpha_low": low, "alpha_median": np.median(samples[:, 0]), "alpha_high": high}
    row |= {"again_low": again_low, "again_high": again_high}
    return row | {"fixed_low": fixed.low[0], "fixed_high": fixed.high[0]}


def intervals_table(curves, drops, subjects, table1, sampling):
    """`chosen_again` of every data set, next to what Table 1 prints for it.

    Args:
        curves: of `alpha_rows.curve_rows`, of the first classifier of each data set.
        drops: of `alpha_rows.rows_along_alpha`, of the same classifiers.
        subjects: of `alpha_rows.subject_rows`.
        table1: the rows of Table 1 that compare Grad-CAM++ with CAM under ReLU scores, its first images first.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns data, training, those of `chosen_again`, table1_images, table1_low and table1_high.
    """
    lines = []
    for data, part in curves.groupby("data", sort=False):
        name = subjects.loc[subjects["data"] == data, "table1"].iloc[0]
        printed = table1[table1["data"] == name].iloc[0]
        line = {"data": data, "training": part["training"].iloc[0], "table1_images": printed["n"]}
        line |= {f"table1_{end}": printed[f"BAD_minus_CAM_{end}"] for end in ("low", "high")}
        lines.append(line | chosen_again(part, drops[drops["data"] == data], sampling))
    return pd.DataFrame(lines)


def redrawn_alpha(curves, alphas, differences, resampling):
    """Alpha chosen again in each resample of patients, and the difference of two methods there.

    Args:
        curves: (N, points + 1).
        alphas: (M,), rising.
        differences: (N, M), of the two methods' drops at these alphas, NaN where an image has none. Between the alphas
            the mean is interpolated linearly.
        resampling: a `patients.Resampling` of the N images.

    Returns:
        (resamples, 2): alpha, and the difference, which is NaN where alpha lies outside of alphas.
    """
    known, samples = ~np.isnan(differences).any(axis=1), []
    for counts in patients.bootstrap_counts(resampling):
        chosen = (counts @ curves).argmax(axis=1) / (curves.shape[1] - 1)
        weights = counts[:, known]
        totals = weights.sum(axis=1, keepdims=True)
        means = np.divide(
            weights @ differences[known], totals, out=np.full((len(counts), len(alphas)), np.nan), where=totals > 0
        )
        there = [
            np.interp(one, alphas, mean, left=np.nan, right=np.nan) for one, mean in zip(chosen, means, strict=True)
        ]
        samples.append(np.stack([chosen, there], axis=1))
    return np.concatenate(samples)


def readings_table(rows, sampling):
    """AD and BAD under each reading of the paper.

    Args:
        rows: of `alpha_rows.rows_of_choices`, of one classifier.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns metric, choice, alpha, the mean drop of each method, and the difference of Grad-CAM++
        and CAM with its 95 % interval, low and high, and within, the smallest margin that holds it.
    """
    lines = []
    for metric in ("AD", "BAD"):
        for choice, part in rows.groupby("choice", sort=False):
            drops = _drops_of(part, metric)
            line = {"metric": metric, "choice": choice, "alpha": part["alpha"].iloc[0]}
            line |= {method: values.mean() for method, values in drops.items()}
            lines.append(line | _difference(drops, part, sampling))
    return pd.DataFrame(lines)


def preparations_table(rows, sampling):
    """AD and BAD under each preparation of the images, and how far they move, where each chooses its own alpha.

    Args:
        rows: of `alpha_rows.rows_of_preparations`, of one classifier, the preparation of Table 1 first.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns metric, preparation, images, alpha, change (of a pixel, in grey levels), the mean drop
        of each method, the difference of Grad-CAM++ and CAM with its 95 % interval, low and high, and within, the
        smallest margin that holds it. moved with moved_low and moved_high is the mean drop of both methods, less the
        same under the first preparation.
    """
    lines = []
    for metric in ("AD", "BAD"):
        first = None
        for preparation, part in rows.groupby("preparation", sort=False):
            drops = _drops_of(part, metric)
            of_both = sum(drops.values()) / len(drops)
            first = of_both if first is None else first
            line = {"metric": metric, "preparation": preparation, "images": part["id"].nunique()}
            line |= {"alpha": part["alpha"].iloc[0]}
            line |= {"change": part["change"].mean()} | {method: values.mean() for method, values in drops.items()}
            line |= _difference(drops, part, sampling)
            moved = _compared(of_both - first, part, sampling)
            lines.append(line | {"moved": moved["difference"], "moved_low": moved["low"], "moved_high": moved["high"]})
    return pd.DataFrame(lines)


def _drops_of(part, metric):
    """The drops of one metric: method -> a Series by id."""
    return {method: of_method.set_index("id")[metric] for method, of_method in part.groupby("method", sort=False)}


def _difference(drops, part, sampling):
    """The difference of Grad-CAM++ and CAM, its interval, and the smallest margin that holds it."""
    return _compared(gains(drops), part, sampling)[["difference", "low", "high", "within"]].to_dict()


def _compared(differences, part, sampling):
    """The row of `equivalence.compare_differences` of a Series by id, by itself."""
    resampling = Resampling(patients_of_rows(part), **sampling)
    return compare_differences(differences.to_numpy()[:, None], resampling, LARGEST).iloc[0]


def _alphas(values, rows):
    """The alpha (M,) of each column that `by_method` gives of rows."""
    return np.array([rows["alpha_table1"].iloc[0] if name == TABLE1 else float(name) for name in values])
