"""The text of the report: the answer first, then sections, of which those with nothing to say are left out."""

import pandas as pd
from matplotlib.figure import Figure

from black_average_drop.choice import report
from black_average_drop.choice.recommendation import Recommendation

SAID = {
    "BAD": Recommendation("By BAD take CAM.", worse="Worse: Eigen-CAM.", needed="Between 20 and 30 patients."),
    "AD": Recommendation("By AD take any.", unseen="Up to 3 in 40."),
}


def whole(doubts=(), **sections):
    return report.put_together("net`s.keras", doubts, SAID, "40 images of 9 patients", 2, 0.534, sections)


def test_the_answer_stands_first_and_its_figure_below():
    text = whole(["The pixels are odd."])
    assert text.startswith(
        "# Which heat map for `net's.keras`?\n\n**Doubtful:** The pixels are odd.\n\n**By BAD take CAM.**\n\n"
        "**By AD take any.**\n\n40 images of 9 patients, 2 left out for a score of 0. This is no clinical evidence.\n\n"
        "![The mean drop of each map"
    )
    assert "only the 53 % of pixels" in text and "Doubtful" not in whole()


def test_sections_without_anything_to_say_are_left_out():
    text = whole(Maps=["", "Of the feature maps 3 % is negative.", ""], Images=["", ""])
    assert "\n\n## Maps\n\nOf the feature maps 3 % is negative.\n" in text and "Images" not in text
    assert "\n\n\n" not in text


def test_a_terminal_shows_what_stands_above_the_first_section_without_the_figure():
    said = report.answer_of(whole(["Odd."], Maps=["Nothing is blank."]))
    assert said.endswith("Smaller is better.") and "**By AD take any.**" in said and "Odd." in said
    assert "![" not in said and "Maps" not in said and "Nothing is blank" not in said


def test_a_figure_is_named_with_a_text_for_those_who_do_not_see_it_or_left_out():
    assert report.figure("findings") == f"![{report.ALTERNATIVES['findings']}](findings.png)"
    assert report.figure("findings", None) == report.figure("findings", "") == ""


def test_the_sentences_of_each_metric_are_a_paragraph():
    assert report.parts_of(SAID, "needed", "unseen") == (
        "*By BAD.* Between 20 and 30 patients.\n\n*By AD.* Up to 3 in 40."
    )
    assert report.parts_of(SAID, "worse", "controls") == "*By BAD.* Worse: Eigen-CAM."
    assert report.parts_of(SAID, "controls") == ""


def test_everything_is_written_and_named(tmp_path):
    tables = {"ranking": pd.DataFrame({"map": ["CAM"]})}
    made = report.write_all(tmp_path, "Text.\n", {"ranking": Figure()}, tables, "your data")
    assert sorted(path.name for path in made) == ["ranking.csv", "ranking.pdf", "ranking.png", "recommendation.md"]
    assert all(path.is_file() for path in made) and (tmp_path / report.TEXT).read_text() == "Text.\n"
