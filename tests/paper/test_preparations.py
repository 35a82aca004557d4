"""The same files prepared in other ways: which pixels come of it, and which drops."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from black_average_drop import evaluation, masks
from black_average_drop.datasets import phantoms
from black_average_drop.datasets.fits import FITS, part_seen
from black_average_drop.datasets.images import from_files, read_image
from black_average_drop.paper import preparations
from closeness import assert_same_drops
from evaluated_rows import METHODS

SIZE = (32, 32)
ALWAYS = ["as in Table 1", "JPEG of quality 75", "noise of 2 levels"]


@pytest.fixture
def files(generator, tmp_path):
    """Pictures of odd shapes, with blocks that no two ways to resize make alike."""
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, shape in zip(paths, [(51, 77), (80, 45), (33, 33)], strict=True):
        blocks = generator.integers(0, 256, (*shape, 3)).astype("uint8")
        Image.fromarray(np.kron(blocks, np.ones((3, 2, 1), "uint8"))).save(path)
    return paths


def read_by(files, fit):
    return from_files(files, ["a", "b", "c"], [0, 1, 0], ["a", "b", "c"], ("no", "yes"), SIZE, fit)


@pytest.mark.parametrize("fit", FITS)
def test_the_fit_of_files_is_found_from_their_pixels(files, fit):
    assert preparations.fit_of(read_by(files, fit)) == fit


def test_a_square_image_does_not_tell_the_fit_but_the_next_one_does(files):
    Image.new("RGB", (48, 48), "grey").save(files[0])
    for fit in ("pad", "crop"):
        assert preparations.fit_of(read_by(files, fit)) == fit
    assert preparations.fit_of(read_by(files[:1] * 3, "pad")) == FITS[0]  # all are alike


def test_drawn_images_and_files_read_in_another_way_have_no_fit(files, tmp_path):
    drawn = phantoms.radiographs(3, size=64)
    assert preparations.fit_of(drawn) == ""
    assert list(preparations.all_preparations(drawn, drawn.images(), 0)) == ALWAYS
    (tmp_path / "a.dcm").write_bytes(b"DICM")
    assert preparations.fit_of(replace(read_by(files, "crop"), file=lambda position: tmp_path / "a.dcm")) == ""
    other = replace(read_by(files, "crop"), read=lambda position: np.zeros((*SIZE, 3), "uint8"))
    assert preparations.fit_of(other) == ""


def test_what_a_preparation_does_not_change_is_left_out(files, tmp_path):
    small = tmp_path / "small.png"
    Image.open(files[2]).resize((32, 32)).save(small)
    dataset = from_files([small], ["a"], [0], ["a"], ("no", "yes"), SIZE)
    assert list(preparations.all_preparations(dataset, dataset.images(), 0)) == ALWAYS
    stretched = read_by(files, "stretch")
    assert "whole image stretched" not in preparations.all_preparations(stretched, stretched.images(), 0)


def test_preparations_against_pillow_and_by_hand(files):
    dataset = read_by(files, "imagenet")
    given = dataset.images()
    ways = preparations.all_preparations(dataset, given, 0)
    assert list(ways)[0] == "as in Table 1" and len(ways) == 8
    np.testing.assert_array_equal(ways["as in Table 1"], given)
    for row, path in enumerate(files):
        np.testing.assert_array_equal(ways["whole image stretched"][row], read_image(path, SIZE, "stretch"))
        np.testing.assert_array_equal(ways["largest centre crop"][row], read_image(path, SIZE, "crop"))
        image = Image.open(path)
        left, top, width, height = part_seen(image.size, SIZE, "imagenet")
        box = tuple(round(edge) for edge in (left, top, left + width, top + height))
        expected = image.crop(box).resize(SIZE, Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(ways["crop at whole pixels"][row], expected)
        sharp = image.resize(SIZE, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        np.testing.assert_array_equal(ways["bicubic filter"][row], sharp)
        four = of_four_pixels(np.asarray(image, "float64"), left, top, width, height)
        assert np.abs(ways["bilinear of four pixels"][row] - four).max() <= 1
        file = io.BytesIO()
        Image.fromarray(given[row]).save(file, "JPEG", quality=75)
        np.testing.assert_array_equal(ways["JPEG of quality 75"][row], Image.open(file))
    noise = ways["noise of 2 levels"].astype(int) - given
    assert set(np.unique(noise)) == {-2, -1, 0, 1, 2}
    np.testing.assert_array_equal(preparations.all_preparations(dataset, given, 0)["noise of 2 levels"], given + noise)


def of_four_pixels(pixels, left, top, width, height):
    """Bilinear interpolation at the centres of the new pixels."""
    down, across = (np.arange(32) + 0.5) * height / 32 + top - 0.5, (np.arange(32) + 0.5) * width / 32 + left - 0.5
    y, x = np.floor(down).astype(int), np.floor(across).astype(int)
    v, u = (down - y)[:, None, None], (across - x)[None, :, None]
    upper = pixels[y][:, x] * (1 - u) + pixels[y][:, x + 1] * u
    lower = pixels[y + 1][:, x] * (1 - u) + pixels[y + 1][:, x + 1] * u
    return upper * (1 - v) + lower * v


def test_drops_are_those_of_the_images_as_prepared(subject, generator):
    network, dataset = subject.network, subject.dataset.subset(np.arange(6))
    given, classes = dataset.images(), generator.integers(0, 2, 6)
    measured = preparations.drops_of_preparations(network, dataset, classes, 0.4, 0, 4)
    assert list(measured) == ALWAYS
    for name, pixels in preparations.all_preparations(dataset, given, 0).items():
        alpha, change, drops = measured[name]
        first_pass = evaluation.explain_all(network, pixels, METHODS, 4, classes)
        assert alpha == masks.select_alpha(first_pass.curve)
        np.testing.assert_allclose(change, np.abs(pixels.astype(float) - given).mean(axis=(1, 2, 3)))
        rows = evaluation.evaluate(network, pixels, METHODS, alpha, 4, classes=classes)
        for (metric, method), values in drops.items():
            expected = rows[(rows["metric"] == metric) & (rows["method"] == method)]["drop"]
            assert_same_drops(values, expected, first_pass.scores["score"])
    noisy, first = measured["noise of 2 levels"][2], measured["as in Table 1"][2]
    assert max(np.abs(noisy[key] - first[key]).max() for key in first) > 0


def test_methods_that_draw_the_same_maps_take_the_alpha_that_was_given(subject, monkeypatch):
    flat = subject.dataset.subset([0, 1])

    explain_all = evaluation.explain_all

    def same(*given):
        maps = explain_all(*given)
        return maps._replace(same_as={"Grad-CAM": "CAM", "Grad-CAM++": "CAM"}, curve=np.zeros_like(maps.curve))

    monkeypatch.setattr(preparations.evaluation, "explain_all", same)
    measured = preparations.drops_of_preparations(subject.network, flat, np.array([0, 1]), 0.4, 0, 4)
    assert {alpha for alpha, _, _ in measured.values()} == {0.4}
