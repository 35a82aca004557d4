"""What a DICOM file is, by its content: against pydicom, against other files, and in little memory."""

import io
import subprocess
import sys
import tracemalloc
import zlib
from itertools import islice

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file

from black_average_drop.datasets import dicom
from black_average_drop.datasets.dicom.headers import header, holds_dicom, is_dicom_file
from dicom_files import write_dicom
from pictures import RAMP

STORAGE = "1.2.840.10008.5.1.4.1.1."
REAL = ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "image_dfl.dcm"]
REAL += ["SC_rgb_rle_2frame.dcm", "rtdose.dcm", "rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm", "UN_sequence.dcm"]
REAL += ["ExplVR_LitEndNoMeta.dcm", "meta_missing_tsyntax.dcm", "no_meta_group_length.dcm", "nested_priv_SQ.dcm"]


def rewritten(path, implicit=False, preamble=True, meta=True):
    """Write the file at path again: in another encoding, without its preamble, or without its meta information too."""
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
    pydicom.dcmwrite(path, file, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    data = path.read_bytes()
    beginning = 0 if preamble else 132 if meta else 144 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    path.write_bytes(data[beginning:])


@pytest.mark.parametrize("name", ["film", "film.ima", "film.IMA", "film.png", "film.dcm", "film.txt"])
@pytest.mark.parametrize(("preamble", "meta"), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("implicit", [False, True])
def test_dicom_is_known_by_its_content_and_read(tmp_path, name, preamble, meta, implicit):
    path = tmp_path / name
    write_dicom(path, RAMP * 60, PatientID="p 7", BurnedInAnnotation="YES")
    expected = dicom.read(path)
    rewritten(path, implicit, preamble, meta)
    assert holds_dicom(path) and is_dicom_file(path)
    found = header(path)
    assert (found.patient, found.frames, found.has_pixels, found.burned_in) == ("p 7", 1, True, True)
    assert found.kind == "image"
    np.testing.assert_array_equal(dicom.read(path), expected)


@pytest.mark.parametrize("name", REAL)
def test_a_header_says_what_pydicom_reads(name):
    path = get_testdata_file(name, download=False)
    file = pydicom.dcmread(path, force=True)
    found = header(path)
    assert found.patient == (file.get("PatientID") or "")
    assert found.frames == int(file.get("NumberOfFrames") or 1)
    assert found.has_pixels == ("PixelData" in file)
    assert not found.burned_in


def other_files():
    """Contents that are no DICOM: texts, pictures, arrays and noise."""
    generator = np.random.default_rng(0)
    for form in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray((RAMP * 4).astype("uint8")).save(buffer, format=form)
        yield buffer.getvalue()
    for values in (RAMP, RAMP * 0, RAMP.astype("float32")):
        buffer = io.BytesIO()
        np.save(buffer, values)
        yield buffer.getvalue()
    yield from (b"", b"\x08", b"\x08\0\x16\0", b"image,label\na.png,1\n", bytes(1000), b"\x02\0" * 500, b"\x08\0" * 500)
    yield from (b"DICM" + bytes(200), bytes(127) + b"DICM", "Befund: unauffällig\r\n".encode() * 99)
    for length in (4, 8, 12, 40, 400):
        yield from (generator.bytes(length) for _ in range(60))
        yield from (b"\x08\0\x16\0" + generator.bytes(length) for _ in range(60))  # begins like a class
        yield from (b"\x02\0\0\0UL\x04\0" + generator.bytes(length) for _ in range(60))


def test_no_other_file_is_taken_for_dicom(tmp_path):
    path = tmp_path / "film"
    for content in other_files():
        path.write_bytes(content)
        assert not holds_dicom(path), content[:20]
    for content in islice(other_files(), 12):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"film cannot be read as a DICOM image \(it is not DICOM\)"):
            header(path)


def test_a_name_that_says_dicom_is_enough_to_be_asked(tmp_path):
    for name in ("film.DCM", "film.ima"):
        (tmp_path / name).write_text("noise")
        assert is_dicom_file(tmp_path / name) and not holds_dicom(tmp_path / name)


KINDS = {
    STORAGE + "88.11": "structured report",
    STORAGE + "88.67": "structured report",
    STORAGE + "88.59": "key object selection",
    STORAGE + "481.3": "radiotherapy structures",
    STORAGE + "481.5": "radiotherapy plan",
    STORAGE + "481.8": "radiotherapy plan",
    STORAGE + "481.4": "radiotherapy record",
    STORAGE + "9.1.1": "ECG",
    STORAGE + "9.1.2": "ECG",
    STORAGE + "9.2.1": "waveform",
    STORAGE + "11.1": "presentation state",
    STORAGE + "104.1": "PDF document",
    STORAGE + "104.2": "document",
    STORAGE + "66.1": "raw data or registration",
    STORAGE + "1": "header only",
    STORAGE + "1.1": "header only",
    "1.3.6.1.4.1.9590.7": "header only",
    "1.2.840.10008.1.3.10": "DICOMDIR",
}


@pytest.mark.parametrize(("sop_class", "kind"), KINDS.items())
def test_a_file_without_pixels_is_named_by_its_class(tmp_path, sop_class, kind):
    write_dicom(tmp_path / "a", RAMP, SOPClassUID=sop_class, PatientID="p 7")
    file = pydicom.dcmread(tmp_path / "a")
    file.file_meta.MediaStorageSOPClassUID = sop_class
    del file.PixelData
    file.save_as(tmp_path / "a")
    assert (header(tmp_path / "a").kind, header(tmp_path / "a").has_pixels) == (kind, False)
    if kind == "DICOMDIR":
        del file.SOPClassUID  # as the standard has it: the meta information alone says what it is
        file.save_as(tmp_path / "a")
        assert header(tmp_path / "a").kind == kind


def icon():
    """A small picture inside a sequence."""
    item = pydicom.Dataset()
    item.Rows, item.Columns, item.PixelData = 2, 2, bytes(4)
    item["PixelData"].VR = "OB"
    return item


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_pixels_inside_a_sequence_are_not_those_of_the_file(tmp_path, implicit, undefined):
    write_dicom(tmp_path / "a", RAMP, IconImageSequence=[icon(), icon()], PatientID="p 7")
    file = pydicom.dcmread(tmp_path / "a")
    file["IconImageSequence"].is_undefined_length = undefined
    for item in file.IconImageSequence:
        item.is_undefined_length_sequence_item = undefined
    file.save_as(tmp_path / "a")
    rewritten(tmp_path / "a", implicit)
    assert header(tmp_path / "a").has_pixels
    del file.PixelData
    file.save_as(tmp_path / "a")
    rewritten(tmp_path / "a", implicit)
    assert not header(tmp_path / "a").has_pixels


def test_pixels_of_no_bytes_are_none_and_fractions_are_some(tmp_path):
    write_dicom(tmp_path / "a", RAMP)
    file = pydicom.dcmread(tmp_path / "a")
    file.PixelData = b""
    file.save_as(tmp_path / "a")
    assert header(tmp_path / "a").kind == "header only"
    del file.PixelData
    file.FloatPixelData = RAMP.astype("<f4").tobytes()
    file.save_as(tmp_path / "a")
    assert header(tmp_path / "a").has_pixels


@pytest.mark.parametrize("characters", ["ISO_IR 100", "ISO_IR 192", "GB18030"])
def test_a_patient_of_any_alphabet_is_read(tmp_path, characters):
    patient = "患者七" if characters == "GB18030" else "Müller-7"
    write_dicom(tmp_path / "a", RAMP, SpecificCharacterSet=characters, PatientID=patient)
    assert header(tmp_path / "a").patient == patient


def test_no_warning_repeats_what_a_file_says(tmp_path):
    tags = {"SpecificCharacterSet": "SECRET", "PatientID": "SECRET" + "7" * 100}
    with pydicom.config.disable_value_validation():
        write_dicom(tmp_path / "a.dcm", RAMP, **tags)
    code = (
        "import sys; from pathlib import Path; from black_average_drop.datasets import dicom;"
        "from black_average_drop.datasets.dicom import headers;"
        "dicom.read(Path(sys.argv[1])); print(headers.header(Path(sys.argv[1])).patient)"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "a.dcm"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("SECRET7") and run.stderr == ""


def test_a_file_that_ends_anywhere_is_refused_or_read(tmp_path):
    """Each beginning of a file: another error than that which names the file would end a run."""
    write_dicom(tmp_path / "whole", RAMP, PatientID="p 7", IconImageSequence=[icon()])
    data = (tmp_path / "whole").read_bytes()
    pixels = data.index(b"\xe0\x7f\x10\0OW")
    refused = 0
    for length in range(132, pixels):
        (tmp_path / "cut").write_bytes(data[:length])
        try:
            assert not header(tmp_path / "cut").has_pixels
        except ValueError as problem:
            assert str(problem).startswith(f"{tmp_path}/cut cannot be read as a DICOM image (")
            refused += 1
    assert refused > 0.9 * (pixels - 132)  # the others end between two elements


def test_a_damaged_header_is_refused_or_read(tmp_path):
    write_dicom(tmp_path / "whole", RAMP, PatientID="p 7", NumberOfFrames=1, IconImageSequence=[icon()])
    data = np.frombuffer((tmp_path / "whole").read_bytes(), "uint8")
    generator = np.random.default_rng(0)
    for _ in range(500):
        damaged = data.copy()
        damaged[generator.integers(132, len(data), 3)] = generator.integers(0, 256, 3)
        (tmp_path / "damaged").write_bytes(damaged.tobytes())
        try:
            header(tmp_path / "damaged")
        except ValueError as problem:
            assert "damaged cannot be read as a DICOM image (" in str(problem)


def element(tag, kind, value, length=None):
    group, number = tag >> 16, tag & 0xFFFF
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + kind + bytes(2)
    return head + (len(value) if length is None else length).to_bytes(4, "little") + value


ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_END, SEQUENCE_END = b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
LARGE = 30_000_000


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (element(0x00420011, b"OB", bytes(LARGE)), ""),
        (element(0x7FE00010, b"OW", bytes(LARGE)), ""),
        # Sequences in each other, without an end.
        ((element(0x0040A730, b"SQ", b"", 2**32 - 1) + ITEM) * 300_000, "its sequences are nested too deeply"),
        # A sequence of many items.
        (element(0x0040A730, b"SQ", (ITEM + ITEM_END) * 20_000 + SEQUENCE_END, 2**32 - 1), ""),
        (element(0x00280301, b"UN", bytes(LARGE)), "its element 0028,0301 is too long"),
        (element(0x00420011, b"OB", bytes(10), LARGE), "its end is cut off"),
    ],
    ids=["document", "pixels", "nested", "items", "long value", "short file"],
)
@pytest.mark.parametrize("deflate", [False, True])
def test_no_header_takes_much_memory(tmp_path, tail, reason, deflate):
    path = tmp_path / "a"
    write_dicom(path, RAMP, PatientID="p 7", SOPClassUID=STORAGE + "88.11")
    file = pydicom.dcmread(path)
    del file.PixelData
    file.save_as(path)
    data = path.read_bytes()
    beginning = 144 + file.file_meta.FileMetaInformationGroupLength
    if deflate:
        file.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
        pydicom.dcmwrite(path, file, enforce_file_format=True)
        shell = path.read_bytes()
        meta = 144 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
        path.write_bytes(shell[:meta] + raw_deflated(data[beginning:] + tail))
    else:
        path.write_bytes(data + tail)
    del data
    tracemalloc.start()
    try:
        if reason:
            with pytest.raises(ValueError, match=reason):
                header(path)
        else:
            assert header(path).patient == "p 7"
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def raw_deflated(data):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


CLASS = b"1.2.840.10008.5.1.4.1.1.1\0"


def short(number, kind, value):
    """An element of group 0008 with a length of two bytes."""
    return b"\x08\0" + number.to_bytes(2, "little") + kind + len(value).to_bytes(2, "little") + value


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (short(0x16, b"UI", CLASS), True),
        (short(0, b"UL", bytes(4)) + short(5, b"CS", b"ISO_IR 100") + short(0x16, b"UI", CLASS), True),
        (short(0x16, b"LO", CLASS), False),  # another type than the standard gives the class
        (short(3, b"UI", b"1.2") + short(0x16, b"UI", CLASS), False),  # no such element
        (short(8, b"CS", b"A" * 5000) + short(0x16, b"UI", CLASS), False),  # longer than any before the class
        (short(8, b"CS", b"A ") + short(5, b"CS", b"") + short(0x16, b"UI", CLASS), False),  # out of order
        (short(0x16, b"UI", b"a class "), False),
        (short(0x16, b"UI", b"1.2.840." + b"1" * 99), False),
        (short(0x18, b"UI", CLASS), False),  # an instance, and no class
    ],
)
@pytest.mark.filterwarnings("error")
def test_without_preamble_the_first_elements_decide(tmp_path, content, known):
    (tmp_path / "film").write_bytes(content)
    assert holds_dicom(tmp_path / "film") == known


def test_a_file_that_ends_inside_a_sequence_is_refused(tmp_path):
    """Between two of its elements, too: the pixels may have come behind it."""
    write_dicom(tmp_path / "a", RAMP)
    file = pydicom.dcmread(tmp_path / "a")
    del file.PixelData
    file.save_as(tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    sequence = element(0x0040A730, b"SQ", ITEM + element(0x0040A160, b"UT", b"text") + ITEM_END, 2**32 - 1)
    (tmp_path / "a").write_bytes(data + sequence + SEQUENCE_END)
    assert not header(tmp_path / "a").has_pixels
    (tmp_path / "a").write_bytes(data + sequence)
    with pytest.raises(ValueError, match=r"a cannot be read as a DICOM image \(its end is cut off\)"):
        header(tmp_path / "a")
