"""What a DICOM file stores: frames, compressed pictures and bounds."""

import io
import tracemalloc

import gdcm
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import pixels
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from black_average_drop.datasets import dicom, folder
from black_average_drop.datasets.dicom import decoders, stored_pixels
from black_average_drop.datasets.dicom.headers import header
from dicom_files import write_dicom
from pictures import RAMP, SIZE


def shown(path, window="full"):
    return dicom.read(path, window)[..., 0].astype(float)


EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}


def at_full_range(values, low, high):
    return np.round((values - low) / (high - low) * 255)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, "its RescaleSlope is 0, which makes all values one"),
        ({"HighBit": 9}, "its HighBit is 9, with 12 of 16 bits stored"),
        ({"HighBit": 16}, "its HighBit is 16, with 12 of 16 bits stored"),
        *(
            ({"NumberOfFrames": frames, "Rows": 4}, "it holds 2 frames, and one is expected")
            for frames in (None, "", 0, 1)
        ),
        ({"NumberOfFrames": 1, "Rows": 1, "Columns": 21}, "it holds 3 frames, and one is expected"),
    ],
)
def test_what_is_no_picture_of_a_dicom_file_is_refused(tmp_path, tags, reason):
    write_dicom(tmp_path / "a.dcm", RAMP, **{name: value for name, value in tags.items() if value is not None})
    with pytest.raises(ValueError) as problem:
        dicom.read(tmp_path / "a.dcm")
    assert str(problem.value) == (
        f"{tmp_path}/a.dcm cannot be read as a DICOM image ({reason}): export it as PNG, or leave it out."
    )


def compressed(path, frames, syntax, height=8, width=8, **tags):
    """A DICOM file whose header promises 8 x 8 values of 8 bits, and whose fragments are given."""
    values = np.zeros((height, width), "uint8")
    write_dicom(path, values, PixelData=values.tobytes(), **EIGHT | tags)
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate(frames, has_bot=False)
    file["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def encoded(values, form):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format=form)
    return buffer.getvalue()


JPEG, JPEG_2000 = (JPEGBaseline8Bit, "JPEG"), (JPEG2000Lossless, "JPEG2000")


@pytest.mark.parametrize(("syntax", "form"), [JPEG, JPEG_2000])
def test_frames_that_no_tag_counts_are_counted_also_where_they_are_compressed(tmp_path, syntax, form):
    one = encoded((RAMP * 4).astype("uint8"), form)
    compressed(tmp_path / "a.dcm", [one], syntax)
    np.testing.assert_allclose(shown(tmp_path / "a.dcm"), RAMP * 4, atol=3)
    compressed(tmp_path / "a.dcm", [one, one], syntax)
    with pytest.raises(ValueError, match="it holds 2 frames"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize(("syntax", "form"), [JPEG, JPEG_2000])
@pytest.mark.parametrize("values", [np.zeros((2000, 900), "uint8"), np.zeros((8, 8, 3), "uint8")])
def test_a_codestream_of_another_size_than_the_header_says_is_not_decoded(
    tmp_path, monkeypatch, values, syntax, form, boxes
):
    data = encoded(values, form)
    if form == "JPEG2000" and not boxes:
        data = data[data.index(b"\xff\x4f\xff\x51") :]
    compressed(tmp_path / "a.dcm", [data], syntax)
    monkeypatch.setattr(decoders.pixels, "pixel_array", None)
    shape = " x ".join(map(str, (*values.shape, 1)[:3]))
    with pytest.raises(ValueError, match=f"picture is of {shape} values, and its header says 8 x 8 x 1"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"])
def test_a_header_of_another_size_is_not_believed(tmp_path, name):
    file = pydicom.dcmread(get_testdata_file(name, download=False))
    file.Rows = 32
    file.save_as(tmp_path / "a.dcm")
    with pytest.raises(ValueError, match="picture is of 64 x 64 x 1 values, and its header says 32 x 64 x 1"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm", "image_dfl.dcm"])
def test_real_files_are_shown_as_pydicom_transforms_them(name):
    """With and without a window, compressed and deflated; from black to white over all that the bits allow."""
    path = get_testdata_file(name, download=False)
    file = pydicom.dcmread(path)
    low = -(2 ** (file.BitsStored - 1)) if file.PixelRepresentation else 0
    slope, intercept = float(file.get("RescaleSlope", 1)), float(file.get("RescaleIntercept", 0))
    low, high = (end * slope + intercept for end in (low, low + 2**file.BitsStored - 1))
    values = pixels.apply_voi_lut(pixels.apply_modality_lut(file.pixel_array, file), file).astype(float)
    expected = (values - low) / (high - low) * 255
    assert ("WindowWidth" in file) == (dicom.read_with_limits(path)[1] == "own window")
    np.testing.assert_allclose(shown(path), expected, atol=0.51)


def test_run_lengths_beyond_the_picture_are_not_decoded(tmp_path):
    compressed(tmp_path / "a.dcm", [bytes(10_000)], RLELossless)
    with pytest.raises(ValueError, match="its compressed pixels are more than its size can hold"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["a.dcm", "a"])
def test_dicom_has_the_pixel_limit_of_other_images(tmp_path, monkeypatch, name):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 63)
    write_dicom(tmp_path / name, RAMP)
    with pytest.raises(ValueError, match="it holds too many pixels, 8 x 8"):
        folder.load(tmp_path, SIZE).images()


def deflated(path, tail=b""):
    write_dicom(path, RAMP * 60, PatientID="p 7")
    file = pydicom.dcmread(path)
    if tail:
        file.add_new(0xFFFCFFFC, "OB", tail)  # trailing padding, which the standard allows
    file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def test_a_deflated_file_is_read(tmp_path):
    deflated(tmp_path / "a.dcm")
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(RAMP * 60, 0, 4095))
    assert list(folder.load(tmp_path, SIZE).groups) == ["p 7"]
    cut = (tmp_path / "a.dcm").read_bytes()[:-20]
    (tmp_path / "a.dcm").write_bytes(cut)
    with pytest.raises(ValueError, match=r"a.dcm cannot be read as a DICOM image \(its deflated part is cut\)"):
        dicom.read(tmp_path / "a.dcm")


def test_a_deflated_file_inflates_to_no_more_than_the_largest_picture(tmp_path, monkeypatch):
    deflated(tmp_path / "a.dcm", bytes(60_000_000))
    assert (tmp_path / "a.dcm").stat().st_size < 100_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    for read in (dicom.read, lambda path: folder.load(path.parent, SIZE).images()):
        tracemalloc.start()
        with pytest.raises(ValueError, match="it inflates to more than 600,000 bytes"):
            read(tmp_path / "a.dcm")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_RLE.dcm"])
def test_compressed_dicom_is_read(name):
    shown = dicom.read(get_testdata_file(name, download=False), "minmax")
    assert shown.dtype == np.uint8 and shown.shape[2] == 3 and shown.std() > 5


def test_a_file_without_pixels_is_refused_as_an_image():
    with pytest.raises(ValueError, match=r"cannot be read as a DICOM image \(it holds no pixels\)"):
        dicom.read(get_testdata_file("rtplan.dcm", download=False))


OF_GDCM = {
    JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def frames_of(syntax, folder, count=3):
    """Values (F, H, W) of frames, no two alike, and their codestreams."""
    values = np.stack([np.roll(RAMP * 4, 5 * number, axis=1) for number in range(count)]).astype("uint8")
    if syntax == RLELossless:
        return values, [b"".join(rle(frame)) for frame in values]
    if syntax == JPEGLSLossless:
        return values, [
            gdcm_codestream(folder / "frame", frame, gdcm.TransferSyntax.JPEGLSLossless) for frame in values
        ]
    if syntax == JPEGLosslessSV1:
        return values, [
            gdcm_codestream(folder / "frame", frame, gdcm.TransferSyntax.JPEGLosslessProcess14_1) for frame in values
        ]
    return values, [encoded(frame, JPEG[1] if syntax == JPEGBaseline8Bit else JPEG_2000[1]) for frame in values]


def rle(frame):
    """A frame of 8 bits as run lengths: literal runs alone, by PS3.5, annex G."""
    yield np.array([1, 64] + [0] * 14, "<u4").tobytes()
    for row in frame:
        yield bytes([len(row) - 1]) + row.tobytes()


def gdcm_codestream(path, frame, kind):
    """A frame of 8 bits as GDCM compresses it, by way of a file at path."""
    write_dicom(path, frame, PixelData=frame.tobytes(), **EIGHT)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(kind))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def write_frames(path, streams, syntax, table="none", fragments=1):
    """A file of several compressed frames, with a table of offsets or without one."""
    compressed(path, streams, syntax, NumberOfFrames=len(streams))
    file = pydicom.dcmread(path)
    if table == "extended":
        file.PixelData, file.ExtendedOffsetTable, file.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    else:
        file.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table == "basic")
    file["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, file, enforce_file_format=True)


SYNTAXES = [RLELossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]
TABLES = [("none", 1), ("basic", 1), ("extended", 1), ("basic", 2), ("none", 2)]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("table", "fragments"), TABLES)
def test_each_compressed_frame_is_that_of_the_whole(tmp_path, syntax, table, fragments):
    if syntax == RLELossless and fragments > 1:
        pytest.skip("the standard gives each such frame one fragment")
    values, streams = frames_of(syntax, tmp_path)
    write_frames(tmp_path / "a.dcm", streams, syntax, table, fragments)
    whole = pixels.pixel_array(pydicom.dcmread(tmp_path / "a.dcm"))
    np.testing.assert_allclose(whole.astype(int), values, atol=8 if syntax == JPEGBaseline8Bit else 0)
    assert header(tmp_path / "a.dcm").frames == 3
    for number in range(3):
        np.testing.assert_array_equal(dicom.read(tmp_path / "a.dcm", frame=number)[..., 0], whole[number])
    with pytest.raises(ValueError, match="it holds 3 frames, and one is expected"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_rle.dcm", "SC_rgb_rle_2frame.dcm", "examples_ybr_color.dcm"])
def test_each_frame_of_a_real_file_is_that_of_the_whole(name):
    path = get_testdata_file(name, download=False)
    whole = pixels.pixel_array(pydicom.dcmread(path))
    for number in (0, 1, len(whole) - 1):
        values = stored_pixels.stored(stored_pixels.open_dicom(path), number)
        np.testing.assert_array_equal(values, whole[number])


@pytest.mark.parametrize(
    ("shape", "bits"), [((8, 8), 1), ((4, 5), 1), ((8, 8), 8), ((3, 5), 8), ((3, 5), 16), ((3, 5, 3), 8)]
)
def test_each_native_frame_is_that_of_the_whole(tmp_path, shape, bits):
    """Frames of 1 bit are packed without a gap, so that some begin inside a byte."""
    values = np.random.default_rng(0).integers(0, 2**bits, (4, *shape)).astype("<u2" if bits == 16 else "u1")
    data = np.packbits(values.ravel(), bitorder="little").tobytes() if bits == 1 else values.tobytes()
    tags = {"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1, "NumberOfFrames": 4}
    if len(shape) == 3:
        tags |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    write_dicom(tmp_path / "a.dcm", np.zeros(shape[:2]), PixelData=data + bytes(len(data) % 2), **tags)
    for number in range(4):
        decoded = stored_pixels.stored(stored_pixels.open_dicom(tmp_path / "a.dcm"), number)
        np.testing.assert_array_equal(decoded, values[number])


@pytest.mark.parametrize("frame", [-1, 3, 99])
@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless])
def test_a_frame_that_is_not_there_is_refused(tmp_path, frame, syntax):
    write_dicom(tmp_path / "a.dcm", RAMP, NumberOfFrames=3, PixelData=bytes(3 * 128))
    if syntax:
        write_frames(tmp_path / "a.dcm", frames_of(syntax, tmp_path)[1], syntax)
    with pytest.raises(ValueError) as problem:
        dicom.read(tmp_path / "a.dcm", frame=frame)
    assert str(problem.value) == (
        f"{tmp_path}/a.dcm cannot be read as a DICOM image (it has no frame {frame}): choose a frame from 0 to 2, or "
        "leave the file out."
    )
    dicom.read(tmp_path / "a.dcm", frame=2)  # the remedy works


def test_the_only_frame_may_be_asked_for_by_its_number(tmp_path):
    write_dicom(tmp_path / "a.dcm", RAMP)
    np.testing.assert_array_equal(dicom.read(tmp_path / "a.dcm", frame=0), dicom.read(tmp_path / "a.dcm"))
    with pytest.raises(ValueError, match=r"\(it has no frame 1\): choose a frame from 0 to 0"):
        dicom.read(tmp_path / "a.dcm", frame=1)


@pytest.mark.parametrize("table", ["none", "basic", "extended"])
def test_each_frame_is_checked_before_it_is_decoded(tmp_path, monkeypatch, table):
    """The frame that is asked for is checked, whatever the table of offsets says, and no other frame is decoded."""
    _, streams = frames_of(JPEG2000Lossless, tmp_path)
    streams[1] = encoded(np.zeros((2000, 900), "uint8"), "JPEG2000")
    write_frames(tmp_path / "a.dcm", streams, JPEG2000Lossless, table)
    pixel_array = pixels.pixel_array

    def of_one_frame(file, **options):
        assert len(list(generate_frames(file.PixelData, number_of_frames=1))) == 1
        return pixel_array(file, **options)

    monkeypatch.setattr(decoders.pixels, "pixel_array", of_one_frame)
    dicom.read(tmp_path / "a.dcm", frame=0)
    dicom.read(tmp_path / "a.dcm", frame=2)
    monkeypatch.setattr(decoders.pixels, "pixel_array", None)
    with pytest.raises(ValueError, match="picture is of 2000 x 900 x 1 values, and its header says 8 x 8 x 1"):
        dicom.read(tmp_path / "a.dcm", frame=1)


def test_tables_of_offsets_that_lead_astray_are_refused(tmp_path):
    _, streams = frames_of(JPEG2000Lossless, tmp_path)
    for name, value in (("ExtendedOffsetTable", 2**40), ("ExtendedOffsetTableLengths", 2), ("ExtendedOffsetTable", 9)):
        write_frames(tmp_path / "a.dcm", streams, JPEG2000Lossless, "extended")
        file = pydicom.dcmread(tmp_path / "a.dcm")
        setattr(file, name, np.full(3, value, "<u8").tobytes())
        file.save_as(tmp_path / "a.dcm")
        with pytest.raises(ValueError, match="a.dcm cannot be read as a DICOM image"):
            dicom.read(tmp_path / "a.dcm", frame=1)


def test_compressed_pixels_in_a_file_that_does_not_say_how_are_refused(tmp_path):
    compressed(tmp_path / "a.dcm", [encoded((RAMP * 4).astype("uint8"), "JPEG2000")], JPEG2000Lossless)
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data[144 + pydicom.dcmread(tmp_path / "a.dcm").file_meta[0x00020000].value :])
    with pytest.raises(ValueError, match=r"\(it is compressed, and does not say how\)"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize(("name", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_fractions_are_shown_from_the_smallest_to_the_largest_value(tmp_path, name, kind):
    values = RAMP / 64 - 0.3
    write_dicom(tmp_path / "a.dcm", RAMP, BitsAllocated=8 * int(kind[-1]))
    file = pydicom.dcmread(tmp_path / "a.dcm")
    for tag in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del file[tag]
    setattr(file, name, values.astype(kind).tobytes())
    file.save_as(tmp_path / "a.dcm")
    assert header(tmp_path / "a.dcm").has_pixels
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(RAMP, 0, 63))
