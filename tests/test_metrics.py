import numpy as np
import pytest

from black_average_drop import metrics


def test_average_drop_by_hand():
    # Drops: (4-1)/4, a rise counts as 0, and the third image has no score to fall.
    assert metrics.average_drop([4.0, 2.0, 0.0], [1.0, 3.0, 0.0]) == pytest.approx((0.75 + 0) / 2)
    np.testing.assert_array_equal(metrics.drops([4.0, 2.0, 0.0], [1.0, 3.0, 0.0]), [0.75, 0, np.nan])


def test_drops_of_float32_scores_have_the_digits_of_float64():
    assert metrics.drops(np.float32([3]), np.float32([1]))[0] == 2 / 3


@pytest.mark.filterwarnings("error")
def test_average_drop_without_any_score_is_nan():
    assert np.isnan(metrics.average_drop([0.0, -1.0], [0.0, 1.0]))


def test_scores_that_are_not_finite_are_refused():
    for full, masked in (([1.0, np.nan], [1.0, 1.0]), ([1.0, 1.0], [1.0, np.inf])):
        with pytest.raises(ValueError, match="^A score is NaN or infinite: check the network's weights and the images"):
            metrics.average_drop(full, masked)


def test_incorrect_percent_by_hand():
    assert metrics.incorrect_percent([0, 1, 1, 0], [[2, 1], [2, 1], [1, 2], [-2, -3]]) == 25.0
    for classes, logits in (([0, 1], [[2, 1]]), ([], np.zeros((0, 2)))):
        with pytest.raises(ValueError, match=r"^classes .* and masked_logits .*: \(N,\) and \(N, C\) expected\.$"):
            metrics.incorrect_percent(classes, logits)
    for classes in (["0", "1"], [0.0, 1.0], [0, 2], [-1, 0]):
        with pytest.raises(ValueError, match="^classes needs whole numbers from 0 to 1: mend it"):
            metrics.incorrect_percent(classes, [[2, 1], [1, 2]])
    with pytest.raises(ValueError, match="^A logit is NaN or infinite"):
        metrics.incorrect_percent([0, 0], [[2, 1], [np.nan, 2]])
