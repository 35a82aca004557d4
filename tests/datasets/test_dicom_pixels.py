"""What a DICOM file stores: frames, compressed pictures and bounds."""

import io
import tracemalloc

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import pixels
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from black_average_drop.datasets import dicom, dicom_decoders, folder
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
    monkeypatch.setattr(dicom_decoders.pixels, "pixel_array", None)
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
