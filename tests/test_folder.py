"""Anybody's folder of images: labels from sub-folders or a CSV, 8 and 16 bits, DICOM as it is meant to be seen."""

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from black_average_drop.datasets import dicom, folder, phantoms

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
    pixels = folder.load(tmp_path, SIZE).images()
    stretched = np.round(RAMP / 63 * 255)
    for row in (0, 1, 2, 4):
        np.testing.assert_array_equal(pixels[row], np.repeat(stretched[..., None], 3, axis=2))
    np.testing.assert_array_equal(pixels[3][..., 0], grey * 3)
    tifffile.imwrite(tmp_path / "e.tif", np.full(SIZE, np.nan, "float32"))
    with pytest.raises(ValueError, match="e.tif holds values that are no numbers"):
        folder.load(tmp_path, SIZE).images()


def test_tiff_with_white_at_zero_is_inverted_and_of_several_pages_refused(tmp_path):
    for name, kind in (("a.tif", "uint8"), ("b.tif", "uint16")):
        tifffile.imwrite(tmp_path / name, RAMP.astype(kind) * 4, photometric="miniswhite")
    shown = folder.load(tmp_path, SIZE).images()[..., 0].astype(int)
    np.testing.assert_array_equal(shown[0], 255 - RAMP * 4)
    np.testing.assert_array_equal(shown[1], np.round(255 - RAMP / 63 * 255))
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
    plain = np.round(values / values.max() * 255)
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
    np.testing.assert_array_equal(dicom.read(tmp_path / "a.dcm")[..., 0], np.round(RAMP / 63 * 255))


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
    plain, inverted = (dicom.read(tmp_path / name)[..., 0] for name in ("a.dcm", "b.dcm"))
    assert (plain[:2] == 0).all() and (inverted[:2] == 0).all()
    np.testing.assert_array_equal(plain[2:], expected)
    np.testing.assert_allclose(inverted[2:], 255 - expected, atol=1)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_RLE.dcm"])
def test_compressed_dicom_is_read(name):
    shown = dicom.read(get_testdata_file(name, download=False))
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
