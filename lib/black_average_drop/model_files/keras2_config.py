"""The architecture of a Keras 2 model as one that Keras 3 builds: dicts in, dicts out; nothing here imports Keras."""

from black_average_drop.model_files import keras2_graph_operations, keras2_layers, keras2_nodes, keras2_operations
from black_average_drop.model_files.keras2_layers import MODELS, bare, keras3_name
from black_average_drop.model_files.keras2_operations import Replacement

FUNCTIONAL = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
SEQUENTIAL = {"module": "keras", "class_name": "Sequential", "registered_name": None}


def translated(architecture, path):
    """The architecture of a Keras 2 model, as Keras 3 writes one down.

    Args:
        architecture: a model's dict, with class_name and config.
        path: what messages call the file.

    Returns:
        A dict for `keras.saving.deserialize_keras_object`. Layers have their names, but for "." in place of "/".

    Raises:
        ValueError: naming a layer, an operation or a setting that cannot be read.
    """
    return _model(architecture, layer_name(architecture), path)


def layer_entries(architecture):
    """The dicts of the layers of a model, in the order in which the model has them."""
    config = architecture["config"]
    return config if isinstance(config, list) else config["layers"]  # before Keras 2.2.3, a Sequential's was a list


def layer_name(entry):
    """The name of a layer in its model."""
    config = entry["config"]
    return str(entry.get("name") or (config.get("name") if isinstance(config, dict) else None) or "model")


def is_model(entry):
    """Whether a layer's dict is that of a model of layers."""
    config = entry["config"]
    return bare(entry["class_name"]) in MODELS and (isinstance(config, list) or isinstance(config.get("layers"), list))


def _model(entry, name, path):
    """The dict of a model; one of a class of the user stays as it is, and Keras says that its code is missing."""
    if not is_model(entry):
        return keras2_layers.written(bare(entry["class_name"]), entry["config"])
    sequential = bare(entry["class_name"]) == "Sequential"
    settings = _sequential(entry, path) if sequential else _functional(entry, path)
    return (SEQUENTIAL if sequential else FUNCTIONAL) | {"config": {"name": keras3_name(name)} | settings}


def _sequential(entry, path):
    """The settings of a Sequential, which begins with its input if that is known."""
    made, config = [], entry["config"]
    for number, layer in enumerate(layer_entries(entry)):
        name = layer_name(layer)
        if is_model(layer):
            made.append(_model(layer, name, path))
            continue
        if number == 0 and bare(layer["class_name"]) != "InputLayer":
            built = config.get("build_input_shape") if isinstance(config, dict) else None
            shape = layer["config"].get("batch_input_shape") or built
            if isinstance(shape, list):
                made.append(_layer(Replacement("InputLayer", {"batch_shape": shape}), f"{name}_input"))
        made += [_layer(step, one) for step, one in _named(keras2_layers.layer_steps(layer, name, path), name)]
    return {"layers": made}


def _functional(entry, path):
    """The settings of a graph of layers."""
    entries = {layer_name(layer): layer for layer in layer_entries(entry)}
    models = {name: bare(one["class_name"]) != "Sequential" for name, one in entries.items() if is_model(one)}
    calls = keras2_nodes.Calls(entries, entry["config"], models)
    layers = []
    for name, layer in entries.items():
        if bare(layer["class_name"]) in keras2_operations.LAYERS:
            layers += _operations(layer, name, calls, path)
            continue
        nodes = [([first], keras2_nodes.without_training(named, name, path)) for first, named in calls.of(name)]
        if is_model(layer):
            layers.append(_model(layer, name, path) | {"name": keras3_name(name), "inbound_nodes": nodes})
        else:
            steps = _named(keras2_layers.layer_steps(layer, name, path), name)
            layers += _chain(steps, nodes)
            calls.replace(name, steps[-1][1])
    return {
        "layers": [layer | {"inbound_nodes": calls.written(layer["inbound_nodes"])} for layer in layers],
        "input_layers": calls.ends("input_layers"),
        "output_layers": calls.ends("output_layers"),
    }


def _operations(layer, name, calls, path):
    """The layers that take the place of an operation of TensorFlow, for each call of it ones of their own."""
    made = []
    for number, (first, named) in enumerate(calls.of(name)):
        steps = _steps_of_call(layer, first, named)
        if steps is None:
            config = layer["config"]
            node = config.get("node_def")
            what = config.get("function") or (node.get("op") if isinstance(node, dict) else "of an unknown name")
            raise ValueError(keras2_layers.unread(path, f"the TensorFlow operation {what} (layer {name})"))
        steps = _named(steps, name if number == 0 else f"{name}_call_{number}")
        made += _chain(steps, [(steps[0][0].arguments, {})])
        calls.replace(name, steps[-1][1], number)
    return made


def _steps_of_call(layer, first, named):
    """The steps of one call of an operation of TensorFlow, or None if it is not known."""
    config = layer["config"]
    if bare(layer["class_name"]) == "TensorFlowOpLayer":
        node, references = config.get("node_def"), first if isinstance(first, list) else [first]
        constants = keras2_layers.plain(config.get("constants") or {})
        return keras2_graph_operations.graph_steps(node, constants, references) if isinstance(node, dict) else None
    if config.get("function") == "__operators__.getitem":
        return keras2_operations.sliced(first, named.get("slice_spec"))
    shape = (layer.get("build_config") or {}).get("input_shape")
    rank = len(shape) if isinstance(shape, list) and shape and not isinstance(shape[0], list) else None
    return keras2_operations.operation_steps(str(config.get("function")), first, named, rank)


def _named(steps, name):
    """Pairs of a step and its name: the first has the name of the Keras 2 layer."""
    return [(step, name if number == 0 else f"{name}_step_{number}") for number, step in enumerate(steps)]


def _layer(step, name):
    """A step as the dict of a layer, or of an operation."""
    return keras2_layers.written(step.class_name, step.config | {"name": keras3_name(name)}, step.module)


def _chain(steps, nodes):
    """The dicts of steps in a graph, each behind the one before, and called as often as the first is by its nodes."""
    made = []
    for step, name in steps:
        made.append(_layer(step, name) | {"name": keras3_name(name), "inbound_nodes": nodes})
        nodes = [([keras2_nodes.tensor(keras3_name(name), number)], {}) for number in range(len(nodes))]
    return made
