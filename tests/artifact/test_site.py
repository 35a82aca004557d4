"""The results page, from a made-up profile of two notebooks."""

import base64
import json
from html.parser import HTMLParser

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat import v4
from PIL import Image

from black_average_drop.artifact import halves, records, site
from black_average_drop.files import sha256

NOTEBOOKS = ("03_table1", "09_verdict")
NASTY = "<script>alert(1)</script>"
LOADING = {"src", "srcset", "data", "poster", "background", "action"}


class Reader(HTMLParser):
    """The start tags of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def picture(path, size=(150, 75)):
    Image.new("RGB", size).save(path)
    return path


def cells(figure):
    png = base64.b64encode(figure.read_bytes()).decode()
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "interactive(children=())"}
    frame = f"<div><style scoped>x</style><table class='dataframe'><tr><td>{NASTY}</td></tr></table></div>"
    return [
        v4.new_markdown_cell(f"# 3. A *title*\n\nProse {NASTY}"),
        v4.new_markdown_cell('## A figure\n\nWhat "it" shows:\n**lesions**, ![away](http://example.org/x.png)'),
        v4.new_code_cell(
            "secret_code()",
            outputs=[
                v4.new_output("display_data", {"image/png": png, "text/plain": "<Figure>"}),
                v4.new_output("display_data", {"text/html": frame, "text/plain": "frame"}),
                v4.new_output("display_data", {"text/markdown": f"*{NASTY}*", "text/plain": "markdown"}),
                v4.new_output("display_data", {"application/javascript": "alert(1)", "text/plain": "script"}),
                v4.new_output("display_data", widget),
                v4.new_output("stream", name="stderr", text="masked images: 10 %"),
                v4.new_output("stream", name="stdout", text="WARNING:tensorflow:5 out of the last 9 calls"),
                v4.new_output("stream", name="stdout", text=f"kept {NASTY}"),
            ],
        ),
    ]


def record(results, name, files, **changed):
    content = {
        "notebook": name,
        "commit": "0123456789abcdef",
        "uncommitted_changes": True,
        "created": "2026-01-02T03:04:05+00:00",
        "minutes": 2.5,
        "machine": {"system": "Linux", "processor": "x86_64", "cores": 7},
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "backend": "tensorflow",
        "devices": ["cpu:0"],
        "parameters": {"profile": "tiny", "seed": 41, "alpha": 0.215, "title": NASTY, "empty": ""},
        "sources": {"lib/one.py": "aaaa"},
        "inputs": {f"test {NASTY}": f"c0ffee{name}"},
        "outputs": {file: sha256(results / file) for file in files} | {"../../build/tiny/net.keras": f"beef{name}"},
    }
    (results / f"{name}.json").write_text(json.dumps(content | changed))


def make(folder):
    """(build, results) of a profile in which every label is a script."""
    build, results = folder / "build/tiny", folder / "paper_figures/tiny"
    build.mkdir(parents=True)
    results.mkdir(parents=True)
    figures = [picture(results / f"{stem}.png").name for stem in ("figure1", "trust", "some_new_one")]
    (results / "figure1.pdf").write_text("pdf")
    table = f"| a | b |\n|---|---|\n| {NASTY} | 1<br>*paper 2* |\n"
    (results / "table1.md").write_text(
        f"# Table 1\n\n{table}\n[click](http://example.org)\n\n## More\n\n### Rows\n\n{table}"
    )
    (results / "claims_03_table1.csv").write_text("claim\n")
    (results / "trust.md").write_text(f"# Trust\n\n{table}")
    (results / "claims.md").write_text(f"# Claims\n\n{table} <img src=http://example.org/y.png>\n")
    record(results, "03_table1", ["table1.md", "figure1.png", "figure1.pdf", "claims_03_table1.csv"])
    record(results, "09_verdict", ["trust.md", *figures[1:]], commit="", uncommitted_changes=False)
    claims = {
        name: {file: sha256(results / file)}
        for name, file in (("inputs", "claims_03_table1.csv"), ("outputs", "claims.md"))
    }
    (results / "claims.json").write_text(json.dumps(claims))
    for name in NOTEBOOKS:
        nbformat.write(v4.new_notebook(cells=cells(results / "trust.png")), build / f"{name}.ipynb")
    return build, results


@pytest.fixture(autouse=True, scope="module")
def whole():
    """No notebook of this made-up profile has two halves, but where a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "is_split", lambda notebook: False)
        yield


@pytest.fixture
def made(tmp_path):
    return make(tmp_path)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The same, for tests that only read: its page is written."""
    build, results = make(tmp_path_factory.mktemp("shown"))
    site.write_site("tiny", NOTEBOOKS, build, results)
    return build, results


@pytest.fixture(scope="module")
def pages(shown):
    return {path.stem: path.read_text() for path in (shown[0] / "site").glob("*.html")}


def test_nothing_is_loaded_and_nothing_runs(pages):
    assert set(pages) == {*NOTEBOOKS, "index"}
    for html in pages.values():
        tags = Reader(html).tags
        assert not {"script", "link", "iframe", "object", "embed", "base"} & {tag for tag, _ in tags}
        for tag, attributes in tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes)
            for value in (attributes[name] for name in LOADING & set(attributes)):
                assert tag == "img" and ":" not in value.removeprefix("data:image/png;base64,")
        assert "url(" not in html and "@import" not in html
    assert ("a", {"href": "http://example.org"}) in Reader(pages["index"]).tags  # a reader may follow links


def test_a_script_in_a_label_stays_text(pages):
    for name, places in (("index", 4 + 2 * 5), ("03_table1", 4 + 2)):  # tables; parameters and inputs of 5 artifacts
        assert Reader(pages[name]).text.count(NASTY) >= places and NASTY not in pages[name]


def test_every_figure_says_what_it_shows(pages):
    figures = {attributes["src"]: attributes for tag, attributes in Reader(pages["index"]).tags if tag == "img"}
    assert {src: one["alt"] for src, one in figures.items()} == {
        "figure1.png": site.ALTERNATIVES["figure1"],
        "trust.png": site.ALTERNATIVES["trust"],
        "some_new_one.png": "some new one, a figure of 09_verdict",
    }
    assert figures["trust.png"]["width"] == "96" and figures["trust.png"]["height"] == "48"
    for name in NOTEBOOKS:
        texts = [attributes["alt"] for tag, attributes in Reader(pages[name]).tags if tag == "img"]
        assert len(texts) == 1 and texts[0].startswith('A figure What "it" shows: lesions')


def test_each_artifact_says_where_it_comes_from(pages, shown):
    _, results = shown
    blocks = pages["index"].split('<details class="origin">')[1:]
    assert len(blocks) == 6  # three figures, Table 1, the claims, the verdict
    for file in ("figure1.png", "table1.md", "claims.md"):
        block = Reader(next(one for one in blocks if f"SHA-256 of {file}" in one).split("</details>")[0]).text
        for said in (
            sha256(results / file),
            "commit 0123456, with uncommitted changes; 2026-01-02; 2.5 minutes",
            "0123456789abcdef, with uncommitted changes",
            "2026-01-02T03:04:05+00:00",
            "Linux, x86_64, 7 cores; backend: tensorflow",
            "python 3.11.7, numpy 2.4.6",
            "alpha = 0.215",
            "c0ffee03_table1",
        ):
            assert said in block, (file, said)
        assert "Seed\n41\n" in block and "c0ffee09_verdict" not in block
    assert "commit unknown;" in next(one for one in blocks if "SHA-256 of trust.md" in one)
    assert "beef09_verdict" in pages["index"] and "build/tiny" not in pages["index"]


def test_the_page_holds_the_tables_and_its_links_lead_somewhere(pages, shown):
    folder = shown[0] / "site"
    tags = Reader(pages["index"]).tags
    targets = {attributes["href"] for tag, attributes in tags if tag == "a"} - {"http://example.org"}
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert {"03_table1.html", "09_verdict.html", "figure1.pdf", "03_table1.json"} <= targets
    for target in targets:
        assert target[1:] in ids if target[0] == "#" else (folder / target).is_file(), target
    assert pages["index"].count("<em>paper 2</em>") == 4 and "This is no clinical evidence." in pages["index"]
    assert "smoke run" not in pages["index"] and "<h4>Rows</h4>" in pages["index"]
    assert all(html.count("<table") == html.count('class="scroll" tabindex="0"><table') for html in pages.values())


def test_notebooks_are_shown_without_code_bars_and_widgets(pages):
    for name in NOTEBOOKS:
        for left_out in ("secret_code", "masked images", "WARNING", "interactive(", "model_id", "style scoped"):
            assert left_out not in pages[name]
        assert "kept" in pages[name]
    assert '<a href="03_table1.html">3. A *title*</a>' in pages["index"]


def test_a_smoke_run_says_so_on_every_page(made):
    assert all("smoke run: not a result" in path.read_text() for path in site.write_site("smoke", NOTEBOOKS, *made))


@pytest.mark.parametrize(
    "name", ["03_table1.ipynb", "09_verdict.json", "claims.json", "claims.md", "trust.md", "trust.png", "table1.md"]
)
def test_a_missing_piece_is_named_and_the_earlier_page_stays(made, name):
    build, results = made
    site.write_site("tiny", NOTEBOOKS, build, results)
    (build / "site/index.html").write_text("earlier")
    next(folder / name for folder in made if (folder / name).is_file()).unlink()
    with pytest.raises(FileNotFoundError, match=rf"tiny/{name} is missing: run make reproduce PROFILE=tiny"):
        site.write_site("tiny", NOTEBOOKS, build, results)
    assert (build / "site/index.html").read_text() == "earlier" and not list(build.glob("partial-*"))


def test_a_result_that_was_never_recorded_is_missed(made):
    record(made[1], "09_verdict", [])
    with pytest.raises(ValueError, match="No notebook has recorded trust.md: run make reproduce PROFILE=tiny"):
        site.write_site("tiny", NOTEBOOKS, *made)


def test_a_result_that_is_not_the_recorded_one_is_refused(made):
    picture(made[1] / "trust.png", size=(10, 10))
    with pytest.raises(ValueError, match="trust.png is not what was recorded: run make reproduce PROFILE=tiny"):
        site.write_site("tiny", NOTEBOOKS, *made)


def test_claims_made_from_other_results_are_refused(made):
    (made[1] / "claims_03_table1.csv").write_text("another claim\n")
    record(made[1], "03_table1", ["table1.md", "claims_03_table1.csv"])
    with pytest.raises(ValueError, match="claims.md was not made from the claims_03_table1.csv that is recorded"):
        site.write_site("tiny", NOTEBOOKS, *made)


def test_a_stop_while_writing_leaves_nothing_half_written(made, monkeypatch):
    build, _ = made
    site.write_site("tiny", NOTEBOOKS, *made)
    (build / "site/old.html").write_text("of an earlier version")
    before = {path.name: path.read_bytes() for path in (build / "site").iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(site.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        site.write_site("tiny", NOTEBOOKS, *made)
    assert {path.name: path.read_bytes() for path in (build / "site").iterdir()} == before
    assert not list(build.glob("partial-*"))
    monkeypatch.undo()
    site.write_site("tiny", NOTEBOOKS, *made)
    assert not (build / "site/old.html").exists()


def test_a_page_that_is_there_already_is_not_written_again(made):
    """As on a disk that is read-only."""
    build, results = made
    pages = site.write_site("tiny", NOTEBOOKS, build, results)
    times = {path: path.stat().st_mtime_ns for path in [build, *build.rglob("*")]}
    assert site.write_site("tiny", NOTEBOOKS, build, results) == pages
    assert {path: path.stat().st_mtime_ns for path in [build, *build.rglob("*")]} == times


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "3", '{"outputs": ', "{}", '{"inputs": null, "outputs": 3}', "\udcff", "[" * 99_999]
)
@pytest.mark.parametrize("name", ["03_table1.json", "09_verdict.json", "claims.json", "03_table1.ipynb"])
def test_what_cannot_be_read_is_named(made, name, text):
    build, results = made
    path = (build if name.endswith(".ipynb") else results) / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(
        ValueError, match=rf"tiny/{name} is no whole (record|notebook): run make reproduce PROFILE=tiny"
    ):
        site.write_site("tiny", NOTEBOOKS, build, results)
    assert not (build / "site").exists()


@pytest.mark.parametrize("key", sorted(records.OF_NOTEBOOK))
def test_a_record_that_lacks_something_is_named(made, key):
    build, results = made
    content = json.loads((results / "03_table1.json").read_text())
    for changed in ({name: value for name, value in content.items() if name != key}, content | {key: None}):
        (results / "03_table1.json").write_text(json.dumps(changed))
        with pytest.raises(ValueError, match="tiny/03_table1.json is no whole record: run make reproduce PROFILE=tiny"):
            site.write_site("tiny", NOTEBOOKS, build, results)


def test_tables_of_an_analysis_half_come_from_both_records_and_rows_lie_in_their_folder(made, monkeypatch):
    build, results = made
    monkeypatch.setattr(halves, "is_split", lambda notebook: notebook == "03_table1")
    with pytest.raises(FileNotFoundError, match=r"tiny/03_table1.analysis.json is missing: run make reproduce"):
        site.write_site("tiny", NOTEBOOKS, build, results)
    (results / "rows").mkdir()
    (results / "rows/drops.csv.xz").write_bytes(b"rows")
    tables, record_of_analysis = ["table1.md", "claims_03_table1.csv"], results / "03_table1.analysis.json"
    record(results, "03_table1", ["rows/drops.csv.xz"])
    content = json.loads((results / "03_table1.json").read_text())
    content = {name: value for name, value in content.items() if name not in ("minutes", "machine")}
    content |= {"half": "analysis half", "created": "2026-05-06T07:08:09+00:00"}
    content |= {"outputs": {name: sha256(results / name) for name in tables}}
    record_of_analysis.write_text(json.dumps(content))
    site.write_site("tiny", NOTEBOOKS, build, results)
    assert (build / "site/rows/drops.csv.xz").read_bytes() == b"rows"
    assert (build / "site/03_table1.analysis.json").read_text() == record_of_analysis.read_text()
    for name in ("index", "03_table1"):
        page = (build / f"site/{name}.html").read_text()
        assert "2026-05-06T07:08:09" in page and "2026-01-02T03:04:05" in page
        assert 'href="03_table1.analysis.json"' in page and "03_table1; commit" in page
    assert 'href="rows/drops.csv.xz"' in (build / "site/index.html").read_text()
    record_of_analysis.write_text("{}")
    with pytest.raises(ValueError, match="tiny/03_table1.analysis.json is no whole record"):
        site.write_site("tiny", NOTEBOOKS, build, results)


def test_a_cell_without_a_value_is_a_dash(tmp_path):
    frame = pd.DataFrame({"NaN of": [1.5, np.nan], "map": ["CAM", None]}).to_html()
    notebook = v4.new_notebook(cells=[v4.new_code_cell(outputs=[v4.new_output("display_data", {"text/html": frame})])])
    nbformat.write(notebook, tmp_path / "made.ipynb")
    page = site.write_notebook(tmp_path / "made.ipynb", tmp_path / "made.html").read_text()
    assert page.count("<td>–</td>") == 2 and "NaN of" in page and "<td>1.5</td>" in page
