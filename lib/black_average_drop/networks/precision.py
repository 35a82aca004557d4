"""A model made again in another precision: what mixed precision trains is measured in float32."""

import json
import re

from black_average_drop.model_files.settings import PRECISIONS, check_precision
from black_average_drop.networks.graph import inner_layers

__all__ = ["PRECISIONS", "check_precision", "in_precision"]

# The name of a dtype policy in a model's configuration. What a layer takes in, or casts to, has its dtype as a text.
_POLICY = re.compile(r'("class_name": "DTypePolicy", "config": {"name": )"([a-z0-9_]+)"')


def in_precision(model, precision):
    """A copy of a model, with the same weights, all of whose layers compute in one precision.

    Args:
        model: a Keras model.
        precision: one of PRECISIONS.

    Raises:
        ValueError: for another precision, or for a model that cannot be made again from its configuration.
    """
    check_precision(precision)
    try:
        text = _POLICY.sub(rf'\1"{precision}"', json.dumps(model.get_config()))
        copy = type(model).from_config(json.loads(text))
    except (NotImplementedError, TypeError) as problem:
        raise ValueError(
            f"Model {model.name} cannot be made again in {precision}: give each layer of your own a get_config, and "
            "register it with keras.saving.register_keras_serializable()."
        ) from problem
    copy.set_weights(model.get_weights())
    for layer in inner_layers(copy):
        if hasattr(layer, "finalize_state"):  # Normalization computes with what it makes of its weights
            layer.finalize_state()
    return copy
