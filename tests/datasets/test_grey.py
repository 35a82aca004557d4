"""Which grey value becomes black and which white."""

import numpy as np
import pytest

from black_average_drop.datasets import grey

FULL = (-1024, 3071)


@pytest.mark.parametrize("window", [*grey.WINDOWS, [40, 400], (40.5, 0.5), [np.float32(-600), 1500]])
def test_windows_are_names_or_centre_and_width(window):
    grey.check_window(window)


@pytest.mark.parametrize(
    "window",
    ["", "other", None, 40, [], [40], [40, 0], [40, -5], [40, 400, 1], ["40", "400"], [40, None], "40/400"]
    + [[True, 5], [np.nan, 5], [5, np.inf], [[40, 400]], {"centre": 40}],
)
def test_another_window_is_refused(window):
    with pytest.raises(ValueError) as problem:
        grey.check_window(window)
    assert str(problem.value) == (
        f"window is {window!r}: choose one of full, minmax, percentile, or [centre, width] with a width above 0."
    )


def test_centre_and_width_are_the_linear_window_of_the_standard():
    """DICOM PS3.3, C.11.2.1.2.1, note 2: centre 2048 and width 4096 are from 0 to 4095, 100 and 1 a threshold."""
    assert grey.limits(np.arange(9), [2048, 4096], FULL) == ((0, 4095), "window 2048/4096")
    assert grey.limits(np.arange(9), [2048, 1001], FULL)[0] == (1547.5, 2547.5)
    assert grey.limits(np.arange(9), [40.5, 400], FULL)[1] == "window 40.5/400"


def test_fractions_and_narrow_windows_are_from_edge_to_edge():
    """LINEAR_EXACT, C.11.2.1.3.2: the other formula has no width below 1."""
    assert grey.limits(np.linspace(0, 1, 9), [0.5, 1], None) == ((0, 1), "window 0.5/1")
    assert grey.limits(np.linspace(0, 9, 9), [2, 4], None)[0] == (0, 4)
    assert grey.limits(np.arange(9), [2, 0.5], FULL)[0] == (1.75, 2.25)
