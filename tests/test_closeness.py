"""A tolerance that lets rounding pass and a wrong number not."""

import numpy as np
import pytest

from closeness import assert_close, assert_same_drops


@pytest.mark.parametrize(
    ("result", "expected", "of", "same"),
    [
        ([1.0, 5e-6], [1.0, 0.0], None, True),  # near 0, by the rounding of 1
        ([1.0, 2e-5], [1.0, 0.0], None, False),
        ([1.0, 1.0001], [1.0, 1.0], None, False),
        ([3e-3], [2e-3], [1000.0, -2.0], True),  # what is left of two thousands
        ([3e-3], [2e-3], [10.0], False),
        ([np.nan, 1.0], [np.nan, 1.0], None, True),
        ([0.0, 1.0], [np.nan, 1.0], None, False),
        ([0.0], [0.0], None, True),
        ([1e-9], [0.0], None, False),
        ([np.inf], [1.0], None, False),
        ([1.0], [np.inf], None, False),
        ([1.0, 2.0], [1.0], None, False),
    ],
)
def test_difference_is_a_share_of_what_was_summed(result, expected, of, same):
    if same:
        assert_close(np.array(result), np.array(expected), of=of)
    else:
        with pytest.raises((AssertionError, ValueError)):
            assert_close(np.array(result), np.array(expected), of=of)


@pytest.mark.parametrize(
    ("result", "expected", "same"),
    [
        ([0.5, 0.5004, np.nan], [0.5, 0.5, np.nan], True),  # a score of 0.01 next to one of 1
        ([0.5001, 0.5, np.nan], [0.5, 0.5, np.nan], False),
        ([0.5, 0.502, np.nan], [0.5, 0.5, np.nan], False),
        ([0.5, 0.5, 0.0], [0.5, 0.5, np.nan], False),
    ],
)
def test_drops_are_compared_as_the_falls_that_they_come_from(result, expected, same):
    full = np.array([1.0, 0.01, 0.0])
    if same:
        assert_same_drops(result, expected, full)
    else:
        with pytest.raises(AssertionError):
            assert_same_drops(result, expected, full)
