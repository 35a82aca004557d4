"""Lesions that users marked, for the images a.png and b.png of 8 x 8; outcome: what is read, or the sentence."""

import json
import re

import numpy as np
import pytest

from bad_cases import Case, assert_says, refused, refused_or_read, table_of
from bad_images import COLOUR, GREY, content, cut, deep_png, files, frames, header_of, picture, with_alpha
from black_average_drop.datasets import from_files
from black_average_drop.datasets.lesions import lesion_files

NAMES = ("a.png", "b.png")
FIRST = [("a.png", "Mass", 16)]  # pixels
HEADER = "image,x0,y0,x1,y1,finding\n"
BOXES = f"{HEADER}a.png,0,0,4,4,Mass\n"


def boxes(text, name="boxes.csv"):
    return content(name, text.encode())


def row(cells):
    return boxes(HEADER + cells)


def coco(images=None, categories=None, **annotation):
    """One annotation of a.png, a box if nothing else is said."""
    entries = {
        "images": [{"id": 1, "file_name": "a.png"}] if images is None else images,
        "annotations": [{"image_id": 1, "category_id": 5, "bbox": [0, 0, 4, 4]} | annotation],
        "categories": [{"id": 5, "name": "Mass"}] if categories is None else categories,
    }
    return content("boxes.json", json.dumps(entries).encode())


def polygon(*values):
    return coco(segmentation=[list(values)])


def chexlocalize(size=(8, 8), counts=(0, 4, 60), image="a"):
    return content("gt.json", json.dumps({image: {"Mass": {"size": size, "counts": counts}}}).encode())


def mask(writer):
    """That as the mask a.png in the folder masks/Mass."""

    def write(root):
        place = root / "masks" / "Mass"
        place.mkdir(parents=True)
        writer(place)

    return write


CSV, JSON, GT, PNG = "{root}/boxes.csv", "{root}/boxes.json", "{root}/gt.json", "{root}/masks/Mass/a.png"
NO_BOX = "{}, row 1: its box from ({}) to ({}) has no area: give the upper left corner first, then the lower right one."
OUTSIDE = "{}: its lesion from ({}) to ({}) is outside the 8 x 8 pixels of a.png: give pixels of the image file."
NUMBER = (
    "{}, row 1: its column {} holds {}: write a number of pixels, such as 12.5, or leave all four blank where "
    "there is no lesion."
)
NO_PIXEL = "{}: {} is the place of no pixel: give pixels of the image file."
SHARES = "{}: no number of its boxes or polygons is above 1, as in shares of the image: give pixels of the image file."
UNKNOWN = (
    "{} names {}, which is no image, as are the others there, and the first image is a.png: write names below your "
    "folder of images."
)
OTHER_SIZE = "{} is made for {} pixels, but a.png has 8 x 8: give it in pixels of the image file itself."
POLYGON = f"{JSON}, annotation 1 has a polygon that is no list of x and y of three corners or more: mend it."
NO_JSON = "{} cannot be read as JSON (...): save it again in UTF-8."
NEITHER = (
    "{root}/boxes.json is neither JSON of COCO nor of CheXlocalize: give it lists called images, annotations and "
    "categories."
)
RUNS = f"{GT}, Mass in a: its runs do not fill its 8 x 8 pixels: save the mask again."
LESIONS = [
    Case("no lesions", lambda root: None, "{root}/boxes.csv is missing: name a file of boxes or a folder of masks."),
    Case(
        "lesions of an unknown kind",
        content("boxes.xlsx", b"PK"),
        "{root}/boxes.xlsx is of no kind that is known here: name a .csv of boxes, a .json of COCO or CheXlocalize, or "
        "a folder of masks.",
    ),
    # tables
    Case("a box", boxes(BOXES), FIRST),
    Case("a box, tab", boxes(BOXES.replace(",", "\t")), FIRST),
    Case("a box of fractions of pixels", row("a.png,0.0,0.0,4.4,3.6,Mass"), FIRST),
    Case("a box without the column finding", boxes("image,x0,y0,x1,y1\na,0,0,4,4"), [("a.png", "", 16)]),
    Case("a CSV of boxes without rows", boxes(HEADER), f"{CSV} names no image: write one row for each lesion there."),
    Case("an empty CSV of boxes", boxes(""), "{root}/boxes.csv cannot be read as a CSV (...): save it in UTF-8, ..."),
    Case(
        "boxes by other columns",
        boxes(BOXES.replace("x1", "x2")),
        f"{CSV} has no boxes that are known here: give it the columns image, x0, y0, x1, y1 and finding.",
    ),
    Case(
        "a column of boxes twice",
        boxes(BOXES.replace("finding", "X0")),
        f"{CSV} has more than one column x0: leave one of them.",
    ),
    Case("a box of no image", row(",0,0,4,4,Mass"), f"{CSV}, row 1: its column image is blank: name an image there."),
    Case("boxes of other images", row("c.png,0,0,4,4,Mass"), UNKNOWN.format(CSV, "c.png")),
    Case("a box of no width", row("a.png,4,0,4,4,Mass"), NO_BOX.format(CSV, "4, 0", "4, 4")),
    Case("a box upside down", row("a.png,0,6,4,4,Mass"), NO_BOX.format(CSV, "0, 6", "4, 4")),
    Case("a box with a blank side", row("a.png,0,0,,4,Mass"), NUMBER.format(CSV, "x1", "nothing")),
    Case("a box of words", row("a.png,0,0,four,4,Mass"), NUMBER.format(CSV, "x1", "four")),
    Case(
        "a box with a decimal comma", boxes(HEADER.replace(",", ";") + "a;0;0;4,5;4;"), NUMBER.format(CSV, "x1", "4,5")
    ),
    Case("a box to NaN", row("a.png,0,0,nan,4,Mass"), NUMBER.format(CSV, "x1", "nothing")),
    Case("a box to infinity", row("a.png,0,0,1e999,4,Mass"), NUMBER.format(CSV, "x1", "1e999")),
    Case("a box of kilometres", row("a.png,0,0,1e9,4,Mass"), NO_PIXEL.format(f"{CSV}, row 1", "1000000000.0")),
    Case("a box outside its image", row("a.png,8,0,12,4,Mass"), OUTSIDE.format(f"{CSV}, row 1", "8, 0", "12, 4")),
    Case("boxes as shares", row("a.png,0.1,0.1,0.5,1.0,Mass"), SHARES.format(CSV)),
    Case("a box beyond the border", row("a.png,-4,-2,4,4,Mass"), FIRST),
    # COCO
    Case("COCO, a box", coco(), FIRST),
    Case("COCO, a polygon", polygon(0, 0, 4, 0, 4, 4, 0, 4), FIRST),
    Case("COCO, no category", coco(categories=[]), [("a.png", "", 16)]),
    Case("COCO, runs in a list", coco(segmentation={"size": [8, 8], "counts": [0, 16, 48]}), FIRST),
    Case("text named .json", content("boxes.json", b"no JSON"), NO_JSON.format(JSON)),
    Case("JSON in Latin-1", content("boxes.json", '{"é": 1}'.encode("latin-1")), NO_JSON.format(JSON)),
    Case("JSON of brackets", content("boxes.json", b"[" * 100_000), NO_JSON.format(JSON)),
    Case("a number of 5,000 digits", content("boxes.json", b"9" * 5000), NO_JSON.format(JSON)),
    Case("a list in JSON", content("boxes.json", b"[]"), NEITHER),
    Case("nothing in JSON", content("boxes.json", b"{}"), NEITHER),
    Case("COCO without images", coco(images=0), f"{JSON} has no list called images: give it one, as COCO has."),
    Case(
        "COCO, an image without a name",
        coco(images=[{"id": 1}]),
        f"{JSON}: entry 1 of its images has no file_name: give it one.",
    ),
    Case(
        "COCO, two images with one id",
        coco(images=[{"id": 1, "file_name": name} for name in NAMES]),
        f"{JSON}: entry 2 of its images has no id of its own: give it one.",
    ),
    Case(
        "COCO, an annotation of no image",
        coco(image_id=[2]),
        f"{JSON}, annotation 1 has the image_id [2], which is none of the images: mend it.",
    ),
    Case(
        "COCO, an unknown category",
        coco(category_id=2),
        f"{JSON}, annotation 1 has the category_id 2, which is none of the categories: mend it.",
    ),
    Case(
        "COCO, no box",
        coco(bbox=[0, 0, 4]),
        f"{JSON}, annotation 1 has neither a segmentation nor a bbox of four numbers: give it one of them.",
    ),
    Case(
        "COCO, a box of no height",
        coco(bbox=[0, 0, 4, 0]),
        f"{JSON}, annotation 1: its box from (0, 0) to (4, 0) has no area: give the upper left corner first, then the "
        "lower right one.",
    ),
    Case("COCO, a box outside", coco(bbox=[0, 9, 4, 4]), OUTSIDE.format(f"{JSON}, annotation 1", "0, 9", "4, 13")),
    Case(
        "COCO, a polygon outside",
        polygon(9, 9, 12, 9, 12, 12),
        OUTSIDE.format(f"{JSON}, annotation 1", "9, 9", "12, 12"),
    ),
    Case("COCO, a polygon of two corners", polygon(0, 0, 4, 4), POLYGON),
    Case("COCO, half a corner", polygon(0, 0, 4, 4, 0, 4, 1), POLYGON),
    Case("COCO, a polygon in one list", coco(segmentation=[0, 0, 4, 0, 4, 4]), POLYGON),
    Case("COCO, a polygon of words", polygon(*"abcdef"), POLYGON),
    Case(
        "COCO, a polygon to NaN", polygon(0, 0, 4, 0, 4, float("nan")), NO_PIXEL.format(f"{JSON}, annotation 1", "nan")
    ),
    Case(
        "COCO, a polygon of kilometres",
        polygon(0, 0, 4, 0, 4, 1e300),
        NO_PIXEL.format(f"{JSON}, annotation 1", "1e+300"),
    ),
    Case("COCO, polygons as shares", polygon(0, 0, 0.5, 0, 0.5, 0.5), SHARES.format(JSON)),
    Case(
        "COCO, boxes of another size of the image",
        coco(images=[{"id": 1, "file_name": "a.png", "width": 16, "height": 8}]),
        OTHER_SIZE.format(f"{JSON}, annotation 1", "16 x 8"),
    ),
    Case(
        "COCO, an image of no size",
        coco(images=[{"id": 1, "file_name": "a.png", "width": "?", "height": None}]),
        OTHER_SIZE.format(f"{JSON}, annotation 1", "? x None"),
    ),
    # CheXlocalize
    Case("CheXlocalize, runs", chexlocalize(counts=[0, 4, 60]), [("a.png", "Mass", 4)]),
    Case(
        "CheXlocalize, another size", chexlocalize((8, 16), [0, 128]), OTHER_SIZE.format(f"{GT}, Mass in a", "16 x 8")
    ),
    Case("CheXlocalize, runs that are too short", chexlocalize(counts=[0, 4]), RUNS),
    Case("CheXlocalize, runs that are too long", chexlocalize(counts=[0, 400]), RUNS),
    Case(
        "CheXlocalize, terabytes",
        chexlocalize((1_000_000, 1_000_000)),
        f"{GT}, Mass in a: its size is 1000000 x 1000000, and 1 to 89,478,485 pixels are expected: save the mask "
        "again.",
    ),
    Case("CheXlocalize, other images", chexlocalize(image="c"), UNKNOWN.format(GT, "c")),
    # masks
    Case("a mask", mask(picture(np.uint8(GREY < 64))), FIRST),
    Case("a mask that is black", mask(picture(GREY * 0)), []),
    Case(
        "a folder without masks",
        files("masks/notes.txt"),
        "{root}/masks holds no mask: put {root}/masks/a.png there, ...",
    ),
    Case("masks of other images", mask(picture(GREY, "c.png")), UNKNOWN.format("{root}/masks", "c.png")),
    Case("a mask of another size", mask(picture(GREY[:4])), OTHER_SIZE.format(PNG, "8 x 4")),
    Case("a mask in colours", mask(picture(COLOUR)), f"{PNG} is in colours: save it in black and white."),
    Case(
        "a transparent mask",
        mask(picture(with_alpha(COLOUR, 7))),
        f"{PNG} is transparent in places: save it in black and white.",
    ),
    Case(
        "a JPEG named .png for a mask",
        mask(picture(GREY, format="JPEG")),
        f"{PNG} is JPEG, and no PNG: save it as PNG.",
    ),
    Case(
        "a truncated mask", mask(cut("a.png")), f"{PNG} cannot be read as an image (...): remove it or fetch it again."
    ),
]


def place_in(root):
    """What the writer of a case made."""
    return next(iter(sorted(root.iterdir())), root / "boxes.csv")


def read(root):
    dataset = from_files(NAMES, NAMES, [0, 0], NAMES, ("x",), (8, 8))
    lesions = lesion_files.load(place_in(root), dataset, "stretch", dict.fromkeys(NAMES, (8, 8)))
    table = lesions.table
    return list(zip(table["id"], table["finding"], (table["area"] * 64).astype(int), strict=True))


@table_of(LESIONS)
def test_lesions(case, tmp_path):
    refused_or_read(case, read, tmp_path)


@table_of(LESIONS)
def test_the_first_check_says_it_in_the_same_words(case, tmp_path):
    case.make(tmp_path)
    try:
        lesion_files.check_lesions(place_in(tmp_path), NAMES)
    except (ValueError, FileNotFoundError) as problem:
        assert isinstance(case.outcome, str), f"refused, but it can be read: {problem}"
        assert_says(str(problem), case.outcome, tmp_path)
    else:  # what only the image or a decoded mask shows
        late = r"(outside the|is made for|in black and white|its runs do not|its size is|cannot be read as an image)"
        assert not isinstance(case.outcome, str) or re.search(late, case.outcome)


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "boxes.json"
    with open(path, "wb") as file:
        file.truncate(lesion_files.MOST_BYTES + 1)  # takes no space on the disk
    said = "{root}/boxes.json is larger than 200 MB: leave only the lesions of your images in it."
    refused(lambda: lesion_files.check_lesions(path, NAMES), said, tmp_path)


def test_a_name_that_fits_two_images_is_refused(tmp_path):
    names = ("p1/a.png", "p2/a.png")
    chexlocalize(image="a")(tmp_path)
    said = "{root}/gt.json names a, which fits p1/a.png and p2/a.png: leave out one of the images."
    refused(lambda: lesion_files.check_lesions(tmp_path / "gt.json", names), said, tmp_path)
    mask(picture(GREY))(tmp_path)
    said = (
        "{root}/masks/Mass/a.png could be the mask of Mass/a.png or of Mass in a.png: put the masks of each finding "
        "into a folder named after it, and give that another name than a folder of images has."
    )
    refused(lambda: lesion_files.check_lesions(tmp_path / "masks", ("Mass/a.png", "a.png")), said, tmp_path)


@pytest.mark.parametrize(
    "writer", [deep_png(COLOUR.astype(int) * 16, 2), frames("a.png", "PNG"), header_of(10_000, 10_000)]
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_mask_is_opened_like_an_image(tmp_path, writer):
    mask(writer)(tmp_path)
    with pytest.raises(ValueError, match="16 bits|pages or frames|too many pixels"):
        lesion_files.check_lesions(tmp_path / "masks", NAMES)
