"""What a DICOM file is, by its content: whether it is one, whose, of how many frames, and whether it holds pixels."""

import re
import warnings
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from pydicom import datadict
from pydicom.filereader import read_dataset

from black_average_drop.datasets.dicom.elements import (
    MEDIA_CLASS,
    TRANSFER_SYNTAX,
    Encoding,
    behind_deflation,
    elements,
    encoding_of,
    next_element,
    read_file_meta,
    to_file_meta,
)
from black_average_drop.datasets.paths import DICOM_SUFFIXES

IMAGE, HEADER_ONLY = "image", "header only"
_SOP_CLASS = 0x00080016
# Character set, class, PatientID, NumberOfFrames and BurnedInAnnotation.
_KEPT = {0x00080005, _SOP_CLASS, 0x00100020, 0x00280008, 0x00280301}
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # fractions of 32 and of 64 bits, and integers
# pydicom warns of odd values by repeating them, which may be private, and what cannot be read becomes an error anyway.
warnings.filterwarnings("ignore", module=r"pydicom\.")
_UID = re.compile(rb"[0-2](\.(0|[1-9]\d*)){3,}")
_LONGEST_UID = 64
_LONGEST_BEFORE = 4096  # bytes of an element before the class in a file without preamble
_STORAGE = "1.2.840.10008.5.1.4.1.1."
# The class of a file without pixels begins with one of these; of two, the longer one counts.
_KINDS = {
    "1.2.840.10008.1.3.10": "DICOMDIR",
    _STORAGE + "9.": "waveform",
    _STORAGE + "9.1.": "ECG",
    _STORAGE + "11.": "presentation state",
    _STORAGE + "66": "raw data or registration",
    _STORAGE + "88.": "structured report",
    _STORAGE + "88.59": "key object selection",
    _STORAGE + "104.": "document",
    _STORAGE + "104.1": "PDF document",
    _STORAGE + "481.": "radiotherapy record",
    _STORAGE + "481.3": "radiotherapy structures",
    _STORAGE + "481.5": "radiotherapy plan",
    _STORAGE + "481.8": "radiotherapy plan",
}


class RefusedDicom(ValueError):
    """A reason why a DICOM file is not read, with a remedy of its own."""

    def __init__(self, reason, remedy):
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True)
class Header:
    """What is known of a DICOM file before its pixels are read."""

    patient: str  # the patient's ID, "" where there is none
    frames: int
    has_pixels: bool
    burned_in: bool  # the file says that text is part of the picture
    kind: str  # IMAGE, or what a file without pixels is


def is_dicom_file(path):
    """Say whether a file is to be read as DICOM: by its content, whatever its name, or since its name says so.

    Args:
        path: the file. A text named .dcm is told from DICOM by `header`, which refuses it.
    """
    return path.suffix.lower() in DICOM_SUFFIXES or holds_dicom(path)


def holds_dicom(path):
    """Say whether a file is DICOM, by its content alone.

    It is if the mark DICM follows a preamble. It also is without both, if it begins with well-formed elements of the
    file meta information or of group 0008, little endian, and one of them is the class or the transfer syntax.
    """
    with open(path, "rb") as file:
        to_file_meta(file)
        with suppress(ValueError):  # another file, whose bytes seem to be an element that is cut
            return file.tell() > 0 or _begins_with_elements(file)
    return False


def header(path):
    """Read what a DICOM file is, in little memory: no pixels are read, and no sequence is kept.

    Args:
        path: the file.

    Returns:
        A `Header`.

    Raises:
        ValueError: if the file is not DICOM or its header is damaged. The message names the file.
    """
    try:
        if not holds_dicom(path):
            raise ValueError("it is not DICOM")
        with open(path, "rb") as file:
            return _header(file)
    except Exception as why:  # pydicom raises what it likes on damaged values
        raise unreadable_dicom(path, why) from why


def unreadable_dicom(path, why):
    """Make the error of a DICOM file that cannot be read.

    Args:
        path: the file.
        why: what was raised.

    Returns:
        A ValueError whose message names the file, the reason and a remedy.
    """
    reason = " ".join(str(why).split()) or type(why).__name__
    remedy = getattr(why, "remedy", "export it as PNG, or leave it out")
    return ValueError(f"{path} cannot be read as a DICOM image ({reason}): {remedy}.")


def _header(file):
    to_file_meta(file)
    meta = read_file_meta(file)
    syntax = meta.get(TRANSFER_SYNTAX, "")
    stream = behind_deflation(file, syntax)
    encoding = encoding_of(stream, syntax)
    kept, has_pixels = [], False
    for element in elements(stream, encoding, _KEPT):
        if element.tag in _PIXELS and not element.is_empty:
            has_pixels = True
            break
        if element.value:
            kept.append(element.head + element.value)
    values = read_dataset(BytesIO(b"".join(kept)), encoding.implicit, encoding.little)
    sop_class = str(values.get("SOPClassUID") or meta.get(MEDIA_CLASS, ""))
    return Header(
        patient=str(values.get("PatientID") or ""),
        frames=int(values.get("NumberOfFrames") or 1),
        has_pixels=has_pixels,
        burned_in=values.get("BurnedInAnnotation") == "YES",
        kind=IMAGE if has_pixels else _kind(sop_class),
    )


def _kind(sop_class):
    """What a file of this class is, in words, if it holds no pixels."""
    beginnings = [beginning for beginning in _KINDS if sop_class.startswith(beginning)]
    return _KINDS[max(beginnings, key=len)] if beginnings else HEADER_ONLY


def _begins_with_elements(file):
    """Whether an open file begins as a data set does: with known elements, in order, up to a class."""
    before = 0
    encoding = Encoding(implicit=not file.peek(6)[4:6].isalpha(), little=True)
    while True:
        element = next_element(file, encoding)
        if element is None or element.tag <= before or element.tag >> 16 not in (0x0002, 0x0008):
            return False
        if element.length > _LONGEST_BEFORE or not _is_known(element, encoding):
            return False
        value = file.read(element.length)
        if element.tag in (MEDIA_CLASS, TRANSFER_SYNTAX, _SOP_CLASS):
            return len(value) <= _LONGEST_UID and bool(_UID.fullmatch(value.rstrip(b"\0 ")))
        before = element.tag


def _is_known(element, encoding):
    """Whether the standard has an element, and with the type that it is written with."""
    if not datadict.dictionary_has_tag(element.tag):
        return element.tag == 0x00080000 and (encoding.implicit or element.head[4:6] == b"UL")
    return encoding.implicit or element.head[4:6].decode("latin-1") in datadict.dictionary_VR(element.tag)
