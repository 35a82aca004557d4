import numpy as np
import pytest

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
    assert (summary["low"] <= summary["value"]).all() and (summary["value"] <= summary["high"]).all()


def test_intervals_resample_patients():
    """Ten copies of each image: as images the interval would shrink, as patients it stays what it was."""
    _, once = assessment.assess(LABELS, SCORES, Resampling(np.arange(10), 400))
    many = np.repeat(np.arange(10), 10)
    _, grouped = assessment.assess(LABELS[many], SCORES[many], Resampling(many, 400))
    _, loose = assessment.assess(LABELS[many], SCORES[many], Resampling(np.arange(100), 400))
    width = [(table["high"] - table["low"]).iloc[3] for table in (once, grouped, loose)]
    assert width[1] == pytest.approx(width[0], rel=0.1) and width[2] < 0.6 * width[0]
