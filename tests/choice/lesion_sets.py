"""Lesions, maps that hit some of them, and the rows of an evaluation, all to be counted by hand."""

import numpy as np
import pandas as pd

from black_average_drop.choice import believed, pointing
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust import truths

SIZE = (8, 8)
COLUMNS = ["full_score", "full_softmax", "class", "opacity"]


def mask(top, left, height, width):
    region = np.zeros(SIZE, bool)
    region[top : top + height, left : left + width] = True
    return region


def one_lesion(number):
    """A lesion of four pixels in the upper left corner."""
    return [("nodule", mask(0, 0, 2, 2))]


def maps_that_hit(hits):
    """name -> maps (M, 8, 8) with one bright pixel: in the corner where boolean hits (M,) say so, else below right."""
    maps = {}
    for name, hit in hits.items():
        maps[name] = np.zeros((len(hit), *SIZE), "float32")
        maps[name][np.asarray(hit), 0, 0] = 1
        maps[name][~np.asarray(hit), 7, 7] = 1
    return maps


def first_hit(count, of):
    """Boolean (of,): the first of them are true."""
    return np.arange(of) < count


def rows_of(drops):
    """Rows as of `evaluation.evaluate` in which BAD and AD have these drops: name -> (N,)."""
    tables = []
    for name, values in drops.items():
        for metric in ("AD", "BAD"):
            table = pd.DataFrame({"id": np.arange(len(values)), "class": 1, "method": name, "metric": metric})
            scores = {"full_score": 1.0, "masked_score": 1 - np.asarray(values), "drop": values, "masked_class": 1}
            softmax = {"full_softmax": 0.5, "masked_softmax": 0.5, "opacity": 0.1, "same_map_as": ""}
            tables.append(table.assign(**scores, **softmax))
    return pd.concat(tables, ignore_index=True)


def judged(hits, drops, groups=None, resamples=500):
    """The `Judgement` of methods with these hits and drops, name -> (M,), through maps, lesions and rows."""
    count = len(next(iter(hits.values())))
    groups = np.arange(count) if groups is None else groups
    measured = pointing.point(maps_that_hit(hits), np.arange(count), one_lesion, SIZE, batch_size=7)
    values = believed.metric_values(rows_of(drops), np.arange(count))
    resampling = Resampling(groups, resamples)
    return believed.agreement_of_metrics(values, measured.by_map(truths.PRIMARY), list(hits), resampling)
