"""Are the names in a folder of images outputs of a network, and what are its outputs called?"""

from pathlib import PurePosixPath

import numpy as np

from black_average_drop.datasets.folder import UNLABELLED


def known_labels(dataset, classes, named=(), several=False):
    """The labels of a data set as numbers of a network's outputs, where they can be taken for these.

    Names of sub-folders may be those of patients. They are only labels where all of them are among `named`, in capitals
    or not, or are the numbers of all outputs. Labels of a CSV also count where there are as many as outputs, and nobody
    named these. Then they are outputs in order of name, but not of several findings at once: No Finding is no output.

    Args:
        dataset: a Dataset of N images.
        classes: how many outputs there are.
        named: the names of the outputs in order, from the model's file or `class_names`, () if nobody gave them.
        several: whether the network gives several findings at once.

    Returns:
        (N,), or None.
    """
    if (dataset.labels == UNLABELLED).any():
        return None
    names = np.array(dataset.class_names)[dataset.labels]
    if len(named) == classes:
        numbers = {name.casefold(): number for number, name in enumerate(named)}
        numbers |= {name: number for number, name in enumerate(named)}  # where two differ in case alone
        labels = [numbers.get(name, numbers.get(name.casefold())) for name in names]
        if None not in labels:
            return np.array(labels)
    of_folders = are_of_folders(dataset)
    if set(dataset.class_names) == set(map(str, range(len(dataset.class_names)))):
        fit = dataset.labels.max() < classes and (not of_folders or len(set(names)) == classes)
    else:
        fit = not (of_folders or several or len(named)) and len(dataset.class_names) == classes
    return dataset.labels if fit else None


def are_of_folders(dataset):
    """Whether the labels of a data set with paths as ids are the names of the folders that its files lie in."""
    names = np.array(dataset.class_names)[dataset.labels]
    return all(name == PurePosixPath(one).parent.name for name, one in zip(names, dataset.ids, strict=True))


def left_aside(dataset, classes):
    """Why no label of a data set counts, and how to say what they are.

    Names of folders are not told, since they may be those of patients.

    Args:
        dataset: a Dataset, with labels or without.
        classes: how many outputs the network has.

    Returns:
        Sentences, "" without labels.
    """
    if dataset.findings is None and (dataset.labels == UNLABELLED).any():
        return ""
    predicted = "the outputs of the model: what the network predicts is explained. If they are, give all outputs in "
    if dataset.findings is None and are_of_folders(dataset):
        return (
            f"Sub-folders have {len(np.unique(dataset.labels))} names, and nothing says that these are among "
            f'{predicted}order, such as SET="class_names=[NORMAL,PNEUMONIA]"; if they are patients, '
            'SET="layout=patient".'
        )
    names = [dataset.class_names[number] for number in np.unique(dataset.labels) if number != UNLABELLED]
    names = names if dataset.findings is None else list(dataset.findings.names)
    some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return (
        f"Labels have {len(names)} names ({some}), and nothing says that these are among {predicted}order, "
        f'SET="class_names=[{",".join(names[:2])}{",…" if len(names) > 2 or classes > 2 else ""}]".'
    )


def output_names(dataset, classes, named=(), several=False):
    """A name for each of a network's outputs.

    They are `named`, or the names of the data set where its labels are numbers of the outputs, or else the numbers.

    Args:
        dataset: a Dataset.
        classes: how many outputs there are.
        named, several: as for `known_labels`.
    """
    if len(named) == classes:
        return list(named)
    if len(dataset.class_names) == classes and known_labels(dataset, classes, several=several) is not None:
        return list(dataset.class_names)
    return [f"class {number}" for number in range(classes)]
