"""Where a notebook is cut in two, what each half depends on, and what stays current when the other half changes."""

import datetime
import json

import pandas as pd
import pytest

from black_average_drop import files, rows
from black_average_drop.artifact import code_hashes, halves, provenance, records

SCRIPT = """# %% [markdown]
# # A title

# %% tags=["parameters"]
profile = "demo"
results = "../paper_figures/demo"
images = 100
resamples = 2000
threshold = 0.5
nobody = 1

# %%
from black_average_drop import masks

drops = [images, profile]

# %% [markdown] tags=["analysis"]
# ## From rows to sentences

# %%
from black_average_drop import metrics
from black_average_drop.statistics import patients

drops.query("drop > @threshold"), f"{resamples} {profile}"
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The path of a notebook "cut", and a function that has halves read it as at the start of a process."""
    path = tmp_path / "notebooks/cut.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    monkeypatch.setattr(halves, "NOTEBOOKS", path.parent)
    at_start = {halves.source_name("cut", half): halves.half_checksum("cut", half) for half in halves.HALVES}
    monkeypatch.setattr(halves, "HALVES_AT_START", at_start)
    return path


def test_the_halves_meet_at_the_tagged_cell_and_parameters_are_in_none(script):
    measuring, analysis = (halves.half_text("cut", half) for half in halves.HALVES)
    assert measuring.startswith("# %% [markdown]\n# # A title") and measuring.endswith("drops = [images, profile]\n\n")
    assert analysis.startswith('# %% [markdown] tags=["analysis"]') and "resamples = 2000" not in measuring + analysis
    assert halves.is_split("cut")


def test_each_parameter_belongs_to_the_half_that_names_it_and_one_that_nobody_names_was_measured_with(script):
    assert set(halves.parameters_of("cut", halves.MEASURING)) == {"profile", "results", "images", "nobody"}
    assert halves.parameters_of("cut", halves.ANALYSIS) == {"profile": "demo", "resamples": 2000, "threshold": 0.5}


def test_each_half_has_the_modules_that_it_imports(script):
    measuring, analysis = code_hashes.notebook_sources("cut"), code_hashes.analysis_sources("cut")
    assert {"lib/black_average_drop/masks.py", "notebooks/cut.py, measuring half"} <= set(measuring)
    assert {"lib/black_average_drop/metrics.py", "notebooks/cut.py, analysis half"} <= set(analysis)
    assert "lib/black_average_drop/statistics/patients.py" in analysis
    assert not [path for path in measuring if "statistics" in path or "metrics" in path]
    assert "lib/black_average_drop/masks.py" not in analysis


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("from rows to", "from rows  to", ()),
        ("From rows to sentences", "Other words", ("analysis",)),
        ("A title", "Another title", ("measuring",)),
        ("import metrics", "import cams", ("analysis",)),
        ("resamples = 2000", "resamples = 1000", ()),  # the record holds the value
    ],
)
def test_a_change_of_one_half_leaves_the_other_as_it_was(script, old, new, changed):
    before = code_hashes.notebook_sources("cut"), code_hashes.analysis_sources("cut")
    script.write_text(SCRIPT.replace(old, new))
    after = code_hashes.notebook_sources("cut"), code_hashes.analysis_sources("cut")
    pairs = zip(("measuring", "analysis"), before, after, strict=True)
    assert tuple(half for half, one, other in pairs if one != other) == changed


def test_a_half_that_was_edited_while_it_ran_is_named(script):
    made_from = code_hashes.analysis_sources("cut")
    assert code_hashes.changed_sources(made_from) == []
    script.write_text(SCRIPT.replace("import metrics", "import cams"))
    edited = "notebooks/cut.py, analysis half"
    assert code_hashes.changed_sources(code_hashes.analysis_sources("cut")) == [edited]
    assert code_hashes.changed_sources(code_hashes.notebook_sources("cut")) == []


# Records.


def analysed(folder, inputs, resamples=2000, outputs=("table.csv",)):
    for name in outputs:
        (folder / name).write_text(f"{resamples}")
    variables = {"profile": "demo", "results": str(folder), "images": 3, "resamples": resamples, "threshold": 0.5}
    return provenance.write_analysis("cut", [folder / name for name in outputs], inputs, variables, folder)


@pytest.fixture
def written(script, tmp_path):
    """A folder of results with rows that this process has read, and them by name."""
    folder = tmp_path / "results"
    path = rows.write_rows(pd.DataFrame({"drop": [0.25]}), "drops", folder, "demo")
    rows.read_rows("drops", folder)
    return folder, {path.name: path}


def test_a_record_of_analysis_holds_what_the_half_depends_on_and_stays_where_it_would_say_the_same(written):
    folder, inputs = written
    record = analysed(folder, inputs)
    path = folder / "cut.analysis.json"
    assert json.loads(path.read_text()) == record == records.of_analysis(path)
    assert record["half"] == "analysis half" and "minutes" not in record
    assert record["parameters"] == {"profile": "demo", "resamples": 2000, "threshold": 0.5}
    assert record["inputs"] == {"drops.csv.xz": files.sha256(inputs["drops.csv.xz"])}
    assert record["outputs"] == {"table.csv": files.sha256(folder / "table.csv")}
    assert record["sources"] == code_hashes.analysis_sources("cut") and record["lock"]
    before = path.stat().st_mtime_ns
    assert analysed(folder, inputs) == record and path.stat().st_mtime_ns == before
    assert analysed(folder, inputs, resamples=100) != record and path.stat().st_mtime_ns != before


def test_rows_that_were_replaced_after_they_were_read_end_the_analysis_without_a_table(written):
    folder, inputs = written
    rows.write_rows(pd.DataFrame({"drop": [0.5]}), "drops", folder, "demo")
    with pytest.raises(RuntimeError, match="drops.csv.xz changed after this began, and nothing is recorded"):
        analysed(folder, inputs)
    assert [path.name for path in folder.iterdir()] == ["rows"]
    rows.read_rows("drops", folder)
    assert analysed(folder, inputs)["inputs"]  # the remedy


def test_an_analysis_reads_results_alone_under_their_names(written, tmp_path):
    folder, inputs = written
    (tmp_path / "network.keras").write_text("weights")
    for wrong in (
        {"rows": inputs["drops.csv.xz"]},
        {"network.keras": tmp_path / "network.keras"},
        {"drops.csv.xz": "text"},
    ):
        with pytest.raises(ValueError, match="is no input of an analysis: give a file below .*results under its own"):
            analysed(folder, wrong)


def test_a_record_of_measuring_leaves_the_analysis_out(script, tmp_path):
    variables = {"profile": "demo", "results": "x", "images": 3, "resamples": 9, "threshold": 0.1, "nobody": 1}
    record = provenance.write_record("cut", [], {}, variables, tmp_path, datetime.datetime.now())
    assert record["parameters"] == {"profile": "demo", "images": 3, "nobody": 1}
    assert record["sources"] == code_hashes.notebook_sources("cut")
