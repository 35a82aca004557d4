"""What else is said of a run: what was counted, blank maps, odd feature maps, maps of others."""

from dataclasses import replace

import numpy as np
import pandas as pd

from black_average_drop import lettering
from black_average_drop.choice import answers_and_maps, remarks
from black_average_drop.datasets import phantoms


def test_an_alpha_that_no_maps_chose_and_features_that_go_negative_are_said():
    assert remarks.alpha_not_chosen(0.2) == (
        "Alpha 0.2 was not chosen by maps: of CAM, Grad-CAM and Grad-CAM++ no two draw different maps here."
    )
    assert remarks.negative_part(0.03172) == (
        "Of the feature maps 3.17 % is negative (by absolute value): Grad-CAM++ (positive part) replaces Grad-CAM++ "
        "and has no part in the choice of alpha."
    )
    assert remarks.negative_part(0.0) == ""


def test_blank_maps_are_counted_by_explained_class(generator):
    """Whatever makes them: nowhere positive before clipping, or not a number."""
    maps = generator.uniform(0.1, 1, (3, 10, 4, 4)).astype("float32")
    maps[0, :6] *= -1
    maps[1, 9, 0, 0] = np.nan
    classes = np.arange(10) // 5
    drawn = {"CAM": maps[0], "Grad-CAM++": maps[1], "Eigen-CAM": maps[2]}
    blank = answers_and_maps.blank_maps(drawn, batch_size=4)
    said = remarks.blanks(blank, classes, ["NORMAL", "<b>`$x$\n"])
    assert said == (
        "Blank maps, which point nowhere and are scored as a black image: CAM 6 of 10 (`NORMAL` 5 of 5, `<b>'$x$` 1 of "
        "5); Grad-CAM++ 1 of 10 (`<b>'$x$` 1 of 5)."
    )
    many = remarks.blanks({"CAM": np.ones(10, bool)}, np.arange(10) % 5, [f"class {number}" for number in range(5)])
    assert "CAM 10 of 10 (`class 0` 2 of 2, `class 1` 2 of 2, `class 2` 2 of 2, 2 more classes)" in many
    assert remarks.blanks({"Eigen-CAM": np.zeros(10, bool)}, classes, ["NORMAL", "PNEUMONIA"]) == "No map is blank."


def test_maps_of_others_are_named_also_where_no_font_can_draw_them(monkeypatch):
    monkeypatch.setattr(lettering, "_drawable", str.isascii)
    said = remarks.of_others({"Dr. Pen": None, "<b>肺": None})
    assert said == "Maps of others, behind ◆ in the figures: `Dr. Pen`, `<b>肺` (◆ set 2)."
    assert remarks.of_others({}) == ""


def test_maps_are_named_of_which_bad_keeps_less_than_alpha():
    """By hand: a mask that covers more than alpha keeps nothing. A blank map is no mask, and a control is not named."""
    kept = {"CAM": [0.2, 0.19], "mask": [0.0, 0.1], "blank now and then": [0.2, 0.0], "all ones": [0.0, 0.0]}
    rows = pd.DataFrame(
        [(name, metric, share) for name, shares in kept.items() for share in shares for metric in ("AD", "BAD")],
        columns=["method", "metric", "kept"],
    )
    rows = rows.assign(alpha=0.2, opacity=0.5)
    rows.loc[rows["method"].eq("blank now and then") & rows["kept"].eq(0), "opacity"] = 0
    rows.loc[rows["metric"] == "AD", "kept"] = 1.0
    assert remarks.fewer_kept(rows, list(kept)[:3]) == (
        "Many pixels of these maps have equal values. So BAD keeps less than 20.0 % of the image: `mask` 5.0 %. It "
        "keeps all that a mask of two values marks if alpha is larger than the marked share."
    )
    assert remarks.fewer_kept(rows, ["CAM"]) == ""


def test_what_was_measured_is_counted():
    data = phantoms.radiographs(6, size=64).subset([0, 0, 1, 2])
    groups = np.array(["a", "a", "a", "b"])
    assert remarks.counts_in_words(replace(data, groups=groups), False) == "3 images of 2 patients"
    assert remarks.counts_in_words(replace(data, groups=groups), True) == "3 images of 2 patients, 4 findings"


def test_names_that_no_font_can_draw_are_given_as_code():
    said = remarks.names_in_figures({"output 2": "肺*炎*", "image 1": "a\nb"})
    assert said == "output 2: `肺*炎*`; image 1: `a b`"
    assert remarks.names_in_figures({}) == ""
