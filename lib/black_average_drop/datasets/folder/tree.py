"""What each level of sub-folders is taken for: splits, classes, patients, their studies, or nothing.

Detection errs in one direction. Patients taken for classes make intervals too narrow, which misleads. Classes taken for
patients make them too wide, and a table says so.
"""

from dataclasses import dataclass

import pandas as pd

from black_average_drop.datasets.folder.names import (
    LIKE_PART,
    LIKE_PATIENT,
    LIKE_SERIES,
    LIKE_STUDY,
    LIKE_UID,
    SPLITS,
    USUAL_CLASSES,
    WRAPPERS,
    canonical_split,
    folder_word,
)

SPLIT, CLASS, PATIENT, STUDY, SERIES, NOTHING = ROLES = ("split", "class", "patient", "study", "series", "-")
_UNITS = (PATIENT, STUDY, SERIES)
FLAT, DEFAULT_SPLIT, EVERY_SPLIT = "flat", "test", "all"
_NO_CLASSES = (LIKE_PATIENT, LIKE_STUDY, LIKE_UID)
_MOST_CLASSES = 30  # that a level is taken for because every split repeats it


@dataclass(frozen=True)
class Tree:
    """What each of the L levels of sub-folders is taken for, from the top, and why."""

    roles: tuple[str, ...]  # (L,), of ROLES
    reasons: tuple[str, ...]  # (L,)

    def names_of(self, role, folders):
        """The folder of that role of each image, "" where there is none; folders as for `read_tree`."""
        level = self.roles.index(role) if role in self.roles else len(self.roles)
        return [own[level] if level < len(own) else "" for own in folders]


def folders_of(names):
    """The sub-folders that each image lies in, from the top: a tuple of text for each path below the root."""
    return [tuple(name.split("/")[:-1]) for name in names]


def read_tree(folders, class_names=(), layout="", split=DEFAULT_SPLIT):
    """Say what each level of sub-folders is taken for.

    A level is splits if two of `SPLITS` are among its names. It is classes if all its names are in class_names or
    usual ones, if each split repeats the same few names, or if it is the only level and has no names like `patient 7`,
    as long as one of class_names is among its names or it has no more names than these.
    Levels that are left are a patient's, then a study's, then a series'; a single folder without such a name says
    nothing. Numbers alone are classes only where they are all of class_names.

    Args:
        folders: (N,), as `folders_of` gives them.
        class_names: the classes, () where they are not known.
        layout: the roles instead, such as "split/class" or "-/patient", or `FLAT` where folders say nothing.
        split: the split that is asked for: one such folder alone is then taken for a split, too.

    Raises:
        ValueError: if layout has an unknown word, a role twice, or not one word for each level.
    """
    if layout:
        words = tuple(word.strip().casefold() for word in layout.split("/"))
        levels = _levels(_in_a_split(folders, words.index(SPLIT)) if SPLIT in words else folders)
        return Tree(_checked(words, layout, levels), ("layout",) * len(levels))
    at = _level_of_splits(folders, split)
    inside = folders if at is None else _in_a_split(folders, at)
    found = _Detection(_levels(inside), inside)
    if at is not None:
        found.take(at, SPLIT, "names of splits")
    found.classes(class_names)
    found.patients()
    return Tree(tuple(found.roles), tuple(found.reasons))


def splits_of(tree, folders):
    """The split of each image, "" where its folders name none.

    A layout may call any names splits. But next to names of `SPLITS` no other one is a split.

    Args:
        tree: a `Tree`.
        folders: as for `read_tree`.
    """
    names = [canonical_split(name) for name in tree.names_of(SPLIT, folders)]
    known = set(SPLITS.values()).intersection(names)
    return [name if name in known or not known else "" for name in names]


def units_of(tree, folders):
    """Whose each image is by its folders, "" where they do not say.

    It is the folder of the patient, whatever class or split that lies in: one of the same name is the same patient.
    Without a level of patients it is the study or else the series, with the folders above it.

    Args:
        tree: a `Tree`.
        folders: as for `read_tree`.

    Returns:
        (role, units): role is the one that was taken, "" for none; units is (N,) text.
    """
    role = next((role for role in _UNITS if role in tree.roles), "")
    if role in ("", PATIENT):
        return role, tree.names_of(role, folders)
    level = tree.roles.index(role)
    counted = [number for number in range(level + 1) if tree.roles[number] not in (SPLIT, CLASS)]
    return role, ["/".join(own[number] for number in counted) if len(own) > level else "" for own in folders]


def levels_table(tree, folders):
    """Tabulate what each level is taken for; only splits and classes that were recognised are named.

    Args:
        tree: a `Tree`.
        folders: as for `read_tree`, of the images that are taken.

    Returns:
        A DataFrame with columns level (1 is the top), taken for, because, folders (how many) and names.
    """
    rows = []
    for level, (role, reason) in enumerate(zip(tree.roles, tree.reasons, strict=True)):
        names = sorted({own[level] for own in folders if len(own) > level})
        shown = names if role == SPLIT or (role == CLASS and reason != _Detection.ONLY) else []
        some = ", ".join(shown[:5]) + (", ..." if len(shown) > 5 else "")
        rows.append((level + 1, role, reason, len({own[: level + 1] for own in folders if len(own) > level}), some))
    return pd.DataFrame(rows, columns=["level", "taken for", "because", "folders", "names"])


class _Detection:
    """The roles of levels, found one kind after the other; a level that has a role keeps it."""

    ONLY = "the only level"

    def __init__(self, levels, folders):
        self.levels, self.folders = levels, folders
        self.roles, self.reasons = [""] * len(levels), [""] * len(levels)

    def take(self, level, role, reason):
        self.roles[level], self.reasons[level] = role, reason

    def free(self):
        return [level for level, role in enumerate(self.roles) if not role]

    def classes(self, class_names):
        known = {folder_word(name) for name in class_names}
        for level in self.free():
            names = {folder_word(name) for name in self.levels[level]}
            numbers = all(name.isdigit() for name in names)
            if known and (names == known if numbers else names <= known):
                return self.take(level, CLASS, "names in class_names")
            if names <= USUAL_CLASSES | {"0", "1"} and not numbers:
                return self.take(level, CLASS, "usual names of classes")
        for level in self.free():
            if self.repeats_in_each_split(level):
                return self.take(level, CLASS, "the same names in each split")
        if len(self.levels) == 1 and self.free() and not any(self.are(kind, 0) for kind in (LIKE_PATIENT, LIKE_UID)):
            names = {folder_word(name) for name in self.levels[0]}
            if names & known or 1 < len(names) and (not known or len(names) <= len(known)):
                self.take(0, CLASS, self.ONLY)

    def repeats_in_each_split(self, level):
        """Whether the same few names are in all splits, as those of classes are and those of patients must not be."""
        names = self.levels[level]
        if SPLIT not in self.roles or not 2 <= len(names) <= _MOST_CLASSES or level + 1 != len(self.levels):
            return False
        if all(name.isdigit() for name in names) or any(self.are(kind, level) for kind in _NO_CLASSES):
            return False
        of_splits, split = {}, self.roles.index(SPLIT)
        for own in self.folders:
            if len(own) > level:
                of_splits.setdefault(canonical_split(own[split]), set()).add(folder_word(own[level]))
        return len(of_splits) > 1 and len(set(map(frozenset, of_splits.values()))) == 1

    def patients(self):
        for level in self.free():
            if self.are(LIKE_PATIENT, level):
                self.take(level, PATIENT, "names like patient 1")
                for above in self.free():
                    if above < level:
                        self.take(above, NOTHING, "above the patients")
                break
        for level in self.free():
            self.take(level, *self.by_place(level))

    def by_place(self, level):
        """Role and reason of a level by its names and the roles above it."""
        given = set(self.roles)
        if self.are(LIKE_SERIES, level) and SERIES not in given:
            return SERIES, "names like series 1"
        if (self.are(LIKE_STUDY, level) or self.are(LIKE_UID, level)) and not given & {STUDY, SERIES}:
            return STUDY, "names like studies"
        if self.are(LIKE_PART, level):
            return NOTHING, "names like images 1"
        if len(self.levels[level]) == 1:
            below = [one for one in self.free() if one > level][:1]
            wraps = folder_word(self.levels[level][0]) in WRAPPERS or given & set(_UNITS)
            if wraps or not any(self.are(kind, one) for one in below for kind in (LIKE_STUDY, LIKE_SERIES, LIKE_UID)):
                return NOTHING, "one folder alone"
        for number, role in enumerate(_UNITS):
            if not given & set(_UNITS[number:]):
                return role, "its place among the levels"
        return NOTHING, "below the series"

    def are(self, pattern, level):
        """Whether all names of a level are of that form."""
        return all(pattern.fullmatch(name) for name in self.levels[level])


def _levels(folders):
    """The names of folders at each level, in order."""
    depth = max(map(len, folders), default=0)
    return [sorted({own[level] for own in folders if len(own) > level}) for level in range(depth)]


def _level_of_splits(folders, asked):
    """The first level with the names of two splits, or with the one that is asked for alone; None if there is none."""
    for level, names in enumerate(_levels(folders)):
        known = {SPLITS[folder_word(name)] for name in names if folder_word(name) in SPLITS}
        alone = known == {canonical_split(asked)} and all(folder_word(name) in SPLITS for name in names)
        if len(known) >= 2 or alone:
            return level
    return None


def _in_a_split(folders, level):
    """Those of folders that lie in a folder named like a split; all, if there is no such name at that level."""
    inside = [own for own in folders if len(own) > level and folder_word(own[level]) in SPLITS]
    return inside or folders


def _checked(words, layout, levels):
    """The roles that a layout names, one for each level."""
    if words == (FLAT,):
        return (NOTHING,) * len(levels)
    told = [word for word in words if word != NOTHING]
    if len(words) != len(levels) or set(words) - set(ROLES) or len(told) > len(set(told)):
        there = "; ".join(_in_words(number, names) for number, names in enumerate(levels, 1)) or "no sub-folders"
        raise ValueError(
            f"layout is {layout!r}, and the folders have {len(levels)} level{'s' * (len(levels) != 1)} ({there}): give "
            f'each level one of {", ".join(ROLES)}, with / between them, each once but -, or "{FLAT}".'
        )
    return words


def _in_words(number, names):
    return f"level {number}: " + ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
