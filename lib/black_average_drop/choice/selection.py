"""Which findings of which images are explained: one class for each image, or several findings in one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit

from black_average_drop.choice import class_labels
from black_average_drop.datasets.findings import Findings
from black_average_drop.datasets.folder import UNLABELLED

THRESHOLD = 0.5  # above it a finding counts as there, unless the user says otherwise
UNKNOWN = "not mentioned"


@dataclass(frozen=True)
class Labels:
    """What is known of N images, in terms of a network's C outputs."""

    names: list[str]  # (C,), of the outputs
    states: np.ndarray | None  # of `states_of_outputs`
    notice: str  # on labels that do not count


@dataclass(frozen=True)
class Pairs:
    """M findings that are explained, each of one image; those of an image stand next to each other."""

    rows: np.ndarray  # (M,) the number of the image
    classes: np.ndarray  # (M,) the output that is explained


def several(network, states):
    """Whether one image may have several findings, by the network's outputs or by the labels.

    Args:
        network: a `networks.Network`.
        states: of `states_of_outputs`, or None.
    """
    return network.activation == "sigmoid" or (states is not None and bool(((states == 1).sum(axis=1) != 1).any()))


def read_labels(network, dataset, named=()):
    """Read the labels of a data set as those of a network: `Labels`; arguments as for `states_of_outputs`."""
    states = states_of_outputs(network, dataset, named)
    names = class_labels.output_names(dataset, network.classes, named, network.activation == "sigmoid")
    return Labels(names, states, said_of_labels(dataset, states, named, network.classes))


def states_of_outputs(network, dataset, named=()):
    """What is known of each output of a network in each image.

    Findings are outputs by their names, in capitals or not, with blanks or underscores. Where none is, one label an
    image counts as `class_labels.known_labels` says. Of a network of several findings a label that is no output says
    that none of the outputs is there, as long as some other label is one.

    Args:
        network: a `networks.Network` of C classes.
        dataset: a Dataset of N images.
        named: the names of the outputs in order, from the model's file or `class_names`, () if nobody gave them.

    Returns:
        float32 (N, C): 1 present, 0 absent, -1 uncertain, NaN not mentioned. None where no label is an output.
    """
    one_of_two = network.activation != "sigmoid" and network.classes == 2
    told = None if dataset.findings is None else _by_name(dataset.findings, network.classes, named, one_of_two)
    if told is not None:
        return told
    known = class_labels.known_labels(dataset, network.classes, named, network.activation == "sigmoid")
    if known is not None:
        return np.eye(network.classes, dtype="float32")[known]
    if network.activation != "sigmoid" or (dataset.labels == UNLABELLED).any():
        return None
    one_each = Findings(dataset.class_names, np.eye(len(dataset.class_names), dtype="float32")[dataset.labels])
    return _by_name(one_each, network.classes, named)


def said_of_labels(dataset, states, named, classes):
    """Say which labels do not count, since they are no outputs of the network.

    Args:
        dataset: a Dataset.
        states: of `states_of_outputs`.
        named: the names of the outputs, as there.
        classes: the number of outputs.

    Returns:
        Sentences, "" where all labels count, and without labels.
    """
    if states is None:
        return class_labels.left_aside(dataset, classes)
    labels = dataset.class_names if dataset.findings is None else dataset.findings.names
    others = [name for name in labels if len(named) == classes and output_number(name, named) is None]
    if dataset.findings is None and (states == 1).any(axis=1).all():
        return ""  # each label is an output, by its name or by its number
    if others and dataset.findings is None and class_labels.are_of_folders(dataset):
        return f"Among the names of folders, but no outputs of the model: {len(others)}."  # perhaps of patients
    return f"Among the labels, but no outputs of the model: {', '.join(others)}." if others else ""


def count_images(dataset, appearances, states, names):
    """Count the images that are taken: their patients, how they are shown, and where each output is present.

    Args:
        dataset: a Dataset.
        appearances: of `decoded.Decoded`, of these images and of those that are blank.
        states: of `states_of_outputs`, or None.
        names: of the outputs.

    Returns:
        A Series of numbers.
    """
    counted = {"taken": len(dataset), "patients": len(np.unique(dataset.groups))}
    counted["blank, left out"] = (appearances["filled"] == 0).sum()
    counted |= {f"shown: {how}": number for how, number in appearances["shown"].value_counts().items()}
    return pd.Series(counted | _count_labels(states, names, len(dataset)))


def _count_labels(states, names, images):
    """How many of so many images have no label, and in how many each output is present, by name."""
    if states is None:
        return {"without a label": images}
    present = (states == 1).sum(axis=0)
    without = {"without a label": np.isnan(states).all(axis=1).sum()}
    return without | {f"label {name}": number for name, number in zip(names, present, strict=True) if number}


def output_number(name, named):
    """Find the output of a name, in capitals or not, with blanks or underscores.

    Args:
        name: of a finding.
        named: the names of all outputs in order.

    Returns:
        Its number: the very name first, then one that reads the same. None where no output, or several, read so.
    """
    if name in named:
        return list(named).index(name)
    alike = [number for number, one in enumerate(named) if _plain(one) == _plain(name)]
    return alike[0] if len(alike) == 1 else None


def numbers_of(findings, named):
    """The numbers of outputs that a user names.

    Args:
        findings: names, or numbers from 0 where no output is named so.
        named: the names of all outputs in order.

    Returns:
        A list, in the order of findings.

    Raises:
        ValueError: one of them is no output.
    """
    numbers = []
    for finding in findings:
        number = output_number(str(finding), named)
        if number is None and str(finding) in map(str, range(len(named))):
            number = int(finding)
        if number is None:
            some = ", ".join(named[:20]) + (", …" if len(named) > 20 else "")
            raise ValueError(f"There is no output {finding!r} of the model: choose from {some}.")
        numbers.append(number)
    return numbers


def thresholds_of(network, given, named):
    """The score (C,) above which each output of a network counts as there.

    Args:
        network: a `networks.Network`.
        given: name -> score, from 0 to 1; for other outputs it is THRESHOLD.
        named: the names of all outputs in order.

    Raises:
        ValueError: an output is not there, or the network gives one class an image.
    """
    thresholds = np.full(network.classes, THRESHOLD)
    if given and network.activation != "sigmoid":
        raise ValueError("thresholds are for a model of several findings at once, this gives one class: leave it out.")
    for number, value in zip(numbers_of(given, named), given.values(), strict=True):
        thresholds[number] = value
    return thresholds


def to_explain(network, logits, states, wanted=(), thresholds=THRESHOLD):
    """Choose what is explained: the findings that are present, by the labels or else by the network.

    Without labels these are the scores above the threshold, or the predicted class where there is one an image.

    Args:
        network: a `networks.Network` of C classes.
        logits: (N, C).
        states: of `states_of_outputs`, or None.
        wanted: numbers of outputs: no other is explained; () for all of them.
        thresholds: as for `evaluation.evaluate`.

    Returns:
        `Pairs`.

    Raises:
        ValueError: nothing is left to explain.
    """
    if states is not None:
        chosen, none = states == 1, "No image has a finding that is to be explained among its labels: "
        none += "name other findings." if len(wanted) else "leave the findings out of labels.csv, or take other images."
    elif network.activation == "sigmoid":
        chosen = _above(logits, thresholds)
        none = "No score of a finding that is to be explained is above its threshold: set lower thresholds."
    else:
        chosen = np.eye(network.classes, dtype=bool)[logits.argmax(axis=1)]
        none = "No image is predicted to have a finding that is to be explained: name other findings."
    if len(wanted):
        chosen = chosen & np.isin(np.arange(network.classes), wanted)
    rows, classes = np.nonzero(chosen)
    if not len(rows):
        raise ValueError(none)
    return Pairs(rows, classes)


def count(network, logits, states, explained, groups, names, thresholds=THRESHOLD):
    """Count each output of a network: in how many images it is what, and in how many it is explained.

    Args:
        network: a `networks.Network`.
        logits: (N, C).
        states: of `states_of_outputs`, or None.
        explained: `Pairs`.
        groups: (N,), the patient of each image.
        names: of the outputs.
        thresholds: as for `evaluation.evaluate`.

    Returns:
        A DataFrame with the columns finding, present, absent, uncertain and not mentioned (without labels these four
        are missing), above threshold (for several findings at once), explained, and patients: those explained.
    """
    columns = {"finding": names}
    if states is not None:
        values = {"present": states == 1, "absent": states == 0, "uncertain": states == -1, UNKNOWN: np.isnan(states)}
        columns |= {name: value.sum(axis=0) for name, value in values.items()}
    if network.activation == "sigmoid":
        columns["above threshold"] = _above(logits, thresholds).sum(axis=0)
    patients = pd.Series(np.asarray(groups)[explained.rows]).groupby(explained.classes).nunique()
    columns["explained"] = np.bincount(explained.classes, minlength=network.classes)
    columns["patients"] = patients.reindex(range(network.classes), fill_value=0).to_numpy()
    return pd.DataFrame(columns)


def _above(logits, thresholds):
    """Which scores (N, C) are above their thresholds: by the logits, as `evaluation.evaluate` tells which cross."""
    return logits > logit(thresholds)


def _by_name(findings, classes, named, one_of_two=False):
    """The states (N, C) of outputs by the names of `Findings`, or None where none is an output.

    one_of_two: whether each image has one of two classes.
    """
    columns = [(column, output_number(name, named)) for column, name in enumerate(findings.names)]
    columns = [(column, number) for column, number in columns if number is not None]
    if len(named) != classes or not columns:
        return None
    states = np.full((len(findings.states), classes), np.nan, "float32")
    for column, number in columns:
        states[:, number] = findings.states[:, column]
    if one_of_two and len(columns) == 1:  # what is absent is the other class
        told = np.isin(states[:, columns[0][1]], (0, 1))
        states[told, 1 - columns[0][1]] = 1 - states[told, columns[0][1]]
    return states


def _plain(name):
    return " ".join(str(name).casefold().replace("_", " ").split())
