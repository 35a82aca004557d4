import numpy as np
import pytest
from scipy import ndimage

from black_average_drop.training import augmentation
from black_average_drop.training.augmentation import radiograph

STILL = {"ROTATION": 0.0, "SHIFT": 0.0, "ZOOM": 0.0, "CONTRAST": 0.0, "BRIGHTNESS": 0.0}


class Draws:
    """A generator that answers each question with the given share of its range: 0 the low end, 1 the high end."""

    def __init__(self, share):
        self.share = share

    def uniform(self, low, high, size=None):
        return np.broadcast_to(low + self.share * (high - low), size or ())


@pytest.fixture
def only(monkeypatch):
    def keep(**ranges):
        for name, value in (STILL | ranges).items():
            monkeypatch.setattr(augmentation, name, value)

    return keep


@pytest.fixture
def smooth(generator):
    noise = generator.normal(size=(60, 80, 3))
    noise = ndimage.gaussian_filter(noise, (5, 5, 0))
    return (255 * (noise - noise.min()) / np.ptp(noise)).astype("uint8")


def test_nothing_drawn_changes_nothing(only, smooth, generator):
    only()
    np.testing.assert_array_equal(radiograph(smooth, generator), smooth)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shift_moves_by_its_share_of_the_side(only, smooth, share):
    only(SHIFT=0.05)
    moved = radiograph(smooth, Draws(share))
    down, right = (3, 4) if share else (-3, -4)
    expected = np.zeros_like(smooth)
    height, width = smooth.shape[:2]
    inner = np.s_[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    expected[inner] = np.roll(smooth, (down, right), (0, 1))[inner]
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize(("angle", "zoom"), [(7.0, 0.0), (0.0, 0.1), (5.0, 0.08)])
def test_turn_and_zoom_agree_with_scipy(only, smooth, angle, zoom):
    only(ROTATION=angle, ZOOM=zoom)
    moved = radiograph(smooth, Draws(1.0))
    radians, middle = np.deg2rad(angle), (np.array(smooth.shape[:2]) - 1) / 2
    # Rows and columns of the source of each output pixel, about the centre.
    matrix = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]]) / (1 + zoom)
    channels = [
        ndimage.affine_transform(channel.astype(float), matrix, middle - matrix @ middle, order=1)
        for channel in np.moveaxis(smooth, 2, 0)
    ]
    inside = np.s_[12:-12, 12:-12]
    difference = np.abs(moved[inside] - np.stack(channels, 2)[inside])
    assert difference.max() < 2
    assert np.abs(moved[inside] - smooth[inside].astype(float)).max() > 10


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_exposure_is_a_line_through_the_middle_grey(only, share):
    only(CONTRAST=0.1, BRIGHTNESS=5.0)
    greys = np.array([0, 127, 255], "uint8").reshape(1, 3, 1).repeat(3, 2).repeat(4, 0)
    slope, lift = (1.1, 5) if share else (0.9, -5)
    by_hand = np.clip((np.array([0, 127, 255]) - 127.5) * slope + 127.5 + lift, 0, 255).round()
    np.testing.assert_array_equal(radiograph(greys, Draws(share))[0, :, 0], by_hand)


def test_never_mirrored_and_hardly_moved():
    """A mark in the upper left corner stays there, whatever is drawn."""
    image = np.zeros((100, 100, 3), "uint8")
    image[15:30, 15:30] = 200
    for seed in range(200):
        moved = radiograph(image, np.random.default_rng(seed)).astype(float)
        bright = moved[..., 0] > 100
        rows, columns = np.nonzero(bright)
        assert 130 < bright.sum() < 330
        assert abs(rows.mean() - 22) < 15 and abs(columns.mean() - 22) < 15


def test_what_is_drawn_depends_on_the_generator_alone(smooth):
    first, second = (radiograph(smooth, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.uint8 and first.shape == smooth.shape
    assert (first != radiograph(smooth, np.random.default_rng(4))).any()


def test_a_grey_image_changes_as_the_channels_of_a_coloured_one(generator):
    coloured = generator.integers(0, 256, (24, 20, 3)).astype("uint8")
    grey = np.repeat(coloured[..., 1:2], 3, axis=-1)
    changed, whole = (augmentation.radiograph(image, np.random.default_rng(3)) for image in (grey, coloured))
    np.testing.assert_array_equal(changed, np.repeat(whole[..., 1:2], 3, axis=-1))


def test_strength_scales_every_range(smooth, monkeypatch):
    half = radiograph(smooth, np.random.default_rng(5), strength=0.5)
    light = augmentation.chosen_augmentation("light")(smooth, np.random.default_rng(5))
    for name in STILL:
        monkeypatch.setattr(augmentation, name, getattr(augmentation, name) / 2)
    by_hand = radiograph(smooth, np.random.default_rng(5))
    np.testing.assert_array_equal(half, by_hand)
    np.testing.assert_array_equal(light, by_hand)


def test_kinds_are_none_light_and_full(smooth):
    assert augmentation.chosen_augmentation("none") is None
    full = augmentation.chosen_augmentation("full")(smooth, np.random.default_rng(5))
    np.testing.assert_array_equal(full, radiograph(smooth, np.random.default_rng(5)))
    with pytest.raises(ValueError, match="The augmentation is 'strong': choose one of none, light, full"):
        augmentation.chosen_augmentation("strong")
