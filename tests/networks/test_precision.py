"""A network in another precision, and a model that cannot be made again in one."""

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import networks
from closeness import assert_close
from example_models import classifier


def test_a_network_can_be_read_in_mixed_precision(small_model, pixels, precision):
    """The layers before the head, whose scores stay float32; the model itself is left as it is."""
    exact = networks.CamNetwork.from_model(small_model)
    mixed = networks.CamNetwork.from_model(small_model, precision=precision)
    features, logits, _ = mixed.explain(pixels)
    assert features.dtype == logits.dtype == np.float32
    half = np.asarray(keras.ops.cast(keras.ops.cast(features, precision.removeprefix("mixed_")), "float32"))
    np.testing.assert_array_equal(features, half)
    expected = features.mean(axis=(1, 2)) @ mixed.head_weights + small_model.layers[-1].get_weights()[1]
    assert_close(logits, expected)
    apart = np.abs(logits - exact.explain(pixels)[1]).max()
    assert 0 < apart < 0.02 * np.abs(logits).max()
    assert {layer.compute_dtype for layer in small_model.layers} == {"float32"}
    again = mixed.packed().unpacked()  # as a worker of a cluster gets it
    np.testing.assert_array_equal(again.explain(pixels)[1], logits)
    back = networks.CamNetwork.from_model(networks.in_precision(small_model, precision))  # float32 unless told
    np.testing.assert_array_equal(back.explain(pixels)[1], exact.explain(pixels)[1])
    with pytest.raises(ValueError, match="precision is 'half': choose one of float32"):
        networks.CamNetwork.from_model(small_model, precision="half")


class Unsaved(layers.Layer):
    """A layer that cannot be saved, since it takes what is no JSON and has no get_config."""

    def __init__(self, convolution):
        super().__init__()
        self.convolution = convolution

    def call(self, images):
        return self.convolution(images)


def test_a_layer_without_a_configuration_is_read_but_not_in_another_precision(pixels):
    model = classifier(Unsaved(layers.Conv2D(4, 5, strides=8, activation="relu")), layers.GlobalAveragePooling2D())
    scores = networks.CamNetwork.from_model(model).score(pixels)[1]
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))
    with pytest.raises(ValueError, match="^Model outside cannot be made again in mixed_bfloat16"):
        networks.CamNetwork.from_model(model, precision="mixed_bfloat16")
