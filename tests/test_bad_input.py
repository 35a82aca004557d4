"""What is given -> the exact outcome: the sentence of a refusal, or what is read, left out, counted and listed.

Sentences are whole; "..." stands for a list of choices or for the words of another library, {root} for the folder of
the case. `CASES` holds every row of every table.
"""

import errno
import json
import os
import re
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pydicom
import pytest
import tifffile
from keras import layers
from PIL import ExifTags, Image
from pydicom.uid import ExplicitVRLittleEndian

from black_average_drop import cams, controls, evaluation, networks, training
from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import choose as choose_command
from black_average_drop.artifact import pipeline, profiles
from black_average_drop.datasets import chestxray14, folder, imagenet, phantoms
from black_average_drop.files import ROOT


class Case(NamedTuple):
    given: str
    make: Callable  # called by the family's test
    outcome: Any  # text: the sentence that refuses it; otherwise as the family's test says


def refused(call, outcome, root=""):
    """Whether the call is refused with exactly that sentence."""
    with pytest.raises((ValueError, FileNotFoundError)) as problem:
        call()
    assert_says(str(problem.value), outcome, root)


def assert_says(said, outcome, root=""):
    pattern = re.escape(outcome.replace("{root}", str(root))).replace(re.escape("..."), ".+")
    assert re.fullmatch(pattern, said), said


def table_of(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.given for case in cases])


# Images, read through the folder loader; outcome: the pixels (8, 8, 3), NaN where they do not matter.

SIZE = (8, 8)
GREY = (np.arange(64).reshape(SIZE) * 4).astype("uint8")
COLOUR = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)
FLAT = np.full((8, 8, 3), (200, 100, 50), "uint8")  # survives lossy codecs but for a level or two
LOSSY = 3
REFETCH = "cannot be read as an image (...): remove it or fetch it again."
FRAMES = "holds 3 pages or frames, and one is wanted: save it by itself, or leave it out."
DEEP = "has colours or transparency of 16 bits: convert it to 8 bits with the window to be shown."
TRANSPARENT = "is transparent in places: save it on the background that is to be shown."
NOT_DICOM = "{root}/a.dcm cannot be read as a DICOM image (...): export it as PNG, or leave it out."


def picture(values, name="a.png", **options):
    return lambda root: Image.fromarray(values).save(root / name, **options)


def with_alpha(values, opaque_rows):
    alpha = np.where(np.arange(8) < opaque_rows, 255, 0).astype("uint8")
    return np.dstack([values, np.repeat(alpha[:, None], 8, axis=1)])


def cut(name):
    def write(root):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
        Image.fromarray(noise).save(root / name)
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])

    return write


def content(name, data):
    return lambda root: (root / name).write_bytes(data)


def frames(name, form):
    def write(root):
        first, *others = (Image.fromarray(np.full((8, 8, 3), level, "uint8")) for level in (0, 100, 200))
        first.save(root / name, format=form, save_all=True, append_images=others)

    return write


def palette(**options):
    return lambda root: Image.fromarray(COLOUR).quantize(64).save(root / "a.png", **options)


def turned(values, orientation, name="a.png"):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return picture(values, name, exif=exif)


def png(width, height, bits, kind, rows):
    """A PNG as Pillow does not write it; kind: 0 for grey, 2 for colours, 4 for grey with alpha."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return content("a.png", b"\x89PNG\r\n\x1a\n" + parts)


def header_of(width, height):
    """A PNG of 1 bit whose header promises that many pixels, in 70 bytes."""
    return png(width, height, 1, 0, b"")


def deep_png(values, kind):
    return png(8, 8, 16, kind, b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))


def tiff(values, **options):
    return lambda root: tifffile.imwrite(root / "a.tif", values, **options)


def write_dicom(path, **tags):
    """GREY as 12 bits."""
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = "1.2.3"
    file.Rows, file.Columns = GREY.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PatientID = "p 7"
    file.PixelData = GREY.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def packed_tiff(values):
    """A TIFF of 12 bits a pixel, two in three bytes, with no compression."""
    nibbles = [f"{value:03x}" for value in values.ravel()]
    data = bytes.fromhex("".join(nibbles))
    tags = [(256, 3, 8), (257, 3, 8), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 3, 8)]
    tags.append((279, 4, len(data)))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return content("a.tif", b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory)


def radiograph(change=None, **tags):
    def write(root):
        write_dicom(root / "a.dcm", **tags)
        if change:
            (root / "a.dcm").write_bytes(change((root / "a.dcm").read_bytes()))

    return write


def grey(values):
    return np.repeat(np.asarray(values, float)[..., None], 3, axis=2)


def over(values, low, high):
    """Shown over all values that the bits of a file allow."""
    return grey(np.round((values.astype(float) - low) / (high - low) * 255))


def words(size, kind=b"zTXt", chunks=1, before=b"name\0\0"):
    """GREY as PNG, with chunks of compressed text, or another kind, that unpack to so many bytes each."""

    def write(root):
        picture(GREY)(root)
        data = (root / "a.png").read_bytes()
        text = before + zlib.compress(bytes(size))
        chunk = struct.pack(">I", len(text)) + kind + text + struct.pack(">I", zlib.crc32(kind + text))
        (root / "a.png").write_bytes(data[:33] + chunk * chunks + data[33:])  # behind the header

    return write


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
HALVES = np.repeat([[0] * 10000 + [255] * 10000], 10, axis=0).astype("uint8")
IMAGES = [
    Case("truncated PNG", cut("a.png"), f"{{root}}/a.png {REFETCH}"),
    Case("truncated JPEG", cut("a.jpg"), f"{{root}}/a.jpg {REFETCH}"),
    Case("truncated TIFF", cut("a.tif"), f"{{root}}/a.tif {REFETCH}"),
    Case("truncated WebP", cut("a.webp"), f"{{root}}/a.webp {REFETCH}"),
    Case("empty file", content("a.png", b""), f"{{root}}/a.png {REFETCH}"),
    Case("text named .png", content("a.png", b"no image"), f"{{root}}/a.png {REFETCH}"),
    Case("PNG with a little text", words(1000), grey(GREY)),
    Case("PNG with 2 MB of text", words(2_000_000), f"{{root}}/a.png {REFETCH}"),
    Case(
        "PNG with 2 MB of text in Unicode",
        words(2_000_000, b"iTXt", before=b"name\0\1\0\0\0"),
        f"{{root}}/a.png {REFETCH}",
    ),
    Case("PNG with a colour profile of 2 MB", words(2_000_000, b"iCCP"), f"{{root}}/a.png {REFETCH}"),
    Case("PNG with a hundred texts", words(1_000_000, chunks=100), f"{{root}}/a.png {REFETCH}"),
    Case("PostScript named .png", content("a.png", POSTSCRIPT), f"{{root}}/a.png {REFETCH}"),
    Case("PostScript named .tif", content("a.tif", POSTSCRIPT), f"{{root}}/a.tif {REFETCH}"),
    Case("JPEG 2000 named .png", picture(GREY, format="JPEG2000"), f"{{root}}/a.png {REFETCH}"),
    Case("JPEG named .png", picture(FLAT, format="JPEG"), FLAT),
    Case("1 x 1", picture(COLOUR[:1, 1:2]), np.broadcast_to(COLOUR[0, 1], (8, 8, 3))),
    Case("20,000 x 10", picture(HALVES), grey(np.tile([0] * 3 + [np.nan] * 2 + [255] * 3, (8, 1)))),
    Case("grey", picture(GREY), grey(GREY)),
    Case("1 bit", picture(GREY > 99), grey((GREY > 99) * 255)),
    Case("RGBA, opaque", picture(with_alpha(COLOUR, 8)), COLOUR),
    Case("RGBA, transparent in places", picture(with_alpha(COLOUR, 7)), f"{{root}}/a.png {TRANSPARENT}"),
    Case("grey with alpha", picture(with_alpha(GREY, 7)), f"{{root}}/a.png {TRANSPARENT}"),
    Case("grey, one level transparent", picture(GREY, transparency=4), f"{{root}}/a.png {TRANSPARENT}"),
    Case("palette", palette(), COLOUR),
    Case("palette, one colour transparent", palette(transparency=0), f"{{root}}/a.png {TRANSPARENT}"),
    Case("CMYK", lambda root: Image.fromarray(FLAT).convert("CMYK").save(root / "a.jpg"), FLAT),
    Case("16 bits", picture(1000 + GREY.astype("uint16") * 99), over(1000.0 + GREY * 99.0, 0, 65535)),
    Case("16 bits, all alike", picture(np.full(SIZE, 700, "uint16")), np.full((8, 8, 3), 3)),
    Case("16 bits, written by hand", deep_png(1000 + GREY.astype(int) * 99, 0), over(1000.0 + GREY * 99.0, 0, 65535)),
    Case("colours of 16 bits, PNG", deep_png(COLOUR.astype(int) * 16, 2), f"{{root}}/a.png {DEEP}"),
    Case("grey with alpha of 16 bits, PNG", deep_png(with_alpha(GREY, 8), 4), f"{{root}}/a.png {DEEP}"),
    Case("colours of 16 bits", tiff(COLOUR.astype("uint16") * 16, photometric="rgb"), f"{{root}}/a.tif {DEEP}"),
    Case(
        "colours of 16 bits, one after another",
        tiff(np.moveaxis(COLOUR, -1, 0).astype("uint16"), photometric="rgb", planarconfig="separate"),
        f"{{root}}/a.tif {DEEP}",
    ),
    Case(
        "CMYK of 16 bits", tiff(with_alpha(COLOUR, 8) * np.uint16(9), photometric="separated"), f"{{root}}/a.tif {DEEP}"
    ),
    Case("colours of 8 bits, TIFF", tiff(COLOUR, photometric="rgb"), COLOUR),
    Case(
        "signed, 8 bits",
        tiff((GREY // 2 - 63.0).astype("int8")),
        "{root}/a.tif is a TIFF of signed 8-bit values: save it with values from 0 to 255, or as 16 bits.",
    ),
    Case("signed, 16 bits", tiff(GREY.astype("int16") * 99 - 1000), over(GREY * 99.0 - 1000, -32768, 32767)),
    Case("12 bits, TIFF", packed_tiff(GREY.astype(int) * 16), over(GREY * 16.0, 0, 4095)),
    Case("signed, 32 bits", tiff(GREY.astype("int32") << 22), over(GREY * 2.0**22, -(2**31), 2**31 - 1)),
    Case("unsigned, 32 bits", tiff(GREY.astype("uint32") << 23), over(GREY * 2.0**23, 0, 2**32 - 1)),
    Case(
        "unsigned, 32 bits, all of them used",
        tiff(GREY.astype("uint32") << 24),
        "{root}/a.tif holds values beyond 31 bits, which turn negative: save it with 16 bits.",
    ),
    Case("32 bits, with a fraction", tiff(GREY.astype("float32") / 99), grey(np.round(GREY / 252 * 255))),
    Case("64 bits, with a fraction", tiff(GREY.astype("float64")), f"{{root}}/a.tif {REFETCH}"),
    Case(
        "NaN",
        tiff(np.where(GREY > 9, GREY, np.nan).astype("float32")),
        "{root}/a.tif holds values that are no numbers: replace them, or leave the image out.",
    ),
    Case(
        "infinite",
        tiff(np.where(GREY > 9, GREY, np.inf).astype("float32")),
        "{root}/a.tif holds values that are no numbers: replace them, or leave the image out.",
    ),
    Case(
        "colours of 32 bits",
        tiff(COLOUR.astype("float32"), photometric="rgb"),
        f"{{root}}/a.tif {REFETCH}",
    ),
    Case("GIF named .png", picture(GREY, format="GIF"), f"{{root}}/a.png {REFETCH}"),
    Case("animated GIF named .png", frames("a.png", "GIF"), f"{{root}}/a.png {REFETCH}"),
    Case("animated PNG", frames("a.png", "PNG"), f"{{root}}/a.png {FRAMES}"),
    Case("animated WebP", frames("a.webp", "WEBP"), f"{{root}}/a.webp {FRAMES}"),
    Case("several pictures in a JPEG", frames("a.jpg", "MPO"), f"{{root}}/a.jpg {FRAMES}"),
    Case("TIFF of several pages", frames("a.tif", "TIFF"), f"{{root}}/a.tif {FRAMES}"),
    Case("EXIF: a quarter turn", turned(COLOUR, 6), np.rot90(COLOUR, -1)),
    Case("EXIF: upside down", turned(COLOUR, 3), COLOUR[::-1, ::-1]),
    Case("EXIF: mirrored", turned(COLOUR, 2), COLOUR[:, ::-1]),
    Case("EXIF: upright", turned(COLOUR, 1), COLOUR),
    Case(
        "EXIF: 16 bits, a quarter turn",
        turned(GREY.astype("uint16") * 9, 8),
        over(np.rot90(GREY) * 9.0, 0, 65535),
    ),
    Case(
        "TIFF, turned",
        picture(COLOUR, "a.tif", tiffinfo={ExifTags.Base.Orientation: 6}),
        "{root}/a.tif is a TIFF that its tag Orientation turns: save it upright, or leave it out.",
    ),
    Case(
        "decompression bomb, 10,000 x 10,000",
        header_of(10_000, 10_000),
        "{root}/a.png holds too many pixels (10000 x 10000): make it smaller, or leave it out.",
    ),
    Case(
        "decompression bomb, 50,000 x 50,000",
        header_of(50_000, 50_000),
        "{root}/a.png holds too many pixels (...): make it smaller, or leave it out.",
    ),
    Case("DICOM", radiograph(), over(GREY, 0, 4095)),
    Case("DICOM, empty", content("a.dcm", b""), NOT_DICOM),
    Case("DICOM, truncated", radiograph(lambda data: data[:-60]), NOT_DICOM),
    Case(
        "DICOM, damaged before its patient",
        radiograph(lambda data: data.replace(b"LO\x04\0p 7", b"??\x04\0p 7")),
        NOT_DICOM,
    ),
    Case("DICOM, size beyond its data", radiograph(Rows=60_000, Columns=60_000), NOT_DICOM),
    Case("DICOM of three frames", radiograph(NumberOfFrames=3), NOT_DICOM),
    Case("DICOM, window of no width", radiograph(WindowCenter=100, WindowWidth=0), NOT_DICOM),
    Case(
        "DICOM, values that rescale to NaN",
        radiograph(lambda data: data.replace(b"1.5 ", b"NaN "), RescaleSlope="1.5", RescaleIntercept=0),
        NOT_DICOM.replace("...", "it holds values that are no numbers"),
    ),
]


@table_of(IMAGES)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore:Invalid value for VR")
def test_images(case, tmp_path):
    case.make(tmp_path)
    there = sorted(tmp_path.iterdir())
    if isinstance(case.outcome, str):
        refused(lambda: folder.load(tmp_path, SIZE).images(), case.outcome, tmp_path)
    else:
        pixels, wanted = folder.load(tmp_path, SIZE).images()[0].astype(float), np.asarray(case.outcome, float)
        tolerance = LOSSY if case.outcome is FLAT else 0
        np.testing.assert_allclose(np.where(np.isnan(wanted), np.nan, pixels), wanted, rtol=0, atol=tolerance)
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize("problem", [MemoryError, EOFError, struct.error, IndexError, zlib.error, ValueError])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dcm"])
@pytest.mark.parametrize("message", ["out of range", ""])
def test_whatever_a_decoder_raises_the_file_is_named(tmp_path, monkeypatch, problem, name, message):
    def stumble(*arguments, **options):
        raise problem(message)

    if name == "a.dcm":
        write_dicom(tmp_path / name)
        monkeypatch.setattr("pydicom.pixels.pixel_array", stumble)
    else:
        picture(GREY.astype("uint16") if name == "a.tif" else GREY, name)(tmp_path)
        monkeypatch.setattr(Image.Image, "load", stumble)
    kind = "a DICOM image" if name == "a.dcm" else "an image"
    with pytest.raises(ValueError) as found:
        folder.load(tmp_path, SIZE).images()
    said = re.escape(message or problem.__name__)
    assert re.fullmatch(rf"{tmp_path}/{name} cannot be read as {kind} \({said}\): [a-zA-Z ,]+\.", str(found.value))


# A labels.csv beside a.png and b.png; outcome: the label of each id.


def csv(text, encoding="utf-8", *names, name="labels.csv"):
    def write(root):
        for image in names or ("a.png", "b.png"):
            picture(COLOUR, image)(root)
        (root / name).write_bytes(text.encode(encoding))

    return write


NO_IMAGES = "{root}/labels.csv has no column image, or no rows: name each image's path below {root} there."
NO_CSV = "{root}/labels.csv cannot be read as a CSV (...): save it in UTF-8, with a comma between columns."
NO_FILE = "{{root}}/labels.csv names {}, which is no file in {{root}}: mend its column image."
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
    Case("semicolons", csv("image;label\na.png;ill\n"), NO_IMAGES),
    Case("a header alone", csv("image,label\n"), NO_IMAGES),
    Case("no column image", csv("file,label\na.png,ill\n"), NO_IMAGES),
    Case("label misspelt", csv("image,lable\na.png,ill\n"), ALIKE.format("label", "lable")),
    Case("patient under another name", csv("image,Patient ID\na.png,7\n"), ALIKE.format("patient", "patient id")),
    Case(
        "two columns of labels",
        csv("image,label,label\na.png,ill,well\n"),
        "{root}/labels.csv has more than one column label: leave one of them.",
    ),
    Case("image that is not there", csv("image,label\nc.png,ill\n"), NO_FILE.format("c.png")),
    Case("image outside", csv("image,label\n../c.png,ill\n"), NO_FILE.format("../c.png")),
    Case("backslashes", csv("image,label\n.\\a.png,ill\n"), NO_FILE.format(".\\a.png")),
    Case("no image in a row", csv("image,label\n,ill\n"), NO_FILE.format("nothing")),
    Case("NUL in a name", csv("image,label\na\0.png,ill\n"), NO_FILE.format("a\0.png")),
    Case(
        "an id twice",
        csv("image,label\na.png,ill\na.png,well\n"),
        "The id a.png stands for several images: name each image once.",
    ),
    Case(
        "an id twice, spelt in two ways",
        csv("image,label\na.png,ill\n./a.png,well\n"),
        "The id a.png stands for several images: name each image once.",
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


@table_of(TABLES)
def test_tables_of_labels(case, tmp_path):
    case.make(tmp_path)
    names = {"a label that is no class": ("ill", "well"), "a class twice": ("ill", "well", "ill")}.get(case.given, ())
    if isinstance(case.outcome, str):
        refused(lambda: folder.load(tmp_path, SIZE, class_names=names), case.outcome, tmp_path)
    else:
        data = folder.load(tmp_path, SIZE)
        assert dict(zip(data.ids, np.array(data.class_names)[data.labels], strict=True)) == case.outcome


# Folders; outcome: the ids that are read, and the files that are left out, counted and listed.


def files(*names):
    def write(root):
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(COLOUR).save(root / name, format="PNG")

    return write


def link(name, target, *names):
    """A link below root to a path given from root's parent, where outside/c.png lies, too; and files in root."""

    def write(root):
        files(*names)(root)
        files("outside/c.png")(root.parent)
        (root / name).symlink_to(root.parent / target, target_is_directory="." not in target)

    return write


LEADS_OUT = "{{root}}/{} is a link that leads out of {{root}}: copy the file there, or leave it out."
NOT_UTF_8 = "The name of {{root}}/{} is not UTF-8: rename the file or its folder."
EMPTY = "{root} holds no images: put them into it, or into one sub-folder for each class."
FOLDERS = [
    Case("missing", shutil.rmtree, "{root} is missing: it should hold ...; see data/README.md, or pass another DATA=."),
    Case("empty", files(), EMPTY),
    Case("nothing but other files", content("notes.txt", b"notes"), EMPTY),
    Case("images too deep alone", files("a/b/c.png"), EMPTY),
    Case("a flat folder", files("b.png", "a.PNG"), (["a.PNG", "b.png"], [])),
    Case("hidden files", files("a.png", ".b.png", "._a.png", ".c/d.png"), (["a.png"], [])),
    Case("hidden files in sub-folders", files("ill/a.png", "ill/.b.png", ".c/d.png"), (["ill/a.png"], [])),
    Case("names in Japanese, with spaces", files("肺 炎/胸部 1.png"), (["肺 炎/胸部 1.png"], [])),
    Case("names that Markdown and HTML know", files("<b>*a*</b>|.png".replace("/", "")), (["<b>*a*<b>|.png"], [])),
    Case(
        "a name in Shift JIS",
        files("a.png", os.fsdecode("胸部.png".encode("cp932"))),
        NOT_UTF_8.format(r"\x8b\xb9\x95\x94.png"),
    ),
    Case(
        "a folder's name in Shift JIS",
        files("a/a.png", os.fsdecode("肺炎".encode("cp932")) + "/a.png"),
        NOT_UTF_8.format(r"\x94x\x89\x8a/a.png"),
    ),
    Case(
        "another file's name in Shift JIS",
        files("a.png", os.fsdecode("胸部.txt".encode("cp932"))),
        (["a.png"], [r"\x8b\xb9\x95\x94.txt"]),
    ),
    Case(
        "a table with a capital in its name",
        lambda root: (files("a.png", "b.png")(root), content("Labels.csv", b"image\nb.png\n")(root)),
        (["b.png"], ["a.png"]),
    ),
    Case("a name like a formula", files("=1+1.png"), (["=1+1.png"], [])),
    Case("other files beside", files("a.png", "b.gif", "c.heic"), (["a.png"], ["b.gif", "c.heic"])),
    Case("an image too deep", files("ill/a.png", "ill/more/b.png"), (["ill/a.png"], ["ill/more/b.png"])),
    Case("images beside an empty sub-folder", files("a.png", "ill/notes"), (["a.png"], ["ill/notes"])),
    Case("a folder named like an image", files("a.png", "b.png/notes"), (["a.png"], ["b.png/notes"])),
    Case("a link inside", link("b.png", "root/a.png", "a.png"), (["a.png", "b.png"], [])),
    Case("a link to nowhere", link("b.png", "root/c.png", "a.png"), (["a.png"], ["b.png"])),
    Case("a link out of the root", link("b.png", "outside/c.png", "a.png"), LEADS_OUT.format("b.png")),
    Case("a folder linked out of the root", link("ill", "outside"), LEADS_OUT.format("ill/c.png")),
    Case(
        "a CSV that names a link out of the root",
        lambda root: (link("b.png", "outside/c.png")(root), content("labels.csv", b"image\nb.png\n")(root)),
        NO_FILE.format("b.png"),
    ),
    Case(
        "a CSV that names some of the images",
        lambda root: (files("a.png", "b.png")(root), content("labels.csv", b"image\nb.png\n")(root)),
        (["b.png"], ["a.png"]),
    ),
    Case(
        "images beside sub-folders",
        files("a.png", "ill/b.png"),
        "{root} holds images beside its sub-folders, a.png for one: put all of them into sub-folders, or none.",
    ),
]


@table_of(FOLDERS)
def test_folders(case, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    case.make(root)
    if isinstance(case.outcome, str):
        refused(lambda: folder.load(root, SIZE), case.outcome, root)
    else:
        data = folder.load(root, SIZE)
        assert (list(data.ids), folder.left_out(root, data)) == case.outcome
        assert data.images().shape == (len(data), 8, 8, 3)


@pytest.mark.parametrize("unreadable", [".", "ill", "ill/deeper"])
def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch, unreadable):
    """A deeper one, in which no image would be taken, is listed among the files passed over."""
    files("ill/a.png", "ill/deeper/b.png")(tmp_path)

    def guarded(look):
        def refuse(place=".", *arguments):
            if os.path.normpath(place) == os.path.normpath(tmp_path / unreadable):
                raise PermissionError(errno.EACCES, "Permission denied", str(place))
            return look(place, *arguments)

        return refuse

    monkeypatch.setattr(os, "scandir", guarded(os.scandir))
    monkeypatch.setattr(os, "listdir", guarded(os.listdir))
    if unreadable == "ill/deeper":
        assert folder.left_out(tmp_path, folder.load(tmp_path, SIZE)) == ["ill/deeper"]
    else:
        place = str(tmp_path / unreadable)
        refused(
            lambda: folder.load(tmp_path, SIZE),
            f"{place} cannot be read (Permission denied): make it readable for yourself, or leave it out.",
        )


# The tables that come with radiographs (NIH) and photos (ImageNet); outcome: the boxes of the first image.

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
        found = case.make(tmp_path).boxes(0)
        assert [name for name, *_ in found] == [name for name, *_ in case.outcome]
        np.testing.assert_allclose([box[1:] for box in found], [box[1:] for box in case.outcome])


def test_a_box_lies_on_what_it_marks_whatever_exif_says(tmp_path):
    """Boxes are in the pixels of the file, and so are photos; only a folder's pictures, without boxes, are turned."""
    data = photos("n00000000 1 1 3 4", values=CORNER, orientation=6)(tmp_path)
    _, *corners = data.boxes(0)[0]
    rows, columns = np.nonzero(data.read(0)[..., 0] > 127)
    found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(found, corners, atol=0.5)


# Models, evaluated on six images; outcome: the drop of each row, or which methods can be drawn.

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype("uint8")
NAN = np.full(6, np.nan)


def network(*end, size=32, convolution=None, pooling=layers.GlobalAveragePooling2D):
    keras.utils.set_random_seed(1)
    convolution = convolution or layers.Conv2D(5, 5, strides=8, padding="same", activation="relu", name="maps")
    parts = [keras.Input((size, size, 3), name="pixels"), layers.Rescaling(1 / 255), convolution, pooling()]
    return keras.Sequential([*parts, *(end or (layers.Dense(3, "softmax"),))], name="small")


def spoilt(value):
    model = network()
    kernel, bias = model.layers[-1].get_weights()
    kernel[0, 0] = value
    model.layers[-1].set_weights([kernel, bias])
    return model


def forked(inputs, outputs):
    pixels = [keras.Input((32, 32, 3)) for _ in range(inputs)]
    joined = layers.Add()(pixels) if inputs > 1 else pixels[0]
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation="relu")(joined))
    return keras.Model(pixels, [layers.Dense(2, "softmax")(pooled) for _ in range(outputs)], name="forked")


def head(activation, **start):
    return layers.Dense(3, activation, **start)


ALL_ALIKE = "The network gives all 6 images the same scores: check its weights and preprocessing."
NO_NUMBER = "The network gives a score that is NaN or infinite: train it again, or load another."
ONE_CLASS = "Model small has one output: two classes are expected, or one output with sigmoid."
FORKED = "Model forked must be built, with one input and one output: make a keras.Model of these."
DEAD = {"bias_initializer": keras.initializers.Constant(-99)}
MODELS = [
    Case("no global average pooling", lambda: network(pooling=layers.Flatten), ["Grad-CAM", "Grad-CAM++"]),
    Case("two outputs", lambda: forked(1, 2), FORKED),
    Case("two inputs", lambda: forked(2, 1), FORKED),
    Case("one class, softmax", lambda: network(layers.Dense(1, "softmax")), ONE_CLASS),
    Case("one class, ReLU", lambda: network(layers.Dense(1, "relu")), ONE_CLASS),
    Case("one class, sigmoid", lambda: network(layers.Dense(1, "sigmoid")), ["CAM", "Grad-CAM", "Grad-CAM++"]),
    Case(
        "logits alone",
        lambda: network(layers.Dense(3)),
        'The head of small has no activation: pass activation="softmax" or "relu".',
    ),
    Case("a weight that is NaN", lambda: spoilt(np.nan), NO_NUMBER),
    Case("a weight that is infinite", lambda: spoilt(np.inf), NO_NUMBER),
    Case("constant output", lambda: network(head("softmax", kernel_initializer="zeros")), ALL_ALIKE),
    Case("feature maps of 0", lambda: network(convolution=layers.Conv2D(5, 5, activation="relu", **DEAD)), ALL_ALIKE),
    Case("dead ReLU head", lambda: network(head("relu", **DEAD)), NAN),
    Case(
        "another image size",
        lambda: network(size=64),
        "images (6, 32, 32, 3) do not fit the network: pixels (N, 64, 64, 3) are expected.",
    ),
    Case(
        "feature maps that go negative",
        lambda: network(convolution=layers.Conv2D(5, 5, strides=8, name="maps")),
        "Grad-CAM++ on the output of layer 'maps': Grad-CAM++ needs feature maps >= 0, these go negative: cut the "
        "network after a ReLU or choose another map.",
    ),
    Case("no model", lambda: "model.keras", "A Keras model is expected, not str: load it from its file."),
]


def evaluated(model, names=cams.PAPER_METHODS, **changed):
    given = {"images": PIXELS, "methods": cams.chosen(names), "alpha": 0.5, "batch_size": 6} | changed
    return evaluation.evaluate(networks.CamNetwork.from_model(model), **given)


@table_of(MODELS)
def test_models(case):
    model = case.make()
    if isinstance(case.outcome, str):
        refused(lambda: evaluated(model), case.outcome)
    elif isinstance(case.outcome, list):
        rows = evaluated(model, case.outcome)
        assert list(rows["method"].unique()) == case.outcome and rows["drop"].between(0, 1).all()
        if "CAM" not in case.outcome:
            refused(lambda: evaluated(model), "CAM on the output of layer 'maps': CAM needs a head ...: leave CAM out.")
    else:  # every image stays in the table, with no drop: the notebooks count these
        for _, rows in evaluated(model).groupby(["method", "metric"]):
            np.testing.assert_array_equal(rows["drop"], case.outcome)
            assert list(rows["id"]) == list(range(6)) and (rows["full_score"] == 0).all()


def saved(name, make):
    return Case(f"model file, {name}", make, "{root}/a.keras cannot be loaded as a Keras model (...): save it again.")


def half_a_model(root):
    network().save(root / "a.keras")
    content("a.keras", (root / "a.keras").read_bytes()[:3000])(root)


def member(name, content, compression=zipfile.ZIP_STORED):
    """A saved model, one file of whose archive is replaced."""

    def make(root):
        network().save(root / "a.keras")
        with zipfile.ZipFile(root / "a.keras") as archive:
            parts = {one: archive.read(one) for one in archive.namelist()} | {name: content}
        with zipfile.ZipFile(root / "a.keras", "w", compression) as archive:
            for one, part in parts.items():
                archive.writestr(one, part)

    return make


FILES = [
    saved("empty", content("a.keras", b"")),
    saved("text", content("a.keras", b"no model")),
    saved("truncated", half_a_model),
    Case(
        "model file, HDF5",
        lambda root: network().save(root / "a.h5"),
        "{root}/a.h5 is in the older format HDF5, and only .keras files are read: load it with Keras, if you trust "
        'whoever made it, and save it with model.save("model.keras").',
    ),
    Case(
        "model file, a configuration of zeros",
        member("config.json", bytes(20_000_000)),
        "{root}/a.keras holds 20 MB of text (config.json): save it again.",
    ),
    Case(
        "model file, weights of nothing",
        member("model.weights.h5", bytes(20_000_000), zipfile.ZIP_DEFLATED),
        "{root}/a.keras stores ... that declare 20 MB (model.weights.h5): save the model again, without compression.",
    ),
    Case(
        "model file, a layer that is not there",
        member("config.json", json.dumps({"module": "mine", "class_name": "Mine", "config": {}}).encode()),
        "{root}/a.keras needs the code of Mine, which is not in the file: put layers of Keras's own in its place and "
        "save the model again, or first import that code, registered by keras.saving.register_keras_serializable.",
    ),
    Case(
        "model file, a folder",
        lambda root: (root / "a.keras").mkdir(),
        "{root}/a.keras is missing: run 01_train first, or name another model file.",
    ),
]


@table_of(FILES)
def test_model_files(case, tmp_path):
    case.make(tmp_path)
    refused(lambda: networks.load(next(tmp_path.iterdir())), case.outcome, tmp_path)


# Parameters of evaluation and training.


def evaluate(**changed):
    return lambda: evaluated(network(), **changed)


def fit(**changed):
    def train():
        data = phantoms.radiographs(4, size=64)
        model = networks.build("small_cnn", (64, 64), data.class_names, "softmax")
        training.fit(model, data, data, **{"epochs": 1, "batch_size": 2, "learning_rate": 1e-3} | changed)

    return train


def again(images=PIXELS, **changed):
    """Evaluated with a first pass that was made before."""
    cut_open = networks.CamNetwork.from_model(network())
    methods = cams.chosen(cams.PAPER_METHODS)
    found = evaluation.explain_all(cut_open, PIXELS, methods)
    return evaluation.evaluate(cut_open, images, methods, first_pass=found, **{"alpha": 0.5} | changed)


class Shuffled:
    """Every reading begins with another image."""

    start = 0

    def __iter__(self):
        self.start += 1
        return iter([np.roll(PIXELS, self.start, axis=0)])


def one_pixel_changed():
    changed = PIXELS.copy()
    changed[4, 3, 2, 1] += 1
    return changed


OTHERWISE = (
    "Image {} differs between the two readings: pass a source that gives the same images in the same order, without "
    "shuffling or augmenting."
)


ALPHA = "alpha is {}: it is the share of pixels to keep, between 0 and 1, both excluded."
BATCH = "batch_size is {}: at least 1 is wanted."
CLASSES = "classes needs one class from 0 to 2 for each image: mend it."
PARAMETERS = [
    Case("alpha 0", evaluate(alpha=0), ALPHA.format(0)),
    Case("alpha 1", evaluate(alpha=1), ALPHA.format(1)),
    Case("alpha below 0", evaluate(alpha=-0.1), ALPHA.format(-0.1)),
    Case("alpha NaN", evaluate(alpha=np.nan), ALPHA.format("nan")),
    Case("batch 0", evaluate(batch_size=0), BATCH.format(0)),
    Case("batch below 0", evaluate(batch_size=-4), BATCH.format(-4)),
    Case("batch 0, maps given", lambda: again(batch_size=0), BATCH.format(0)),
    Case("batch 0 of a data set", lambda: phantoms.radiographs(2, size=64).batches(0), BATCH.format(0)),
    Case("batch below 0 of a data set", lambda: phantoms.radiographs(2, size=64).batches(-1), BATCH.format(-1)),
    Case("an unknown method", evaluate(names=["GradCAM"]), "There is no method 'GradCAM': choose from ..."),
    Case("no method", evaluate(names=[]), "No method is named: choose from ..."),
    Case("a method twice", evaluate(names=["CAM", "CAM"]), "The method 'CAM' is named twice: name it once."),
    Case("a class too large", evaluate(classes=[0, 1, 2, 3, 0, 0]), CLASSES),
    Case("a class below 0", evaluate(classes=[0, 1, 2, -1, 0, 0]), CLASSES),
    Case("a class and a half", evaluate(classes=[0, 1, 2, 1.5, 0, 0]), CLASSES),
    Case("a class in words", evaluate(classes=["ill"] * 6), CLASSES),
    Case("too few classes", evaluate(classes=[0] * 5), CLASSES),
    Case(
        "too many classes",
        evaluate(classes=[0] * 7),
        "classes has 7 entries for 6 images: one for each is wanted.",
    ),
    Case("too few ids", evaluate(ids=["a"]), "ids has 1 entries for 6 images: one for each is wanted."),
    Case("too few patients", evaluate(groups=["a"]), "groups has 1 entries for 6 images: one for each is wanted."),
    Case("an id given twice", evaluate(ids=list("abcadb")), "ids has 'a' twice: give each image an id of its own."),
    Case(
        "a control named like a method",
        evaluate(controls={"CAM": controls.all_ones}),
        "A control and a method are both named 'CAM': give the control another name.",
    ),
    Case("ties misspelt", evaluate(ties="excat"), 'ties is \'excat\': choose "strict" or "exact".'),
    Case(
        "images that are NaN",
        evaluate(images=np.full((2, 32, 32, 3), np.nan)),
        "An image among 0 to 1 holds NaN: check how it is read.",
    ),
    Case(
        "images from -1 to 1",
        evaluate(images=PIXELS / 127.5 - 1),
        "An image among 0 to 5 is not in pixels: pass 0 to 255.",
    ),
    Case(
        "images from 0 to 1",
        evaluate(images=PIXELS / 255),
        "Images 0 to 5 lie within 0 to 1: pass pixels, 0 to 255.",
    ),
    Case(
        "images that are masks",
        evaluate(images=PIXELS > 99),
        "Images 0 to 5 lie within 0 to 1: pass pixels, 0 to 255.",
    ),
    Case(
        "images of one channel",
        evaluate(images=PIXELS[..., :1]),
        "images (6, 32, 32, 1) do not fit the network: pixels (N, 32, 32, 3) are expected.",
    ),
    Case("no image", evaluate(images=PIXELS[:0]), "There is no image to evaluate: check the folder and the selection."),
    Case(
        "images that can be read once",
        lambda: evaluated(network(), images=iter([PIXELS])),
        "The second reading gave 0 images, the first 6: pass a re-iterable of batches.",
    ),
    Case("images in another order each time", evaluate(images=Shuffled()), OTHERWISE.format(0)),
    Case("one pixel changed between", lambda: again(images=one_pixel_changed()), OTHERWISE.format(4)),
    Case("maps of other images", lambda: again(images=PIXELS[::-1]), OTHERWISE.format(0)),
    Case(
        "an unknown preprocessing",
        lambda: networks.preprocessing("0-1"),
        "preprocessing is '0-1': choose '', '0..1', '-1..1' or a name in keras.applications.",
    ),
    Case(
        "an unknown backbone",
        lambda: networks.build("MobileNetV9", (64, 64), ("a", "b")),
        "backbone is 'MobileNetV9': choose \"small_cnn\" or a name in keras.applications.",
    ),
    Case("an unknown recipe", lambda: training.recipe("ful"), "The recipe is 'ful': choose one of plain, full."),
    Case(
        "an id that is not there",
        lambda: phantoms.radiographs(2, size=64).named("chest"),
        "There is no image 'chest' in this data set: name one like 'radiograph-0-00000'.",
    ),
    Case("no epoch", fit(epochs=0), "epochs is 0: at least 1 is expected."),
    Case("epochs of the head below 0", fit(head_epochs=-1), "head_epochs is -1: at least 0 is expected."),
    Case("batch 0 in training", fit(batch_size=0), "batch_size is 0: at least 1 is expected."),
    Case("learning rate 0", fit(learning_rate=0.0), "learning_rate is 0.0: more than 0 is expected."),
    Case("learning rate below 0", fit(learning_rate=-1e-3), "learning_rate is -0.001: more than 0 is expected."),
    Case("learning rate NaN", fit(learning_rate=np.nan), "learning_rate is nan: more than 0 is expected."),
]


@table_of(PARAMETERS)
def test_parameters(case):
    refused(case.make, case.outcome)


# Commands: python -m black_average_drop.artifact ..., with an exit code of 1 and nothing written.


def profile(text, *arguments):
    """`run` with a profile of that text, or with the smoke profile where 01_train has that text."""

    def command(root):
        path = root / "notebooks/profiles/smoke.yaml"
        sections = path.read_text() if text.startswith("  ") else ""
        path.write_text(sections.replace("01_train:\n", f"01_train:\n{text}\n") if sections else text)
        return ["run", "--profile", "smoke", *arguments]

    return command


def choose(*settings, model="a.keras", images="images"):
    def command(root):
        content("a.keras", b"a model")(root)
        files("images/a.png")(root)
        arguments = [part for setting in settings for part in ("--set", setting)]
        return ["choose", "--model", model and str(root / model), "--data", images and str(root / images), *arguments]

    return command


IN_PROFILE = "smoke.yaml: 01_train"
IN_SET = "--set: 08_your_data"
COMMANDS = [
    Case(
        "a typo in a profile key",
        profile("  radiograph_epoch: 3"),
        f"{IN_PROFILE} has no parameter 'radiograph_epoch': choose from ...",
    ),
    Case(
        "1e-4 as text",
        profile("  general_learning_rate: 1e-4"),
        f"{IN_PROFILE}: general_learning_rate is '1e-4', a str: a float is wanted (write 1.0e-4, not 1e-4).",
    ),
    Case(
        "yes for a number",
        profile("  training_seeds: yes"),
        f"{IN_PROFILE}: training_seeds is True, a bool: a int is wanted (write 1.0e-4, not 1e-4).",
    ),
    Case(
        "nothing for a number",
        profile("  training_seeds:"),
        f"{IN_PROFILE}: training_seeds is None, a NoneType: a int is wanted (write 1.0e-4, not 1e-4).",
    ),
    Case("no training", profile("  training_seeds: 0"), f"{IN_PROFILE}: training_seeds is 0: at least 1 is wanted."),
    Case(
        "a count below 0",
        profile("  radiograph_head_epochs: -5"),
        f"{IN_PROFILE}: radiograph_head_epochs is -5: at least 0 is wanted.",
    ),
    Case(
        "a learning rate that is NaN",
        profile("  general_learning_rate: .nan"),
        f"{IN_PROFILE}: general_learning_rate is nan: at least 0 is wanted.",
    ),
    Case(
        "an unknown source",
        profile("  general_source: imagnet"),
        f"{IN_PROFILE}: general_source is 'imagnet': choose one of ...",
    ),
    Case(
        "a profile without sections",
        profile("01_train: {}"),
        "smoke.yaml: section '02_figure1' is missing or unknown: there is one for each notebook.",
    ),
    Case("a profile that is no YAML", profile("01_train: ["), "smoke.yaml is no valid YAML: ..."),
    Case("YAML that would run code", profile("!!python/object/apply:os.getcwd []"), "smoke.yaml is no valid YAML: ..."),
    Case("an unknown profile", profile("", "--profile", "smok"), "There is no profile 'smok': choose PROFILE=..."),
    *(
        Case(
            f"the path of a profile, {path}",
            lambda root, path=path: ["run", "--profile", path],
            f"There is no profile '{path}': choose PROFILE=...",
        )
        for path in ("./smoke", "../profiles/smoke")
    ),
    Case(
        "data that is not there",
        lambda root: ["run", "--profile", "laptop", "--data", str(root)],
        "{root}/ILSVRC2012 is missing: pass DATA=, the folder that ILSVRC2012 is in, or fetch it: ...",
    ),
    Case(
        "no model given", choose(model=""), "MODEL is not given: name your model and images, MODEL=model.keras for one."
    ),
    Case(
        "a model that is not there",
        choose(model="b.keras"),
        "{root}/b.keras is missing: name your model and images, MODEL=model.keras for one.",
    ),
    Case(
        "images that are not there",
        choose(images="no images"),
        "{root}/no images is missing: name your model and images, DATA=folder for one.",
    ),
    Case(
        "images in a folder named in Shift JIS",
        choose(images=os.fsdecode("胸部".encode("cp932"))),
        r"The name of {root}/\x8b\xb9\x95\x94 is not UTF-8: rename the file or its folder.",
    ),
    Case(
        "a model named in Shift JIS",
        choose(model=os.fsdecode("胸部".encode("cp932"))),
        r"The name of {root}/\x8b\xb9\x95\x94 is not UTF-8: rename the file or its folder.",
    ),
    Case("an unknown setting", choose("alhpa=0.3"), f"{IN_SET} has no parameter 'alhpa': choose from ..."),
    Case("a place as a setting", choose("results=/"), f"{IN_SET} has no parameter 'results': choose from ..."),
    Case(
        "a setting without a value",
        choose("alpha"),
        f"{IN_SET}: alpha is None, a NoneType: a float is wanted (write 1.0e-4, not 1e-4).",
    ),
    Case("a setting that is no YAML", choose("methods=["), "methods=[: write name=value, such as most_images=100."),
    Case(
        "names that YAML reads as something else",
        choose("class_names=[no, yes]"),
        f'{IN_SET}: class_names holds False: put each name in quotes, such as "no".',
    ),
    Case(
        "a second setting that is wrong",
        choose("class_names=[No Finding,Pneumonia] alhpa=0.3"),
        f"{IN_SET} has no parameter 'alhpa': choose from ...",
    ),
    Case(
        "alpha 1 as a setting", choose("alpha=1"), f"{IN_SET}: alpha is 1: below 1 is wanted, or 0 to have it chosen."
    ),
    Case("alpha below 0 as a setting", choose("alpha=-0.2"), f"{IN_SET}: alpha is -0.2: at least 0 is wanted."),
    Case("batch 0 as a setting", choose("batch_size=0"), f"{IN_SET}: batch_size is 0: at least 1 is wanted."),
    Case("no resample", choose("resamples=0"), f"{IN_SET}: resamples is 0: at least 1 is wanted."),
    Case("a seed below 0", choose("seed=-1"), f"{IN_SET}: seed is -1: at least 0 is wanted."),
    Case("no image to draw", choose("most_images=0"), f"{IN_SET}: most_images is 0: at least 1 is wanted."),
]


@table_of(COMMANDS)
def test_commands(case, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "notebooks/profiles", tmp_path / "notebooks/profiles")
    for module in (pipeline, profiles, choose_command):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (profiles, command_line):
        monkeypatch.setattr(module, "PROFILES", tmp_path / "notebooks/profiles")
    monkeypatch.setattr(sys, "argv", ["pipeline", *case.make(tmp_path)])
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert_says(stopped.value.code, case.outcome, tmp_path)  # text as the exit code: said on stderr, and 1
    assert capsys.readouterr() == ("", "") and sorted(tmp_path.rglob("*")) == there


CASES = [*IMAGES, *TABLES, *FOLDERS, *ANNOTATIONS, *MODELS, *FILES, *PARAMETERS, *COMMANDS]
REMEDY = re.compile(
    r"^(\.\.\.|(check|choose|convert|copy|cut|export|fetch|give|leave|load|make|mend|name|pass|put|remove|rename|replace|run"
    r"|save|see|train|write)\b)|\b(wanted|one for each|there is one|it should hold|it is the share)\b"
)


def test_there_are_many_cases_and_each_has_its_name():
    names = [case.given for case in CASES]
    assert len(names) == len(set(names)) and len(names) >= 60


@pytest.mark.parametrize("sentence", sorted({case.outcome for case in CASES if isinstance(case.outcome, str)}))
def test_every_sentence_names_the_culprit_and_then_the_remedy(sentence):
    culprit, _, remedy = sentence.rpartition(": ")
    assert culprit and not culprit.startswith("..."), sentence
    assert REMEDY.search(remedy), sentence
