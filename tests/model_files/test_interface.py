"""Names and shapes of inputs and outputs: what is taken, and the sentence for what is not."""

import pytest

from bad_cases import refused
from black_average_drop.model_files import interface

IMAGE, NUMBER = (None, 64, 64, 3), (None, 1)
TWO = {"pixels": IMAGE, "age": NUMBER}


def test_the_input_without_a_value_takes_the_image():
    assert interface.image_input("m", {"pixels": IMAGE}) == "pixels"
    assert interface.image_input("m", TWO, {"age": 60}) == "pixels"
    assert interface.image_input("m", TWO, {"pixels": 0}) == "age"  # whose shape is refused next


@pytest.mark.parametrize(
    ("shapes", "held", "said"),
    [
        (
            TWO,
            None,
            "Model m has 2 inputs without a value (pixels, age): give a value to each that is not the image, such as "
            'held={"age": 0}.',
        ),
        (
            {"sex": NUMBER, "年齢": NUMBER, "pixels": IMAGE},
            {"sex": 1},
            "Model m has 2 inputs without a value (年齢, pixels): give a value to each that is not the image, such as "
            'held={"sex": 1, "年齢": 0}.',
        ),
        (TWO, {"agee": 60}, "held names 'agee', which is no input of model m: choose from pixels, age."),
        (TWO, {"age": 1, "pixels": 2}, "held names every input of model m: leave out the one that takes the image."),
    ],
)
def test_other_inputs_need_a_value(shapes, held, said):
    refused(lambda: interface.image_input("m", shapes, held), said)


@pytest.mark.parametrize(
    ("shape", "size"),
    [(IMAGE, None), (IMAGE, (64, 64)), ((None, None, None, 1), (32, 48)), ((1, None, 48, 1), (32, 48))],
)
def test_images_of_one_or_three_channels_are_taken(shape, size):
    interface.check_image_shape("m", shape, size)


@pytest.mark.parametrize(
    ("shape", "size", "said"),
    [
        ((None, 3, 64, 64), None, "Model m keeps channels first: build it with channels last."),
        ((None, 1, 64, 64), (64, 64), "Model m keeps channels first: build it with channels last."),
        (
            (None, 64, 64, 4),
            None,
            "Model m takes (None, 64, 64, 4): images (N, H, W, 3) or (N, H, W, 1) are expected.",
        ),
        ((None, 784), None, "Model m takes (None, 784): images (N, H, W, 3) or (N, H, W, 1) are expected."),
        ([None, None, 64, 3], None, "Model m takes images of any size: pass image_size=(height, width)."),
        (IMAGE, (32, 64), "Model m takes images of 64 x 64 pixels, not 32 x 64: leave image_size out."),
        ((None, None, 64, 3), [64, 32], "Model m takes images of any x 64 pixels, not 64 x 32: leave image_size out."),
    ],
)
def test_other_shapes_are_refused(shape, size, said):
    refused(lambda: interface.check_image_shape("m", shape, size), said)


def test_one_of_several_outputs_is_named():
    assert interface.chosen_output("m", ["finding"]) == "finding"
    assert interface.chosen_output("m", ["finding", "age"], "age") == "age"
    refused(
        lambda: interface.chosen_output("m", ["finding", "age"]),
        'Model m has 2 outputs (finding, age): choose one, such as output="finding".',
    )
    refused(
        lambda: interface.chosen_output("m", ["finding", "age"], "sex"),
        "Model m has no output 'sex': choose from finding, age.",
    )
