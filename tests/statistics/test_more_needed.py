"""How many more patients or trainings would tell: against textbooks, by hand, and by a simulated power."""

import numpy as np
import pytest
from scipy.stats import chi2, t

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
    """The textbook's number for Student's test, of the ends of the chi-squared interval of that variance."""
    for spread, count in ((0.05, 6), (0.012, 5)):
        values = crossed(generator, 3000, count, spread, 0.0, 0.01)
        what, *numbers = needed_across(values, Resampling(np.arange(3000)), MARGIN, LEVEL)
        variance = values.mean(axis=0).var(ddof=1)
        assert what == "trainings"
        for number, tail in zip(numbers, (0.1, 0.9), strict=True):
            of_end, solved = variance * (count - 1) / chi2.isf(tail, count - 1), 3
            while of_end / solved * (t.isf(0.025, solved - 1) + t.ppf(0.8, solved - 1)) ** 2 > MARGIN**2:
                solved += 1
            assert number == pytest.approx(solved, rel=0.03, abs=1)


def test_so_many_trainings_have_that_power(generator):
    """At the number that a known variance gives, four of five samples with a difference of the margin show it."""
    for spread, least, largest in ((0.05, 45, 60), (0.012, 4, 6)):
        values = crossed(generator, 4000, 400, spread, 0.0, 0.01)
        _, fewest, most = needed_across(values, Resampling(np.arange(4000)), MARGIN, LEVEL)
        number, of_sixty = round((fewest + most) / 2), Resampling(np.arange(60))
        assert least <= number <= largest
        samples = (MARGIN + crossed(generator, 60, number, spread, 0, 0.01) for _ in range(400))
        found = [across_trainings(sample, of_sixty).p < LEVEL for sample in samples]
        assert 0.72 < np.mean(found) < 0.9  # three standard errors, and a whole number of few trainings


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
