"""DICOM as it is meant to be seen: windows, tables, ranges and padding."""

import numpy as np
import pydicom
import pytest

from black_average_drop.datasets import dicom, folder
from dicom_files import write_dicom
from pictures import RAMP, SIZE, write_grey


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
    write_grey(tmp_path / "b.png", values)
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
    displayed = shown(tmp_path / "a.dcm")
    assert (displayed[:, :2] == 0).all() and (displayed[4:6, 4:6] == 255).all()
    np.testing.assert_array_equal(displayed[:, 2:], bare[:, 2:])


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
    displayed = shown(tmp_path / "a.dcm", "minmax")
    assert (displayed[0] == 0).all()
    np.testing.assert_array_equal(displayed[1:], expected)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("width", [400, 1.5, 1000.25])
def test_a_chosen_centre_and_width_shows_what_the_same_window_in_the_file_shows(tmp_path, photometric, width):
    """In Hounsfield units, as pydicom applies it; a window and a table of the file are passed over."""
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "PhotometricInterpretation": photometric}
    write_dicom(tmp_path / "own.dcm", RAMP * 20, WindowCenter=40, WindowWidth=width, **tags)
    write_dicom(tmp_path / "other.dcm", RAMP * 20, WindowCenter=9, WindowWidth=9, **tags)
    picture, how, _ = dicom.read_with_limits(tmp_path / "other.dcm", [40, width])
    np.testing.assert_array_equal(picture, dicom.read(tmp_path / "own.dcm"))
    assert how == f"window 40/{width:g}" and np.ptp(picture) == 255


def frames_with_transforms(path):
    """Three frames, each with its own slope and window, as enhanced CT and MR have them."""
    values = np.stack([RAMP, RAMP + 100, RAMP * 3])
    groups = []
    for number in range(3):
        group, modality, voi = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        modality.RescaleSlope, modality.RescaleIntercept = number + 1, -10 * number
        voi.WindowCenter, voi.WindowWidth = 50 + number, 80 + number
        group.PixelValueTransformationSequence, group.FrameVOILUTSequence = [modality], [voi]
        groups.append(group)
    tags = {"NumberOfFrames": 3, "PerFrameFunctionalGroupsSequence": groups}
    write_dicom(path, RAMP, PixelData=values.astype("<u2").tobytes(), **tags)
    return values


def test_each_frame_is_shown_by_its_own_transforms(tmp_path):
    values = frames_with_transforms(tmp_path / "frames.dcm")
    for number, frame in enumerate(values):
        tags = {"RescaleSlope": number + 1, "RescaleIntercept": -10 * number}
        tags |= {"WindowCenter": 50 + number, "WindowWidth": 80 + number}
        write_dicom(tmp_path / "one.dcm", frame, **tags)
        picture, how, _ = dicom.read_with_limits(tmp_path / "frames.dcm", frame=number)
        np.testing.assert_array_equal(picture, dicom.read(tmp_path / "one.dcm"))
        assert how == "own window"
