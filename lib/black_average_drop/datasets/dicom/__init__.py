"""DICOM files as they are meant to be seen: modality and VOI transforms applied, MONOCHROME1 inverted, 8 bits."""

import numpy as np
from pydicom import pixels
from scipy import ndimage

from black_average_drop.datasets.dicom import stored_pixels
from black_average_drop.datasets.dicom.headers import unreadable_dicom
from black_average_drop.datasets.grey import AS_IT_IS, limits, share_filled, stretched

OWN_WINDOW, OWN_TABLE = "own window", "own table"
_FAR = np.array([-(2**40), 2**40])  # a window turns these into the ends of its range
_TRANSFORMS = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
_OF_ALL_FRAMES, _OF_EACH_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_WITH_TRANSFORMS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def read(path, window="full", frame=None):
    """Read one image file as pixels, by the standard's display rules (DICOM PS3.3, C.11.1 and C.11.2).

    Black and white are the ends of the file's own VOI table or window, of several the first. Without one they are those
    of all values that BitsStored or the modality transform allow. Padding around the image is black and moves no limit.

    Args:
        path: the file.
        window: "full" for the rule above. Another one of `grey.WINDOWS`, or [centre, width] in values after the
            modality transform, stretches every grey picture, and colours of more than 8 bits, instead.
        frame: the number of the frame to read, from 0. None reads the only one.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        ValueError: if it cannot be decoded, holds several frames and none is chosen, or has no such frame. The message
            names the file.
    """
    return read_with_limits(path, window, frame)[0]


def read_with_limits(path, window="full", frame=None):
    """Do as `read`, and say how the picture is shown.

    Returns:
        (picture, how, filled): how says in words by which limits it is shown; filled is how much of black to white is
        used outside the padding, 0 to 1.
    """
    try:
        return _shown(stored_pixels.open_dicom(path), window, frame)
    except Exception as why:  # decoders raise what they like on damaged files
        raise unreadable_dicom(path, why) from why


def _shown(file, window, frame):
    """(picture, how, filled) of an open file."""
    _take_transforms_of_the_frame(file, frame or 0)
    values = stored_pixels.stored(file, frame)
    if file.PhotometricInterpretation == "PALETTE COLOR":
        values = pixels.apply_color_lut(values, file)
        picture = stretched(values[..., :3], 0, np.iinfo(values.dtype).max)
        return picture, AS_IT_IS, share_filled(picture)
    if values.ndim == 3:
        full, how = (0, 2**file.BitsStored - 1), AS_IT_IS
        if file.BitsStored > 8:
            full, how = limits(values, window, full)
        picture = stretched(values, *full)
        return picture, how, share_filled(picture)
    padding = _padding(values, file)
    values, ends, how = _displayed(values, padding, file, window)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    if file.PhotometricInterpretation == "MONOCHROME1":
        ends = ends[::-1]
    grey = stretched(values, *ends)
    used = share_filled(grey[_inside(padding)][:, None])
    grey[padding] = 0
    return np.repeat(grey[..., None], 3, axis=2), how, used


def _displayed(values, padding, file, window):
    """Stored values (H, W) through modality and VOI transform, what of them is black and white, and by which rule."""
    values, full = _modality(values, file)
    table = (file.get("VOILUTSequence") or [None])[0]
    if window == "full" and table is not None and "LUTDescriptor" in table and "LUTData" in table:
        values, ends = _looked_up(values, table, file, signed=full is not None and full[0] < 0)
        return values, ends, OWN_TABLE
    if window == "full" and "WindowWidth" in file and "WindowCenter" in file:
        with np.errstate(over="ignore"):  # of a sigmoid, far from its centre
            values, ends = (pixels.apply_windowing(part, file) for part in (values, _FAR))
        return values, tuple(ends), OWN_WINDOW
    return values, *limits(values[_inside(padding)], window, full)


def _take_transforms_of_the_frame(file, frame):
    """Put the transforms of a frame of an enhanced object where other objects have them, and take out empty ones.

    Enhanced objects have them in groups, for all frames or for each. Empty ones come from files that were made
    anonymous: they are as good as absent, but not to pydicom.
    """
    for groups, number in ((_OF_ALL_FRAMES, 0), (_OF_EACH_FRAME, frame)):
        for group in (file.get(groups) or [])[number : number + 1]:
            for macro in _WITH_TRANSFORMS:
                for item in (group.get(macro) or [])[:1]:
                    for name in _TRANSFORMS:
                        if name in item:
                            file[name] = item[name]
    for name in _TRANSFORMS:
        if name in file and file[name].is_empty:
            del file[name]


def _modality(values, file):
    """Values (H, W) after the modality transform, and the lowest and highest that it can give, None for fractions."""
    if file.get("ModalityLUTSequence"):
        return _looked_up(values, file.ModalityLUTSequence[0], file, signed=file.PixelRepresentation == 1)
    full = None
    if values.dtype.kind in "iu":
        low = -(2 ** (file.BitsStored - 1)) if file.PixelRepresentation else 0
        full = (low, low + 2**file.BitsStored - 1)
    if "RescaleSlope" in file or "RescaleIntercept" in file:
        slope, intercept = float(file.get("RescaleSlope", 1)), float(file.get("RescaleIntercept", 0))
        if slope == 0:
            raise ValueError("its RescaleSlope is 0, which makes all values one")
        values = values * slope + intercept
        full = full and tuple(sorted(end * slope + intercept for end in full))
    return values, full


def _looked_up(values, table, file, signed):
    """Values (H, W) through a table of the file, and the lowest and highest that its entries may have."""
    entries, first, bits = (int(part) for part in table.LUTDescriptor)
    entries = entries % 2**16 or 2**16
    first = first - 2**16 if signed and first >= 2**15 else first
    order = "<" if file.file_meta.TransferSyntaxUID.is_little_endian else ">"
    data = table.LUTData
    if not isinstance(data, bytes):
        data = np.atleast_1d(np.asarray(data, "int64")).astype(f"{order}u2").tobytes()
    kind = f"{order}u2" if len(data) >= 2 * entries else "u1"  # entries of 8 bits may come two to a word
    output = np.frombuffer(data, kind, entries)
    return output[np.clip(np.rint(values).astype("int64") - first, 0, entries - 1)], (0, 2**bits - 1)


def _padding(values, file):
    """Where stored values (H, W) are no image but what was filled in around it: boolean (H, W).

    The same value with no way of such values to the border is part of the image, a saturated one.
    """
    ends = [file.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    ends = [int(end) for end in ends if end is not None]
    if not ends:
        return np.zeros(values.shape, bool)
    if values.dtype.kind == "i":  # some files give a negative value as if it had no sign
        ends = [end - 2**file.BitsAllocated if end >= 2 ** (file.BitsAllocated - 1) else end for end in ends]
    areas, _ = ndimage.label((values >= min(ends)) & (values <= max(ends)), structure=np.ones((3, 3)))
    border = np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]])
    return np.isin(areas, border[border > 0])


def _inside(padding):
    """Where the image is; all of it, if nothing but padding is there."""
    return padding if padding.all() else ~padding
