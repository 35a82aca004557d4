"""The numerical core on TensorFlow and JAX: its own tests once more, in a process whose Keras runs on the other one.

`make test-torch` runs such tests on PyTorch.
"""

import os
import subprocess
import sys

import keras
import numpy as np

from black_average_drop import networks
from black_average_drop.files import ROOT
from closeness import assert_close

DEVICES = """
import sys

import numpy as np
import tensorflow

cpu = tensorflow.config.list_physical_devices("CPU")[0]
tensorflow.config.set_logical_device_configuration(
    cpu, [tensorflow.config.LogicalDeviceConfiguration() for _ in range(int(sys.argv[1]))]
)
sys.path.insert(0, "tests/training")
import keras
import training_examples

from black_average_drop import networks, training
from black_average_drop.training import fitting

networks.make_deterministic(0)
with training.on_all("CPU"):
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
assert model.distribute_strategy.num_replicas_in_sync == int(sys.argv[1])
for layer in model.get_layer("small_cnn").layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False  # its statistics are each device's own
data, validation = training_examples.bright_and_dark(48), training_examples.bright_and_dark(32, 1)
history = training.fit(model, data, validation, 3, 16, 1e-3, head_epochs=1)
assert training.predict(model, validation, 16).shape == (32, 2)
np.save(sys.argv[2], history[["loss", "validation_loss"]].to_numpy())

# Further trainings in the same process; one image more than the batches hold; a training that stops and goes on.
histories = []
for name in ("whole", "stopped"):
    networks.make_deterministic(0)
    with training.on_all("CPU"):
        model = networks.build("small_cnn", (64, 64), ("dark", "bright"), dropout=0.3)
    more = {"head_epochs": 1, "balanced": True, "checkpoint": f"{sys.argv[2]}.{name}.npz"}
    write, written = fitting.write_checkpoint, []

    def stop(*arguments):
        write(*arguments)
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt

    data = training_examples.bright_and_dark(33)
    if name == "stopped":
        fitting.write_checkpoint = stop
        try:
            training.fit(model, data, validation, 2, 16, 1e-3, **more)
        except KeyboardInterrupt:
            fitting.write_checkpoint = write
        networks.make_deterministic(0)
        with training.on_all("CPU"):
            model = networks.build("small_cnn", (64, 64), ("dark", "bright"), dropout=0.3)
    histories.append(training.fit(model, data, validation, 2, 16, 1e-3, **more))
assert len(written) == 2 and histories[0].equals(histories[1])
if int(sys.argv[1]) > 1:
    try:
        training.fit(model, data, validation, 2, 15, 1e-3)
        raise AssertionError
    except ValueError as problem:
        assert str(problem) == "batch_size is 15: a multiple of 2, the number of devices, is expected."
"""
CORE = (
    "test_cams.py",
    "test_further_cams.py",
    "test_resampling.py",
    "test_perturbation.py",
    "test_masks.py",
    "test_metrics.py",
    "statistics",
    "test_evaluation.py",
    "training/test_checkpoints.py::test_a_killed_training_ends_where_an_undisturbed_one_does[network]",
)


def test_core_passes_on_the_other_backend():
    other = "jax" if keras.backend.backend() == "tensorflow" else "tensorflow"
    code = (
        "import keras, pytest, sys; assert keras.backend.backend() == sys.argv[1]; sys.exit(pytest.main(sys.argv[2:]))"
    )
    files = [str(ROOT / "tests" / name) for name in CORE]
    done = subprocess.run(
        [sys.executable, "-c", code, other, "-q", "-p", "no:cacheprovider", *files],
        env={**os.environ, "KERAS_BACKEND": other},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "skipped" not in done.stdout


def test_two_devices_train_as_one_does(tmp_path):
    """`tf.distribute.MirroredStrategy` over two virtual processors: the same losses up to rounding."""
    losses = []
    for devices in ("1", "2"):
        path = tmp_path / f"losses{devices}.npy"
        done = subprocess.run(
            [sys.executable, "-c", DEVICES, devices, path],
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        losses.append(np.load(path))
    assert losses[0][-1, 1] < losses[0][0, 1] - 0.01  # it learns
    assert_close(losses[1], losses[0], 1e-4)  # after 3 epochs, in which rounding grows


def test_float32_is_float32_where_a_gpu_could_round_it():
    networks.make_deterministic(0)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()
    elif keras.backend.backend() == "torch":
        import torch

        assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
        assert torch.are_deterministic_algorithms_enabled() and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    else:
        import jax

        assert jax.config.jax_default_matmul_precision == "float32"
