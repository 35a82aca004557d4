import keras
import numpy as np
import pytest
from keras import layers


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture
def small_model():
    """A random network of 32 x 32 pixels, 4 x 4 x 6 features and 3 classes, with no training behind it."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(6, 5, strides=8, padding="same", activation="relu", name="last_convolution"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "relu", bias_initializer="ones"),
        ]
    )


@pytest.fixture
def pixels(generator):
    return generator.integers(0, 256, (10, 32, 32, 3)).astype("uint8")
