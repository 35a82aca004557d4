"""How images, boxes and masks come to the size of a network, against other ways to the same."""

from itertools import product

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import fits, images

SHAPES = [(40, 60), (60, 40), (33, 57), (10, 10), (7, 91)]  # (height, width)


def picture(generator, shape, colours=3):
    """Blocks of 2 to 5 pixels, as no two scales of resizing make them alike."""
    blocks = generator.integers(0, 256, (*shape, colours)).astype("uint8")
    return Image.fromarray(np.kron(blocks, np.ones((3, 2, 1), "uint8"))[: shape[0], : shape[1]].squeeze())


def test_windows_by_hand():
    assert fits.part_seen((300, 100), (50, 100)) == (0, 0, 300, 100)
    assert fits.part_seen((300, 100), (50, 100), "crop") == (50, 0, 200, 100)
    assert fits.part_seen((300, 100), (50, 100), "imagenet") == (62.5, 6.25, 175, 87.5)
    assert fits.part_seen((300, 100), (50, 100), "pad") == (0, -25, 300, 150)
    assert fits.part_seen((100, 300), (50, 100), "pad") == (-250, 0, 600, 300)
    with pytest.raises(ValueError, match="^fit is 'squash': choose one of stretch, crop, pad, imagenet.$"):
        fits.part_seen((1, 1), (1, 1), "squash")


@pytest.mark.parametrize("size", [(224, 224), (299, 224), (7, 13)])
def test_a_central_part_lies_in_the_image_for_every_shape(size):
    for shape in product(range(1, 600, 4), (1, 97, 127, 183, 333, 500)):
        for fit in ("crop", "imagenet"):
            left, top, width, height = fits.part_seen(shape, size, fit)
            assert left >= 0 <= top and left + width <= shape[0] and top + height <= shape[1], (fit, shape)


def test_every_fit_is_refused_before_a_file_is_read_if_it_is_none():
    with pytest.raises(ValueError, match="^fit is 0.875: choose one of"):
        images.from_files(["a"], ["a"], [0], ["a"], ("c",), (8, 8), 0.875)


@pytest.mark.parametrize("shape", SHAPES)
def test_imagenet_is_what_a_crop_of_0_875_was_to_the_byte(generator, shape):
    """The committed results are of this formula."""
    image, size = picture(generator, shape), (16, 20)
    scale = 0.875 * min(image.width / size[1], image.height / size[0])
    left, top = (image.width - size[1] * scale) / 2, (image.height - size[0] * scale) / 2
    window = (left, top, left + size[1] * scale, top + size[0] * scale)
    expected = image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=window)
    assert fits.fit_to_size(image, size, "imagenet").tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["L", "RGB", "F"])
def test_pad_is_the_image_on_a_black_square_that_is_resized(generator, shape, mode):
    image, side = picture(generator, shape, 3 if mode == "RGB" else 1).convert(mode), max(shape)
    canvas = Image.new(mode, (side, side))
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    expected = canvas.resize((20, 20), Image.Resampling.BILINEAR)
    result = fits.fit_to_size(image, (20, 20), "pad")
    assert result.mode == mode
    apart = np.abs(np.asarray(result, float) - np.asarray(expected, float)).max()
    assert apart <= (1e-3 if mode == "F" else 1)  # another order of the axes rounds in another way


@pytest.mark.parametrize(("shape", "size"), [((50, 100), (40, 40)), ((7, 9), (40, 90)), ((1, 100), (12, 12))])
def test_pad_leaves_black_on_both_sides_but_for_a_pixel_of_blending(shape, size):
    result = np.asarray(fits.fit_to_size(Image.new("L", shape[::-1], 200), size, "pad")).astype(int)
    x0, y0, x1, y1 = fits.placed_box((0, 0, *shape[::-1]), shape[::-1], size, "pad")
    np.testing.assert_allclose(result.sum(), 200 * (x1 - x0) * (y1 - y0), rtol=0.02)
    np.testing.assert_allclose(result, result[::-1, ::-1], atol=1)
    y, x = (np.arange(length) + 0.5 for length in size)
    outside = (y < y0 - 6) | (y > y1 + 6), (x < x0 - 6) | (x > x1 + 6)  # pixels grow by up to 5.7
    assert not result[outside[0]].any() and not result[:, outside[1]].any()


def test_a_long_image_is_padded_in_little_memory():
    sizes, new = [], Image.new
    image = Image.new("L", (60_000, 3), 255)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "new", lambda mode, size, *colour: sizes.append(size) or new(mode, size, *colour))
        result = np.asarray(fits.fit_to_size(image, (16, 16), "pad"))
    assert result.shape == (16, 16) and max(width * height for width, height in sizes) <= 17 * 60_100


def brute_force(mask, size, fit):
    """Every pixel of the result cut into 20 x 20 parts: how many of their centres lie on the mask?"""
    parts = 20
    left, top, width, height = fits.part_seen(mask.shape[::-1], size, fit)
    shares = np.zeros(size)
    for row, column, down, across in product(*map(range, size), range(parts), range(parts)):
        y = top + (row + (down + 0.5) / parts) * height / size[0]
        x = left + (column + (across + 0.5) / parts) * width / size[1]
        if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]:
            shares[row, column] += mask[int(y), int(x)] / parts**2
    return shares


@pytest.mark.parametrize("fit", fits.FITS)
@pytest.mark.parametrize("shape", [(40, 60), (13, 5), (3, 4)])
def test_a_pixel_counts_if_half_of_its_area_is_on_the_mask(generator, fit, shape):
    mask, size = generator.random(shape) < np.linspace(-0.5, 1.5, shape[1]), (6, 8)
    shares = brute_force(mask, size, fit)
    sure = np.abs(shares - 0.5) > 0.06  # brute force is that coarse
    assert sure.sum() > 10
    np.testing.assert_array_equal(fits.placed_mask(mask, size, fit)[sure], shares[sure] > 0.5)


def test_masks_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[:, 1:] = True
    np.testing.assert_array_equal(fits.placed_mask(mask, (2, 2)), np.ones((2, 2)))  # half of the area is enough
    mask[0, 1] = False
    np.testing.assert_array_equal(fits.placed_mask(mask, (2, 2)), [[False, True], [True, True]])
    np.testing.assert_array_equal(fits.placed_mask(mask, (4, 4)), mask)
    for pixels, share in ((50, True), (49, False)):
        assert fits.placed_mask(np.arange(100).reshape(10, 10) < pixels, (1, 1)) == share
    whole = np.ones((2, 4), bool)
    np.testing.assert_array_equal(fits.placed_mask(whole, (4, 4), "pad")[:, 0], [False, True, True, False])


@pytest.mark.parametrize("fit", fits.FITS)
def test_masks_and_boxes_lie_where_the_pixels_do(fit):
    mask, size = np.zeros((200, 400), bool), (80, 100)
    mask[90:140, 150:260] = True
    white = np.asarray(fits.fit_to_size(Image.fromarray(np.uint8(mask) * 255), size, fit))
    placed = fits.placed_mask(mask, size, fit)
    assert placed.any() and (white[placed] >= 100).all() and (white[~placed] <= 155).all()
    rows, columns = np.nonzero(placed)
    corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(fits.placed_box((150, 90, 260, 140), (400, 200), size, fit), corners, atol=0.5)


def test_a_box_is_cut_at_the_border_of_the_image_and_of_the_window():
    beyond = (-50, -50, 1000, 30)
    assert fits.placed_box(beyond, (100, 50), (40, 40), "pad") == (0, 10, 40, 22)
    assert fits.placed_box(beyond, (100, 50), (40, 40), "crop") == (0, 0, 40, 24)
    assert fits.placed_box((0, 0, 20, 50), (100, 50), (40, 40), "crop") is None
