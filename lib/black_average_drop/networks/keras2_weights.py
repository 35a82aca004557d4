"""Weights that Keras 2 stored, put into the Keras 3 model that was built from the same architecture.

HDF5 of Keras 2 keeps a flat list for each outermost layer: what is trained first, then the rest, where a layer that is
frozen trains nothing. The .keras archives of tf_keras have a group for each layer, as deep as the models are.
"""

import re

import h5py
import keras
import numpy as np

from black_average_drop.model_files.keras2_config import is_model, layer_entries, layer_name
from black_average_drop.model_files.keras2_layers import bare, keras3_name
from black_average_drop.model_files.keras2_operations import LAYERS
from black_average_drop.networks.graph import inner_layers

_NAMES = {"gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias", "mean", "variance", "count"}
_MOST_NAMES = 2**24  # bytes of names in one attribute


def assign(model, architecture, weights, path):
    """Set every weight of a model.

    Args:
        model: of Keras 3.
        architecture: the dict of the Keras 2 model that it was built from.
        weights: the HDF5 file that holds the weights, already checked.
        path: what messages call it.

    Raises:
        ValueError: naming the layer whose weights are missing, too many, or of other shapes.
    """
    with h5py.File(weights, "r") as file:
        group = file["model_weights"] if "model_weights" in file else file
        if _names(group, "layer_names", path) is None:
            pairs = list(_stored_by_path(model, architecture, file, "", path))
        else:
            pairs = list(_stored_by_layer(model, architecture, group, path))
        done = set()
        for variable, dataset in pairs:
            variable.assign(np.asarray(dataset))
            done.add(id(variable))
    missing = [variable.path for variable in model.weights if id(variable) not in done]
    if missing:
        raise ValueError(_unlike(path, missing[0].rsplit("/", 1)[0], "is not in the file"))
    for layer in inner_layers(model):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _stored_by_layer(model, architecture, group, path):
    """Pairs of a variable and its dataset, of the older format."""
    for entry, layer in _layers(model, architecture):
        name = layer_name(entry)
        trained, fixed = _in_order(entry, layer)
        names = _names(group[name], "weight_names", path) if name in group else None
        if names is None:
            names = []
        datasets = [group[name][one] for one in names]
        yield from _paired([*trained, *fixed], datasets, names, name, path)
    if _names(group.get("top_level_model_weights", {}), "weight_names", path):
        raise ValueError(_unlike(path, "of the whole model", "is not read: build the model of layers alone"))


def _in_order(entry, layer):
    """The variables of a layer in the order of Keras 2: those it trains, and the others."""
    config = entry["config"]
    if is_model(entry):
        parts = [_in_order(*pair) for pair in _layers(layer, entry)]
        trained, fixed = (_once(one for part in parts for one in part[which]) for which in (0, 1))
    else:
        trained, fixed = list(layer.trainable_weights), list(layer.non_trainable_weights)
    frozen = isinstance(config, dict) and config.get("trainable") is False
    return ([], [*trained, *fixed]) if frozen else (trained, fixed)


def _once(variables):
    """Variables without repetition: those of a layer that is in two models count once."""
    return list({id(variable): variable for variable in variables}.values())


def _layers(model, entry):
    """Pairs of a layer's dict and the layer of Keras 3, of those that may have weights."""
    for one in layer_entries(entry):
        if bare(one["class_name"]) not in (*LAYERS, "InputLayer"):
            yield one, model.get_layer(keras3_name(layer_name(one)))


def _stored_by_path(model, architecture, file, place, path):
    """Pairs of a variable and its dataset, of the format of .keras archives, for the model at a place in the file."""
    used = {}
    for entry in layer_entries(architecture):
        kind = _snake(bare(entry["class_name"]))
        number = used[kind] = used.get(kind, -1) + 1
        here = f"{place}layers/{kind}" + (f"_{number}" if number else "")
        if kind == "input_layer" or bare(entry["class_name"]) in LAYERS:
            continue
        layer = model.get_layer(keras3_name(layer_name(entry)))
        if is_model(entry):
            yield from _stored_by_path(layer, entry, file, f"{here}/", path)
        else:
            yield from _of_group(layer, file, here, layer_name(entry), path)


def _of_group(layer, file, here, name, path):
    """Pairs of a variable and its dataset for a layer, and for those that it is made of."""
    parts = {key: part for key, part in vars(layer).items() if isinstance(part, keras.Layer) and part.weights}
    inner = {id(variable) for part in parts.values() for variable in part.weights}
    own = [variable for variable in layer.weights if id(variable) not in inner]
    group = file[f"{here}/vars"] if f"{here}/vars" in file else {}
    datasets = [group[one] for one in sorted(group, key=_number)]
    yield from _paired(own, datasets, ["" for _ in datasets], name, path)
    for key, part in parts.items():
        yield from _of_group(part, file, f"{here}/{key}", f"{name}/{key}", path)


def _number(text):
    return int(text) if text.isdecimal() else -1


def _paired(variables, datasets, names, layer, path):
    """Pairs of variables and datasets, one each, of the same shapes, and where both are well known of the same name."""
    if len(variables) != len(datasets):
        raise ValueError(_unlike(path, layer, f"has {len(datasets)} arrays, not {len(variables)}"))
    for variable, dataset, name in zip(variables, datasets, names, strict=True):
        if tuple(dataset.shape) != tuple(variable.shape):
            raise ValueError(_unlike(path, layer, f"has an array of {dataset.shape}, not {tuple(variable.shape)}"))
        known = name.rsplit("/", 1)[-1].split(":")[0]
        if known in _NAMES and variable.name in _NAMES and known != variable.name:
            raise ValueError(_unlike(path, layer, f"has {known} in place of {variable.name}"))
        yield variable, dataset


def _unlike(path, layer, what):
    """What to say of weights that do not go with the architecture."""
    return f"{path} does not go with its architecture (layer {layer} {what}): save the whole model again."


def _names(group, key, path):
    """A list of names in the attributes of a group, which may be in parts; None if there is none."""
    attributes = getattr(group, "attrs", {})
    keys = [key] if key in attributes else []
    while not keys or keys[-1] != key:
        if f"{key}{len(keys)}" not in attributes:
            break
        keys.append(f"{key}{len(keys)}")
    if not keys:
        return None
    named = []
    for one in keys:
        described = attributes.get_id(one)
        if described.dtype.itemsize * int(np.prod(described.shape)) > _MOST_NAMES:
            raise ValueError(_unlike(path, key, "is too long"))
        values = np.atleast_1d(attributes[one])
        named += [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
    return named


def _snake(name):
    """A class name as tf_keras writes it in the names of groups."""
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()
