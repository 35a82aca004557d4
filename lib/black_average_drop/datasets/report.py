"""What is in a data root, counted from its files: the figures of data/README.md, as Markdown.

Each source gives rows (what, figure); a source that is not there gives none.
"""

from pathlib import Path

import pandas as pd

from black_average_drop import progress
from black_average_drop.datasets import (
    FOLDERS,
    catalogue,
    chest_xray,
    chestxray14,
    image_files,
    imagenet,
    opened,
    split_by_group,
)
from black_average_drop.files import sha256


def markdown(root):
    """The tables of every source below root, of the weights too. Raises ValueError if there is none of them."""
    sections, columns = [], "| what | figure |\n|---|---|"
    for title, rows in (
        ("chest_xray", chest_xray_rows(root)),
        ("NIH ChestX-ray14", chestxray14_rows(root)),
        ("ImageNet photos", imagenet_rows(root)),
        ("Weights", weights_rows(root)),
    ):
        if rows:
            lines = [f"### {title}, counted\n", columns, *(f"| {what} | {figure} |" for what, figure in rows)]
            sections.append("\n".join(lines))
    if not sections:
        raise ValueError(f"{root} holds none of {', '.join(FOLDERS.values())}, weights: pass DATA=, or run make data.")
    return "\n\n".join(sections)


def chest_xray_rows(root):
    """Counts by split and class, patients, and duplicates by exact bytes, of root/chest_xray."""
    folder = Path(root) / FOLDERS["chest_xray"]
    files = [
        (split, name, path)
        for split in ("train", "test")
        for name in chest_xray.CLASS_NAMES
        if (folder / split / name.upper()).is_dir()
        for path in image_files(folder / split / name.upper())
    ]
    if not files:
        return []
    table = pd.DataFrame(files, columns=["split", "label", "path"])
    table["patient"] = [chest_xray.patient(path.stem) for path in table["path"]]
    # Numbers start anew in each group: what a key that leaves the group out would take for one child.
    table["person"] = table["patient"].str.extract(r"^(person\d+)_", expand=False)
    table["IM"] = table["patient"].str.extract(r"(IM-\d+)$", expand=False)
    table["bytes"] = _checksums(table["path"])
    rows = [("size", f"{_size(table['path'])}, {_sides(table['path'])}")]
    for (split, label), part in table.groupby(["split", "label"], sort=False):
        rows.append((f"{split}, {label}", f"{_many(part, 'image')} of {_many(part['patient'].unique(), 'patient')}"))
    for split, part in table.groupby("split", sort=False):
        rows.append((f"{split}, both", f"{_many(part, 'image')} of {_many(part['patient'].unique(), 'patient')}"))
    rows += [
        ("patients in both splits", f"{_in_both(table, 'patient'):,}"),
        ("`personN` in both splits, wrongly read without bacteria or virus", f"{_in_both(table, 'person'):,}"),
        ("`IM-N` in both splits, wrongly read without `NORMAL2-`", f"{_in_both(table, 'IM'):,}"),
    ]
    for split, part in table.groupby("split", sort=False):
        alike = part[part.duplicated("bytes", keep=False)]
        extra = len(alike) - alike["bytes"].nunique()
        rows.append((f"exact duplicates within {split}", f"{extra} beyond the first, {len(alike)} files in all"))
    rows.append(("images in both splits, by exact bytes", f"{_in_both(table, 'bytes'):,}"))
    table["part"], train = table["split"], table["split"] == "train"
    held_out = split_by_group(table.loc[train, "patient"].to_numpy(str), catalogue.VALIDATION_SHARE)
    table.loc[table.index[train][held_out], "part"] = "validation"
    rows += _crossing(table)
    alike = table.groupby("bytes")
    rows.append(("images with both labels, by exact bytes", f"{(alike['label'].nunique() > 1).sum():,}"))
    rows.append(("images of two patients, by exact bytes", _listed(_of_several_patients(table))))
    return rows


def chestxray14_rows(root):
    """Labels, patients, view positions and boxes of root/nih-chest-xrays: of the tables, and of the files there."""
    folder = Path(root) / FOLDERS["chestxray14"]
    tables = [sorted(folder.glob(pattern)) for pattern in ("Data_Entry_2017*.csv", "BBox_List_2017.csv")]
    if not all(tables):
        return []
    entries, boxes = (pd.read_csv(found[0], encoding="utf-8-sig") for found in tables)
    boxes["Finding Label"] = boxes["Finding Label"].replace({"Infiltrate": "Infiltration"})
    entries["labels"] = entries["Finding Labels"].str.split("|").map(set)
    places = [place for place in (folder / "images", *sorted(folder.glob("images_0*/images"))) if place.is_dir()]
    files = {path.stem: path for place in places for path in image_files(place)}
    there = entries[[Path(name).stem in files for name in entries["Image Index"]]]
    labels = entries.set_index("Image Index")["labels"]
    boxed = boxes.groupby("Image Index")["Finding Label"].agg(set)
    boxed = boxed[boxed.index.isin(labels.index)]
    unboxed = sum(bool(labels[name] - names) for name, names in boxed.items())
    pneumonia = boxes[boxes["Finding Label"] == "Pneumonia"]["Image Index"].nunique()
    rows = [
        ("size of the images", f"{_size(files.values())}, {_sides(files.values())}"),
        ("boxes", f"{len(boxes):,} on {boxes['Image Index'].nunique():,} images, {pneumonia:,} of them for pneumonia"),
        ("boxed images with further labels that have no box", f"{unboxed:,} of {len(boxed):,}"),
    ]
    for name, part in (("in the table", entries), ("as files", there)):
        ill = part[part["labels"].map(lambda found: "Pneumonia" in found)]
        well = part[part["labels"].map(lambda found: found == {chestxray14.NO_FINDING})]
        patients = [set(one["Patient ID"]) for one in (ill, well, part[~part.index.isin(well.index)])]
        every = (
            part["labels"]
            .explode()
            .value_counts()
            .sort_index(kind="stable")
            .sort_values(ascending=False, kind="stable")
        )
        rows += [
            (f"images {name}", f"{len(part):,} of {_many(part['Patient ID'].unique(), 'patient')}"),
            (f"labels {name}", ", ".join(f"{label} {count:,}" for label, count in every.items())),
            (f"pneumonia {name}", f"{len(ill):,}, {(ill['labels'].map(len) == 1).sum():,} with that label alone"),
            (f"no finding {name}", f"{len(well):,}"),
            (f"views of pneumonia {name}", _views(ill)),
            (f"views of no finding {name}", _views(well)),
            (f"patients {name} with images of pneumonia and of no finding", f"{len(patients[0] & patients[1]):,}"),
            (f"patients {name} with images with and without a finding", f"{len(patients[1] & patients[2]):,}"),
        ]
    checksums = dict(zip(files, _checksums(files.values()), strict=True))
    rows.append(("exact duplicates among the files", f"{len(files) - len(set(checksums.values())):,} beyond the first"))
    parts = zip(catalogue.SPLITS, chestxray14.split(chestxray14.boxed_and_normal(root)), strict=True)
    parts = [pd.DataFrame({"id": part.ids, "patient": part.groups, "part": name}) for name, part in parts]
    parts = pd.concat(parts)
    rows += _crossing(parts.assign(bytes=parts["id"].map(checksums)))
    rows += [(f"SHA-256 of {found[0].name}", f"`{sha256(found[0])}`") for found in tables]
    return rows


def imagenet_rows(root):
    """Photos, their classes and boxes, and the table of answers of root/ILSVRC2012."""
    folder = Path(root) / FOLDERS["imagenet"]
    if not (folder / "val").is_dir():
        return []
    photos = imagenet.load(root)
    paths = [path for place in (folder / "val", *folder.glob("val/n*")) for path in image_files(place)]
    rows = [
        ("size of the photos", f"{_size(paths)}, {_sides(paths)}"),
        ("photos", f"{len(photos):,} of {len(set(photos.labels.tolist())):,} classes"),
        ("exact duplicates", f"{len(paths) - len(set(_checksums(paths))):,} beyond the first"),
    ]
    solution = folder / "LOC_val_solution.csv"
    if solution.is_file():
        answers = pd.read_csv(solution, encoding="utf-8-sig").set_index("ImageId")["PredictionString"].str.split()
        synsets = answers.str[0].nunique()
        boxes = sum(len(answers[path.stem]) // 5 for path in paths)
        rows.insert(2, ("boxes on these photos", f"{boxes:,}"))
        rows.append(("rows of LOC_val_solution.csv", f"{len(answers):,} of {synsets:,} classes"))
        rows.append(("SHA-256 of LOC_val_solution.csv", f"`{sha256(solution)}`"))
    return rows


def weights_rows(root):
    """Size and SHA-256 of the files in root/weights."""
    files = sorted(path for path in (Path(root) / "weights").glob("*") if path.is_file())
    return [(f"{path.name}, {_size([path])}", f"SHA-256 `{sha256(path)}`") for path in files]


def _in_both(table, column, split="split"):
    """How many values of a column are in more than one split."""
    return int((table.groupby(column)[split].nunique() > 1).sum())


def _crossing(table):
    """What crosses the parts that profiles of seed 0 train, choose the epoch and test on: rows for `markdown`."""
    parts = "two of train, validation and test"
    return [
        (f"patients in {parts}", f"{_in_both(table, 'patient', 'part'):,}"),
        (f"images in {parts}, by exact bytes", f"{_in_both(table, 'bytes', 'part'):,}"),
    ]


def _of_several_patients(table):
    """The patients of each image that is there under several of them, as text."""
    patients = table.groupby("bytes")["patient"].agg(lambda names: " and ".join(sorted(set(names))))
    return sorted(names for names in patients if " and " in names)


def _views(part):
    counts = part["View Position"].value_counts().sort_index()
    return ", ".join(f"{count:,} {view}" for view, count in counts.items()) or "none"


def _listed(names):
    return f"{len(names)}" + (f": {'; '.join(names)}" if names else "")


def _many(items, noun):
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def _size(paths):
    paths = list(paths)
    return f"{sum(path.stat().st_size for path in paths) / 1e6:,.1f} MB in {_many(paths, 'file')}"


def _sides(paths):
    """Widths and heights, which tell a scaled copy from the original; only the headers are read."""
    sizes = []
    for path in progress.bar(list(paths), desc="sizes", unit="file"):
        with opened(path) as image:
            sizes.append(image.size)
    widths, heights = zip(*sizes, strict=True) if sizes else ((0,), (0,))
    return f"{_span(widths)} x {_span(heights)} pixels"


def _span(lengths):
    return f"{min(lengths)}" if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"


def _checksums(paths):
    return [sha256(path) for path in progress.bar(list(paths), desc="checksums", unit="file")]
