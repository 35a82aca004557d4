"""Which library decodes which compressed DICOM picture: always the same one, whatever else is installed."""

from contextlib import suppress

from pydicom import pixels, uid

from black_average_drop.datasets.dicom.headers import RefusedDicom

_TWELVE_BITS = "12-bit lossy JPEG"
_GDCM, _PILLOW, _PYDICOM, _PYLIBJPEG = "gdcm", "pillow", "pydicom", "pylibjpeg"
# The first that decodes a picture counts. pydicom by itself would ask pylibjpeg before Pillow, where it is installed,
# and lossy pictures would differ by a grey value or two.
_LIBRARIES = {
    uid.RLELossless: (_PYDICOM,),
    uid.JPEGBaseline8Bit: (_GDCM, _PILLOW),
    uid.JPEGExtended12Bit: (_GDCM, _PILLOW),  # of 8 bits
    uid.JPEGLossless: (_GDCM,),
    uid.JPEGLosslessSV1: (_GDCM,),
    uid.JPEGLSLossless: (_GDCM,),
    uid.JPEGLSNearLossless: (_GDCM,),
    uid.JPEG2000Lossless: (_GDCM, _PILLOW),
    uid.JPEG2000: (_GDCM, _PILLOW),
    uid.HTJ2KLossless: (_PYLIBJPEG,),
    uid.HTJ2KLosslessRPCL: (_PYLIBJPEG,),
    uid.HTJ2K: (_PYLIBJPEG,),
}


def decoded(file, frame=None, **options):
    """Decode the pixels of an open file.

    Args:
        file: a data set, of compressed ones with a picture that is checked.
        frame: the number of the frame, from 0; None for all.
        options: of `pydicom.pixels.pixel_array`.

    Returns:
        (H, W), (H, W, 3), or with one more axis in front where there are several frames.

    Raises:
        RefusedDicom: if the library that decodes such a picture is not installed.
        ValueError, RuntimeError and others of pydicom: if no library can decode it.
    """
    syntax = file.file_meta.TransferSyntaxUID
    libraries = _LIBRARIES.get(syntax, ("",))
    if syntax == uid.JPEGExtended12Bit and file.BitsStored > 8:
        libraries = (_PYLIBJPEG,)
    if libraries == (_PYLIBJPEG,) and _PYLIBJPEG not in pixels.get_decoder(syntax).available_plugins:
        raise _without_plugin(syntax)
    for library in libraries[:-1]:
        with suppress(Exception):  # each raises what it likes on what it cannot decode
            return pixels.pixel_array(file, index=frame, decoding_plugin=library, **options)
    return pixels.pixel_array(file, index=frame, decoding_plugin=libraries[-1], **options)


def _without_plugin(syntax):
    """The error of a picture whose decoder is not installed."""
    twelve_bits = syntax == uid.JPEGExtended12Bit
    form = _TWELVE_BITS if twelve_bits else "High-Throughput JPEG 2000"
    plugin = "pylibjpeg-libjpeg" if twelve_bits else "pylibjpeg-openjpeg"
    return RefusedDicom(
        f"it is {form}, which needs pylibjpeg and {plugin}",
        f"install them by .venv/bin/python -m pip install pylibjpeg {plugin}, or export it as PNG",
    )
