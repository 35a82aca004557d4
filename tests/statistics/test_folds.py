"""Means over images that the networks of each fold share: by hand, by the analysis of variance, and simulated."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import folds, means, trainings
from black_average_drop.statistics.patients import Resampling


def nested(generator, of_networks, networks, patients=60):
    """Values (patients, 1, networks) of two folds whose networks are their own, the folds (patients,), and what the
    networks add to their mean."""
    fold, own = np.arange(patients) % 2, of_networks * generator.normal(size=(2, networks))
    values = generator.normal(size=(patients, 1)) + 0.3 * generator.normal(size=(patients, networks)) + own[fold]
    return values[:, None], fold, own.mean()


def test_for_these_networks_only_patients_count(generator):
    values, fold, _ = nested(generator, 1.0, 3)
    values[7, 0, 1] = np.nan
    resampling = Resampling(np.arange(60), 300, strata=fold)
    estimate = folds.across_folds(values, resampling)
    expected = means.estimate_means(np.nanmean(values, axis=2), resampling)
    for name in ("value", "low", "high", "p"):
        np.testing.assert_array_equal(getattr(estimate, name), getattr(expected, name))
    by_hand = [[np.nanmean(values[fold == one], axis=2).mean()] for one in (0, 1)]
    np.testing.assert_allclose(estimate.of_folds, by_hand)
    assert estimate.networks == 3


def test_for_other_networks_the_spread_within_folds_counts_with_its_degrees_of_freedom():
    """Folds of one size, patients alike but for a whole shift: the networks' part is that of a nested analysis of
    variance, 4 networks with 2 x (2 - 1) degrees of freedom."""
    fold, patient = np.arange(80) // 40, np.tile([0.5, -0.5], 40)
    of_networks = np.array([[1.0, 2.0], [3.0, 5.0]])
    values = (patient[:, None] + of_networks[fold])[:, None]
    resampling = Resampling(np.arange(80), 500, strata=fold)
    estimate = folds.across_folds(values, resampling)
    within = of_networks.var(axis=1, ddof=1).mean()  # the mean square within folds, a network each
    half = stats.t.ppf(0.975, 2) * np.sqrt(within / 4)
    assert estimate.value[0] == pytest.approx(2.75)
    assert estimate.others_high[0] - 2.75 == pytest.approx(np.hypot(half, estimate.high[0] - 2.75))
    assert 2.75 - estimate.others_low[0] == pytest.approx(np.hypot(half, 2.75 - estimate.low[0]))


def test_folds_of_other_sizes_weigh_by_their_images():
    """30 and 90 images: a quarter and three quarters of the mean, and of each network's error."""
    fold, patient = (np.arange(120) >= 30).astype(int), np.tile([0.5, -0.5], 60)
    of_networks = np.array([[1.0, 2.0, 3.0], [0.0, 4.0, 5.0]])
    values = (patient[:, None] + of_networks[fold])[:, None]
    estimate = folds.across_folds(values, Resampling(np.arange(120), 500, strata=fold))
    assert estimate.value[0] == pytest.approx(0.25 * 2 + 0.75 * 3)
    error = np.sqrt(of_networks.var(axis=1, ddof=1).mean() * (0.25**2 + 0.75**2) / 3)
    reach = np.hypot(stats.t.ppf(0.975, 4) * error, estimate.high[0] - estimate.value[0])
    assert estimate.others_high[0] == pytest.approx(estimate.value[0] + reach)


def test_one_fold_is_trainings_that_see_every_patient(generator):
    values, _, _ = nested(generator, 0.3, 4)
    resampling = Resampling(np.arange(60), 400)
    crossed = trainings.across_trainings(values[:, 0], resampling)
    one = folds.across_folds(values, replace(resampling, strata=np.zeros(60, int)))
    assert (one.others_low[0], one.others_high[0]) == pytest.approx((crossed.low, crossed.high))


def test_one_network_a_fold_says_nothing_of_others(generator):
    values, fold, _ = nested(generator, 1.0, 1)
    estimate = folds.across_folds(values, Resampling(np.arange(60), 100, strata=fold))
    assert np.isnan([estimate.others_low[0], estimate.others_high[0]]).all() and np.isfinite(estimate.low[0])
    assert "nothing is known about other trainings" in folds.covered_by(1)
    assert "2 networks within each fold" in folds.covered_by(2) and "nothing" not in folds.covered_by(2)


@pytest.mark.filterwarnings("error")
def test_columns_without_an_interval_have_none_for_other_networks(generator):
    values, fold, _ = nested(generator, 1.0, 2)
    both = np.concatenate([values, np.zeros_like(values), np.full_like(values, np.nan), values], axis=1)
    both[fold == 1, 3] = np.nan  # measured in one fold alone
    estimate = folds.across_folds(both, Resampling(np.arange(60), 100, strata=fold))
    assert np.isfinite([estimate.low[0], estimate.others_low[0], estimate.others_low[3]]).all()
    assert np.isnan([*estimate.others_low[1:3], *estimate.others_high[1:3], estimate.of_folds[1, 3]]).all()
    alone = folds.across_folds(values[fold == 0], Resampling(np.arange(30), 100, strata=np.zeros(30, int)))
    assert estimate.of_folds[0, 3] == pytest.approx(alone.value[0])
    bounded = folds.across_folds(both, Resampling(np.arange(60), 100, strata=fold), bounds=(-9, 9))
    assert bounded.others_low[0] == pytest.approx(max(-9, estimate.others_low[0]))


def test_without_folds_there_is_a_sentence(generator):
    values, _, _ = nested(generator, 1.0, 2)
    with pytest.raises(ValueError, match="give it the fold of each image as strata"):
        folds.across_folds(values, Resampling(np.arange(60)))


@pytest.mark.parametrize("of_networks", [0.0, 0.3])
def test_both_intervals_hold_what_they_are_for(of_networks):
    """Drawn 150 times: the mean of these four networks over all patients, and 0, the mean of all networks."""
    generator, own, others = np.random.default_rng(3), 0, 0
    for _ in range(150):
        values, fold, effect = nested(generator, of_networks, 2, patients=80)
        estimate = folds.across_folds(values, Resampling(np.arange(80), 200, strata=fold))
        own += estimate.low[0] <= effect <= estimate.high[0]
        others += estimate.others_low[0] <= 0 <= estimate.others_high[0]
    assert own / 150 >= 0.90 and others / 150 >= 0.92
