"""Which maps to take, in a table and in sentences: cases whose answer is known."""

import math

import numpy as np
import pandas as pd

from black_average_drop.statistics import answer_text
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.which_best import Answer, answer

NAMES = ("CAM", "Grad-CAM++", "Eigen-CAM", "random")


def answered(generator, offsets, patients=300, margin=0.02, spread=0.05):
    values = generator.normal(0.3, spread, (patients, len(offsets))) + np.array(offsets)
    frame = pd.DataFrame(values, columns=NAMES[: len(offsets)])
    return answer(frame, ["random"], Resampling(np.arange(patients), 999), margin)


def test_two_that_are_the_same_and_one_that_is_worse(generator):
    found = answered(generator, [0, 0, 0.2, 0.5])
    assert found.methods["word"].tolist() == ["practically as good as the best"] * 2 + ["worse than the best"]
    assert list(found.pairs["first"]) == ["CAM", "CAM", "Grad-CAM++"] and len(found.controls) == 2
    texts = answer_text.sentences(found)
    assert texts[0].startswith("Practically as good as the best (within 0.02): CAM (at most 0.0")
    assert "Worse: Eigen-CAM (by at least 0.1" in texts[0]
    assert "no difference shown, and within ±0.02 (±0.0" in texts[1] and "patients such as" not in texts[1]
    assert "a real difference, and not shown to be within ±0.02" in texts[2]
    assert texts[-1] == "Every control is worse than CAM and Grad-CAM++."


def test_a_real_difference_may_be_too_small_to_matter(generator):
    found = answered(generator, [0, 0.012, 0.3], patients=2000)
    assert "a real difference, and within ±0.02" in answer_text.pair_sentence(found.pairs.iloc[0], found)
    said = answer_text.set_sentence(found)
    assert said.startswith(
        "Practically as good as the best (within 0.02): CAM (ahead of all others), Grad-CAM++ (worse"
    )
    assert found.methods["may_be_best"].tolist() == [True, False, False] and "Worse: Eigen-CAM" in said


def test_one_is_ahead_of_all_others_only_if_none_of_them_may_be_the_best():
    """A mean may be smallest by its limit at 5 % while another still may be the best, which is asked at 2.5 %."""
    methods = {
        "map": ["a", "b"],
        "most": [0.0, 0.01],
        "least": [-0.01, -0.001],
        "word": ["practically as good as the best"] * 2,
    }
    for others, place in ((True, "the smallest mean"), (False, "ahead of all others")):
        table = pd.DataFrame(methods | {"may_be_best": [True, others]})
        assert f"a ({place}), b" in answer_text.set_sentence(Answer(0.02, 10, table, None, None))


def test_what_is_open_names_the_patients_that_would_decide_it():
    found = answered(np.random.default_rng(3), [0, 0.01], patients=20, spread=0.1)
    assert found.methods["may_be_best"].all()
    said = answer_text.pair_sentence(found.pairs.iloc[0], found)
    assert "no difference shown, and not shown to be within ±0.02" in said
    assert "(here 20) would show a difference of 0.02 between CAM and Grad-CAM++, and" in said


def test_a_difference_that_one_patient_carries_names_a_least_number_alone():
    values = pd.DataFrame({"CAM": np.zeros(40), "Grad-CAM++": np.where(np.arange(40) == 0, 0.5, 0.0)})
    found = answer(values, [], Resampling(np.arange(40)), 0.02)
    said = answer_text.needed_sentence(found.pairs.iloc[0], found)
    assert said == (
        "At least 200 patients such as these in all (here 40) would be needed to show a difference of 0.02 between CAM "
        "and Grad-CAM++. More is not known of so few."
    )


def test_a_control_is_worse_better_or_as_good_as_what_is_offered(generator):
    said = {}
    for offset in (0.3, 0, -0.2):
        said[offset] = answer_text.controls_sentences(answered(generator, [0, 0, 0.2, offset]))
    assert said == {
        0.3: ["Every control is worse than CAM and Grad-CAM++."],
        0: ["Controls that are not told apart from some of CAM and Grad-CAM++: random."],
        -0.2: ["Controls that do better than some of CAM and Grad-CAM++: random."],
    }
    few = answer_text.controls_sentences(answered(generator, [0, 0, 0, 0.3], patients=9))
    assert few == ["Too few patients differ to compare some of CAM, Grad-CAM++ and Eigen-CAM with: random."]


def test_controls_are_compared_with_all_that_is_offered(generator):
    """Grad-CAM++ is worse than CAM by less than the margin, and so is offered: a control between them is better."""
    found = answered(generator, [0, 0.015, 0.3, 0.007], patients=4000, spread=0.02)
    assert found.methods["may_be_best"].tolist() == [True, False, False]
    assert list(found.controls["first"]) == ["CAM", "Grad-CAM++"]
    assert answer_text.controls_as_good(found) == (["random"], [], [])


def test_so_few_patients_decide_nothing(generator):
    found = answered(generator, [0, 0.5], patients=9)
    assert found.methods["word"].tolist() == ["not told apart from the best"] * 2
    said = answer_text.sentences(found)
    assert "CAM (too few patients differ for a limit)" in said[0]
    assert said[1].endswith("too few patients differ for a test, and no margin holds it with so few patients.")


def test_two_that_differ_in_few_patients_can_be_practically_the_same(generator):
    """The mean of so few differences has no interval, but two in 600 patients cannot move it by the margin."""
    values = pd.DataFrame({"CAM": generator.normal(0.3, 0.05, 600)})
    values["Grad-CAM++"] = values["CAM"]
    values.loc[:1, "Grad-CAM++"] += 0.5
    found = answer(values, [], Resampling(np.arange(600)), 0.02)
    assert found.methods["word"].tolist() == ["practically as good as the best"] * 2
    assert found.methods["may_be_best"].all() and len(found.controls) == 0
    assert answer_text.set_sentence(found).endswith("CAM (at most 0.0105 worse), Grad-CAM++ (at most 0.0105 worse).")
    said = answer_text.pair_sentence(found.pairs.iloc[0], found)
    assert "too few patients differ for a test, and within ±0.02 (±0.0105 holds)" in said


def test_one_method_is_the_best_of_one_and_is_set_against_the_controls(generator):
    values = pd.DataFrame(generator.normal(0.3, 0.05, (100, 2)) + [0, 0.2], columns=["CAM", "random"])
    found = answer(values, ["random"], Resampling(np.arange(100)), 0.02)
    assert found.methods["may_be_best"].tolist() == [True] and len(found.pairs) == 0
    assert answer_text.sentences(found) == [
        "CAM is the only method: there is none to compare it with.",
        "Every control is worse than CAM.",
    ]


def test_controls_are_corrected_for_the_pairs_that_are_asked_alone(generator):
    values = pd.DataFrame(generator.normal(0.3, 0.05, (100, 4)) + [0, 0.3, 0.02, 0.02], columns=[*NAMES[:2], "x", "y"])
    found = answer(values, ["x", "y"], Resampling(np.arange(100), 999), 0.02)
    assert list(found.controls["first"]) == ["CAM"] * 2 and list(found.controls["second"]) == ["x", "y"]
    assert (found.controls["p_adjusted"] <= 2 * found.controls["p"]).all()


def test_numbers_of_patients_have_one_digit():
    floor = [answer_text.to_one_digit(number, math.floor) for number in (10, 37, 251, 1001)]
    ceiling = [answer_text.to_one_digit(number, math.ceil) for number in (10, 37, 251, 1001)]
    assert (floor, ceiling) == ([10, 30, 200, 1000], [10, 40, 300, 2000])
