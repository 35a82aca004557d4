"""Phantom radiographs against what is known of them by construction, and the pixels of phantoms."""

import numpy as np
import pytest

from black_average_drop.datasets import phantoms
from black_average_drop.datasets.phantoms import chest, drawing, marks


def test_phantom_radiographs_come_from_the_seed_alone():
    many, few = phantoms.radiographs(6, seed=5, size=64), phantoms.radiographs(3, seed=5, size=64)
    np.testing.assert_array_equal(many.images()[:3], few.images())
    assert not np.array_equal(few.images(), phantoms.radiographs(3, seed=6, size=64).images())


def test_phantom_lesion_is_all_that_the_classes_differ_in():
    areas = []
    for i in range(40):
        ill, mask = chest.draw_radiograph(1, i, lesion=True)
        healthy, none = chest.draw_radiograph(1, i, lesion=False)
        changed = (ill != healthy).any(axis=2)
        assert mask.any() and not none.any()
        assert not (changed & ~mask).any()
        assert changed[mask].mean() > 0.5
        assert ill[mask].mean() > healthy[mask].mean()  # an opacity is brighter
        areas.append(mask.mean())
    # 1 % to 15 % of lungs that fill roughly a fifth to two fifths of the image.
    assert 0.001 < min(areas) < 0.01 < 0.03 < max(areas) < 0.07


def test_phantom_lesion_share_of_the_lung_is_exact(generator):
    lung = np.zeros((64, 64), bool)
    lung[8:56, 8:56] = True
    x, y = drawing.grid(64)
    shares = [marks.draw_lesion(np.random.default_rng(i), x, y, lung)[0].sum() / lung.sum() for i in range(60)]
    assert 0.01 <= min(shares) < 0.02 and 0.13 < max(shares) <= 0.1501


SIZES = pytest.mark.parametrize("size", [64, 128, 224])


def changed(first, second):
    """boolean (n, H, W): where two data sets of the same rows differ."""
    for name in ("ids", "labels", "groups", "positions"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    return (first.images() != second.images()).any(axis=3)


def test_phantoms_are_those_of_the_committed_results():
    """A few pixels of each kind; one grey level is left to processors that round otherwise."""
    radiographs = [
        [[185, 205, 222, 235], [223, 94, 46, 210], [95, 84, 195, 87], [204, 211, 206, 212]],
        [[196, 187, 181, 235], [123, 132, 81, 192], [50, 68, 173, 170], [169, 171, 180, 175]],
    ]
    marked = [
        [[0, 203, 214, 49], [0, 88, 222, 116], [118, 122, 212, 70], [208, 223, 212, 229]],
        [[2, 177, 213, 166], [180, 139, 64, 83], [178, 86, 196, 85], [181, 165, 176, 192]],
    ]
    objects = [
        [[38, 125, 52], [36, 106, 49], [102, 122, 92]],
        [[102, 114, 122], [101, 121, 90], [138, 166, 118]],
        [[45, 165, 9], [139, 135, 107], [124, 98, 76]],
        [[243, 107, 141], [138, 141, 133], [114, 127, 103]],
        [[164, 172, 130], [109, 113, 89], [107, 104, 88]],
        [[180, 134, 117], [173, 111, 90], [162, 154, 130]],
        [[36, 84, 166], [121, 116, 103], [170, 162, 151]],
        [[236, 108, 84], [222, 94, 140], [170, 124, 185]],
        [[129, 128, 87], [132, 137, 95], [147, 229, 146]],
        [[58, 166, 52], [172, 212, 146], [177, 208, 138]],
    ]
    for known, drawn in (
        (radiographs, phantoms.radiographs(2, seed=7, size=64).images()[:, 8::16, 8::16, 0]),
        (marked, phantoms.marked_radiographs(2, seed=7, size=64).images()[:, 4::16, 4::16, 0]),
        (objects, phantoms.objects(10, seed=7, size=64).images()[:, 40, 24::16]),
    ):
        np.testing.assert_allclose(drawn.astype(int), known, atol=1)


@SIZES
def test_phantom_radiographs_without_lesions_are_the_same_chests(size):
    ill, healthy = phantoms.radiographs(10, seed=4, size=size), phantoms.radiographs(10, 4, size, lesions=False)
    np.testing.assert_array_equal(changed(ill, healthy) & ~ill.regions(), False)
    assert list(changed(ill, healthy).any(axis=(1, 2))) == [False, True] * 5
    assert not healthy.regions().any()


def test_phantom_objects_stand_out_where_their_mask_is():
    data = phantoms.objects(30, size=96)
    assert list(data.labels[:10]) == list(range(10))
    for i in range(30):
        mask = data.read_mask(i)
        assert 0.01 < mask.mean() < 0.4
        assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any()  # the whole object is in the image
