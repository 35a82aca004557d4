"""The elements of a DICOM file, one after the other, in little memory whatever they say (PS3.5, 7; PS3.10, 7)."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image
from pydicom import uid

_BYTES_A_PIXEL = 6  # of the largest picture that is read: three colours of 16 bits
_CHUNK = 1 << 20
_DEFLATED_CHUNK = 1 << 14
_DEEPEST = 500  # sequences in sequences: no real file comes near it
_CUT = "its end is cut off"
_MARK = b"DICM"
_PREAMBLE = 128
_MOST_KEPT = 1 << 16  # bytes of a value that is read
_UNDEFINED = 0xFFFFFFFF
_ITEMS = 0xFFFE  # the group of items and their ends
_ITEM = 0xFFFEE000
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
MEDIA_CLASS, TRANSFER_SYNTAX = 0x00020002, 0x00020010


@dataclass(frozen=True)
class Element:
    """One element: its tag as group * 65,536 + number, how it begins in the file, and what of its value was read."""

    tag: int
    head: bytes
    length: int  # of the value, `_UNDEFINED` where only a mark ends it
    value: bytes = b""

    @property
    def is_empty(self):
        """Whether it has no value."""
        return self.length == 0


@dataclass(frozen=True)
class Encoding:
    """How elements are written."""

    implicit: bool  # without their type
    little: bool  # the least significant byte first


def to_file_meta(file):
    """Put an open file at its first element: behind preamble and mark, or at its beginning where it has neither."""
    file.seek(_PREAMBLE)
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)


def read_file_meta(file):
    """Read the file meta information of a file that is at its first element.

    Returns:
        tag -> text, of the transfer syntax and the class where they are given. The file is at the first element
        behind the meta information.

    Raises:
        ValueError: if the file ends within it.
    """
    texts = {}
    while True:
        place = file.tell()
        element = next_element(file, Encoding(implicit=False, little=True))
        if element is None or element.tag >> 16 != 2:
            file.seek(place)
            return texts
        if element.tag in (MEDIA_CLASS, TRANSFER_SYNTAX):
            texts[element.tag] = _kept(file, element).decode("ascii", "replace").strip("\0 ")
        else:
            _skip(file, element.length)


def behind_deflation(file, syntax):
    """Give the stream that elements behind the meta information are read from.

    Args:
        file: open, behind its meta information.
        syntax: the transfer syntax.

    Returns:
        The file itself, or a stream that inflates what is read of it. That one raises a ValueError if it gives more
        bytes than the largest picture that is read may have.
    """
    deflated = syntax == uid.DeflatedExplicitVRLittleEndian
    return io.BufferedReader(_Inflated(file), _CHUNK) if deflated else file


def encoding_of(stream, syntax):
    """Say how the elements that come next are written: as the first of them shows, or else the transfer syntax."""
    first = stream.peek(6)[:6]
    little = syntax != uid.ExplicitVRBigEndian
    implicit = syntax in ("", uid.ImplicitVRLittleEndian)
    if len(first) == 6:
        implicit = not _is_type(first[4:6])
        if not syntax and not implicit:
            little = struct.unpack("<H", first[:2])[0] < 0x400  # the group 0008 of the other order is 0800
    return Encoding(implicit, little)


def elements(stream, encoding, kept):
    """Go through the elements of a stream that are in no sequence.

    Args:
        stream: a file, or what `behind_deflation` gives.
        encoding: an `Encoding`.
        kept: the tags whose values are read.

    Yields:
        `Element`. Values of others than `kept` are not in memory.

    Raises:
        ValueError: if the stream ends within an element, a value that is kept is of more than 64 KiB, or sequences are
            nested hundreds deep.
    """
    depth = 0
    while (element := next_element(stream, encoding)) is not None or depth:
        if element is None:
            raise ValueError(_CUT)
        if element.tag >> 16 == _ITEMS and element.tag != _ITEM:
            if depth == 0:
                return
            depth -= 1
            continue
        if depth == 0 and element.tag in kept:
            yield Element(element.tag, element.head, element.length, _kept(stream, element))
            continue
        if depth == 0:
            yield element
        if element.length == _UNDEFINED:
            depth += 1
            if depth > _DEEPEST:
                raise ValueError("its sequences are nested too deeply")
        else:
            _skip(stream, element.length)


def next_element(stream, encoding):
    """Read how the next element begins.

    Returns:
        An `Element` without its value, or None at the end. A few zeros at the end are no element.

    Raises:
        ValueError: if the stream ends within it.
    """
    head = stream.read(8)
    if len(head) < 8 and not any(head):
        return None
    if len(head) < 8:
        raise ValueError(_CUT)
    order = "<" if encoding.little else ">"
    group, number, length = struct.unpack(f"{order}HHI", head)
    kind = head[4:6]
    if group != _ITEMS and not encoding.implicit and _is_type(kind):  # some writers leave the type out in sequences
        if kind in _LONG:
            head += _exactly(stream, 4)
            length = struct.unpack(f"{order}I", head[8:])[0]
        else:
            length = struct.unpack(f"{order}H", head[6:])[0]
    return Element(group << 16 | number, head, length)


def _is_type(two):
    return two.isalpha() and two.isupper()


def _kept(stream, element):
    if element.length > _MOST_KEPT:
        raise ValueError(f"its element {element.tag >> 16:04X},{element.tag & 0xFFFF:04X} is too long")
    return _exactly(stream, element.length)


def _exactly(stream, length):
    data = stream.read(length)
    if len(data) < length:
        raise ValueError(_CUT)
    return data


def _skip(stream, length):
    if stream.seekable() and length:
        stream.seek(length - 1, io.SEEK_CUR)
        length = 1
    while length:
        length -= len(_exactly(stream, min(length, _CHUNK)))


class _Inflated(io.RawIOBase):
    """What a raw deflate stream holds, inflated as it is read."""

    def __init__(self, file):
        self._file, self._inflater = file, zlib.decompressobj(-zlib.MAX_WBITS)
        self._given, self._most = 0, _BYTES_A_PIXEL * Image.MAX_IMAGE_PIXELS

    def readable(self):
        return True

    def readinto(self, buffer):
        data = b""
        while not data and not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail or self._file.read(_DEFLATED_CHUNK)
            data = self._inflater.decompress(deflated, len(buffer))
            if not (deflated or data or self._inflater.eof):
                raise ValueError("its deflated part is cut")
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > self._most:
            raise ValueError(f"it inflates to more than {self._most:,} bytes")
        return len(data)
