"""More parameters than a file stores are never made."""

import keras
import numpy as np
import pytest

from black_average_drop.networks import parameter_limit


def test_no_parameter_too_many_takes_memory():
    """The one that is too many is never made, and nothing else is counted afterwards."""
    drawn = []

    def initializer(shape, dtype=None):
        drawn.append(tuple(shape))
        return np.zeros(shape, "float32")

    with pytest.raises(ValueError, match=parameter_limit.TOO_MANY), parameter_limit.at_most(20_000):
        keras.Variable(initializer, shape=(100, 100))
        keras.Variable(initializer, shape=(100, 201))
    assert drawn == [(100, 100)]
    keras.Variable(initializer, shape=(100, 2000))
    assert len(drawn) == 2
