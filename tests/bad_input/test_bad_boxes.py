"""The tables that come with radiographs (NIH) and photos (ImageNet); outcome: the boxes of the first image."""

import numpy as np

from bad_cases import Case, refused, table_of
from bad_images import COLOUR, files, turned
from black_average_drop.datasets.sources import chestxray14, imagenet

ENTRIES = "Image Index,Finding Labels,Patient ID\na.png,Pneumonia,1\nb.png,No Finding,2\n"
BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Pneumonia,256,512,128,64,,,\n"
REFETCH_TABLE = "fetch the original table again."


def nih(entries=ENTRIES, boxes=BOXES, encoding="utf-8"):
    """Two images of 8 x 8; boxes are given in the 1,024 x 1,024 of the originals."""

    def load(root):
        place = root / "nih-chest-xrays"
        files("images/a.png", "images/b.png")(place)
        (place / "Data_Entry_2017.csv").write_text(entries, encoding=encoding)
        (place / "BBox_List_2017.csv").write_text(boxes, encoding=encoding)
        return chestxray14.load(root, size=(16, 16))

    return load


def photos(answer="n00000000 1 2 3 4", more="", values=COLOUR, orientation=1):
    """One photo of 8 x 8 and the table of 1,000 synsets."""

    def load(root):
        place = root / "ILSVRC2012"
        (place / "val").mkdir(parents=True)
        turned(values, orientation)(place / "val")
        rows = [f"a,{answer}", *(f"other{i},n{i:08d} 0 0 1 1" for i in range(1000))]
        (place / "LOC_val_solution.csv").write_text("\n".join(["ImageId,PredictionString", *rows, more]))
        return imagenet.load(root, size=(7, 7))  # the central 87.5 %: from 0.5 to 7.5

    return load


NIH, PHOTOS = "{root}/nih-chest-xrays", "{root}/ILSVRC2012"
BOX = "{}/a.png: its box {} lies outside its 8 x 8 pixels: mend the table of boxes, or leave the image out."
CORNER = np.zeros((8, 8, 3), "uint8")
CORNER[1:4, 1:3] = 255
ANNOTATIONS = [
    Case("NIH, as it should be", nih(), [("Pneumonia", 4, 8, 6, 9)]),
    Case("NIH, byte-order mark", nih(encoding="utf-8-sig"), [("Pneumonia", 4, 8, 6, 9)]),
    Case("NIH, CRLF", nih(boxes=BOXES.replace("\n", "\r\n")), [("Pneumonia", 4, 8, 6, 9)]),
    Case("NIH, no file of boxes for the image", nih(boxes=BOXES.replace("a.png", "c.png")), []),
    Case("NIH, a box across the border", nih(boxes=BOXES.replace("256", "960")), [("Pneumonia", 15, 8, 16, 9)]),
    Case(
        "NIH, a box outside the image",
        nih(boxes=BOXES.replace("256", "2048")),
        BOX.format(f"{NIH}/images", "Pneumonia (16.0, 4.0, 17.0, 4.5)"),
    ),
    Case(
        "NIH, a box of negative width",
        nih(boxes=BOXES.replace("128", "-128")),
        BOX.format(f"{NIH}/images", "Pneumonia (2.0, 4.0, 1.0, 4.5)"),
    ),
    Case(
        "NIH, a box without a number",
        nih(boxes=BOXES.replace("256", "wide")),
        f"{NIH}/BBox_List_2017.csv: a box of a.png is not made of four numbers: {REFETCH_TABLE}",
    ),
    Case(
        "NIH, a missing column",
        nih(ENTRIES.replace("Patient ID", "Patient")),
        f"{NIH}/Data_Entry_2017.csv has no column 'Patient ID': {REFETCH_TABLE}",
    ),
    Case(
        "NIH, no patient in a row",
        nih(ENTRIES.replace("Pneumonia,1", "Pneumonia,")),
        f"{NIH}/Data_Entry_2017.csv has nothing in column 'Patient ID' of row 1: {REFETCH_TABLE}",
    ),
    Case(
        "NIH, a row twice",
        nih(ENTRIES + "a.png,No Finding,9\n"),
        "The id a stands for several images: name each image once.",
    ),
    Case(
        "NIH, no such finding",
        nih(ENTRIES.replace("Pneumonia", "Pneumonai")),
        "finding is 'Pneumonia': choose any or one of No Finding, Pneumonai.",
    ),
    Case(
        "NIH, a page of HTML instead of the table",
        nih("<html>\n<p>Sorry, not found</p>\n"),
        f"{NIH}/Data_Entry_2017.csv cannot be read as a CSV (...): save it in UTF-8, with a comma between columns.",
    ),
    Case("photo, as it should be", photos(), [("n00000000", 0.5, 1.5, 2.5, 3.5)]),
    Case("photo, a box outside the crop", photos("n00000000 0 0 0.4 8"), []),
    Case(
        "photo, a box outside the image",
        photos("n00000000 9 1 12 4"),
        BOX.format(f"{PHOTOS}/val", "n00000000 (9.0, 1.0, 12.0, 4.0)"),
    ),
    Case(
        "photo, a box of three numbers",
        photos("n00000000 1 2 3"),
        f"{PHOTOS}/LOC_val_solution.csv: the boxes of a are not a synset and four numbers each: {REFETCH_TABLE}",
    ),
    Case(
        "photo, no answer",
        photos(""),
        f"{PHOTOS}/LOC_val_solution.csv has nothing in column 'PredictionString' of row 1: {REFETCH_TABLE}",
    ),
    Case(
        "photo, two answers",
        photos(more="a,n00000001 1 2 3 4"),
        f"{PHOTOS}/LOC_val_solution.csv names a more than once: {REFETCH_TABLE}",
    ),
]


@table_of(ANNOTATIONS)
def test_tables_of_boxes(case, tmp_path):
    if isinstance(case.outcome, str):
        refused(lambda: [data.boxes(0) for data in [case.make(tmp_path)]], case.outcome, tmp_path)
    else:
        boxes = case.make(tmp_path).boxes(0)
        assert [name for name, *_ in boxes] == [name for name, *_ in case.outcome]
        np.testing.assert_allclose([box[1:] for box in boxes], [box[1:] for box in case.outcome])


def test_a_box_lies_on_what_it_marks_whatever_exif_says(tmp_path):
    """Boxes are in the pixels of the file, and so are photos; only a folder's pictures, without boxes, are turned."""
    data = photos("n00000000 1 1 3 4", values=CORNER, orientation=6)(tmp_path)
    _, *corners = data.boxes(0)[0]
    rows, columns = np.nonzero(data.read(0)[..., 0] > 127)
    marked = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(marked, corners, atol=0.5)
