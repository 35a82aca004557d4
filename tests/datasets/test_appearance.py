"""Grey images of more than 8 bits as they are shown, and what is said of that."""

import tempfile

import numpy as np
import pandas as pd
import pydicom
import pytest
import tifffile
from PIL import Image

from black_average_drop.datasets import appearance, decoded, folder, images
from dicom_files import write_dicom
from pictures import RAMP, SIZE, write_grey


def appearances(root, window="full"):
    """How every file of a folder is shown, by the one reading of it."""
    with tempfile.TemporaryDirectory() as place:
        return decoded.decode_once(folder.load(root, (4, 4), window=window), place).appearances


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
    with pytest.raises(ValueError, match="window is 'narrow': choose one of full, minmax, percentile, or"):
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
    write_grey(tmp_path / "dark.png", RAMP // 4)
    write_grey(tmp_path / "blank.png", np.full(SIZE, 77))
    tifffile.imwrite(tmp_path / "real.tif", RAMP.astype("float32"))
    data = folder.load(tmp_path, (4, 4))
    table = appearances(tmp_path).set_index("id")
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
    blank, narrow = appearance.doubts(appearances(tmp_path))
    assert blank.startswith("3 of 10 images (`blank.png`, `padded.dcm`, `white.dcm`) are of one grey value alone")
    assert narrow.startswith("3 of 10 images (`deep.png`, `narrow.dcm`, `table.dcm`) are shown over a range")
    assert list(appearance.not_blank(data, table).ids) == list(table.index[table["filled"] > 0])
    with pytest.raises(ValueError, match="All 10 images are of one grey value alone, blank.png for one: choose"):
        appearance.not_blank(data, table.assign(filled=0))
    stretched = appearances(tmp_path, "minmax").set_index("id")
    assert (stretched.loc[["narrow.dcm", "table.dcm", "deep.png", "white.dcm"], "filled"] == 1).all()
    assert appearance.doubts(table.reset_index().query("id == ['wide.dcm', 'window.dcm', 'dark.png']")) == []


def of_shapes(*shapes):
    """A table of images of some (width, height)."""
    width, height = zip(*shapes, strict=True)
    return pd.DataFrame({"id": [f"{number}.png" for number in range(len(shapes))], "width": width, "height": height})


def test_images_of_another_shape_than_the_network_s_are_doubted():
    table = of_shapes((200, 100), (100, 109), (100, 180), (100, 100))
    assert appearance.doubts_about_shape(table, (50, 50)) == [
        "2 of 4 images (`0.png`, `2.png`) are stretched by more than a tenth, one by 2.0 to 1 (median of all images: "
        '1.4). fit="crop" or "pad" keeps their shape: choose what the model was trained with.'
    ]
    cut = [
        "2 of 4 images (`0.png`, `2.png`) are cut by more than a fifth, one by 50 %, for the shape that the network "
        'takes: what lies there is not seen. fit="pad" shows the whole image.'
    ]
    assert appearance.doubts_about_shape(table, (50, 50), "crop") == cut
    assert appearance.doubts_about_shape(table, (50, 50), "imagenet") == cut
    assert appearance.doubts_about_shape(table, (50, 50), "pad") == []
    assert appearance.doubts_about_shape(table.iloc[:1], (50, 100)) == []
    assert len(appearance.doubts_about_shape(table.iloc[3:], (50, 100))) == 1
    for fit, (width, height) in (("stretch", (109, 100)), ("crop", (124, 100)), ("crop", (100, 124))):
        assert appearance.doubts_about_shape(of_shapes((width, height)), (9, 9), fit) == []
    for fit, (width, height) in (("stretch", (100, 111)), ("crop", (126, 100)), ("crop", (100, 126))):
        assert len(appearance.doubts_about_shape(of_shapes((width, height)), (9, 9), fit)) == 1


def test_every_fit_has_a_sentence_of_its_own():
    assert len({appearance.fit_in_words(fit) for fit in images.FITS}) == len(images.FITS)
