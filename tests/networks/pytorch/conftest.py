"""These tests are for `make test-torch`: PyTorch is an extra, which the environment of `make test` does not have."""

import importlib.util

import keras

if importlib.util.find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]
elif keras.backend.backend() != "torch":
    collect_ignore_glob = ["test_keras_on_torch.py"]
