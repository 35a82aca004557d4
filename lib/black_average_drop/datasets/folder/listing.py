"""Which images of a folder are taken: by their names, folders, headers and a CSV, before any is decoded."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.datasets.findings import COLUMNS, Findings
from black_average_drop.datasets.folder import patients as whose
from black_average_drop.datasets.folder import tree
from black_average_drop.datasets.folder.files import LEADS_OUT, find_files, headers_of, pages_of
from black_average_drop.datasets.folder.frames import EVERY, check_frame, chosen_frames, frames_in_words
from black_average_drop.datasets.folder.labels import check_class_names, numbered_labels, spelt_alike
from black_average_drop.datasets.folder.names import canonical_split, in_mask_folder
from black_average_drop.datasets.paths import check_name, listing, require_folder
from black_average_drop.datasets.tables.labels import read_label_table

LABELS = "labels.csv"


@dataclass(frozen=True)
class Listing:
    """The N images that `load` takes, and what their folder, their headers or a CSV say of them."""

    root: Path
    table: pd.DataFrame  # of text: image (its id), file (below root) and patient ("" where it is not known)
    frames: list[int | None]  # (N,) the number of the frame or page in its file, None for the only one
    labels: np.ndarray  # (N,) index into class_names, or UNLABELLED
    class_names: tuple[str, ...]
    findings: Findings | None  # several in one image
    csv: Path | None  # what says so, None for the folder itself
    patients_from: str  # one of those of `patients.Patients`
    levels: pd.DataFrame  # as `tree.levels_table` gives them
    passed_over: pd.DataFrame  # kind and files: how many files of each kind are no images that are taken
    notes: list[str]  # sentences for the report, without names of files and patients

    @property
    def groups(self):
        """(N,) the patient of each image, or its file where no patient is known."""
        return self.table["patient"].where(self.table["patient"] != "", self.table["file"]).to_numpy(str)


def listed(root, labels=None, class_names=(), layout="", split="test", patients="", frame="", outputs=()):
    """List the images that `load` takes, by names, folders, headers and a CSV, and decode none.

    Args:
        root: the folder.
        labels: a CSV that says which images to take, by default root's labels.csv if there is one:
            `read_label_table`. Without it all images are taken.
        class_names: the classes in the order of the network's outputs; by default those that are there, in order of
            name. Without labels every label is UNLABELLED. Findings have the names in the CSV, whatever class_names
            are.
        layout: what each level of folders is, such as "patient/study/series"; "" finds out: `tree.read_tree`.
        split: which images are taken where a level of folders is train, validation and test; "all" takes all of them.
        patients: a pattern that finds the patient in each path, with a group around it: `patients.find_patients`.
        frame: which frame or page of files with several: `frames.check_frame`. "" lists such a file, which then cannot
            be read.
        outputs: what the model's file calls its outputs, () if it does not: without class_names a level of folders with
            such names is one of classes.

    Returns:
        A `Listing`.

    Raises:
        FileNotFoundError: if root or the CSV is missing.
        ValueError: if the folder has no such images or cannot be read, a link leads out of it, a name is not UTF-8, or
            a setting, the CSV, a label or a finding does not fit.
    """
    root = require_folder(root, "your images, flat or in sub-folders")
    class_names, frame = check_class_names(class_names), check_frame(frame)
    whose.check_pattern(patients)
    if labels is not None and not Path(labels).is_file():
        raise FileNotFoundError(f"{labels} is missing: name a CSV with a column image, or leave labels out.")
    csv = table_of(root) if labels is None else Path(labels)
    files = find_files(root, csv)
    taken = _all_images(root, files, layout) if csv is None else _images_of_table(csv, files)
    shape = _take_split(taken, root, class_names or tuple(outputs), layout, split)
    headers = _take_pictures(taken, root, files)
    _take_patients(taken, shape, headers, files.dicom, patients, csv)
    for file in taken.table["image"]:
        check_name(root / file)
    counts = {file: header.frames for file, header in headers.items()}
    counts |= pages_of(root, [file for file in taken.table["image"] if file not in headers])
    frames = _take_frames(taken, counts, frame)
    folders = tree.folders_of(taken.table["file"])
    of_images = _labels(taken, shape, folders, class_names)
    remedy = "" if csv else ', or set layout="patient" or another one if folders are no classes'
    numbers, class_names = numbered_labels(of_images, class_names, csv or root, remedy)
    return Listing(
        root=root,
        table=taken.table[["image", "file", "patient"]],
        frames=frames,
        labels=numbers,
        class_names=class_names,
        findings=taken.findings,
        csv=csv,
        patients_from=taken.patients_from,
        levels=tree.levels_table(shape, folders),
        passed_over=_counted(taken.passed_over),
        notes=taken.notes,
    )


def table_of(root):
    """The labels.csv of a folder, however its name is capitalised, None if there is none.

    Raises:
        ValueError: if there are several, or the folder cannot be read.
    """
    with listing(root):
        tables = sorted(path for path in root.iterdir() if path.name.lower() == LABELS and path.is_file())
    if len(tables) > 1:
        raise ValueError(f"{root} holds {tables[0].name} and {tables[1].name}: leave one of them.")
    return tables[0] if tables else None


@dataclass
class _Taken:
    """The rows that are still taken, and what was said and passed over on the way."""

    table: pd.DataFrame  # image, label and patient, of text
    findings: Findings | None
    passed_over: Counter
    notes: list[str]
    labelled: bool  # by the table, so that folders are no labels
    patients_from: str = whose.NOBODY

    def pass_over(self, kinds):
        """Take out the rows that have a kind, (N,) of text, and count these."""
        there = np.array([kind == "" for kind in kinds], bool)
        self.passed_over.update(filter(None, kinds))
        self.take(np.flatnonzero(there))

    def take(self, rows):
        """Take rows by their numbers, which may come several times."""
        self.table = self.table.iloc[rows].reset_index(drop=True)
        self.findings = self.findings and self.findings.of_rows(rows)


def _all_images(root, files, layout):
    """Every image of a folder, but masks."""
    if files.links_out:
        raise ValueError(
            f"{root / files.links_out[0]} is a link that leads out of {root}: copy the file there, or leave it out."
        )
    table = pd.DataFrame({"image": files.images, "label": "", "patient": ""}, columns=COLUMNS, dtype=object)
    taken = _Taken(table, None, Counter(files.passed_over), [], labelled=False)
    taken.pass_over(["in a folder of masks" * mask for mask in in_mask_folder(tree.folders_of(files.images))])
    flat = [name for name in taken.table["image"] if "/" not in name]
    if flat and len(flat) < len(taken.table) and layout != tree.FLAT:
        headers = headers_of(root, [name for name in flat if name in files.dicom])
        flat = [name for name in flat if name not in headers or headers[name].has_pixels]
        if flat:
            raise ValueError(
                f"{root} holds images next to its sub-folders, {flat[0]} for one: put all of them into sub-folders, "
                f'or none, or set layout="{tree.FLAT}" if folders say nothing.'
            )
    return taken


def _images_of_table(csv, files):
    """The images that a CSV names."""
    told = read_label_table(csv, files.images)
    labelled = bool((told.table["label"] != "").any() or (told.findings and told.label_column))
    passed_over = Counter(files.passed_over)
    passed_over[LEADS_OUT] += len(files.links_out)
    passed_over["not in the table"] += len(files.images) - len(told.table)
    return _Taken(told.table, told.findings, passed_over, list(told.notes), labelled)


def _take_split(taken, root, class_names, layout, split):
    """Take the images of the split, and give the `Tree` of all of them."""
    _refuse_none(taken, root)
    folders = tree.folders_of(taken.table["image"])
    shape = tree.read_tree(folders, class_names, layout, split)
    if tree.SPLIT not in shape.roles:
        if split not in (tree.DEFAULT_SPLIT, tree.EVERY_SPLIT):
            raise ValueError(
                f"split is {split!r}, and no level of folders in {root} has names of splits: leave split out, or name "
                "the level in layout."
            )
        return shape
    own, asked = tree.splits_of(shape, folders), canonical_split(split)
    there = Counter(filter(None, own))
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(there.items()))
    if asked == tree.EVERY_SPLIT:
        taken.notes.append(f"The images of all splits are taken ({counts}), also those of the training.")
        taken.pass_over(["" if name else "in no split" for name in own])
        return shape
    if asked not in there:
        raise ValueError(
            f"split is {split!r}, and {root} has images of other splits alone ({counts}): choose one of these, or "
            f"{tree.EVERY_SPLIT}."
        )
    taken.notes.append(f"The images of the split {asked} are taken, by the names of folders ({counts}).")
    taken.pass_over(["" if name == asked else f"other split ({name})" if name else "in no split" for name in own])
    return shape


def _take_pictures(taken, root, files):
    """Take the files that hold pixels, as far as headers tell, and give the headers of DICOM files by their names."""
    headers = headers_of(root, [name for name in taken.table["image"] if name in files.dicom])
    taken.pass_over(
        ["" if name not in headers or headers[name].has_pixels else headers[name].kind for name in taken.table["image"]]
    )
    _refuse_none(taken, root)
    headers = {name: headers[name] for name in taken.table["image"] if name in headers}
    burned_in = sum(header.burned_in for header in headers.values())
    if burned_in:
        taken.notes.append(
            f"{burned_in} of {len(taken.table)} files {'says' if burned_in == 1 else 'say'} that text is burned into "
            "the pixels (BurnedInAnnotation): look whether it names the patient."
        )
    return headers


def _take_patients(taken, shape, headers, dicom, pattern, csv):
    """Say whose each image is."""
    files = list(taken.table["image"])
    role, units = tree.units_of(shape, tree.folders_of(files))
    of_table = list(taken.table["patient"])
    found = whose.find_patients(of_table, files, headers, units, role, pattern, csv, dicom.difference(headers))
    taken.table["patient"] = found.names
    taken.patients_from = found.source
    taken.notes += found.notes


def _take_frames(taken, counts, frame):
    """Take frames of files: (M,) their numbers in the file, None for the only one."""
    files = list(taken.table["image"])
    taken.notes += frames_in_words([counts.get(file, 1) for file in files], frame)
    frames = [chosen_frames(counts.get(file, 1), frame) for file in files]
    taken.take(np.repeat(np.arange(len(files)), list(map(len, frames))))
    frames = [number for some in frames for number in some]
    taken.table["file"] = taken.table["image"]
    if frame == EVERY:
        taken.table["image"] = [
            file if number is None else f"{file}#{number}"
            for file, number in zip(taken.table["file"], frames, strict=True)
        ]
    return frames


def _labels(taken, shape, folders, class_names):
    """The label of each image in words, by the table or else by its folders."""
    if taken.labelled:
        return taken.table["label"]
    labels = spelt_alike(pd.Series(shape.names_of(tree.CLASS, folders), dtype=object), class_names)
    if taken.findings and ((labels == "").any() or (class_names and not set(labels) <= set(class_names))):
        return labels.str[:0]  # names of folders that are no labels
    return labels


def _refuse_none(taken, root):
    if not len(taken.table):
        only = ", ".join(f"{count} {kind}" for kind, count in sorted(taken.passed_over.items()) if count)
        only = f", only other files ({only})" if only else ""
        raise ValueError(
            f"{root} holds no images{only}: put them into it, or into sub-folders of classes, patients or splits."
        )


def _counted(kinds):
    """A Counter as a DataFrame with columns kind and files."""
    rows = sorted((kind, count) for kind, count in kinds.items() if count)
    return pd.DataFrame(rows, columns=["kind", "files"])
