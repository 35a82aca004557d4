"""Every relative link of every Markdown file leads to a file that is there, and to a heading in it."""

from pathlib import Path

import pytest

import markdown_files
from black_average_drop.files import ROOT


def broken(path, text):
    """The links of a page that lead nowhere."""
    lost = []
    for link in markdown_files.links(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        there = target.exists() and target.resolve().is_relative_to(ROOT)
        if there and anchor:
            there = target.suffix == ".md" and anchor in markdown_files.anchors(
                text if target == path else target.read_text(encoding="utf-8")
            )
        if not there:
            lost.append(link)
    return lost


@pytest.mark.parametrize("page", markdown_files.paths(), ids=str)
def test_relative_links_lead_to_a_file_and_a_heading(page):
    assert broken(ROOT / page, (ROOT / page).read_text(encoding="utf-8")) == []


def test_the_pages_are_among_the_files_looked_at():
    names = {str(path) for path in markdown_files.paths()}
    assert {"README.md", "data/README.md", "docs/results.md", "paper_figures/reliability.md"} <= names
    assert not any(Path(name).parts[0] == "build" or "templates" in name for name in names)


@pytest.mark.parametrize(
    ("link", "leads_somewhere"),
    [
        ("docs/words.md", True),
        ("docs/words.md#house-style", True),
        ("#citation", True),
        ("https://example.org/nothing", True),
        ("docs/word.md", False),
        ("docs/words.md#no-such-heading", False),
        ("#no-such-heading", False),
        ("LICENSE#no-heading", False),
        ("../elsewhere.md", False),
    ],
)
def test_a_broken_link_is_named(link, leads_somewhere):
    page = ROOT / "README.md"
    text = f"# Citation\n\nSee [this]({link}).\n\n```\n[code](nowhere.md)\n```\n"
    assert broken(page, text) == ([] if leads_somewhere else [link])


def test_pictures_are_links_and_code_is_none():
    text = '![a](lost.png) `[b](code.md)` <img src="gone.png" width="9"> <img src="LICENSE">'
    assert broken(ROOT / "README.md", text) == ["lost.png", "gone.png"]


def test_anchors_are_those_of_github():
    text = "# The paper's claims, one by one\n## A `name`\n## A `name`\n### Grad-CAM++ [here](a.md)\n"
    assert markdown_files.anchors(text) == ["the-papers-claims-one-by-one", "a-name", "a-name-1", "grad-cam-here"]
