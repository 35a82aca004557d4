"""Which library decodes which compressed DICOM picture, against other libraries and files of other encoders."""

import base64

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom import pixels, uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from black_average_drop.datasets import dicom
from black_average_drop.datasets.dicom import decoders
from dicom_files import write_dicom

# 8 x 8 values of 16 bits, encoded by OpenJPH 0.26.3: without loss, and with it.
HTJ2K_VALUES = np.add.outer(np.arange(8) * 448, np.arange(8) * 97)
HTJ2K = (
    "|4;u>04YEK0000800008000000000000008000080000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?kdTm&kdTm&kdTmwh=~7W"
    "02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000SpWh5lfVEbNA?8=bN~PVzyK1!01|+70ta*e_5%lW0KfnfKmZefva$h!bO7G>{s5y?0Kfn$U;q_hK"
    "p+tKs&N8!0Dk-R>-WGy0qnK_|Je"
)
HTJ2K_LOSSY = (
    "|4;u>04YEK0000800008000000000000008000080000000000009pH0sl|{2mk^A001igQUDA90ssL31q1{@0RLP7BO<pLw(7R(w!E(ZuK=#%r%b0z"
    "r(}==kOPoLm(rKgmtp^802crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000cK`wZlfVE0IM;>X2nTck006)M1keBhFiQIa2Xp`|^aKZV0KfnhFaQNm3"
    "KWnd_W=U505}jU4v6&uhO_{{02Yh@0c!xR3x!Ngt{V!OObn915}S7b;9xL#6vLx1Jc{8ch5`@@Zh!!4IRO9J"
)
# 8 x 8 values of 12 bits, encoded by libjpeg-turbo at quality 100.
JPEG_VALUES = np.add.outer(np.arange(8) * 280, np.arange(8) * 300)
JPEG_12 = (
    "|JeWF01!$>Nk#wx0RR9200961|JwjV009930RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40RaI40Ra"
    "I40sp}O3k(1V00;pA5di<h02BZL00000000000000000008|HJ?r5C8!L0{{R3000000000001W^tI!IV%cK_M{2mt{A06zdXili7L95(dgr"
    "C;SWb^qA"
)


def compressed(path, values, codestream, syntax, bits):
    """Write a file of the shape of values, whose picture is a codestream in base85."""
    write_dicom(path, values, BitsStored=bits, HighBit=bits - 1)
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate([base64.b85decode(codestream)])
    file["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def difference(path, values, bits):
    """The largest difference of the picture at path from values shown over all values of that many bits."""
    return np.abs(dicom.read(path)[..., 0] - values / (2**bits - 1) * 255).max()


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_high_throughput_jpeg_2000_is_decoded(tmp_path, syntax):
    compressed(tmp_path / "a.dcm", HTJ2K_VALUES, HTJ2K, syntax, 16)
    assert difference(tmp_path / "a.dcm", HTJ2K_VALUES, 16) <= 0.5
    file = pydicom.dcmread(tmp_path / "a.dcm")
    np.testing.assert_array_equal(decoders.decoded(file), HTJ2K_VALUES)
    compressed(tmp_path / "a.dcm", HTJ2K_VALUES, HTJ2K_LOSSY, syntax, 16)
    assert np.abs(decoders.decoded(pydicom.dcmread(tmp_path / "a.dcm")).astype(int) - HTJ2K_VALUES).max() <= 1


def test_lossy_jpeg_of_12_bits_is_decoded(tmp_path):
    compressed(tmp_path / "a.dcm", JPEG_VALUES, JPEG_12, uid.JPEGExtended12Bit, 12)
    values = decoders.decoded(pydicom.dcmread(tmp_path / "a.dcm"))
    assert values.max() > 255 and np.abs(values.astype(int) - JPEG_VALUES).max() <= 1
    assert difference(tmp_path / "a.dcm", JPEG_VALUES, 12) <= 0.6


def test_a_real_lossy_jpeg_of_12_bits_is_decoded_as_gdcm_reads_its_file():
    """pydicom asks GDCM for no such picture, and GDCM's reader of whole files can do it: another decoder."""
    path = get_testdata_file("JPGExtended.dcm", download=False)
    reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
    reader.SetFileName(path)
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    change.SetInput(reader.GetImage())
    assert change.Change()
    expected = np.frombuffer(change.GetOutput().GetBuffer().encode("utf-8", "surrogateescape"), "<u2")
    values = decoders.decoded(pydicom.dcmread(path))
    assert expected.max() > 255
    np.testing.assert_allclose(values.ravel().astype(int), expected, atol=1)
    assert dicom.read(path).shape == (1024, 256, 3)


@pytest.mark.parametrize(
    ("codestream", "syntax", "size"),
    [(HTJ2K, uid.HTJ2KLossless, "8 x 8 x 1"), (JPEG_12, uid.JPEGExtended12Bit, "8 x 8 x 1")],
)
def test_the_size_in_the_codestream_is_checked_before_it_is_decoded(tmp_path, monkeypatch, codestream, syntax, size):
    compressed(tmp_path / "a.dcm", np.zeros((4, 8)), codestream, syntax, 12)
    monkeypatch.setattr(decoders.pixels, "pixel_array", None)
    with pytest.raises(ValueError, match=f"picture is of {size} values, and its header says 4 x 8 x 1"):
        dicom.read(tmp_path / "a.dcm")


NAMES = ["JPEG2000.dcm", "MR_small_jp2klossless.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_jpeg_ls_lossless.dcm"]
NAMES += ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_small_odd_jpeg.dcm"]


@pytest.mark.parametrize("name", NAMES)
def test_what_gdcm_decodes_is_never_asked_of_another_library(name, monkeypatch):
    path = get_testdata_file(name, download=False)
    expected = pixels.pixel_array(pydicom.dcmread(path), decoding_plugin="gdcm")
    asked = []
    pixel_array = pixels.pixel_array

    def noted(*arguments, decoding_plugin="", **options):
        asked.append(decoding_plugin)
        return pixel_array(*arguments, decoding_plugin=decoding_plugin, **options)

    monkeypatch.setattr(decoders.pixels, "pixel_array", noted)
    np.testing.assert_array_equal(decoders.decoded(pydicom.dcmread(path)), expected)
    assert asked == ["gdcm"]


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_RLE.dcm"])
def test_what_gdcm_cannot_decode_goes_to_pillow_and_run_lengths_to_pydicom(name, monkeypatch):
    """With pylibjpeg installed pydicom would ask it in between."""
    path = get_testdata_file(name, download=False)
    monkeypatch.setattr("pydicom.pixels.decoders.pylibjpeg._decode_frame", None)
    library = "pydicom" if "RLE" in name else "pillow"
    expected = pixels.pixel_array(pydicom.dcmread(path), decoding_plugin=library)
    pixel_array = pixels.pixel_array

    def without_gdcm(*arguments, decoding_plugin="", **options):
        if decoding_plugin == "gdcm":
            raise RuntimeError("GDCM cannot do it")
        assert decoding_plugin == library
        return pixel_array(*arguments, decoding_plugin=decoding_plugin, **options)

    monkeypatch.setattr(decoders.pixels, "pixel_array", without_gdcm)
    np.testing.assert_array_equal(decoders.decoded(pydicom.dcmread(path)), expected)


@pytest.mark.parametrize(
    ("codestream", "syntax", "form", "plugin"),
    [
        (HTJ2K, uid.HTJ2K, "High-Throughput JPEG 2000", "pylibjpeg-openjpeg"),
        (JPEG_12, uid.JPEGExtended12Bit, "12-bit lossy JPEG", "pylibjpeg-libjpeg"),
    ],
)
def test_a_picture_whose_decoder_is_missing_says_what_to_install(
    tmp_path, monkeypatch, codestream, syntax, form, plugin
):
    """As pydicom finds its plugins where none is installed."""
    compressed(tmp_path / "a.dcm", JPEG_VALUES, codestream, syntax, 12)
    monkeypatch.delitem(pixels.get_decoder(syntax)._available, "pylibjpeg")
    with pytest.raises(ValueError) as problem:
        dicom.read(tmp_path / "a.dcm")
    assert str(problem.value) == (
        f"{tmp_path}/a.dcm cannot be read as a DICOM image (it is {form}, which needs pylibjpeg and {plugin}): install "
        f"them by .venv/bin/python -m pip install pylibjpeg {plugin}, or export it as PNG."
    )


def test_a_codestream_of_8_bits_is_not_taken_for_one_of_12(tmp_path):
    path = get_testdata_file("SC_rgb_small_odd_jpeg.dcm", download=False)
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = uid.JPEGExtended12Bit
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.save_as(tmp_path / "a.dcm")
    with pytest.raises(ValueError, match="a.dcm cannot be read as a DICOM image"):
        dicom.read(tmp_path / "a.dcm")
