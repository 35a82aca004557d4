"""A model from its file, and a network from a model, whether or not it has code of its own."""

from black_average_drop.model_files import formats
from black_average_drop.networks import first_layers
from black_average_drop.networks.apart import ModelApart
from black_average_drop.networks.applications import preprocessing as preprocessing_of
from black_average_drop.networks.archive import load
from black_average_drop.networks.cam_network import CamNetwork
from black_average_drop.networks.pytorch.model import TorchModel, read_model


def open_model(path, code=""):
    """Read a model and its facts from a file.

    Args:
        path: of the model file.
        code: the path of a Python file with its layers, of somebody you trust. It runs with your rights, in a process
            of its own.

    Returns:
        A Keras model and its `Facts`; with code a `ModelApart`, of a .pt2 archive a `TorchModel`, and its `Facts`.

    Raises:
        FileNotFoundError, ValueError: as `load`.
        RuntimeError: the code fails.
    """
    if formats.kind(path) == formats.PT2:
        if code:
            raise ValueError(f"{path} needs no code, which is for layers of Keras: leave CODE empty.")
        model = read_model(path)
        return model, model.facts
    if not code:
        return load(path)
    model = ModelApart(path, code)
    return model, model.facts


def network_of(model, preprocessing="", **settings):
    """A model read at its feature maps.

    Args:
        model: of `open_model`.
        preprocessing: the name of one, see `networks.preprocessing`.
        **settings: for `CamNetwork.from_model`.

    Returns:
        A `CamNetwork`, a `NetworkApart` or a `TorchNetwork`.

    Raises:
        ValueError: as `CamNetwork.from_model`.
    """
    if isinstance(model, ModelApart | TorchModel):
        return model.network(preprocessing, **settings)
    return CamNetwork.from_model(model, preprocessing_of(preprocessing), **settings)


def try_out(model, preprocessing, images, **settings):
    """A `Trial` of a preprocessing.

    Args:
        model: of `open_model`.
        preprocessing: the name of one.
        images: pixels (N, H, W, 3).
        **settings: for `CamNetwork.from_model`.

    Returns:
        A `Trial`. None where the preprocessing is for colours and the model takes grey images.
    """
    if isinstance(model, ModelApart | TorchModel):
        return model.trial(preprocessing, images, **settings)
    return first_layers.trial(model, preprocessing, images, **settings)
