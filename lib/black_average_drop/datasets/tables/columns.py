"""What the columns of a table of labels hold, known by their names: images, labels, patients, or neither."""

from dataclasses import dataclass
from difflib import get_close_matches

IMAGE_COLUMNS = ("image", "path", "filepath", "imagepath", "filename", "file", "imageindex", "imageid")
EXAMINATION = "patientid"  # names images where nothing else does, as in the tables of RSNA
LABEL_COLUMNS = ("label", "findinglabels", "class")
PATIENT_COLUMNS = ("patient", EXAMINATION)
NO_IMAGES = "{} has no column image, or no rows: name each image's path below the folder of images there."
NO_FINDINGS = frozenset(
    (*IMAGE_COLUMNS, *LABEL_COLUMNS, *PATIENT_COLUMNS)
    + ("sex", "gender", "male", "female", "patientsex", "patientgender", "age", "patientage", "race", "ethnicity")
    + ("followup", "view", "viewposition", "frontallateral", "appa", "split", "fold", "index", "unnamed0")
    + ("x", "y", "width", "height", "radid", "classid", "studyid", "study", "series")
)


@dataclass(frozen=True)
class Roles:
    """The names of the columns that hold the image, the label and the patient, "" where no column does."""

    image: str
    label: str
    patient: str


def plain_name(column):
    """Write a column's name in small letters, without blanks, underscores and signs: `Follow-up #` is `followup`."""
    return "".join(character for character in column.casefold() if character.isalnum())


def roles_of(columns, path):
    """Find the columns of images, labels and patients.

    Args:
        columns: the names of all columns.
        path: of the table, for the message.

    Returns:
        `Roles`, and a list of sentences on what was chosen among several.

    Raises:
        ValueError: if no column holds images, if a column is there twice, or if the name of one is nearly that of
            label, patient or image.
    """
    there = {}
    for column in columns:
        there.setdefault(plain_name(column), []).append(column)
    keys = [name for name in IMAGE_COLUMNS if name in there]
    used = keys or [name for name in [EXAMINATION] if name in there]
    label = next((name for name in LABEL_COLUMNS if name in there), None)
    patient = next((name for name in PATIENT_COLUMNS if name in there and name not in used), None)
    for name in [*used[:1], label, patient]:
        if name and len(there[name]) > 1:
            raise ValueError(f"{path} has more than one column {there[name][0]}: leave one of them.")
    image = used[0] if used else None
    _check_alike(columns, {"image": image, "label": label, "patient": patient}, path)
    if image is None:
        raise ValueError(NO_IMAGES.format(path))
    roles = Roles(*(there[name][0] if name else "" for name in (image, label, patient)))
    passed_over = [there[name][0] for name in keys[1:]]
    notes = []
    if passed_over:
        notes.append(f"Images are named by the column {roles.image}, not by {', '.join(passed_over)}.")
    if image == EXAMINATION:
        notes.append(f"The column {roles.image} names the images, so it tells no patients.")
    return roles, notes


def may_be_finding(column):
    """Whether a column of 1, 0 and -1 may be a finding, as far as its name says."""
    return plain_name(column) not in NO_FINDINGS


def _check_alike(columns, roles, path):
    """Refuse a column whose name is nearly that of a role that no column has."""
    free = [column.lower() for column in columns if may_be_finding(column)]
    for role, taken in roles.items():
        alike = [] if taken else get_close_matches(role, free, cutoff=0.8)
        if alike:  # it would be passed over, and labels or patients with it
            raise ValueError(f"{path} has no column {role}, but {alike[0]}: rename it to that, or to another word.")
