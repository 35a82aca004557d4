"""Score-CAM of pytorch-grad-cam, where its definition is ours.

It masks what goes into the module, which here are pixels over 255: black is 0 there, too. It aligns the corners of the
enlarged masks, ours do not: the masks are the same where feature maps are as large as the image. It adds 1e-8 to the
span of a mask. Its score is whatever the module gives, so that the module ends in a softmax.
"""

import importlib

import numpy as np
import pytest
import torch
from torch import nn

from black_average_drop import cams, evaluation, networks

MOST = 1e-6  # of what is summed over channels
SIZE = 32


class SmallNetwork(nn.Module):
    """One convolution with maps of both signs, global average pooling, a dense layer, and a softmax on request."""

    def __init__(self, stride):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 5, stride, padding=2), nn.SiLU())
        self.head = nn.Linear(8, 3)
        self.last = nn.Identity()

    def forward(self, images):
        return self.last(self.head(self.features(images).mean(dim=(2, 3))))


@pytest.mark.parametrize("stride", [1, 4])
def test_score_cam(row, stride):
    library = importlib.import_module("pytorch_grad_cam")
    torch.manual_seed(0)
    module = SmallNetwork(stride).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3)).astype("uint8")
    with torch.no_grad():  # so that scores differ from mask to mask
        module.head.weight *= 200
        module.head.bias -= module(torch.full((1, 3, SIZE, SIZE), 0.25))[0]
    classes = np.array([0, 1, 2])
    settings = {"preprocessing": lambda images: images / 255, "activation": "softmax", "image_size": (SIZE, SIZE)}
    network = networks.TorchNetwork(module, **settings)
    explanation = evaluation.explain_batch(network, pixels, classes, 4)
    ours = cams.ON_REQUEST["Score-CAM"](explanation)
    module.last = nn.Softmax(dim=1)
    inputs = torch.from_numpy(pixels / np.float32(255)).permute(0, 3, 1, 2)
    targets = [library.utils.model_targets.ClassifierOutputTarget(int(one)) for one in classes]
    activations = module.features(inputs).detach().numpy()
    with library.ScoreCAM(module, [module.features]) as explainer:
        weights = explainer.get_cam_weights(inputs, None, targets, activations, None)
    theirs = np.maximum(np.einsum("nkhw,nk->nhw", activations, weights), 0)
    summed = np.einsum("nkhw,nk->nhw", np.abs(activations), weights).max(axis=(1, 2), keepdims=True)
    difference = float((np.abs(theirs - ours) / summed).max())
    assert np.ptp(weights, axis=1).min() > 0.01, "the scores hardly differ: take other weights."
    name = f"one convolution, a step of {stride}"
    if stride == 1:
        row(name, "Score-CAM of pytorch-grad-cam", difference, MOST)
    else:
        row(name, "Score-CAM of pytorch-grad-cam, which aligns the corners of its masks", difference)
        assert difference > 100 * MOST, "pytorch-grad-cam has changed there: compare it with the others."
