"""The architecture in an HDF5 file of Keras 3, which leaves out the modules that classes are in; without Keras."""

from black_average_drop.model_files.keras2_config import FUNCTIONAL, SEQUENTIAL, is_model

_INNER = ("layer", "forward_layer", "backward_layer", "cell")
_OPERATIONS = {  # classes of keras.ops that are not in its module numpy
    "nn": (
        *("AveragePool", "BatchNorm", "Conv", "Elu", "Gelu", "HardSigmoid", "HardSilu", "LeakyRelu", "LogSoftmax"),
        *("MaxPool", "Normalize", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softmax", "Softplus", "Softsign"),
    ),
    "core": ("Cast", "StopGradient"),
    "image": ("Resize", "RGBToGrayscale"),
}


def with_modules(entry):
    """The dict of a model or layer with the modules that classes are in, as in a .keras file."""
    config, kind = entry["config"], entry["class_name"]
    if "module" in entry:
        return entry
    if is_model(entry):
        names = SEQUENTIAL if kind == "Sequential" else FUNCTIONAL
        return entry | names | {"config": config | {"layers": [with_modules(one) for one in config["layers"]]}}
    inner = {key: with_modules(config[key]) for key in _INNER if _is_layer(config.get(key))}
    if "trainable" in config or kind == "InputLayer":  # only layers say whether they are
        return entry | {"module": "keras.layers", "registered_name": None, "config": config | inner}
    module = next((name for name, kinds in _OPERATIONS.items() if kind in kinds), "numpy")
    return entry | {"module": f"keras.src.ops.{module}", "registered_name": kind}


def _is_layer(value):
    return isinstance(value, dict) and isinstance(value.get("config"), dict) and "class_name" in value
