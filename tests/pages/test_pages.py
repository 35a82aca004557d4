"""Pages that quote results are what their templates and the committed results give."""

import json
import re
import shutil

import pandas as pd
import pytest

from black_average_drop import wording
from black_average_drop.artifact import pages
from black_average_drop.artifact.numbers import committed, times
from black_average_drop.files import ROOT


@pytest.fixture(scope="module")
def filled():
    return pages.filled_pages()


@pytest.mark.parametrize("page", pages.PAGES)
def test_each_page_is_what_its_template_and_the_results_give(page, filled):
    assert (ROOT / page).read_text(encoding="utf-8") == filled[page], f"{page} is stale: run make pages."


@pytest.mark.parametrize("page", pages.PAGES)
def test_each_page_names_its_template(page):
    template = f"{pages.TEMPLATES}/{page.split('/')[-1]}"
    assert f"makes this page from {template}:" in (ROOT / page).read_text(encoding="utf-8")
    assert (ROOT / template).is_file()


@pytest.mark.parametrize("page", pages.PAGES)
def test_no_number_is_missing_in_a_page(page, filled):
    assert not re.search(r"(?<![`\w])[+-]?(nan|inf)\b(?!`)", filled[page])


def test_every_template_makes_a_page():
    names = {page.split("/")[-1] for page in pages.PAGES}
    assert {path.name for path in (ROOT / pages.TEMPLATES).iterdir()} == names and len(names) == len(pages.PAGES)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the templates, of the pages that they made, and of the results in text form."""
    keep = shutil.ignore_patterns("*.png", "*.pdf", "*.tex")
    shutil.copytree(ROOT / "paper_figures", tmp_path / "paper_figures", ignore=keep)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for page in ("README.md", "MODEL_CARD.md"):
        shutil.copy(ROOT / page, tmp_path)
    return tmp_path


def test_nothing_is_written_while_nothing_has_changed(checkout, capsys):
    before = {page: (checkout / page).stat().st_mtime_ns for page in pages.PAGES}
    pages.main(checkout)
    assert capsys.readouterr().out == ""
    assert before == {page: (checkout / page).stat().st_mtime_ns for page in pages.PAGES}


def test_a_page_follows_a_number_a_table_and_its_template(checkout, capsys):
    path = checkout / "paper_figures/laptop/alpha_contrast.csv"
    contrast = pd.read_csv(path)
    contrast.loc[contrast["method"] == "CAM", "AD"] = [2.5, 1, 1, 1, 0.5] * 2
    contrast.to_csv(path, index=False)
    table = checkout / "paper_figures/benchmark/costs.md"
    table.write_text(table.read_text().replace("| InceptionResNetV2 |", "| Another network |"))
    template = checkout / pages.TEMPLATES / "README.md"
    template.write_text(template.read_text().replace("## Licence", "## License"))
    pages.main(checkout)
    assert capsys.readouterr().out == "wrote README.md\nwrote docs/results.md\nwrote docs/performance.md\n"
    low, high = re.search(r"AD of CAM on photos from\s+([\d.]+)\s+to\s+([\d.]+)\.", read(checkout, "results")).groups()
    assert (low, high) == ("0.50", "2.50")
    assert "\n| Another network | " in read(checkout, "performance")
    assert "## License" in (checkout / "README.md").read_text()


def test_pages_say_what_trainings_and_unseen_patients_add(checkout):
    """Signs of trainings, softmax scores over all of them, unseen patients, and metrics of both scores."""
    laptop = checkout / "paper_figures/laptop"
    claims = pd.read_csv(laptop / "claims.csv").set_index("claim")
    decided = {"value": -0.015, "low": -0.0194, "high": -0.0105, "p": 0.001, "p_holm": 0.012, "trainings": 3}
    decided |= {"same_sign": 2, "next_low": -0.03, "next_high": 0.01, "unseen": "overturned"}
    for claim, p_holm in (("radiographs_BAD", 0.012), ("radiographs_BAD_softmax", 0.7)):
        claims.loc[claim, list(decided)] = list((decided | {"p_holm": p_holm}).values())
    claims.to_csv(laptop / "claims.csv")
    differences = pd.read_csv(laptop / "trust_differences.csv").assign(unseen="overturned")
    differences.to_csv(laptop / "trust_differences.csv", index=False)
    filled = {page: " ".join(text.split()) for page, text in pages.filled_pages(checkout).items()}
    for page in ("README.md", "docs/results.md"):
        assert "Patients that nobody saw could turn that. 2 of 3 trainings have Grad-CAM++ ahead." in filled[page]
        assert "With softmax scores it is undecided: Grad-CAM++ − CAM is -0.0150" in filled[page]
        assert "Of its 19 claims" in filled["README.md"]  # a row on softmax scores is no claim of the paper
    assert "Rows with *ReLU scores* in their name" in filled["docs/trust.md"]
    assert re.search(r"p = [\d.]+ after Holm\. Patients that nobody saw could turn that\.", filled["docs/trust.md"])


def read(checkout, name):
    return (checkout / f"docs/{name}.md").read_text()


@pytest.fixture
def results(tmp_path):
    (tmp_path / "laptop").mkdir()
    (tmp_path / "laptop/two.md").write_text("# Two\n\n| a |\n|---|\n| 1 |\n\ntext | no table\n\n| b |\n|---|\n| 2 |\n")
    return tmp_path


def test_fields_are_numbers_and_tables(results):
    template = "{{a b}} and {{c.Grad-CAM++}}\n\n{{table laptop/two.md}}\n\n{{table laptop/two.md 2}}\n"
    text = pages.fill(template, {"a b": "1", "c.Grad-CAM++": "+2"}, results)
    assert text == "1 and +2\n\n| a |\n|---|\n| 1 |\n\n| b |\n|---|\n| 2 |\n"


def test_a_paragraph_with_a_sentence_of_rows_has_its_lines_broken_again(results):
    said = "word " * 40 + "end."
    template = "First\nline. {{say.a}} {{n}}\n- one {{n}}\n- two {{say.a}}\n  more\n\n{{say.table}}\n\n| {{n}} |\n"
    named = {"say.a": said, "say.table": "| a |\n|---|\n| " + "b " * 80 + "|", "n": "7"}
    blocks = pages.fill(template, named, results).split("\n")
    assert blocks[0].startswith("First line. word word") and max(map(len, blocks[:4])) <= pages.WIDTH
    text = " ".join("\n".join(blocks).split())
    assert f"First line. {said} 7 - one 7 - two {said} more | a | |---|" in text
    item = blocks[blocks.index("- one 7") + 1 :]
    assert item[0].startswith("- two word") and item[1].startswith("  word") and blocks[-2:] == ["| 7 |", ""]
    assert "| " + "b " * 80 + "|" in blocks


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("contrast.hgih", "{{contrast.hgih}} is no number or sentence of artifact/numbers and no table."),
        ("table laptop/two.md 3", "laptop/two.md has no table 3."),
        ("table laptop/two.md 0", "laptop/two.md has no table 0."),
        ("table laptop/none.md", "laptop/none.md has no table 1."),
    ],
)
def test_a_field_without_a_value_is_named(field, said, results):
    with pytest.raises(ValueError) as refused:
        pages.fill("{{" + field + "}}", {}, results)
    assert str(refused.value) == said


def test_intervals_are_written_with_their_sign_and_say_where_there_is_none():
    row = pd.Series({"value": 0.5, "low": -0.25, "high": 1.25})
    assert wording.with_interval(row, 2) == "0.50 [-0.25, 1.25]"
    assert wording.with_interval(row, 1, "+", ("high", "low", "value")) == "+1.2 [-0.2, +0.5]"
    assert wording.with_interval(row.replace(-0.25, float("nan")), 2, "+") == "+0.50 [–]"


def test_minutes_are_those_of_measuring(tmp_path):
    """A record of an analysis half, which takes seconds, holds none."""
    for profile in ("demo", "laptop", "paper"):
        (tmp_path / profile).mkdir()
        record = {"notebook": "03_table1", "minutes": 3.0, "parameters": {}}
        (tmp_path / profile / "03_table1.json").write_text(json.dumps(record))
        record |= {"minutes": 20.0, "outputs": ["a.keras", "b.keras", "c.csv"], "parameters": {"general_epochs": 0}}
        (tmp_path / profile / "01_train.json").write_text(json.dumps(record))
        (tmp_path / profile / "03_table1.analysis.json").write_text(json.dumps({"parameters": {"resamples": 9}}))
    (tmp_path / "laptop/trust.csv").write_text("metric\nAD\n")
    (tmp_path / "laptop/trust_localization.csv").write_text("map\nCAM\n")
    minutes = times.notebook_minutes(tmp_path)
    assert minutes["demo.training"] == "20" and minutes["laptop.paper"] == "3"
    assert minutes["laptop.classifiers"] == "1"  # the general one is used as it comes
    assert committed.parameters_with(tmp_path, "laptop", "resamples") == {"resamples": 9}
