"""Labels count where they are labels, and outputs have names."""

import numpy as np
import pytest

from black_average_drop.choice import class_labels
from black_average_drop.datasets import Dataset


def labelled(names, folders=True, class_names=None):
    """A data set of one image for each name, in a folder of that name or flat."""
    class_names = class_names or tuple(sorted(set(names)))
    ids = np.array([f"{name if folders else '.'}/{place}.png" for place, name in enumerate(names)])
    labels = np.array([class_names.index(name) for name in names])
    return Dataset(ids, labels, ids, class_names, (8, 8), np.arange(len(ids)), lambda i: np.zeros((8, 8, 3)))


@pytest.mark.parametrize(
    ("data", "classes", "named", "expected"),
    [
        (labelled(["DOE_0", "DOE_1", "DOE_1"]), 2, (), None),  # patients
        (labelled(["DOE_0", "DOE_1"]), 2, ("NORMAL", "PNEUMONIA"), None),
        (labelled(["NORMAL", "DOE_1"]), 2, ("NORMAL", "PNEUMONIA"), None),
        (labelled(["PNEUMONIA", "NORMAL"]), 2, (), None),  # nobody said in which order
        (labelled(["PNEUMONIA", "NORMAL"]), 2, ("PNEUMONIA", "NORMAL"), [0, 1]),
        (labelled(["PNEUMONIA", "NORMAL"]), 2, ("normal", "pneumonia"), [1, 0]),
        (labelled(["a", "b"]), 3, ("A", "a", "b"), [1, 2]),
        (labelled(["PNEUMONIA"]), 3, ("none", "PNEUMONIA", "NORMAL"), [1]),
        (labelled(["PNEUMONIA", "NORMAL"]), 3, ("PNEUMONIA", "NORMAL"), None),
        (labelled(["1", "0"]), 2, (), [1, 0]),
        (labelled(["1", "2"], class_names=("0", "1", "2")), 3, (), None),  # patients 1 and 2, perhaps
        (labelled(["1", "0"]), 1000, (), None),
        (labelled(["1", "2"], False, ("0", "1", "2")), 3, (), [1, 2]),  # of a CSV
        (labelled(["ill", "well"], False), 2, (), [0, 1]),
        (labelled(["ill", "well"], False), 1000, (), None),
        (labelled(["ill", "well"], False), 2, ("healthy", "diseased"), None),  # sorted by name they would be exchanged
        (labelled(["1", "0"], False), 2, ("healthy", "diseased"), [1, 0]),
        (labelled(["7", "7"], False, tuple("01234567")), 2, (), None),
    ],
)
def test_labels_count_only_where_they_can_be_names_of_outputs(data, classes, named, expected):
    known = class_labels.known_labels(data, classes, named)
    assert (known is None) if expected is None else list(known) == expected


def test_images_without_a_label_have_none():
    data = labelled(["a", "b"])
    data.labels[:] = -1
    assert class_labels.known_labels(data, 2, ("a", "b")) is None


def test_outputs_are_named_by_the_model_by_labels_or_by_number():
    patients = labelled(["DOE_0", "DOE_1"])
    assert class_labels.output_names(patients, 2) == ["class 0", "class 1"]
    assert class_labels.output_names(patients, 2, ("NORMAL", "PNEUMONIA")) == ["NORMAL", "PNEUMONIA"]
    assert class_labels.output_names(labelled(["ill", "well"], False), 2) == ["ill", "well"]


def test_labels_that_are_left_aside_are_said_with_the_remedy():
    said = class_labels.left_aside(labelled([f"label {number}" for number in range(5)], folders=False), 2)
    assert said.startswith("Labels have 5 names (label 0, label 1, label 2, …)")
    assert 'SET="class_names=[label 0,label 1,…]"' in said


def test_names_of_folders_are_not_told_since_they_may_be_those_of_patients():
    said = class_labels.left_aside(labelled([f"DOE_{number}" for number in range(5)]), 2)
    assert said.startswith("Sub-folders have 5 names, and nothing says") and "DOE" not in said
    assert 'SET="class_names=[NORMAL,PNEUMONIA]"' in said and 'SET="layout=patient"' in said
