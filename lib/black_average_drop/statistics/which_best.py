"""Which maps to take, from rows: the set of those that may be the best, every pair within it, and the controls apart.

Two questions stand next to each other everywhere: does it differ, and is it within the margin? A difference can be real
and too small to matter.
"""

from typing import NamedTuple

import pandas as pd

from black_average_drop.statistics.best import compare_with_best
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients_needed import needed_for_pairs

MARGIN = 0.02  # of the score: drops that differ by less are said to be practically the same


class Answer(NamedTuple):
    """What a metric says of several maps of the same images.

    Attributes:
        methods: of `best.compare_with_best`, of the methods alone, with a column word (`WORDS`).
        pairs: of `equivalence.compare_pairs` and `patients_needed.needed_for_pairs`, of the methods alone.
        controls: of `equivalence.compare_pairs`: each method of the set against each control.
    """

    methods: pd.DataFrame
    pairs: pd.DataFrame
    controls: pd.DataFrame


# What is said of a map, by its place.
SAME, OPEN, WORSE = "practically as good as the best", "not told apart from the best", "worse than the best"


def answer(values, controls, resampling, margin=MARGIN, reach=1.0):
    """Compare all maps of the same images, methods among themselves and the best of them with controls.

    Args:
        values: a DataFrame, images by maps, NaN where an image has no value. Less is better.
        controls: the names of maps that are controls.
        resampling: a `patients.Resampling` of the images.
        margin: the difference that matters.
        reach: the largest difference that two values of an image can have.

    Returns:
        An `Answer`.
    """
    own = [name for name in values if name not in controls]
    methods = compare_with_best(values[own].to_numpy(), own, resampling)
    methods["word"] = [_word(row, margin) for _, row in methods.iterrows()]
    pairs = compare_pairs(values[own].to_numpy(), own, resampling, reach)
    needed = needed_for_pairs(values[own].to_numpy(), own, resampling, margin)
    pairs = pairs.merge(needed, on=["first", "second"], validate="1:1")
    shown = [*methods.loc[methods["may_be_best"], "map"], *(name for name in controls if name in values)]
    against = compare_pairs(values[shown].to_numpy(), shown, resampling, reach)
    against = against[~against["first"].isin(controls) & against["second"].isin(controls)]
    return Answer(methods, pairs, against.reset_index(drop=True))


def _word(row, margin):
    if not row["may_be_best"]:
        return WORSE
    return SAME if row["most"] <= margin else OPEN
