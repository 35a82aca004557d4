"""DICOM files as they are meant to be seen: modality and VOI transforms applied, MONOCHROME1 inverted, 8 bits."""

import numpy as np
import pydicom
from pydicom import pixels
from pydicom.errors import InvalidDicomError

from black_average_drop.datasets import stretched

SUFFIXES = (".dcm", ".dicom")
_FAR = np.array([-(2**40), 2**40])  # what a window turns these into are the ends of its range


def read(path):
    """One image file as uint8 (H, W, 3), black to white over the file's window (DICOM PS3.3, C.11.1 and C.11.2).

    Of several windows the first counts; without any, black and white are the smallest and the largest value.
    Raises ValueError naming the file if it cannot be decoded or holds several frames.
    """
    try:
        file = pydicom.dcmread(path)
        if int(file.get("NumberOfFrames") or 1) > 1:
            raise ValueError(f"it holds {file.NumberOfFrames} frames, and one is wanted")
        values = pixels.pixel_array(file)  # YCbCr arrives as RGB
        if file.PhotometricInterpretation == "PALETTE COLOR":
            values = pixels.apply_color_lut(values, file)
        if values.ndim == 3:
            return stretched(values[..., :3], 0, np.iinfo(values.dtype).max)
        values = pixels.apply_modality_lut(values, file)
        low, high = values.min(), values.max()
        if file.get("VOILUTSequence"):
            values = pixels.apply_voi_lut(values, file)
            low, high = 0, 2 ** file.VOILUTSequence[0].LUTDescriptor[2] - 1
        elif "WindowWidth" in file:
            values, (low, high) = (pixels.apply_voi_lut(part, file) for part in (values, _FAR))
        if file.PhotometricInterpretation == "MONOCHROME1":
            low, high = high, low
        return np.repeat(stretched(values, low, high)[..., None], 3, axis=2)
    except (InvalidDicomError, AttributeError, KeyError, NotImplementedError, OSError, RuntimeError, ValueError) as why:
        reason = " ".join(str(why).split())
        raise ValueError(
            f"{path} cannot be read as a DICOM image ({reason}): export it as PNG, or leave it out."
        ) from why


def patient(path):
    """The patient's ID in a file, "" where there is none."""
    try:
        file = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
    except InvalidDicomError:  # `read` says so when the image is wanted
        return ""
    return str(file.get("PatientID") or "")
