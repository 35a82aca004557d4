"""Means over patients and differences between them: whether they have an interval and a test, and what these are."""

import numpy as np

from black_average_drop.statistics.patients import ENOUGH, bootstrap_means, sums_by_patient

FLIPS = 9999  # of a test: the smallest p is 1 in 10,000
NOISE = 1e-5  # scores are float32: up to this, a difference of two scores is rounding


def enough_differ(differences, groups):
    """Whether enough patients carry the mean of paired differences for an interval and a test.

    The rule is n_eff = (sum |d|)^2 / sum d^2 >= ENOUGH, where d is the sum of a patient's differences (Kish 1965).
    k patients that differ alike count as k. One patient that outweighs all others counts as 1, and none as 0.

    A bootstrap cannot see what was not drawn. Where most differences are 0, its intervals contain the mean too rarely;
    those that this rule leaves contain it about as often as they should, over all simulated distributions. With long
    tails to one side they still do not, and no rule sees a rare large difference behind many small ones.
    paper_figures/reliability.md says how often. The rule looks at |d| alone, so a test that flips signs stays valid.

    Args:
        differences: (N, M). NaN and differences of at most NOISE count as 0.
        groups: (N,), the patient of each row.

    Returns:
        (M,) booleans.
    """
    differences = np.asarray(differences, "float64")
    sums = sums_by_patient(np.where(np.abs(differences) > NOISE, differences, 0), groups)  # NaN is not above it
    squares = (sums**2).sum(axis=0)
    return (squares > 0) & (np.abs(sums).sum(axis=0) ** 2 >= ENOUGH * squares * (1 - 1e-9))


def bootstrap_differences(differences, resampling, trainings=False):
    """`bootstrap_means` of paired differences, where enough patients differ for an interval and a test.

    Args:
        differences: (N, M), NaN where a row has no value.
        resampling: a `Resampling` of the N rows.
        trainings: whether the columns are trainings. Then their mean decides for all of them.

    Returns:
        (resamples, M). A column where too few patients differ is NaN, so that it has neither an interval nor a p value.
    """
    judged = np.nan_to_num(differences).mean(axis=1, keepdims=True) if trainings else differences
    enough = enough_differ(judged, resampling.groups)
    return np.where(enough, bootstrap_means(differences, resampling), np.nan)


def sign_flip_test(differences, groups, flips=FLIPS, seed=0):
    """Two-sided p values of paired differences against a mean of 0.

    Under the null hypothesis the two sides of a pair could be exchanged, for all images of a patient at once. p is the
    share of random exchanges whose sum is at least as far from 0 as the observed one, which counts as an exchange.

    Args:
        differences: (N, M). NaN is left out.
        groups: (N,), the patient of each row.
        flips: the number of random exchanges.
        seed: of the exchanges.

    Returns:
        (M,), from 1 / (flips + 1) to 1.
    """
    sums = sums_by_patient(np.nan_to_num(differences), groups)
    observed = np.abs(sums.sum(axis=0))
    generator, reached = np.random.default_rng(seed), np.ones(len(observed))
    for count in np.diff(np.linspace(0, flips, -(-flips // 1000) + 1).astype(int)):
        signs = generator.choice([-1.0, 1.0], size=(count, len(sums)))
        reached += (np.abs(signs @ sums) >= observed * (1 - 1e-9)).sum(axis=0)
    return reached / (flips + 1)
