"""A classifier of PyTorch read at its feature maps."""

import io
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch

from black_average_drop.arrays import as_numpy
from black_average_drop.model_files import interface, pt2
from black_average_drop.networks.backends import make_deterministic, make_torch_exact
from black_average_drop.networks.pixels import prepared
from black_average_drop.networks.pytorch import export, torch_logits
from black_average_drop.networks.pytorch.closed_head import closed_head
from black_average_drop.networks.pytorch.cut import cut_graph
from black_average_drop.networks.pytorch.graph import name_of
from black_average_drop.networks.pytorch.model import TorchModel
from black_average_drop.networks.pytorch.notice import notice_on
from black_average_drop.networks.pytorch.opening import open_program

_SIZE = 224, 224  # of the images that a module is exported for


@dataclass(frozen=True)
class TorchParcel:
    """A `TorchNetwork` on its way to another process."""

    name: str  # of the model
    archive: bytes  # of a .pt2 file
    settings: dict[str, Any]  # for `TorchNetwork`

    def unpacked(self):
        """The same network, in a process that computes reproducibly from then on (`make_deterministic`)."""
        make_deterministic(0)
        return TorchNetwork(TorchModel(self.name, self.archive), **self.settings)


class TorchNetwork:
    """A classifier of PyTorch read at its feature maps, a `Network`.

    The logits are what lies before the last activation. The feature maps are the last ones, in rows and columns of the
    image, that all logits draw on. Where what lies behind them is a mean over positions and affine, by its numbers, all
    maps have a closed form. Any other head is differentiated. The weights are copied.

    Attributes:
        activation: "relu", "softmax" or "sigmoid" (several labels at once).
        head_weights: (K, C), of a head of global average pooling and affine layers; None for any other head.
        layer: the path of the module whose output the feature maps are, or the name of their node in the graph.
        notice: sentences on what the maps do not show, and on what was assumed, or "".
        image_size: (H, W).
        classes: their number C.
        class_names: in the order of the outputs, or ().
        graph: the `TorchGraph` that computes.
    """

    def __init__(
        self,
        module,
        layer=None,
        preprocessing=None,
        class_names=(),
        activation=None,
        image_size=None,
        output=None,
        reshape=None,
    ):
        """Read a model.

        Args:
            module: an `nn.Module` that takes images (N, 3, H, W) or (N, 1, H, W), or a `TorchModel`.
            layer: the path of the module whose feature maps are explained, such as "layer4.1".
            preprocessing: pixels 0..255, (N, H, W, channels), float32 -> what the model expects, of the same shape. A
                model of one channel gets the mean of the colours.
            class_names: of the outputs.
            activation: "relu", "softmax" or "sigmoid" in place of the model's own. A model of several outputs without
                activation needs it.
            image_size: (H, W), 224 x 224 by default for a module; a `TorchModel` has its own.
            output: the name of the output that is explained, of a model with several.
            reshape: (rows, columns) of tokens, if they are not those of the patches; tokens before these are no
                positions.

        Raises:
            ValueError: saying what is missing, or what in the model is not known here.
        """
        make_torch_exact()
        device = export.device_of(module)
        if not isinstance(module, TorchModel):
            image_size = tuple(image_size or _SIZE)
            module = TorchModel(type(module).__name__, export.archive_of(module, image_size))
        self._settings = {"layer": layer, "preprocessing": preprocessing, "class_names": class_names}
        self._settings |= {"activation": activation, "image_size": image_size, "output": output, "reshape": reshape}
        self._model, self._preprocessing = module, preprocessing
        program = pt2.read(io.BytesIO(module.archive), module.name)
        self.image_size = _size(module.name, program, image_size)
        self.graph = graph = open_program(program, module.name, self.image_size, device)
        name = interface.chosen_output(module.name, list(graph.outputs), output)
        self._logits, own = torch_logits.logits_of(graph, graph.outputs[name])
        single = name_of(self._logits.call) == "pair_of_logits"
        self.activation = "softmax" if single and activation in (None, "sigmoid") else activation
        if not single:
            self.activation = torch_logits.activation_of_scores(activation, own, module.name)
        self._cut = cut_graph(graph, self._logits, layer, tuple(reshape) if reshape else None)
        self.head_weights = closed_head(graph, self._cut, self._logits)
        self.layer, self.classes = self._cut.layer, self._logits.shape[1]
        self.class_names = _names(class_names or program.class_names, self.classes, module.name)
        closed, guessed = self.head_weights is not None, single and own == "linear" and activation != "sigmoid"
        said = (
            "The model has one output without activation, which is read as the logit of a sigmoid." if guessed else ""
        )
        self.notice = " ".join(filter(None, [said, notice_on(graph, self._cut, self._logits, closed)]))

    def with_activation(self, activation):
        """The activation alone exchanged: the same logits with the scores of another activation."""
        view = object.__new__(TorchNetwork)
        single = name_of(self._logits.call) == "pair_of_logits"
        torch_logits.activation_of_scores(activation, activation, self._model.name)
        shown = "softmax" if single and activation == "sigmoid" else activation
        view.__dict__.update(self.__dict__, activation=shown, _settings=self._settings | {"activation": activation})
        return view

    def with_preprocessing(self, preprocessing):
        """The preprocessing alone exchanged: another function of pixels, or None."""
        view = object.__new__(TorchNetwork)
        settings = self._settings | {"preprocessing": preprocessing}
        view.__dict__.update(self.__dict__, _preprocessing=preprocessing, _settings=settings)
        return view

    def packed(self):
        """The `TorchParcel` that carries this network to another process."""
        return TorchParcel(self._model.name, self._model.archive, self._settings)

    def placed(self, images):
        """Pixels (N, H, W, 3) as float32, a NumPy array: masks are made here, whatever the network computes on."""
        return np.asarray(images, "float32")

    def explain(self, images):
        """Features (N, h, w, K), logits (N, C) and scores (N, C) of pixels (N, H, W, 3), float32."""
        features, logits = self._of_batches(self._explained, self._prepared(images))
        return _as_given(features, images), logits, self.scores(logits)

    def score(self, images):
        """Logits (N, C) and scores (N, C) of pixels (N, H, W, 3)."""
        (logits,) = self._of_batches(self._answered, self._prepared(images))
        return logits, self.scores(logits)

    def differentiate(self, features, classes, images):
        """Gradients dS_c/dA of one logit of each image, by automatic differentiation of what lies behind the maps.

        Args:
            features: A, (N, h, w, K).
            classes: c, (N,).
            images: pixels (N, H, W, 3), on which the logits may draw along other ways than A; these are held.

        Returns:
            (N, h, w, K), a tensor for a tensor.
        """
        chosen = np.eye(self.classes, dtype="float32")[np.asarray(classes)]
        given = as_numpy(features)
        (slopes,) = self._of_batches(self._slopes, self._prepared(images), given, chosen)
        return _as_given(slopes, features)

    def scores(self, logits):
        """The activation applied to logits (N, C)."""
        logits = torch.from_numpy(np.asarray(logits, "float32"))
        function = {"relu": torch.relu, "sigmoid": torch.sigmoid, "softmax": lambda one: torch.softmax(one, -1)}
        return function[self.activation](logits).numpy()

    def values_of(self, images, value):
        """What a value of the graph is of pixels (N, H, W, 3), with its axes as they are; the images come first."""

        def found(batch):
            with torch.no_grad():
                return self._run({self.graph.image: batch}, [value], len(batch))

        return self._of_batches(found, self._prepared(images))[0]

    def _prepared(self, images):
        """What the model takes in, (N, channels, H, W), of pixels (N, H, W, 3)."""
        grey = self.graph.image.shape[1] == 1
        images = prepared(as_numpy(images), self.image_size, grey, self._preprocessing)
        return np.ascontiguousarray(np.moveaxis(np.asarray(images, "float32"), -1, 1))

    def _of_batches(self, function, *arrays):
        """What a function gives of tensors: of all at once, or in the batches that the model takes."""
        size, device = self.graph.batch or len(arrays[0]) or 1, self.graph.device
        parts = []
        for first in range(0, max(len(arrays[0]), 1), size):
            batch = [one[first : first + size] for one in arrays]
            count = len(batch[0])
            if self.graph.batch and count < size:
                batch = [np.concatenate([one, np.zeros((size - count, *one.shape[1:]), one.dtype)]) for one in batch]
            found = function(*(torch.from_numpy(np.ascontiguousarray(one)).to(device) for one in batch))
            parts.append([one[:count].cpu().numpy() for one in found])
        return [np.concatenate(one) for one in zip(*parts, strict=True)]

    def _explained(self, images):
        with torch.no_grad():
            maps, logits = self._run({self.graph.image: images}, [self._cut.maps, self._logits], len(images))
        return self._cut.positions.of(maps), logits

    def _answered(self, images):
        with torch.no_grad():
            return self._run({self.graph.image: images}, [self._logits], len(images))

    def _slopes(self, images, features, chosen):
        image, maps, positions = self.graph.image, self._cut.maps, self._cut.positions
        known = {} if self._cut.alone else {image: images}
        elsewhere = None
        if positions.extra:
            with torch.no_grad():
                elsewhere = positions.elsewhere(self._run({image: images}, [maps], len(images))[0])
        features.requires_grad_()
        known[maps] = positions.put(features, elsewhere)
        (logits,) = self._run(known, [self._logits], len(images))
        if not logits.requires_grad:  # what lies between has no slope anywhere, such as rounding
            return (torch.zeros_like(features),)
        return torch.autograd.grad((logits * chosen).sum(), features, materialize_grads=True)

    def _run(self, given, targets, count):
        return self.graph.run(given, targets, count)


def _size(name, program, chosen):
    """The size (H, W) of the images of a program."""
    ((_, shape),) = program.inputs.items()
    interface.check_image_channels_first(name, shape, chosen)
    return tuple(chosen or shape[2:])


def _names(names, classes, model):
    """Names of classes, as many as there are classes."""
    if names and len(names) != classes:
        raise ValueError(f"class_names has {len(names)} names, and {model} has {classes} classes: name each of them.")
    return tuple(names)


def _as_given(array, given):
    """An array, as a tensor where a tensor was given."""
    return keras.ops.convert_to_tensor(array) if keras.ops.is_tensor(given) else array
