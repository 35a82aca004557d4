"""Small networks of PyTorch with the traps of the usual ones; each says by hand what its feature maps are.

`maps(x)` gives the feature maps as the network keeps them, `head(maps)` the logits, and `grid(maps)` the maps as
(N, h, w, K). `forward` applies an activation to these logits, or none.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    """A network in two parts; see the module."""

    settings = {"activation": "softmax"}  # of TorchNetwork
    channels = 3
    layer = None  # the name that is expected, None for any

    def forward(self, x):
        return self.head(self.maps(x))

    def grid(self, maps):
        return maps.permute(0, 2, 3, 1)

    def put(self, grid, maps):
        """The maps with a grid (N, h, w, K) in place of theirs."""
        return grid.permute(0, 3, 1, 2)


class Block(nn.Module):
    """A basic block of a ResNet."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return self.relu(out)


class ResNet(Network):
    """Residual blocks whose sums are written in place, and an attribute named as torchvision names it."""

    layer = "layer2"

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 2, 1, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = Block(6, 8, 1), Block(8, 10, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(10, 4)

    def maps(self, x):
        return self.layer2(self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x))))))

    def head(self, maps):
        return self.fc(torch.flatten(self.avgpool(maps), 1))


class DenseNet(Network):
    """A ReLU in place behind the module `features`; one channel; 18 findings, each with a sigmoid of its own."""

    settings = {}
    channels = 1

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(1, 6, 3, 2, 1, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(6))
        self.features.add_module("relu0", nn.ReLU(inplace=True))
        self.features.add_module("denseblock1", DenseBlock(6))
        self.features.add_module("transition1", nn.Sequential(nn.BatchNorm2d(14), nn.Conv2d(14, 8, 1), nn.AvgPool2d(2)))
        self.features.add_module("denseblock2", DenseBlock(8))
        self.features.add_module("norm5", nn.BatchNorm2d(16))
        self.classifier = nn.Linear(16, 18)

    def maps(self, x):
        return F.relu(self.features(x))

    def head(self, maps):
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(maps, (1, 1)), 1))

    def forward(self, x):
        features = self.features(x)
        out = F.relu(features, inplace=True)
        out = F.adaptive_avg_pool2d(out, (1, 1)).view(features.size(0), -1)
        return torch.sigmoid(self.classifier(out))


class DenseBlock(nn.Module):
    """Two layers that see all that came before them."""

    def __init__(self, before):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(count), nn.ReLU(inplace=True), nn.Conv2d(count, 4, 3, padding=1, bias=False))
            for count in (before, before + 4)
        )

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class VGG(Network):
    """Dropout and a hidden layer behind all positions."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(4),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(4),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.classifier = nn.Sequential(
            nn.Linear(8 * 16, 12), nn.ReLU(True), nn.Dropout(), nn.Linear(12, 3), nn.Softmax(dim=1)
        )

    settings = {}

    def maps(self, x):
        return self.features(x)

    def head(self, maps):
        return self.classifier[:-1](torch.flatten(self.avgpool(maps), 1))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class MobileNet(Network):
    """Depthwise convolutions, squeeze and excitation, hard swish in the head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.Hardswish(inplace=True))
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.fc1, self.fc2 = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.last = nn.Sequential(nn.Conv2d(8, 9, 1), nn.BatchNorm2d(9), nn.Hardswish(inplace=True))
        self.classifier = nn.Sequential(
            nn.Linear(9, 12), nn.Hardswish(inplace=True), nn.Dropout(0.2, inplace=True), nn.Linear(12, 5)
        )

    def maps(self, x):
        x = self.depthwise(self.stem(x))
        scale = F.hardsigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))))
        return self.last(scale * x)

    def head(self, maps):
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class ViT(Network):
    """A class token, position embeddings, and two blocks; what goes into the last attention is explained.

    That is what its normalization gives: slopes at what the normalization takes are at right angles to it.
    """

    heads, width, extra = 2, 8, 1
    layer = "blocks.1.ln_1"

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, self.width, 8, 8)
        self.class_token = nn.Parameter(torch.zeros(1, self.extra, self.width))
        self.position = nn.Parameter(torch.zeros(1, 16 + self.extra, self.width))
        self.blocks = nn.ModuleList(TransformerBlock(self.width, self.heads) for _ in range(2))
        self.norm, self.fc = nn.LayerNorm(self.width), nn.Linear(self.width, 3)

    def tokens(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1) + self.position

    def forward(self, x):
        return self.answer(self.blocks[1](self.blocks[0](self.tokens(x))))

    def maps(self, x):
        self.around = self.blocks[0](self.tokens(x))
        return self.blocks[1].ln_1(self.around)

    def head(self, maps):
        block = self.blocks[1]
        x = self.around + block.attention(maps, maps, maps)[0]
        return self.answer(x + block.mlp(block.ln_2(x)))

    def answer(self, tokens):
        return self.fc(self.norm(tokens)[:, 0])

    def grid(self, maps):
        return maps[:, self.extra :].reshape(len(maps), 4, 4, -1)

    def put(self, grid, maps):
        return torch.cat([maps[:, : self.extra], grid.reshape(len(grid), 16, -1)], dim=1)


class DistilledViT(ViT):
    """Two tokens that are no patches, each with a head of its own."""

    extra = 2

    def __init__(self):
        super().__init__()
        self.second = nn.Linear(self.width, 3)

    def answer(self, tokens):
        tokens = self.norm(tokens)
        return (self.fc(tokens[:, 0]) + self.second(tokens[:, 1])) / 2


class PooledViT(ViT):
    """The mean of all patches, without a class token; patches cut out by hand."""

    extra = 0
    layer = "norm"

    def __init__(self):
        super().__init__()
        self.patches = nn.Linear(3 * 64, self.width)

    def forward(self, x):
        return self.head(self.maps(x))

    def maps(self, x):
        n = x.shape[0]
        x = x.view(n, 3, 4, 8, 4, 8).permute(0, 2, 4, 1, 3, 5).reshape(n, 16, 3 * 64)
        tokens = self.patches(x) + self.position
        return self.norm(self.blocks[1](self.blocks[0](tokens)))

    def head(self, maps):
        return self.fc(maps.mean(1))


class TransformerBlock(nn.Module):
    """Attention and a small network, each with a way around it."""

    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width))

    def forward(self, x):
        seen = self.ln_1(x)
        x = x + self.attention(seen, seen, seen, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Swin(Network):
    """Windows, shifted in the second block, channels last, patches merged between two stages."""

    layer = "permute_8"  # a node: no module gives it

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.first, self.second = WindowBlock(6, 0), WindowBlock(6, 1)
        self.reduction = nn.Linear(24, 8, bias=False)
        self.third, self.norm, self.fc = WindowBlock(8, 0), nn.LayerNorm(8), nn.Linear(8, 4)

    def maps(self, x):
        x = self.second(self.first(self.patches(x).permute(0, 2, 3, 1)))
        merged = [x[..., row::2, column::2, :] for column in (0, 1) for row in (0, 1)]
        x = self.third(self.reduction(torch.cat(merged, -1)))
        return self.norm(x).permute(0, 3, 1, 2)

    def head(self, maps):
        return self.fc(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class WindowBlock(nn.Module):
    """Attention within windows of 2 x 2 positions; a mask, written part by part, keeps what was shifted apart."""

    def __init__(self, width, shift):
        super().__init__()
        self.shift, self.norm1, self.norm2 = shift, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def attention(self, x):
        n, height, width, channels = x.shape
        x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        if self.shift:
            x = torch.roll(x, (-1, -1), (1, 2))
        windows = x.view(n, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        count = (height // 2) * (width // 2)
        q, k, v = self.qkv(windows.reshape(n * count, 4, channels)).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) * channels**-0.5
        if self.shift:
            mask = x.new_zeros((height, width))
            number = 0
            for rows in (slice(0, -2), slice(-2, -1), slice(-1, None)):
                for columns in (slice(0, -2), slice(-2, -1), slice(-1, None)):
                    mask[rows, columns] = number
                    number += 1
            mask = mask.view(height // 2, 2, width // 2, 2).permute(0, 2, 1, 3).reshape(count, 4)
            apart = (mask.unsqueeze(1) - mask.unsqueeze(2) != 0).float() * -100.0
            scores = (scores.view(n, count, 4, 4) + apart.unsqueeze(0)).view(-1, 4, 4)
        x = self.proj(F.softmax(scores, dim=-1) @ v)
        x = x.view(n, height // 2, width // 2, 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, height, width, channels)
        return torch.roll(x, (1, 1), (1, 2)) if self.shift else x


class Hybrid(Network):
    """A transformer of PyTorch's own, tokens first, behind convolutions."""

    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, activation="gelu"), 1)
        self.fc = nn.Linear(8, 3)

    def maps(self, x):
        return self.encoder(self.convolutions(x).flatten(2).permute(2, 0, 1))

    def head(self, maps):
        return self.fc(maps.mean(0))

    def grid(self, maps):
        return maps.transpose(0, 1).reshape(maps.shape[1], 4, 4, -1)

    def put(self, grid, maps):
        return grid.reshape(len(grid), 16, -1).transpose(0, 1)


class OneLogit(Network):
    """One output, read as two opposite logits, behind a 1 x 1 convolution."""

    settings = {}

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 5, 4, 2), nn.LeakyReLU())
        self.last = nn.Conv2d(6, 1, 1)

    def maps(self, x):
        return self.features(x)

    def head(self, maps):
        logit = self.last(maps).mean((2, 3))
        return logit * torch.tensor([-0.5, 0.5])

    def forward(self, x):
        return torch.sigmoid(self.last(self.features(x)).mean((2, 3))).squeeze(1)


class SeveralHeads(Network):
    """A finding a head, joined in the end, behind a BatchNorm of the means."""

    settings = {"activation": "sigmoid"}

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 5, 4, 2), nn.BatchNorm2d(6), nn.SiLU(inplace=True))
        self.norm, self.heads = nn.BatchNorm1d(6), nn.ModuleList(nn.Linear(6, 1) for _ in range(3))

    def maps(self, x):
        return self.features(x)

    def head(self, maps):
        pooled = self.norm(maps.mean(dim=(-2, -1)))
        return torch.cat([head(pooled) for head in self.heads], dim=1)


CLOSED = ResNet, DenseNet, PooledViT, Swin, Hybrid, OneLogit, SeveralHeads
DIFFERENTIATED = VGG, MobileNet, ViT, DistilledViT


def drawn(kind, seed=0):
    """A network with weights, biases and statistics of BatchNorm that are drawn: zeros and ones would hide mistakes."""
    torch.manual_seed(seed)
    network = kind()
    with torch.no_grad():
        for name, one in [*network.named_parameters(), *network.named_buffers()]:
            if "running_var" in name:
                one.uniform_(0.5, 1.5)
            elif one.is_floating_point() and (one.ndim < 2 or "token" in name or "position" in name):
                one.add_(torch.randn(one.shape) * 0.3)
    return network.eval()
