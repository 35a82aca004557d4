"""Planted leaks are found: a patient or an image in two splits, whatever it is called there."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from black_average_drop.datasets import catalogue, from_files, leaks, phantoms, split_by_group
from black_average_drop.datasets.checksums import dataset_checksum, dataset_checksums
from black_average_drop.datasets.sources import chestxray14
from black_average_drop.datasets.sources.source import splits_of_halves


def leaks_of(**splits):
    return leaks.compare_splits(splits, {name: dataset_checksums(part)[1] for name, part in splits.items()})


@pytest.fixture
def files(tmp_path, generator):
    """Six images of six patients; the last is the first again, saved as another kind of file."""
    paths = [tmp_path / f"{name}.png" for name in "abcde"]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (8, 8, 3)).astype("uint8")).save(path)
    paths.append(tmp_path / "f.bmp")
    Image.open(paths[0]).save(paths[-1])
    return from_files(paths, list("abcdef"), [0] * 6, list("uvwxyz"), ("one",), (8, 8))


def test_an_image_in_two_splits_is_named_whatever_its_file_is_called(files):
    shared = leaks_of(train=files.subset([0, 1]), validation=files.subset([2, 3]), test=files.subset([4, 5]))
    assert list(shared["splits"]) == ["train and validation", "train and test", "validation and test"]
    assert list(shared["patients in both"]) == [0, 0, 0] and list(shared["the same images"]) == [0, 1, 0]
    assert list(shared["which"]) == ["none", "a = f", "none"]


def test_a_patient_in_two_splits_is_refused_in_a_sentence(files):
    both = replace(files, groups=np.array(list("uvwvuz")))
    with pytest.raises(ValueError, match=r"^Patient u is in train and in test, and 1 more: leave .* alone\.$"):
        leaks_of(train=both.subset([0, 1]), validation=both.subset([2]), test=both.subset([3, 4]))


def test_phantoms_of_one_seed_drawn_twice_are_found():
    once, again = phantoms.radiographs(4, seed=3, size=64), phantoms.radiographs(6, seed=3, size=64)
    with pytest.raises(ValueError, match="Patient radiograph-3-00000 is in train and in test, and 3 more"):
        leaks_of(train=once, test=again)
    renamed = replace(again, groups=np.arange(6).astype(str))
    assert list(leaks_of(train=once, test=renamed)["the same images"]) == [4]


@pytest.mark.parametrize("source", catalogue.PHANTOMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_splits_of_phantoms_share_nothing(source, seed):
    splits = {split: catalogue.load(source, split, (64, 64), count=12, seed=seed) for split in catalogue.SPLITS}
    shared = leaks_of(**splits)
    assert len(shared) == 3 and not shared["the same images"].any() and not shared["patients in both"].any()


@pytest.mark.parametrize("seed", range(20))
def test_no_split_by_group_lets_a_patient_cross(seed):
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, 15, 60).astype(str)
    chosen = split_by_group(groups, generator.uniform(0.1, 0.9), seed)
    assert not set(groups[chosen]) & set(groups[~chosen])
    data = replace(phantoms.radiographs(60, size=64), groups=groups, boxes=lambda i: [("any", 0, 0, 1, 1)] * (i % 3))
    for one, other in combinations(splits_of_halves(*chestxray14.halves(data, seed), seed).values(), 2):
        assert not set(one.groups) & set(other.groups)


def test_every_image_has_a_checksum_of_its_pixels_and_the_whole_is_read_once():
    data, read = phantoms.radiographs(5, size=64), []
    counting = replace(data, read=lambda position: read.append(position) or data.read(position))
    whole, each = dataset_checksums(counting, batch_size=2)
    assert sorted(read) == list(range(5)) and len(set(each)) == 5 and whole == dataset_checksum(data)
