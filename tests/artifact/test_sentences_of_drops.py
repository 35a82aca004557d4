"""Sentences on Table 1, the claims and alpha: hand-made rows of each outcome give the words of that outcome."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.artifact.sentences import alpha, directions, drops
from black_average_drop.statistics import answer_text

NAN = float("nan")


def claim(value, low, high, p_holm=NAN, trainings=3, **more):
    return pd.Series({"value": value, "low": low, "high": high, "p_holm": p_holm, "trainings": trainings, **more})


@pytest.mark.parametrize(
    ("difference", "more_is_better", "said"),
    [
        ((-0.02, -0.03, -0.01), False, "b is ahead of a by 0.02 [0.01, 0.03]"),
        ((0.02, 0.01, 0.03), False, "a is ahead of b by 0.02 [0.01, 0.03]"),
        ((0.02, 0.01, 0.03), True, "b is ahead of a by 0.02 [0.01, 0.03]"),
        ((-0.02, -0.03, -0.01), True, "a is ahead of b by 0.02 [0.01, 0.03]"),
        ((0.02, -0.01, 0.05), False, "a and b are not told apart (difference +0.02 [-0.01, +0.05])"),
        ((0.02, 0.0, 0.05), False, "a and b are not told apart (difference +0.02 [+0.00, +0.05])"),
        ((0.02, NAN, NAN), False, "too few differ to say whether a or b is ahead (difference +0.02)"),
    ],
)
def test_who_is_ahead_follows_the_interval_and_what_is_better(difference, more_is_better, said):
    assert directions.who_is_ahead("a", "b", difference, 2, more_is_better) == said


def test_lists_and_ranges():
    assert [answer_text.enumerated(names) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
    assert directions.in_ranges([40, 5, 10, 15, 45], 5) == "5 to 15, 40 and 45"
    assert directions.in_ranges([5, 10, 50], 5) == "5, 10 and 50" and directions.in_ranges([95], 5) == "95"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            claim(-0.015, -0.019, -0.011, 0.012),
            "On X-rays, with ReLU scores, BAD puts Grad-CAM++ ahead of CAM by 0.0150 [0.0110, 0.0190] "
            "(p = 0.012 after Holm, 3 trainings).",
        ),
        (
            claim(0.012, 0.006, 0.018, 0.001, trainings=1),
            "On X-rays, with ReLU scores, BAD puts CAM ahead of Grad-CAM++ by 0.0120 [0.0060, 0.0180] "
            "(p = 0.001 after Holm, one network).",
        ),
        (
            claim(-0.015, -0.029, -0.001, 0.06),  # the interval is below 0, but the corrected test is not
            "On X-rays, with ReLU scores, BAD is undecided: Grad-CAM++ − CAM is -0.0150 [-0.0290, -0.0010] "
            "(p = 0.06 after Holm, 3 trainings).",
        ),
        (
            claim(-0.015, NAN, NAN),
            "On X-rays, with ReLU scores, BAD decides nothing: Grad-CAM++ − CAM is -0.0150, without an interval "
            "(3 trainings).",
        ),
    ],
)
def test_the_verdict_with_relu_scores(row, said):
    assert drops.relu_verdict(row, "BAD", "X-rays") == said


def test_a_verdict_that_unseen_patients_could_turn_says_so():
    decided = claim(-0.015, -0.019, -0.011, 0.012, unseen="overturned")
    assert drops.relu_verdict(decided, "BAD", "X-rays").endswith("Patients that nobody saw could turn that.")
    for row in (claim(-0.015, -0.019, -0.011, 0.012, unseen="holds"), claim(0.1, -0.1, 0.3, 1, unseen="overturned")):
        assert "nobody" not in drops.relu_verdict(row, "BAD", "X-rays")


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ((-0.002, -0.008, 0.003), "With softmax scores this is undecided: -0.0020 [-0.0080, +0.0030]"),
        ((-0.002, -0.003, -0.001), "With softmax scores Grad-CAM++ is ahead: -0.0020 [-0.0030, -0.0010]"),
        ((0.002, 0.001, 0.003), "With softmax scores CAM is ahead: +0.0020 [+0.0010, +0.0030]"),
        ((0.002, NAN, NAN), "With softmax scores nothing is decided, since too few differ: +0.0020 [–]"),
    ],
)
def test_the_verdict_with_softmax_scores_of_the_first_training(difference, said):
    assert drops.first_softmax_verdict(difference, 1) == f"{said}."
    assert drops.first_softmax_verdict(difference, 5) == f"{said} in the first training."


def test_trainings_are_counted_where_the_claims_have_them():
    assert drops.signs_of_trainings(claim(-0.01, -0.02, 0.0)) == []
    row = claim(-0.01, -0.02, 0.001, 0.1, trainings=5, same_sign=4, next_low=-0.03, next_high=0.01)
    assert drops.signs_of_trainings(row) == [
        "4 of 5 trainings have Grad-CAM++ ahead. The next one of this recipe is expected at -0.0300 to +0.0100."
    ]
    few = row.replace({-0.03: NAN, 0.01: NAN})
    assert drops.signs_of_trainings(few) == ["4 of 5 trainings have Grad-CAM++ ahead."]
    (said,) = drops.signs_of_trainings(row.replace(-0.01, 0.01))
    assert said.startswith("4 of 5 trainings have CAM ahead.")


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (-0.02, -0.01, "All 5 trainings have the same sign: Grad-CAM++ − CAM goes from -0.0200 to -0.0100."),
        (0.01, 0.02, "All 5 trainings have the same sign: Grad-CAM++ − CAM goes from +0.0100 to +0.0200."),
        (-0.02, 0.01, "The trainings differ in their sign: Grad-CAM++ − CAM goes from -0.0200 to +0.0100."),
        (0.0, 0.0, "The trainings differ in their sign: Grad-CAM++ − CAM goes from +0.0000 to +0.0000."),
    ],
)
def test_the_range_of_trainings(least, most, said):
    rows = pd.DataFrame([{"method": "Grad-CAM++", "minus": "CAM", "trainings": 5, "least": least, "most": most}])
    assert drops.range_of_trainings(rows) == said


def table1(differences, incorrect=0.0):
    """Rows of Table 1: (data, images, score, method) -> (BAD − CAM, low, high); AD is the same divided by 10."""
    rows = []
    for (data, images, score, method), of_bad in differences.items():
        row = {"data": data, "images": images, "score": score, "method": method, "n": 95, "incorrect_BAD": incorrect}
        row |= {"black_class": "pneumonia", "not_above_black_BAD": 97.2}
        for metric, share in (("AD", 0.1), ("BAD", 1)):
            names = [f"{metric}_minus_CAM{end}" for end in ("", "_low", "_high")]
            row |= dict(zip(names, np.multiply(of_bad, share), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


HERE = ("radiographs", "label pneumonia")
ROWS = {
    (*HERE, "relu", "CAM"): (0, NAN, NAN),
    (*HERE, "relu", "Grad-CAM++"): (-0.015, -0.02, -0.01),
    (*HERE, "relu", "another image's map"): (0.03, 0.01, 0.05),
    (*HERE, "relu", "smooth random map"): (0.02, -0.02, 0.06),
    (*HERE, "softmax", "Grad-CAM++"): (-0.002, -0.008, 0.003),
    ("radiographs", "predicted normal", "relu", "Grad-CAM++"): (-0.078, -0.119, -0.040),
    ("radiographs", "predicted normal", "softmax", "Grad-CAM++"): (-0.03, -0.05, -0.01),
}


def test_every_ranking_has_both_scores_and_its_controls():
    claims = pd.DataFrame({"radiographs_BAD": claim(-0.015, -0.019, -0.011, 0.012)}).T
    said = drops.drop_ranking(claims, table1(ROWS), "radiographs", "BAD")
    assert "BAD puts Grad-CAM++ ahead of CAM by 0.0150" in said
    assert "With softmax scores this is undecided: -0.0020 [-0.0080, +0.0030] in the first training." in said
    assert "CAM is ahead of 1 of 2 controls: *another image's map* by 0.0300 [0.0100, 0.0500]." in said
    assert "CAM and the control *smooth random map* are not told apart (difference +0.0200 [-0.0200, +0.0600])." in said
    claims.loc["radiographs_BAD_softmax"] = claim(0.02, 0.01, 0.03, 0.03)
    said = drops.drop_ranking(claims, table1(ROWS), "radiographs", "BAD")
    assert "With softmax scores it puts CAM ahead of Grad-CAM++ by 0.0200 [0.0100, 0.0300] (p = 0.03" in said
    assert "In the first training CAM is ahead of 1 of 2 controls: *another image's map* by 0.0300" in said
    claims["trainings"] = 1
    assert "in the first training" not in drops.drop_ranking(claims, table1(ROWS), "radiographs", "BAD")


def test_both_controls_may_be_behind():
    rows = ROWS | {(*HERE, "relu", "smooth random map"): (0.24, 0.2, 0.28)}
    claims = pd.DataFrame({"radiographs_BAD": claim(-0.015, -0.019, -0.011, 0.012)}).T
    said = drops.drop_ranking(claims, table1(rows), "radiographs", "BAD")
    assert "CAM is ahead of the controls: *another image's map* by 0.0300 [0.0100, 0.0500] and *smooth" in said


def test_a_control_may_be_ahead():
    rows = ROWS | {(*HERE, "relu", "smooth random map"): (-0.24, -0.28, -0.2)}
    claims = pd.DataFrame({"radiographs_BAD": claim(-0.015, -0.019, -0.011, 0.012)}).T
    said = drops.drop_ranking(claims, table1(rows), "radiographs", "BAD")
    assert "In the first training the control *smooth random map* is ahead of CAM by 0.2400 [0.2000, 0.2800]." in said


@pytest.mark.parametrize(
    ("of_normal", "place"),
    [
        ((-0.078, -0.119, -0.040), "beyond"),
        ((-0.078, -0.119, -0.030), "not surely within"),
        ((0.020, 0.010, 0.030), "within"),
    ],
)
def test_the_largest_difference_is_sought_in_every_row(of_normal, place):
    rows = ROWS | {("radiographs", "predicted normal", "relu", "Grad-CAM++"): of_normal}
    said = drops.largest_differences(table1(rows)).split(". ")[0]
    value = directions.signed(of_normal, 3)
    assert said == (
        f"With ReLU scores the largest difference is {value}, {place} the tolerance of 0.035 "
        "(BAD, X-rays, predicted normal, 95 images)"
    )
    assert drops.largest_differences(table1(rows)).endswith("intervals are not corrected for the choice of the row.")


def test_incorrect_has_the_interval_of_the_claims_and_the_controls():
    claims = pd.DataFrame({"incorrect_BAD": {"value": 0.0, "low": 0.0, "high": 0.94}}).T
    said = drops.black_and_incorrect(claims, table1(ROWS, 40.8))
    assert said == (
        "A black X-ray is called pneumonia. Incorrect % of BAD is 0.0 [0.0, 0.9] for Grad-CAM++. In the first training "
        "it is 40.8 for *another image's map* and 40.8 for *smooth random map*. There 97 % of the X-rays that BAD "
        "masks under CAM score no more than a black image."
    )


def test_claims_are_counted_without_the_rows_that_are_none():
    verdicts = {
        "identity": "reproduced",
        "head": "undecided",
        "AUC": "undecided",
        "radiographs_BAD_softmax": "reproduced",
    }
    said = drops.claims_counted(pd.DataFrame({"verdict": verdicts}))
    assert said == "Of its 3 claims, 1 are reproduced, 0 are not, and 2 are undecided."


def along(values, p, quantity="Grad-CAM++ − CAM"):
    """Rows of alpha_bad.csv on a grid of 5, 10, … %, and the alpha 0.21 of Table 1 at the end."""
    alphas = [0.05 * (i + 1) for i in range(len(values) - 1)] + [0.21]
    rows = pd.DataFrame({"quantity": quantity, "alpha": alphas, "BAD": values, "p": p})
    return rows.assign(low=rows["BAD"] - 0.05, high=rows["BAD"] + 0.05, within=rows["BAD"].abs() + 0.07)


@pytest.mark.parametrize(
    ("values", "p", "said"),
    [
        (
            [-0.1, -0.1, -0.1, 0.1, -0.2],
            [0.001, 0.001, 0.001, 0.9, 0.01],
            "With one network Grad-CAM++ is ahead where BAD keeps 5 to 15 % of the pixels. 1 of 4 shares is "
            "undecided after Holm. At its alpha of Table 1, 21 %, Grad-CAM++ is ahead "
            "(Grad-CAM++ − CAM -0.2000 [-0.2500, -0.1500], 40 images).",
        ),
        (
            [-0.1, 0.1, 0.1, 0.2],
            [0.001, 0.001, 0.001, 0.9],
            "With one network Grad-CAM++ is ahead where BAD keeps 5 % of the pixels. With one network CAM is ahead "
            "where BAD keeps 10 and 15 % of the pixels. At its alpha of Table 1, 21 %, this is undecided "
            "(Grad-CAM++ − CAM +0.2000 [+0.1500, +0.2500], 40 images).",
        ),
        (
            [-0.1, 0.1, 0.1],
            [0.03, 0.03, 0.01],  # neither of two is below 0.05 after the correction
            "No share is decided after Holm. At its alpha of Table 1, 21 %, CAM is ahead "
            "(Grad-CAM++ − CAM +0.1000 [+0.0500, +0.1500], 40 images).",
        ),
        (
            [-0.1, 0.1, 0.1],
            [NAN, NAN, NAN],
            "No share is decided after Holm. At its alpha of Table 1, 21 %, this is undecided "
            "(Grad-CAM++ − CAM +0.1000 [+0.0500, +0.1500], 40 images).",
        ),
    ],
)
def test_the_ranking_along_alpha(values, p, said):
    rows = pd.concat([along(values, p), along(values, 0.0, "CAM")])
    said += f" A margin of {np.abs(values).max() + 0.07:.4f} holds the difference at every share."
    assert alpha.ranking_along_alpha(rows, 0.21, 40) == said
    assert alpha.ranking_along_alpha(rows, 0.2100004, 40) == said  # the same alpha with other digits
    of_first = said.replace("With one network", "In the first of 5 trainings")
    assert alpha.ranking_along_alpha(rows, 0.21, 40, 5) == of_first


@pytest.mark.parametrize("within", [NAN, 1.0])
def test_no_margin_is_named_where_one_share_has_none(within):
    rows = along([-0.1, 0.1, 0.1], [0.03, 0.03, 0.01])
    rows.loc[1, "within"] = within
    assert alpha.ranking_along_alpha(rows, 0.21, 40).endswith("40 images).")


def test_drops_grow_fall_or_are_not_shown_to():
    claims = pd.DataFrame(
        {
            "BAD_opacity": claim(0.58, 0.36, 0.81),
            "BAD_size": claim(-0.27, -0.45, -0.10),
            "AD_opacity": claim(0.1, -0.1, 0.3),
            "AD_size": claim(0.1, 0.01, 0.19, 0.06, 2),  # the corrected test decides, as for the claim
        }
    ).T
    assert alpha.growing_drops(claims) == (
        "The drop of BAD grows with opacity (+0.58 [+0.36, +0.81]). "
        "The drop of BAD falls with the lesion's size (-0.27 [-0.45, -0.10]). "
        "The drop of AD is not shown to go with opacity (+0.10 [-0.10, +0.30]). "
        "The drop of AD is not shown after Holm to go with the lesion's size (+0.10 [+0.01, +0.19], 2 of 3 trainings)."
    )


@pytest.mark.parametrize(("negative", "whose"), [(80, "the equation, not only"), (20, "its arithmetic more than")])
def test_what_fails_behind_softmax(negative, whose):
    rows = pd.DataFrame({"training": [0, 0, 1], "factor": [1, 9, 9], "negative_maps": [1, negative, negative]})
    said = alpha.grad_cam_plus_plus_behind_softmax(claim(99.7, 98.2, 100), rows)
    assert said.startswith(
        f"At the paper's logits float32 leaves 99.7 [98.2, 100.0] % of the maps blank. Computed exactly, {negative} %"
    )
    assert f"what fails is {whose}" in said


def test_contrast_is_set_next_to_what_the_paper_prints():
    contrast = pd.DataFrame({"data": "General images", "method": ["CAM", "CAM", "other"], "AD": [0.1, 0.5, 0.9]})
    printed = {"CAM": (0.10, 0.20), "Grad-CAM++": (0.11, 0.16)}
    table = pd.DataFrame(
        [
            {"data": "general", "score": "relu", "method": name, "AD_paper": ad, "BAD_paper": bad}
            for name, (ad, bad) in printed.items()
        ]
    )
    said = alpha.contrast_next_to_differences(contrast, table)
    assert "from 0.10 to 0.50. That is 10.0 times the largest difference" in said


def test_one_other_preparation_is_not_the_most_of_several():
    row = {"data": "a", "images": 70, "metric": "AD", "preparation": "noise", "change": 1.2, "moved": 0.01}
    row |= {"moved_low": 0.005, "moved_high": 0.015, "difference": 0.1, "low": 0.05, "high": 0.15, "within": 0.2}
    rows = [row | {"preparation": "as in Table 1", "change": 0, "moved": 0}, row]
    table = pd.DataFrame([one | {"metric": metric} for metric in ("AD", "BAD") for one in rows])
    said = alpha.prepared_in_other_ways(table, "a", "photos")
    assert "The one other way to prepare the same photos, 'noise', moves AD by +0.0100 [+0.0050, +0.0150]." in said


def test_preparations_name_the_one_that_moves_the_metric_most():
    names = {"JPEG": 0.5, "as in Table 1": 0, "noise": 1.2, "nearly nothing": 0.05}
    moved = {"AD": [-0.02, 0, 0.01, 0.5], "BAD": [0.001, 0, 0.003, 0.5]}
    rows = [
        {
            "data": "a",
            "images": 70,
            "metric": metric,
            "preparation": name,
            "change": names[name],
            "moved": value,
            "moved_low": value - 0.005,
        }
        | {"moved_high": value + 0.005, "difference": 0.1 + value, "low": 0.05, "high": 0.15, "within": 0.2 + value}
        for metric, values in moved.items()
        for name, value in zip(names, values, strict=True)
    ]
    said = alpha.prepared_in_other_ways(pd.DataFrame([*rows, rows[0] | {"data": "b", "moved": 9}]), "a", "photos")
    assert said == (
        "One network, 70 images, alpha chosen again each time. "
        "The intervals are not corrected for the choice of the way. "
        "Of 2 ways to prepare the same photos, 'JPEG' moves AD the most, by -0.0200 [-0.0250, -0.0150]. "
        "Grad-CAM++ − CAM is +0.1000 [+0.0500, +0.1500] for images prepared as in Table 1, and "
        "from +0.0800 to +0.1100 over all ways. A margin of 0.2100 holds it each time. "
        "Of 2 ways to prepare the same photos, 'noise' moves BAD the most, by +0.0030 [-0.0020, +0.0080]. "
        "Grad-CAM++ − CAM is +0.1000 [+0.0500, +0.1500] for images prepared as in Table 1, and "
        "from +0.1000 to +0.1030 over all ways. A margin of 0.2030 holds it each time."
    )
