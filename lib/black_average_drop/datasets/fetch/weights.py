"""Weights of Keras' backbones, fetched to where Keras looks for them."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from black_average_drop.datasets.fetch.downloads import is_whole, reason, retrieve

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class WeightsFile:
    """A file of Keras' own, and what is known of its content."""

    address: str
    checksum: str | None  # that Keras publishes, "md5:..."
    size: int | None  # in bytes


# (backbone, whether with its head). For MobileNetV2 Keras publishes no checksum; its size is what Keras' own downloads
# report.
WEIGHTS = {
    ("InceptionResNetV2", True): WeightsFile(
        f"{KERAS}/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        "md5:e693bd0210a403b3192acc6073ad2e96",
        None,
    ),
    ("InceptionResNetV2", False): WeightsFile(
        f"{KERAS}/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5:d19885ff4a710c122648d3b5c3b684e4",
        None,
    ),
    ("MobileNetV2", True): WeightsFile(
        f"{KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        None,
        14_536_120,
    ),
    ("MobileNetV2", False): WeightsFile(
        f"{KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
        9_406_464,
    ),
}


def keras_folder():
    """Give the folder of the weights that Keras downloads: models/ below KERAS_HOME, by default ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def fetch_weights(backbone, with_head):
    """Fetch one file of weights, unless it is there already and whole; other backbones are left to Keras.

    Args:
        backbone: a name in keras.applications.
        with_head: whether with the classes of ImageNet.

    Raises:
        RuntimeError: if it could not be fetched. The message says why, and how to get it by hand.
    """
    if (backbone, with_head) not in WEIGHTS:
        print(f"Weights of {backbone}: Keras fetches them itself when the first notebook needs them.")
        return
    file = WEIGHTS[backbone, with_head]
    target = keras_folder() / Path(urlsplit(file.address).path).name
    if target.is_file() and is_whole(target, file.checksum, file.size):
        print(f"{target.name}: there already, and whole.")
        return
    print(f"{target.name}: fetching, for Keras.", flush=True)
    try:
        retrieve(file.address, target, file.checksum, file.size)
    except (OSError, ValueError) as problem:
        raise RuntimeError(
            f"{target.name} could not be fetched ({reason(problem)}): download {file.address} and put it at {target}."
        ) from problem
