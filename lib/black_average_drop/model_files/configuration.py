"""The configuration of a Keras 3 model, as it stands in config.json: custom code, inputs, outputs."""

import importlib.util

# The packages whose classes Keras 3 makes from a file without being told.
PACKAGES = ("keras", "keras_cv", "keras_hub", "keras_nlp")
# What is not made when a model is loaded without its training, or holds shapes alone.
_PASSED_OVER = ("compile_config", "build_config")


def custom_class(config):
    """The name of a class whose code is not part of Keras, or None.

    Args:
        config: an object as Keras 3 writes it, such as a model.
    """
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if _is_custom(value):
                return value["class_name"]
            inner = [part for name, part in value.items() if name not in _PASSED_OVER]
        else:
            inner = value
        waiting += [part for part in reversed(inner) if isinstance(part, dict | list)]
    return None


def input_shapes(config):
    """Name -> shape of the inputs of a model, the batch first.

    Args:
        config: a model as Keras 3 writes it.

    Returns:
        A dict, empty where the configuration does not say so for sure.
    """
    inner, kind = _inner(config), config.get("class_name")
    layers = inner.get("layers")
    if kind not in ("Functional", "Sequential") or not isinstance(layers, list):
        return {}
    inputs = {}
    for layer in layers:
        if isinstance(layer, dict) and layer.get("class_name") == "InputLayer":
            inputs[str(_inner(layer).get("name"))] = _inner(layer).get("batch_shape")
        elif kind == "Sequential":
            break  # its input is the first layer, or is not written down
    names = list(inputs) if kind == "Sequential" else _leaves(inner.get("input_layers"))
    if not all(_is_shape(inputs.get(name)) for name in names):
        return {}
    return {name: tuple(inputs[name]) for name in names}


def names_of_outputs(config):
    """The names of the outputs of a functional model as Keras 3 writes it; [] of another model."""
    return _leaves(_inner(config).get("output_layers")) if config.get("class_name") == "Functional" else []


def model_name(config):
    """The name of a model as Keras 3 writes it."""
    return str(_inner(config).get("name"))


def _inner(config):
    """The settings of an object in a configuration."""
    inner = config.get("config")
    return inner if isinstance(inner, dict) else {}


def _is_custom(value):
    """Whether an object in a configuration is made by code that is not part of Keras."""
    name, module = value.get("class_name"), value.get("module", "")
    if not {"class_name", "config", "module", "registered_name"} <= set(value) or not isinstance(name, str):
        return False
    if name == "function" or name.startswith("__"):
        return False
    if module is None:
        return True
    package = module.partition(".")[0] if isinstance(module, str) else "keras"
    return package not in PACKAGES or (package != "keras" and importlib.util.find_spec(package) is None)


def _leaves(structure):
    """The names of layers in a structure whose leaves are [name, number of the call, number of the tensor]."""
    if isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str):
        return structure[:1]
    parts = structure.values() if isinstance(structure, dict) else structure if isinstance(structure, list) else ()
    return [name for part in parts for name in _leaves(part)]


def _is_shape(value):
    """Whether a value is a shape: a list of numbers and None."""
    return isinstance(value, list | tuple) and all(side is None or type(side) is int for side in value)
