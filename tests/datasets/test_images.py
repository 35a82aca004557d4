"""Image files as pixels, and data sets made of them."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from black_average_drop.datasets import appearance, images


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


def test_a_page_is_chosen_by_its_number_from_0(tmp_path):
    pages = [Image.fromarray(np.full((9, 9), value, "uint8")) for value in (10, 20, 30)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert [images.read_image(tmp_path / "a.tif", (4, 4), frame=frame)[0, 0, 0] for frame in (0, 2, 1)] == [10, 30, 20]
    with pytest.raises(ValueError, match="a.tif holds 3 pages or frames, but number 3, counted from 0, is .*: choose"):
        images.read_image(tmp_path / "a.tif", (4, 4), frame=3)
    pages[0].save(tmp_path / "b.png")
    assert (images.read_image(tmp_path / "b.png", (4, 4), frame=0) == 10).all()


def test_a_look_at_a_file_is_its_pixels_and_what_is_known_of_them(tmp_path):
    """EXIF turns a file that is opened as it is shown, and not one that is opened as it lies there."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # shown, it is higher than wide
    pixels = np.linspace(50, 152, 6 * 9).reshape(6, 9).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    plain = images.look_at(tmp_path / "a.png", (4, 4), "crop")
    assert (plain.shown, plain.original) == ("8 bits as they are", (9, 6)) and plain.filled == pytest.approx(102 / 255)
    np.testing.assert_array_equal(plain.pixels, images.read_image(tmp_path / "a.png", (4, 4), "crop"))
    turned = images.look_at(tmp_path / "a.png", (9, 6), open_shown=appearance.open_shown)
    assert turned.original == (6, 9) and turned.filled == plain.filled
    np.testing.assert_array_equal(turned.pixels[..., 0], np.rot90(pixels, -1))


def test_boxes_lie_in_the_image_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.zeros((60, 90), "uint8")).save(tmp_path / "a.png", exif=exif)
    given = {"boxes": lambda position: [("x", 0, 0, 30, 90)]}
    for opening, expected in ((None, None), (appearance.open_shown, [("x", 0, 0, 10, 10)])):
        data = images.from_files([tmp_path / "a.png"], ["a"], [0], ["a"], ("x",), (10, 20), open_shown=opening, **given)
        assert data.boxes(0) == (expected or [("x", 0, 0, pytest.approx(20 / 3), 10)])


def test_ids_must_be_unique():
    with pytest.raises(ValueError, match="The id x stands for several"):
        images.from_files(["a", "b"], ["x", "x"], [0, 0], ["g", "g"], ("c",), (8, 8))
