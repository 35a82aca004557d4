"""Alpha is chosen on the images that are tested: does the answer keep its level all the same?

Maps of five methods see the same places of an image, each with noise of its own. So all have one mean drop, whatever
alpha is. Alpha is chosen by the first two, as in the paper, on the same images. It does not change if these two are
exchanged, so their own difference keeps its level by symmetry. Two further maps differ by more or less along alpha. At
each alpha their difference is known from many patients.
"""

import numpy as np

from black_average_drop import masks
from black_average_drop.statistics.best import compare_with_best
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients import Resampling

PATIENTS, DRAWS, RESAMPLES = (25, 100, 400), 1000, 500
SIDE = 10  # of the images, in pixels
MARGIN = 0.02
NAMES = tuple("abcde")
LEAVES, AT_MOST = 4.0, 7.0  # percent: 2.5 and 5, and three standard errors


def study(patients, generator):
    """Images (N, S, S, 1), what each pixel adds to the score (N, S, S), and five maps of each image."""
    images = generator.gamma(2, 50, (patients, SIDE, SIDE, 1)).astype("float32")
    seen = generator.gamma(0.4, 1, (patients, SIDE, SIDE))
    maps = {name: (seen + generator.gamma(0.4, 2, seen.shape)).astype("float32") for name in NAMES}
    return images, seen / seen.sum(axis=(1, 2), keepdims=True), maps


def drops_at(alpha, seen, maps, steps=False):
    """The drop of each masked image (N, maps) under a score that saturates, or one that nearly is a step."""
    kept = np.stack([(seen * masks.kept_pixels(drawn, alpha)).sum(axis=(1, 2)) for drawn in maps.values()], axis=1)
    return 1 / (1 + np.exp(60 * (kept - 0.7))) if steps else 1 - kept * 1.3 / (kept + 0.3)


def steep(patients, generator):
    """As `study`, with two maps: one finds few pixels surely, and the other more of them with noise."""
    images, seen, _ = study(patients, generator)
    few = np.where(seen > 0.03, seen, 0) + 1e-3 * generator.random(seen.shape)
    many = np.sqrt(seen) + 0.05 * generator.gamma(1, 1, seen.shape)
    return images, seen, {"few": few.astype("float32"), "many": many.astype("float32")}


def test_alpha_where_drops_are_steep(check):
    """Whether the interval of a difference that changes steeply along alpha holds its value at the alpha chosen."""
    images, seen, maps = steep(20_000, np.random.default_rng(0))
    grid = np.arange(1, SIDE**2) / SIDE**2
    truths = np.array([np.diff(drops_at(alpha, seen, maps, steps=True)).mean() for alpha in grid])
    of_all = round(masks.select_alpha(masks.alpha_curve(images, maps)) * SIDE**2) - 1
    below, truth, above = truths[[of_all - 10, of_all, of_all + 10]]
    for patients in PATIENTS:
        generator, missed, elsewhere, alphas = np.random.default_rng(patients), 0, 0, []
        for seed in range(DRAWS):
            images, seen, maps = steep(patients, generator)
            alphas.append(masks.select_alpha(masks.alpha_curve(images, maps)))
            drops = drops_at(alphas[-1], seen, maps, steps=True)
            resampling = Resampling(np.arange(patients), RESAMPLES, seed)
            pair = compare_pairs(drops, list(maps), resampling, 1.0).iloc[0]
            there = truths[round(alphas[-1] * SIDE**2) - 1]
            missed += pair["low"] > there or pair["high"] < there  # a refused interval is not wrong
            elsewhere += pair["low"] > truth or pair["high"] < truth
        tried = f"{patients} patients, a difference of {below:+.3f}, {truth:+.3f} and {above:+.3f} at alpha ± 0.1"
        check(
            f"{tried}: at the alpha that is chosen",
            f"the interval misses in {100 * missed / DRAWS:.1f} % of {DRAWS:,} draws",
            f"at most {AT_MOST:g} %",
            100 * missed / DRAWS <= AT_MOST,
        )
        check(
            f"{tried}: at the alpha that all patients choose",
            f"it misses in {100 * elsewhere / DRAWS:.1f} %; alpha has a spread of {np.std(alphas):.3f}",
            "compared, not judged: the interval holds for its own alpha",
            None,
        )


def test_alpha_chosen_on_the_tested_images(check):
    """Whether the set and the limits of pairs keep their level where alpha is chosen on the tested images."""
    for patients in PATIENTS:
        generator, left, missed, of_two, same = np.random.default_rng(patients), np.zeros(5), 0, 0, 0
        for seed in range(DRAWS):
            images, seen, maps = study(patients, generator)
            alpha = masks.select_alpha(masks.alpha_curve(images, {name: maps[name] for name in NAMES[:2]}))
            drops, resampling = drops_at(alpha, seen, maps), Resampling(np.arange(patients), RESAMPLES, seed)
            left += ~compare_with_best(drops, NAMES, resampling, 1.0)["may_be_best"].to_numpy()
            pairs = compare_pairs(drops, NAMES, resampling, 1.0)
            missed += pairs["differs"].any()
            of_two += pairs["p"].iloc[0] < 0.05
            apart = np.stack([drops[:, 0], drops[:, 1] + MARGIN], axis=1)  # worse by the margin at every alpha
            same += compare_pairs(apart, NAMES[:2], resampling, 1.0)["within"].iloc[0] < MARGIN
        percents = {name: 100 * count / DRAWS for name, count in (("any", missed), ("two", of_two), ("same", same))}
        tried = f"{patients} patients, five exchangeable maps"
        check(
            f"{tried}: the set",
            f"the one that leaves the set most often does so in {100 * left.max() / DRAWS:.1f} % of {DRAWS:,} draws",
            f"at most {LEAVES:g} %",
            100 * left.max() / DRAWS <= LEAVES,
        )
        for name, what in (
            ("any", "some of ten pairs is said to differ"),
            ("two", "the two that alpha is chosen by are said to differ, tested alone"),
            ("same", "these two, one of them worse by the margin, are said to be within it"),
        ):
            check(f"{tried}: {what}", f"in {percents[name]:.1f} %", f"at most {AT_MOST:g} %", percents[name] <= AT_MOST)
