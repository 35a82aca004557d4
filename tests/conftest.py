import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop.files import ROOT


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture
def small_model():
    """A random network of 32 x 32 pixels, 4 x 4 x 6 features and 3 classes, with no training behind it."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(6, 5, strides=8, padding="same", activation="relu", name="last_convolution"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "relu", bias_initializer="ones"),
        ]
    )


@pytest.fixture
def pixels(generator):
    return generator.integers(0, 256, (10, 32, 32, 3)).astype("uint8")


@pytest.fixture(params=[np.asarray, keras.ops.convert_to_tensor], ids=["as_numpy", "as_tensor"])
def kind(request):
    """What makes an array of NumPy, or a tensor, of an array."""
    return request.param


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def precision(request):
    """Each mixed precision. TensorFlow sees that the processor knows bfloat16 and asks oneDNN for it, which refuses
    where it was told to pass for an older processor; on a really older one TensorFlow does not ask."""
    if request.param == "mixed_bfloat16" and os.environ.get("ONEDNN_MAX_CPU_ISA") in ("SSE41", "AVX", "AVX2"):
        pytest.skip("ONEDNN_MAX_CPU_ISA takes bfloat16 from oneDNN, but not from TensorFlow")
    return request.param


@pytest.fixture(scope="session")
def copy_project():
    """A function that copies parts of the project, folders or files, to a folder, and gives that folder."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints", ".ruff_cache")

    def copy(folder, *parts):
        for part in parts:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=ignored)
            else:
                shutil.copy(ROOT / part, folder / part)
        return folder

    return copy


@pytest.fixture(scope="session")
def installed(tmp_path_factory, copy_project):
    """The package as pip installs it, not editable, in a folder away from the checkout: that folder, and a function
    that runs Python with it in a working directory."""
    source = copy_project(tmp_path_factory.mktemp("source"), "lib", "pyproject.toml", "README.md", "LICENSE")
    site = tmp_path_factory.mktemp("site") / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", site, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def run(*arguments, cwd):
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)

    return SimpleNamespace(site=site, run=run)


@pytest.fixture
def server(monkeypatch):
    """A server on this machine, which Kaggle's library takes for Kaggle's own."""
    from kagglesdk import kaggle_env

    from kaggle_server import Server

    with Server() as running:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, running.address)
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def isolated(monkeypatch, tmp_path_factory):
    """No waiting, nobody's home, nobody's account, no proxy."""
    from black_average_drop.datasets.fetch import downloads
    from black_average_drop.datasets.sources import SOURCES
    from kaggle_server import SMALL

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
