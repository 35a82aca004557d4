"""Which maps to take, in a table and in sentences: cases whose answer is known."""

import numpy as np
import pandas as pd

from black_average_drop.statistics import answer_text
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.which_best import answer

NAMES = ("CAM", "Grad-CAM++", "Eigen-CAM", "random")


def answered(generator, offsets, patients=300, margin=0.02, spread=0.05):
    values = generator.normal(0.3, spread, (patients, len(offsets))) + np.array(offsets)
    frame = pd.DataFrame(values, columns=NAMES[: len(offsets)])
    return answer(frame, ["random"], Resampling(np.arange(patients), 999), margin)


def test_two_that_are_the_same_and_one_that_is_worse(generator):
    found = answered(generator, [0, 0, 0.2, 0.5])
    assert found.methods["word"].tolist() == ["practically as good as the best"] * 2 + ["worse than the best"]
    assert list(found.pairs["first"]) == ["CAM", "CAM", "Grad-CAM++"] and len(found.controls) == 2
    texts = answer_text.sentences(found, 0.02)
    assert texts[0].startswith("Practically as good as the best (within 0.02): CAM (at most 0.0")
    assert "Worse: Eigen-CAM (by at least 0.1" in texts[0]
    assert "no difference shown, and within ±0.02 (±0.0" in texts[1] and "patients such as" not in texts[1]
    assert "a real difference, and not shown to be within ±0.02" in texts[2]
    assert texts[-1] == "Every control is worse than each of these."


def test_a_real_difference_may_be_too_small_to_matter(generator):
    found = answered(generator, [0, 0.012, 0.3], patients=2000)
    assert "a real difference, and within ±0.02" in answer_text.pair_sentence(found.pairs.iloc[0], 0.02)


def test_what_is_open_names_the_patients_that_would_decide_it():
    found = answered(np.random.default_rng(3), [0, 0.01], patients=20, spread=0.1)
    assert found.methods["may_be_best"].all()
    said = answer_text.pair_sentence(found.pairs.iloc[0], 0.02)
    assert "no difference shown, and not shown to be within ±0.02" in said
    assert "patients such as these would show a difference of the margin" in said


def test_a_control_that_does_as_well_is_named(generator):
    found = answered(generator, [0, 0, 0.2, 0])
    (said,) = answer_text.controls_sentence(found)
    assert said == "Controls that are not shown to be worse than each of these: random."


def test_so_few_patients_decide_nothing(generator):
    found = answered(generator, [0, 0.5], patients=9)
    assert found.methods["word"].tolist() == ["not told apart from the best"] * 2
    said = answer_text.sentences(found, 0.02)
    assert "CAM (too few patients differ for a limit)" in said[0]
    assert said[1].endswith("too few patients differ for a test, and no margin holds it with so few patients.")


def test_numbers_of_patients_have_one_digit():
    assert [answer_text.one_digit(number) for number in (10, 37, 251, 1001)] == [10, 40, 300, 2000]
