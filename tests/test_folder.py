"""Anybody's folder of images: labels from sub-folders or a CSV, 8 and 16 bits, DICOM as it is meant to be seen."""

import io
import tracemalloc

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom import pixels
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from black_average_drop.datasets import dicom, dicom_pixels, folder, phantoms

SIZE = (8, 8)
RAMP = np.arange(64).reshape(SIZE)


def write(path, values=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((RAMP * 4 if values is None else values).astype("uint8")).save(path)


def write_dicom(path, values, **tags):
    """A file of one grey image of 12 bits; tags are set, or left out where they are None."""
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.SOPClassUID, file.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    file.Rows, file.Columns = values.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.PixelData = values.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def test_flat_images_have_no_label(tmp_path):
    write(tmp_path / "b.png")
    write(tmp_path / "a.jpg")
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["a.jpg", "b.png"] == list(data.groups) and data.class_names == ()
    assert (data.labels == folder.UNLABELLED).all()


def test_a_csv_says_which_images_their_labels_and_their_patients(tmp_path):
    for name in ("a", "b", "c", "left out"):
        write(tmp_path / f"{name}.png")
    text = "\ufeffimage,label,patient\r\nc.png,ill,p1\r\na.png,well,p1\r\nb.png,ill,p2\r\n"
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["c.png", "a.png", "b.png"] and list(data.groups) == ["p1", "p1", "p2"]
    assert data.class_names == ("ill", "well") and list(data.labels) == [0, 1, 0]
    assert list(folder.load(tmp_path, SIZE, class_names=["well", "ill", "other"]).labels) == [1, 0, 1]
    other = tmp_path / "other.csv"
    other.write_text("label,image\n1,a.png\n0,b.png\n")
    data = folder.load(tmp_path, SIZE, labels=other)
    assert list(data.labels) == [1, 0] and data.class_names == ("0", "1")


def test_a_csv_without_labels_takes_them_from_the_sub_folders(tmp_path):
    write(tmp_path / "ill" / "a.png")
    write(tmp_path / "well" / "b.png")
    (tmp_path / "labels.csv").write_text("image,patient\nwell/b.png,p\nill/a.png,p\n")
    data = folder.load(tmp_path, SIZE)
    assert list(data.labels) == [1, 0] and set(data.groups) == {"p"}


@pytest.mark.parametrize(
    ("csv", "names", "message"),
    [
        ("file,label\na.png,x\n", (), "has no column image"),
        ("image,label\n", (), "has no column image, or no rows"),
        ("image,label\nz.png,x\n", (), "names z.png, which is no file in"),
        ("image,label\n../outside.png,x\n", (), "names ../outside.png, which is no file in"),
        ("image,label\na.png,x\nb.png,\n", (), "some images have a label and some have none"),
        ("image,patient\na.png,7\nb.png, \n", (), "some images have a patient and some have none"),
        ("image,label\na.png,x\nb.png,y\n", ("x", "y", "x"), "class_names names 'x' more than once"),
        ("image,label\na.png,x\nb.png,y\n", ("x", "z"), "'y' is none of the classes x, z"),
        ("image,label\na.png,x\n./a.png,x\n", (), "The id a.png stands for several images"),
        ("image\n/etc/hostname\n", (), "names /etc/hostname, which is no file in"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused(tmp_path, csv, names, message):
    write(tmp_path / "outside.png")
    for name in "ab":
        write(tmp_path / "root" / f"{name}.png")
    (tmp_path / "root" / "labels.csv").write_text(csv)
    with pytest.raises(ValueError, match=message):
        folder.load(tmp_path / "root", SIZE, class_names=names)


def test_a_blank_patient_is_the_one_of_the_dicom_file(tmp_path):
    write(tmp_path / "a.png")
    write_dicom(tmp_path / "b.dcm", RAMP, PatientID="p 7")
    (tmp_path / "labels.csv").write_text("image,patient\na.png,p 7\nb.dcm,\n")
    assert list(folder.load(tmp_path, SIZE).groups) == ["p 7", "p 7"]
    write_dicom(tmp_path / "b.dcm", RAMP, PatientID="")
    with pytest.raises(ValueError, match="some images have a patient and some have none"):
        folder.load(tmp_path, SIZE)
    (tmp_path / "labels.csv").write_text("image,patient\na.png,\nb.dcm,\n")
    assert list(folder.load(tmp_path, SIZE).groups) == ["a.png", "b.dcm"]


def test_images_beside_sub_folders_of_images_are_refused(tmp_path):
    write(tmp_path / "a.png")
    write(tmp_path / "ill" / "b.png")
    with pytest.raises(ValueError, match="holds images beside its sub-folders, a.png for one"):
        folder.load(tmp_path)


def test_more_than_eight_bits_of_grey_are_stretched(tmp_path):
    deep = (1000 + RAMP * 30).astype("uint16")
    Image.fromarray(deep).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", deep)
    tifffile.imwrite(tmp_path / "c.tiff", (RAMP * 900 - 30_000).astype("int16"))
    grey = np.random.default_rng(0).permutation(64).reshape(SIZE)
    Image.fromarray(grey.astype("uint8") * 3).save(tmp_path / "d.tif")
    tifffile.imwrite(tmp_path / "e.tif", RAMP.astype("float32") - 7)
    pixels = folder.load(tmp_path, SIZE, window="minmax").images()
    stretched = np.round(RAMP / 63 * 255)
    for row in (0, 1, 2, 4):
        np.testing.assert_array_equal(pixels[row], np.repeat(stretched[..., None], 3, axis=2))
    np.testing.assert_array_equal(pixels[3][..., 0], grey * 3)
    tifffile.imwrite(tmp_path / "e.tif", np.full(SIZE, np.nan, "float32"))
    with pytest.raises(ValueError, match="e.tif holds values that are no numbers"):
        folder.load(tmp_path, SIZE).images()


def test_of_more_than_eight_bits_all_values_that_could_be_are_shown_unless_a_stretch_is_chosen(tmp_path):
    deep = (1000 + RAMP * 900).astype("uint16")
    deep[0, 0], deep[7, 7] = 0, 65535  # outliers, beyond the percentiles
    Image.fromarray(deep).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", (RAMP * 900 - 30_000).astype("int16"))
    full = folder.load(tmp_path, SIZE).images()[..., 0]
    np.testing.assert_array_equal(full[0], np.round(deep / 65535 * 255))
    np.testing.assert_array_equal(full[1], np.round((RAMP * 900 + 2768) / 65535 * 255))
    low, high = np.percentile(deep, (1, 99))
    assert 0 < low < high < 65535
    middle = folder.load(tmp_path, SIZE, window="percentile").images()[0, ..., 0]
    np.testing.assert_array_equal(middle, np.round(np.clip((deep - low) / (high - low), 0, 1) * 255))
    Image.fromarray(np.where(RAMP == 63, 9, 5).astype("uint16")).save(tmp_path / "a.png")  # both percentiles are 5...
    write_dicom(tmp_path / "c", np.where(RAMP == 63, 9, 5))  # ... and so here, where it is not interpolated away
    for name in ("a.png", "c"):
        few = folder.load(tmp_path, SIZE, window="percentile").named(name).images()[0, ..., 0]
        assert few[7, 7] == 255 and (few.ravel()[:63] == 0).all()
    with pytest.raises(ValueError, match="window is 'narrow': choose one of full, minmax, percentile."):
        folder.load(tmp_path, SIZE, window="narrow")


def test_tiff_with_white_at_zero_is_inverted_and_of_several_pages_refused(tmp_path):
    for name, kind in (("a.tif", "uint8"), ("b.tif", "uint16")):
        tifffile.imwrite(tmp_path / name, RAMP.astype(kind) * 4, photometric="miniswhite")
    shown = folder.load(tmp_path, SIZE).images()[..., 0].astype(int)
    np.testing.assert_array_equal(shown[0], 255 - RAMP * 4)
    np.testing.assert_array_equal(shown[1], np.round(255 - RAMP * 4 / 65535 * 255))
    stretched = folder.load(tmp_path, SIZE, window="minmax").images()[1, ..., 0]
    np.testing.assert_array_equal(stretched, np.round(255 - RAMP / 63 * 255))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((2, 8, 8), "uint8"))
    with pytest.raises(ValueError, match="b.tif holds 2 pages"):
        folder.load(tmp_path, SIZE).images()


def test_a_dicom_directory_and_dates_as_folders_are_no_surprise(tmp_path):
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    write(tmp_path / "20240101" / "a.png")
    write(tmp_path / "20240102" / "b.png")
    data = folder.load(tmp_path, SIZE)
    assert data.class_names == ("20240101", "20240102") and list(data.labels) == [0, 1]


def test_dicom_is_shown_through_its_window(tmp_path):
    values = RAMP * 50  # 0 to 3,150
    write_dicom(tmp_path / "plain.dcm", values)
    write_dicom(tmp_path / "window.dcm", values, WindowCenter=1000.5, WindowWidth=1001)
    write_dicom(tmp_path / "inverted.dcm", values, PhotometricInterpretation="MONOCHROME1", PatientID="p 7")
    rescaled = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000.5, "WindowWidth": 1001}
    write_dicom(tmp_path / "rescaled", values, **rescaled)
    data = folder.load(tmp_path, SIZE)
    assert list(data.ids) == ["inverted.dcm", "plain.dcm", "rescaled", "window.dcm"]
    assert list(data.groups) == ["p 7", "plain.dcm", "rescaled", "window.dcm"]
    shown = dict(zip(data.ids, data.images()[..., 0].astype(float), strict=True))
    plain = np.round(values / 4095 * 255)
    np.testing.assert_array_equal(shown["plain.dcm"], plain)
    np.testing.assert_array_equal(shown["inverted.dcm"], 255 - plain)
    # DICOM PS3.3, C.11.2.1.2.1: black up to centre - 0.5 - (width - 1) / 2 = 500, white above 1,500.
    np.testing.assert_allclose(shown["window.dcm"], np.clip((values - 500) / 1000, 0, 1) * 255, atol=0.51)
    np.testing.assert_allclose(shown["rescaled"], np.clip((values * 2 - 1500) / 1000, 0, 1) * 255, atol=0.51)


def test_dicom_tables_and_colour(tmp_path):
    table = pydicom.Dataset()
    curve = (255 * (np.arange(64) / 63) ** 2).astype("<u2")
    table.LUTDescriptor, table.LUTData = [64, 0, 16], (curve * 257).tobytes()
    write_dicom(tmp_path / "table.dcm", RAMP, VOILUTSequence=[table])
    np.testing.assert_array_equal(dicom.read(tmp_path / "table.dcm")[..., 0], curve[RAMP])
    colour = np.stack([RAMP, RAMP * 2, RAMP * 3], axis=-1).astype("uint8")
    tags = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    tags |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": colour.tobytes()}
    write_dicom(tmp_path / "colour.dcm", RAMP, **tags)
    np.testing.assert_array_equal(dicom.read(tmp_path / "colour.dcm"), colour)
    deep = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelData": (colour.astype("<u2") * 16).tobytes()}
    write_dicom(tmp_path / "deep.dcm", RAMP, **tags | deep)
    np.testing.assert_allclose(dicom.read(tmp_path / "deep.dcm"), colour * 16.0 / 4095 * 255, atol=0.51)


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowCenter": 100},
        {"WindowWidth": 100},
        {"RescaleSlope": None, "RescaleIntercept": None, "VOILUTFunction": ""},
    ],
)
def test_empty_or_half_dicom_tags_are_as_good_as_none(tmp_path, tags):
    write_dicom(tmp_path / "a.dcm", RAMP * 50, **tags)
    np.testing.assert_array_equal(dicom.read(tmp_path / "a.dcm")[..., 0], np.round(RAMP * 50 / 4095 * 255))
    stretched = dicom.read(tmp_path / "a.dcm", "minmax")[..., 0]
    np.testing.assert_array_equal(stretched, np.round(RAMP / 63 * 255))


def test_of_several_windows_the_first_counts_also_inverted(tmp_path):
    windows = {"WindowCenter": [1000.5, 9], "WindowWidth": [1001, 3], "VOILUTFunction": ""}
    write_dicom(tmp_path / "a.dcm", RAMP * 50, **windows)
    write_dicom(tmp_path / "b.dcm", RAMP * 50, PhotometricInterpretation="MONOCHROME1", **windows)
    shown = np.clip((RAMP * 50 - 500) / 1000, 0, 1) * 255
    np.testing.assert_allclose(dicom.read(tmp_path / "a.dcm")[..., 0], shown, atol=0.51)
    np.testing.assert_allclose(dicom.read(tmp_path / "b.dcm")[..., 0], 255 - shown, atol=0.51)


@pytest.mark.parametrize("padding", [0, 4095])
def test_padding_is_black_and_stretches_nothing(tmp_path, padding):
    values = 1000 + RAMP * 10
    values[:2] = padding
    for name, kind in (("a.dcm", "MONOCHROME2"), ("b.dcm", "MONOCHROME1")):
        write_dicom(tmp_path / name, values, PixelPaddingValue=padding, PhotometricInterpretation=kind)
    expected = np.round((values[2:] - values[2].min()) / (values[2:].max() - values[2].min()) * 255)
    plain, inverted = (dicom.read(tmp_path / name, "minmax")[..., 0] for name in ("a.dcm", "b.dcm"))
    assert (plain[:2] == 0).all() and (inverted[:2] == 0).all()
    np.testing.assert_array_equal(plain[2:], expected)
    np.testing.assert_allclose(inverted[2:], 255 - expected, atol=1)
    for name, ends in (("a.dcm", (0, 4095)), ("b.dcm", (4095, 0))):
        whole = dicom.read(tmp_path / name)[..., 0]
        assert (whole[:2] == 0).all()
        np.testing.assert_array_equal(whole[2:], np.round((values[2:] - ends[0]) / (ends[1] - ends[0]) * 255))


def shown(path, window="full"):
    return dicom.read(path, window)[..., 0].astype(float)


EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}


def test_eight_bits_as_dicom_are_the_same_pixels_as_png(tmp_path):
    values = (RAMP + 60).astype("uint8")
    write_dicom(tmp_path / "a.dcm", values, PixelData=values.tobytes(), **EIGHT)
    write(tmp_path / "b.png", values)
    first, second = folder.load(tmp_path, SIZE).images()
    np.testing.assert_array_equal(first, second)


def at_full_range(values, low, high):
    return np.round((values - low) / (high - low) * 255)


@pytest.mark.parametrize(
    ("values", "tags", "low", "high"),
    [
        (RAMP * 60, {}, 0, 4095),
        (RAMP * 16, {"BitsStored": 10, "HighBit": 9}, 0, 1023),
        (RAMP * 1000, {"BitsStored": 16, "HighBit": 15}, 0, 65535),
        (RAMP * 60 - 2000, {"PixelRepresentation": 1}, -2048, 2047),
        (RAMP * 60, {"RescaleSlope": 2, "RescaleIntercept": -1000}, 0, 4095),  # the range is transformed, too
        (RAMP * 60, {"RescaleIntercept": -1000}, 0, 4095),  # half a pair: the other one does nothing
        (RAMP * 60, {"RescaleSlope": 2}, 0, 4095),
        (RAMP * 60, {"RescaleSlope": -1, "RescaleIntercept": 5}, 4095, 0),  # which makes the largest value black
        (RAMP * 60, {"PhotometricInterpretation": "MONOCHROME1"}, 4095, 0),
    ],
)
def test_dicom_without_a_window_is_shown_over_the_range_of_its_bits(tmp_path, values, tags, low, high):
    write_dicom(tmp_path / "a.dcm", values, **tags)
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(values, low, high))


def test_a_stretch_of_dicom_takes_the_place_of_its_own_window_and_table(tmp_path):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [64, 0, 16], np.zeros(64, "<u2").tobytes()
    values = 100 + RAMP * 10
    for tags in ({"WindowCenter": 9, "WindowWidth": 9}, {"VOILUTSequence": [table]}):
        write_dicom(tmp_path / "a.dcm", values, **tags)
        np.testing.assert_array_equal(shown(tmp_path / "a.dcm", "minmax"), at_full_range(RAMP, 0, 63))
        low, high = np.percentile(values, (1, 99))
        clipped = np.round(np.clip((values - low) / (high - low), 0, 1) * 255)
        np.testing.assert_array_equal(shown(tmp_path / "a.dcm", "percentile"), clipped)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1, -1, 0.5])
def test_each_window_function_is_that_of_the_standard(tmp_path, function, slope):
    """DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3, value by value."""
    centre, width, values = 300 * slope, 401, RAMP * 10
    window = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    write_dicom(tmp_path / "a.dcm", values, RescaleSlope=slope, RescaleIntercept=0, **window)

    def grey(x):
        if function == "SIGMOID":
            return 255 / (1 + np.exp(-4 * (x - centre) / width))
        if function == "LINEAR":
            share = (x - (centre - 0.5)) / (width - 1) + 0.5
        else:
            share = (x - centre) / width + 0.5
        return 255 * min(max(share, 0), 1)

    expected = np.vectorize(grey, otypes=[float])(values * slope)
    np.testing.assert_allclose(shown(tmp_path / "a.dcm"), expected, atol=0.51)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("first", [0, 20, -16])
def test_a_table_of_eight_bits_shows_deeper_pixels(tmp_path, first, packed):
    """Values below the first and above the last that the table maps get its ends."""
    curve = (np.arange(48) * 5 + 3).astype("uint8")
    table = pydicom.Dataset()
    table.LUTDescriptor = [48, first, 8]
    table["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    table.LUTData = curve.tobytes() if packed else curve.astype("<u2").tobytes()
    table["LUTData"].VR = "OW"
    values = RAMP - 20
    tags = {"PixelRepresentation": 1} if first < 0 else {"RescaleSlope": 1, "RescaleIntercept": 0}
    values = values if first < 0 else RAMP
    write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=[table], **tags)
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), curve[np.clip(values - first, 0, 47)])


@pytest.mark.parametrize(("bits", "kind"), [(8, "u1"), (12, "<u2"), (16, "<u2")])
def test_a_modality_table_is_shown_over_its_own_range(tmp_path, bits, kind):
    curve = np.linspace(0, 2**bits - 1, 64)[::-1].round().astype(kind)
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [64, 0, bits], curve.tobytes(), "US"
    table["LUTData"].VR = "OW"
    write_dicom(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=[table])
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(curve[RAMP].astype(float), 0, 2**bits - 1))


@pytest.mark.parametrize("representation", [0, 1])
def test_values_in_the_upper_bits_are_read(tmp_path, representation):
    values = RAMP * 60 - 2000 * representation
    words = (values << 4) + 5  # what is below the stored bits is no part of the value
    write_dicom(tmp_path / "a.dcm", words, HighBit=15, PixelRepresentation=representation)
    low = -2048 * representation
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(values, low, low + 4095))


@pytest.mark.parametrize("groups", [["Shared", "PerFrame"], ["PerFrame", "Shared"]])
def test_the_window_of_an_enhanced_object_of_one_frame_is_in_its_functional_groups(tmp_path, groups):
    window, transformation, groups_of_all, groups_of_each = (pydicom.Dataset() for _ in range(4))
    window.WindowCenter, window.WindowWidth = 1000.5, 1001
    transformation.RescaleSlope, transformation.RescaleIntercept = 2, -1000
    groups = dict(zip(groups, (groups_of_all, groups_of_each), strict=True))
    groups_of_all.FrameVOILUTSequence = [window]
    groups_of_each.PixelValueTransformationSequence = [transformation]
    tags = {f"{name}FunctionalGroupsSequence": [group] for name, group in groups.items()}
    write_dicom(tmp_path / "a.dcm", RAMP * 50, NumberOfFrames=1, **tags)
    expected = np.clip((RAMP * 50 * 2 - 1500) / 1000, 0, 1) * 255
    np.testing.assert_allclose(shown(tmp_path / "a.dcm"), expected, atol=0.51)


@pytest.mark.parametrize("tags", [{}, {"WindowCenter": 1000, "WindowWidth": 2000}])
def test_saturated_pixels_within_the_image_are_no_padding(tmp_path, tags):
    """Stored as 0, the lightest value of MONOCHROME1, as the padding around the image is."""
    values = 1000 + RAMP * 10
    values[:, :2] = 0
    values[4:6, 4:6] = 0
    write_dicom(tmp_path / "a.dcm", values, PhotometricInterpretation="MONOCHROME1", **tags)
    bare = shown(tmp_path / "a.dcm")
    tags |= {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 0}
    write_dicom(tmp_path / "a.dcm", values, **tags)
    found = shown(tmp_path / "a.dcm")
    assert (found[:, :2] == 0).all() and (found[4:6, 4:6] == 255).all()
    np.testing.assert_array_equal(found[:, 2:], bare[:, 2:])


def test_padding_below_zero_is_found_also_where_its_tag_has_no_sign(tmp_path):
    values = RAMP * 10 - 300
    values[0] = -2000
    padding = pydicom.DataElement(0x00280120, "US", 63536)
    write_dicom(tmp_path / "a.dcm", values, PixelRepresentation=1)
    file = pydicom.dcmread(tmp_path / "a.dcm")
    file.add(padding)
    file.save_as(tmp_path / "a.dcm")
    assert pydicom.dcmread(tmp_path / "a.dcm").PixelPaddingValue == 63536
    expected = at_full_range(values[1:], values[1].min(), values.max())
    found = shown(tmp_path / "a.dcm", "minmax")
    assert (found[0] == 0).all()
    np.testing.assert_array_equal(found[1:], expected)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, "its RescaleSlope is 0, which makes all values one"),
        ({"HighBit": 9}, "its HighBit is 9, with 12 of 16 bits stored"),
        ({"HighBit": 16}, "its HighBit is 16, with 12 of 16 bits stored"),
        ({"NumberOfFrames": 2, "Rows": 4}, "it holds 2 frames, and one is expected"),
        *(
            ({"NumberOfFrames": frames, "Rows": 4}, "it holds 2 frames, and one is expected")
            for frames in (None, "", 0, 1)
        ),
        ({"NumberOfFrames": 1, "Rows": 1, "Columns": 21}, "it holds 3 frames, and one is expected"),
    ],
)
def test_what_is_no_picture_of_a_dicom_file_is_refused(tmp_path, tags, reason):
    write_dicom(tmp_path / "a.dcm", RAMP, **{name: value for name, value in tags.items() if value is not None})
    with pytest.raises(ValueError) as problem:
        dicom.read(tmp_path / "a.dcm")
    assert str(problem.value) == (
        f"{tmp_path}/a.dcm cannot be read as a DICOM image ({reason}): export it as PNG, or leave it out."
    )


def compressed(path, frames, syntax, height=8, width=8, **tags):
    """A DICOM file whose header promises 8 x 8 values of 8 bits, and whose fragments are given."""
    values = np.zeros((height, width), "uint8")
    write_dicom(path, values, PixelData=values.tobytes(), **EIGHT | tags)
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate(frames, has_bot=False)
    file["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def encoded(values, form):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format=form)
    return buffer.getvalue()


JPEG, JPEG_2000 = (JPEGBaseline8Bit, "JPEG"), (JPEG2000Lossless, "JPEG2000")


@pytest.mark.parametrize(("syntax", "form"), [JPEG, JPEG_2000])
def test_frames_that_no_tag_counts_are_counted_also_where_they_are_compressed(tmp_path, syntax, form):
    one = encoded((RAMP * 4).astype("uint8"), form)
    compressed(tmp_path / "a.dcm", [one], syntax)
    np.testing.assert_allclose(shown(tmp_path / "a.dcm"), RAMP * 4, atol=3)
    compressed(tmp_path / "a.dcm", [one, one], syntax)
    with pytest.raises(ValueError, match="it holds 2 frames"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize(("syntax", "form"), [JPEG, JPEG_2000])
@pytest.mark.parametrize("values", [np.zeros((2000, 900), "uint8"), np.zeros((8, 8, 3), "uint8")])
def test_a_codestream_of_another_size_than_the_header_says_is_not_decoded(
    tmp_path, monkeypatch, values, syntax, form, boxes
):
    data = encoded(values, form)
    if form == "JPEG2000" and not boxes:
        data = data[data.index(b"\xff\x4f\xff\x51") :]
    compressed(tmp_path / "a.dcm", [data], syntax)
    monkeypatch.setattr(dicom_pixels.pixels, "pixel_array", None)
    found = " x ".join(map(str, (*values.shape, 1)[:3]))
    with pytest.raises(ValueError, match=f"picture is of {found} values, and its header says 8 x 8 x 1"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"])
def test_a_header_of_another_size_is_not_believed(tmp_path, name):
    file = pydicom.dcmread(get_testdata_file(name, download=False))
    file.Rows = 32
    file.save_as(tmp_path / "a.dcm")
    with pytest.raises(ValueError, match="picture is of 64 x 64 x 1 values, and its header says 32 x 64 x 1"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm", "image_dfl.dcm"])
def test_real_files_are_shown_as_pydicom_transforms_them(name):
    """With and without a window, compressed and deflated; from black to white over all that the bits allow."""
    path = get_testdata_file(name, download=False)
    file = pydicom.dcmread(path)
    low = -(2 ** (file.BitsStored - 1)) if file.PixelRepresentation else 0
    slope, intercept = float(file.get("RescaleSlope", 1)), float(file.get("RescaleIntercept", 0))
    low, high = (end * slope + intercept for end in (low, low + 2**file.BitsStored - 1))
    values = pixels.apply_voi_lut(pixels.apply_modality_lut(file.pixel_array, file), file).astype(float)
    expected = (values - low) / (high - low) * 255
    assert ("WindowWidth" in file) == (dicom.shown(path)[1] == "own window")
    np.testing.assert_allclose(shown(path), expected, atol=0.51)


def test_run_lengths_beyond_the_picture_are_not_decoded(tmp_path):
    compressed(tmp_path / "a.dcm", [bytes(10_000)], RLELossless)
    with pytest.raises(ValueError, match="its compressed pixels are more than its size can hold"):
        dicom.read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["a.dcm", "a"])
def test_dicom_has_the_pixel_limit_of_other_images(tmp_path, monkeypatch, name):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 63)
    write_dicom(tmp_path / name, RAMP)
    with pytest.raises(ValueError, match="it holds too many pixels, 8 x 8"):
        folder.load(tmp_path, SIZE).images()


def deflated(path, tail=b""):
    write_dicom(path, RAMP * 60, PatientID="p 7")
    file = pydicom.dcmread(path)
    if tail:
        file.add_new(0xFFFCFFFC, "OB", tail)  # trailing padding, which the standard allows
    file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def test_a_deflated_file_is_read(tmp_path):
    deflated(tmp_path / "a.dcm")
    np.testing.assert_array_equal(shown(tmp_path / "a.dcm"), at_full_range(RAMP * 60, 0, 4095))
    assert list(folder.load(tmp_path, SIZE).groups) == ["p 7"]
    cut = (tmp_path / "a.dcm").read_bytes()[:-20]
    (tmp_path / "a.dcm").write_bytes(cut)
    with pytest.raises(ValueError, match="a.dcm cannot be read as a DICOM image"):
        folder.load(tmp_path, SIZE)


def test_a_deflated_file_inflates_to_no_more_than_the_largest_picture(tmp_path, monkeypatch):
    deflated(tmp_path / "a.dcm", bytes(60_000_000))
    assert (tmp_path / "a.dcm").stat().st_size < 100_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    for read in (dicom.patient, dicom.read, lambda path: folder.load(path.parent, SIZE)):
        tracemalloc.start()
        with pytest.raises(ValueError, match="it inflates to more than 600,000 bytes"):
            read(tmp_path / "a.dcm")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()


def test_how_files_are_shown_and_how_much_of_black_to_white_they_fill(tmp_path):
    window = {"WindowCenter": 1000.5, "WindowWidth": 1001}
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [64, 0, 16], (np.arange(64) * 100).astype("<u2").tobytes()
    write_dicom(tmp_path / "narrow.dcm", RAMP * 65, BitsStored=16, HighBit=15)
    write_dicom(tmp_path / "wide.dcm", RAMP * 65)
    write_dicom(tmp_path / "window.dcm", RAMP * 50, **window)
    write_dicom(tmp_path / "white.dcm", RAMP * 30 + 2000, **window)
    write_dicom(tmp_path / "table.dcm", RAMP, VOILUTSequence=[table])
    padded = np.full(SIZE, 3000)
    padded[0] = 0
    write_dicom(tmp_path / "padded.dcm", padded, PixelPaddingValue=0)
    Image.fromarray((RAMP * 65).astype("uint16")).save(tmp_path / "deep.png")
    write(tmp_path / "dark.png", RAMP // 4)
    write(tmp_path / "blank.png", np.full(SIZE, 77))
    tifffile.imwrite(tmp_path / "real.tif", RAMP.astype("float32"))
    data = folder.load(tmp_path, (4, 4))
    table = folder.shown(tmp_path, data).set_index("id")
    assert dict(table["shown"]) == {
        "blank.png": "8 bits as they are",
        "dark.png": "8 bits as they are",
        "deep.png": "full range",
        "narrow.dcm": "full range",
        "padded.dcm": "full range",
        "real.tif": "smallest and largest value",
        "table.dcm": "own table",
        "white.dcm": "own window",
        "wide.dcm": "full range",
        "window.dcm": "own window",
    }
    assert list(table.index[table["filled"] == 0]) == ["blank.png", "padded.dcm", "white.dcm"]
    np.testing.assert_allclose(table.loc[["narrow.dcm", "wide.dcm"], "filled"], [63 / 1008, 1], atol=1 / 255)
    blank, narrow = folder.doubts(folder.shown(tmp_path, data))
    assert blank.startswith("3 of 10 images (`blank.png`, `padded.dcm`, `white.dcm`) are of one grey value alone")
    assert narrow.startswith("3 of 10 images (`deep.png`, `narrow.dcm`, `table.dcm`) are shown over a range")
    assert list(folder.not_blank(data, table).ids) == list(table.index[table["filled"] > 0])
    with pytest.raises(ValueError, match="All 10 images are of one grey value alone, blank.png for one: choose"):
        folder.not_blank(data, table.assign(filled=0))
    stretched = folder.shown(tmp_path, data, "minmax").set_index("id")
    assert (stretched.loc[["narrow.dcm", "table.dcm", "deep.png", "white.dcm"], "filled"] == 1).all()
    assert folder.doubts(table.reset_index().query("id == ['wide.dcm', 'window.dcm', 'dark.png']")) == []


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_RLE.dcm"])
def test_compressed_dicom_is_read(name):
    shown = dicom.read(get_testdata_file(name, download=False), "minmax")
    assert shown.dtype == np.uint8 and shown.shape[2] == 3 and shown.std() > 5


def test_dicom_that_is_no_single_image_is_named(tmp_path):
    write_dicom(tmp_path / "film.dcm", RAMP, NumberOfFrames=3)
    (tmp_path / "noise.dcm").write_bytes(b"not an image")
    for name, reason in (("film.dcm", "holds 3 frames"), ("noise.dcm", "DICOM")):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a DICOM image .*{reason}"):
            folder.load(tmp_path, SIZE).named(name).images()


def test_saved_images_are_read_again(tmp_path):
    drawn = phantoms.radiographs(4, size=64)
    folder.save(drawn, tmp_path)
    data = folder.load(tmp_path, (64, 64))
    assert data.class_names == drawn.class_names and sorted(data.labels) == sorted(drawn.labels)
    order = [list(drawn.ids).index(i.split("/")[1].removesuffix(".png")) for i in data.ids]
    np.testing.assert_array_equal(data.images(), drawn.images()[order])
