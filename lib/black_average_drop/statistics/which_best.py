"""Which maps to take, from rows: the set of those that may be the best, every pair within it, and the controls apart.

Two questions stand next to each other everywhere: does it differ, and is it within the margin? A difference can be real
and too small to matter.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop.statistics.best import compare_with_best
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients_needed import needed_for_pairs


class Answer(NamedTuple):
    """What a metric says of several maps of the same images.

    Attributes:
        margin: the difference that matters.
        patients: how many have a value.
        methods: of `best.compare_with_best`, of the methods alone, with a column word: SAME, OPEN or WORSE.
        pairs: of `equivalence.compare_pairs` and `patients_needed.needed_for_pairs`, of the methods alone.
        controls: of `equivalence.compare_pairs`: each method that is offered against each control. Those that are SAME
            are offered, or where none is, those that are OPEN.
    """

    margin: float
    patients: int
    methods: pd.DataFrame
    pairs: pd.DataFrame
    controls: pd.DataFrame


# What is said of a map. One that is worse by less than the margin is practically as good all the same.
SAME, OPEN, WORSE = "practically as good as the best", "not told apart from the best", "worse than the best"


def answer(values, controls, resampling, margin, reach=1.0):
    """Compare all maps of the same images: methods among themselves, and those that are offered with controls.

    Args:
        values: a DataFrame, images by maps, NaN where an image has no value. Less is better.
        controls: the names of maps that are controls.
        resampling: a `patients.Resampling` of the images.
        margin: the difference that matters, above 0.
        reach: the largest difference that two values of an image can have.

    Returns:
        An `Answer`.
    """
    own = [name for name in values if name not in controls]
    of_methods = values[own].to_numpy()
    methods = compare_with_best(of_methods, own, resampling, reach)
    methods["word"] = [_word(row, margin) for _, row in methods.iterrows()]
    pairs = compare_pairs(of_methods, own, resampling, reach)
    needed = needed_for_pairs(of_methods, own, resampling, margin)
    pairs = pairs.merge(needed, on=["first", "second"], validate="1:1")
    words = methods["word"]
    offered = set(methods.loc[words == (SAME if (words == SAME).any() else OPEN), "map"])
    first = [place for place, name in enumerate(values) if name in offered]
    others = [place for place, name in enumerate(values) if name in controls]
    against = compare_pairs(values.to_numpy(), list(values), resampling, reach, list(product(first, others)))
    known = values[own].notna().any(axis=1).to_numpy()
    patients = len(np.unique(np.asarray(resampling.groups)[known]))
    return Answer(margin, patients, methods, pairs, against)


def tables(answers, columns):
    """Several answers as tables: the sets, and every pair, of methods and of a method and a control.

    Args:
        answers: key -> `Answer`; a key is a tuple.
        columns: the names of what a key says, in front of all others.

    Returns:
        A dict of two DataFrames, "set" and "pairs"; of no answer an empty one.
    """
    if not answers:
        return {}
    parts = {"set": [], "pairs": []}
    for key, one in answers.items():
        said = dict(zip(columns, key, strict=True))
        for name, of_name in (("set", [one.methods]), ("pairs", [one.pairs, one.controls])):
            parts[name] += [pd.DataFrame(said, index=table.index).join(table) for table in of_name]
    return {name: pd.concat(of_name, ignore_index=True) for name, of_name in parts.items()}


def _word(row, margin):
    if row["most"] <= margin:
        return SAME
    return OPEN if row["may_be_best"] else WORSE
