"""A Keras model cut at its last feature maps: build, load, save, and read features, logits and scores.

All networks take pixels 0..255 of shape (N, H, W, 3): rescaling is a layer inside, so masks are made in pixel space.
"""

import inspect
import json
import os
import re
import shutil
import tempfile
import threading
import warnings
import zipfile
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
from keras import layers, ops

from black_average_drop import checksums, model_files
from black_average_drop.arrays import as_float32, namespace
from black_average_drop.provenance import replacing

HEAD_ACTIVATIONS = ("relu", "softmax")
_NORMALIZATIONS = layers.Normalization, layers.BatchNormalization, layers.LayerNormalization
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
# What models that do not rescale by themselves may have been trained on; any name in keras.applications will do, too.
PREPROCESSINGS = {"": None, "0..1": (1 / 255, 0), "-1..1": (1 / 127.5, -1)}
_JAX_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
# The name of a dtype policy in a model's configuration; what a layer takes in, or casts to, has its dtype as a text.
_POLICY = re.compile(r'("class_name": "DTypePolicy", "config": {"name": )"([a-z0-9_]+)"')
# The size of the images in the configuration of an input layer.
_SIZE = re.compile(r'("batch_shape": \[null, )\d+, \d+(, \d+\])')
_LARGEST_SIZE = 2048  # up to which an image size is looked for that gives more than one position


def make_deterministic(seed):
    """Seed Python, NumPy and Keras, and have the backend choose reproducible kernels: same machine, same numbers.

    float32 is then float32: GPUs would otherwise multiply it with 10 binary digits (TF32). On JAX all that holds if it
    comes before the first computation of the process."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
        return
    if _JAX_DETERMINISTIC not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_JAX_DETERMINISTIC}"
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")


def build(backbone, image_size, class_names, activation="relu", weights=None, dropout=0.0, precision="float32"):
    """A model from pixels to scores: backbone up to its last activation, global average pooling, a dense head.

    backbone: "small_cnn" or a name in keras.applications; image_size (H, W); activation "relu" or "softmax";
    weights: None, "imagenet" (keras downloads them) or a file of weights with or without an ImageNet head;
    dropout: share of the pooled features dropped in training; precision: "float32", or what the backbone is trained in,
    "mixed_float16" or "mixed_bfloat16" (see `in_precision`).
    BatchNorm stays frozen where weights are given. A ReLU head starts with a bias of 1 and a kernel of 0, so that every
    score starts at 1: the gradient of a ReLU that is 0 for every image is 0, and a random kernel over a thousand
    features of one sign can make a class negative for every image before the first step.
    """
    _check_activation(activation)
    _check_precision(precision)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}: a share from 0 to below 1 is wanted.")
    inputs = keras.Input((*image_size, 3), name="pixels")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        trunk, _ = _trunk(backbone, image_size, weights)
        _check_positions(trunk, image_size, backbone)
        rescaled = _rescaled(inputs, backbone)
    finally:
        keras.config.set_dtype_policy(before)
    pooled = layers.GlobalAveragePooling2D(name="global_average_pooling", dtype="float32")(trunk(rescaled))
    if dropout:
        pooled = layers.Dropout(dropout, name="dropout")(pooled)
    start = {"kernel_initializer": "zeros", "bias_initializer": "ones"} if activation == "relu" else {}
    head = layers.Dense(len(class_names), activation, dtype="float32", name="head", **start)
    return keras.Model(inputs, head(pooled), name=f"{backbone}_{activation}")


def build_imagenet(backbone, image_size, weights="imagenet"):
    """A keras.applications classifier with its own ImageNet head of 1,000 or 1,001 classes, from pixels to softmax.

    weights: "imagenet" or a file that includes the head; with 1,001 classes, class 0 is background.
    Raises ValueError if the file has no head.
    """
    inputs = keras.Input((*image_size, 3), name="pixels")
    trunk, head = _trunk(backbone, image_size, weights, with_head=True)
    _check_positions(trunk, image_size, backbone)
    pooled = layers.GlobalAveragePooling2D(name="global_average_pooling")(trunk(_rescaled(inputs, backbone)))
    dense = layers.Dense(head[0].shape[1], "softmax", dtype="float32", name="head")
    model = keras.Model(inputs, dense(pooled), name=f"{backbone}_imagenet")
    dense.set_weights(head)
    return model


def in_precision(model, precision):
    """A copy of a model, with the same weights, all of whose layers compute in one of PRECISIONS: in float32, what
    training in mixed precision gives is made fit for measuring. Raises ValueError for another precision."""
    _check_precision(precision)
    try:
        text = _POLICY.sub(rf'\1"{precision}"', json.dumps(model.get_config()))
        copy = type(model).from_config(json.loads(text))
    except (NotImplementedError, TypeError) as problem:
        raise ValueError(
            f"Model {model.name} cannot be made again in {precision}: give each layer of your own a get_config, and "
            "register it with keras.saving.register_keras_serializable()."
        ) from problem
    copy.set_weights(model.get_weights())
    return copy


def save(model, path, facts):
    """Write the model and the facts needed to use it again (a dict of JSON values) as one .keras file, or nothing."""
    with replacing(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(model_files.FACTS, json.dumps(facts, indent=1))


def load(path):
    """The model and its facts (an empty dict for a .keras file that `save` did not write). Raises ValueError or
    FileNotFoundError naming the file: also where it is in the older format HDF5, declares more than it stores, or holds
    code of whoever saved it, such as a Lambda layer.

    What is loaded is a copy of the bytes whose checksum is remembered for the record of a run."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run 01_train first, or name another model file.")
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise ValueError(
            f"{path} is in the older format HDF5, and only .keras files are read: load it with Keras, if you trust "
            'whoever made it, and save it with model.save("model.keras").'
        )
    model_files.check_archive(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.keras"
        shutil.copyfile(path, copy)
        checksums.remember(path, copy)
        facts, parameters = model_files.examine(copy, path)
        try:
            with model_files.at_most(parameters):
                model = keras.saving.load_model(copy, compile=False, safe_mode=True)
        except MemoryError:
            raise
        except Exception as problem:  # of all kinds, since anything may stand in the file
            raise ValueError(model_files.unloaded(path, problem)) from problem
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds no model, but an object {type(model).__name__}: save the model itself.")
    return model, facts


def preprocessing(name):
    """What turns pixels 0..255 into what a model expects, for `CamNetwork.from_model`: a function, or None.

    name: "" for a model that rescales by itself, "0..1", "-1..1", or a network in keras.applications whose
    preprocessing the model was trained with, such as "ResNet50". Raises ValueError for another name.
    """
    if name in PREPROCESSINGS:
        scale = PREPROCESSINGS[name]
        return scale and (lambda pixels: pixels * np.float32(scale[0]) + np.float32(scale[1]))
    try:
        module = _application(name)[1]
    except ValueError as problem:
        known = ", ".join(repr(one) for one in PREPROCESSINGS)
        raise ValueError(f"preprocessing is {name!r}: choose {known} or a name in keras.applications.") from problem

    def preprocessed(pixels):  # keras.applications work in place on NumPy arrays
        return module.preprocess_input(np.array(pixels, "float32") if isinstance(pixels, np.ndarray) else pixels)

    return preprocessed


def first_layer(model, *kinds):
    """Of a Keras model with one input and one output: the layer of one of these kinds that is nearest to the image, and
    a model from the image to what that layer takes in; None if no such layer lies between image and output."""
    for layer, source, around in reversed(list(_backwards(model))):
        if isinstance(layer, kinds):
            return layer, _between((model.inputs[0], ()), (source, around), model.name)
    return None


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
            settings = self.preprocessing, self.activation, self.image_size, self.precision
            return CamNetwork.from_model(load(path)[0], *settings)


class CamNetwork:
    """A classifier read at its last feature maps; see `from_model`. It takes RGB; a model of one channel gets its mean.

    activation: "relu", "softmax" or "sigmoid" (several labels at once); head_weights (K, C) of a head of global average
    pooling and one dense layer, None for any other head; layer: the name of the layer whose output the feature maps
    are; notice: a sentence on what mixes their positions before the head, or ""; image_size (H, W); classes: their
    number C; on_accelerator: whether a GPU or TPU is there, see `placed`.
    """

    def __init__(self, trunk, head, activation, layer, head_weights=None, preprocessing=None, image_size=None):
        self.head_weights = head_weights
        self.activation = activation
        self.layer = layer
        self.notice = ""
        self.image_size = tuple(image_size or trunk.input_shape[1:3])
        self.classes = head.output_shape[-1]
        self.on_accelerator = not keras.distribution.list_devices()[0].startswith("cpu")
        self._preprocessing = preprocessing
        self._grey = trunk.input_shape[-1] == 1
        self._head = head
        features = layers.Activation("linear", dtype="float32")(trunk.output)
        self._run = _compiled(keras.Model(trunk.inputs, [features, head(features)]))

    @classmethod
    def from_model(cls, model, preprocessing=None, activation=None, image_size=None, precision="float32"):
        """Any Keras model with feature maps and a last dense layer.

        Functional or Sequential, nested backbones with the pooling inside or outside, Dropout before or a separate
        activation after the dense layer. Where anything but global average pooling lies between the feature maps and
        the dense layer (Flatten, a hidden dense layer), the maps are the last of more than one position, CAM is not
        defined, and gradients take automatic differentiation, see `differentiate`. A single sigmoid output S is read
        as logits (-S/2, S/2), the only opposite pair with the model's probabilities; several are labels of their own.
        Maps explain a logit: another softmax head with the same probabilities, such as one of logits (0, S), has other
        maps. Feature maps have rows and columns of the image, and more than one position: vision transformers, which
        work on tokens, are refused; a convolutional network before attention or recurrence is read, with a `notice`.
        preprocessing: pixels -> what the model expects, if the model does not rescale by itself; activation: "relu" or
        "softmax" in place of the model's own, since both read the same logits; image_size (H, W): needed where the
        model takes images of any size; precision: one of PRECISIONS for the layers before the head, whatever the model
        was trained in; on a GPU a mixed one is faster, and less exact.
        Raises ValueError saying what is missing.
        """
        if not isinstance(model, keras.Model):
            raise ValueError(f"A Keras model is wanted, not {type(model).__name__}: load it from its file.")
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
                f"Model {model.name} takes {model.input_shape}: images (N, H, W, 3) or (N, H, W, 1) are wanted."
            )
        if None in model.input_shape[1:3] and image_size is None:
            raise ValueError(f"Model {model.name} takes images of any size: pass image_size=(height, width).")
        _check_precision(precision)
        steps = list(_backwards(model))
        computing = (layer for layer in inner_layers(model) if not isinstance(layer, layers.InputLayer))
        if any(layer.dtype_policy.name != precision for layer in computing):
            model = in_precision(model, precision)
            steps = list(_backwards(model))
        head, own_activation = _find_head(steps, model.name)
        features, layer, pooled = _find_features(steps, head, model.name)
        dense, _, _ = steps[head]
        weights = [np.asarray(weight) for weight in dense.get_weights()]
        kernel = weights[0]
        bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[1], "float32")
        if own_activation == "sigmoid" and kernel.shape[1] == 1:
            kernel = np.concatenate([-kernel / 2, kernel / 2], axis=1)
            bias = np.concatenate([-bias / 2, bias / 2])
            own_activation = "softmax"
        if kernel.shape[1] == 1:
            raise ValueError(f"Model {model.name} has one output: two classes are wanted, or one output with sigmoid.")
        if activation is not None:
            _check_activation(activation)
        elif own_activation == "linear":
            raise ValueError(f'The head of {model.name} has no activation: pass activation="softmax" or "relu".')
        trunk = _between((model.inputs[0], ()), steps[features][1:], model.name)
        size = image_size or trunk.input_shape[1:3]
        _check_positions(trunk, size, f"Model {model.name}")
        before, notice = layers.GlobalAveragePooling2D(dtype="float32"), ""
        if not pooled:
            before = _between(steps[features][1:], steps[head][1:], model.name)
            notice = _notice(trunk, before, layer, size, model.name)
        inputs = keras.Input(trunk.output_shape[1:])
        logits = layers.Dense(kernel.shape[1], dtype="float32", name="logits")
        after = keras.Model(inputs, logits(before(inputs)), name="head")
        kernel = kernel.astype("float32")
        logits.set_weights([kernel, bias.astype("float32")])
        weights = kernel if pooled else None
        network = cls(trunk, after, activation or own_activation, layer, weights, preprocessing, image_size)
        network.notice = notice
        network._made_from = model, preprocessing, activation, precision
        return network

    def with_activation(self, activation):
        """The activation alone exchanged: a view on the same logits with "relu" or "softmax" scores."""
        _check_activation(activation)
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
        """Pixels (n, H, W, 3) of any dtype as float32 where all work on them is to be done: on a GPU or TPU a tensor,
        for which they are sent over as they are, otherwise a NumPy array."""
        return as_float32(ops.convert_to_tensor(images) if self.on_accelerator else np.asarray(images))

    def explain(self, images):
        """Pixels (N, H, W, 3) -> features (N, h, w, K), logits (N, C), scores (N, C), all float32 NumPy arrays; but of
        a tensor the features are a tensor, too, and stay on its device."""
        features, logits = self._run(self._prepared(images))
        logits = np.asarray(logits)
        return features if ops.is_tensor(images) else np.asarray(features), logits, self.scores(logits)

    def score(self, images):
        """Pixels (N, H, W, 3) -> logits (N, C), scores (N, C)."""
        logits = np.asarray(self._run(self._prepared(images))[1])
        return logits, self.scores(logits)

    def differentiate(self, features, classes):
        """Gradients dS_c/dA (N, h, w, K) of the logit of classes (N,) at features (N, h, w, K), by automatic
        differentiation of the head; a tensor for a tensor. Raises ValueError on a backend other than TensorFlow and
        JAX."""
        chosen = np.eye(self.classes, dtype="float32")[np.asarray(classes)]
        if keras.backend.backend() == "tensorflow":
            import tensorflow

            watched = tensorflow.convert_to_tensor(features)
            with tensorflow.GradientTape() as tape:
                tape.watch(watched)
                explained = ops.sum(self._head(watched, training=False) * chosen)
            gradients = tape.gradient(explained, watched)
            return gradients if ops.is_tensor(features) else gradients.numpy()
        if keras.backend.backend() == "jax":
            import jax

            weights = [[one.value for one in part] for part in _variables(self._head)]
            gradient = jax.grad(lambda maps: ops.sum(self._head.stateless_call(*weights, maps)[0] * chosen))
            gradients = gradient(ops.convert_to_tensor(features))
            return gradients if ops.is_tensor(features) else np.asarray(gradients)
        raise ValueError("Gradients need another backend: set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax.")

    def scores(self, logits):
        """The head's activation applied to logits (N, C)."""
        return np.asarray(getattr(ops, self.activation)(logits))

    def _prepared(self, images):
        images = as_float32(images if ops.is_tensor(images) else np.asarray(images))
        if tuple(images.shape[1:]) != (*self.image_size, 3):
            wanted = "(N, {}, {}, 3)".format(*self.image_size)
            raise ValueError(f"images {images.shape} do not fit the network: pixels {wanted} are wanted.")
        if self._grey:
            images = namespace(images).mean(images, axis=-1, keepdims=True)
        return self._preprocessing(images) if self._preprocessing else images


def _compiled(model):
    """images -> the outputs of a model, for several threads at a time, with its weights as they are at the first call.

    On TensorFlow they become constants of the graph, which lets it fold BatchNorm into the convolutions before it."""
    compiling, compiled = threading.Lock(), []

    def run(images):
        with compiling:  # two threads may come first
            if not compiled:
                compiled.append(_frozen(model))
        return compiled[0](images)

    return run


def _frozen(model):
    if keras.backend.backend() == "tensorflow":
        import tensorflow
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        function = tensorflow.function(lambda pixels: model(pixels, training=False))
        signature = tensorflow.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(signature))
        # Called directly, it looks for names of arguments that it has lost, and formats all pixels for the error.
        return tensorflow.function(lambda pixels: frozen(pixels), input_signature=[signature])
    if keras.backend.backend() == "jax":
        import jax

        # Copies, since Keras gives the buffers of its variables away when it trains.
        weights = [[jax.numpy.array(one.value) for one in part] for part in _variables(model)]
        outputs = jax.jit(lambda weights, images: model.stateless_call(*weights, images, training=False)[0])
        return lambda images: outputs(weights, images)
    return model.predict_on_batch


def _variables(model):
    """What `stateless_call` wants of a Keras model."""
    return model.trainable_variables, model.non_trainable_variables


def _check_activation(activation):
    if activation not in HEAD_ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}: choose one of {', '.join(HEAD_ACTIVATIONS)}.")


def _check_precision(precision):
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: choose one of {', '.join(PRECISIONS)}.")


def _small_cnn(image_size):
    """Six convolutions with BatchNorm and ReLU; features are an eighth of the image along each side, 96 channels."""
    inputs = keras.Input((*image_size, 3))
    x = inputs
    for filters, stride in ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1), (96, 1)):
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return keras.Model(inputs, x, name="small_cnn")


def _application(backbone):
    """The constructor of a keras.applications network and the module that holds its preprocessing."""
    for module in vars(keras.applications).values():
        constructor = getattr(module, backbone, None) if isinstance(module, ModuleType) else None
        if inspect.isfunction(constructor) and hasattr(module, "preprocess_input"):
            return constructor, module
    raise ValueError(f'backbone is {backbone!r}: choose "small_cnn" or a name in keras.applications.')


def _rescaled(inputs, backbone):
    """What the backbone expects, from pixels: a frozen 1 x 1 convolution holds its scale, offset and channel order."""
    if backbone == "small_cnn":
        scale, offset = np.eye(3) / 127.5, -np.ones(3)
    else:
        _, module = _application(backbone)
        probe = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).reshape(1, 1, 4, 3).astype("float32")
        shown = np.asarray(module.preprocess_input(probe.copy())).reshape(4, 3).astype("float64")
        scale, offset = (shown[1:] - shown[:1]) / 255, shown[0]
    layer = layers.Conv2D(3, 1, trainable=False, dtype="float32", name="pixels_to_network")
    outputs = layer(inputs)
    layer.set_weights([scale.reshape(1, 1, 3, 3).astype("float32"), offset.astype("float32")])
    return outputs


def _trunk(backbone, image_size, weights, with_head=False):
    """The network up to its last activation, and the weights of its ImageNet head or None."""
    if backbone == "small_cnn":
        if weights:
            raise ValueError("weights: the small CNN has no pretrained weights; leave the parameter empty.")
        return _small_cnn(image_size), None
    constructor, _ = _application(backbone)
    shape = (*image_size, 3)
    if not weights:
        trunk = constructor(weights=None, include_top=False, input_shape=shape)
        for layer in trunk.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = 0.9  # an epoch here has a few hundred steps: 0.99 and more would lag behind
        return trunk, None
    if weights == "imagenet":
        full, has_head = constructor(weights="imagenet", include_top=with_head, input_shape=shape), with_head
    else:
        full, has_head = _load_weights(constructor, shape, weights)
    for layer in full.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    if not has_head:
        if with_head:
            raise ValueError(f"{weights} has no ImageNet head: name weights that include it.")
        return full, None
    steps = list(_backwards(full))
    head, _ = _find_head(steps, backbone)
    features, _, pooled = _find_features(steps, head, backbone)
    if not pooled:
        raise ValueError(f"{backbone} has no global average pooling right before its dense head: choose another.")
    return keras.Model(full.inputs, steps[features][1], name=backbone), steps[head][0].get_weights()


def _load_weights(constructor, shape, path):
    """The application with the weights of a file, whichever of the usual heads it has, and whether it has one."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"weights: {path} is missing; name a weights file, or imagenet, or leave it empty.")
    checksums.remember(path)
    model_files.check_weights(path)
    for head in (
        {"include_top": True, "classes": 1000},
        {"include_top": True, "classes": 1001},
        {"include_top": False},
    ):
        model = constructor(weights=None, input_shape=shape, **head)
        fresh = [weight for weight in model.get_weights() if weight.ndim > 1]
        try:
            with warnings.catch_warnings(action="ignore"):  # Keras warns of containers that hold no weights
                model.load_weights(path)
        except (ValueError, OSError, KeyError) as problem:
            reason = str(problem).splitlines()[0]
            continue
        # Keras passes over layers that a file lacks: a kernel that is still as it was drawn was not in the file.
        loaded = [weight for weight in model.get_weights() if weight.ndim > 1]
        if not any(np.array_equal(before, after) for before, after in zip(fresh, loaded, strict=True)):
            return model, head["include_top"]
        reason = "some layers are not in the file"
    raise ValueError(f"weights: {path} does not fit {constructor.__name__} ({reason}): name a file made for it.")


def _find_head(steps, name):
    """The position among the steps back from the output of the dense head, and the name of the activation."""
    activation = None
    for position, (layer, _, _) in enumerate(steps):
        if _passes_through(layer):
            continue
        if isinstance(layer, layers.Dense):
            own = keras.activations.serialize(layer.activation)
            if activation and own != "linear":
                raise ValueError(f"Model {name} applies two activations after its dense head: {own}, {activation}.")
            activation = activation or own
            if activation not in (*HEAD_ACTIVATIONS, "sigmoid", "linear"):
                raise ValueError(f"The head of {name} ends in {activation}; relu, softmax or sigmoid is wanted.")
            return position, activation
        if activation:
            raise ValueError(f"Model {name} applies two activations after its dense head.")
        if isinstance(layer, layers.Activation):
            activation = keras.activations.serialize(layer.activation)
        elif (
            isinstance(layer, layers.ReLU) and layer.max_value is None and not (layer.negative_slope or layer.threshold)
        ):
            activation = "relu"
        elif isinstance(layer, layers.Softmax):
            activation = "softmax"
        else:
            raise ValueError(f"Model {name} does not end in a dense head, but in {_describe(layer)}.")
    raise ValueError(f"Model {name} has no dense head.")


def _find_features(steps, head, name):
    """Further back from the dense head: the position of the step that takes in the feature maps, the name of the layer
    that makes them, and whether nothing but global average pooling lies between them and the dense head."""
    plain = True
    for position, (layer, source, _) in enumerate(steps[head + 1 :], head + 1):
        pooled = plain and isinstance(layer, layers.GlobalAveragePooling2D)
        if pooled or (len(source.shape) == 4 and source.shape[1:3] != (1, 1)):
            if getattr(layer, "data_format", "channels_last") != "channels_last":
                raise ValueError(f"Model {name} keeps channels first: build it with channels last.")
            maker = steps[position + 1][0] if position + 1 < len(steps) else None
            if not any(_learns(one) for one, _, _ in steps[position + 1 :]):
                raise ValueError(
                    f"Model {name} has no layer that learns feature maps, in rows and columns, from its image: choose "
                    "a convolutional network."
                )
            _check_rows_and_columns(steps[position:], name)
            return position, maker.name, pooled
        plain = plain and (_passes_through(layer) or isinstance(layer, layers.Flatten | layers.Reshape))
    raise ValueError(f"Model {name} has no feature maps before its dense head: a convolutional network is wanted.")


def _check_rows_and_columns(steps, name):
    """Whether a tensor of rows and columns, the input of the first of the steps back from it, has those of the image:
    of what has neither, (N, T, K) with T = h w can be put in rows and columns, and nothing else."""
    for (_, maps, _), (maker, source, _) in pairwise(steps):
        known = len(source.shape) < 4 <= len(maps.shape) and None not in maps.shape[1:]
        if known and source.shape[1:] != (np.prod(maps.shape[1:-1]), maps.shape[-1]):
            raise ValueError(
                f"Model {name} has no feature maps: its layer {maker.name!r} makes {maps.shape[1:]} of "
                f"{source.shape[1:]}, no rows and columns of the image; choose a convolutional network."
            )


def _check_positions(trunk, size, name):
    """Raises ValueError where feature maps have one position, naming the smallest size of images that gives 2 x 2."""
    channels, shape = trunk.input_shape[-1], trunk.output_shape
    if None in shape[1:3]:
        shape = trunk.compute_output_shape((None, *size, channels))
    if tuple(shape[1:3]) != (1, 1):
        return
    remedy = "take larger images"
    try:  # the same layers for images of any size
        text = _SIZE.sub(r"\1null, null\2", json.dumps(trunk.get_config()))
        free = type(trunk).from_config(json.loads(text))
        sides = range(1, _LARGEST_SIZE)
        side = bisect_left(sides, 2, key=lambda side: _positions(free, side, channels)) + 1
        if side < _LARGEST_SIZE:
            remedy = f"images of {side} x {side} pixels give 2 x 2"
    except (ValueError, TypeError, NotImplementedError):
        pass  # layers of a fixed size, or layers that cannot be made again
    raise ValueError(
        f"{name} has feature maps of one position for images of {size[0]} x {size[1]} pixels, so that every map is "
        f"the same all over: {remedy}."
    )


def _positions(trunk, side, channels):
    """The rows or columns, whichever are fewer, of the feature maps of square images; 0 where there are none."""
    try:
        return min(trunk.compute_output_shape((None, side, side, channels))[1:3])
    except ValueError:  # smaller than a window
        return 0


def _notice(trunk, before, layer, size, name):
    """A sentence on layers between the feature maps and the head that mix positions, as attention and recurrence do.
    Raises ValueError where they are all that does: then the maps are single patches of the image."""
    kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in inner_layers(before) if _is_on_tokens(one)))
    if not kinds:
        return ""
    if _sees_single_patches(trunk, size):
        raise ValueError(
            f"Model {name} works on tokens: its last feature maps (layer {layer!r}) are single patches of the image, "
            f"and {kinds} lie behind them; put layers.Reshape((rows, columns, channels)) behind the last tokens, where "
            "each is a patch, or choose a convolutional network."
        )
    return f"Behind the feature maps lie {kinds}: a map shows what goes into them, not which positions they look at."


def _learns(layer):
    """Whether a layer has weights other than those of a normalization."""
    return bool(getattr(layer, "weights", ())) and not isinstance(layer, _NORMALIZATIONS)


def _is_on_tokens(layer):
    """Whether a layer learns from, or attends to, a sequence (N, T, K)."""
    inputs = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
    takes_part = _learns(layer) or isinstance(layer, layers.Attention)
    return takes_part and any(len(tensor.shape) == 3 for tensor in inputs)


def _sees_single_patches(trunk, size):
    """Whether the first position of the feature maps stays as it is, up to rounding, when the pixels of all other
    positions change places, which leaves the statistics of the image as they are."""
    generator = np.random.default_rng(0)
    images, others = generator.uniform(0, 255, (2, 4, *size, trunk.input_shape[-1])).astype("float32")
    rows, columns = (-(-side // count) for side, count in zip(size, trunk(images[:1]).shape[1:3], strict=True))
    outside = np.ones(size, bool)
    outside[:rows, :columns] = False
    moved = images.copy()
    moved[:, outside] = generator.permutation(images[:, outside], axis=1)
    first, same, other = (np.asarray(trunk(batch, training=False))[:, 0, 0] for batch in (images, moved, others))
    return bool(np.abs(first - same).max() < 1e-3 * np.abs(first - other).max())


def inner_layers(model):
    """The layers of a model, those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from inner_layers(layer)
        else:
            yield layer


def _between(start, target, name):
    """The model from one symbolic tensor to a later one; each comes with the nested models around it, as in
    `_backwards`. Raises ValueError if the later one needs anything else."""
    (start, start_around), (target, target_around) = start, target
    shared = 0
    while shared < min(len(start_around), len(target_around)) and start_around[shared][2] is target_around[shared][2]:
        shared += 1
    inputs = keras.Input(start.shape[1:])
    x = inputs
    try:
        for inner, _, leaves in reversed(start_around[shared:]):
            x = keras.Model(start, inner.outputs[leaves._keras_history.tensor_index])(x)
            start = leaves
        for inner, enters, _ in target_around[shared:]:
            x = x if enters is start else keras.Model(start, enters)(x)
            start = inner.inputs[0]
        x = x if target is start else keras.Model(start, target)(x)
    except ValueError as problem:
        raise ValueError(f"Model {name} does not draw its scores from its last feature maps alone.") from problem
    return keras.Model(inputs, x)


def _backwards(model):
    """Layers from the output back to the input, through nested models and out again: triples of the layer, its input
    tensor, and the nested models around it, the outermost first, each with the tensors that enter and leave it."""
    around, tensor = [], model.outputs[0]
    while True:
        layer, source = _origin(tensor)
        if isinstance(layer, keras.Model):
            if not hasattr(layer, "outputs"):
                raise ValueError(
                    f"Model {model.name} holds the subclassed model {layer.name!r}, whose layers cannot be followed: "
                    f"put {layer.name}.call(x) in the place of {layer.name}(x), which makes the same layers a part of "
                    "the model around it."
                )
            around.append((layer, source, tensor))
            tensor = layer.outputs[tensor._keras_history.tensor_index]
        elif source is not None:
            yield layer, source, tuple(around)
            tensor = source
        elif around:
            tensor = around.pop()[1]
        else:
            return


def _origin(tensor):
    """The layer that made a symbolic tensor, and that layer's input tensor, or None for an input: of several the first
    with rows and columns, or else the first."""
    history = tensor._keras_history
    arguments = list(history.operation._inbound_nodes[history.node_index].input_tensors)
    wide = [one for one in arguments if len(one.shape) == 4 and one.shape[1:3] != (1, 1)]
    return history.operation, next(iter(wide + arguments), None)


def _passes_through(layer):
    """Whether inference ignores the layer."""
    return isinstance(layer, layers.Dropout | layers.Identity) or (
        isinstance(layer, layers.Activation) and keras.activations.serialize(layer.activation) == "linear"
    )


def _describe(layer):
    return f"{type(layer).__name__} {layer.name!r}"
