"""Image files as pixels, and data sets made of them."""

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import images


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_images_of_more_than_eight_bits_are_refused_by_name(tmp_path, kind):
    Image.fromarray(np.arange(64).reshape(8, 8).astype(kind)).save(tmp_path / "deep.tiff")
    with pytest.raises(ValueError, match="deep.tiff has more than 8 bits"):
        images.read_image(tmp_path / "deep.tiff", (4, 4))


@pytest.mark.parametrize("fit", images.FITS)
@pytest.mark.parametrize("shape", [(200, 400), (400, 200)])
def test_every_fit_takes_the_pixels_that_its_boxes_say(tmp_path, fit, shape):
    """A white box on black: it lies where the placed box says."""
    pixels = np.zeros((*shape, 3), "uint8")
    pixels[90:140, 60:120] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    box = [("thing", 60, 90, 120, 140)]
    data = images.from_files([tmp_path / "a.png"], ["a"], [0], ["a"], ("c",), (100, 100), fit, lambda position: box)
    rows, columns = np.nonzero(data.read(0)[..., 0] > 127)
    white = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(white, data.boxes(0)[0][1:], atol=1)


def test_grey_images_become_rgb(tmp_path):
    Image.fromarray(np.full((9, 9), 77, "uint8")).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(images.read_image(tmp_path / "grey.png", (4, 4)), np.full((4, 4, 3), 77))


def test_ids_must_be_unique():
    with pytest.raises(ValueError, match="The id x stands for several"):
        images.from_files(["a", "b"], ["x", "x"], [0, 0], ["g", "g"], ("c",), (8, 8))
