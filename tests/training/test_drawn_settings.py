from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest

from black_average_drop.training import augmentation
from black_average_drop.training.drawn_settings import DrawnSettings, draw_settings


def test_the_settings_of_the_committed_trainings_are_the_same_on_every_machine():
    """Those of the profile laptop. They were drawn before any training, and none is left out."""
    assert draw_settings(seed=0, count=5, epochs=3) == [
        DrawnSettings(0.96, 579362556, "none", epochs=2, patience=0),
        DrawnSettings(1.27, 1196444852, "none", epochs=4, patience=0),
        DrawnSettings(0.0, 864228577, "none", epochs=3, patience=1),
        DrawnSettings(1.27, 1847725933, "full", epochs=2, patience=1),
        DrawnSettings(0.0, 490899024, "full", epochs=3, patience=1),
    ]


def test_fewer_trainings_are_the_first_of_more():
    """So the softmax trainings have the settings of the ReLU trainings of the same number."""
    assert draw_settings(4, 3, 6) == draw_settings(4, 5, 6)[:3] and draw_settings(4, 0, 6) == []
    assert draw_settings(5, 3, 6) != draw_settings(4, 3, 6)


@pytest.mark.parametrize("epochs, expected", [(3, {2, 3, 4}), (1, {1}), (20, set(range(14, 27)))])
def test_every_setting_is_drawn_with_the_chances_that_are_promised(epochs, expected):
    drawn = [one for seed in range(80) for one in draw_settings(seed, 25, epochs)]
    counts = [Counter(values) for values in zip(*map(astuple, drawn), strict=True)]
    assert counts[0].pop(0.0) == pytest.approx(1000, abs=100) and 0.2 <= min(counts[0]) <= max(counts[0]) <= 1.4
    assert len(counts[1]) == len(drawn)
    assert dict(counts[2]) == pytest.approx(dict.fromkeys(augmentation.KINDS, 2000 / 3), abs=90)
    assert dict(counts[3]) == pytest.approx(dict.fromkeys(expected, 2000 / len(expected)), rel=0.35)
    assert dict(counts[4]) == pytest.approx({0: 1000, max(1, epochs // 3): 1000}, abs=100)
    varied = [(one.head_start > 0, one.augmentation == "none", one.patience > 0) for one in drawn]
    assert np.abs(np.corrcoef(varied, rowvar=False)[np.triu_indices(3, 1)]).max() < 0.08  # each by itself
