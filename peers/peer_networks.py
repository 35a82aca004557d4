"""Architectures of other libraries, with drawn weights: no file of weights is fetched."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from black_average_drop.datasets import phantoms

SIZE = 224
CLASSES = 5  # few, so that the score of one does not vanish behind a mask
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation of each colour


@dataclass(frozen=True)
class Architecture:
    """How to build a network, and where its author would read the feature maps."""

    build: Callable[[], nn.Module]
    layer: str  # the module whose output they are
    tokens: tuple[int, int, int] | None = None  # class tokens in front, rows, columns of an output (N, T, K)
    relu_follows: bool = False  # a functional one, in place, behind which no hook stands: `with_hook` mends it
    channels_last: bool = False
    named: bool = False  # it is not the layer that ours would choose, and has to be told
    closed: bool = False  # behind it are global average pooling and one dense layer
    activation: str = "softmax"
    channels: int = 3
    images: int = 3

    def arranged(self, values):
        """Channels last, (N, h, w, K), of what stands at the layer."""
        if self.tokens:
            extra, rows, columns = self.tokens
            return values[:, extra:].reshape(len(values), rows, columns, values.shape[-1])
        return values if self.channels_last else values.permute(0, 2, 3, 1)

    def preprocessed(self, pixels):
        """What the network expects of pixels (N, H, W, channels): of grey ones torchxrayvision's -1024 to 1024."""
        if self.channels == 1:
            return (pixels / 255 * 2 - 1) * 1024
        return (pixels / 255 - np.float32(IMAGENET[0])) / np.float32(IMAGENET[1])

    def prepared(self, pixels):
        """The same as a tensor (N, channels, H, W), of pixels (N, H, W, 3)."""
        pixels = np.asarray(pixels, "float32")
        pixels = pixels.mean(axis=-1, keepdims=True) if self.channels == 1 else pixels
        return torch.from_numpy(self.preprocessed(pixels)).permute(0, 3, 1, 2).contiguous()


def _from(library, name, **arguments):
    """A function that builds a network of a library, which it imports only then."""
    return lambda: getattr(importlib.import_module(library), name)(**arguments)


def _torchvision(name):
    return _from("torchvision.models", name, weights=None, num_classes=CLASSES)


def _timm(name):
    return _from("timm", "create_model", model_name=name, pretrained=False, num_classes=CLASSES)


ARCHITECTURES = {
    "resnet18": Architecture(_torchvision("resnet18"), "layer4", closed=True),
    "vgg11": Architecture(_torchvision("vgg11"), "features"),
    "densenet121": Architecture(_torchvision("densenet121"), "features", relu_follows=True, closed=True),
    "mobilenet_v3_small": Architecture(_torchvision("mobilenet_v3_small"), "features"),
    "efficientnet_b0": Architecture(_torchvision("efficientnet_b0"), "features", closed=True),
    "convnext_tiny": Architecture(_torchvision("convnext_tiny"), "features"),
    "swin_t": Architecture(_torchvision("swin_t"), "norm", channels_last=True, closed=True),
    # Behind the last attention only the class token is read; in front of it, its normalization gives what it looks at.
    "vit_b_16": Architecture(_torchvision("vit_b_16"), "encoder.layers.encoder_layer_11.ln_1", (1, 14, 14), images=2),
    "vit_b_16, layer named": Architecture(
        _torchvision("vit_b_16"), "encoder.layers.encoder_layer_10", (1, 14, 14), named=True, images=2
    ),
    "torchxrayvision DenseNet": Architecture(
        _from("torchxrayvision.models", "DenseNet", weights=None, op_threshs=None),
        "features",
        relu_follows=True,
        closed=True,
        activation="sigmoid",
        channels=1,
    ),
    "timm deit_tiny, distilled": Architecture(_timm("deit_tiny_distilled_patch16_224"), "blocks.11.norm1", (2, 14, 14)),
}


def images(count, seed=0):
    """Phantoms of radiographs, pixels 0 to 255: (count, SIZE, SIZE, 3)."""
    return phantoms.radiographs(count, seed=seed, size=SIZE).images()


def drawn(architecture, seed=0):
    """A module of an architecture in evaluation mode, with weights, biases and statistics of BatchNorm that are drawn.

    The statistics are near those of masked images, so that no signal dies. The head is scaled so that images differ.
    """
    torch.manual_seed(seed)
    module = architecture.build()
    batch = architecture.prepared(_masked(images(6, seed=seed + 1), seed))
    with torch.no_grad():
        for part in module.modules():
            if getattr(part, "bias", None) is not None and isinstance(part.bias, torch.Tensor):
                part.bias.normal_(std=0.1)
            if isinstance(part, nn.BatchNorm2d):
                part.weight.uniform_(0.5, 1.5)
                part.momentum = 1.0  # the statistics of the next batch are taken as they are
        module.train()(batch)
        for part in module.eval().modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean += 0.1 * part.running_var.sqrt() * torch.randn_like(part.running_mean)
                part.running_var *= torch.empty_like(part.running_var).uniform_(0.7, 1.4)
        for head in _heads(module, batch):
            _scale(module, head, batch)
    return module


def _masked(pixels, seed):
    """Pixels (N, H, W, 3) as masks leave them: faded or blacked out in large squares, and every third whole."""
    shares = np.random.default_rng(seed).uniform(0, 1.4, (len(pixels), 7, 7))
    shares[1::3] = shares[1::3] > 0.7
    shares[2::3] = 1
    return pixels * np.kron(np.minimum(shares, 1), np.ones((SIZE // 7, SIZE // 7)))[..., None]


def _heads(module, batch):
    """The dense layers that give logits: the last one, or two where a distilled network has two."""
    classes = module(batch[:1]).shape[1]
    return [part for part in module.modules() if isinstance(part, nn.Linear) and part.out_features == classes]


def _scale(module, head, batch):
    """Let the logits of a dense layer differ by about 1 between images and between classes."""
    said = []
    head.weight.normal_(std=head.in_features**-0.5)
    handle = head.register_forward_hook(lambda _, inputs, output: said.append(output))
    module(batch)
    handle.remove()
    middle = said[0].mean(dim=0)
    factor = 1 / (said[0] - middle).std()
    head.weight *= factor
    head.bias.copy_(factor * (head.bias - middle) + torch.randn_like(middle))


class WithRelu(nn.Module):
    """A DenseNet that writes its last ReLU as a module: with it behind them, its `features` are the feature maps."""

    def __init__(self, module):
        super().__init__()
        self.features = nn.Sequential(module.features, nn.ReLU())
        self.classifier = module.classifier

    def forward(self, images):
        return self.classifier(self.features(images).mean(dim=(2, 3)))


def with_hook(module, architecture):
    """The same network, written so that a hook can stand at its feature maps, and the part that it is put on.

    A second ReLU behind the hook would take the gradient away where the maps are 0.
    """
    module = WithRelu(module).eval() if architecture.relu_follows else module
    return module, module.get_submodule(architecture.layer)


def predicted(architecture, module, pixels):
    """The class to explain of each image (N,): the largest logit."""
    with torch.no_grad():
        return np.asarray(module(architecture.prepared(pixels)).argmax(dim=1))
