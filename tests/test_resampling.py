"""Upsampled maps against Pillow's, and what upsampling leaves as it is."""

import numpy as np
import pytest
from PIL import Image

from black_average_drop import cams, resampling
from closeness import assert_close


@pytest.mark.parametrize("size", [(20, 30), (6, 7), (3, 4)])
def test_upsample_is_the_lanczos_of_pillow(generator, kind, size):
    maps = generator.random((2, 6, 7)).astype("float32")
    drawn = np.asarray(resampling.upsample(kind(maps), size))
    assert drawn.dtype == np.float32
    for one, original in zip(drawn, maps, strict=True):
        assert_close(one, Image.fromarray(original).resize(size[::-1], Image.Resampling.LANCZOS), 1e-6)


@pytest.mark.parametrize("size", [(20, 30), (6, 7), (3, 4)])
def test_bilinear_upsampling_is_pillows(generator, size):
    maps = generator.random((2, 6, 7)).astype("float32")
    for one, original in zip(resampling.upsample(maps, size, "bilinear"), maps, strict=True):
        assert_close(one, Image.fromarray(original).resize(size[::-1], Image.Resampling.BILINEAR), 1e-6)
    with pytest.raises(ValueError, match="^kernel is 'cubic': choose one of lanczos3, bilinear"):
        resampling.upsample(maps, size, "cubic")
    with pytest.raises(ValueError, match="zip"):
        resampling.upsample(maps, (*size, 3))


def test_upsampling_rings_below_zero():
    clipped = np.zeros((1, 7, 7), "float32")
    clipped[0, 3, 3] = 1
    assert resampling.upsample(clipped, (70, 70)).min() < -0.01


@pytest.mark.parametrize("kernel", ["lanczos3", "bilinear"])
def test_maps_that_have_the_size_already_stay_exactly_as_they_are(generator, kind, kernel):
    maps = np.maximum(generator.normal(size=(3, 17, 29)), 0).astype("float32")
    np.testing.assert_array_equal(np.asarray(resampling.upsample(kind(maps), (17, 29), kernel)), maps)


def test_the_name_that_others_call_is_the_same_function():
    assert cams.upsample is resampling.upsample
