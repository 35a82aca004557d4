"""Cases that the tests of several maps share."""

import keras
import numpy as np


def as_tensor(array):
    return keras.ops.convert_to_tensor(array)


def gap_case(generator, classes=2, dtype="float64"):
    features = np.maximum(generator.normal(size=(4, 3, 5, 7)), 0).astype(dtype)
    head = generator.normal(size=(7, classes)).astype(dtype)
    chosen = generator.integers(0, classes, 4)
    gradients = np.broadcast_to((head.T[chosen] / 15)[:, None, None], features.shape)
    return features, head, chosen, gradients


def same_up_to_factor(drawn, expected, tolerance):
    factor = (drawn * expected).sum() / (expected**2).sum()
    assert factor > 0
    np.testing.assert_allclose(drawn, factor * expected, rtol=tolerance, atol=tolerance * np.abs(drawn).max())
