"""The large networks that people fine-tune with tf_keras: read as Keras 3 models, they answer the same."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from black_average_drop import networks
from closeness import DEEP, assert_close

pytestmark = pytest.mark.zoo

# name -> side of the smallest image
APPLICATIONS = {"ResNet50": 32, "DenseNet121": 32, "EfficientNetB0": 32, "InceptionV3": 75, "Xception": 71}
HELPERS = Path(__file__).parents[1] / "networks"
SCRIPT = """
import sys
from pathlib import Path
import tf_keras as keras
from keras2_models import write

name, side, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
make = getattr(keras.applications, name)
size = {"input_shape": (side, side, 3), "classes": 2, "classifier_activation": None}
write({name: lambda: make(weights=None, **size)}, folder, side)
"""


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_answers_what_tf_keras_answered(tmp_path, name):
    arguments = [sys.executable, "-c", SCRIPT, name, str(APPLICATIONS[name]), str(tmp_path)]
    subprocess.run(arguments, check=True, capture_output=True, cwd=HELPERS)
    pixels, expected = np.load(tmp_path / "pixels.npy"), np.load(tmp_path / f"{name}.npy")
    assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()  # each image has an answer of its own
    for suffix in ("h5", "keras"):
        model, _ = networks.load(tmp_path / f"{name}.{suffix}")
        answers = keras.ops.convert_to_numpy(model(pixels, training=False))
        assert_close(answers, expected, DEEP)
