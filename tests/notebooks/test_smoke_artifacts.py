"""What a smoke run leaves as a whole: provenance, the page of results, and figures where they are made."""

import json
import re

from black_average_drop.artifact import notebooks, site
from black_average_drop.files import sha256
from smoke_project import run


def test_provenance_stands_next_to_every_artifact(project, results):
    named = set()
    for path in results.glob("[0-9]*.json"):
        record = json.loads(path.read_text())
        assert record["parameters"]["profile"] == "smoke"
        for name, checksum in record["outputs"].items():
            assert sha256(results / name) == checksum
            named.add((results / name).resolve())
    record = json.loads((results / "claims.json").read_text())
    for name, checksum in (record["inputs"] | record["outputs"]).items():
        assert sha256(results / name) == checksum
        named.add((results / name).resolve())
        assert str(project) not in json.dumps(record)
    assert {path for path in results.rglob("*") if path.is_file() and path.suffix != ".json"} <= named


def test_what_was_just_made_is_current_and_says_so(project):
    done = run(project, "verify", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    states = {line.split()[2] for line in done.stdout.splitlines()[1:-2]}
    assert states == {"current", "not"}  # not checkable: selections of images
    assert "radiographs, train" in done.stdout and "claims.csv" in done.stdout


def test_nothing_lands_outside_the_build_folder(project):
    assert not (project / "paper_figures").exists()
    assert not list(project.glob("build/smoke/**/partial-*"))


def test_the_results_page_holds_what_was_made(project, results):
    done = run(project, "report", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    pages = {path.stem: path.read_text() for path in (project / "build/smoke/site").glob("*.html")}
    assert set(pages) == {"index", *notebooks.ORDER}
    notebook, index = pages["03_table1"], pages["index"]
    assert "paper 0.7548" in notebook and "evaluation.evaluate(" not in notebook
    assert "masked images:" not in notebook and "<title>03_table1" in notebook
    assert not any("WARNING:tensorflow" in page for page in pages.values())
    assert all("smoke run: not a result" in page for page in pages.values())
    figures = {path.name for path in results.glob("*.png")}
    assert figures == {f"{stem}.png" for stem in site.ALTERNATIVES}
    assert figures == set(re.findall(r'<img src="([^"]+)" alt="[^"]+"', index))
    assert "paper 0.7548" in index and "This is no clinical evidence." in index
    for path in results.glob("[0-9]*.json"):
        record = json.loads(path.read_text())
        notebook = record["notebook"]
        assert f'href="{notebook}.html"' in index and record["created"] in pages[notebook]
        halves = [json.loads(half.read_text())["outputs"] for half in results.glob(f"{notebook}*.json")]
        on_index = any(re.search(r"png$|^claims_|^t(able1|rust)\.md$", file) for file in {**halves[0], **halves[-1]})
        assert on_index == (record["created"] in index)  # next to each figure and page is its origin
        assert all(checksum in index for checksum in record["outputs"].values())


def test_every_figure_is_shown_where_it_is_made(project):
    shown = {}
    for notebook in notebooks.ORDER:
        cells = json.loads((project / f"build/smoke/{notebook}.ipynb").read_text())["cells"]
        data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        shown[notebook] = sum("image/png" in one for one in data)
        assert not any("<Figure size" in "".join(one.get("text/plain", "")) for one in data if "image/png" not in one)
    assert shown == {
        "01_train": 2,
        "02_figure1": 1,
        "03_table1": 1,
        "04_alpha": 2,
        "05_identity": 1,
        "06_softmax": 1,
        "07_what_networks_use": 0,
        "08_maps_against_truth": 2,
        "09_verdict": 2,
    }
