"""The house style of docs/words.md, as far as a program can see it: short sentences, and words that are not used."""

import re

import pytest

import markdown_files
from black_average_drop.files import ROOT

LONGEST = 25
# The words on the right of the first table of the house style.
UNUSED = re.compile(r"\b(?:wanted|beside|anew|hangs? on)\b", re.IGNORECASE)


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def too_long(text):
    return [one for one in markdown_files.sentences(text) if len(markdown_files.words(one)) > LONGEST]


def unused(text):
    return UNUSED.findall(re.sub(r"`[^`]*`", "", markdown_files.without_code(text)))


@pytest.mark.parametrize("page", markdown_files.written_paths(), ids=str)
def test_sentences_are_short_and_words_are_those_in_use(page):
    assert too_long(read(page)) == []
    assert unused(read(page)) == []


def test_the_words_are_those_of_the_house_style():
    table = read("docs/words.md").split("## House style")[1].split("| Write | Not |")[1]
    words = re.findall(r"`(\w+(?: on)?)` \|$", table.split("\n\n")[0], re.MULTILINE)
    assert words == ["wanted", "beside", "anew", "hangs on"]
    assert all(UNUSED.fullmatch(word) for word in words) and f"at most {LONGEST} words" in read("docs/words.md")


def test_the_readme_is_one_screen():
    assert len(read("README.md").splitlines()) <= 120


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two is\nhere. `three` too.", ["One.", "Two is here.", "`three` too."]),
        ("**Bold.** Then", ["**Bold.**", "Then"]),
        ("# No.\n\n| no. No |\n\n```\nno. No\n```\n![no](a.png)\n\nYes", ["Yes"]),
        ("- a\n- b\n  goes on\n1. c", ["a", "b goes on", "c"]),
        ("X. Wang et al. Say so in eq. (8)", ["X. Wang et al. Say so in eq. (8)"]),
    ],
)
def test_sentences_are_told_apart(text, sentences):
    assert markdown_files.sentences(text) == sentences


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("CAM and Grad-CAM are one map", 6),
        ("`a`, `b` and `c` are columns", 3),
        ("See [the page](docs/page.md) for 95 % of it", 7),
        ("It records: commit, versions, seed and devices", 2),
    ],
)
def test_words_are_counted(sentence, count):
    assert len(markdown_files.words(sentence)) == count


def test_a_long_sentence_and_an_unused_word_are_named():
    long = " ".join(["word"] * (LONGEST + 1)) + "."
    assert too_long(f"Short one.\n\n- {long}\n") == [long] and not too_long(long.replace("word ", "", 1))
    assert unused("It stands beside it and hangs on `wanted` things.") == ["beside", "hangs on"]
