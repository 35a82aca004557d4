"""May a metric be believed on the user's own images? Its order of methods against that of hits on known lesions.

A pair of methods counts if hits decide it: `comparisons.differences`, corrected by Holm for all pairs. On the decided
pairs a metric agrees (1), differs (-1), or sees a tie (0), and its agreement is the mean. A tie is a difference that is
0 after rounding, or that fewer than ENOUGH patients carry, counted by (sum |d|)^2 / sum d^2 (Kish 1965).

The interval of an agreement draws patients again for the metric alone: which pairs are decided, and how, is held fixed.
Bootstrap intervals are too narrow where patients are few. So each resampled difference is moved away from the mean by
the factor sqrt(n / (n - 1)) t / z, with Student's and the normal quantile (Hesterberg 2015, expanded intervals).

"Believed" is a sentence about these methods and patients like these. It does not say why the metric is right. With one
decided pair a coin would be right half the time, so `by_chance` says how often a random order does as well. Methods
that hit the same lesions stand together in such an order. Otherwise five forms of one map against another map would
look like five pairs that a metric got right.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from black_average_drop.statistics import comparisons
from black_average_drop.statistics.means import NOISE, estimate_means
from black_average_drop.statistics.patients import ENOUGH, Resampling, bootstrap_means, interval, sums_by_patient
from black_average_drop.trust import agreement, faithfulness
from black_average_drop.trust.directions import DIRECTIONS

# Metrics that follow from the rows of `evaluation.evaluate`: 1 where more is better, -1 where less is.
CHEAP = {name: DIRECTIONS[name] for name in ("BAD", "AD", "Average Increase", "Average Gain")}
CHEAP |= {"Incorrect %": -1, "opacity": -1}
RANGE = {metric: 100 if metric == "Incorrect %" else 1 for metric in CHEAP}  # the largest difference of two values
ALL_ORDERS = 7  # so many families of maps have all their orders tried, and more have ORDERS random ones
ORDERS = 9999
ALIKE = 0.9  # of the lesions: maps whose hits are the same on so many, and which hits do not tell apart, are a family


@dataclass(frozen=True, eq=False)
class Judgement:
    """How far metrics order maps as hits on M lesions do.

    Attributes:
        agreements: a DataFrame, a row for each metric and each of `agreement.MAPS` (those with controls only where
            there are controls), with columns metric, maps, agreement, low and high (its 95 % interval over patients),
            pairs, decided (pairs), right, wrong and tied (of the decided pairs), surely_right and surely_wrong (those
            whose own 95 % interval of `estimate_means` leaves 0 out), families (of maps: ALIKE), by_chance (the
            share of random orders of the families that agree as well; of an agreement below 0: as badly), lesions and
            patients. What cannot be computed is NaN.
        pairs: a DataFrame, a row for each pair of methods, of `comparisons.differences` of the hits, with a further
            column decided.
        hits: a DataFrame, lesions by maps, of the lesions that counted.
        values: metric -> DataFrame of the same lesions by maps.
        resampling: of these lesions.
        families: method -> the number of its family: ALIKE.
    """

    agreements: pd.DataFrame
    pairs: pd.DataFrame
    hits: pd.DataFrame
    values: dict[str, pd.DataFrame]
    resampling: Resampling
    families: dict[str, int]


def metric_values(rows, places):
    """The metrics of CHEAP on lesions.

    Args:
        rows: of `evaluation.evaluate`, N images or findings under each map. Maps that are the same as another are
            passed over.
        places: (M,), which of the N have a known lesion.

    Returns:
        metric -> DataFrame of lesions (0 to M - 1) by maps, NaN where an image has no drop.
    """
    rows, columns = rows[rows["same_map_as"] == ""], {name: {} for name in CHEAP}
    for (name, metric), part in rows.groupby(["method", "metric"], sort=False):
        part = part.iloc[np.asarray(places)]
        columns[metric][name] = part["drop"].to_numpy()
        known = part["drop"].notna().to_numpy()
        if metric == "BAD":
            changed = part["masked_class"] != part["class"]
            columns["Incorrect %"][name] = np.where(known, 100.0 * changed, np.nan)
        else:
            rises = part["masked_score"] > part["full_score"]
            columns["Average Increase"][name] = np.where(known, rises.astype(float), np.nan)
            gained = faithfulness.average_gains(part["full_softmax"], part["masked_softmax"])
            columns["Average Gain"][name] = np.where(known, gained, np.nan)
            columns["opacity"][name] = np.where(known, part["opacity"].to_numpy(), np.nan)
    return {metric: pd.DataFrame(of_maps) for metric, of_maps in columns.items()}


def agreement_of_metrics(values, hits, methods, resampling):
    """How far each metric orders maps as hits do, on the pairs that hits decide.

    Args:
        values: of `metric_values`. Lesions without a value of every metric are left out, for the hits too.
        hits: a DataFrame, M lesions by maps, as `Pointing.by_map` gives them.
        methods: the maps that are no controls.
        resampling: a `Resampling` of the M lesions.

    Returns:
        A `Judgement`.
    """
    known = np.logical_and.reduce([table[list(hits)].notna().all(axis=1).to_numpy() for table in values.values()])
    hits, resampling = hits[known], resampling.of_rows(known)
    values = {metric: table.loc[known, list(hits)] for metric, table in values.items()}
    rows = []
    for maps, names in zip(agreement.MAPS, (list(hits), [name for name in hits if name in set(methods)]), strict=True):
        of_methods = maps == agreement.MAPS[-1]
        if not of_methods and len(names) == len(methods):
            continue
        pairs = _pairs(hits[names], resampling)
        family = _families(hits[names].to_numpy(), pairs["decided"].to_numpy(bool))
        for metric, table in values.items():
            row = {"metric": metric, "maps": maps}
            row |= _agreement(CHEAP[metric] * table[names], pairs, family, resampling, RANGE[metric])
            rows.append(row | {"lesions": len(hits), "patients": len(np.unique(resampling.groups))})
    families = dict(zip(names, family.tolist(), strict=True))  # of the last maps, which are methods alone, as the pairs
    return Judgement(pd.DataFrame(rows), pairs, hits, values, resampling, families)


def _pairs(hits, resampling):
    """Rows of `comparisons.differences` of every pair of maps, and whether it is decided."""
    if not len(hits):
        return pd.DataFrame(columns=["first", "second", "difference", "low", "high", "p", "p_holm", "decided"])
    pairs = comparisons.differences(hits.to_numpy(), list(hits), resampling, (-1, 1))
    return pairs.assign(decided=(pairs["p_holm"] < comparisons.LEVEL) & (pairs["difference"] != 0))


def _families(hits, decided):
    """The number (M,) of each map's family: any two maps of one are undecided, and ALIKE in hits (lesions, M)."""
    count = hits.shape[1]
    if not len(hits):
        return np.arange(count)
    first, second = np.triu_indices(count, 1)
    differ = np.abs(hits[:, first] - hits[:, second]).mean(axis=0)
    alike = np.eye(count, dtype=bool)
    alike[first, second] = alike[second, first] = ~decided & (differ <= 1 - ALIKE + 1e-9)
    family = np.full(count, -1)
    for one in range(count):
        fitting = (number for number in range(count) if alike[one, family == number].all())  # the last are empty
        family[one] = next(fitting)
    return family


def _agreement(values, pairs, family, resampling, largest):
    """The columns of `Judgement.agreements` from agreement to by_chance.

    Args:
        values: a DataFrame, lesions by maps, more is better.
        pairs: of `_pairs`, of the same maps in the same order.
        family: (M,), of `_families`.
        resampling: of the lesions.
        largest: the largest difference of two values.
    """
    decided = pairs["decided"].to_numpy(bool)
    row = {"agreement": np.nan, "low": np.nan, "high": np.nan, "pairs": len(pairs), "decided": int(decided.sum())}
    row |= {"right": 0, "wrong": 0, "tied": 0, "surely_right": 0, "surely_wrong": 0}
    row |= {"families": len(np.unique(family)), "by_chance": np.nan}
    if not decided.any():
        return row
    first, second = (part[decided] for part in np.triu_indices(values.shape[1], 1))
    truth = np.sign(pairs.loc[decided, "difference"].to_numpy())
    means, samples = values.to_numpy().mean(axis=0), _expanded(values, resampling)
    differences = values.to_numpy()[:, second] - values.to_numpy()[:, first]
    told = _enough_differ(differences, resampling.groups)
    verdicts = truth * _signs(means[second] - means[first]) * told
    drawn = truth * _signs(samples[:, second] - samples[:, first]) * told
    low, high = interval(drawn.mean(axis=1)[:, None])
    row |= {"agreement": float(verdicts.mean()), "low": low[0], "high": high[0]}
    surely = verdicts * (estimate_means(differences, resampling, (-largest, largest)).p < comparisons.LEVEL)
    row |= {"surely_right": int((surely > 0).sum()), "surely_wrong": int((surely < 0).sum())}
    row |= {"right": int((verdicts > 0).sum()), "wrong": int((verdicts < 0).sum()), "tied": int((verdicts == 0).sum())}
    pairs_of_families = family[first], family[second]
    return row | {"by_chance": _by_chance(_means_of(family, means), *pairs_of_families, truth, row["agreement"] >= 0)}


def _means_of(family, means):
    """The mean (F,) of each family."""
    return np.bincount(family, means) / np.bincount(family)


def _expanded(values, resampling):
    """Means (resamples, maps) over patients drawn again, moved away from the mean by the factor named above."""
    means = values.to_numpy().mean(axis=0)
    patients = len(np.unique(resampling.groups))
    widened = np.sqrt(patients / max(patients - 1, 1)) * t.isf(0.025, max(patients - 1, 1)) / norm.isf(0.025)
    return means + widened * (bootstrap_means(values.to_numpy(), resampling) - means)


def is_sure(judgement, metric, first, second):
    """Whether a metric tells two maps apart on the lesions of a `Judgement`: its interval leaves 0 out."""
    values = judgement.values[metric][[first, second]]
    difference = (values[second] - values[first]).to_numpy()[:, None]
    estimates = estimate_means(difference, judgement.resampling, (-RANGE[metric], RANGE[metric]))
    is_told = _enough_differ(difference, judgement.resampling.groups)[0] and _signs(estimates.value[0])
    return bool(is_told and estimates.p[0] < comparisons.LEVEL)


def _enough_differ(differences, groups):
    """Whether so many patients carry each mean of differences (lesions, M) that it is no tie: (M,) booleans."""
    sums = sums_by_patient(np.where(np.abs(differences) > NOISE, differences, 0), groups)
    squares = (sums**2).sum(axis=0)
    return (squares > 0) & (np.abs(sums).sum(axis=0) ** 2 >= ENOUGH * squares * (1 - 1e-9))


def _signs(differences):
    return np.sign(np.round(differences, agreement.VALUE_DIGITS))


def _by_chance(means, first, second, truth, is_well):
    """The share of the orders of families that agree with the truth as well as this metric does, or else as badly.

    Orders of families are what a metric would have if its means (F,) belonged to other families. All of them are tried,
    or random ones with that of the metric itself.
    """
    count = len(means)
    if count <= ALL_ORDERS:
        orders = np.array(list(permutations(range(count))))
    else:
        random = np.random.default_rng(0).permuted(np.tile(np.arange(count), (ORDERS, 1)), axis=1)
        orders = np.concatenate([np.arange(count)[None], random])
    shuffled = means[orders]
    others = (truth * _signs(shuffled[:, second] - shuffled[:, first])).mean(axis=1)
    own = others[0]
    return float((others >= own - 1e-9).mean() if is_well else (others <= own + 1e-9).mean())
