"""Layers are followed through nested models; those of a subclassed model cannot be."""

import re

import keras
import pytest
from keras import layers

from black_average_drop import networks
from closeness import assert_close


class Trunk(keras.Model):
    def __init__(self):
        super().__init__(name="trunk")
        self.first = layers.Conv2D(4, 5, strides=4, padding="same", activation="relu")
        self.second = layers.Conv2D(5, 3, strides=2, padding="same", activation="relu")

    def call(self, images):
        return self.second(self.first(images))


class Head(keras.Model):
    def __init__(self):
        super().__init__(name="classifier")
        self.dense = layers.Dense(2, "softmax")

    def call(self, pooled):
        return self.dense(pooled)


class Whole(keras.Model):
    def __init__(self):
        super().__init__(name="whole")
        self.trunk, self.head = Trunk(), Head()
        self.pooling = layers.GlobalAveragePooling2D()

    def call(self, images):
        return self.head.call(self.pooling(self.trunk.call(images)))


@pytest.mark.parametrize("place", ["classifier", "both"])
def test_a_subclassed_head_within_a_functional_model_is_refused_and_its_call_is_the_remedy(place, pixels):
    keras.utils.set_random_seed(0)
    trunk, head, pooling = Trunk(), Head(), layers.GlobalAveragePooling2D()
    inputs = keras.Input((32, 32, 3))

    def put(trunk, head):
        return keras.Model(inputs, head(pooling(trunk(inputs))), name="outside")

    model = put(trunk if place == "both" else trunk.call, head)
    with pytest.raises(ValueError, match="^Model outside holds the subclassed model 'classifier'") as refused:
        networks.CamNetwork.from_model(model)
    assert "put classifier.call(x) in the place of classifier(x)" in str(refused.value)
    network = networks.CamNetwork.from_model(put(trunk.call, head.call))
    features, _, scores = network.explain(pixels)
    assert features.shape == (10, 4, 4, 5)
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))


def test_a_subclassed_backbone_within_a_functional_model_gives_its_output_as_feature_maps(pixels):
    """Its layers are not known, and need not be."""
    inputs, trunk = keras.Input((32, 32, 3)), Trunk()
    dense = layers.Dense(2, "softmax")
    model = keras.Model(inputs, dense(layers.GlobalAveragePooling2D()(trunk(inputs))))
    network = networks.CamNetwork.from_model(model)
    assert network.layer == "trunk"
    features, _, scores = network.explain(pixels)
    assert_close(features, trunk.predict(pixels.astype("float32"), verbose=0))
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))
    assert_close(network.head_weights, dense.get_weights()[0])


def test_a_subclassed_model_is_refused_and_its_call_is_the_remedy(pixels):
    model = Whole()
    expected = model.predict(pixels.astype("float32"), verbose=0)
    with pytest.raises(ValueError, match=re.escape("keras.Model(inputs, whole.call(inputs)) of inputs = keras.Input(")):
        networks.CamNetwork.from_model(model)
    inputs = keras.Input((32, 32, 3))
    assert_close(networks.CamNetwork.from_model(keras.Model(inputs, model.call(inputs))).score(pixels)[1], expected)
