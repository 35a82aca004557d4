"""Lesions that a user marked, of the findings that are explained: where maps point, and what that says of metrics."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from black_average_drop import controls, evaluation
from black_average_drop.choice import believed, pointing, verdict_on_metric
from black_average_drop.choice.selection import output_number
from black_average_drop.datasets.lesions import ANY, lesion_files
from black_average_drop.trust import truths

NOTHING = "No lesion is of a finding that is explained: BAD is not judged by lesions."
SHORT = ["map", "hit", "hit_low", "hit_high", "chance_hit", "mass_inside", "chance_mass_inside", "small_seen"]
SHORT += ["chance_small_seen", "p_centre", "above_centre"]
NONE = "No lesions were given: LESIONS=boxes.csv would tell whether BAD may be believed on these images."


@dataclass(frozen=True, eq=False)
class KnownLesions:
    """M findings that are explained and have a lesion that somebody marked."""

    places: np.ndarray  # (M,) the numbers of the findings, among all that are explained
    of_lesion: Callable[[int], list]  # the boxes or masks of each of the M, as for `pointing.point`
    size: tuple[int, int]  # (H, W) of the masks
    checksum: str  # of the files of lesions, as they were before they were read
    notes: list[str]  # sentences for the report


@dataclass(frozen=True, eq=False)
class Judged:
    """What known lesions say of maps and metrics; the tables are empty where there are no lesions."""

    points: pd.DataFrame  # of `pointing.points`
    agreements: pd.DataFrame  # of `believed.Judgement`
    said: str  # the verdict on BAD, then on AD

    def in_short(self):
        """The columns of `points` that a report shows."""
        return self.points.filter(items=SHORT).round(3)


def find(place, images, explained, names, fit):
    """Find the lesions of the findings that are explained.

    Args:
        place: a file or folder of lesions, or "".
        images: `user_images.UserImages`.
        explained: `selection.Pairs` of these images.
        names: of all outputs. A lesion is one of the output of its name, or of any where its file names none.
        fit: how images were brought to the size that the network sees.

    Returns:
        `KnownLesions`, or None without a place.

    Raises:
        FileNotFoundError, ValueError: as `lesion_files.load`.
    """
    if not place:
        return None
    checksum = lesion_files.checksum_of_lesions(place)
    originals = images.appearances.set_index("id").loc[images.dataset.ids, ["width", "height"]]
    sizes = dict(zip(images.named.ids, map(tuple, originals.to_numpy().tolist()), strict=True))
    lesions = lesion_files.load(place, images.named, fit, sizes, images.listing.table["image"])
    table, notes = lesions.table, list(lesions.notes)
    outputs = {name: output_number(name, names) for name in table["finding"].unique() if name != ANY}
    unknown = sorted(name for name, number in outputs.items() if number is None)
    if unknown:
        notes.append(
            f"Lesions of these findings do not count, which are no outputs of the model: {', '.join(unknown)}."
        )
    spelt = {name: names[number] for name, number in outputs.items() if number is not None}
    lesions = replace(lesions, table=table.assign(finding=table["finding"].replace(spelt)))
    of_outputs = [names[number] for number in explained.classes]
    ids = images.named.ids[explained.rows]
    places, of_lesion = pointing.known_lesions(lesions, ids, of_outputs)
    pairs, rows = lesions.of_pairs(ids, of_outputs)
    left = int(table["finding"].isin([*spelt, ANY]).sum()) - len(np.unique(rows))
    if left:
        notes.append(f"{left:,} of {len(table):,} lesions are of findings that are not explained in their image.")
    notes += _of_any_finding(np.array(of_outputs)[pairs], table["finding"].to_numpy()[rows])
    if len(rows) > len(places):
        notes.append(f"{len(rows):,} boxes or masks are {len(places):,} lesions: one for each finding of an image.")
    return KnownLesions(places, of_lesion, lesions.size, checksum, notes)


def _of_any_finding(explained, named):
    """A sentence on lesions whose file names no finding, where they count for several, which may be that of health."""
    counts = pd.Series(explained[named == ANY]).value_counts()
    if len(counts) < 2:
        return []
    counted = ", ".join(f"{name} {number:,}" for name, number in counts.items())
    return [f"Lesions without a finding count for whatever is explained ({counted}): name findings if this is wrong."]


def judge(known, maps, rows, ranked, resampling, batch_size=32):
    """Judge maps by known lesions, and metrics by the maps' hits.

    Args:
        known: `KnownLesions`, or None.
        maps: name -> array-like (N, h, w) of methods and of others; the first is that which controls are drawn from.
        rows: of `evaluation.evaluate`, with `controls.CONTROLS`.
        ranked: of `ranking.rank_by_metric`, of all findings.
        resampling: a `statistics.Resampling` of the N findings, with the seed of the controls.
        batch_size: how many lesions are in memory at a time.

    Returns:
        `Judged`.
    """
    if known is None:
        return Judged(pd.DataFrame(), pd.DataFrame(), NONE)
    if not len(known.places):
        return Judged(pd.DataFrame(), pd.DataFrame(), " ".join([*known.notes, NOTHING]))
    of_lesions = resampling.of_rows(known.places)
    first = dict([next(iter(maps.items()))])
    drawn = evaluation.control_maps(first, controls.CONTROLS, resampling.groups, known.size, resampling.seed)
    pointed = pointing.point(maps | drawn, known.places, known.of_lesion, known.size, batch_size)
    values = believed.metric_values(rows, known.places)
    judgement = believed.agreement_of_metrics(values, pointed.by_map(truths.PRIMARY), list(maps), of_lesions)
    points = pointing.points(pointed, controls.CONTROLS, of_lesions)
    sentences = list(known.notes)
    if len(judgement.hits) < len(known.places):
        without = f"{len(known.places) - len(judgement.hits):,} of {len(known.places):,} lesions"
        sentences.append(f"{without} do not count for metrics: the score of their finding is 0.")
    for metric in ("BAD", "AD"):
        of_metric = ranked[(ranked["metric"] == metric) & ~ranked["control"]]
        order = [name for name in of_metric["map"] if name in maps]
        sentences += verdict_on_metric.verdict_on(judgement, metric, order).sentences
        sentences += _of_best(metric, order, points) if metric == "BAD" else []
    return Judged(points, judgement.agreements, " ".join(sentences))


def _of_best(metric, order, points):
    """A sentence on the method that a metric ranks first, where it is not shown to be above the centre prior."""
    points = points.set_index("map")
    if not order or points.loc[order[0], "above_centre"]:
        return []
    hits, centre = (f"{100 * points.loc[name, 'hit']:.0f} %" for name in (order[0], pointing.CENTRE))
    return [
        f"{order[0]}, which {metric} ranks first, hits {hits} of lesions, and a map of the centre {centre}: it is not "
        "shown to do better."
    ]
