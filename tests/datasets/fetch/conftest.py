"""No waiting, nobody's home, nobody's account, no network."""

import hashlib
import threading
from dataclasses import replace

import pytest
from kagglesdk import kaggle_env

from black_average_drop.datasets.fetch import downloads
from black_average_drop.datasets.fetch import weights as keras_weights
from black_average_drop.datasets.sources import SOURCES
from kaggle_server import BODY, SMALL, Server


@pytest.fixture
def server(monkeypatch):
    with Server() as running:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, running.address)
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path_factory):
    """No waiting, nobody's home, nobody's account, no proxy."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))
    monkeypatch.setitem(SOURCES, "chest_xray", replace(SOURCES["chest_xray"], expected=SMALL))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": home, "KAGGLE_CONFIG_DIR": home, "KERAS_HOME": home / "keras"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    assert {path.name for path in home.iterdir()} <= {"keras"}


@pytest.fixture
def weights(server, monkeypatch):
    """A file of weights at server/weights.h5, and where it belongs."""
    md5 = "md5:" + hashlib.md5(BODY).hexdigest()
    file = keras_weights.WeightsFile(f"{server.address}/weights.h5", md5, len(BODY))
    monkeypatch.setitem(keras_weights.WEIGHTS, ("MobileNetV2", True), file)
    return keras_weights.keras_folder() / "weights.h5"
