"""Drops along alpha, under other contrasts and other readings, against evaluation's own rows or a case by hand."""

import numpy as np
import pytest

from black_average_drop import cams, evaluation, masks
from black_average_drop.paper import sensitivity
from closeness import assert_same_drops
from evaluated_rows import METHODS, drops


def test_curves_of_images_add_up_to_the_curve_that_alpha_comes_from(pixels, first_pass):
    curves = sensitivity.image_curves([pixels[:7], pixels[7:]], first_pass, points=1024)
    assert curves.shape == (10, 1025)  # 32 x 32 pixels: every k
    np.testing.assert_allclose(curves.sum(axis=0), first_pass.curve, rtol=1e-9, atol=1e-6)
    coarse = sensitivity.image_curves([pixels], first_pass, points=4)
    np.testing.assert_array_equal(coarse, curves[:, ::256])


def test_along_alpha_is_evaluation_at_each_alpha(network, pixels, first_pass):
    by_method = sensitivity.along_alpha(network, pixels, first_pass, [0.1, 0.6], 4)
    assert list(by_method) == ["CAM", "Grad-CAM++"]  # Grad-CAM draws the maps of CAM
    for column, alpha in enumerate((0.1, 0.6)):
        rows = evaluation.evaluate(network, pixels, METHODS, alpha, 4)
        for method, values in by_method.items():
            assert_same_drops(values[:, column], drops(rows, method, "BAD"), first_pass.scores["score"])


def test_along_alpha_takes_equal_values_as_table_1_does(network, pixels, first_pass):
    drop = sensitivity.along_alpha(network, pixels, first_pass, [0.9], 4, ties="exact")["CAM"][:, 0]
    rows = evaluation.evaluate(network, pixels, METHODS, 0.9, 4, ties="exact")
    assert_same_drops(drop, drops(rows, "CAM", "BAD"), first_pass.scores["score"])
    assert np.abs(drop - sensitivity.along_alpha(network, pixels, first_pass, [0.9], 4)["CAM"][:, 0]).max() > 1e-4


def test_methods_that_draw_the_same_maps_take_the_fallback(network, pixels, first_pass):
    same = first_pass._replace(
        maps=first_pass.maps | {"Grad-CAM++": first_pass.maps["CAM"]}, same_as={"Grad-CAM": "CAM"}
    )
    assert {alpha for alpha, _ in sensitivity.choices(network, pixels, same, 0.4, 4).values()} == {0.4}


def test_contrast_moves_average_drop_alone(network, pixels, first_pass):
    by_method, moved = sensitivity.contrasts(network, pixels, first_pass, [0.25, 1.0, 4.0], 0.3, 4)
    assert moved == 0
    rows = evaluation.evaluate(network, pixels, METHODS, 0.3, 4)
    assert_same_drops(by_method["CAM"][:, 1], drops(rows, "CAM", "AD"), first_pass.scores["score"])
    assert np.abs(np.diff(by_method["CAM"].mean(axis=0))).min() > 1e-4


def test_choices_change_what_they_name_and_nothing_else(network, pixels, first_pass):
    by_choice = sensitivity.choices(network, pixels, first_pass, 0.5, 4)
    assert {choice for choice, _ in by_choice} == set(sensitivity.CHOICES)
    alpha, plain = by_choice["Table 1's reading", "BAD"]
    assert alpha == masks.select_alpha(first_pass.curve)
    for ties, choice in (("strict", "Table 1's reading"), ("exact", "ties exact")):
        rows = evaluation.evaluate(network, pixels, METHODS, alpha, 4, ties=ties)
        for metric in ("AD", "BAD"):
            assert by_choice[choice, metric][0] == alpha
            for method, values in by_choice[choice, metric][1].items():
                assert_same_drops(values, drops(rows, method, metric), first_pass.scores["score"])
    faded = by_choice["Table 1's reading", "AD"][1]["CAM"]
    for choice in ("ties exact", "alpha by pixel count", "alpha by I^2"):
        np.testing.assert_array_equal(by_choice[choice, "AD"][1]["CAM"], faded)
    for choice in ("grey instead of black", "relu after upsampling", "bilinear instead of Lanczos"):
        assert np.abs(by_choice[choice, "AD"][1]["CAM"] - faded).max() > 1e-4


@pytest.mark.parametrize(("choice", "power"), [("alpha by pixel count", 0), ("alpha by I^2", 2)])
def test_the_measure_of_difference_moves_alpha(network, pixels, first_pass, choice, power):
    alpha, by_method = sensitivity.choices(network, pixels, first_pass, 0.5, 4)[choice, "BAD"]
    shown = {name: evaluation.upsampled(first_pass.maps[name], (32, 32)) for name in ("CAM", "Grad-CAM++")}
    assert alpha == masks.select_alpha(masks.alpha_curve(pixels.astype("float64") ** power, shown))
    rows = evaluation.evaluate(network, pixels, METHODS, alpha, 4)
    assert_same_drops(by_method["CAM"], drops(rows, "CAM", "BAD"), first_pass.scores["score"])


def test_other_readings_by_hand(network, pixels, first_pass):
    """Grey, clipping after upsampling and bilinear upsampling, each from the map to the drop."""
    by_choice = sensitivity.choices(network, pixels, first_pass, 0.5, 4)
    full = first_pass.scores["score"].to_numpy()
    signed = {name: first_pass.maps[name] for name in ("CAM", "Grad-CAM++")}
    clipped = {name: np.maximum(maps, 0) for name, maps in signed.items()}
    bilinear = {name: cams.upsample(maps, (32, 32), "bilinear") for name, maps in clipped.items()}
    for choice, by_method, fill in (
        ("grey instead of black", {name: cams.upsample(maps, (32, 32)) for name, maps in clipped.items()}, 127.5),
        ("relu after upsampling", {n: np.maximum(cams.upsample(maps, (32, 32)), 0) for n, maps in signed.items()}, 0),
        ("bilinear instead of Lanczos", bilinear, 0),
    ):
        shown, hidden = by_method["CAM"], np.abs(pixels - fill)
        assert by_choice[choice, "BAD"][0] == masks.select_alpha(masks.alpha_curve(hidden, by_method))
        for metric, masked in (
            ("AD", masks.fade(pixels, shown, fill)),
            ("BAD", masks.blacken(pixels, shown, by_choice[choice, "BAD"][0], fill=fill)),
        ):
            scores = network.score(masked)[1][np.arange(10), first_pass.classes]
            expected = np.maximum(0, full - scores) / full
            assert_same_drops(by_choice[choice, metric][1]["CAM"], expected, full)
