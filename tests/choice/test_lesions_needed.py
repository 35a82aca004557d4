"""The number of lesions that would decide, by hand and by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from black_average_drop.choice.lesions_needed import lesions_needed


def test_the_number_is_that_of_the_usual_formula():
    """Of 100 lesions 20 go one way and 10 the other: mean 0.1, variance (30 - 1) / 99."""
    differences = np.repeat([1, -1, 0], [20, 10, 70])
    needed = (1.95996 + 0.84162) ** 2 * (29 / 99) / 0.1**2  # 229.9, of which the rule of 10 patients takes 33 alone
    assert lesions_needed(differences, np.arange(100)) == np.ceil(needed / 10) * 10 == 230
    corrected = (norm.isf(0.05 / 2 / 6) + norm.isf(0.2)) ** 2 * (29 / 99) / 0.1**2
    assert lesions_needed(differences, np.arange(100), tests=6) == np.ceil(corrected / 10) * 10 == 360


def test_so_many_lesions_decide_in_four_of_five_draws():
    generator = np.random.default_rng(3)
    differences = np.repeat([1, -1, 0], [20, 10, 70])
    draws = generator.choice(differences, (2000, int(lesions_needed(differences, np.arange(100)))))
    z = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(draws.shape[1]))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.04)


def test_lesions_of_one_patient_count_as_one():
    """Each patient has the same lesion twice: twice as many lesions are needed."""
    differences = np.repeat([1, -1, 0], [20, 10, 70])
    assert lesions_needed(np.repeat(differences, 2), np.repeat(np.arange(100), 2)) == 460


def test_too_few_that_differ_ask_for_ten_of_them():
    """All differ in 3 of 12 patients: 10 that differ need 40, and if all 4 of 4 differ alike 10 are needed."""
    assert lesions_needed(np.repeat([1, 0], [3, 9]), np.arange(12)) == 40
    assert lesions_needed(np.ones(4), np.arange(4)) == 10


def test_the_number_is_above_what_there_is_and_nan_where_nothing_points_anywhere():
    assert lesions_needed(np.ones(50), np.arange(50)) == 51
    for differences, groups in (([1, -1], [0, 1]), ([0, 0], [0, 1]), ([1, 1], [0, 0])):
        assert np.isnan(lesions_needed(differences, groups))
