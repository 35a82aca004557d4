"""Images that are as they should be, and ways to make them otherwise."""

import struct
import zlib

import numpy as np
import tifffile
from PIL import ExifTags, Image

from dicom_files import write_dicom

SIZE = (8, 8)
GREY = (np.arange(64).reshape(SIZE) * 4).astype("uint8")
COLOUR = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)
FLAT = np.full((8, 8, 3), (200, 100, 50), "uint8")  # survives lossy codecs but for a level or two


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
        write_dicom(root / "a.dcm", GREY, PatientID="p 7", **tags)
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


def files(*names):
    def write(root):
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(COLOUR).save(root / name, format="PNG")

    return write
