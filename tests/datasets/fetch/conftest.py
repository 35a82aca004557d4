"""No waiting, nobody's home, nobody's account, no network: in every test of this folder."""

import hashlib

import pytest

from black_average_drop.datasets.fetch import weights as keras_weights
from kaggle_server import BODY


@pytest.fixture(autouse=True)
def always_isolated(isolated):
    """Without being asked for."""


@pytest.fixture
def weights(server, monkeypatch):
    """A file of weights at server/weights.h5, and where it belongs."""
    md5 = "md5:" + hashlib.md5(BODY).hexdigest()
    file = keras_weights.WeightsFile(f"{server.address}/weights.h5", md5, len(BODY))
    monkeypatch.setitem(keras_weights.WEIGHTS, ("MobileNetV2", True), file)
    return keras_weights.keras_folder() / "weights.h5"
