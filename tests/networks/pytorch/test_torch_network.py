"""Small networks of PyTorch through modules and through files, against autograd by hand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import conformance
from black_average_drop import cams, evaluation, networks
from closeness import assert_close
from small_networks import CLOSED, DIFFERENTIATED, VGG, DenseNet, DistilledViT, PooledViT, ResNet, ViT, drawn

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


@pytest.mark.parametrize("examples", [1, 2])
def test_a_fixed_batch_runs_in_that_batch(examples, images, tmp_path):
    module = drawn(DenseNet)
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(examples, 1, *SIZE),)), path)
    model, _ = networks.open_model(path)
    network = networks.network_of(model, "-1..1")
    assert network.graph.batch == examples
    conformance.check(network, images, by_hand(module), of_drops=5e-3)


def test_a_file_gives_what_its_module_gives(images, tmp_path):
    module, names = drawn(ResNet), ["normal", "effusion", "edema", "mass"]
    path = exported(module, tmp_path, {"class_names.json": json.dumps(names)})
    model, facts = networks.open_model(path)
    network = networks.network_of(model, "-1..1", activation="sigmoid", precision="float32")
    assert facts.class_names == network.class_names == tuple(names)
    direct = networks.TorchNetwork(
        module, preprocessing=scaled, activation="sigmoid", image_size=SIZE, class_names=names
    )
    for one, other in zip(network.explain(images), direct.explain(images), strict=True):
        assert_close(one, other, 1e-6)
    assert_close(network.head_weights, module.fc.weight.detach().numpy().T)
    view = network.with_activation("softmax")
    assert_close(view.score(images)[1], conformance.activated("softmax", network.score(images)[0]))
    assert network.activation == "sigmoid"


def test_weights_are_copied(images):
    module = drawn(ResNet)
    network = networks.TorchNetwork(module, activation="softmax", image_size=SIZE)
    before = network.score(images)[0]
    with torch.no_grad():
        module.fc.weight.zero_()
    assert_close(network.score(images)[0], before, 1e-6)


def test_training_mode_is_left_as_it_was(images):
    module = drawn(VGG).train()
    network = networks.TorchNetwork(module, preprocessing=scaled, image_size=SIZE)
    assert module.training and module.classifier[2].training
    assert_close(network.score(images)[0], by_hand(module.eval())(images, [0] * 6)[1])


@pytest.mark.parametrize("layer", ["layer1", "layer1.conv2", "relu_"])
def test_a_layer_is_chosen_by_its_path_or_node(layer, images):
    module = drawn(ResNet)
    network = networks.TorchNetwork(module, layer, scaled, activation="softmax", image_size=SIZE)
    seen = {}
    parts = {"layer1": module.layer1, "layer1.conv2": module.layer1.conv2, "relu_": module.relu}
    parts[layer].register_forward_hook(lambda part, taken, given: seen.setdefault(layer, given.clone()))
    with torch.no_grad():
        module(torch.from_numpy(scaled(images.astype("float32"))).permute(0, 3, 1, 2))
    assert network.layer == layer and network.head_weights is None
    features = network.explain(images)[0]
    assert_close(features, seen[layer].permute(0, 2, 3, 1).numpy())
    around = layer == "layer1.conv2"  # the block has a way around it
    assert ("not what goes around them" in network.notice) == around


def test_vision_transformers_say_what_a_map_means():
    said = networks.TorchNetwork(drawn(ViT), activation="softmax", image_size=SIZE).notice
    assert "class token" in said and "attention" in said and "around" not in said
    assert networks.TorchNetwork(drawn(PooledViT), activation="softmax", image_size=SIZE).notice == ""
    assert "2 tokens" in networks.TorchNetwork(drawn(DistilledViT), activation="softmax", image_size=SIZE).notice


def test_methods_that_need_positive_features_are_left_out(images):
    network = networks.TorchNetwork(drawn(ViT), preprocessing=scaled, activation="softmax", image_size=SIZE)
    features, logits, _ = network.explain(images)
    explanation = evaluation.explain(network, features, logits, logits.argmax(axis=1), images)
    usable, unfit = cams.usable(explanation, cams.METHODS)
    assert {"CAM", "Grad-CAM++"} <= set(unfit) and "Grad-CAM" in usable
    assert np.abs(usable["HiRes-CAM"](explanation)).max() > 1e-3 * np.abs(usable["Grad-CAM"](explanation)).max()


class TwoOutputs(ResNet):
    def forward(self, x):
        maps = self.maps(x)
        return {"findings": self.head(maps), "age": maps.mean((1, 2, 3))}


class Twice(ResNet):
    def forward(self, x):
        return torch.softmax(torch.sigmoid(self.head(self.maps(x))), 1)


class Acrossed(ResNet):
    """Each image's scores depend on the others: normalized over the batch."""

    def forward(self, x):
        logits = self.head(self.maps(x))
        return logits - logits.mean(0)


class Tanh(ResNet):
    def forward(self, x):
        return torch.tanh(self.head(self.maps(x)))


class Decides(ResNet):
    def forward(self, x):
        return self.head(self.maps(x if x.mean() > 0 else -x))


class Drawing(ResNet):
    def forward(self, x):
        return self.head(self.maps(x) + torch.randn(1))


class Segments(ResNet):
    def forward(self, x):
        return self.maps(x)


class NoMaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3 * 32 * 32, 4)

    def forward(self, x):
        return self.fc(x.flatten(1))


REFUSED = {
    "several outputs": (TwoOutputs, {}, r'2 outputs \(findings, age\): choose one, such as output="findings"'),
    "no activation": (ResNet, {"activation": None}, 'has no activation: pass activation="softmax"'),
    "unknown activation": (ResNet, {"activation": "tanh"}, "activation is 'tanh': choose one of relu, softmax"),
    "two activations": (Twice, {}, "two activations after its head: sigmoid, softmax"),
    "no logits": (Tanh, {}, "ends in tanh, which gives no logits"),
    "other images": (Acrossed, {}, "gives scores that depend on"),
    "decisions": (Decides, {}, "cannot be exported .*without decisions on the numbers"),
    "drawing": (Drawing, {}, "aten.randn.*which is not known here"),
    "whole images": (Segments, {}, r"gives \(10, 4, 4\) for each image"),
    "no maps": (NoMaps, {}, "no feature maps in rows and columns of its image: choose a convolutional network"),
    "unknown layer": (ResNet, {"layer": "layer9"}, "layer is 'layer9', and ResNet draws .* such as 'layer2'"),
    "no patch": (ViT, {"layer": "norm"}, "draws its scores on no patch .* such as 'blocks.1.ln_1'"),
    "one position": (ResNet, {"image_size": (8, 8)}, "feature maps of one position for images of 8 x 8 pixels"),
    "names": (ResNet, {"class_names": ("a", "b")}, "class_names has 2 names, and ResNet has 4 classes"),
    "not a module": (lambda: "resnet18", {}, "An nn.Module is expected, not str"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_explained_is_refused(case):
    kind, settings, expected = REFUSED[case]
    with pytest.raises(ValueError, match=expected):
        networks.TorchNetwork(kind(), **{"activation": "softmax", "image_size": SIZE} | settings)


def test_one_of_several_outputs_is_chosen(images):
    module = drawn(TwoOutputs)
    network = networks.TorchNetwork(
        module, preprocessing=scaled, activation="softmax", image_size=SIZE, output="findings"
    )
    assert_close(network.score(images)[0], by_hand(module)(images, [0] * 6)[1])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"precision": "mixed_float16"}, "in float32, as all of PyTorch: leave precision out"),
        ({"held": {"age": 60}}, "takes its image alone, as all that is exported: leave held out"),
        ({"image_size": (64, 64)}, "takes images of 32 x 32 pixels, not 64 x 64: leave image_size out"),
    ],
)
def test_settings_of_keras_models_are_refused(settings, expected, tmp_path):
    model, _ = networks.open_model(exported(drawn(DenseNet), tmp_path))
    with pytest.raises(ValueError, match=expected):
        networks.network_of(model, "0..1", **settings)


def test_a_preprocessing_is_tried_by_the_first_statistics(tmp_path, images):
    module = drawn(ResNet)
    pixels = torch.from_numpy(scaled(images.astype("float32"))).permute(0, 3, 1, 2)
    with torch.no_grad():
        taken = module.conv1(pixels)
        module.bn1.running_mean.copy_(taken.mean((0, 2, 3)))
        module.bn1.running_var.copy_(taken.var((0, 2, 3)))
    model, _ = networks.open_model(exported(module, tmp_path))
    tried = {name: networks.try_out(model, name, images, activation="softmax") for name in ("-1..1", "", "imagenet")}
    assert tried["-1..1"].unlike < 1e-3 < 10 < tried[""].unlike
    assert_close(tried["-1..1"].logits, by_hand(module)(images, [0] * 6)[1])
    grey, _ = networks.open_model(exported(drawn(DenseNet), tmp_path))
    assert networks.try_out(grey, "imagenet", images) is None


def exported(module, folder, extra=None):
    """A file of a small network that takes any number of images."""
    path = folder / f"{type(module).__name__}.pt2"
    example = torch.zeros(2, module.channels, *SIZE)
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, path, extra_files=extra or {})
    return path


class Detached(ResNet):
    """What stops slopes in training does not stop them here: the scores draw on the maps all the same."""

    def head(self, maps):
        return self.fc(torch.flatten(self.avgpool(maps.detach()), 1))


def test_slopes_are_not_stopped(images):
    module = drawn(Detached)
    network = networks.TorchNetwork(module, preprocessing=scaled, activation="softmax", image_size=SIZE)
    features = network.explain(images)[0]
    expected = np.broadcast_to(module.fc.weight.detach().numpy()[1] / 16, (6, 4, 4, 10))
    assert_close(network.differentiate(features, [1] * 6, images), expected)


class Padded(ResNet):
    """Zeros of the shape of other tensors, of any number of images."""

    def maps(self, x):
        x = super().maps(x)
        return x + torch.zeros_like(x) * torch.ones_like(x)


def test_shapes_follow_the_number_of_images(images):
    module = drawn(Padded)
    network = networks.TorchNetwork(module, preprocessing=scaled, activation="softmax", image_size=SIZE)
    assert network.graph.batch is None
    conformance.check(network, images, by_hand(module), of_drops=5e-3)


def test_maps_in_front_of_a_normalization_say_that_hires_cam_is_rounding(images):
    network = networks.TorchNetwork(drawn(ViT), "blocks.0", scaled, activation="softmax", image_size=SIZE)
    assert "HiRes-CAM is 0 there" in network.notice and "layer='blocks.1.ln_1'" in network.notice
    features = network.explain(images)[0]
    products = features * network.differentiate(features, [0] * 6, images)
    assert np.abs(products.sum(axis=-1)).max() < 1e-3 * np.abs(products).sum(axis=-1).max()


def test_scores_that_are_no_numbers_are_refused():
    module = drawn(ResNet)
    with torch.no_grad():
        module.fc.bias[0] = float("nan")
    with pytest.raises(ValueError, match="no finite numbers: mend its weights"):
        networks.TorchNetwork(module, activation="softmax", image_size=SIZE)
