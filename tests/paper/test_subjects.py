"""The classifiers that 04_alpha measures: which of their images are sampled, and at which alphas."""

from dataclasses import replace

import numpy as np

from black_average_drop.datasets import Dataset


def test_a_subject_is_sampled_from_the_images_that_count(subject):
    sampled = subject.sampled(4, 0, 4)
    assert len(sampled.few) == 4 and (sampled.few.labels == 1).all() and isinstance(sampled.few, Dataset)
    assert list(sampled.few.ids) == [name for name in subject.dataset.ids if name in sampled.few.ids]  # in their order
    np.testing.assert_array_equal(sampled.pixels, sampled.few.images())
    assert set(sampled.first_pass.maps) == {"CAM", "Grad-CAM", "Grad-CAM++"}
    assert subject.few is None and len(subject.sampled(40, 0, 4).few) == 6
    np.testing.assert_allclose(sampled.alphas, sorted([*np.arange(5, 100, 5) / 100, 0.333]))


def test_objects_of_photos_have_a_size_and_lesions_are_measured_apart(subject):
    assert not subject.has_objects
    photos = replace(subject, data="general")
    assert photos.has_objects
    assert not replace(photos, dataset=replace(subject.dataset, read_mask=None)).has_objects
