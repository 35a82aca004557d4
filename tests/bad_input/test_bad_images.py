"""Images, read through the folder loader; outcome: the pixels (8, 8, 3), NaN where they do not matter."""

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from bad_cases import Case, refused, table_of
from bad_images import (
    COLOUR,
    FLAT,
    GREY,
    HALVES,
    POSTSCRIPT,
    SIZE,
    content,
    cut,
    deep_png,
    frames,
    grey,
    header_of,
    over,
    packed_tiff,
    palette,
    picture,
    radiograph,
    tiff,
    turned,
    with_alpha,
    words,
)
from black_average_drop.datasets import folder
from dicom_files import write_dicom

LOSSY = 3
REFETCH = "cannot be read as an image (...): remove it or fetch it again."
FRAMES = "holds 3 pages or frames, but one is expected: save one by itself, or leave the file out."
PAGES = FRAMES.replace("save one by itself", 'choose one by frame, such as frame="middle"')
DEEP = "has colours or transparency of 16 bits: convert it to 8 bits with the window to be shown."
TRANSPARENT = "is transparent in places: save it on the background that is to be shown."
NOT_DICOM = "{root}/a.dcm cannot be read as a DICOM image (...): export it as PNG, or leave it out."
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
    Case("TIFF of several pages", frames("a.tif", "TIFF"), f"{{root}}/a.tif {PAGES}"),
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
    Case(
        "DICOM of three frames",
        radiograph(NumberOfFrames=3),
        "{root}/a.dcm cannot be read as a DICOM image (it holds 3 frames, and one is expected): choose one by frame, "
        'such as frame="middle", or leave the file out.',
    ),
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
        pixels, expected = folder.load(tmp_path, SIZE).images()[0].astype(float), np.asarray(case.outcome, float)
        tolerance = LOSSY if case.outcome is FLAT else 0
        np.testing.assert_allclose(np.where(np.isnan(expected), np.nan, pixels), expected, rtol=0, atol=tolerance)
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize("problem", [MemoryError, EOFError, struct.error, IndexError, zlib.error, ValueError])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dcm"])
@pytest.mark.parametrize("message", ["out of range", ""])
def test_whatever_a_decoder_raises_the_file_is_named(tmp_path, monkeypatch, problem, name, message):
    def stumble(*arguments, **options):
        raise problem(message)

    if name == "a.dcm":
        write_dicom(tmp_path / name, GREY)
        monkeypatch.setattr("pydicom.pixels.pixel_array", stumble)
    else:
        picture(GREY.astype("uint16") if name == "a.tif" else GREY, name)(tmp_path)
        monkeypatch.setattr(Image.Image, "load", stumble)
    kind = "a DICOM image" if name == "a.dcm" else "an image"
    with pytest.raises(ValueError) as refusal:
        folder.load(tmp_path, SIZE).images()
    said = re.escape(message or problem.__name__)
    assert re.fullmatch(rf"{tmp_path}/{name} cannot be read as {kind} \({said}\): [a-zA-Z ,]+\.", str(refusal.value))
