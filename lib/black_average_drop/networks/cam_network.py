"""A Keras classifier read at its feature maps."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from black_average_drop.arrays import as_float32, as_numpy
from black_average_drop.model_files import interface
from black_average_drop.networks.archive import load
from black_average_drop.networks.backends import compiled, gradients, has_accelerator, make_deterministic
from black_average_drop.networks.building import WITH_BACKGROUND
from black_average_drop.networks.cut import check_positions, find_features
from black_average_drop.networks.graph import Part, applied, hold, inner_layers, is_open, opened
from black_average_drop.networks.logits import check_activation, find_logits
from black_average_drop.networks.notices import notice
from black_average_drop.networks.pixels import prepared
from black_average_drop.networks.precision import check_precision, in_precision


@dataclass(frozen=True)
class Parcel:
    """A `CamNetwork` on its way to another process, with its own way back."""

    model: bytes  # of a .keras file
    settings: dict[str, Any]  # for `CamNetwork.from_model`

    def unpacked(self):
        """The same network, in a process that computes reproducibly from then on (`make_deterministic`)."""
        make_deterministic(0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.model)
            return CamNetwork.from_model(load(path)[0], **self.settings)


class CamNetwork:
    """A Keras classifier read at its feature maps, a `Network`; see `from_model`.

    It takes RGB; a model of one channel gets its mean.

    Attributes:
        activation: "relu", "softmax" or "sigmoid" (several labels at once).
        head_weights: (K, C), of a head of global average pooling and one dense layer; None for any other head.
        layer: the name of the layer whose output the feature maps are.
        notice: sentences on what the maps do not show, and on what was assumed, or "".
        image_size: (H, W), in pixels.
        classes: their number C.
        on_accelerator: whether a GPU or TPU is there; see `placed`.
    """

    def __init__(self, image, features, logits, head, activation):
        self.head_weights = None
        self.activation = activation
        self.layer = self.notice = ""
        self.image_size = image.shape[1:3]
        self.classes = logits.shape[-1]
        self.on_accelerator = has_accelerator()
        self._preprocessing = None
        self._single = False  # one output was read as two logits
        self._grey = image.shape[-1] == 1
        self._head = head
        self._run = compiled(Part([image], [features, logits]), image.shape)

    @property
    def has_background(self):
        """Whether the classes are ImageNet's thousand behind one for the background."""
        return self.classes == WITH_BACKGROUND

    @classmethod
    def from_model(
        cls,
        model,
        preprocessing=None,
        activation=None,
        image_size=None,
        precision="float32",
        layer=None,
        output=None,
        held=None,
        reshape=None,
    ):
        """Any Keras model of images that ends in scores of classes and has feature maps on the way.

        The model may be Functional or Sequential, with nested models. Its logits are what lies before the last
        activation. Its feature maps are the last ones, in rows and columns of the image, that all logits draw on, or
        those of `layer`. Behind global average pooling and affine layers all maps have a closed form. For any other
        head CAM is not defined, and gradients take automatic differentiation, see `differentiate`. What a map does not
        show is said in `notice`.

        Tokens of a vision transformer are feature maps where they are the patches of the image, row by row, behind a
        class token or not. Behind a class token the default is what goes into the last layer of attention: the patches
        behind that count no more.

        A single output S, with sigmoid or without activation, is read as logits (-S/2, S/2), the only opposite pair
        with the probabilities of its sigmoid; several are labels of their own. Maps explain a logit: another softmax
        head with the same probabilities, such as one of logits (0, S), has other maps.

        The weights of the model must not change afterwards: train first, and read the model again after that.

        Args:
            model: a Keras model that is built.
            preprocessing: pixels -> what the model expects, if the model does not rescale by itself.
            activation: "relu", "softmax" or "sigmoid" in place of the model's own, since all read the same logits. A
                model of several outputs without activation needs it.
            image_size: (H, W), where the model takes images of any size.
            precision: one of PRECISIONS, for the layers before the head, whatever the model was trained in. On a GPU a
                mixed one is faster, and less exact.
            layer: the name of the layer whose feature maps are explained.
            output: the name of the output that is explained, of a model with several.
            held: name -> value of each input that is no image; the same for all images.
            reshape: (rows, columns) of the patches among tokens of layers whose order of tokens is not known.

        Raises:
            ValueError: saying what is missing.
        """
        _check_model(model)
        check_precision(precision)
        settings = {"activation": activation, "image_size": image_size, "precision": precision}
        settings |= {"preprocessing": preprocessing, "layer": layer, "output": output, "held": held}
        settings |= {"reshape": reshape}
        original, model = model, _in_precision(model, precision)
        graph = opened(model)
        image, size = _image(graph, held, image_size)
        scores = graph.outputs[interface.chosen_output(graph.name, list(graph.outputs), output)]
        logits, own = find_logits(scores, model.name)
        activation, said = _activation(activation, own, scores.shape[-1] == 1, model.name)
        cut = find_features(graph, logits, image, size, layer, reshape)
        _check_inference(Part([image], [cut.maps, scores]), size, model.name)
        trunk = Part([image], [cut.maps])
        check_positions(trunk, size, f"Model {model.name}")
        features = applied(layers.Activation("linear", dtype="float32"), cut.maps)
        if cut.pooled is None:
            head = Part([cut.maps] if cut.alone else [cut.maps, image], [logits])
        else:
            logits = _pooled_and_dense(features, *cut.pooled)
            head = Part([features], [logits])
        network = cls(image, features, logits, head, activation)
        network.head_weights = None if cut.pooled is None else cut.pooled[0]
        network.layer, network.image_size = cut.layer, size
        network.notice = " ".join(filter(None, [said, notice(graph, cut, trunk, logits, size)]))
        network._preprocessing, network._single = preprocessing, scores.shape[-1] == 1
        network._made_from = original, settings
        return network

    def with_activation(self, activation):
        """The activation alone exchanged: a view on the same logits with the scores of another activation."""
        check_activation(activation)
        view = object.__new__(CamNetwork)
        shown = "softmax" if self._single and activation == "sigmoid" else activation  # of a pair of logits
        view.__dict__.update(self.__dict__, activation=shown)
        view._made_from = self._made_from[0], self._made_from[1] | {"activation": activation}
        return view

    def packed(self):
        """The `Parcel` that carries this network to another process."""
        model, settings = self._made_from
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return Parcel(path.read_bytes(), settings | {"image_size": self.image_size})

    def placed(self, images):
        """Pixels as float32 where all work on them is to be done.

        Args:
            images: (n, H, W, 3), of any dtype.

        Returns:
            On a GPU or TPU a tensor, for which pixels are sent over as they are; otherwise a NumPy array.
        """
        return as_float32(ops.convert_to_tensor(images) if self.on_accelerator else np.asarray(images))

    def explain(self, images):
        """Features, logits and scores of images.

        Args:
            images: pixels (N, H, W, 3), 0..255; an array or a tensor.

        Returns:
            Features (N, h, w, K), logits (N, C) and scores (N, C), all float32 NumPy arrays. Of a tensor the features
            are a tensor, too, and stay on its device.
        """
        features, logits = self._run(self._prepared(images))
        logits = as_numpy(logits)
        return features if ops.is_tensor(images) else as_numpy(features), logits, self.scores(logits)

    def score(self, images):
        """Logits (N, C) and scores (N, C) of pixels (N, H, W, 3)."""
        logits = as_numpy(self._run(self._prepared(images))[1])
        return logits, self.scores(logits)

    def differentiate(self, features, classes, images):
        """Gradients dS_c/dA of one logit of each image, by automatic differentiation of what lies behind the maps.

        Args:
            features: A, (N, h, w, K).
            classes: c, (N,).
            images: pixels (N, H, W, 3), on which the logits may draw along other ways than A; these are held.

        Returns:
            (N, h, w, K), a tensor for a tensor.

        Raises:
            ValueError: on a backend other than TensorFlow, JAX and PyTorch.
        """
        held = [self._prepared(images)] if len(self._head.sources) > 1 else []
        chosen = np.eye(self.classes, dtype="float32")[np.asarray(classes)]
        return gradients(self._head, features, held, chosen)

    def scores(self, logits):
        """The head's activation applied to logits (N, C)."""
        return as_numpy(getattr(ops, self.activation)(logits))

    def _prepared(self, images):
        """What the model takes in, of pixels (N, H, W, 3)."""
        return prepared(images, self.image_size, self._grey, self._preprocessing)


def _check_model(model):
    """Raise ValueError for a model whose layers cannot be followed."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"A Keras model is expected, not {type(model).__name__}: load it from its file.")
    layered = isinstance(model, keras.Sequential) or hasattr(model, "inputs")
    if layered and not getattr(model, "inputs", None):
        raise ValueError(
            f"Model {model.name} must be built: put keras.Input((height, width, 3)) in front of its layers."
        )
    if not is_open(model):
        raise ValueError(
            f"Model {model.name} is a subclassed one, whose layers cannot be followed: pass "
            f"keras.Model(inputs, {model.name}.call(inputs)) of inputs = keras.Input((height, width, 3))."
        )


def _check_inference(part, size, name):
    """Check that a model gives the same image the same scores, from weights that are read as they are.

    Args:
        part: the `Part` from the image to the scores.
        size: (H, W) of the image.
        name: of the model, for messages.

    Raises:
        ValueError: naming a layer that is quantized, or one of somebody's own that draws random numbers in inference.
    """
    for layer in part.inner:
        if getattr(layer, "quantization_mode", None):
            raise ValueError(
                f"Model {name} is quantized (layer {layer.name!r}): name the model as it was before model.quantize."
            )
    own = [one for one in part.inner if not type(one).__module__.startswith("keras.") or type(one) is layers.Lambda]
    if own:
        shape = (1, *size, part.sources[0].shape[-1])
        image = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
        one, other = (as_numpy(part([image], training=False)[-1]) for _ in range(2))
        if (one != other).any():
            raise ValueError(
                f"Model {name} gives one image other scores each time: put layers of Keras's own in the place of "
                f"{', '.join(repr(layer.name) for layer in own)}, which do not draw in inference."
            )


def _in_precision(model, precision):
    """The model, made again if its layers compute in another precision."""
    computing = (layer for layer in inner_layers(model) if not isinstance(layer, layers.InputLayer))
    if any(layer.dtype_policy.name != precision for layer in computing):
        return in_precision(model, precision)
    return model


def _image(graph, held, size):
    """The symbol of the images that a graph takes in, of a size (H, W) or None; other inputs are held at their values.

    Returns:
        The symbol, and the size of the images.
    """
    name = interface.image_input(graph.name, {name: one.shape for name, one in graph.inputs.items()}, held)
    for other, value in (held or {}).items():
        try:
            hold(graph.inputs[other], value)
        except (ValueError, TypeError) as problem:
            shape = graph.inputs[other].shape[1:]
            raise ValueError(f"held has {value!r} for {other!r}: numbers of shape {shape} are expected.") from problem
    image = graph.inputs[name]
    interface.check_image_shape(graph.name, image.shape, size)
    return image, tuple(size or image.shape[1:3])


def _activation(chosen, own, single, name):
    """The activation of the scores, and a sentence on what was assumed."""
    if chosen is not None:
        check_activation(chosen)
    if single:
        said = "The model has one output without activation, which is read as the logit of a sigmoid."
        kept = chosen if chosen == "relu" else "softmax"
        return kept, said if own == "linear" and chosen != "sigmoid" else ""
    if own == "linear" and chosen is None:
        raise ValueError(
            f'The head of {name} has no activation: pass activation="softmax", "sigmoid" where labels come together, '
            'or "relu".'
        )
    return chosen or own, ""


def _pooled_and_dense(features, kernel, bias):
    """The symbol of the logits of global average pooling and one dense layer."""
    pooled = applied(layers.GlobalAveragePooling2D(dtype="float32"), features)
    dense = layers.Dense(kernel.shape[1], dtype="float32", name="logits", kernel_initializer="zeros")
    logits = applied(dense, pooled)
    dense.set_weights([kernel, bias])
    return logits
