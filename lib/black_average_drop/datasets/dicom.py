"""DICOM files as they are meant to be seen: modality and VOI transforms applied, MONOCHROME1 inverted, 8 bits."""

import struct

import numpy as np
import pydicom
from pydicom import pixels
from pydicom.errors import InvalidDicomError

from black_average_drop.datasets import stretched

SUFFIXES = (".dcm", ".dicom")
_FAR = np.array([-(2**40), 2**40])  # what a window turns these into are the ends of its range
# Left empty where a file was made anonymous: as good as absent, but not to pydicom.
_MAYBE_EMPTY = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction")
_PROBLEMS = (
    *(AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError),
    struct.error,
)


def read(path):
    """One image file as uint8 (H, W, 3), black to white over the file's window (DICOM PS3.3, C.11.1 and C.11.2).

    Of several windows the first counts; without any, black and white are the smallest and the largest value, those of
    the padding around the image, which is black, left out. Raises ValueError naming the file if it cannot be decoded or
    holds several frames.
    """
    try:
        return _shown(pydicom.dcmread(path))
    except (InvalidDicomError, *_PROBLEMS) as why:
        raise _unreadable(path, why) from why


def patient(path):
    """The patient's ID in a file, "" where there is none. Raises ValueError naming the file if it is damaged."""
    try:
        file = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
        return str(file.get("PatientID") or "")  # decoded when it is asked for
    except InvalidDicomError:  # `read` says so when the image is wanted
        return ""
    except _PROBLEMS as why:
        raise _unreadable(path, why) from why


def _unreadable(path, why):
    reason = " ".join(str(why).split())
    return ValueError(f"{path} cannot be read as a DICOM image ({reason}): export it as PNG, or leave it out.")


def _shown(file):
    if int(file.get("NumberOfFrames") or 1) > 1:
        raise ValueError(f"it holds {file.NumberOfFrames} frames, and one is wanted")
    for name in _MAYBE_EMPTY:
        if name in file and file[name].is_empty:
            del file[name]
    values = pixels.pixel_array(file)  # YCbCr arrives as RGB
    if file.PhotometricInterpretation == "PALETTE COLOR":
        values = pixels.apply_color_lut(values, file)
        return stretched(values[..., :3], 0, np.iinfo(values.dtype).max)
    if values.ndim == 3:
        return stretched(values[..., :3], 0, 2**file.BitsStored - 1)
    padding = _padding(values, file)
    values = pixels.apply_modality_lut(values, file)
    if file.get("VOILUTSequence"):
        values = pixels.apply_voi_lut(values, file)
        low, high = 0, 2 ** file.VOILUTSequence[0].LUTDescriptor[2] - 1
    elif "WindowWidth" in file and "WindowCenter" in file:
        values, (low, high) = (pixels.apply_voi_lut(part, file) for part in (values, _FAR))
    else:
        inside = values if padding.all() else values[~padding]
        low, high = inside.min(), inside.max()
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    if file.PhotometricInterpretation == "MONOCHROME1":
        low, high = high, low
    grey = np.where(padding, 0, stretched(values, low, high))
    return np.repeat(grey[..., None], 3, axis=2).astype("uint8")


def _padding(values, file):
    """Where stored values (H, W) are no image but what was filled in around it: boolean (H, W)."""
    ends = [file.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    ends = [int(end) for end in ends if end is not None]
    return (values >= min(ends)) & (values <= max(ends)) if ends else np.zeros(values.shape, bool)
