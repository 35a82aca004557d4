"""Do intervals over folds hold what they are for, where each network judges the patients that it was not trained on?"""

import numpy as np

from black_average_drop.statistics import folds
from black_average_drop.statistics.patients import Resampling

DRAWS, RESAMPLES = 400, 1000
PATIENTS, FEATURES, HIDDEN = (100, 400), 8, 6  # networks of few units differ, and depend on who trained them
POPULATION, OTHERS = 20_000, 20  # patients and networks that stand for all others
HELD = 92.0  # percent of the draws, at least


def drawn(generator, count):
    """Patients with features, and a label that depends on them."""
    features = generator.standard_normal((count, FEATURES))
    label = features[:, 0] * features[:, 1] + features[:, 2] + generator.standard_normal(count) > 0
    return features, 2.0 * label - 1


def fitted(features, labels, generator):
    """A network of random hidden units whose last layer is fitted: features -> a number with the label's sign."""
    hidden = generator.standard_normal((FEATURES, HIDDEN))
    seen = np.tanh(features @ hidden)
    weights = np.linalg.solve(seen.T @ seen + np.eye(HIDDEN), seen.T @ labels)
    return lambda others: np.tanh(others @ hidden) @ weights


def cross_fitted(generator, patients, networks):
    """One study: `folds.across_folds` of hits in percent, and what a fold's networks (2,) and others have over all
    patients."""
    features, labels = drawn(generator, patients)
    population, truth = drawn(generator, POPULATION)
    fold, hits, of_these, of_others = np.arange(patients) % 2, np.empty((patients, 1, networks)), [], []
    for own in (0, 1):
        count = max(networks, OTHERS) if networks > 1 else 1
        told = [fitted(features[fold != own], labels[fold != own], generator) for _ in range(count)]
        right = [100 * np.mean(network(population) * truth > 0) for network in told]
        of_these.append(np.mean(right[:networks]))
        of_others.append(np.mean(right))
        for place, network in enumerate(told[:networks]):
            hits[fold == own, 0, place] = 100.0 * (network(features[fold == own]) * labels[fold == own] > 0)
    resampling = Resampling(np.arange(patients), RESAMPLES, strata=fold)
    return folds.across_folds(hits, resampling, (0, 100)), np.array(of_these), np.mean(of_others)


def test_folds(check):
    """Whether intervals over two folds hold the mean of their own networks, and of others where a fold has several."""
    for patients, networks in [(patients, networks) for patients in PATIENTS for networks in (1, 2, 4)]:
        own, others, errors = [], [], []
        for seed in range(DRAWS):
            one, of_these, of_others = cross_fitted(np.random.default_rng([networks, seed]), patients, networks)
            own.append(one.low[0] <= of_these.mean() <= one.high[0])
            others.append(one.others_low[0] <= of_others <= one.others_high[0])
            errors.append(one.of_folds[:, 0] - of_these)
        held = [100 * np.mean(own)] + [100 * np.mean(others)] * (networks > 1)
        check(
            f"{patients} patients in two folds, {networks} network{'s' * (networks > 1)} a fold, percent of hits",
            f"of {DRAWS} draws the interval for these networks held their mean over all patients in {held[0]:.1f} %"
            + (f", that for others the mean of others in {held[1]:.1f} %" if networks > 1 else "")
            + f"; the errors of both folds correlate at {np.corrcoef(np.transpose(errors))[0, 1]:+.2f}",
            f"at least {HELD:g} % from {max(PATIENTS)} patients on",
            min(held) >= HELD if patients == max(PATIENTS) else None,
        )
