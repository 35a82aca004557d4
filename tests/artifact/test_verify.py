"""What make verify says of two notebooks' results and the claims when something is done to them."""

import datetime
import json
import subprocess
import sys

import pandas as pd
import pytest

from black_average_drop import files, rows
from black_average_drop.artifact import (
    claims_page,
    code_hashes,
    halves,
    notebooks,
    profiles,
    provenance,
    verify,
    versions,
)
from black_average_drop.datasets import catalogue, checksums
from black_average_drop.files import ROOT
from black_average_drop.paper import claims
from black_average_drop.statistics.trainings import Estimate

NEEDS = {"01_train": (), "03_table1": ("01_train",)}
SECTIONS = profiles.read_profile("smoke")


def record(folder, notebook, outputs, inputs):
    variables = halves.default_parameters(notebook) | SECTIONS[notebook] | {"profile": "smoke"}
    provenance.write_record(
        notebook, [folder / file for file in outputs], inputs, variables, folder, datetime.datetime.now()
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of results with its records, and a model in the build folder; trained on phantoms.

    Its notebooks have one half; `halved` below has results of one with two.
    """
    monkeypatch.setattr(halves, "is_split", lambda notebook: False)
    folder, build = tmp_path / "paper_figures/tiny", tmp_path / "build/tiny"
    folder.mkdir(parents=True)
    build.mkdir(parents=True)
    for path in (folder / "test.csv", folder / "table1.csv", build / "net.keras"):
        path.write_text(path.name)
    given = halves.default_parameters("01_train") | SECTIONS["01_train"]
    size = (given["image_size"],) * 2
    test = catalogue.load(given["radiograph_source"], "test", size, None, given["test_images"], given["seed"])
    images = {"radiographs, test": checksums.dataset_checksum(test), "weights, radiographs": "random"}
    record(folder, "01_train", ["test.csv", "../../build/tiny/net.keras"], images)
    measured = {"AUC": claims.Measured(Estimate(0.93, 0.92, 0.95, 0.5, 3), 20, "x")}
    part = claims.write_measured("03_table1", measured, folder, "smoke")
    inputs = {"net.keras": build / "net.keras", "drawn": "0" * 64}
    record(folder, "03_table1", ["table1.csv", part.name], inputs)
    claims_page.assemble(folder, "smoke")
    return folder


def states(folder, read_profile=profiles.read_profile):
    table = verify.table([folder], NEEDS, folder.parents[1] / "data", read_profile)
    # Of a file that one notebook wrote and another read, what is said of it where it was written.
    return {row.file.split("/")[-1]: (row.state, row.why) for row in table.iloc[::-1].itertuples()}


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_untouched_results_are_current_and_what_cannot_be_checked_is_said(folder):
    state_of = states(folder)
    assert state_of.pop("drawn") == ("not checkable", "a selection of images that only its notebook draws")
    assert {state for state, _ in state_of.values()} == {"current"}
    assert set(state_of) == {"test.csv", "net.keras", "radiographs, test", "table1.csv", "claims_03_table1.csv"} | {
        "claims.csv",
        "claims.md",
    }
    (folder.parents[1] / "build/tiny/net.keras").unlink()
    assert verify.table([folder], NEEDS, "nowhere", profiles.read_profile)["state"].tolist().count("not checkable") == 2


def test_one_table_tells_what_is_altered_missing_and_unrecorded(folder):
    (folder / "table1.csv").write_text("better numbers")
    (folder / "test.csv").unlink()
    (folder / "extra.png").write_text("who made this?")
    state_of = states(folder)
    assert state_of["table1.csv"][0] == "altered" and state_of["test.csv"][0] == "missing"
    assert state_of["extra.png"][0] == "unrecorded" and state_of["claims.md"][0] == "current"
    text = verify.text(verify.table([folder], NEEDS, "nowhere", profiles.read_profile))
    for state, file in (("altered", "table1.csv"), ("missing", "test.csv"), ("unrecorded", "extra.png")):
        assert sum(state in line and file in line for line in text.splitlines()) == 1
    assert text.splitlines()[-1].startswith("1 altered, 1 missing, 1 unrecorded, ")


def test_results_of_a_notebook_that_is_gone_stay_checkable_and_are_stale(folder):
    (gone,) = notebooks.GONE
    (folder / "old.csv").write_text("numbers")
    assert states(folder)["old.csv"][0] == "unrecorded" and f"{gone}.json" not in states(folder)
    made = {"old.csv": files.sha256(folder / "old.csv")}
    content = {"notebook": gone, "parameters": {"profile": "smoke"}, "inputs": {}, "outputs": made, "sources": {}}
    (folder / f"{gone}.json").write_text(json.dumps(content))
    assert states(folder)["old.csv"] == ("stale", f"changed since: notebooks/{gone}.py, which is gone")
    (folder / "old.csv").write_text("better numbers")
    assert states(folder)["old.csv"][0] == "altered"


def test_a_file_named_as_one_recorded_elsewhere_is_unrecorded(folder):
    for file in ("net.keras", "old/table1.csv"):  # recorded: ../../build/tiny/net.keras and table1.csv
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text("from somewhere")
    unrecorded = verify.table([folder], NEEDS, "nowhere", profiles.read_profile).query("state == 'unrecorded'")
    assert list(unrecorded["file"]) == ["net.keras", "old/table1.csv"]


def test_a_model_that_is_not_the_recorded_one_is_altered(folder):
    (folder.parents[1] / "build/tiny/net.keras").write_text("retrained")
    assert states(folder)["net.keras"] == ("altered", "not what was recorded")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sources": {"lib/black_average_drop/gone.py": "0"}}, "gone.py"),
        ({"sources": {}}, "notebooks/03_table1.py"),
        ({"lock": "0" * 64}, "requirements.lock"),
        ({"parameters": {"profile": "smoke", "seed": 99}}, "parameter seed"),
        ({"parameters": {"profile": "gone"}}, "profile gone, which is wrong or gone"),
        ({"inputs": {"net.keras": "1" * 64}}, "input net.keras"),
    ],
)
def test_results_made_otherwise_are_stale_and_say_why(folder, change, why):
    edit(folder / "03_table1.json", **change)
    state, said = states(folder)["table1.csv"]
    assert state == "stale" and said.startswith("changed since: ") and why in said
    assert states(folder)["test.csv"] == ("current", "")


def test_a_change_of_the_profile_or_of_the_images_makes_stale(folder):
    changed = SECTIONS | {"01_train": SECTIONS["01_train"] | {"batch_size": 7}}
    assert states(folder, lambda profile: changed)["test.csv"] == ("stale", "changed since: parameter batch_size")
    inputs = {"radiographs, test": "1" * 64}
    edit(folder / "01_train.json", inputs=inputs)
    assert states(folder)["test.csv"] == ("stale", "changed since: input radiographs, test")


def test_images_and_weights_that_are_not_here_are_not_checkable_and_others_make_stale(folder):
    inputs = {"radiographs, train": "1" * 64, "weights, radiographs": "2" * 64}
    parameters = json.loads((folder / "01_train.json").read_text())["parameters"]
    parameters |= {"radiograph_source": "chest_xray", "radiograph_weights": "weights/net.h5"}
    edit(folder / "01_train.json", inputs=inputs, parameters=parameters)
    state_of = states(folder)
    assert state_of["radiographs, train"] == state_of["weights, radiographs"]
    assert state_of["weights, radiographs"] == ("not checkable", "not on this machine: pass DATA=")
    weights = folder.parents[1] / "data/weights/net.h5"
    weights.parent.mkdir(parents=True)
    weights.write_text("others")
    assert "input weights, radiographs" in states(folder)["test.csv"][1]


def test_a_record_that_is_gone_or_broken_leaves_its_files_unrecorded(folder):
    (folder / "03_table1.json").unlink()
    state_of = states(folder)
    assert state_of["03_table1.json"] == ("missing", "there is no record, but claims.csv depends on it")
    assert state_of["table1.csv"][0] == "unrecorded"
    (folder / "01_train.json").write_text('{"outputs": ')
    state_of = states(folder)
    assert state_of["01_train.json"][0] == "altered" and state_of["test.csv"][0] == "unrecorded"


def test_a_record_that_another_depends_on_is_missing_and_one_that_none_does_is_not_made(folder):
    for path in folder.glob("claims*"):
        path.unlink()
    (folder / "01_train.json").unlink()
    state_of = states(folder)
    assert state_of["01_train.json"] == ("missing", "there is no record, but 03_table1 depends on it")
    assert state_of["claims.json"] == ("not made", "there is no record")
    (folder / "03_table1.json").unlink()
    assert {states(folder)[f"{name}.json"][0] for name in NEEDS} == {"not made"}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"x": 5}},
        {"outputs": ["table1.csv"]},
        {"sources": 5},
        {"sources": {"lib/black_average_drop/cams.py": None}},
        {"parameters": 5},
        {"parameters": {"profile": ["smoke"]}},
    ],
)
def test_a_record_of_another_shape_is_altered(folder, change):
    edit(folder / "03_table1.json", **change)
    assert states(folder)["03_table1.json"] == ("altered", "it is no record")
    (folder / "03_table1.json").write_text("[1]")
    assert states(folder)["03_table1.json"] == ("altered", "it is no record")


@pytest.mark.parametrize("change", [{"radiograph_weights": 5}, {"image_size": "64"}])
def test_a_parameter_of_another_type_makes_stale(folder, change):
    parameters = json.loads((folder / "01_train.json").read_text())["parameters"]
    edit(folder / "01_train.json", parameters=parameters | change)
    assert f"parameter {next(iter(change))}" in states(folder)["test.csv"][1]


def test_claims_put_together_from_other_parts_are_stale(folder):
    edit(folder / "claims.json", inputs={"claims_03_table1.csv": "0" * 64})
    assert states(folder)["claims.md"] == ("stale", "changed since: input claims_03_table1.csv")


@pytest.mark.parametrize("profile", ["", "tiny"])
def test_errors_end_the_command_and_stale_results_do_not(folder, monkeypatch, capsys, profile):
    for module in (verify, profiles):
        monkeypatch.setattr(module, "ROOT", folder.parents[1])
    monkeypatch.setattr(verify, "NEEDS", NEEDS)
    monkeypatch.setattr(profiles, "read_profile", lambda name: SECTIONS)
    monkeypatch.setattr(profiles, "results_folder", lambda name: name)
    monkeypatch.setattr(profiles, "result_folders", lambda: [folder])
    edit(folder / "03_table1.json", lock="")
    verify.check_results(profile, "nowhere")
    assert "stale" in capsys.readouterr().out
    (folder / "extra.png").write_text("")
    with pytest.raises(
        RuntimeError, match=r"^1 files are altered, missing or unrecorded, the first extra\.png: make"
    ) as e:
        verify.check_results(profile, "nowhere")
    assert "make tables only tables and claims" in str(e.value)


def test_without_a_profile_the_benchmark_is_checked_too(folder, monkeypatch, capsys):
    for module in (verify, profiles):
        monkeypatch.setattr(module, "ROOT", folder.parents[1])
    monkeypatch.setattr(verify, "NEEDS", NEEDS)
    monkeypatch.setattr(profiles, "result_folders", lambda: [folder])
    measured = folder.parent / "benchmark"
    measured.mkdir()
    names = ("benchmark.csv", "benchmark.md", "costs.md")
    outputs = {}
    for name in names:
        (measured / name).write_text(name)
        outputs[name] = files.sha256(measured / name)
    (measured / "benchmark.json").write_text(json.dumps({"inputs": {}, "outputs": outputs}))
    verify.check_results("", "nowhere")
    said = capsys.readouterr().out
    assert "costs.md" in said and said.endswith(" The benchmark is stale: make benchmark makes it again.\n")
    (measured / "costs.md").write_text("cheaper")
    with pytest.raises(RuntimeError, match=r"^1 files are altered, missing or unrecorded, the first costs\.md: make"):
        verify.check_results("", "nowhere")
    (measured / "benchmark.json").unlink()
    with pytest.raises(RuntimeError, match=r"^3 files are altered, missing or unrecorded, the first benchmark\.csv: "):
        verify.check_results("", "nowhere")


def test_without_a_profile_the_comparison_with_other_libraries_is_checked_too(tmp_path):
    made = tmp_path / "peers"
    made.mkdir()
    (made / "maps.csv").write_text("maps")
    now = {"sources": code_hashes.folder_sources("peers"), "lock": files.sha256(versions.LOCK)}
    outputs = {"maps.csv": files.sha256(made / "maps.csv")}
    for changes, state in (
        ({}, "current"),
        ({"sources": now["sources"] | {"peers/equations.py": ""}}, "stale"),
        ({"outputs": {"maps.csv": ""}}, "altered"),
    ):
        record = {"inputs": {}, "outputs": outputs} | now | changes
        (made / "peers.json").write_text(json.dumps(record))
        found = verify.further(tmp_path)
        assert list(found["state"]) == [state] and list(found["file"]) == ["maps.csv"]
        again = "The comparison with other libraries is stale: make peers makes it again."
        assert (again in verify.text(found)) == (state == "stale")
    assert found["why"].item() == "not what was recorded"


def test_no_results_are_no_success(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="There are no results: run make reproduce PROFILE=smoke"):
        verify.check_results("smoke", "nowhere")


def test_every_committed_result_is_as_recorded(monkeypatch):
    monkeypatch.setattr(verify, "_images", lambda record, data_root: {})  # thousands of phantoms, which are inputs
    folders = profiles.result_folders()
    table = verify.table(folders, notebooks.NEEDS, "nowhere", profiles.read_profile)
    table = pd.concat([table, verify.further(ROOT / "paper_figures")])
    wrong = table[table["state"].isin(verify.ERRORS)]
    assert [folder.name for folder in folders] == ["demo", "laptop", "paper", "rsna"]
    assert table["state"].isin(("current", "stale")).sum() > 100
    assert not len(wrong), verify.text(wrong)


def test_make_verifies_every_committed_profile_unless_one_is_named():
    for arguments, said in ((), ' "--data=$DATA"'), (("PROFILE=laptop",), ' "--profile=$PROFILE" "--data=$DATA"'):
        done = subprocess.run(
            ["make", "-n", "--no-print-directory", "verify", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.stdout.split("artifact verify")[1].split() == said.split(), done.stdout


def test_verifying_waits_for_no_deep_learning():
    code = "import sys, black_average_drop.artifact.verify; print({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"


# A notebook with two halves.

BOTH = {"06_softmax": ()}


@pytest.fixture
def halved(tmp_path):
    """A folder of results of 06_softmax: rows with their record, a table with its own, and the claims.

    The rows are called as weights might be, which are looked for in the data folder.
    """
    folder = tmp_path / "paper_figures/tiny"
    path = rows.write_rows(pd.DataFrame({"blank": [True]}), "of_weights", folder, "smoke")
    record(folder, "06_softmax", ["rows/of_weights.csv.xz"], {})
    rows.read_rows("of_weights", folder)
    measured = {"softmax_kills": claims.Measured(Estimate(99, 98, 100, 0.5), 3, 20, "x")}
    outputs = [files.write_csv(pd.DataFrame({"a": [1]}), folder / "softmax.csv", "smoke")]
    outputs.append(claims.write_measured("06_softmax", measured, folder, "smoke"))
    variables = halves.default_parameters("06_softmax") | SECTIONS["06_softmax"] | {"profile": "smoke"}
    provenance.write_analysis("06_softmax", outputs, {path.name: path}, variables, folder)
    claims_page.assemble(folder, "smoke")
    return folder


def halves_of(folder, read_profile=profiles.read_profile):
    """(file -> state and why, the last line of what verify says)."""
    table = verify.table([folder], BOTH, folder, read_profile)
    state_of = {row.file: (row.state, row.why) for row in table.iloc[::-1].itertuples()}
    return state_of, verify.text(table).splitlines()[-1]


def test_rows_and_the_tables_that_were_made_of_them_are_current(halved):
    state_of, said = halves_of(halved)
    assert set(state_of) == {"rows/of_weights.csv.xz", "of_weights.csv.xz"} | {
        "softmax.csv",
        "claims_06_softmax.csv",
        "claims.csv",
        "claims.md",
    }
    assert {state for state, _ in state_of.values()} == {"current"} and said == "7 current."


def test_statistics_that_changed_leave_measurements_current_and_say_what_to_do(halved):
    edit(halved / "06_softmax.analysis.json", parameters={"profile": "smoke", "resamples": 3})
    state_of, said = halves_of(halved)
    assert state_of["softmax.csv"] == ("stale", "changed since: parameter resamples")
    assert state_of["rows/of_weights.csv.xz"] == ("current", "")
    folder = verify.os.path.relpath(halved, ROOT)
    assert said == (
        f"2 stale, 5 current. Rows in {folder} are current, their statistics are stale: make tables makes them again."
    )
    edit(halved / "06_softmax.analysis.json", sources={"lib/black_average_drop/statistics/gone.py": "0"})
    state_of, said = halves_of(halved)
    assert "statistics/gone.py" in state_of["softmax.csv"][1] and "analysis half" in state_of["softmax.csv"][1]
    assert "make tables makes them again" in said and "make reproduce" not in said
    edit(halved / "claims.json", sources={})
    assert halves_of(halved)[1].startswith("4 stale, 3 current. Rows in ")


def test_measurements_that_changed_leave_the_tables_of_these_rows_current(halved):
    changed = SECTIONS | {"06_softmax": SECTIONS["06_softmax"] | {"batch_size": 3}}
    state_of, said = halves_of(halved, lambda profile: changed)
    assert state_of["rows/of_weights.csv.xz"] == ("stale", "changed since: parameter batch_size")
    assert state_of["softmax.csv"] == ("current", "")
    folder = verify.os.path.relpath(halved, ROOT)
    assert said == (
        f"1 stale, 6 current. Rows in {folder} are stale: make reproduce makes them and their tables again."
    )


def test_tables_of_other_rows_are_stale(halved):
    rows.write_rows(pd.DataFrame({"blank": [False]}), "of_weights", halved, "smoke")
    assert halves_of(halved)[0]["rows/of_weights.csv.xz"][0] == "altered"
    record(halved, "06_softmax", ["rows/of_weights.csv.xz"], {})
    state_of, said = halves_of(halved)
    assert state_of["softmax.csv"] == ("stale", "changed since: input of_weights.csv.xz")
    assert state_of["rows/of_weights.csv.xz"] == ("current", "") and "make tables" in said


def test_results_from_before_the_halves_are_stale_and_no_error(halved):
    (halved / "06_softmax.analysis.json").unlink()
    rows.row_file("of_weights", halved).unlink()
    tables = ["softmax.csv", "claims_06_softmax.csv"]
    record(halved, "06_softmax", tables, {})
    edit(halved / "06_softmax.json", sources={"notebooks/06_softmax.py": "0"}, parameters={"profile": "smoke"})
    state_of, said = halves_of(halved)
    assert {state_of[name][0] for name in tables} == {"stale"} and "make tables" not in said
    assert state_of["06_softmax.analysis.json"] == ("not made", "there is no record")
    assert {state for state, _ in state_of.values()} == {"stale", "not made", "current"}


def test_a_record_of_measuring_that_is_lost_is_missed_by_its_analysis(halved):
    (halved / "06_softmax.json").unlink()
    state_of, _ = halves_of(halved)
    assert state_of["06_softmax.json"][0] == "missing" and state_of["rows/of_weights.csv.xz"][0] == "unrecorded"
