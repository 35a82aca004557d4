"""A Keras model whose layers compute with PyTorch: with its devices, with frozen weights, and without leftovers."""

import keras
import numpy as np
import pytest
import torch

from black_average_drop import hardware, networks
from closeness import assert_close
from example_models import MODELS, flattened


def test_the_device_is_that_of_pytorch():
    assert hardware.devices() == ["cpu:0"]
    assert not networks.CamNetwork.from_model(flattened()).on_accelerator
    with keras.device("meta"):
        assert hardware.devices() == ["meta:0"]


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_those_of_the_first_call(name, pixels):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    network = networks.CamNetwork.from_model(model)
    before = network.score(pixels)[0]
    model.set_weights([2 * one + 1 for one in model.get_weights()])
    np.testing.assert_array_equal(network.score(pixels)[0], before)
    assert np.abs(networks.CamNetwork.from_model(model).score(pixels)[0] - before).max() > 0.1


def test_tensors_give_tensors_that_nothing_is_kept_for(pixels):
    model = flattened()
    network = networks.CamNetwork.from_model(model)
    classes = np.arange(10) % 3
    features, logits, scores = network.explain(pixels)
    tensors = network.explain(torch.tensor(pixels, dtype=torch.float32, requires_grad=True))
    assert isinstance(tensors[0], torch.Tensor) and not tensors[0].requires_grad
    assert isinstance(tensors[1], np.ndarray) and isinstance(tensors[2], np.ndarray)
    for one, other in zip(tensors, (features, logits, scores), strict=True):
        assert_close(one, other)
    slopes = network.differentiate(features, classes, pixels)
    with torch.no_grad():  # as a caller may have it
        of_tensor = network.differentiate(tensors[0], classes, torch.tensor(pixels))
    assert isinstance(slopes, np.ndarray) and np.abs(slopes).max() > 0
    assert isinstance(of_tensor, torch.Tensor) and not of_tensor.requires_grad
    assert_close(of_tensor, slopes)
    assert not tensors[0].requires_grad and all(one.value.grad is None for one in model.trainable_variables)


def test_training_differentiates_after_a_network_was_read(pixels):
    """What is read computes without gradients; the model itself still has them."""
    model = flattened()
    networks.CamNetwork.from_model(model).explain(pixels)
    assert model(pixels.astype("float32")).requires_grad
