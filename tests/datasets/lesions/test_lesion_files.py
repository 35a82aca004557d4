"""Lesions that users marked: each kind of file, where a lesion is in the network's image, and what is counted."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import coco
from pycocotools import mask as coco_mask
from skimage.draw import polygon2mask

from black_average_drop.datasets import from_files
from black_average_drop.datasets.fits import FITS
from black_average_drop.datasets.images import read_image
from black_average_drop.datasets.lesions import ANY, lesion_files
from black_average_drop.datasets.lesions.marks import Mark, filled, placed

ORIGINAL = (24, 16)  # (width, height)
SIZE = (8, 6)  # (H, W)
NAMES = ("p1/study/a.png", "p2/study/b.png")
BOXES = {  # (id, finding) -> x0, y0, x1, y1
    (NAMES[0], "Effusion"): (2, 4, 9, 11),
    (NAMES[0], "Mass"): (13, 1, 20, 8),
    (NAMES[1], "Mass"): (0, 0, 24, 9),
}


def a_dataset(names=NAMES, size=SIZE):
    return from_files(list(names), list(names), [0] * len(names), list(names), ("x",), size)


def load(place, names=NAMES, fit="stretch", size=SIZE, original=ORIGINAL):
    return lesion_files.load(place, a_dataset(names, size), fit, dict.fromkeys(names, original))


def drawn(box, original=ORIGINAL):
    mask = np.zeros(original[::-1], bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def encoded(mask):
    """A mask as COCO's list of runs, down the columns; the first run is of 0."""
    flat = mask.ravel("F")
    ends = np.r_[0, np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat)]
    return {"size": list(mask.shape), "counts": ([0] if flat[0] else []) + np.diff(ends).tolist()}


def coco_json(place, shape, **image):
    """The boxes as COCO has them, each by what shape(box) gives."""
    findings = sorted({finding for _, finding in BOXES})
    content = {
        "images": [{"id": number, "file_name": name, **image} for number, name in enumerate(NAMES)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(findings)],
        "annotations": [
            {"image_id": NAMES.index(name), "category_id": findings.index(finding), **shape(box)}
            for (name, finding), box in BOXES.items()
        ],
    }
    place.write_text(json.dumps(content))


def table(place, header, row, separator=","):
    """The boxes as rows of a CSV, each by row(name, finding, box)."""
    lines = [header, *(row(name, finding, box) for (name, finding), box in BOXES.items())]
    place.write_text("\n".join(separator.join(map(str, line)) for line in lines))


def own_columns(name, finding, box):
    return name, *box, finding


def write_own(root):
    table(root / "boxes.csv", ("image", "x0", "y0", "x1", "y1", "finding"), own_columns)
    return root / "boxes.csv"


def write_semicolons(root):
    table(
        root / "boxes.csv",
        ("image", "X0", "Y0", "X1", "Y1", "Finding"),
        lambda name, finding, box: (f"C:\\data\\{name}".replace("/", "\\"), *box, finding),
        ";",
    )
    return root / "boxes.csv"


def write_vindr(root):
    table(
        root / "train.csv",
        ("image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"),
        lambda name, finding, box: (name.rpartition("/")[2].removesuffix(".png"), finding, 3, "R1", *box),
    )
    return root / "train.csv"


def write_nih(root):
    table(
        root / "BBox_List_2017.csv",
        ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""),
        lambda name, finding, b: (name.rpartition("/")[2], finding, *b[:2], b[2] - b[0], b[3] - b[1], "", "", ""),
    )
    return root / "BBox_List_2017.csv"


def write_coco_boxes(root):
    coco_json(root / "coco.json", lambda b: {"bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]], "segmentation": []})
    return root / "coco.json"


def write_coco_polygons(root):
    def corners(b):
        return {"segmentation": [[b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3]]], "bbox": [0, 0, 1, 1]}

    coco_json(root / "coco.json", corners, width=ORIGINAL[0], height=ORIGINAL[1])
    return root / "coco.json"


def write_coco_runs(root):
    coco_json(root / "coco.json", lambda box: {"segmentation": encoded(drawn(box)), "iscrowd": 1})
    return root / "coco.json"


def write_chexlocalize(root):
    content = {}
    for (name, finding), box in BOXES.items():
        content.setdefault(name.removesuffix(".png").replace("/", "_"), {})[finding] = encoded(drawn(box))
    (root / "gt.json").write_text(json.dumps(content))
    return root / "gt.json"


def write_masks(root):
    for (name, finding), box in BOXES.items():
        path = root / "masks" / finding / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(box)).save(path)
    return root / "masks"


WRITERS = [write_own, write_semicolons, write_vindr, write_nih, write_coco_boxes, write_coco_polygons]
WRITERS += [write_coco_runs, write_chexlocalize, write_masks]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_the_same_lesions_are_the_same_masks_whatever_the_file(tmp_path, write, fit):
    lesions = load(write(tmp_path), fit=fit)
    assert sorted(zip(lesions.table["id"], lesions.table["finding"], strict=True)) == sorted(BOXES)
    for row, (name, finding, kind, area) in enumerate(lesions.table.itertuples(index=False)):
        by_hand = _shares_of(drawn(BOXES[name, finding]), fit) >= 0.5
        assert (lesions.mask(row) == by_hand).all() and area == by_hand.mean() > 0
        assert kind == ("box" if write in WRITERS[:5] else "mask")
    assert lesions.notes == ()


def _shares_of(mask, fit, parts=48):
    """How much of each pixel of the network's image a mask covers: by looking at many points of each."""
    height, width = mask.shape
    sides = (width / SIZE[1], height / SIZE[0])
    step = {"stretch": sides, "crop": [min(sides)] * 2, "pad": [max(sides)] * 2, "imagenet": [0.875 * min(sides)] * 2}
    places = []
    for side, length, one in zip((width, height), SIZE[::-1], step[fit], strict=True):
        centres = (np.arange(length * parts) + 0.5) / parts - length / 2
        places.append(np.floor(side / 2 + centres * one).astype(int))
    (x, y), padded = places, np.pad(mask, 99)
    seen = padded[y[:, None] + 99, x + 99]
    return seen.reshape(SIZE[0], parts, SIZE[1], parts).mean(axis=(1, 3)) + 1e-9


def test_the_table_of_rsna_has_pneumonia_and_images_without_it(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "patientId,x,y,width,height,Target\na,2.0,4.0,7.0,7.0,1\na,13.0,1.0,7.0,7.0,1\nb,1,1,9,9,0\nb,,,,,0\nelsewhere,,,,,0\n"
    )
    lesions = load(tmp_path / "labels.csv")
    assert list(lesions.table["id"]) == [NAMES[0]] * 2 and set(lesions.table["finding"]) == {"Pneumonia"}
    assert (lesions.mask(0) == load(write_own(tmp_path)).mask(0)).all()
    assert lesions.notes == ("1 image is listed without a lesion.",)


def test_an_image_of_coco_without_an_annotation_is_counted(tmp_path):
    boxes = [{"image_id": 0, "bbox": [1, 1, 9, 9]}, {"image_id": 1, "bbox": [2, 2, 1, 1]}]
    images = [{"id": number, "file_name": name} for number, name in enumerate((*NAMES, "c.png"))]
    (tmp_path / "coco.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    lesions = load(tmp_path / "coco.json", (*NAMES, "c.png"))
    too_small = "1 lesion is too small to be seen in the network's image."
    assert lesions.notes == (too_small, "1 image is listed without a lesion.")


def test_boxes_of_several_readers_are_all_taken(tmp_path):
    (tmp_path / "train.csv").write_text(
        "image_id,class_name,rad_id,x_min,y_min,x_max,y_max\n"
        "a,Mass,R1,1,1,9,9\na,Mass,R2,2,1,9,9\na,No finding,R3,,,,\n"
    )
    lesions = load(tmp_path / "train.csv")
    assert len(lesions) == 2
    assert lesions.notes == ("Boxes are of 3 readers. A lesion that several of them marked counts several times.",)


# -- where a lesion is in the network's image --

corner = st.floats(0, 1)


@settings(deadline=None, max_examples=60)
@given(
    original=st.tuples(st.integers(20, 90), st.integers(20, 90)),
    ends=st.tuples(corner, corner, corner, corner),
    fit=st.sampled_from(FITS),
)
def test_a_box_is_where_it_would_be_if_it_were_painted_in_the_file(tmp_path_factory, original, ends, fit):
    (x0, x1), (y0, y1) = (sorted(round(end * side) for end in ends[axis::2]) for axis, side in enumerate(original))
    if x0 == x1 or y0 == y1:
        return
    path = tmp_path_factory.getbasetemp() / "box.png"
    Image.fromarray(drawn((x0, y0, x1, y1), original)).convert("L").save(path)
    seen = read_image(path, (16, 12), fit)[..., 0] / 255
    mask = placed(Mark("a", "", "", (x0, y0, x1, y1)), original, (16, 12), fit).mask
    assert not (mask & (seen < 0.05)).any() and not (~mask & (seen > 0.95)).any()
    differ = mask != (seen >= 0.5)
    blurred = (seen > 0) & (seen < 1)  # Pillow looks further than one pixel, so that edges are where they differ
    assert not (differ & ~blurred).any()


corners = st.lists(st.tuples(st.integers(-8, 48), st.integers(-8, 40)), min_size=3, max_size=7)


@settings(deadline=None)
@given(corners=corners)
def test_a_polygon_is_filled_as_by_scikit_image(corners):
    # Shifted, so that no centre of a pixel is on an edge: there implementations may differ.
    polygon = np.array(corners) + [0.137, 0.291]
    by_skimage = polygon2mask((32, 40), polygon[:, ::-1] - 0.5)
    assert (filled([polygon], (40, 32)) == by_skimage).all()


def test_where_polygons_of_a_lesion_overlap_it_is_inside():
    squares = [[(0, 0), (4, 0), (4, 4), (0, 4)], [(2, 2), (6, 2), (6, 6), (2, 6)]]
    expected = np.zeros((8, 8), bool)
    expected[:4, :4] = expected[2:6, 2:6] = True
    assert (filled(squares, (8, 8)) == expected).all()


@pytest.mark.parametrize("seed", range(5))
def test_annotations_of_coco_are_read_as_pycocotools_reads_them(tmp_path, seed):
    random, (width, height) = np.random.default_rng(seed), (60, 44)
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    stars = [
        (centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)).ravel().tolist()
        for centre, radius in (((20, 20), random.uniform(6, 14, 9)), ((44, 26), random.uniform(5, 12, 9)))
    ]
    runs = np.asfortranarray(random.random((height, width)) > 0.7)
    text = coco_mask.encode(runs.astype("uint8"))["counts"].decode()
    shapes = [stars, encoded(runs), {"size": [height, width], "counts": text}]
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "Mass"}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, "segmentation": shape, "bbox": [0, 0, 1, 1], "area": 1}
            for number, shape in enumerate(shapes, start=1)
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    lesions = load(tmp_path / "coco.json", ("a.png",), size=(height, width), original=(width, height))
    theirs = coco.COCO(str(tmp_path / "coco.json"))
    masks = [theirs.annToMask(theirs.anns[number]).astype(bool) for number in (1, 2, 3)]
    for row in (1, 2):
        assert (lesions.mask(row) == masks[row]).all()
    differ = lesions.mask(0) != masks[0]  # pycocotools rounds corners to fifths of a pixel
    assert differ.sum() <= 0.06 * masks[0].sum() and not (differ & ~_border(masks[0])).any()


def _border(mask):
    """Pixels next to one that is not like them."""
    padded = np.pad(mask, 1, mode="edge")
    near = [
        padded[1 + y : len(padded) - 1 + y, 1 + x : padded.shape[1] - 1 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)
    ]
    return np.any(near, axis=0) != np.all(near, axis=0)


# -- pairs --


def test_regions_are_unions_and_a_lesion_without_a_finding_is_of_every_pair(tmp_path):
    (tmp_path / "boxes.csv").write_text(
        "image,x0,y0,x1,y1,finding\na,0,0,4,4,Mass\na,2,2,6,6,Mass\na,0,12,24,16,Effusion\nb,0,0,24,4,\n"
    )
    lesions = load(tmp_path / "boxes.csv", size=(16, 24))
    assert list(lesions.table["finding"]) == ["Mass", "Mass", "Effusion", ANY] and len(lesions) == 4
    ids = [NAMES[0], NAMES[1], NAMES[0], NAMES[1], NAMES[0]]
    findings = ["Mass", "Mass", "Effusion", "Edema", "Edema"]
    pairs, rows = lesions.of_pairs(ids, findings)
    assert list(zip(pairs, rows, strict=True)) == [(0, 0), (0, 1), (1, 3), (2, 2), (3, 3)]
    expected = np.zeros((5, 16, 24), bool)
    expected[0, :4, :4] = expected[0, 2:6, 2:6] = True
    expected[[1, 3], :4] = True
    expected[2, 12:] = True
    assert (lesions.regions(ids, findings) == expected).all()
    assert lesions.of_pairs(["c"], ["Mass"])[0].size == 0


def test_lesions_take_little_memory(tmp_path):
    write_own(tmp_path)
    lesions = load(tmp_path / "boxes.csv", size=(512, 512))
    assert sum(part.bits.nbytes for part in lesions.parts) < 512 * 512 / 4


# -- what is counted --

HEADER = "image,x0,y0,x1,y1,finding\n"


@pytest.mark.parametrize(
    ("rows", "fit", "note"),
    [
        ("a,1,1,9,9,\nz,1,1,9,9,\nz,2,2,9,9,", "stretch", "2 lesions name images that are not there."),
        ("a,1,1,9,9,\nb,1,1,9,9,", "stretch", "1 lesion is of an image that is not explained."),
        ("a,1,1,9,9,Mass\na,1,1,9,9,Mass\na,1,1,9,9,", "stretch", "1 box is there twice and was taken once."),
        ("a,-3,-1,9,9,", "stretch", "1 lesion reaches beyond its image and was cut at the border."),
        ("a,1,1,25,9,", "stretch", "1 lesion reaches beyond its image and was cut at the border."),
        ("a,1,1,9,17,", "stretch", "1 lesion reaches beyond its image and was cut at the border."),
        ("a,0,0,24,16,", "stretch", "1 lesion covers the whole image."),
        ("a,1,1,9,9,\na,0,0,1,1,No Finding", "stretch", ""),
        ("a,1,1,9,9,\na,nan,NaN,NA,,", "stretch", ""),
        ("a,9,1,12,9,\na,0,0,2,16,", "crop", "1 lesion is in a part of its image that fit=crop cuts away."),
        ("a,1,1,9,9,\na,2,2,3,3,", "stretch", "1 lesion is too small to be seen in the network's image."),
        ("a,1,1,9,9,\na,,,,,\nb,,,,,", "stretch", ""),  # a has a lesion, b is not explained
        ("a,,,,,\na,,,,,", "stretch", "1 image is listed without a lesion."),
    ],
)
def test_what_is_counted(tmp_path, rows, fit, note):
    (tmp_path / "boxes.csv").write_text(HEADER + rows)
    sizes = {NAMES[0]: ORIGINAL}
    lesions = lesion_files.load(tmp_path / "boxes.csv", a_dataset(NAMES[:1]), fit, sizes, NAMES)
    assert lesions.notes == ((note,) if note else ())
    assert all(name not in " ".join(lesions.notes) for name in ("a.png", "p1", str(tmp_path)))


def test_a_box_beyond_the_border_is_cut_there(tmp_path):
    (tmp_path / "boxes.csv").write_text(HEADER + "a,-3,-1,9,99,")
    mask = load(tmp_path / "boxes.csv", size=(16, 24)).mask(0)
    assert mask[:, :9].all() and not mask[:, 9:].any()


def test_masks_are_named_like_maps(tmp_path):
    for name in ("p1/study/a", "Mass/p1/study/a", "Mass/p2/study/b", "Mass/p3/study/c"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn((0, 0, 9, 9))).save(path)
    Image.fromarray(np.zeros(ORIGINAL[::-1], "uint8")).save(tmp_path / "Mass/p2/study/b.png")
    (tmp_path / "notes.txt").write_text("")
    lesions = load(tmp_path)
    assert lesions.table[["id", "finding"]].to_numpy().tolist() == [[NAMES[0], "Mass"], [NAMES[0], ANY]]
    assert lesions.notes == (
        "1 lesion names an image that is not there.",
        "1 mask marks nothing.",
        "1 file next to the masks is none and was passed over.",
    )
    assert lesion_files.check_lesions(tmp_path, NAMES) == set(NAMES)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "P"])
def test_what_is_not_black_in_a_mask_is_inside(tmp_path, mode):
    mask = drawn((4, 4, 12, 12))
    grey = Image.fromarray(np.uint8(mask * 7))
    if mode == "I;16":
        image = Image.fromarray(np.uint16(mask * 7))
    else:
        image = Image.fromarray(mask) if mode == "1" else grey.convert(mode)
    image.save(tmp_path / "a.png")
    lesions = load(tmp_path, ("a.png",), size=(16, 24))
    assert (lesions.mask(0) == mask).all()


def test_the_first_check_says_which_images_have_lesions(tmp_path):
    (tmp_path / "boxes.csv").write_text(HEADER + "a,1,1,9,9,\nz,1,1,9,9,\nb,,,,,\n")
    assert lesion_files.check_lesions(tmp_path / "boxes.csv", NAMES) == {NAMES[0]}


def test_the_checksum_is_of_all_that_is_read(tmp_path):
    masks = write_masks(tmp_path)
    first = lesion_files.checksum_of_lesions(masks)
    (masks / "notes.txt").write_text("")
    assert lesion_files.checksum_of_lesions(masks) == first
    (masks / "Mass").rename(masks / "Nodule")
    renamed = lesion_files.checksum_of_lesions(masks)
    Image.fromarray(drawn((0, 0, 1, 1))).save(masks / "Nodule" / NAMES[0])
    assert len({first, renamed, lesion_files.checksum_of_lesions(masks)}) == 3
    write_own(tmp_path)
    before = lesion_files.checksum_of_lesions(tmp_path / "boxes.csv")
    (tmp_path / "boxes.csv").write_text(HEADER)
    assert lesion_files.checksum_of_lesions(tmp_path / "boxes.csv") != before
