"""How many more patients or trainings would tell: against textbooks, by hand, and by a simulated power."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from black_average_drop.statistics.comparisons import LEVEL
from black_average_drop.statistics.more_needed import needed_across
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.patients_needed import needed_for_means
from black_average_drop.statistics.trainings import across_trainings

MARGIN = 0.02


def crossed(generator, patients, trainings, of_training, of_patient=0.0, of_both=0.0):
    """Values of patients under trainings, which add a normal part each, and one for each pair."""
    values = generator.normal(0, of_training, (1, trainings)) + generator.normal(0, of_patient, (patients, 1))
    return values + generator.normal(0, of_both, (patients, trainings))


def test_one_training_asks_for_the_patients_of_a_mean(generator):
    values, resampling = crossed(generator, 200, 1, 0, 0.1), Resampling(np.arange(200))
    expected = needed_for_means(values, resampling, MARGIN, LEVEL, 0.8)
    assert needed_across(values, resampling, MARGIN, LEVEL) == ("patients", expected[0][0], expected[1][0])


def test_where_trainings_dominate_their_variance_counts(generator):
    values = crossed(generator, 3000, 6, 0.05, 0.0, 0.05)
    what, fewest, most = needed_across(values, Resampling(np.arange(3000)), MARGIN, LEVEL)
    spread, error = values.mean(axis=0).var(ddof=1), (norm.isf(0.025) + norm.ppf(0.8)) / MARGIN
    assert what == "trainings"
    for number, tail in ((fewest, 0.1), (most, 0.9)):
        assert number == pytest.approx(spread * 5 / chi2.isf(tail, 5) * error**2, rel=0.05, abs=1)


def test_so_many_trainings_have_that_power(generator):
    """At the number that a known variance gives, four of five samples with a difference of the margin show it."""
    values = crossed(generator, 4000, 400, 0.05, 0.0, 0.01)
    _, fewest, most = needed_across(values, Resampling(np.arange(4000)), MARGIN, LEVEL)
    number = round((fewest + most) / 2)
    found = [
        across_trainings(MARGIN + crossed(generator, 60, number, 0.05, 0, 0.01), Resampling(np.arange(60))).p < LEVEL
        for _ in range(400)
    ]
    assert 0.74 < np.mean(found) < 0.86  # with three standard errors


def test_where_patients_dominate_trainings_stay_as_many_as_they_are(generator):
    values = crossed(generator, 80, 5, 0.0, 0.1, 0.02)
    resampling = Resampling(np.arange(80))
    what, fewest, most = needed_across(values, resampling, MARGIN, LEVEL)
    least, largest = needed_for_means(values.mean(axis=1)[:, None], resampling, MARGIN, LEVEL, 0.8)
    assert what == "patients" and least[0] <= fewest < most < 1.5 * largest[0]


def test_what_no_number_of_one_kind_would_show_is_infinite(generator):
    """The patients alone leave more than the margin open, or the trainings do."""
    few = crossed(generator, 30, 4, 0.1, 0.1, 0.01)
    assert needed_across(few, Resampling(np.arange(30)), 0.005, LEVEL)[1:] == (np.inf, np.inf)


def test_nothing_is_said_without_an_interval():
    values = np.zeros((50, 3))
    values[:2] = [0.1, 0.2, 0.3]
    needed = needed_across(values, Resampling(np.arange(50)), MARGIN, LEVEL)
    assert needed.what == "" and np.isnan(needed.fewest)
