"""A labels.csv next to a.png and b.png; outcome: the label of each id."""

import numpy as np

from bad_cases import Case, refused, table_of
from bad_images import COLOUR, SIZE, picture
from black_average_drop.datasets import folder


def csv(text, encoding="utf-8", *names, name="labels.csv"):
    def write(root):
        for image in names or ("a.png", "b.png"):
            picture(COLOUR, image)(root)
        (root / name).write_bytes(text.encode(encoding))

    return write


NO_ROWS = "{root}/labels.csv has no column image, or no rows: name each image's path below the folder of images there."
NO_CSV = "{root}/labels.csv cannot be read as a CSV (...): save it in UTF-8, with a comma between columns."
NO_FILE = "{{root}}/labels.csv names {}, which is no image that is there: mend its column image."
TWICE = "{root}/labels.csv has more than one row for a.png: leave one row for each image."
ALIKE = "{{root}}/labels.csv has no column {}, but {}: rename it to that, or to another word."
LABELS = {"a.png": "ill", "b.png": "well"}
TABLES = [
    Case("byte-order mark", csv("image,label\na.png,ill\nb.png,well\n", "utf-8-sig"), LABELS),
    Case("CRLF", csv("image,label\r\na.png,ill\r\nb.png,well\r\n"), LABELS),
    Case("spaces around column names", csv("image , label\na.png,ill\nb.png,well\n"), LABELS),
    Case("labels in Japanese", csv("image,label\na.png,肺炎\nb.png,正常\n"), {"a.png": "肺炎", "b.png": "正常"}),
    Case("a comma in a name", csv('image,label\n"a,b.png",ill\n', "utf-8", "a,b.png"), {"a,b.png": "ill"}),
    Case("NA is a label", csv("image,label\na.png,NA\nb.png,well\n"), {"a.png": "NA", "b.png": "well"}),
    Case("a capital in its name", csv("image,label\na.png,ill\nb.png,well\n", name="Labels.csv"), LABELS),
    Case("capitals in its name", csv("image,label\na.png,ill\nb.png,well\n", name="LABELS.CSV"), LABELS),
    Case(
        "two tables, by capitals",
        lambda root: [csv("image\na.png\n", name=name)(root) for name in ("Labels.csv", "labels.csv")],
        "{root} holds Labels.csv and labels.csv: leave one of them.",
    ),
    Case("Shift JIS", csv("image,label\na.png,肺炎\n", "cp932"), NO_CSV),
    Case("UTF-16", csv("image,label\na.png,ill\n", "utf-16"), NO_CSV),
    Case("a CSV of no bytes", csv(""), NO_CSV),
    Case("a row too long", csv("image,label\na.png,ill,or not\n"), NO_CSV),
    Case(
        "a row too short",
        csv("image,label\na.png,ill\nb.png\n"),
        "{root}/labels.csv: some images have a label and some have none: give all of them one, or none.",
    ),
    Case("semicolons", csv("image;label\na.png;ill\n"), {"a.png": "ill"}),
    Case("a header alone", csv("image,label\n"), NO_ROWS),
    Case("a column file", csv("file,label\na.png,ill\n"), {"a.png": "ill"}),
    Case("label misspelt", csv("image,lable\na.png,ill\n"), ALIKE.format("label", "lable")),
    Case("patient under another name", csv("image,label,Patient ID\na.png,ill,7\n"), {"a.png": "ill"}),
    Case(
        "two columns of labels",
        csv("image,label,label\na.png,ill,well\n"),
        "{root}/labels.csv has more than one column label: leave one of them.",
    ),
    Case("image that is not there", csv("image,label\nc.png,ill\n"), NO_FILE.format("c.png")),
    Case("image outside", csv("image,label\n../c.png,ill\n"), NO_FILE.format("../c.png")),
    Case("backslashes", csv("image,label\n.\\a.png,ill\n"), {"a.png": "ill"}),
    Case("no image in a row", csv("image,label\n,ill\n"), NO_FILE.format("nothing")),
    Case("NUL in a name", csv("image,label\na\0.png,ill\n"), NO_FILE.format("a\0.png")),
    Case(
        "an id twice",
        csv("image,label\na.png,ill\na.png,well\n"),
        TWICE,
    ),
    Case(
        "an id twice, spelt in two ways",
        csv("image,label\na.png,ill\n./a.png,well\n"),
        TWICE,
    ),
    Case(
        "a label for some alone",
        csv("image,label\na.png,ill\nb.png,\n"),
        "{root}/labels.csv: some images have a label and some have none: give all of them one, or none.",
    ),
    Case(
        "a patient for some alone",
        csv("image,label,patient\na.png,ill,7\nb.png,well,\n"),
        "{root}/labels.csv: some images have a patient and some have none: give all of them one, or none.",
    ),
    Case(
        "bars alone",
        csv("image,label\na.png,ill|old\nb.png, | \n"),
        "{root}/labels.csv: its column label holds ' | ' for b.png, which names no finding: name one, such as No "
        "Finding, or leave the cell blank.",
    ),
    Case(
        "a finding in two spellings",
        csv("image,label\na.png,Pleural_Thickening|Edema\nb.png,pleural  thickening\n"),
        "{root}/labels.csv: 'Pleural_Thickening' and 'pleural  thickening' name one finding: write its name in one "
        "way, and in one column alone.",
    ),
    Case(
        "a finding in two columns",
        csv("image,Edema,Mass,Edema\na.png,1,0,1\nb.png,0,0,1\n"),
        "{root}/labels.csv: 'Edema' and 'Edema' name one finding: write its name in one way, and in one column alone.",
    ),
    Case(
        "a word as the state of a finding",
        csv("image,Edema,Mass\na.png,1,0\nb.png,0,1\nc.png,yes,\n", "utf-8", "a.png", "b.png", "c.png"),
        "{root}/labels.csv: its column Edema holds 'yes' for c.png: write 1, 0, -1 or nothing there, or leave out the "
        "column.",
    ),
    Case("a patient for none", csv("image,label,patient\na.png,ill,\nb.png,well,\n"), LABELS),
    Case(
        "a class twice",
        csv("image,label\na.png,ill\nb.png,well\n"),
        "class_names names 'ill' more than once: name each class once.",
    ),
    Case(
        "a label that is no class",
        csv("image,label\na.png,ill\nb.png,wel\n"),
        "{root}/labels.csv: 'wel' is none of the classes ill, well: mend class_names.",
    ),
]
CLASS_NAMES = {"a label that is no class": ("ill", "well"), "a class twice": ("ill", "well", "ill")}


@table_of(TABLES)
def test_tables_of_labels(case, tmp_path):
    case.make(tmp_path)
    if isinstance(case.outcome, str):
        names = CLASS_NAMES.get(case.given, ())
        refused(lambda: folder.load(tmp_path, SIZE, class_names=names), case.outcome, tmp_path)
    else:
        data = folder.load(tmp_path, SIZE)
        assert dict(zip(data.ids, np.array(data.class_names)[data.labels], strict=True)) == case.outcome
