"""A classifier read at its last feature maps."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from black_average_drop.arrays import as_float32, namespace
from black_average_drop.networks.archive import load
from black_average_drop.networks.backends import compiled, gradients, has_accelerator, make_deterministic
from black_average_drop.networks.building import WITH_BACKGROUND
from black_average_drop.networks.cut import check_activation, check_positions, find_features, find_head, notice
from black_average_drop.networks.graph import Place, backwards, inner_layers, model_between
from black_average_drop.networks.precision import check_precision, in_precision


@dataclass(frozen=True)
class Parcel:
    """A `CamNetwork` on its way to another process, with its own way back."""

    model: bytes  # of a .keras file
    preprocessing: Callable | None
    activation: str | None
    image_size: tuple[int, int]  # (H, W)
    precision: str

    def unpacked(self):
        """The same network, in a process that computes reproducibly from then on (`make_deterministic`)."""
        make_deterministic(0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.model)
            settings = {"activation": self.activation, "image_size": self.image_size, "precision": self.precision}
            return CamNetwork.from_model(load(path)[0], self.preprocessing, **settings)


class CamNetwork:
    """A classifier read at its last feature maps; see `from_model`. It takes RGB; a model of one channel gets its mean.

    Attributes:
        activation: "relu", "softmax" or "sigmoid" (several labels at once).
        head_weights: (K, C), of a head of global average pooling and one dense layer; None for any other head.
        layer: the name of the layer whose output the feature maps are.
        notice: a sentence on what mixes the positions of the maps before the head, or "".
        image_size: (H, W), in pixels.
        classes: their number C.
        on_accelerator: whether a GPU or TPU is there; see `placed`.
    """

    def __init__(self, trunk, head, activation, layer, head_weights=None, preprocessing=None, image_size=None):
        self.head_weights = head_weights
        self.activation = activation
        self.layer = layer
        self.notice = ""
        self.image_size = tuple(image_size or trunk.input_shape[1:3])
        self.classes = head.output_shape[-1]
        self.on_accelerator = has_accelerator()
        self._preprocessing = preprocessing
        self._grey = trunk.input_shape[-1] == 1
        self._head = head
        features = layers.Activation("linear", dtype="float32")(trunk.output)
        self._run = compiled(keras.Model(trunk.inputs, [features, head(features)]))

    @property
    def has_background(self):
        """Whether the classes are ImageNet's thousand behind one for the background."""
        return self.classes == WITH_BACKGROUND

    @classmethod
    def from_model(cls, model, preprocessing=None, activation=None, image_size=None, precision="float32"):
        """Any Keras model with feature maps and a last dense layer.

        The model may be Functional or Sequential, with nested backbones, the pooling inside or outside of them, Dropout
        before the dense layer or a separate activation behind it. Anything but global average pooling may lie between
        the feature maps and the dense layer (Flatten, a hidden dense layer). CAM is then not defined, and gradients
        take automatic differentiation, see `differentiate`. Feature maps have rows and columns of the image, and more
        than one position. Vision transformers work on tokens and are refused. A convolutional network before attention
        or recurrence is read, with a `notice`.

        A single sigmoid output S is read as logits (-S/2, S/2), the only opposite pair with the model's probabilities;
        several are labels of their own. Maps explain a logit: another softmax head with the same probabilities, such as
        one of logits (0, S), has other maps.

        Args:
            model: a Keras model with one input and one output.
            preprocessing: pixels -> what the model expects, if the model does not rescale by itself.
            activation: "relu" or "softmax" in place of the model's own, since both read the same logits.
            image_size: (H, W), where the model takes images of any size.
            precision: one of PRECISIONS, for the layers before the head, whatever the model was trained in. On a GPU a
                mixed one is faster, and less exact.

        Raises:
            ValueError: saying what is missing.
        """
        _check_model(model, image_size)
        check_precision(precision)
        model, steps = _steps_in_precision(model, precision)
        head, own_activation = find_head(steps, model.name)
        maps = find_features(steps, head, model.name)
        kernel, bias, own_activation = _read_dense(steps[head].layer, own_activation, model.name)
        _check_activations(activation, own_activation, model.name)
        trunk = model_between(Place(model.inputs[0]), steps[maps.position].place, model.name)
        size = image_size or trunk.input_shape[1:3]
        check_positions(trunk, size, f"Model {model.name}")
        before, said = layers.GlobalAveragePooling2D(dtype="float32"), ""
        if not maps.pooled:
            before = model_between(steps[maps.position].place, steps[head].place, model.name)
            said = notice(trunk, before, maps.layer, size, model.name)
        read = _head(trunk, before, kernel, bias)
        weights = kernel.astype("float32") if maps.pooled else None
        network = cls(trunk, read, activation or own_activation, maps.layer, weights, preprocessing, image_size)
        network.notice = said
        network._made_from = model, preprocessing, activation, precision
        return network

    def with_activation(self, activation):
        """The activation alone exchanged: a view on the same logits with "relu" or "softmax" scores."""
        check_activation(activation)
        view = object.__new__(CamNetwork)
        view.__dict__.update(self.__dict__, activation=activation)
        view._made_from = *self._made_from[:2], activation, self._made_from[3]
        return view

    def packed(self):
        """The `Parcel` that carries this network to another process."""
        model, preprocessing, activation, precision = self._made_from
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return Parcel(path.read_bytes(), preprocessing, activation, self.image_size, precision)

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
        logits = np.asarray(logits)
        return features if ops.is_tensor(images) else np.asarray(features), logits, self.scores(logits)

    def score(self, images):
        """Logits (N, C) and scores (N, C) of pixels (N, H, W, 3)."""
        logits = np.asarray(self._run(self._prepared(images))[1])
        return logits, self.scores(logits)

    def differentiate(self, features, classes):
        """Gradients dS_c/dA of one logit of each image, by automatic differentiation of the head.

        Args:
            features: A, (N, h, w, K).
            classes: c, (N,).

        Returns:
            (N, h, w, K), a tensor for a tensor.

        Raises:
            ValueError: on a backend other than TensorFlow and JAX.
        """
        return gradients(self._head, features, np.eye(self.classes, dtype="float32")[np.asarray(classes)])

    def scores(self, logits):
        """The head's activation applied to logits (N, C)."""
        return np.asarray(getattr(ops, self.activation)(logits))

    def _prepared(self, images):
        """What the model takes in, of pixels (N, H, W, 3)."""
        images = as_float32(images if ops.is_tensor(images) else np.asarray(images))
        if tuple(images.shape[1:]) != (*self.image_size, 3):
            expected = "(N, {}, {}, 3)".format(*self.image_size)
            raise ValueError(f"images {images.shape} do not fit the network: pixels {expected} are expected.")
        if self._grey:
            images = namespace(images).mean(images, axis=-1, keepdims=True)
        return self._preprocessing(images) if self._preprocessing else images


def _check_model(model, image_size):
    """Raise ValueError for a model whose layers cannot be followed from one image to one output."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"A Keras model is expected, not {type(model).__name__}: load it from its file.")
    if not hasattr(model, "inputs") and not isinstance(model, keras.Sequential):
        raise ValueError(
            f"Model {model.name} is a subclassed one, whose layers cannot be followed: pass "
            f"keras.Model(inputs, {model.name}.call(inputs)) of inputs = keras.Input((height, width, 3))."
        )
    if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"Model {model.name} must be built, with one input and one output: make a keras.Model of these."
        )
    if len(model.input_shape) == 4 and model.input_shape[-1] not in (1, 3):
        raise ValueError(
            f"Model {model.name} takes {model.input_shape}: images (N, H, W, 3) or (N, H, W, 1) are expected."
        )
    if None in model.input_shape[1:3] and image_size is None:
        raise ValueError(f"Model {model.name} takes images of any size: pass image_size=(height, width).")


def _check_activations(chosen, own, name):
    """Raise ValueError for an unknown activation, or for none where the model has none of its own."""
    if chosen is not None:
        check_activation(chosen)
    elif own == "linear":
        raise ValueError(f'The head of {name} has no activation: pass activation="softmax" or "relu".')


def _steps_in_precision(model, precision):
    """The model, made again if its layers compute in another precision, and the steps back from its output."""
    steps = list(backwards(model))
    computing = (layer for layer in inner_layers(model) if not isinstance(layer, layers.InputLayer))
    if any(layer.dtype_policy.name != precision for layer in computing):
        model = in_precision(model, precision)
        steps = list(backwards(model))
    return model, steps


def _read_dense(dense, activation, name):
    """The kernel (K, C), bias (C,) and activation of a dense head; a single sigmoid becomes a softmax of two logits."""
    kernel, *rest = (np.asarray(weight) for weight in dense.get_weights())
    bias = rest[0] if rest else np.zeros(kernel.shape[1], "float32")
    if activation == "sigmoid" and kernel.shape[1] == 1:
        kernel = np.concatenate([-kernel / 2, kernel / 2], axis=1)
        bias = np.concatenate([-bias / 2, bias / 2])
        activation = "softmax"
    if kernel.shape[1] == 1:
        raise ValueError(f"Model {name} has one output: two classes are expected, or one output with sigmoid.")
    return kernel, bias, activation


def _head(trunk, before, kernel, bias):
    """The model from feature maps to logits: what lies before the dense layer, and that layer without activation."""
    inputs = keras.Input(trunk.output_shape[1:])
    logits = layers.Dense(kernel.shape[1], dtype="float32", name="logits")
    head = keras.Model(inputs, logits(before(inputs)), name="head")
    logits.set_weights([kernel.astype("float32"), bias.astype("float32")])
    return head
