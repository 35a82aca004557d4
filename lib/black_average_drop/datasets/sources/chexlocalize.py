"""CheXlocalize: radiologists' masks of ten findings on the validation and test images of CheXpert, and their points.

The folder chexlocalize holds CheXpert/{val,test}/ with {val,test}_labels.csv, and CheXlocalize/ with
gt_segmentations_{val,test}.json and hb_salient_pt_test.json.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.datasets import counting
from black_average_drop.datasets.images import from_files, open_picture, placed_mask
from black_average_drop.datasets.lesions import run_length
from black_average_drop.datasets.paths import require_folder
from black_average_drop.datasets.sources.source import SPLITS, Source, splits_of_halves
from black_average_drop.datasets.tables.csv_files import read_csv_table
from black_average_drop.files import sha256

FOLDER = "chexlocalize"
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Lung Lesion",
    "Lung Opacity",
    "Pleural Effusion",
    "Pneumothorax",
    "Support Devices",
)
PARTS = ("val", "test")
POINTS = "hb_salient_pt_test.json"
_PLACE = re.compile(r"(?:^|/)(patient\d+)/(study\d+)/(view\d+_[a-z]+)\.jpg$")  # the end of a path in the tables
_VALUES = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}
_SPELT = {"Lung Opacity": "Airspace Opacity"}  # in some of the JSON files


def load(root, part="test", finding="Lung Opacity", size=(224, 224)):
    """Read the images of a part with a finding (class 1) or without it (class 0), as far as their files are there.

    Frontal and lateral views are both taken, as in the published benchmark. Groups are the patients. The mask of an
    image is that of the finding, empty where nobody drew one.

    Args:
        root: the data root, which holds chexlocalize.
        part: "val" or "test", as CheXpert's files are called.
        finding: one of FINDINGS.
        size: (H, W), in pixels.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a table or a mask is not as it should be, or the part or the finding is unknown.
    """
    if part not in PARTS or finding not in FINDINGS:
        raise ValueError(
            f"part is {part!r} and finding {finding!r}: choose one of {', '.join(PARTS)}, and of {', '.join(FINDINGS)}."
        )
    folder = require_folder(Path(root) / FOLDER, "the folders CheXpert and CheXlocalize")
    table = _labels(folder, part, finding)
    masks = _json(_masks_file(folder, part))
    paths, ids = table["path"].tolist(), table["id"].tolist()

    def read_mask(position):
        mask = _mask(masks, ids[position], finding, _masks_file(folder, part))
        if mask is None:
            return np.zeros(size, bool)
        with open_picture(paths[position]) as image:
            width, height = image.size
        if abs(mask.shape[1] * height - mask.shape[0] * width) > max(mask.shape):  # a scaled copy rounds its sides
            raise ValueError(
                f"{paths[position]} is {width} x {height}, and its mask {mask.shape[1]} x {mask.shape[0]}: fetch the "
                "image again, or leave it out."
            )
        return placed_mask(mask, size)

    class_names = (f"no {finding}", finding)
    dataset = from_files(paths, ids, table["label"].tolist(), table["patient"].tolist(), class_names, size)
    return replace(dataset, read_mask=read_mask)


def _boxed(root, size=(224, 224)):
    """Read the test images whose lung opacity has a mask: as `load` does."""
    dataset = load(root, "test", size=size)
    dataset = dataset.subset(dataset.labels == 1)
    return dataset.subset(np.array([dataset.read_mask(position).any() for position in dataset.positions], bool))


def _boxed_halves(root, size=(224, 224), seed=0):
    """Read CheXpert's validation images and its test images with lung opacity or without: the publisher's two parts.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    return load(root, "val", size=size), load(root, "test", size=size)


def human_hits(root, finding="Lung Opacity"):
    """Say whether radiologists hit: the row of the human benchmark, next to those of methods.

    Three other radiologists than those of the masks marked the place that is most typical of each finding. An image
    with a mask is a hit if one of their points lies on the mask at full size, and a miss if none does or there is no
    point.

    Args:
        root: the data root.
        finding: one of FINDINGS.

    Returns:
        A DataFrame with a row for each test image that has a mask of the finding, and columns id, group (the patient)
        and hit (0 or 1).

    Raises:
        FileNotFoundError, ValueError: as `load`, or if a point is not two numbers inside its image.
    """
    folder = require_folder(Path(root) / FOLDER, "the folders CheXpert and CheXlocalize")
    place, points = _masks_file(folder, "test"), folder / "CheXlocalize" / POINTS
    masks, marked, rows = _json(place), _json(points), []
    for name in masks:
        mask = _mask(masks, name, finding, place)
        if mask is None or not mask.any():
            continue
        hit = 0
        for point in _of_finding(marked.get(name, {}), finding) or ():
            try:
                column, row = (int(coordinate) for coordinate in point)
                inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            except (TypeError, ValueError, OverflowError):
                inside = False
            if not inside:
                raise ValueError(f"{points}: a point of {name} is not inside its image: fetch the original file again.")
            hit = max(hit, int(mask[row, column]))
        rows.append((name, name.split("_")[0], hit))
    return pd.DataFrame(rows, columns=["id", "group", "hit"])


def _load_split(root, split, size, seed=0, background=False):
    return splits_of_halves(*_boxed_halves(root, size), seed)[split]


def _masks_file(folder, part):
    return folder / "CheXlocalize" / f"gt_segmentations_{part}.json"


def _labels(folder, part, finding):
    """A row for each image that is there: path, id, patient and label."""
    path = folder / "CheXpert" / f"{part}_labels.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: fetch it from Stanford AIMI; see data/README.md.")
    table = read_csv_table(path, ["Path", finding])
    rows = []
    for name, value in zip(table["Path"], table[finding], strict=True):
        place = _PLACE.search(name)
        if not place or value not in _VALUES:
            raise ValueError(
                f"{path}: {name!r} with {finding} {value!r} is no image of a patient with 0 or 1: fetch the original "
                "table again."
            )
        file = folder / "CheXpert" / part / f"{'/'.join(place.groups())}.jpg"
        if file.is_file():
            rows.append((file, "_".join(place.groups()), place[1], _VALUES[value]))
    return pd.DataFrame(rows, columns=["path", "id", "patient", "label"])


def _json(path):
    """A JSON file that holds an object."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: fetch it from Stanford AIMI; see data/README.md.")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path} cannot be read as JSON: fetch the original file again.") from problem
    if not isinstance(content, dict) or not all(isinstance(part, dict) for part in content.values()):
        raise ValueError(f"{path} does not name images with their findings: fetch the original file again.")
    return content


def _of_finding(findings, finding):
    """What a JSON file says of a finding, None if nothing."""
    return findings.get(finding, findings.get(_SPELT.get(finding, finding)))


def _mask(masks, name, finding, path):
    """The mask of a finding at full size, boolean (height, width), or None where the file has none."""
    encoded = _of_finding(masks.get(name, {}), finding)
    if encoded is None:
        return None
    try:
        return run_length.decode(encoded["size"], encoded["counts"])
    except (ValueError, KeyError, TypeError) as problem:
        reason = str(problem) if isinstance(problem, ValueError) else "it has no size or no counts"
        raise ValueError(
            f"{path}: the mask {finding} of {name} is damaged ({reason}): fetch the file again."
        ) from problem


def _count(root):
    """Images by part, under the names of `SOURCE.expected`."""
    folder = Path(root) / FOLDER / "CheXpert"
    return {f"{part} images": len(sorted((folder / part).glob("*/*/*.jpg"))) for part in PARTS}


def _report(root):
    """Images, patients and masks by part and finding: rows (what, figure)."""
    folder, rows = Path(root) / FOLDER, []
    for part in PARTS:
        path = _masks_file(folder, part)
        if not path.is_file():
            continue
        files = sorted((folder / "CheXpert" / part).glob("*/*/*.jpg"))
        patients = {file.parts[-3] for file in files}
        rows.append((f"{part}, images", f"{counting.size_of(files)} of {counting.number_of(patients, 'patient')}"))
        masks = _json(path)
        drawn = {finding: sum(_is_drawn(masks, name, finding, path) for name in masks) for finding in FINDINGS}
        rows.append((f"{part}, masks", ", ".join(f"{finding} {number:,}" for finding, number in drawn.items())))
        rows.append((f"SHA-256 of {path.name}", f"`{sha256(path)}`"))
    return rows


def _is_drawn(masks, name, finding, path):
    mask = _mask(masks, name, finding, path)
    return mask is not None and bool(mask.any())


SOURCE = Source(
    name="chexlocalize",
    title="CheXlocalize",
    folder=FOLDER,
    load_split=_load_split,
    splits=SPLITS,
    boxed=_boxed,
    boxed_halves=_boxed_halves,
    report=_report,
    expected={"val images": 234, "test images": 668},
    count=_count,
)
