"""Folders of maps that others made, for the images a.png and b.png; outcome: where their maps are."""

import re
import struct

import numpy as np
import pytest
from PIL import Image

from bad_cases import Case, assert_says, refused_or_read, table_of
from bad_images import COLOUR, GREY, content, cut, deep_png, files, frames, header_of, palette, picture, with_alpha
from black_average_drop.datasets import from_files
from black_average_drop.datasets.maps import check, formats, map_files

NAMES = ("Effusion", "No Finding")


def both(*writers, name="pen"):
    """Good maps of both images, in a set of that name; then what the writers do there."""

    def write(root):
        for image in "ab":
            saved(GREY, f"{name}/{image}.npy")(root)
        for writer in writers:
            writer(root / name)

    return write


def saved(values, name="a.npy"):
    def write(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / name, values)

    return write


def instead(writer):
    """Good maps, but that of a.png is written by the writer."""
    return both(lambda place: (place / "a.npy").unlink(), writer)


def header(text, version=(1, 0), data=b""):
    """An .npy with that text as its header."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return instead(content("a.npy", b"\x93NUMPY" + bytes(version) + length + text.encode() + data))


def described(descr="'<f4'", shape="(8, 8)", order=False, **more):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n", **more)


SHAPE = "{{root}}/pen/a.npy has the shape {}: save one map with rows and columns, such as (7, 7)."
TYPE = "{{root}}/pen/a.npy holds values of the type {}: save real numbers, such as float32."
NO_ARRAY = "{root}/pen/a.npy cannot be read as an array (...): save it again with numpy.save."
SHORT = "{{root}}/pen/a.npy ends before its {} values do: save it again."
MANY = "{{root}}/pen/a.npy holds too many values ({}): make it smaller."
NO_NUMBERS = "{root}/pen/a.npy holds NaN or infinite values: save the map without them."
NO_IMAGE = "{root}/pen/a.png cannot be read as an image (...): remove it or fetch it again."
COLOURS = "{root}/pen/a.png is in colours, which say no values: save the map itself as .npy, or in grey as .png."
TRANSPARENT = "{root}/pen/a.png is transparent in places: save it in grey, black where nothing is marked."
DEEP = "{root}/pen/a.png has colours or transparency of 16 bits: convert it to 8 bits with the window to be shown."
MAPS = [
    Case("good maps", both(), ["pen/a.npy", "pen/b.npy"]),
    Case("no folder of maps", lambda root: root.rmdir(), "{root} is missing: name the folder that the maps are in."),
    Case(
        "an empty folder of maps", files(), "{root} holds no maps: put each set of maps into a folder of its own there."
    ),
    Case(
        "maps of none of the images",
        lambda root: saved(GREY, "pen/c.npy")(root),
        "{root}/pen lacks 2 of 2 maps, such as {root}/pen/Effusion/a.npy or {root}/pen/a.npy (.png will do): save one "
        "for each image and finding, or leave pen out.",
    ),
    Case(
        "a set without a map",
        lambda root: (both()(root), (root / "captum").mkdir()),
        "{root}/captum lacks 2 of 2 maps, such as {root}/captum/Effusion/a.npy or {root}/captum/a.npy (.png will do): "
        "save one for each image and finding, or leave captum out.",
    ),
    Case(
        "a finding next to a set",
        lambda root: (both()(root), both(name="no_finding")(root)),
        "{root} holds no_finding, as one set of maps does, next to pen, as a folder of several sets does: put all that "
        "is of one set into one folder, such as {root}/maps/no_finding.",
    ),
    Case(
        "a map twice",
        both(lambda place: Image.fromarray(GREY).save(place / "b.png")),
        "{root}/pen/b.npy and b.png are maps of the same image: leave one of them.",
    ),
    Case(
        "a set called Grad-CAM",
        both(name="Grad-CAM"),
        "{root}/Grad-CAM is named like a map that is drawn here: rename the folder.",
    ),
    Case(
        "a set called like a control",
        both(name="all ones"),
        "{root}/all ones is named like a map that is drawn here: rename the folder.",
    ),
    Case("an .npy that is text", instead(content("a.npy", b"no array")), NO_ARRAY),
    Case("an .npy that is empty", instead(content("a.npy", b"")), NO_ARRAY),
    Case("a PNG named .npy", instead(picture(GREY, "a.npy", format="PNG")), NO_ARRAY),
    Case("an .npz named .npy", instead(lambda place: np.savez(open(place / "a.npy", "wb"), GREY)), NO_ARRAY),
    Case("a pickle named .npy", instead(content("a.npy", b"\x80\x04}\x94.")), NO_ARRAY),
    Case("an .npy of version 3", header("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8)}", (3, 0)), NO_ARRAY),
    Case("an .npy of version 9", header("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8)}", (9, 9)), NO_ARRAY),
    Case("a header that is code", header("__import__('os').system('touch /tmp/x')"), NO_ARRAY),
    Case("a header of brackets", header("[" * 9000), NO_ARRAY),
    Case("a header of 200 kB", header(" " * 200_000, (2, 0)), NO_ARRAY),
    Case("an unknown type", described("'<q9'"), NO_ARRAY),
    Case("an object", instead(saved(np.array([[{}]], object))), TYPE.format("object")),
    Case("complex numbers", instead(saved(GREY.astype("complex64"))), TYPE.format("complex64")),
    Case("text", instead(saved(np.array([["a"]]))), TYPE.format("str32")),
    Case("times", instead(saved(GREY.astype("datetime64[s]"))), TYPE.format("datetime64[s]")),
    Case("a structure", described("[('a', '<f4')]"), TYPE.format("void32")),
    Case("a structure of a terabyte", described("'|V1000000000'"), TYPE.format("void8000000000")),
    Case("one number", instead(saved(np.float32(3))), SHAPE.format("()")),
    Case("a list", instead(saved(GREY[0])), SHAPE.format("(8,)")),
    Case("three maps", instead(saved(COLOUR.transpose(2, 0, 1))), SHAPE.format("(3, 8, 8)")),
    Case("a line of three axes", instead(saved(GREY[None, :1])), SHAPE.format("(1, 1, 8)")),
    Case("a map without rows", instead(saved(np.zeros((0, 8)))), SHAPE.format("(0, 8)")),
    Case("fewer than no rows", described(shape="(-8, -8)"), SHAPE.format("(-8, -8)")),
    Case("64 axes", described(shape=f"({'1, ' * 64})"), SHAPE.format("(1, ...)")),
    Case("terabytes", described(shape="(1000000, 1000000)"), MANY.format("1000000 x 1000000")),
    Case("more than 64 bits count", described(shape=f"({2**63}, {2**63})"), MANY.format("...")),
    Case("terabytes at one value a file", described("'<f8'", "(9000, 9000)"), SHORT.format("9000 x 9000")),
    Case("a truncated .npy", described(data=bytes(255)), SHORT.format("8 x 8")),
    Case("an .npy in Fortran's order, truncated", described(order=True, data=bytes(255)), SHORT.format("8 x 8")),
    Case("an .npy in Fortran's order", described(order=True, data=bytes(256)), ["pen/a.npy", "pen/b.npy"]),
    Case("NaN in a map", instead(saved(np.where(GREY > 9, GREY, np.nan))), NO_NUMBERS),
    Case("an infinite value below 0", instead(saved(np.where(GREY > 9, GREY, -np.inf))), NO_NUMBERS),
    Case("a map of 1 x 1", instead(saved(np.ones((1, 1)))), ["pen/a.npy", "pen/b.npy"]),
    Case("a grey map, .png", instead(picture(GREY)), ["pen/a.png", "pen/b.npy"]),
    Case("a map of 16 bits, .png", instead(deep_png(GREY.astype(int) * 99, 0)), ["pen/a.png", "pen/b.npy"]),
    Case("a map in colours", instead(picture(COLOUR)), COLOURS),
    Case("a map in colours of a palette", instead(palette()), COLOURS),
    Case("a map in opaque colours", instead(picture(with_alpha(COLOUR, 8))), COLOURS),
    Case("a map in colours of 16 bits", instead(deep_png(COLOUR.astype(int) * 16, 2)), DEEP),
    Case("a pen on a transparent ground", instead(picture(with_alpha(COLOUR, 7))), TRANSPARENT),
    Case("a grey map, one level transparent", instead(picture(GREY, transparency=4)), TRANSPARENT),
    Case("a truncated map", instead(cut("a.png")), NO_IMAGE),
    Case("an .npy named .png", instead(lambda place: np.save(open(place / "a.png", "wb"), GREY)), NO_IMAGE),
    Case(
        "a JPEG named .png for a map",
        instead(picture(GREY, format="JPEG")),
        "{root}/pen/a.png is JPEG, and no PNG: save it as PNG.",
    ),
    Case(
        "a map that moves",
        instead(frames("a.png", "PNG")),
        "{root}/pen/a.png holds 3 pages or frames, but one is expected: save one by itself, or leave the file out.",
    ),
    Case(
        "a map of 10,000 x 10,000",
        instead(header_of(10_000, 10_000)),
        "{root}/pen/a.png holds too many pixels (10000 x 10000): make it smaller, or leave it out.",
    ),
]


def read(root):
    """Where the maps are, after each has been read."""
    dataset = from_files(["a", "b"], ["a.png", "b.png"], [0, 0], ["a", "b"], NAMES, (8, 8))
    sets = map_files.load(root, dataset, [0, 1], NAMES)
    map_files.maps_checksum(sets)
    return [path.relative_to(root).as_posix() for maps in sets.values() for path in maps.paths]


@table_of(MAPS)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_maps(case, tmp_path):
    refused_or_read(case, read, tmp_path)


@table_of([case for case in MAPS if re.match(r"\[|{root}/pen/a\.", str(case.outcome))])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_first_check_says_what_a_header_shows_in_the_same_words(case, tmp_path):
    case.make(tmp_path)
    try:
        check.check_maps(tmp_path, ["a.png", "b.png"])
    except ValueError as problem:
        assert isinstance(case.outcome, str), f"refused, but it can be read: {problem}"
        assert_says(str(problem), case.outcome, tmp_path)
    else:  # what only the values show
        assert not isinstance(case.outcome, str) or case.outcome in (NO_NUMBERS, NO_IMAGE)


@pytest.mark.parametrize("problem", [MemoryError, EOFError, IndexError, RecursionError, ValueError])
def test_whatever_reading_an_array_raises_the_file_is_named(tmp_path, monkeypatch, problem):
    def stumble(*arguments, **options):
        raise problem

    np.save(tmp_path / "a.npy", GREY)
    monkeypatch.setattr(np, "load", stumble)
    with pytest.raises(ValueError, match=rf"a.npy cannot be read as an array \({problem.__name__}\): save it again"):
        formats.values_of_map(tmp_path / "a.npy")
