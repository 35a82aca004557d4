"""Small networks of PyTorch through modules and through files, against autograd by hand."""

import numpy as np
import pytest
import torch

import conformance
from black_average_drop import networks
from small_networks import CLOSED, DIFFERENTIATED, drawn

SIZE = 32, 32


@pytest.fixture
def images():
    return np.random.default_rng(5).integers(0, 256, (6, *SIZE, 3), dtype="uint8")


def scaled(pixels):
    """What the networks are given: channels last, as `preprocessing` has them."""
    return pixels / np.float32(127.5) - np.float32(1)


def by_hand(module):
    """Features, logits and gradients by the two parts of a small network."""

    def answer(images, classes):
        pixels = scaled(images.astype("float32"))
        if module.channels == 1:
            pixels = scaled(images.astype("float32").mean(axis=-1, keepdims=True))
        with torch.no_grad():
            maps = module.maps(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous())
        grid = module.grid(maps).clone().requires_grad_()
        logits = module.head(module.put(grid, maps))
        slopes = torch.autograd.grad(logits[torch.arange(len(images)), torch.as_tensor(classes)].sum(), grid)[0]
        return grid.detach().numpy(), logits.detach().numpy(), slopes.numpy()

    return answer


@pytest.mark.parametrize("kind", [*CLOSED, *DIFFERENTIATED])
def test_networks_conform(kind, images):
    module = drawn(kind)
    network = networks.TorchNetwork(module, preprocessing=scaled, image_size=SIZE, **kind.settings)
    assert network.layer == (kind.layer or network.layer)
    assert (network.head_weights is not None) == (kind in CLOSED)
    conformance.check(network, images, by_hand(module), of_drops=5e-3)
