"""The textbook forms agree with the exact one where numbers allow, and fail where the notebook says they do."""

import numpy as np
import pytest

from black_average_drop import cams
from black_average_drop.paper import saturation


@pytest.fixture(params=[2, 4])
def case(request, generator):
    features = 2 * generator.random((6, 3, 5, 7))
    head = generator.normal(size=(7, request.param))
    logits = np.einsum("nhwk,kc->nc", features, head) / 15
    return features, head, logits, logits.argmax(axis=1)


def proportional(maps, expected):
    ratio = maps.reshape(len(maps), -1) / expected.reshape(len(expected), -1)
    assert (ratio > 0).all()
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-6)


def test_textbook_softmax_is_the_exact_form_while_nothing_underflows(case):
    proportional(saturation.textbook_softmax(*case), cams.softmax_grad_cam_plus_plus(*case))


def test_textbook_exp_is_grad_cam_plus_plus_while_nothing_overflows(case):
    features, head, _, classes = case
    gradients = np.broadcast_to((head.T[classes] / 15)[:, None, None], features.shape)
    proportional(saturation.textbook_exp(*case), cams.grad_cam_plus_plus(features, gradients))


def scaled(case, factor, dtype):
    features, head, logits, classes = case
    return features.astype(dtype), (factor * head).astype(dtype), (factor * logits).astype(dtype), classes


def test_at_the_papers_logits_the_textbook_fails_and_the_exact_form_does_not(case):
    huge = scaled(case, 3000 / np.abs(case[2]).max(), "float32")
    assert saturation.saturated(huge[2], huge[3]).all()
    maps = saturation.textbook_softmax(*huge)
    assert maps.dtype == np.float32 and saturation.vanished(maps).all() and not np.isnan(maps).any()
    beyond = huge[2][np.arange(6), huge[3]] > 89  # exp(89) is beyond float32
    assert beyond.any() and np.isnan(saturation.textbook_exp(*huge)[beyond]).any(axis=(1, 2)).all()
    exact = cams.softmax_grad_cam_plus_plus(*scaled(case, 3000 / np.abs(case[2]).max(), "float64"))
    assert np.isfinite(exact).all() and not saturation.vanished(exact).any()


def test_weight_of_two_classes_turns_negative_where_the_margin_times_activity_exceeds_two(generator):
    """D sum A on both sides of 2, on a classifier so sure that 1 - Y is 0 in double precision."""
    features = generator.random((1, 2, 2, 40))
    head = np.stack([np.zeros(40), generator.uniform(0.1, 10, 40)], axis=1)
    weights, lead = cams.softmax_weights(features, head, np.array([[0.0, 2000.0]]), np.array([1]))
    product = (lead * features.sum(axis=(1, 2)))[0]
    assert (product > 2).any() and (product < 2).any()
    np.testing.assert_array_equal(weights[0] < 0, product > 2)
    np.testing.assert_allclose(weights[0], lead[0] / (2 - product), rtol=1e-12)


def test_sweep_counts_what_each_form_does(case):
    steps = saturation.sweep(*case, [0.01, 1, 3000])
    np.testing.assert_allclose(steps["highest_logit"], steps["factor"] * case[2].max())
    np.testing.assert_allclose(steps["lowest_logit"], steps["factor"] * case[2].min())
    assert list(steps.loc[0, ["saturated", "blank", "exp_nan", "negative_maps", "negative_weights"]]) == [0] * 5
    assert steps.loc[2, "saturated"] == steps.loc[2, "blank"] == 100
    assert steps.loc[2, "exp_nan"] > 0
    features, head, logits, classes = scaled(case, 3000, "float64")
    weights, lead = cams.softmax_weights(features, head, logits, classes)
    assert steps.loc[2, "negative_weights"] == 100 * (weights < 0).sum() / (lead > 0).sum() > 90
    exact = cams.softmax_grad_cam_plus_plus(features, head, logits, classes)
    assert steps.loc[2, "negative_maps"] == pytest.approx(100 * (exact.sum(axis=(1, 2)) < 0).mean())


def test_blank_is_nothing_at_all_or_nan():
    maps = np.zeros((3, 2, 2))
    maps[1, 0, 0], maps[2, 1, 1] = 1e-30, np.nan
    assert list(saturation.vanished(maps)) == [True, False, True]
