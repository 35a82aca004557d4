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
AT_MOST = 6.0  # percent of the draws in which an answer is wrong: 5 and a little for chance
LEAVES = 4.0  # percent in which a true best leaves the set: 2.5 and three standard errors
ANY_MISSES = 7.0  # percent in which some interval of all misses: 5 and three standard errors
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
    """As normal, but the last two maps differ in few images, so that not all pairs are alike."""
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


def named_by_beating_all(drops, resampling):
    """The map that beats every other one after Holm's correction, or None."""
    pairs = comparisons(pd.DataFrame(drops, columns=NAMES[: drops.shape[1]]), (), resampling)
    lead = {name: [] for name in NAMES[: drops.shape[1]]}
    for row in pairs.itertuples():
        lead[row.first].append(row.difference > 0 and row.p_holm < LEVEL)
        lead[row.second].append(row.difference < 0 and row.p_holm < LEVEL)
    return next((name for name, beats in lead.items() if all(beats)), None)


def test_sets_keep_the_best(check):
    """Whether a true best stays in the set of those that may be the best."""
    for (number, kind), patients in product(enumerate(KINDS), PATIENTS):
        left, named = np.zeros(5), 0
        for drops, resampling in samples(kind, patients, number, [0] * 5):
            left += ~compare_with_best(drops, NAMES, resampling, 1.0)["may_be_best"].to_numpy()
            named += named_by_beating_all(drops, resampling) is not None
        check(
            f"{patients} patients, five maps with one mean, {kind}",
            f"the one that leaves the set most often does so in {100 * left.max() / DRAWS:.1f} % of {DRAWS:,} draws; "
            f"one map beats all others in {100 * named / DRAWS:.1f} %",
            f"at most {LEAVES:g} %",
            100 * left.max() / DRAWS <= LEAVES,
        )


def test_sameness_at_the_margin(check):
    """Whether maps that differ by exactly the margin are seldom said to be the same."""
    cases = {"two maps": [0, MARGIN], "four maps, two of them": [0, MARGIN, 0, MARGIN]}
    for (number, kind), patients, (case, shifts) in product(enumerate(KINDS), PATIENTS, cases.items()):
        at_margin, said = np.abs(np.subtract.outer(shifts, shifts))[np.triu_indices(len(shifts), 1)] >= MARGIN, 0
        for drops, resampling in samples(kind, patients, number, shifts):
            pairs = compare_pairs(drops, NAMES[: len(shifts)], resampling, 1.0)
            said += (pairs["within"][at_margin] < MARGIN).any()
        check(
            f"{patients} patients, {case} worse by the margin, {kind}",
            f"some pair is said to be within it in {100 * said / DRAWS:.1f} % of {DRAWS:,} draws",
            f"at most {AT_MOST:g} %",
            100 * said / DRAWS <= AT_MOST,
        )


def test_limits_of_all_pairs(check):
    """Whether the intervals of all pairs hold the truth together."""
    shifts = [0, 0.01, 0.02, 0.05]
    truth = np.subtract.outer(shifts, shifts).T[np.triu_indices(len(shifts), 1)]
    for (number, kind), patients in product(enumerate(KINDS), PATIENTS):
        missed = 0
        for drops, resampling in samples(kind, patients, number, shifts):
            pairs = compare_pairs(drops, NAMES[: len(shifts)], resampling, 1.0)
            missed += ((pairs["all_low"] > truth) | (pairs["all_high"] < truth)).any()
        check(
            f"{patients} patients, four maps, {kind}",
            f"some of six intervals misses in {100 * missed / DRAWS:.1f} % of {DRAWS:,} draws",
            f"at most {ANY_MISSES:g} %",
            100 * missed / DRAWS <= ANY_MISSES,
        )


def test_power_of_sets(check):
    """What the set finds, next to the rule that one map must beat all others."""
    cases = {"one rival": [0, 0.05], "a twin and three rivals": [0, 0, 0.05, 0.05, 0.05]}
    for (name, shifts), patients in product(cases.items(), PATIENTS):
        out = named = 0
        for drops, resampling in samples("normal", patients, len(shifts), shifts):
            table = compare_with_best(drops, NAMES[: len(shifts)], resampling, 1.0)
            out += 1 - table["may_be_best"][np.array(shifts) > 0].mean()
            named += named_by_beating_all(drops, resampling) is not None
        check(
            f"{patients} patients, {name}, a gap of 0.05",
            f"of the worse maps {100 * out / DRAWS:.0f} % leave the set; one map beats all others in "
            f"{100 * named / DRAWS:.0f} % of {DRAWS:,} draws",
            "compared, not judged",
            None,
        )
