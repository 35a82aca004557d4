"""Where maps point on the user's own lesions: hits, mass, small lesions seen, chance, and the centre prior."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from black_average_drop import evaluation, progress
from black_average_drop.statistics import comparisons, means
from black_average_drop.trust import lesion_sizes, localization
from black_average_drop.trust.truths import PRIMARY

AREA = 0.1  # the share of the image in which small lesions are looked for
CENTRE = "centre prior"
OVERLAP = "overlap"  # `localization.intersection_over_union`
SEEN = "small_seen"


@dataclass(frozen=True, eq=False)
class Pointing:
    """How every map points at M lesions.

    A finding of an image that has several boxes or masks is one lesion for hits, mass and overlap. Each box or mask
    counts by itself where it is asked whether small ones are seen.

    Attributes:
        scores: a DataFrame, a row for each map and lesion, with columns lesion (0 to M - 1), map, those of
            `localization.scores`, and overlap.
        sights: a DataFrame, a row for each map and single box or mask, with columns part (its number), lesion, finding,
            size (share of the image), size_class, map, seen (in AREA of the image) and chance.
    """

    scores: pd.DataFrame
    sights: pd.DataFrame

    def by_map(self, score):
        """One of the scores, a DataFrame of lesions by maps."""
        return self.scores.pivot(index="lesion", columns="map", values=score)[list(self.scores["map"].unique())]


def known_lesions(lesions, ids, findings):
    """Find out which of the explained findings have a lesion, for `point`.

    Args:
        lesions: the user's, as `lesion_files.load` gives them.
        ids: (N,), the images of what was explained.
        findings: (N,), what lesions of each are called in their file.

    Returns:
        The places (M,) of those that have one, in their order, and the function of `point` that gives the boxes or
        masks of each.
    """
    pairs, rows = lesions.of_pairs(ids, findings)
    places, starts = np.unique(pairs, return_index=True)  # lesions come pair by pair
    rows = np.split(rows, starts[1:]) if len(places) else []
    return places, lambda number: [(findings[places[number]], lesions.mask(row)) for row in rows[number]]


def point(maps, places, lesions: Callable[[int], list], size, batch_size=32):
    """Measure how maps point at lesions, a batch at a time: memory does not grow with the number of lesions.

    Args:
        maps: name -> array-like (N, h, w) or (N, H, W), before clipping, read by rows.
        places: (M,), the row of the maps that belongs to each lesion.
        lesions: the boxes or masks of lesion i from 0 to M - 1: [(finding, boolean (H, W)), ...], as
            `Dataset.lesions` gives them. None is empty.
        size: (H, W).
        batch_size: how many lesions are in memory at a time.

    Returns:
        A `Pointing`.

    Raises:
        ValueError: if a lesion has neither box nor mask.
    """
    places, scores, sights, parts = np.asarray(places), [], [], 0
    with progress.bar(total=len(places) * len(maps), desc="maps and lesions", unit="map") as bar:
        for start in range(0, len(places), batch_size):
            numbers = np.arange(start, min(start + batch_size, len(places)))
            rows, findings, masks = _parts(lesions, numbers)
            regions = np.stack([masks[rows == row].any(axis=0) for row in range(len(numbers))])
            widened = localization.near(regions)
            single = {"part": parts + np.arange(len(rows)), "lesion": numbers[rows], "finding": findings}
            single["size"] = masks.mean(axis=(1, 2))
            parts += len(rows)
            for name, drawn in maps.items():
                shown = evaluation.upsampled(drawn[places[numbers]], size)
                overlap = localization.intersection_over_union(shown, regions)
                table = localization.scores(shown, regions, widened).assign(overlap=overlap)
                scores.append(table.assign(lesion=numbers, map=name))
                seen, chance = localization.touched(shown, rows, masks, AREA)
                sights.append(pd.DataFrame(single | {"map": name, "seen": seen, "chance": chance}))
                bar.update(len(numbers))
    return Pointing(pd.concat(scores, ignore_index=True), _with_size_classes(pd.concat(sights, ignore_index=True)))


def _parts(lesions, numbers):
    """The single boxes or masks of some lesions: rows (L,) among the numbers, findings (L,), masks (L, H, W)."""
    rows, findings, masks = [], [], []
    for row, number in enumerate(numbers):
        given = lesions(int(number))
        if not given:
            raise ValueError(f"Lesion {number} has neither box nor mask: leave out findings without a lesion.")
        for finding, mask in given:
            rows.append(row)
            findings.append(finding)
            masks.append(mask)
    return np.array(rows), np.array(findings), np.array(masks)


def _with_size_classes(sights):
    """The same rows with the third of its own finding that each box or mask is in."""
    single = sights.drop_duplicates("part")
    classes = lesion_sizes.size_classes(single["size"].to_numpy(), single["finding"].to_numpy())
    return sights.assign(size_class=sights["part"].map(dict(zip(single["part"], classes, strict=True))))


def points(pointing, controls, resampling):
    """How well each map points, next to chance and to the centre prior.

    Args:
        pointing: a `Pointing` at M lesions, with the centre prior among its maps.
        controls: the names that are controls.
        resampling: a `patients.Resampling` of the M lesions.

    Returns:
        A DataFrame, a row for each map, those that hit most first, with these columns:

        - map and control.
        - hit, mass_inside, top_inside, hit_tolerant, overlap and small_seen, each with its 95 % interval over patients:
          hit_low, hit_high and so on.
        - chance_hit, chance_mass_inside, chance_top_inside, chance_hit_tolerant and chance_small_seen.
        - lesions and small_lesions: their numbers.
        - p_centre: of the paired test of the hits against the centre prior, corrected by Holm for the number of
          methods. It is NaN for controls, and for too few patients.
        - above_centre: whether the test shows that the map hits more often than the centre prior.
    """
    maps = list(pointing.scores["map"].unique())
    table = pd.DataFrame({"map": maps, "control": np.isin(maps, list(controls))}).set_index("map")
    for score in (PRIMARY, "mass_inside", "top_inside", "hit_tolerant", OVERLAP):
        _add_mean(table, score, pointing.by_map(score), resampling)
        if score != OVERLAP:
            table[f"chance_{score}"] = pointing.by_map(f"chance_{score}").mean()
    small = pointing.sights[pointing.sights["size_class"] == lesion_sizes.SIZES[0]]
    seen, chance = (small.pivot(index="part", columns="map", values=name) for name in ("seen", "chance"))
    lesions = small.groupby("part")["lesion"].first().to_numpy(int)
    _add_mean(table, SEEN, seen.astype(float), resampling.of_rows(lesions))
    table[f"chance_{SEEN}"] = chance.mean() if len(small) else np.nan
    table["lesions"], table["small_lesions"] = pointing.scores["lesion"].nunique(), len(lesions)
    table = _with_centre(table, pointing.by_map(PRIMARY), resampling)
    return table.sort_values(PRIMARY, ascending=False, kind="stable").reset_index()


def _add_mean(table, name, values, resampling):
    """Add the mean of values, a DataFrame of rows by maps, to a table of maps, with its interval; NaN without rows."""
    low = high = np.full(len(table), np.nan)
    values = values.reindex(columns=table.index)
    if len(values):
        estimates = means.estimate_means(values.to_numpy(), resampling, (0, 1))
        low, high = estimates.low, estimates.high
    table[name], table[f"{name}_low"], table[f"{name}_high"] = values.mean().to_numpy(), low, high


def _with_centre(table, hits, resampling):
    """The table with p_centre and above_centre."""
    methods = list(table.index[~table["control"]])
    leads = hits[methods].to_numpy() - hits[[CENTRE]].to_numpy()
    p = comparisons.holm(means.estimate_means(leads, resampling, (-1, 1)).p)
    table["p_centre"] = pd.Series(p, methods)
    above = pd.Series((p < comparisons.LEVEL) & (leads.mean(axis=0) > 0), methods)
    return table.assign(above_centre=above.reindex(table.index, fill_value=False))
