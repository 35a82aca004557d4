"""What a DICOM file stores: its header and the values of one picture, bounded before anything is decoded."""

import shutil
import struct
from io import BytesIO

import numpy as np
import pydicom
from PIL import Image
from pydicom import encaps, uid
from pydicom.errors import InvalidDicomError
from pydicom.filewriter import write_file_meta_info

from black_average_drop.datasets.dicom import decoders
from black_average_drop.datasets.dicom.elements import TRANSFER_SYNTAX, behind_deflation, read_file_meta, to_file_meta
from black_average_drop.datasets.dicom.headers import RefusedDicom, holds_dicom

_RLE_HEADER = 64
_JPEG_2000 = (b"\xff\x4f", b"\0\0\0\x0cjP  ")  # a codestream, and one in boxes
_STARTS = (b"\xff\xd8", *_JPEG_2000)
# Markers of JPEG's frame headers, which hold the size; the last one is that of JPEG-LS.
_SIZE_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_CHOOSE_A_FRAME = 'choose one by frame, such as frame="middle", or leave the file out'


def open_dicom(path, **options):
    """Do as `pydicom.dcmread`, also without preamble; no file inflates to more than the largest picture may have.

    Args:
        path: the file.
        options: further ones of `pydicom.dcmread`.

    Raises:
        InvalidDicomError: if the file is not DICOM.
        ValueError: if it would inflate to more bytes, or its deflated end is cut off.
    """
    if not holds_dicom(path):
        raise InvalidDicomError("it is not DICOM")
    with open(path, "rb") as file:
        to_file_meta(file)
        start = file.tell()
        syntax = read_file_meta(file).get(TRANSFER_SYNTAX, "")
        if syntax == uid.DeflatedExplicitVRLittleEndian:
            return _inflated(file, start, options)
    opened = pydicom.dcmread(path, force=True, **options)
    if not syntax:
        implicit, little = opened.original_encoding
        by_encoding = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        opened.file_meta.TransferSyntaxUID = by_encoding if little else uid.ExplicitVRBigEndian
    return opened


def _inflated(file, start, options):
    """The data set of a deflated file, which is open behind the meta information that begins at start."""
    end = file.tell()
    file.seek(start)
    meta = pydicom.dcmread(BytesIO(file.read(end - start)), force=True).file_meta
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    copy = BytesIO()
    copy.write(bytes(128) + b"DICM")
    write_file_meta_info(copy, meta, enforce_standard=False)
    shutil.copyfileobj(behind_deflation(file, uid.DeflatedExplicitVRLittleEndian), copy)
    copy.seek(0)
    return pydicom.dcmread(copy, **options)


def stored(file, frame=None):
    """Decode what an open file stores: the values of a grey picture, indices into a palette, or colours as RGB.

    Args:
        file: a data set of `open_dicom`. Of a compressed one with several frames, the chosen one alone is left in it.
        frame: the number of the frame to decode, from 0; None where the file is expected to hold one.

    Returns:
        (H, W), or (H, W, 3) of colours, in the file's own integers.

    Raises:
        ValueError: if the file holds no pixels, several frames and none is chosen, or no such frame; if there are more
            pixels than Pillow takes for harmless, a codestream whose size is not that of the header, or no decoder.
    """
    if not any(name in file for name in _PIXELS):
        raise ValueError("it holds no pixels")
    height, width, samples = file.Rows, file.Columns, file.SamplesPerPixel
    if height * width > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"it holds too many pixels, {width} x {height}")
    frame = _chosen_frame(file, frame)
    encapsulated = file.file_meta.TransferSyntaxUID.is_encapsulated
    if encapsulated:
        _leave_one_codestream(file, frame, (height, width, samples))
        frame = None
    elif "PixelData" in file and file["PixelData"].is_undefined_length:
        raise ValueError("it is compressed, and does not say how")
    allocated = file.BitsAllocated
    bits = file.get("BitsStored", allocated)
    high = file.get("HighBit", bits - 1)
    if not bits - 1 <= high < allocated:
        raise ValueError(f"its HighBit is {high}, with {bits} of {allocated} bits stored")
    shifted = high != bits - 1 and not (encapsulated and file.file_meta.TransferSyntaxUID != uid.RLELossless)
    values = decoders.decoded(file, frame, correct_unused_bits=not shifted)
    _refuse_frames(values.size // (height * width * samples))
    if shifted:
        values = np.right_shift(np.left_shift(values, allocated - 1 - high), allocated - bits)
    return values


def _chosen_frame(file, frame):
    """The number of the frame to decode where there are several, None where there is one."""
    frames = int(file.get("NumberOfFrames") or 1)
    if frame is None and frames > 1:
        raise RefusedDicom(_several(frames), _CHOOSE_A_FRAME)
    if frame is not None and not 0 <= frame < frames:
        remedy = f"choose a frame from 0 to {frames - 1}, or leave the file out"
        raise RefusedDicom(f"it has no frame {frame}", remedy)
    return frame if frames > 1 else None


def _refuse_frames(frames):
    """Refuse frames that no element counts: they cannot be chosen."""
    if frames > 1:
        raise ValueError(_several(frames))


def _several(frames):
    return f"it holds {frames} frames, and one is expected"


def _leave_one_codestream(file, frame, expected):
    """Leave one frame without tables of offsets, so that what is checked here is what is decoded."""
    data = _only_codestream(file) if frame is None else _codestream(file, frame)
    if file.file_meta.TransferSyntaxUID == uid.RLELossless:
        if len(data) > 2 * int(np.prod(expected)) * (file.BitsAllocated // 8) + _RLE_HEADER:
            raise ValueError("its compressed pixels are more than its size can hold")
    else:
        shape = (_jpeg_2000_size if data.startswith(_JPEG_2000) else _jpeg_size)(data)
        if shape != tuple(expected):
            shapes = (" x ".join(map(str, one)) for one in (shape, expected))
            raise ValueError("its compressed picture is of {} values, and its header says {}".format(*shapes))
    file.PixelData, file.NumberOfFrames = encaps.encapsulate([data]), 1
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in file:
            del file[name]


def _only_codestream(file):
    """The codestream of a file that is expected to hold one frame."""
    buffer = BytesIO(file.PixelData)
    encaps.parse_basic_offsets(buffer)
    fragments = list(encaps.generate_fragments(buffer))
    run_length = file.file_meta.TransferSyntaxUID == uid.RLELossless
    _refuse_frames(len(fragments) if run_length else sum(part.startswith(_STARTS) for part in fragments))
    return b"".join(fragments)


def _codestream(file, frame):
    """The codestream of one of several frames."""
    offsets = [file.get(name) for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    offsets = None if None in offsets else tuple(offsets)
    frames = int(file.NumberOfFrames)
    return encaps.get_frame(file.PixelData, frame, extended_offsets=offsets, number_of_frames=frames)


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
