"""What a DICOM file stores: its header and the values of its one picture, bounded before anything is decoded."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pydicom
from PIL import Image
from pydicom import encaps, pixels, uid
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info

_BYTES_A_PIXEL = 6  # of the largest picture that is read: three colours of 16 bits
_CHUNK = 1 << 20
_RLE_HEADER = 64
_JPEG_2000 = (b"\xff\x4f", b"\0\0\0\x0cjP  ")  # a codestream, and one in boxes
_STARTS = (b"\xff\xd8", *_JPEG_2000)
# Markers of JPEG's frame headers, which hold the size; the last one is that of JPEG-LS.
_SIZE_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}


def open_dicom(path, **options):
    """Do as `pydicom.dcmread`, but no file inflates to more bytes than the largest picture that is read may have.

    Args:
        path: the file.
        options: further ones of `pydicom.dcmread`.

    Raises:
        ValueError: if it would inflate to more, or its end is cut off.
    """
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != uid.DeflatedExplicitVRLittleEndian:
        return pydicom.dcmread(path, **options)
    with open(path, "rb") as file:
        file.seek(144 + meta.FileMetaInformationGroupLength)  # behind the preamble and the element of that length
        deflated = file.read()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    copy = BytesIO()
    copy.write(bytes(128) + b"DICM")
    write_file_meta_info(copy, meta, enforce_standard=False)
    _inflate(deflated, copy)
    copy.seek(0)
    return pydicom.dcmread(copy, **options)


def stored(file):
    """Decode what an open file stores: the values of a grey picture, indices into a palette, or colours as RGB.

    Returns:
        (H, W), or (H, W, 3) of colours, in the file's own integers.

    Raises:
        ValueError: if there are several frames, more pixels than Pillow takes for harmless, or a codestream whose size
            is not that of the header.
    """
    height, width, samples = file.Rows, file.Columns, file.SamplesPerPixel
    if height * width > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"it holds too many pixels, {width} x {height}")
    _refuse_frames(int(file.get("NumberOfFrames") or 1))
    encapsulated = file.file_meta.TransferSyntaxUID.is_encapsulated
    if encapsulated:
        _check_codestream(file, (height, width, samples))
    allocated = file.BitsAllocated
    bits = file.get("BitsStored", allocated)
    high = file.get("HighBit", bits - 1)
    if not bits - 1 <= high < allocated:
        raise ValueError(f"its HighBit is {high}, with {bits} of {allocated} bits stored")
    shifted = high != bits - 1 and not (encapsulated and file.file_meta.TransferSyntaxUID != uid.RLELossless)
    values = pixels.pixel_array(file, correct_unused_bits=not shifted)
    _refuse_frames(values.size // (height * width * samples))
    if shifted:
        values = np.right_shift(np.left_shift(values, allocated - 1 - high), allocated - bits)
    return values


def _refuse_frames(frames):
    if frames > 1:
        raise ValueError(f"it holds {frames} frames, and one is expected")


def _inflate(data, file):
    """Write what a raw deflate stream holds to a file, chunk by chunk."""
    most, inflater = _BYTES_A_PIXEL * Image.MAX_IMAGE_PIXELS, zlib.decompressobj(-zlib.MAX_WBITS)
    while data:
        file.write(inflater.decompress(data, _CHUNK))
        data = inflater.unconsumed_tail
        if file.tell() > most:
            raise ValueError(f"it inflates to more than {most:,} bytes")
    file.write(inflater.flush())  # less than one chunk
    if not inflater.eof:
        raise ValueError("its deflated part is cut")


def _check_codestream(file, expected):
    """Leave one frame without tables of offsets, so that what is checked here is what is decoded."""
    buffer = BytesIO(file.PixelData)
    encaps.parse_basic_offsets(buffer)
    fragments = list(encaps.generate_fragments(buffer))
    run_length = file.file_meta.TransferSyntaxUID == uid.RLELossless
    _refuse_frames(len(fragments) if run_length else sum(part.startswith(_STARTS) for part in fragments))
    data = b"".join(fragments)
    if run_length:
        if len(data) > 2 * int(np.prod(expected)) * (file.BitsAllocated // 8) + _RLE_HEADER:
            raise ValueError("its compressed pixels are more than its size can hold")
    else:
        shape = (_jpeg_2000_size if data.startswith(_JPEG_2000) else _jpeg_size)(data)
        if shape != tuple(expected):
            shapes = (" x ".join(map(str, one)) for one in (shape, expected))
            raise ValueError("its compressed picture is of {} values, and its header says {}".format(*shapes))
    file.PixelData = encaps.encapsulate([data])
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in file:
            del file[name]


def _jpeg_size(data):
    """(height, width, samples) by the frame header of a JPEG or JPEG-LS codestream."""
    place = data.find(b"\xff", 2)
    while 0 <= place < len(data) - 9:
        marker = data[place + 1]
        if marker in _SIZE_MARKERS:
            return struct.unpack(">HHB", data[place + 5 : place + 10])
        if marker in (0x00, 0xFF):  # no marker, or a filling byte before one
            place += 1
        else:
            place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
        place = data.find(b"\xff", place)
    raise ValueError("its compressed picture has no frame header")


def _jpeg_2000_size(data):
    """(height, width, samples) by the SIZ segment of a JPEG 2000 codestream, which may lie in boxes."""
    while not data.startswith(b"\xff\x4f"):
        length, kind = struct.unpack(">I4s", data[:8])
        header = 8
        if length == 1:
            length, header = struct.unpack(">Q", data[8:16])[0], 16
        if kind != b"jp2c" and length < 8:
            raise ValueError("its compressed picture has no codestream")
        data = data[header if kind == b"jp2c" else length :]
    _, marker, _, _, right, bottom, left, top = struct.unpack(">HHHHIIII", data[:24])
    if marker != 0xFF51:
        raise ValueError("its compressed picture does not begin with its size")
    return bottom - top, right - left, struct.unpack(">H", data[40:42])[0]
