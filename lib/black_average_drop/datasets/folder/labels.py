"""Labels in words, of folders or of a table, as numbers of classes."""

import numpy as np

from black_average_drop.datasets.folder.names import folder_word

UNLABELLED = -1
MOST_CLASSES = 100_000  # a larger number as a label is a date or an id


def check_class_names(class_names):
    """Give the names of classes as text.

    Raises:
        ValueError: if one comes twice.
    """
    class_names = tuple(map(str, class_names))
    for name in class_names:
        if class_names.count(name) > 1:
            raise ValueError(f"class_names names {name!r} more than once: name each class once.")
    return class_names


def spelt_alike(labels, class_names):
    """Spell the names of folders as the classes are spelt, or else as the first folder of that name is.

    Names are alike if they differ in nothing but capitals, blanks, hyphens and underscores.

    Args:
        labels: a Series (N,) of text.
        class_names: the classes, or ().
    """
    spelt = {}
    for name in [*class_names, *sorted(set(labels))]:
        spelt.setdefault(folder_word(name), name)
    return labels.map({name: name if name in class_names else spelt[folder_word(name)] for name in set(labels)})


def numbered_labels(labels, class_names, where, remedy):
    """Turn labels into numbers of classes.

    Args:
        labels: a Series (N,) of text, "" where there is none: the names of classes, or their numbers.
        class_names: the classes, by default those that are there, in order of name.
        where: the file or folder that they come from, for the message.
        remedy: what else to do about a label that is no class, for the message.

    Returns:
        (numbers, class_names): numbers is (N,) of int, UNLABELLED if there are no labels.

    Raises:
        ValueError: if some images have a label and some have none, or a label is no class.
    """
    if (labels == "").all():
        return np.full(len(labels), UNLABELLED), class_names
    if (labels == "").any():
        raise ValueError(f"{where}: some images have a label and some have none: give all of them one, or none.")
    if not class_names and labels.str.fullmatch(r"\d{1,6}").all() and (top := labels.astype(int).max()) < MOST_CLASSES:
        class_names = tuple(map(str, range(top + 1)))
    class_names = class_names or tuple(sorted(set(labels)))
    numbers = {str(number): number for number in range(len(class_names))}
    numbers |= {name: number for number, name in enumerate(class_names)}
    unknown = sorted(set(labels) - set(numbers))
    if unknown:
        raise ValueError(
            f"{where}: {unknown[0]!r} is none of the classes {', '.join(class_names)}: mend class_names{remedy}."
        )
    return labels.map(numbers).to_numpy(), class_names
