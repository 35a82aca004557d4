"""Marked phantom radiographs against what is known of them by construction."""

import numpy as np
import pytest

from black_average_drop.datasets import phantoms
from black_average_drop.datasets.phantoms import chest

SIZES = pytest.mark.parametrize("size", [64, 128, 224])


def changed(first, second):
    """boolean (n, H, W): where two data sets of the same rows differ."""
    for name in ("ids", "labels", "groups", "positions"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    return (first.images() != second.images()).any(axis=3)


@SIZES
def test_class_of_marked_radiographs_depends_on_the_marker_alone(size):
    data = phantoms.marked_radiographs(12, seed=2, size=size)
    bare = phantoms.marked_radiographs(12, seed=2, size=size, markers=False)
    assert data.class_names == phantoms.RADIOGRAPH_CLASSES and list(data.labels) == [0, 1] * 6
    markers = data.regions()
    np.testing.assert_array_equal(changed(data, bare), markers)  # every pixel of a marker is brighter than the chest
    np.testing.assert_array_equal(data.images()[markers], 255)
    np.testing.assert_array_equal(markers.any(axis=(1, 2)), data.labels == 1)
    assert not bare.regions().any()
    assert (np.abs(markers[1::2].mean(axis=(1, 2)) - 0.011) < 0.003).all()
    assert not markers[:, [0, -1]].any() and not markers[:, :, [0, -1]].any()  # the whole marker is in the image


@SIZES
def test_marked_radiographs_without_lesions_are_the_same_images(size):
    data = phantoms.marked_radiographs(12, seed=2, size=size, region="lesion")
    healthy = phantoms.marked_radiographs(12, seed=2, size=size, lesions=False, region="lesion")
    lesions = data.regions()
    np.testing.assert_array_equal(changed(data, healthy) & ~lesions, False)
    np.testing.assert_array_equal(changed(data, healthy).any(axis=(1, 2)), lesions.any(axis=(1, 2)))
    assert not healthy.regions().any()
    markers = [phantoms.marked_radiographs(12, 2, size, lesions=flag).regions() for flag in (True, False)]
    np.testing.assert_array_equal(*markers)
    assert not (markers[0] & lesions).any()


def test_marked_radiographs_are_the_chests_of_the_unmarked_ones():
    plain = phantoms.radiographs(6, seed=3, size=64, lesions=False)
    bare = phantoms.marked_radiographs(6, seed=3, size=64, lesions=False, markers=False)
    np.testing.assert_array_equal(plain.images(), bare.images())
    assert not set(plain.ids) & set(bare.ids)
    few = phantoms.marked_radiographs(3, seed=3, size=64)
    np.testing.assert_array_equal(few.images(), phantoms.marked_radiographs(6, seed=3, size=64).images()[:3])


def test_lesion_of_a_marked_radiograph_says_nothing_of_its_class():
    data = phantoms.marked_radiographs(400, seed=1, size=64, region="lesion")
    ill = data.regions().any(axis=(1, 2))
    shares = ill[data.labels == 0].mean(), ill[data.labels == 1].mean()
    # Each share of 200 fair coins has a standard deviation of 0.035.
    assert all(0.4 < share < 0.6 for share in shares)


def test_markers_lie_near_the_border_off_lungs_and_letter(monkeypatch):
    lungs, letters, draw_lesion, stamp_letter = [], [], chest.draw_lesion, chest.stamp_letter

    def watch_lesion(generator, x, y, lung):
        lungs.append(lung)
        return draw_lesion(generator, x, y, lung)

    def watch_stamp(image, letter):
        blank = np.zeros_like(image)
        stamp_letter(blank, letter)
        letters.append(blank > 0)
        return stamp_letter(image, letter)

    monkeypatch.setattr(chest, "draw_lesion", watch_lesion)
    monkeypatch.setattr(chest, "stamp_letter", watch_stamp)
    data = phantoms.marked_radiographs(300, seed=9, size=64)
    centres = []
    for position in data.positions[data.labels == 1]:
        marker = data.read_mask(position)
        assert not (marker & (lungs[-1] | letters[-1])).any()
        rows, columns = np.nonzero(marker)
        centres.append(((rows.min() + rows.max() + 1) / 64 - 1, (columns.min() + columns.max() + 1) / 64 - 1))
    down, right = np.transpose(centres)
    assert (np.maximum(np.abs(down), np.abs(right)) > 0.65).all()
    corners = {(a > 0, b > 0) for a, b in centres if min(abs(a), abs(b)) > 0.5}
    assert len(corners) == 4 and 0.35 < (down > 0).mean() < 0.65 and 0.35 < (right > 0).mean() < 0.65


def test_marked_radiographs_refuse_another_region():
    with pytest.raises(ValueError, match="region is 'markers': choose marker or lesion"):
        phantoms.marked_radiographs(2, region="markers")
