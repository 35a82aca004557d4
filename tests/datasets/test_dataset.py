"""Parts, batches, regions and memory of a data set."""

from dataclasses import replace

import numpy as np
import pytest

from black_average_drop.datasets import dataset, phantoms
from black_average_drop.datasets.findings import Findings


def test_regions_are_the_masks_where_there_are_masks():
    data = phantoms.radiographs(4, seed=1, size=64)
    np.testing.assert_array_equal(data.regions(), np.stack([data.read_mask(i) for i in range(4)]))
    np.testing.assert_array_equal(data.in_memory().regions(), data.regions())
    with pytest.raises(ValueError, match="neither masks nor boxes"):
        replace(data, read_mask=None).regions()


@pytest.mark.parametrize("room, readings", [(3, [4, 6, 8]), (5, [4, 5, 6]), (8, [4, 4, 4])])
def test_images_in_memory_are_read_once_while_there_is_room(monkeypatch, room, readings):
    """Two grey and two coloured images, which take the room of one and of three channels."""
    monkeypatch.setattr(dataset, "KEPT_BYTES", room * 64 * 64)
    grey, coloured = phantoms.radiographs(2, seed=1, size=64), phantoms.objects(2, seed=1, size=64)
    asked = []
    both = replace(
        coloured,
        ids=np.arange(4).astype(str),
        labels=np.zeros(4, int),
        groups=np.arange(4),
        positions=np.arange(4),
        read=lambda position: asked.append(position) or (grey, coloured)[position // 2].read(position % 2),
    )
    kept, expected = both.in_memory(), both.images()
    asked.clear()
    for count in readings:
        np.testing.assert_array_equal(kept.images(), expected)
        assert len(asked) == count


def test_dataset_subsets_and_batches():
    data = phantoms.objects(7, size=64)
    part = data.subset(np.array([5, 2]))
    np.testing.assert_array_equal(part.images(), data.images([5, 2]))
    assert [len(batch) for batch in data.batches(3)] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(list(data.in_memory().batches(3))), data.images())
    assert data.named(data.ids[4]).labels[0] == 4
    with pytest.raises(ValueError, match="There is no image 'x'"):
        data.named("x")


def test_findings_go_along_with_their_images():
    states = np.float32([[1, 0], [np.nan, -1], [1, 1], [0, 1]])
    data = replace(phantoms.radiographs(4, size=64), findings=Findings(("Edema", "Mass"), states))
    for chosen in ([3, 1], [2, 2, 0], np.array([True, False, False, True]), slice(1, 3)):
        part = data.in_memory().subset(chosen)
        np.testing.assert_array_equal(part.findings.states, states[chosen])
        np.testing.assert_array_equal(part.images(), data.images()[chosen])
    again = data.subset([2, 2, 0])
    np.testing.assert_array_equal(again.named(data.ids[2]).findings.states, [[1, 1]])
    assert data.subset([1]).subset([0, 0]).findings.states.shape == (2, 2)
    assert phantoms.radiographs(4, size=64).subset([0]).findings is None


def test_a_batch_reads_an_image_once_for_all_its_findings():
    data, asked = phantoms.objects(5, size=64), []
    counted = replace(data, read=lambda position: asked.append(position) or data.read(position))
    rows = [4, 4, 4, 0, 2, 2, 1, 1]
    batches = list(counted.subset(rows).batches(4))
    np.testing.assert_array_equal(np.concatenate(batches), data.images(rows))
    assert [len(batch) for batch in batches] == [4, 4] and sorted(asked) == [0, 1, 2, 4]
    asked.clear()
    assert len(list(counted.subset(rows).batches(2))) == 4 and sorted(asked) == [0, 1, 2, 4, 4]  # cut apart by a batch
