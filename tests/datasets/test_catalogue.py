"""Data sets by name."""

import pytest

from black_average_drop.datasets import catalogue


@pytest.mark.parametrize("source", ["phantom radiographs", "marked phantom radiographs", "phantom objects"])
def test_catalogue_splits_of_phantoms_are_different_images(source):
    splits = [catalogue.load(source, name, (64, 64), count=4, seed=0) for name in catalogue.SPLITS]
    splits.append(catalogue.load(source, "train", (64, 64), count=4, seed=1))
    assert len({data.images().tobytes() for data in splits}) == 4


@pytest.mark.parametrize(
    ("source", "split", "message"),
    [
        ("mnist", "test", "no test split of source 'mnist'"),
        ("imagenet", "train", "no train split"),
        ("x", "y", "split is"),
    ],
)
def test_catalogue_refuses(source, split, message):
    with pytest.raises(ValueError, match=message):
        catalogue.load(source, split, (64, 64))
