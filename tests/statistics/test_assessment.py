import numpy as np
import pytest
from scipy import stats

from black_average_drop.statistics import assessment
from black_average_drop.statistics.patients import Resampling

LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORES = np.array([-4, -3, -2, 1, -1, 2, 3, -1.5, 0.5, 4])


def test_summary_by_hand():
    curve, summary = assessment.assess(LABELS, SCORES, Resampling(np.arange(10), 50))
    values = summary.set_index("measure")["value"]
    assert values["sensitivity"] == 4 / 5 and values["specificity"] == 4 / 5 and values["accuracy"] == 8 / 10
    assert values["AUC"] == pytest.approx((5 + 5 + 3 + 4 + 5) / 25)
    at = curve.set_index("false_positive_rate")["sensitivity"]
    assert at[0.0] == 3 / 5 and at[0.2] == 4 / 5 and at[0.19] == 3 / 5 and at[1.0] == 1


def test_rates_have_the_intervals_of_means_and_exact_ones_at_the_ends(generator):
    """24 of 24 ill patients called ill are no interval from 1 to 1."""
    labels, patients = np.arange(60) % 5 < 2, np.arange(60)
    scores = np.where(labels, 1.0, generator.choice([-1.0, 1.5], 60))
    _, summary = assessment.assess(labels, scores, Resampling(patients, 200))
    assert list(summary["measure"]) == ["AUC", "sensitivity", "specificity", "accuracy"]
    summary = summary.set_index("measure")
    for name, chosen in (("sensitivity", labels), ("specificity", ~labels), ("accuracy", patients >= 0)):
        right = ((scores > 0) == labels)[chosen]
        exact = stats.binomtest(int(right.sum()), len(right)).proportion_ci(0.95, "exact")
        assert tuple(summary.loc[name]) == pytest.approx((right.mean(), exact.low, exact.high)), name
    assert summary.loc["sensitivity", "low"] < 0.9 and summary.loc["AUC", "low"] < summary.loc["AUC", "high"]


def test_an_area_has_no_interval_where_a_class_has_few_patients_or_every_draw_repeats_it(generator):
    labels, scores = np.arange(60) < 9, generator.normal(size=60)
    curve, summary = assessment.assess(labels, scores, Resampling(np.arange(60), 100))
    assert curve["low"].isna().all() and summary["low"].isna().tolist() == [True, True, False, False]
    labels = np.arange(60) < 30
    _, summary = assessment.assess(labels, labels - 0.5, Resampling(np.arange(60), 100))
    assert summary["value"].tolist() == [1, 1, 1, 1] and summary["low"].isna().tolist() == [True, False, False, False]


def test_intervals_resample_patients():
    """Ten copies of each image: as images the intervals would shrink, as patients they stay what they were."""
    labels, scores = np.tile(LABELS, 2), np.tile(SCORES, 2)
    _, once = assessment.assess(labels, scores, Resampling(np.arange(20), 400))
    many = np.repeat(np.arange(20), 10)
    _, grouped = assessment.assess(labels[many], scores[many], Resampling(many, 400))
    _, loose = assessment.assess(labels[many], scores[many], Resampling(np.arange(200), 400))
    width = np.array([table["high"] - table["low"] for table in (once, grouped, loose)])
    np.testing.assert_allclose(width[1], width[0], rtol=0.1)
    assert (width[2] < 0.6 * width[0]).all()
