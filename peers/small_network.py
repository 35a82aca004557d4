"""One small network from a seed, in Keras and in PyTorch with the same weights: what each library can draw maps of.

Its filters are drawn. Its head tells phantoms of radiographs from phantoms of photos, fitted by ridge regression:
scores mean something, and gradients are as small as those of a trained network. The head is pooled, as the paper's, or
reads each position by itself.
"""

from dataclasses import dataclass

import keras
import numpy as np
import torch
from torch import nn

from black_average_drop.datasets import phantoms

SIZE = 112  # of the images; four steps of 2 make 7 x 7 positions
CHANNELS = (16, 32, 64, 256)
FITTED_TO = 120  # images
LOGIT = 4  # of the right class, as the head is fitted; 0 of the other one
RIDGE = {"pooled": 3, "by position": 100}  # head -> what is added to the diagonal of the Gram matrix
LAYER = "maps"  # the name of the feature maps in Keras


@dataclass(frozen=True)
class Twins:
    """One network twice, on what comes out of `prepared`, and once more on pixels."""

    keras: keras.Model  # prepared (N, H, W, 3) -> logits (N, C)
    keras_of_pixels: keras.Model
    torch: nn.Module  # prepared (N, 3, H, W) -> logits (N, C); `torch.features` gives the feature maps
    torch_of_pixels: nn.Module


class Small(nn.Module):
    """Four convolutions with ReLU, and the head."""

    def __init__(self, filters, pooled):
        super().__init__()
        steps = []
        for kernel, bias in filters:
            step = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, stride=2, padding=1)
            step.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
            step.bias.data = torch.from_numpy(bias.copy())
            steps += [step, nn.ReLU()]
        self.features = nn.Sequential(*steps)
        self.pool = nn.AdaptiveAvgPool2d(1) if pooled else nn.Identity()
        self.flat = nn.Flatten()
        self.head = nn.Linear(1, 1)

    def forward(self, prepared):
        return self.head_of(self.features(prepared))

    def head_of(self, features):
        """Logits (N, C) of feature maps (N, K, h, w)."""
        return self.head(self.flat(self.pool(features)))


class Prepared(nn.Module):
    """What stands in front of a network, so that it takes pixels (N, 3, H, W)."""

    def forward(self, pixels):
        return pixels / 127.5 - 1


def prepared(pixels):
    """Pixels of 0 to 255 as the network was fitted to them, from -1 to 1: black is -1, and 0 is mid-grey."""
    return np.asarray(pixels, "float32") / np.float32(127.5) - 1


def channels_first(images):
    """Images (N, H, W, C) as a tensor (N, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.asarray(images, "float32").transpose(0, 3, 1, 2)))


def images(count, seed):
    """Pixels (N, H, W, 3) of phantoms, N even, and their classes (N,): radiographs and photos in turns."""
    kinds = [kind(count // 2, seed=seed, size=SIZE).images() for kind in (phantoms.radiographs, phantoms.objects)]
    pixels = np.stack(kinds, axis=1).reshape(count, SIZE, SIZE, 3)
    return pixels.astype("float32"), np.arange(count) % 2


def twins(head, seed=0):
    """The network with one of the heads of RIDGE."""
    filters, pooled = _filters(seed), head == "pooled"
    module = Small(filters, pooled).eval()
    pixels, labels = images(FITTED_TO, seed + 1)
    with torch.no_grad():
        shown = module.flat(module.pool(module.features(channels_first(prepared(pixels))))).double().numpy()
        kernel = _fitted(shown, np.eye(2)[labels], RIDGE[head])
        module.head = nn.Linear(*kernel.shape)
        module.head.weight.data = torch.from_numpy(kernel.T.astype("float32").copy())
        module.head.bias.data = torch.zeros(kernel.shape[1])
    # PyTorch flattens channels first, Keras positions first.
    positions = kernel.shape[0] // CHANNELS[-1]
    kernel = kernel.reshape(CHANNELS[-1], positions, -1).transpose(1, 0, 2).reshape(kernel.shape)
    layers = [(*one, 2) for one in filters], (kernel, np.zeros(kernel.shape[1]))
    both = _keras(*layers, pooled, of_pixels=False), _keras(*layers, pooled, of_pixels=True)
    return Twins(*both, module, nn.Sequential(Prepared(), module).eval())


def _filters(seed):
    """Kernels (3, 3, K, K') and biases (K',) that keep the size of a signal."""
    generator, before, filters = np.random.default_rng(seed), 3, []
    for after in CHANNELS:
        kernel = generator.normal(0, np.sqrt(2 / (9 * before)), (3, 3, before, after))
        filters.append((kernel.astype("float32"), generator.normal(0, 0.1, after).astype("float32")))
        before = after
    return filters


def _fitted(shown, targets, strength):
    """Kernel (K, C) of the ridge regression of targets (N, C), of 0 and 1, on what is shown (N, K).

    There is no bias: then a logit is the sum of its map, and a class that is predicted has a map that is not black.
    """
    return shown.T @ np.linalg.solve(shown @ shown.T + strength * np.eye(len(shown)), LOGIT * targets)


def _keras(filters, head, pooled, of_pixels):
    """A flat functional model, as tf-keras-vis needs it."""
    inputs = keras.Input((SIZE, SIZE, 3))
    tensor = keras.layers.Rescaling(1 / 127.5, -1)(inputs) if of_pixels else inputs
    convolutions = []
    for number, (_, bias, step) in enumerate(filters, start=1):
        convolutions.append(keras.layers.Conv2D(len(bias), 3, step))
        tensor = convolutions[-1](keras.layers.ZeroPadding2D(1)(tensor))
        tensor = keras.layers.ReLU(name=LAYER if number == len(filters) else None)(tensor)
    flat = keras.layers.GlobalAveragePooling2D() if pooled else keras.layers.Flatten()
    dense = keras.layers.Dense(len(head[1]))
    model = keras.Model(inputs, dense(flat(tensor)))
    for layer, values in zip([*convolutions, dense], [*(one[:2] for one in filters), head], strict=True):
        layer.set_weights(values)
    return model
