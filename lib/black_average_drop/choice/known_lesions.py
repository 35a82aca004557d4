"""Lesions that a user marked, of the findings that are explained: where maps point, and what that says of metrics."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from black_average_drop.choice import believed, pointing, verdict_on_metric
from black_average_drop.choice.selection import output_number
from black_average_drop.datasets import lesion_files

NONE = "No lesions were given: LESIONS=boxes.csv would tell whether BAD may be believed on these images."


@dataclass(frozen=True, eq=False)
class KnownLesions:
    """M findings that are explained and have a lesion that somebody marked."""

    places: np.ndarray  # (M,) the numbers of the findings, among all that are explained
    parts: dict[int, list]  # 0 to M - 1 -> the numbers of its boxes or masks in `lesions`
    lesions: lesion_files.Lesions
    notes: list[str]  # sentences for the report

    def marked(self, number):
        """The boxes or masks of one of the M, as `pointing.point` takes them."""
        table = self.lesions.table
        return [(table["finding"].iloc[row], self.lesions.mask(row)) for row in self.parts[number]]


@dataclass(frozen=True, eq=False)
class Judged:
    """What known lesions say of maps and metrics; the tables are empty where there are no lesions."""

    points: pd.DataFrame  # of `pointing.points`
    agreements: pd.DataFrame  # of `believed.Judgement`
    sentences: list[str]  # on BAD, then on AD


def of_findings(lesions, ids, classes, names):
    """Find the lesions of the findings that are explained.

    Args:
        lesions: `lesion_files.Lesions` of the images.
        ids: (N,), the image of each finding that is explained, as lesions name it.
        classes: (N,), the outputs that are explained.
        names: of all outputs. A lesion is one of the output of its name, or of any where its file names none.

    Returns:
        `KnownLesions`.
    """
    table, notes = lesions.table, list(lesions.notes)
    outputs = {name: output_number(name, names) for name in table["finding"].unique() if name != lesion_files.ANY}
    unknown = sorted(name for name, number in outputs.items() if number is None)
    if unknown:
        notes.append(
            f"Lesions of these findings do not count, which are no outputs of the model: {', '.join(unknown)}."
        )
    spelt = {name: names[number] for name, number in outputs.items() if number is not None}
    lesions = replace(lesions, table=table.assign(finding=table["finding"].replace(spelt)))
    pairs, rows = lesions.of_pairs(ids, [names[number] for number in classes])
    places = np.unique(pairs)
    parts = {number: rows[pairs == place].tolist() for number, place in enumerate(places)}
    left = int(table["finding"].isin([*spelt, lesion_files.ANY]).sum()) - len(set(rows))
    if left:
        notes.append(f"{left:,} of {len(table):,} lesions are of findings that are not explained in their image.")
    return KnownLesions(places, parts, lesions, notes)


def judge(known, maps, rows, ranked, controls, resampling, batch_size=32):
    """Judge maps by known lesions, and metrics by the maps' hits.

    Args:
        known: `KnownLesions`, or None.
        maps: name -> array-like (N, h, w) or (N, H, W), of methods, of others and of controls, the centre prior
            among these.
        rows: of `evaluation.evaluate`.
        ranked: of `ranking.rank_by_metric`, of all findings.
        controls: the names that are controls.
        resampling: a `statistics.Resampling` of the N findings.
        batch_size: how many lesions are in memory at a time.

    Returns:
        `Judged`.
    """
    if known is None:
        return Judged(pd.DataFrame(), pd.DataFrame(), [NONE])
    if not len(known.places):
        return Judged(pd.DataFrame(), pd.DataFrame(), [*known.notes, "No lesion is of a finding that is explained."])
    of_lesions = resampling.of_rows(known.places)
    pointed = pointing.point(maps, known.places, known.marked, known.lesions.size, batch_size)
    values = believed.metric_values(rows, known.places)
    methods = [name for name in maps if name not in controls]
    judgement = believed.agreement_of_metrics(values, pointed.by_map(pointing.PRIMARY), methods, of_lesions)
    sentences = list(known.notes)
    for metric in ("BAD", "AD"):
        of_metric = ranked[(ranked["metric"] == metric) & ~ranked["control"]]
        order = [name for name in of_metric["map"] if name in methods]
        sentences += verdict_on_metric.verdict_on(judgement, metric, order).sentences
    return Judged(pointing.points(pointed, controls, of_lesions), judgement.agreements, sentences)
