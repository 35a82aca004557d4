import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop.provenance import ROOT


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


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The package as pip installs it, not editable, in a folder away from the checkout: that folder, and a function
    that runs Python with it in a working directory."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site") / "packages"
    shutil.copytree(ROOT / "lib", source / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", site, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def run(*arguments, cwd):
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)

    return SimpleNamespace(site=site, run=run)
