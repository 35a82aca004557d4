"""The numerical core on both backends: its own tests once more, in a process whose Keras runs on the other one."""

import os
import subprocess
import sys

import keras

from black_average_drop.provenance import ROOT

CORE = ("test_cams.py", "test_masks.py", "test_metrics.py", "test_evaluation.py")


def test_core_passes_on_the_other_backend():
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
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
