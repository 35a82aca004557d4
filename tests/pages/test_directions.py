"""A sentence that says a direction is made from rows, or is listed as a definition, a rule or another of no result."""

import re

import pytest

import directional_words
from black_average_drop.artifact.sentences import saying
from black_average_drop.files import ROOT

TEXTS = directional_words.texts()
REASONS = ("definition: ", "rule: ", "the paper: ", "construction: ", "limit: ", "advice or a count: ")


def listed():
    """Sentence -> why it is no result, from directional_sentences.txt."""
    reason, reasons = None, {}
    for line in (ROOT / "tests/pages/directional_sentences.txt").read_text("utf-8").splitlines()[2:]:
        if line.startswith("## "):
            reason = line.removeprefix("## ")
        elif line:
            assert line not in reasons, f"listed twice: {line}"
            reasons[line] = reason
    return reasons


@pytest.mark.parametrize("name", TEXTS)
def test_a_sentence_that_says_a_direction_has_a_row_behind_it(name):
    typed = [one for one in directional_words.found(TEXTS[name]) if one not in listed()]
    assert typed == [], "let rows make it ({{say.…}}), or list it where it is no result"


def test_the_list_holds_what_is_there_and_no_result():
    there = {sentence for text in TEXTS.values() for sentence in directional_words.found(text)}
    assert set(listed()) <= there, set(listed()) - there
    for sentence, reason in listed().items():
        assert reason.startswith(REASONS), reason
        assert not re.search(r"\d\.\d{3}|\[[+-]?\d", sentence), f"a measured number: {sentence}"


@pytest.mark.parametrize(
    "sentence",
    [
        "On X-rays BAD prefers Grad-CAM++.",
        "BAD is better, but neither can choose between real methods.",
        "CAM is ahead at {{alpha.photos}} %.",
        "ROAD agreed best with the objects.",
        "The difference is more than chance.",
        "On phantoms insertion and ROAD rank the maps right.",
        "Grad-CAM++ touches fewer small lesions.",
        "| metric | result |\n|---|---|\n| BAD | wins on photos |",
        "# Grad-CAM++ outperforms CAM",
        "![CAM is superior](figure.png)",
        "- {{say.claims}} So Grad-CAM++ is the\n  stronger method.",
    ],
)
def test_a_planted_result_is_found_in_every_page(sentence):
    for name, text in TEXTS.items():
        new = set(directional_words.found(f"{text}\n\n{sentence}\n")) - set(directional_words.found(text))
        assert len(new) == 1 and not new & set(listed()), name


def test_what_rows_said_and_what_asks_is_no_typed_direction():
    for text in (
        "{{say.X-rays BAD}}",
        "Is Grad-CAM++ ahead of CAM?",
        "`better`",
        "[x](best.md)",
        "At most two are ready.",
    ):
        assert directional_words.found(text) == [], text


def test_the_words_find_what_rows_say():
    """So the words are those that matter: whatever names a direction in a made sentence would be found if typed."""
    said = saying.said()
    for name in ("X-rays BAD", "photos BAD", "alpha Radiographs", "best agreements", "AD fooled", "methods alone"):
        assert directional_words.found(said[name]), name


def test_notebooks_and_pages_are_read():
    assert {"docs/templates/README.md", "docs/words.md", "CHANGELOG.md", "notebooks/09_verdict.py"} <= set(TEXTS)
    assert "Kendall's tau-b" in TEXTS["notebooks/09_verdict.py"] and "import" not in TEXTS["notebooks/explore.py"]
