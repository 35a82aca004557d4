"""Means of patients, their intervals and tests: by hand, by brute force, against SciPy, and simulated."""

import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import means, skewed
from black_average_drop.statistics.patients import Resampling


def estimated(values, groups=None, bounds=None):
    values = np.asarray(values, "float64")
    return means.estimate_means(values, Resampling(np.arange(len(values)) if groups is None else groups), bounds)


def blank(estimates, column):
    return np.isnan([estimates.low[column], estimates.high[column], estimates.p[column]]).all()


def test_the_mean_is_over_images_and_a_patient_counts_once(generator):
    """Against the linearised mean written as a loop, with unequal patients and images without a value."""
    values, groups = generator.exponential(size=(300, 1)), generator.integers(0, 60, 300)
    values[generator.random(300) < 0.1] = np.nan
    estimates = estimated(values, groups)
    known = ~np.isnan(values[:, 0])
    patients, images = np.unique(groups[known]), known.sum()
    assert estimates.value[0] == pytest.approx(values[known].mean()) and estimates.patients[0] == len(patients)
    parts = []
    for patient in patients:
        own = values[known & (groups == patient), 0]
        parts.append(estimates.value[0] + len(patients) / images * (own - estimates.value[0]).sum())
    alone = estimated(np.array(parts)[:, None])
    np.testing.assert_allclose([alone.low, alone.high, alone.p], [estimates.low, estimates.high, estimates.p])


def test_images_of_one_patient_are_no_further_evidence(generator):
    values = generator.normal(0.1, 1, (40, 1))
    once, thrice = estimated(values), estimated(np.repeat(values, 3, axis=0), np.repeat(np.arange(40), 3))
    np.testing.assert_allclose([once.low, once.high, once.p], [thrice.low, thrice.high, thrice.p])


def test_strata_are_apart_whichever_patients_are_drawn(generator):
    """By hand for 40 and 20 patients: the variance of the mean is that of each stratum's own mean, weighted."""
    stratum, values = np.arange(60) // 40, generator.normal(size=(60, 1))
    values -= np.median(values)
    apart = values + 5 * stratum[:, None]
    resampling = Resampling(np.arange(60), strata=stratum)
    shifted, plain = (means.estimate_means(one, resampling) for one in (apart, values))
    assert shifted.low[0] - plain.low[0] == pytest.approx(5 / 3) == shifted.high[0] - plain.high[0]
    weighted = [(40 / 60) ** 2 * values[:40].var(ddof=1) / 40, (20 / 60) ** 2 * values[40:].var(ddof=1) / 20]
    assert plain._moments.error[0] == pytest.approx(np.sqrt(sum(weighted)), rel=0.02)
    assert estimated(apart).high[0] - estimated(apart).low[0] > 2 * (shifted.high[0] - shifted.low[0])


def test_strata_with_a_lone_patient_or_without_a_value_are_taken_as_they_are(generator):
    values, stratum = generator.normal(size=(31, 2)), np.append(np.arange(30) // 15, 2)
    values[:15, 1] = np.nan
    estimates = means.estimate_means(values, Resampling(np.arange(31), strata=stratum))
    np.testing.assert_allclose(estimates.value, np.nanmean(values, axis=0))
    assert np.isfinite(estimates.low).all()
    one = means.estimate_means(values[15:30, [1]], Resampling(np.arange(15), strata=np.ones(15)))
    assert one.low[0] == estimated(values[15:30, [1]]).low[0]


def test_intervals_over_strata_hold_as_often_as_they_say(generator):
    """2,000 draws of two folds whose networks are far apart. Without strata the intervals hold the mean in 99.9 %."""
    fold = np.arange(100) % 2
    values = generator.normal(size=(100, 2000)) + 3 * fold[:, None]
    estimates = means.estimate_means(values, Resampling(np.arange(100), strata=fold))
    assert 0.93 < np.mean((estimates.low <= 1.5) & (1.5 <= estimates.high)) < 0.98


def test_a_column_does_not_see_the_other_ones(generator):
    values = generator.normal(0.3, 1, (50, 3))
    values[10:, 1] = np.nan  # 10 patients
    values[9:, 2] = np.nan  # too few
    together, alone = estimated(values), [estimated(values[:, [column]]) for column in range(3)]
    for name in ("value", "low", "high", "p", "patients"):
        expected = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_allclose(getattr(together, name), expected, err_msg=name)
    np.testing.assert_array_equal(alone[1].patients, [10])
    assert blank(together, 2) and together.value[2] == pytest.approx(values[:9, 2].mean())
    short = estimated(values[:10, [1]])
    assert (alone[1].low[0], alone[1].p[0]) == pytest.approx((short.low[0], short.p[0]), nan_ok=True)


@pytest.mark.parametrize("bounds", [None, (-1, 1)])
def test_p_is_the_level_at_which_the_interval_reaches_0(bounds, generator):
    values = np.clip(generator.exponential(0.3, (60, 6)) - [0.3, 0.2, 0.25, 0.4, 0.3, 0.1], -1, 1)
    values[:, 5] = np.arange(60) < 9  # 9 differ, of one sign
    values[:, 4] = 0
    values[:3, 4] = -1  # 3 carry one side
    estimates = estimated(values, bounds=bounds)
    assert blank(estimates, 4) == (bounds is None)
    for column in range(6 if bounds else 4):
        low, high = estimates.limits(estimates.p[column])
        reached = low[column] if estimates.value[column] > 0 else high[column]
        assert estimates.p[column] == 1 or reached == pytest.approx(0, abs=1e-9)
        outside = estimates.low[column] > 0 or estimates.high[column] < 0
        assert outside == (estimates.p[column] < 0.05)
    np.testing.assert_array_equal(estimates.limits(0.05), [estimates.low, estimates.high])
    wide = np.array(estimates.limits(1e-6))
    assert (wide[0][:4] < estimates.low[:4]).all() and (wide[1][:4] > estimates.high[:4]).all()


def test_too_few_patients_on_either_side_have_neither_interval_nor_test():
    """Of 100 patients 7 on one side are enough and 6 are not; of 36 it is 6, the root; of fewer than 10 nothing is."""
    cases = {
        "7 of 100": (np.arange(100) < 7, True),
        "6 of 100": (np.arange(100) < 6, False),
        "6 lack it": (np.arange(100) >= 6, False),
        "6 of 36": (np.arange(36) < 6, True),
        "5 of 36": (np.arange(36) < 5, False),
        "5 of 10": (np.arange(10) < 5, True),
        "4 of 9": (np.arange(9) < 4, False),
        "one outweighs all": (np.where(np.arange(100) == 0, 50, np.arange(100) % 2), False),
        "all alike": (np.full(40, 0.3), False),
        "rounding noise": (1e-6 * (np.arange(40) % 2), False),
        "no value": (np.full(40, np.nan), False),
    }
    for name, (column, expected) in cases.items():
        estimates = estimated(np.asarray(column, "float64")[:, None])
        assert blank(estimates, 0) != expected and (name == "no value") == np.isnan(estimates.value[0]), name
        turned = estimated(-7 * np.asarray(column, "float64")[:, None] - 3)  # whatever the scale and the sign
        assert name == "rounding noise" or blank(turned, 0) != expected, name
    in_pairs = estimated((np.arange(100) < 12).astype(float)[:, None], np.arange(100) // 2)
    assert blank(in_pairs, 0)  # 12 images of 6 patients


@pytest.mark.parametrize("hits", [0, 1, 17, 30])
def test_a_share_has_the_interval_of_clopper_and_pearson(hits):
    estimates = estimated(100.0 * (np.arange(30) < hits)[:, None], bounds=(0, 100))
    expected = stats.binomtest(hits, 30).proportion_ci(0.95, "exact")
    assert (estimates.low[0], estimates.high[0]) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_a_share_of_several_images_a_patient_counts_patients():
    """All 90 images of 30 patients: as 30 of 30. One image that lacks it is no share of patients."""
    values, groups = np.ones((90, 1)), np.arange(90) // 3
    assert estimated(values, groups, (0, 1)).low[0] == pytest.approx(0.025 ** (1 / 30))
    values[0] = 0
    estimates = estimated(values, groups, (0, 1))
    assert 0.6 < estimates.low[0] < 0.025 ** (1 / 30) and estimates.high[0] > 89 / 90


def test_all_differences_at_one_end_are_the_sign_test():
    estimates = estimated(np.full((20, 1), -1.0), bounds=(-1, 1))
    assert estimates.p[0] == pytest.approx(stats.binomtest(0, 20).pvalue)
    assert (estimates.low[0], estimates.value[0]) == (-1, -1)


def test_values_outside_their_bounds_are_refused():
    with pytest.raises(ValueError, match="^Some values are not from 0 to 1: pass the bounds that they have.$"):
        estimated(np.full((20, 1), 1.5), bounds=(0, 1))
    assert estimated(np.full((20, 1), 1.0 + 1e-7), bounds=(0, 1)).high[0] == 1  # float32


def drawn(kind, count, draws, generator):
    """Draws of a distribution with mean 0, a column each."""
    shape = count, draws
    if kind == "normal":
        return generator.standard_normal(shape)
    if kind == "exponential":
        return generator.exponential(size=shape) - 1
    if kind == "lognormal":
        return np.exp(generator.standard_normal(shape)) - np.exp(0.5)
    share = kind  # of patients at 0.5, the others a little below 0
    small = 0.5 * share / (1 - share) * (0.8 + 0.4 * generator.random(shape))
    return np.where(generator.random(shape) < share, 0.5, -small)


@pytest.mark.parametrize(
    ("kind", "count"), [("lognormal", 50), ("exponential", 50), ("normal", 50), (0.05, 200), (0.2, 50), (0.02, 600)]
)
def test_true_nulls_are_rarely_rejected(kind, count):
    """4,000 draws each. Of lognormal differences the sign-flip test rejects 12 % at 0.05 and a t test 10 %."""
    estimates = estimated(drawn(kind, count, 4000, np.random.default_rng(11)))
    assert np.mean(estimates.p < 0.05) <= 0.07 and np.mean(estimates.p < 0.005) <= 0.015
    assert np.mean(estimates.low > 0) <= 0.05 and np.mean(estimates.high < 0) <= 0.05
    if kind in ("normal", "exponential"):
        assert np.isfinite(estimates.low).mean() >= 0.9


def test_what_is_needed_for_these_levels():
    """Without Hall's transformation one level is too high, and without the refusal another."""
    values = drawn("lognormal", 50, 4000, np.random.default_rng(11))
    of_means = skewed.moments(values)
    plain = of_means._replace(skew=0 * of_means.skew)
    assert np.mean(skewed.skewed_p(plain) < 0.05) > 0.07
    long = np.exp(2.5 * np.random.default_rng(11).standard_normal((50, 4000))) - np.exp(2.5**2 / 2)
    assert np.mean(skewed.skewed_p(skewed.moments(long)) < 0.05) > 0.1 > 0.07 > np.mean(estimated(long).p < 0.05)


def test_the_power_on_normal_differences_is_that_of_the_t_test(generator):
    values = generator.normal(0.4, 1, (50, 4000))
    lost = np.mean(stats.ttest_1samp(values, 0).pvalue < 0.05) - np.mean(estimated(values).p < 0.05)
    assert 0 <= lost < 0.03


@pytest.mark.parametrize(
    ("estimate", "n", "extreme", "expected"),
    [(0.03, 100, -1, True), (0.04, 100, -1, False), (-0.04, 100, 1, False), (-0.01, 300, 1, True), (0.5, 2, -1, True)],
)
def test_unseen_patients_overturn_by_hand(estimate, n, extreme, expected):
    """3 of 100 at -1 take 0.03 from 0.97 times the mean."""
    assert means.overturned_by_unseen(estimate, n, extreme) is expected
