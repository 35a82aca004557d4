import numpy as np
import pytest

from black_average_drop.statistics import assessment
from black_average_drop.statistics.patients import Resampling

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORES = np.array([-3, -2, 1, -1, 2, 3, -1.5, 0.5, 4])


def test_summary_by_hand():
    curve, summary = assessment.assess(LABELS, SCORES, Resampling(np.arange(9), 50))
    values = summary.set_index("measure")["value"]
    assert values["sensitivity"] == 4 / 5 and values["specificity"] == 3 / 4 and values["accuracy"] == 7 / 9
    assert values["AUC"] == pytest.approx((4 + 4 + 2 + 3 + 4) / 20)
    at = curve.set_index("false_positive_rate")["sensitivity"]
    assert at[0.0] == 3 / 5 and at[0.25] == 4 / 5 and at[0.24] == 3 / 5 and at[1.0] == 1
    assert (summary["low"] <= summary["value"]).all() and (summary["value"] <= summary["high"]).all()


def test_intervals_resample_patients():
    """Ten copies of each image: as images the interval would shrink, as patients it stays what it was."""
    _, once = assessment.assess(LABELS, SCORES, Resampling(np.arange(9), 400))
    many = np.repeat(np.arange(9), 10)
    _, grouped = assessment.assess(LABELS[many], SCORES[many], Resampling(many, 400))
    _, loose = assessment.assess(LABELS[many], SCORES[many], Resampling(np.arange(90), 400))
    width = [(table["high"] - table["low"]).iloc[3] for table in (once, grouped, loose)]
    assert width[1] == pytest.approx(width[0], rel=0.1) and width[2] < 0.6 * width[0]
