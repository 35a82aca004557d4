"""Which maps may be the best, and which are the same: does the answer keep its level, and what power does it have?

Simulated drops of several maps on the same patients. Maps of one image go together, since it is the same image.
"""

from itertools import product

import numpy as np
import pandas as pd

from black_average_drop.choice.ranking import comparisons
from black_average_drop.statistics.best import compare_with_best
from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients import Resampling

PATIENTS, DRAWS, RESAMPLES = (50, 200, 600), 1000, 500
MARGIN = 0.02
AT_MOST = 6.0  # percent of the draws: 5 and a little for chance
NAMES = tuple("abcde")


def normal(patients, maps, generator):
    """Drops about 0.3, of which the image explains most."""
    image = generator.normal(0, 0.15, (patients, 1))
    return 0.3 + image + generator.normal(0, 0.08, (patients, maps))


def skewed(patients, maps, generator):
    """Drops near 0 for most images, with a long tail."""
    image = generator.gamma(0.5, 0.3, (patients, 1))
    return np.clip(image + generator.gamma(0.3, 0.15, (patients, maps)), 0, None)


def twins(patients, maps, generator):
    """As normal, but the last two maps differ in few images."""
    drops = normal(patients, maps, generator)
    drops[:, -1] = drops[:, -2] + generator.normal(0, 0.1, patients) * (generator.random(patients) < 0.1)
    return drops


KINDS = {"normal": normal, "a long tail": skewed, "near twins": twins}


def samples(kind, patients, number, shifts):
    """DRAWS samples of drops with shifts of the true means, each with its `Resampling`."""
    generator = np.random.default_rng([patients, number])
    for seed in range(DRAWS):
        drops = KINDS[kind](patients, len(shifts), generator) + np.array(shifts)
        yield drops, Resampling(np.arange(patients), RESAMPLES, seed)


def named_by_old_rule(drops, resampling):
    """The map that beats every other one after Holm's correction, or None: the rule until 2026-11."""
    pairs = comparisons(pd.DataFrame(drops, columns=NAMES[: drops.shape[1]]), (), resampling)
    lead = {name: [] for name in NAMES[: drops.shape[1]]}
    for row in pairs.itertuples():
        lead[row.first].append(row.difference > 0 and row.p_holm < LEVEL)
        lead[row.second].append(row.difference < 0 and row.p_holm < LEVEL)
    return next((name for name, beats in lead.items() if all(beats)), None)


def test_sets_keep_the_best(check):
    """Whether a true best stays in the set of those that may be the best."""
    for (number, kind), patients in product(enumerate(KINDS), PATIENTS):
        left = named = 0
        for drops, resampling in samples(kind, patients, number, [0] * 5):
            left += 1 - compare_with_best(drops, NAMES, resampling)["may_be_best"].mean()  # each may be the best
            named += named_by_old_rule(drops, resampling) is not None
        check(
            f"{patients} patients, five exchangeable maps, {kind}",
            f"each leaves the set in {100 * left / DRAWS:.1f} % of {DRAWS:,} draws (mean); the old rule names a winner "
            f"in {100 * named / DRAWS:.1f} %",
            f"at most {AT_MOST:g} %",
            100 * left / DRAWS <= AT_MOST,
        )


def test_sameness_at_the_margin(check):
    """Whether maps that differ by exactly the margin are seldom said to be the same."""
    for (number, kind), patients in product(enumerate(KINDS), PATIENTS):
        said = 0
        for drops, resampling in samples(kind, patients, number, [0, MARGIN]):
            said += compare_pairs(drops, NAMES[:2], resampling, 1.0)["within"].item() < MARGIN
        check(
            f"{patients} patients, a difference of the margin, {kind}",
            f"said to be within it in {100 * said / DRAWS:.1f} % of {DRAWS:,} draws",
            f"at most {AT_MOST:g} %",
            100 * said / DRAWS <= AT_MOST,
        )


def test_power_of_sets(check):
    """What the set finds, next to the rule that one map must beat all others."""
    cases = {"one rival": [0, 0.05], "a twin and three rivals": [0, 0, 0.05, 0.05, 0.05]}
    for (name, shifts), patients in product(cases.items(), PATIENTS):
        out = named = 0
        for drops, resampling in samples("normal", patients, len(shifts), shifts):
            table = compare_with_best(drops, NAMES[: len(shifts)], resampling)
            out += 1 - table["may_be_best"][np.array(shifts) > 0].mean()
            named += named_by_old_rule(drops, resampling) is not None
        check(
            f"{patients} patients, {name}, a gap of 0.05",
            f"of the worse maps {100 * out / DRAWS:.0f} % leave the set; the old rule names a winner in "
            f"{100 * named / DRAWS:.0f} % of {DRAWS:,} draws",
            "compared, not judged",
            None,
        )
