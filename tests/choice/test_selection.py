"""Which findings of which images are explained, against tables by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from black_average_drop.choice import selection
from black_average_drop.datasets import Dataset
from black_average_drop.datasets.findings import Findings

NAMES = ["Atelectasis", "Edema", "Pleural Effusion"]
SEVERAL = SimpleNamespace(activation="sigmoid", classes=3, scores=lambda logits: expit(logits))
ONE = SimpleNamespace(activation="softmax", classes=3, scores=None)
LOGITS = np.array([[2.0, -1.0, 0.1], [-3.0, -2.0, -1.0], [0.2, 1.0, 3.0], [-0.1, -0.2, -4.0]])


def data(findings=None, class_names=(), labels=(-1, -1, -1, -1), ids="abcd"):
    ids = np.array([f"{name}.png" for name in ids])
    told = {"findings": None if findings is None else Findings(tuple(class_names), np.array(findings, "float32"))}
    return Dataset(ids, np.array(labels), ids, tuple(class_names), (8, 8), np.arange(len(ids)), read=None, **told)


def listed(explained):
    return list(zip(explained.rows.tolist(), explained.classes.tolist(), strict=True))


# Effusion by another spelling, Edema, and Hernia, which is no output.
TABLE = data([[1, 1, 0], [0, -1, 1], [1, np.nan, 0], [np.nan, np.nan, np.nan]], ("pleural_effusion", "Edema", "Hernia"))


def test_findings_are_outputs_by_their_names():
    states = selection.states_of_outputs(SEVERAL, TABLE, NAMES)
    nan = np.nan
    np.testing.assert_array_equal(states, [[nan, 1, 1], [nan, -1, 0], [nan, nan, 1], [nan, nan, nan]])
    assert selection.states_of_outputs(SEVERAL, TABLE) is None  # nobody says how the outputs are called
    unknown = replace(TABLE, findings=Findings(("sex", "y", "z"), TABLE.findings.states))
    assert selection.states_of_outputs(SEVERAL, unknown, NAMES) is None
    folders = replace(unknown, labels=np.array([2, 0, 1, 1]), class_names=tuple(NAMES))  # and labels next to columns
    np.testing.assert_array_equal(selection.states_of_outputs(ONE, folders, NAMES), np.eye(3)[[2, 0, 1, 1]])
    said = selection.said_of_labels(TABLE, states, NAMES, 3)
    assert said == "Among the labels, but no outputs of the model: Hernia."
    said = selection.said_of_labels(TABLE, None, (), 3)
    assert said.startswith("Labels have 3 names (pleural_effusion, Edema, Hernia)")
    assert selection.said_of_labels(data(), None, NAMES, 3) == ""
    numbered = selection.read_labels(ONE, data(labels=(1, 0, 0, 1), class_names="01"), NAMES)
    np.testing.assert_array_equal(numbered.states, np.eye(3)[[1, 0, 0, 1]])
    assert numbered.notice == ""  # labels that are numbers of outputs do count


def test_what_is_present_is_explained_and_nothing_that_is_uncertain():
    states = selection.states_of_outputs(SEVERAL, TABLE, NAMES)
    explained = selection.to_explain(SEVERAL, LOGITS, states)
    assert listed(explained) == [(0, 1), (0, 2), (2, 2)]
    only = selection.to_explain(SEVERAL, LOGITS, states, wanted=[1])
    assert listed(only) == [(0, 1)]
    table = selection.count(SEVERAL, LOGITS, states, explained, ["p", "q", "p", "r"], NAMES)
    expected = {"finding": NAMES, "present": [0, 1, 2], "absent": [0, 0, 1], "uncertain": [0, 1, 0]}
    expected |= {"not mentioned": [4, 2, 1], "above threshold": [2, 1, 2], "explained": [0, 1, 2]}
    assert table.to_dict("list") == expected | {"patients": [0, 1, 1]}
    appearances = pd.DataFrame({"filled": [0, 1, 1, 1, 1], "shown": ["as it is"] * 5})  # of a blank image, too
    assert selection.count_images(TABLE, appearances, states, NAMES).to_dict() == {
        "taken": 4,
        "patients": 4,
        "blank, left out": 1,
        "shown: as it is": 5,
        "without a label": 1,
        "label Edema": 1,
        "label Pleural Effusion": 2,
    }
    assert selection.count_images(data(), appearances, None, NAMES)["without a label"] == 4


def test_without_labels_scores_above_their_thresholds_are_explained():
    explained = selection.to_explain(SEVERAL, LOGITS, None)
    assert listed(explained) == [(0, 0), (0, 2), (2, 0), (2, 1), (2, 2)]  # image 1 and 3 have no finding
    thresholds = selection.thresholds_of(SEVERAL, {"edema": 0.2, "Pleural Effusion": 0.9}, NAMES)
    np.testing.assert_array_equal(thresholds, [0.5, 0.2, 0.9])
    explained = selection.to_explain(SEVERAL, LOGITS, None, thresholds=thresholds)
    assert listed(explained) == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2), (3, 1)]
    everywhere = selection.thresholds_of(SEVERAL, {"Edema": 0}, NAMES)
    assert listed(selection.to_explain(SEVERAL, LOGITS, None, [1], everywhere)) == [(k, 1) for k in range(4)]


def test_one_class_an_image_is_its_label_or_the_one_predicted():
    labelled = data(labels=(2, 0, 1, 1), class_names=NAMES)
    states = selection.states_of_outputs(ONE, labelled, NAMES)
    assert listed(selection.to_explain(ONE, LOGITS, states)) == [(0, 2), (1, 0), (2, 1), (3, 1)]
    assert listed(selection.to_explain(ONE, LOGITS, None)) == [(0, 0), (1, 2), (2, 2), (3, 0)]
    assert not selection.several(ONE, states) and not selection.several(ONE, None)
    assert selection.several(SEVERAL, None)
    assert selection.several(ONE, selection.states_of_outputs(SEVERAL, TABLE, NAMES))
    # Where an image has one class, all labels must be outputs. Otherwise another label says that no output is there.
    other = replace(labelled, class_names=("Atelectasis", "Edema", "No Finding"))
    assert selection.states_of_outputs(ONE, other, NAMES) is None
    states = selection.states_of_outputs(SEVERAL, other, NAMES)
    assert listed(selection.to_explain(SEVERAL, LOGITS, states)) == [(1, 0), (2, 1), (3, 1)]
    said = selection.said_of_labels(other, states, NAMES, 3)
    assert said == "Among the labels, but no outputs of the model: No Finding."
    # As many labels as outputs without a name, one of which is no output: the order of names says nothing.
    assert selection.read_labels(SEVERAL, other).states is None
    assert selection.read_labels(SEVERAL, other).names == ["class 0", "class 1", "class 2"]


def test_what_is_absent_is_the_other_of_two_classes():
    """A column Pneumonia of 1 and 0, of a network that tells it from Normal, as the Target of RSNA."""
    two = SimpleNamespace(activation="softmax", classes=2, scores=None)
    table = data([[1], [0], [-1], [np.nan]], ("pneumonia",))
    states = selection.states_of_outputs(two, table, ["Normal", "Pneumonia"])
    nan = np.nan
    np.testing.assert_array_equal(states, [[0, 1], [1, 0], [nan, -1], [nan, nan]])
    assert listed(selection.to_explain(two, LOGITS[:, :2], states)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (
            lambda: selection.numbers_of(["Efusion"], NAMES),
            "There is no output 'Efusion' of the model: choose from",
        ),
        (lambda: selection.numbers_of([3], NAMES), "There is no output 3 of the model"),
        (lambda: selection.thresholds_of(ONE, {"Edema": 0.3}, NAMES), "thresholds are for a model of several"),
        (lambda: selection.to_explain(SEVERAL, LOGITS, None, [1], 0.9), "No score of a finding"),
        (lambda: selection.to_explain(ONE, LOGITS, None, [1]), "No image is predicted to have a finding"),
        (
            lambda: selection.to_explain(SEVERAL, LOGITS, selection.states_of_outputs(SEVERAL, TABLE, NAMES), [0]),
            "No image has a finding that is to be explained among its labels: name other findings",
        ),
        (
            lambda: selection.to_explain(SEVERAL, LOGITS, np.zeros((4, 3))),
            "No image has a finding .* among its labels: leave the findings out of labels.csv, or take other images",
        ),
        (lambda: selection.numbers_of([True], NAMES), "There is no output True of the model"),
    ],
)
def test_what_cannot_be_explained_is_refused(attempt, said):
    with pytest.raises(ValueError, match=said):
        attempt()


def test_numbers_name_outputs_too_where_no_output_is_named_so():
    assert selection.numbers_of([2, "edema", "0"], NAMES) == [2, 1, 0]
    grades = ["1", "2", "3"]
    assert selection.numbers_of([1, "1", 0], grades) == [0, 0, 0]
    np.testing.assert_array_equal(selection.thresholds_of(SEVERAL, {"2": 0.1}, grades), [0.5, 0.1, 0.5])


def test_a_score_is_above_its_threshold_where_evaluation_says_so():
    """In float32 the sigmoid of 1e-9 is 0.5, and that of -200 is 0."""
    logits = np.float32([[1e-9, -200, -1e-9]])
    explained = selection.to_explain(SEVERAL, logits, None, thresholds=np.array([0.5, 0, 0.5]))
    assert listed(explained) == [(0, 0), (0, 1)]
    table = selection.count(SEVERAL, logits, None, explained, ["p"], NAMES, np.array([0.5, 0, 0.5]))
    assert list(table["above threshold"]) == [1, 1, 0]
