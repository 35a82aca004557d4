"""Classifiers that evaluation reads at some feature maps: what it needs of them, and Keras models built, loaded, saved.

All networks take pixels 0..255 of shape (N, H, W, 3): rescaling is a layer inside, so masks are made in pixel space.
"""

from black_average_drop.networks.apart import ModelApart, NetworkApart
from black_average_drop.networks.applications import PREPROCESSINGS, preprocessing
from black_average_drop.networks.archive import load, save
from black_average_drop.networks.backends import make_deterministic
from black_average_drop.networks.building import WITH_BACKGROUND, build, build_imagenet
from black_average_drop.networks.cam_network import CamNetwork, Parcel
from black_average_drop.networks.facts import Facts
from black_average_drop.networks.first_layers import Trial
from black_average_drop.networks.graph import first_layer, inner_layers
from black_average_drop.networks.network import Network, Packed
from black_average_drop.networks.precision import PRECISIONS, in_precision
from black_average_drop.networks.pytorch.model import TorchModel
from black_average_drop.networks.reading import network_of, open_model, try_out

__all__ = [
    "PRECISIONS",
    "PREPROCESSINGS",
    "WITH_BACKGROUND",
    "CamNetwork",
    "Facts",
    "ModelApart",
    "Network",
    "NetworkApart",
    "Packed",
    "Parcel",
    "TorchModel",
    "TorchNetwork",
    "Trial",
    "build",
    "build_imagenet",
    "first_layer",
    "in_precision",
    "inner_layers",
    "load",
    "make_deterministic",
    "network_of",
    "open_model",
    "preprocessing",
    "save",
    "try_out",
]


def __getattr__(name):
    """Import PyTorch for its own networks alone: it takes a second, and not everybody has it."""
    if name == "TorchNetwork":
        from black_average_drop.networks.pytorch.network import TorchNetwork

        return TorchNetwork
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
