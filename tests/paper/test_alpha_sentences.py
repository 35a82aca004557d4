"""The closing sentences of 04_alpha, from hand-made tables: ahead, behind, undecided, refused."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.paper import alpha_sentences
from black_average_drop.paper.alpha_rows import STEPS
from black_average_drop.paper.alpha_study import DIFFERENCE

ROW = {"data": "Photos", "training": 0, "images": 100, "patients": 100, "alpha_table1": 0.333}
ROW |= {"alpha_low": 0.123, "alpha_high": 0.456, "again_low": -0.2, "again_high": 0.1}


def differences(signs, p_holm, at_table1=(-0.1, -0.15, -0.05)):
    """Differences at 19 steps, and value, low and high at the alpha of Table 1."""
    steps = pd.DataFrame({"alpha": STEPS, "BAD": 0.1 * np.array(signs), "p_holm": p_holm, "of_table1": False})
    value, low, high = at_table1
    table1 = pd.DataFrame({"alpha": [0.333], "BAD": value, "low": low, "high": high, "of_table1": True})
    return pd.concat([steps, table1], ignore_index=True).assign(quantity=DIFFERENCE)


@pytest.mark.parametrize(
    ("signs", "p_holm", "said"),
    [
        ([-1] * 19, 1e-9, "is ahead at 19 and CAM at 0. 0 are undecided (Holm). No alpha turns the ranking over."),
        (
            [-1] * 9 + [1] * 10,
            1e-9,
            "is ahead at 9 and CAM at 10. 0 are undecided (Holm). The ranking turns over along alpha.",
        ),
        ([1] * 19, 0.06, "ahead at 0 and CAM at 0. 19 are undecided (Holm). No alpha decides the ranking."),
        ([-1] * 19, np.nan, "ahead at 0 and CAM at 0. 19 are undecided (Holm). No alpha decides the ranking."),
    ],
)
def test_the_sentences_count_what_holm_decides(signs, p_holm, said):
    text = alpha_sentences.alpha_sentences(differences(signs, p_holm), ROW)
    assert "Of 19 other alphas, Grad-CAM++ is ahead at " in text and said in text
    assert "choose an alpha between 0.12 and 0.46. The difference there is between -0.2000 and +0.1000." in text


@pytest.mark.parametrize(
    ("at_table1", "said"),
    [
        ((-0.1, -0.15, -0.05), "-0.1000 [-0.1500, -0.0500]. So Grad-CAM++ is ahead. A share 3/n of unseen patients"),
        ((0.1, 0.05, 0.15), "+0.1000 [+0.0500, +0.1500]. So CAM is ahead. A share 3/n of unseen patients"),
        ((-0.1, -0.15, 0.05), "-0.1000 [-0.1500, +0.0500]. So neither is shown to be ahead. Of 19"),
        ((-0.1, np.nan, np.nan), "-0.1000 [–]. Too few patients differ for an interval. Of 19"),
    ],
)
def test_the_alpha_of_table_1_has_its_interval_and_no_direction_without_it(at_table1, said):
    text = alpha_sentences.alpha_sentences(differences([0] * 19, 1.0, at_table1), ROW)
    assert text.startswith("At the alpha of Table 1, 0.33, BAD of Grad-CAM++ − CAM is ") and said in text


def test_unseen_patients_are_named_with_what_they_could_do():
    """3 / 100 of unseen patients at the opposite extreme: 0.97 x 0.1 - 0.03 holds, 0.97 x 0.02 - 0.03 does not."""
    for sign in (-1, 1):
        for value, said in ((0.1, "would not overturn"), (0.02, "would overturn")):
            ends = sorted((sign * value * 0.9, sign * value * 1.1))
            text = alpha_sentences.alpha_sentences(differences([0] * 19, 1.0, (sign * value, *ends)), ROW)
            assert f"A share 3/n of unseen patients at the opposite extreme {said} that." in text


def test_where_nothing_may_be_said_of_a_chosen_alpha_nothing_is():
    text = alpha_sentences.alpha_sentences(differences([0] * 19, 1.0), ROW | {"again_low": np.nan})
    assert text.endswith("choose an alpha between 0.12 and 0.46.")
    text = alpha_sentences.alpha_sentences(differences([0] * 19, 1.0), ROW | {"alpha_low": np.nan})
    assert "choose an alpha" not in text and text.endswith("no interval is given for a chosen alpha.")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.3, "Contrast alone raises it: +0.2000 [+0.1000, +0.3000]."),
        (-0.3, -0.1, "Contrast alone lowers it: +0.2000 [-0.3000, -0.1000]."),
        (-0.1, 0.3, "Whether contrast moves it is undecided: +0.2000 [-0.1000, +0.3000]."),
        (np.nan, np.nan, "Whether contrast moves it is undecided: +0.2000 [–]."),
    ],
)
def test_contrast_moves_only_what_its_interval_says(low, high, said):
    row = {"method": "CAM", "smallest": 0.1, "largest": 0.3, "difference": 0.2, "low": low, "high": high}
    text = alpha_sentences.contrast_sentences(row)
    assert text == f"AD of CAM is 0.1000 at the smallest power of its map, and 0.3000 at the largest. {said}"


def touches():
    rows = {
        "CAM": (26, 17, 5, 29, 0.001, 0.004, 5, "holds"),
        "Grad-CAM++": (43, *[np.nan] * 6, None),
        "Eigen-CAM": (46, -3, -9, -0.1, 0.04, 0.12, 4, "overturned"),
        "centre prior": (52, -9, -13, -5, 0.001, 0.004, 5, "overturned"),
        "another image's map": (40, 3, np.nan, np.nan, np.nan, np.nan, 4, "overturned"),
    }
    names = ("touched", "difference", "low", "high", "p", "p_holm", "same_sign", "unseen")
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("map").reset_index()
    return table.assign(lesions=40, trainings=5)


def test_small_lesions_are_told_with_their_controls_and_no_more_than_the_tests_carry():
    said = alpha_sentences.lesion_sentences(touches(), "chestxray14").split(": ", 1)
    assert said[0] == "Small lesions (40 of chestxray14, mean of 5 trainings)"
    shares, *each = said[1].split(". ")
    assert shares == (
        "Grad-CAM++ touches 43 %, CAM 26 %, Eigen-CAM 46 %, a bump in the middle 52 %, and another patient's map 40 %"
    )
    assert each == [
        "Grad-CAM++ − CAM: +17.0 [+5.0, +29.0] points, Grad-CAM++ touches more in 5 of 5 trainings",
        "Grad-CAM++ − Eigen-CAM: -3.0 [-9.0, -0.1] points, undecided",
        "Grad-CAM++ − a bump in the middle: -9.0 [-13.0, -5.0] points, Grad-CAM++ touches fewer in 5 of 5 trainings, "
        "unless unseen patients overturn it",
        "Grad-CAM++ − another patient's map: +3.0 [–] points, too few differ for a test.",
    ]


def test_every_text_says_what_it_holds_for():
    subjects = pd.DataFrame(
        {
            "data": ["Photos", "Radiographs", "Radiographs", "Lesions"],
            "counted": ["all", "label pneumonia", "label pneumonia", np.nan],
            "source": ["a", "b", "b", "another hospital"],
        }
    )
    along = pd.concat([differences([0] * 19, 1.0).assign(data=data) for data in ("Photos", "Radiographs")])
    intervals = pd.DataFrame([ROW, ROW | {"data": "Radiographs", "images": 200}])
    contrast = {"method": "CAM", "smallest": 0.1, "largest": 0.3, "difference": 0.2, "low": 0.1, "high": 0.3}
    contrasts = pd.DataFrame([{"data": data} | contrast for data in ("Photos", "Radiographs")])
    tables = {"alpha_bad": along, "alpha_anew": intervals, "alpha_contrast_differences": contrasts}
    tables["alpha_small_lesions"] = touches()
    texts = alpha_sentences.closing_sentences(subjects, tables, [])
    assert [text.split(": ")[0] for text in texts] == [
        *["Photos (all, 100 images, one network, ReLU scores)"] * 2,
        *["Radiographs (label pneumonia, 200 images, training 0, ReLU scores)"] * 2,
        "Small lesions (40 of another hospital, mean of 5 trainings)",
    ]
    told = alpha_sentences.closing_sentences(subjects, tables, [1])
    assert told[:-1] == texts
    assert told[-1].startswith("Dead trainings of the radiograph classifier: 1 of 2. Their ReLU scores are 0")
