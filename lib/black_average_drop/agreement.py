"""Does a metric rank maps as the truth does? Kendall's tau-b with intervals, fooled metrics, and paired tests.

Values are (N, M): image by map, more is better, NaN where an image has no value.
"""

import numpy as np
import pandas as pd

from black_average_drop import statistics

LEVEL = 0.05  # of the corrected tests
VALUE_DIGITS, TRUTH_DIGITS = 5, 4  # decimals to which metrics and truths are compared
TRUTH = "the truth itself"  # ranked like a metric: what the other rows are to be read against
MAPS = ("methods and controls", "methods alone")


def tau_b(one, other):
    """Kendall's tau-b over the last axis of two arrays (..., M): from -1 to 1, ties corrected; NaN where one of them is
    all ties or has a NaN."""
    first, second = np.triu_indices(one.shape[-1], 1)
    signs = [np.sign(values[..., first] - values[..., second]) for values in (one, other)]
    untied = np.sqrt((signs[0] ** 2).sum(axis=-1) * (signs[1] ** 2).sum(axis=-1))
    concordant = (signs[0] * signs[1]).sum(axis=-1)
    return np.divide(concordant, untied, out=np.full(np.shape(untied), np.nan), where=untied > 0)


def rank_agreement(values, truth, resampling, each=None):
    """How well a metric's ranking of M maps agrees with the truth's: a dict, by tau-b.

    values, truth (N, M) of the same images and maps; resampling: of the N images. known: how many images have
    values. set, set_low, set_high: of the means over them, with the 95 % interval over resampled patients. image,
    image_low, image_high: the mean over images of each image's own tau-b over the maps of `each`, boolean (M,), by
    default all, and over the `ranked` images of which neither ranks all maps alike. What is equal after rounding to
    VALUE_DIGITS or TRUTH_DIGITS is a tie: beyond them there is noise of float32 scores, and of ties that pixels share.
    """
    count = values.shape[1]
    known = ~np.isnan(values).any(axis=1) & ~np.isnan(truth).any(axis=1)
    values, truth, resampling = values[known], truth[known], resampling.of_rows(known)
    found = {"known": len(values), "set": np.nan, "set_low": np.nan, "set_high": np.nan}
    found |= {"ranked": 0, "image": np.nan, "image_low": np.nan, "image_high": np.nan}
    if not len(values):
        return found
    both = np.concatenate([values, truth], axis=1)
    samples = statistics.bootstrap_means(both, resampling)
    means = both.mean(axis=0)
    low, high = statistics.interval(_rounded_tau(samples[:, :count], samples[:, count:])[:, None])
    found |= {"set": float(_rounded_tau(means[:count], means[count:])), "set_low": low[0], "set_high": high[0]}
    each = np.full(count, True) if each is None else each
    by_image = _rounded_tau(values[:, each], truth[:, each])[:, None]
    found["ranked"] = int((~np.isnan(by_image)).sum())
    if found["ranked"]:
        low, high = statistics.interval(statistics.bootstrap_means(by_image, resampling))
        found |= {"image": float(np.nanmean(by_image)), "image_low": low[0], "image_high": high[0]}
    return found


def _rounded_tau(values, truth):
    return tau_b(np.round(values, VALUE_DIGITS), np.round(truth, TRUTH_DIGITS))


def fooled_by(values, names, controls, resampling):
    """The control that a metric prefers to every real map, or "", and the share of resamples with such a control.

    values (N, M); names (M,) of the maps, those in `controls` being controls; resampling: of the N images. Rounded
    as in `rank_agreement`.
    """
    control = np.isin(names, list(controls))
    samples = np.round(statistics.bootstrap_means(values, resampling), VALUE_DIGITS)
    ahead = np.nanmax(samples[:, control], axis=1) > np.nanmax(samples[:, ~control], axis=1)
    means = np.round(np.nanmean(values, axis=0), VALUE_DIGITS)
    best = int(np.nanargmax(np.where(control, means, -np.inf)))
    return (names[best] if means[best] > means[~control].max() else ""), float(ahead.mean())


def judge_metrics(measured, truth, methods, resampling, directions, flat=()):
    """How far every metric ranks the maps as the truth does: a DataFrame, a row a metric and one of MAPS.

    measured: DataFrame with columns id, map, metric, value; truth: DataFrame, ids by maps, controls among them;
    methods: the maps that are no controls; resampling: of the rows of truth; directions: metric -> 1 where more is
    better, -1 where less is; flat: maps that are the same all over, which hit by their share of chance and rank nothing
    in one image, so that they are left out there. Columns metric, maps, those of `rank_agreement`, fooled_by and
    fooled_share (see `fooled_by`; with controls).
    An image counts for a metric that has a value for it and that the truth knows; without any all is NaN.
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
            each = ~np.isin(names, list(flat))
            row |= rank_agreement(turned, truth.loc[ids, names].to_numpy(), of_known, each)
            fakes = set(names) - set(methods)
            if fakes and not np.isnan(turned).all():
                row["fooled_by"], row["fooled_share"] = fooled_by(turned, names, fakes, of_known)
            rows.append(row)
    return pd.DataFrame(rows)


def difference_sentence(where, rates, row, what="small lesions"):
    """A difference in words a doctor can use: rates: map -> share of lesions that it touches; row: the pair of maps in
    `statistics.differences` of the same shares."""
    first, second = row["first"], row["second"]
    told = f"{where}: {second} touches {100 * rates[second]:.0f} of 100 {what}, {first} {100 * rates[first]:.0f}; "
    if np.isnan(row["p_holm"]):
        return told + "too few differ to say whether that is chance."
    decided = "is more than chance" if row["p_holm"] < LEVEL else "is within chance"
    return (
        f"{told}the difference, {100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}], "
        f"{decided} (p = {row['p_holm']:.2g} after Holm)."
    )


def trust_page(verdict, hits, sentences):
    """The verdict as Markdown: a table of agreement, a table of hits, and the sentences.

    verdict: rows of `judge_metrics` with a column data; hits: DataFrame with columns data, map, value, low, high and
    chance.
    """
    data = list(verdict["data"].unique())
    lines = [
        "Kendall's tau-b between the ranking of methods and controls by each metric and by the truth, which is the hits"
    ]
    lines += ["where nothing else is named, 95 % interval over patients. † fooled: the metric prefers a control, which"]
    lines += ["says nothing, to every real map.", ""]
    lines += _table_head("Metric", data)
    for metric, rows in verdict[verdict["maps"] == MAPS[0]].groupby("metric", sort=False):
        rows = rows.set_index("data").reindex(data)
        cells = ["–" if pd.isna(row["set"]) else _agreement(row) for _, row in rows.iterrows()]
        lines.append(f"| {metric} | {' | '.join(cells)} |")
    data = list(hits["data"].unique())
    lines += ["", "How often the maximum of a map lies on the lesion or object, percent, and by chance.", ""]
    lines += _table_head("Map", data)
    for name, rows in hits.groupby("map", sort=False):
        rows = rows.set_index("data").reindex(data)
        cells = ["–" if pd.isna(row["value"]) else _percent(row) for _, row in rows.iterrows()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "Small lesions or objects, those of the smallest third of their kind, are touched if a quarter of them",
    ]
    lines += ["lies in the tenth of the image that the map ranks highest:", ""]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in sentences)]) + "\n"


def _table_head(corner, columns):
    return [f"| {corner} | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]


def _agreement(row):
    return f"{row['set']:+.2f} [{row['set_low']:+.2f}, {row['set_high']:+.2f}]" + (" †" if row["fooled_by"] else "")


def _percent(row):
    value, low, high, chance = (100 * row[name] for name in ("value", "low", "high", "chance"))
    return f"{value:.0f} [{low:.0f}, {high:.0f}], chance {chance:.0f}"
