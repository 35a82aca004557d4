"""What 40, 200 and 600 X-rays answer, and whether that is right: patients are drawn again from the committed rows.

All rows of one training are the truth: the method with the smallest mean drop, and how much worse the others are.
"""

from collections import Counter

import numpy as np

from black_average_drop.files import ROOT
from black_average_drop.paper.rows_of_table1 import read_table1_rows
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.which_best import OPEN, SAME, answer

IMAGES, DRAWS, RESAMPLES = (40, 200, 600), 200, 200
MARGIN = 0.02
AT_MOST = 6.0  # percent of the draws in which an answer is wrong: 5 and a little for chance
KINDS = {
    "ahead": "one method is ahead of all others",
    "within": "methods are within the margin, and none is open",
    "mixed": "one is within the margin, and others are open",
    "open": "no method can be taken",
}


def kind_of(methods):
    """Which of KINDS an answer is."""
    if not (methods["word"] == SAME).any():
        return "open"
    if (methods["word"] == OPEN).any():
        return "mixed"
    return "ahead" if methods["may_be_best"].sum() == 1 and (methods["word"] == SAME).sum() == 1 else "within"


def is_wrong(methods, worse):
    """Whether the best method by all rows is dropped, or one is taken that is worse than it by more than the margin.

    worse: map -> by how much its mean over all rows is above the smallest one.
    """
    methods = methods.set_index("map")
    taken = methods.index[methods["word"] == SAME]
    return not methods.loc[worse.idxmin(), "may_be_best"] or (worse[taken] > MARGIN).any()


def test_answers_by_images(check):
    """Which answer X-rays give, by their number, and whether it is right by all rows."""
    rows = read_table1_rows(ROOT / "paper_figures/laptop")
    rows = rows[(rows["data"] == "radiographs") & (rows["same_map_as"] == "") & rows["method"].str.contains("CAM")]
    for (training, metric), part in rows.groupby(["training", "metric"], sort=False):
        drops = part.pivot(index="id", columns="method", values="drop").dropna()
        groups = part.drop_duplicates("id").set_index("id").loc[drops.index, "group"]
        patients, worse = groups.unique(), drops.mean() - drops.mean().min()
        generator = np.random.default_rng(training)
        members = {patient: np.flatnonzero(groups == patient) for patient in patients}
        for images in IMAGES:
            kinds, wrong, each = Counter(), 0, len(drops) / len(patients)
            for seed in range(DRAWS):
                drawn = [members[one] for one in generator.choice(patients, round(images / each))]
                whose = np.repeat(np.arange(len(drawn)), [len(one) for one in drawn])
                resampling = Resampling(whose, RESAMPLES, seed)
                methods = answer(drops.iloc[np.concatenate(drawn)], [], resampling, MARGIN).methods
                kinds[kind_of(methods)] += 1
                wrong += is_wrong(methods, worse)
            shares = "; ".join(f"{words} in {100 * kinds[kind] / DRAWS:.0f} %" for kind, words in KINDS.items())
            check(
                f"training {training}, {metric}, {images} X-rays of {len(patients)} patients",
                f"of {DRAWS} draws, of {drops.shape[1]} methods, {shares}; wrong in {100 * wrong / DRAWS:.1f} %, and "
                f"in {100 * wrong / max(1, DRAWS - kinds['open']):.1f} % of those that take a method",
                f"wrong in at most {AT_MOST:g} %",
                100 * wrong / DRAWS <= AT_MOST,
            )
