"""What is read of TensorFlow's operations, and what is not: tests/networks/test_keras2.py has what they compute."""

import pytest

from black_average_drop.model_files import keras2_operations
from black_average_drop.model_files.keras2_operations import LayerOutput

X, Y = LayerOutput("x", 0, 0), LayerOutput("y", 0, 0)
PADDED = [[0, 0], [1, 1], [1, 1], [0, 0]]


def made(symbol, first=X, rank=None, **named):
    steps = keras2_operations.operation_steps(symbol, first, named, rank)
    return steps and [(step.class_name, step.config, step.arguments) for step in steps]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (made("math.truediv", y=4.0, name=None), [("Rescaling", {"scale": 0.25, "offset": 0.0}, [X])]),
        (made("math.subtract", first=255.0, y=X), [("Rescaling", {"scale": -1.0, "offset": 255.0}, [X])]),
        (made("math.subtract", y=[[[[1.0, 2.0]]]]), [("Rescaling", {"scale": 1.0, "offset": [-1.0, -2.0]}, [X])]),
        (made("math.truediv", first=1.0, y=X), [("TrueDivide", {}, [1.0, X])]),
        (made("__operators__.add", y=Y), [("Add", {}, [X, Y])]),
        (made("nn.softmax", axis=1), [("Softmax", {"axis": 1}, [X])]),
        (made("math.reduce_mean", axis=[1, 2]), [("GlobalAveragePooling2D", {"keepdims": False}, [X])]),
        (made("math.reduce_mean", axis=[1, 2], rank=3), [("Mean", {"axis": [1, 2], "keepdims": False}, [X])]),
        (made("math.reduce_mean", axis=1), [("Mean", {"axis": 1, "keepdims": False}, [X])]),
    ],
)
def test_what_is_read(steps, expected):
    assert steps == expected


@pytest.mark.parametrize(
    "steps",
    [
        made("linalg.inv"),
        made("nn.bias_add", bias=[1.0, 2.0], data_format="NCHW"),
        made("image.resize", size=[4, 4], antialias=True),
        made("image.resize", size=[4, 4], method="area"),
        made("image.resize", size=[4, 4], preserve_aspect_ratio=True),
        made("pad", paddings=PADDED, mode="REFLECT"),
        made("pad", paddings=PADDED, constant_values=1),
        made("pad", paddings=[[0, 0], [1, 1], [1, 1], [1, 0]]),
        made("nn.gelu", approximate=True),
        made("math.add", y=[[1.0, 2.0], [3.0, 4.0]]),
        made("math.truediv", y=0.0),
        made("math.truediv", first=[1.0, 2.0], y=X),
        made("math.multiply", y=float("nan")),
        made("math.multiply", y="many"),
        made("cast", dtype="float32", other=1),
        made("math.reduce_mean", axis=[1, 2], other=1),
    ],
)
def test_what_is_not_read_is_nothing_rather_than_something_like_it(steps):
    assert not steps or steps == [("TrueDivide", {}, [X, 0.0])]
