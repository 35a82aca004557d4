"""Whose the images of a folder are: by a table, a pattern, DICOM files or sub-folders, and what speaks against it."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

TABLE, PATTERN, HEADER, LEVEL, NOBODY = "column patient", "pattern", "PatientID", "folders", ""
# What anonymisers write in the place of every patient's ID, in small letters.
_PLACEHOLDER = re.compile(
    r"anon(ym(ous|ized|ised|e)?)?|de-?identified|unknown|none|n/?a|nan|null|removed|deleted|patient|default|no[-_ ]?id|"
    r"x+|0+|-+|\?+|\*+"
)


@dataclass(frozen=True)
class Patients:
    """Whose N images are, and how that is known."""

    names: list[str]  # (N,), "" where it is not known
    source: str  # TABLE, PATTERN, HEADER, LEVEL or NOBODY
    notes: list[str]  # sentences for a report, with neither names nor IDs


def check_pattern(pattern):
    """Refuse a pattern that is no regular expression with a group.

    Raises:
        ValueError: if it is none.
    """
    try:
        groups = re.compile(pattern).groups
    except re.error as problem:
        raise ValueError(
            f'patients is "{pattern}", which is no regular expression ({problem}): write one with a group around the '
            r"patient, such as (person\d+)."
        ) from problem
    if pattern and not groups:
        raise ValueError(
            f'patients is "{pattern}", which has no group: put parentheses around the part that names the patient, '
            r"such as (person\d+)."
        )


def find_patients(of_table, files, headers, units, role="", pattern="", csv="", damaged=()):
    """Say whose images are: by the table, else the pattern, else PatientID, else the folders.

    A PatientID does not count if it is missing in some of the images, or a placeholder such as ANON in half of them, or
    the same in all, as long as folders tell patients apart. Damaged files, which will not be read, say nothing of this.

    Args:
        of_table: (N,), the patients in a CSV, "" where it gives none.
        files: (N,), paths below the root.
        headers: path -> `headers.Header` of the DICOM files.
        units, role: as `tree.units_of` gives them.
        pattern: a regular expression that is searched in the paths. Its first group is the patient. "" for none.
        csv: the path of the CSV, for the message.
        damaged: those of files that are called DICOM and have no header that can be read.

    Returns:
        `Patients`.

    Raises:
        ValueError: if some images have a patient in the CSV and others have none, or the pattern is none or does not
            match every path.
    """
    check_pattern(pattern)
    ids = [headers[file].patient.strip() if file in headers else "" for file in files]
    if any(of_table):
        names = [patient or own for patient, own in zip(of_table, ids, strict=True)]
        if "" in names:
            raise ValueError(f"{csv}: some images have a patient and some have none: give all of them one, or none.")
        note = "The pattern in patients= does not count: the table says whose the images are."
        return Patients(names, TABLE, [note] * bool(pattern))
    if pattern:
        return Patients(_matched(pattern, files), PATTERN, ["Patients are found by the pattern in patients=."])
    if any(ids):
        return _by_header(ids, units, role, [file in damaged for file in files])
    if role:
        return Patients(list(units), LEVEL, [_by_folders(role)])
    return Patients(ids, NOBODY, ["Nothing says whose the images are: each counts as a patient of its own."])


def _matched(pattern, files):
    """The first group of the pattern in each path."""
    found = [re.search(pattern, file) for file in files]
    names = [match.group(1) or "" if match else "" for match in found]
    if "" in names:
        raise ValueError(
            f'patients is "{pattern}", which finds a patient in {sum(map(bool, names))} of {len(files)} images, not in '
            f"{files[names.index('')]}: mend it so that it matches every path below the folder, or leave it out."
        )
    return names


def _by_header(ids, units, role, damaged):
    """Patients by PatientID, where some images have one, or by folders where PatientID says less."""
    total = len(ids) - sum(damaged)
    missing = total - sum(map(bool, ids))
    (commonest, count), *_ = Counter(filter(None, ids)).most_common(1)
    placeholder = bool(_PLACEHOLDER.fullmatch(commonest.casefold())) and 2 * count >= total
    doubt = ""
    if missing:
        doubt = f"{missing} of {total} images {'has' if missing == 1 else 'have'} no PatientID"
    elif count == total > 1:
        doubt = f"All {total} images have the same PatientID"
    elif placeholder:
        doubt = f"{count} of {total} images {'has' if count == 1 else 'have'} a placeholder for a PatientID"
    if doubt and role and len(set(units)) > 1 and "" not in units:
        return Patients(list(units), LEVEL, [f"{doubt}, so it does not count.", _by_folders(role)])
    notes = ["Patients are those of PatientID in the DICOM files."]
    if missing:
        notes.append(f"{doubt}: each such image counts as a patient of its own.")
    elif doubt:
        notes.append(f"{doubt}: they count as one patient until patients=, layout= or a labels.csv tells them apart.")
    elif total > 3 and 2 * count >= total:
        notes.append(f"{count} of {total} images have one PatientID: see whether it stands for one patient.")
    return Patients(ids, HEADER, notes + _disagreement(ids, units, role))


def _by_folders(role):
    if role == "patient":
        return "Patients are the folders of the level taken for patient."
    return f"No level of folders is taken for patient: images of one {role} count as of one patient."


def _disagreement(ids, units, role):
    """A sentence where PatientID and folders divide the images in different ways."""
    if role != "patient":
        return []
    folders_of_id, ids_of_folder = defaultdict(set), defaultdict(set)
    known = [(one, unit) for one, unit in zip(ids, units, strict=True) if one and unit]
    for one, unit in known:
        folders_of_id[one].add(unit)
        ids_of_folder[unit].add(one)
    apart = sum(len(folders_of_id[one]) > 1 or len(ids_of_folder[unit]) > 1 for one, unit in known)
    if not apart:
        return []
    return [f"PatientID and the folders of patients disagree on {apart} of {len(known)} images: PatientID counts."]
