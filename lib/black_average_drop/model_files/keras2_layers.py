"""The settings of one Keras 2 layer as settings of Keras 3 layers that answer the same; nothing here imports Keras.

What only training needs is left out: initializers, regularizers, constraints and seeds.
"""

from black_average_drop.model_files import keras2_operations
from black_average_drop.model_files.keras2_names import LAYERS_OF_BOTH
from black_average_drop.model_files.keras2_operations import Replacement

MODELS = ("Functional", "Model", "Sequential")
_RENAMED = {
    "Model": "Functional",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "RandomHeight": "Identity",  # both leave an image as it is, except in training
    "RandomWidth": "Identity",
}
_UNKNOWN_TO_KERAS_3 = ("DenseFeatures", "LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU")
# Of layers that draw random numbers, what Keras 3 cannot do without, and what counts without training, too.
_KEPT = {
    "Identity": (),
    "ActivityRegularization": (),
    "Dropout": ("rate",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "SpatialDropout3D": ("rate",),
    "GaussianDropout": ("rate",),
    "AlphaDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "RandomFlip": ("mode",),
    "RandomRotation": ("factor",),
    "RandomZoom": ("height_factor", "width_factor"),
    "RandomTranslation": ("height_factor", "width_factor"),
    "RandomContrast": ("factor",),
    "RandomBrightness": ("factor", "value_range"),
}
_REMOVED = {"trainable", "batch_input_shape", "dynamic", "implementation", "type_spec"}
_REMOVED_OF = {
    "InputLayer": {"ragged", "sparse", "optional"},
    "BatchNormalization": {"fused", "virtual_batch_size", "adjustment", "renorm_clipping", "renorm_momentum"},
    "Embedding": {"input_length", "sparse"},
    "Softmax": {"robust_masking"},
    "MultiHeadAttention": {"softmax_robust_masking", "query_shape", "key_shape", "value_shape"},
}
# Settings that Keras 3 no longer has, and the values that change nothing.
_ONLY = {
    "BatchNormalization": {"renorm": (False, None)},
    "DepthwiseConv2D": {"groups": (1, None)},
    "DepthwiseConv1D": {"groups": (1, None)},
    "SeparableConv1D": {"groups": (1, None)},
    "SeparableConv2D": {"groups": (1, None)},
    "Conv1DTranspose": {"groups": (1, None)},
    "Conv2DTranspose": {"groups": (1, None)},
    "Conv3DTranspose": {"groups": (1, None)},
}
_ARGUMENTS = {"LeakyReLU": {"alpha": "negative_slope"}, "InputLayer": {"batch_input_shape": "batch_shape"}}
_TRAINED_BY = ("_initializer", "_regularizer", "_constraint")
_ACTIVATIONS = ("activation", "recurrent_activation")
_KNOWN_ACTIVATIONS = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh"),
)
_INNER = ("layer", "backward_layer", "cell")
# Layers whose activation acts at each step in time, so that no layer behind can take its place.
_RECURRENT = (
    *("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "LSTMCell", "GRUCell", "SimpleRNNCell"),
)


def bare(class_name):
    """A class name without the package that it was registered for, or the module that it once was in."""
    return str(class_name).rsplit(">", 1)[-1].rsplit(".", 1)[-1]


def keras3_name(name):
    """The name that Keras 3 can give a layer, which may hold no slash."""
    return str(name).replace("/", ".")


def layer_steps(entry, name, path):
    """The Keras 3 layers that one Keras 2 layer becomes, each behind the one before.

    Args:
        entry: the layer's dict, with its class_name and its config; neither a model nor an operation of TensorFlow.
        name: of the layer in its model.
        path: what messages call the file.

    Returns:
        A list of `Replacement`.

    Raises:
        ValueError: naming a layer or a setting that Keras 3 does not have.
    """
    kind, config = bare(entry["class_name"]), plain(entry.get("config") or {})
    if kind in _UNKNOWN_TO_KERAS_3:
        raise ValueError(
            f"{path} holds a {kind} layer ({name}), which Keras 3 does not have: put another layer in its place and "
            "save the model again."
        )
    kind = _RENAMED.get(kind, kind)
    if kind not in LAYERS_OF_BOTH:
        return [Replacement(kind, {key: value for key, value in config.items() if key != "batch_input_shape"})]
    if kind == "RandomCrop":  # without training, Keras 2 resizes what has the right proportions
        kind, config = "Resizing", {key: config[key] for key in ("height", "width")} | {"crop_to_aspect_ratio": True}
    hard = _activation(config.get("activation"), name, path) == "hard_sigmoid"
    if _activation(config.get("recurrent_activation"), name, path) == "hard_sigmoid":
        raise ValueError(unread(path, f"the recurrent activation hard_sigmoid (layer {name})"))
    if hard and kind in _RECURRENT:
        raise ValueError(unread(path, f"the activation hard_sigmoid of layer {name}", "give the layer another one"))
    if hard and kind == "Activation":
        return keras2_operations.hard_sigmoid(_dtype(config))
    if hard:
        config["activation"] = "linear"
    first = Replacement(kind, _settings(kind, config, name, path))
    return [first, *(keras2_operations.hard_sigmoid(_dtype(config)) if hard else [])]


def written(class_name, config, module="keras.layers"):
    """The dict of a layer or an operation as Keras 3 writes it down; the class of a user is in no module."""
    if module == "keras.layers" and class_name in LAYERS_OF_BOTH:
        return {"module": module, "class_name": class_name, "config": config, "registered_name": None}
    module = None if module == "keras.layers" else module
    return {"module": module, "class_name": class_name, "config": config, "registered_name": class_name}


def unread(path, what, remedy="put a Keras layer in its place"):
    """What to say of something that a Keras 2 file holds and this version does not read."""
    return f"{path} holds {what}, which is not read from files of Keras 2: {remedy} and save the model again."


def plain(value):
    """A configuration without the dicts that stand for numbers, tuples and arrays of numbers."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape"):
            return plain(value.get("items", []))
        if value.get("class_name") in ("__numpy__", "__tensor__") and isinstance(value.get("config"), dict):
            return plain(value["config"].get("value"))
        if value.get("type") == "ndarray":
            return plain(value.get("value"))
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def _settings(kind, config, name, path):
    """The settings of a Keras 3 layer of a kind."""
    for setting, harmless in _ONLY.get(kind, {}).items():
        if config.pop(setting, None) not in harmless:
            raise ValueError(unread(path, f"the setting {setting} of layer {name}"))
    if config.pop("time_major", None):
        raise ValueError(unread(path, f"the setting time_major of layer {name}", "make the layer without it"))
    renamed = {_ARGUMENTS.get(kind, {}).get(key, key): value for key, value in config.items()}
    removed = _REMOVED | _REMOVED_OF.get(kind, set())
    kept = {
        key: value
        for key, value in renamed.items()
        if key not in removed and not key.endswith(_TRAINED_BY) and key != "dtype"
    }
    if kind in _KEPT:
        kept = {key: kept[key] for key in _KEPT[kind] if key in kept}
    for key in _ACTIVATIONS:
        if key in kept:
            kept[key] = _activation(kept[key], name, path)
    for key in _INNER:
        if isinstance(kept.get(key), dict) and "class_name" in kept[key]:
            kept[key] = _inner(kept[key], name, path)
    if kind == "StackedRNNCells":
        kept["cells"] = [_inner(cell, name, path) for cell in kept.get("cells", [])]
    if kind == "BatchNormalization" and isinstance(kept.get("axis"), list) and len(kept["axis"]) == 1:
        kept["axis"] = kept["axis"][0]
    return kept | ({"dtype": dtype} if (dtype := _dtype(config)) else {})


def _activation(described, name, path):
    """An activation by its name, or as the dict of a layer or of a function of the user."""
    if isinstance(described, dict) and described.get("class_name") == "function":
        described = described.get("config")
    if isinstance(described, dict) and "class_name" in described:
        return _inner(described, name, path)
    if isinstance(described, str) and bare(described) not in _KNOWN_ACTIVATIONS:
        return {
            "module": "builtins",
            "class_name": "function",
            "config": bare(described),
            "registered_name": "function",
        }
    return bare(described) if isinstance(described, str) else described


def _inner(entry, name, path):
    """A layer within a layer, such as that of TimeDistributed."""
    if bare(entry["class_name"]) in MODELS:
        raise ValueError(unread(path, f"a model within layer {name}"))
    inner = plain(entry.get("config") or {}).get("name") or name
    made = layer_steps(entry, inner, path)
    if len(made) > 1:
        raise ValueError(unread(path, f"the activation hard_sigmoid within layer {name}"))
    return written(made[0].class_name, made[0].config | {"name": keras3_name(inner)})


def _dtype(config):
    """The name of a dtype or of a policy of dtypes, or None."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else None
    return dtype if isinstance(dtype, str) and not dtype.startswith(("_infer", "infer")) else None
