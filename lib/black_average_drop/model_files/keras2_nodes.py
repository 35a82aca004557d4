"""Calls of layers in the graph of a Keras 2 model: which tensors each takes, as Keras 3 writes it down."""

from black_average_drop.model_files.keras2_layers import keras3_name, unread
from black_average_drop.model_files.keras2_operations import LayerOutput

_CONSTANT = "_CONSTANT_VALUE"


class Calls:
    """The calls of all layers of one graph, and what has taken the place of which layer."""

    def __init__(self, entries, config, models):
        """Read the calls of a graph.

        Args:
            entries: name of each layer -> its dict.
            config: the settings of the graph, with its input_layers and output_layers.
            models: the names of those layers that are models, and whether each is a graph, not a Sequential.
        """
        self._entries, self._models, self._replaced = entries, models, {}
        self._calls = {
            name: [self._read(node) for node in entry.get("inbound_nodes") or [] if node]
            for name, entry in entries.items()
        }
        self._ends = {key: self._references(config[key]) for key in ("input_layers", "output_layers")}
        self._first = self._first_calls()

    def of(self, name):
        """The calls of a layer: pairs of its first argument, and of the others by name."""
        return self._calls[name]

    def replace(self, name, new, call=None):
        """Have what refers to a layer, or to one call of it, refer to another layer, or to that one's only call."""
        self._replaced[name, call] = keras3_name(new)

    def written(self, nodes):
        """Calls as Keras 3 writes them down, of pairs of arguments and named arguments."""
        return [{"args": self._tensors(arguments), "kwargs": self._tensors(named)} for arguments, named in nodes]

    def ends(self, key):
        """The inputs or outputs of the model as Keras 3 writes them down; a single one is in no list."""

        def place(reference):
            name, call = self._place(reference)
            # Keras 3 counts the making of a graph within a graph as a call, here alone.
            return [name, call + self._models.get(reference.layer, False), reference.output]

        ends = self._ends[key]
        return _mapped(ends[0] if isinstance(ends, list) and len(ends) == 1 else ends, place)

    def _read(self, node):
        """One call: its first argument, and the others by name."""
        first, named = self._references(node), self._references(_first_named(node))
        return (first[0] if isinstance(first, list) and len(first) == 1 else first), named

    def _references(self, value):
        """A structure with references in place of what means tensors."""
        if isinstance(value, dict):
            return {key: self._references(one) for key, one in value.items()}
        if not isinstance(value, list):
            return value
        if len(value) in (3, 4) and value[0] == _CONSTANT:
            return value[2]
        if len(value) in (3, 4) and isinstance(value[0], str) and value[0] in self._entries:
            return LayerOutput(*value[:3])
        return [self._references(one) for one in value]

    def _first_calls(self):
        """Model within the graph -> the number that Keras 2 gave its first call: 1 where its making counts as one."""
        used = {}
        for reference in _leaves([*self._calls.values(), *self._ends.values()]):
            used.setdefault(reference.layer, set()).add(reference.call)
        return {name: min(used.get(name, {0})) for name in self._models}

    def _place(self, reference):
        """The layer and the number of the call that a reference means in Keras 3."""
        call = reference.call - self._first.get(reference.layer, 0)
        if (reference.layer, call) in self._replaced:
            return self._replaced[reference.layer, call], 0
        return self._replaced.get((reference.layer, None), keras3_name(reference.layer)), call

    def _tensors(self, value):
        """A structure with references as Keras 3 writes them down."""
        return _mapped(value, lambda reference: tensor(*self._place(reference), reference.output))


def tensor(name, call, output=0):
    """An output of a call of a layer as Keras 3 writes it down, which then does not look at the shape."""
    history = {"shape": [], "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": history}


def without_training(named, name, path):
    """The named arguments of a call that count without training.

    Args:
        named: argument -> value.
        name: of the layer that is called.
        path: what messages call the file.

    Raises:
        ValueError: naming a layer that always acts as in training, which Keras 3 does not keep in predictions.
    """
    if named.get("training") not in (False, None):
        raise ValueError(unread(path, f"a call of layer {name} with training=True", "call the layer without it"))
    return {key: value for key, value in named.items() if key != "training" and not (key == "mask" and value is None)}


def _first_named(node):
    """The named arguments of a call, which Keras 2 writes behind each tensor of the first argument."""
    while isinstance(node, dict | list) and node:
        if isinstance(node, list) and len(node) == 4 and isinstance(node[0], str) and isinstance(node[3], dict):
            return node[3]
        node = next(iter(node.values() if isinstance(node, dict) else node))
    return {}


def _mapped(value, change):
    """A structure with its references changed."""
    if isinstance(value, LayerOutput):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(one, change) for key, one in value.items()}
    return [_mapped(one, change) for one in value] if isinstance(value, list | tuple) else value


def _leaves(value):
    """The references in a structure."""
    if isinstance(value, LayerOutput):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
