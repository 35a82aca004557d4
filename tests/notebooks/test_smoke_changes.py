"""What a second command does after a smoke run: run again what is stale, fail in a sentence, leave the rest."""

import pytest

from black_average_drop.artifact import notebooks
from smoke_project import edit_profile, run


@pytest.fixture(scope="module")
def project(projects):
    """The second run, so that the first stays as it was made."""
    return projects["second"]


def test_only_what_is_stale_runs_again(project, results):
    again = run(project, "run", "--profile", "smoke").stdout
    assert again.count("up to date") == len(notebooks.ORDER) and "running" not in again
    trained, table = (project / "build/smoke/general.keras").read_bytes(), (results / "table1.csv").read_bytes()
    edit_profile(project, "02_figure1", radiograph_rows=1)
    out = run(project, "run", "--profile", "smoke").stdout
    assert "01_train (smoke): up to date" in out and "02_figure1 (smoke): running" in out
    assert (project / "build/smoke/general.keras").read_bytes() == trained
    # A result that was changed by hand is made again, to the same bytes.
    (results / "table1.csv").write_text("altered")
    out = run(project, "run", "--profile", "smoke").stdout
    assert "02_figure1 (smoke): up to date" in out and "03_table1 (smoke), analysis half: running" in out
    assert out.count("running") == 1 and (results / "table1.csv").read_bytes() == table


def test_a_notebook_that_fails_leaves_its_traceback_and_no_result(project, results):
    table = (results / "table1.csv").read_bytes()
    edit_profile(project, "03_table1", ties="loose")
    done = run(project, "run", "--profile", "smoke")
    assert done.returncode == 1
    assert "03_table1 stopped with ValueError: ties is 'loose'" in done.stderr
    assert "build/smoke/03_table1.failed.ipynb" in done.stderr
    assert "ties is 'loose'" in (project / "build/smoke/03_table1.failed.ipynb").read_text()
    assert (results / "table1.csv").read_bytes() == table  # nothing half-written
    assert not list(project.glob("build/smoke/**/partial-*"))
    # The failed notebook has no stamp: it is not taken for up to date.
    assert "03_table1 (smoke): running" in run(project, "run", "--profile", "smoke").stdout
    edit_profile(project, "03_table1", ties="strict")
    assert run(project, "run", "--profile", "smoke").returncode == 0
    assert not (project / "build/smoke/03_table1.failed.ipynb").exists()


def test_a_notebook_that_leaves_early_is_not_taken_for_done(project, results):
    """sys.exit() in a cell is success for papermill; the results of the run before are still there."""
    script = project / "notebooks/02_figure1.py"
    before = script.read_text()
    script.write_text(
        before.replace(
            "# %% [markdown]\n# ## The maps", "# %%\nimport sys\n\nsys.exit(0)\n\n# %% [markdown]\n# ## The maps"
        )
    )
    done = run(project, "run", "--profile", "smoke")
    assert done.returncode == 1 and "02_figure1.ipynb is not what its script says: run make notebooks" in done.stderr
    assert run(project, "notebooks").returncode == 0
    done = run(project, "run", "--profile", "smoke")
    assert done.returncode == 1 and "02_figure1 ended without writing its results" in done.stderr
    assert not (project / "build/smoke/02_figure1.stamp.json").exists()
    script.write_text(before)
    run(project, "notebooks")
    assert "02_figure1 (smoke): done" in run(project, "run", "--profile", "smoke").stdout


@pytest.mark.parametrize(
    ("section", "parameters", "message"),
    [
        ("01_train", {"radiograph_epoch": 1}, "01_train has no parameter 'radiograph_epoch'"),
        (
            "01_train",
            {"radiograph_learning_rate": "1e-4"},
            "radiograph_learning_rate is '1e-4', a str: a float is expected",
        ),
        ("01_train", {"batch_size": 1.5}, "batch_size is 1.5, a float: a int is expected"),
        ("01_train", {"general_source": "imagenets"}, "general_source is 'imagenets': choose one of"),
        (
            "02_figure1",
            {"boxed_source": "imagenet"},
            "boxed_source is 'imagenet': leave it empty or name chestxray14 or",
        ),
        ("03_table1", {"data_root": "elsewhere"}, "03_table1 has no parameter 'data_root'"),
    ],
)
def test_wrong_parameters_stop_the_run_before_it_starts(project, section, parameters, message):
    path = project / "notebooks/profiles/smoke.yaml"
    before = path.read_text()
    edit_profile(project, section, **parameters)
    done = run(project, "run", "--profile", "smoke")
    path.write_text(before)
    assert done.returncode == 1 and message in done.stderr and done.stdout == ""
    assert done.stderr.count("\n") == 1  # one sentence, no traceback


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01_train: [", "smoke.yaml is no valid YAML"),
        ("01_train: 3", "must hold a section of parameters"),
        ("- 01_train", "must hold a section of parameters"),
        ("01_train: {}", "section '02_figure1' is missing or unknown"),
        ("extends: demmo", "There is no profile 'demmo'"),
        ("extends: paper_cpu", "extends paper_cpu: name a profile that extends none"),
        ("extends: smoke", "extends smoke: name a profile that extends none, and not smoke"),
    ],
)
def test_profiles_that_are_no_profiles_are_refused_in_a_sentence(project, text, message):
    path = project / "notebooks/profiles/smoke.yaml"
    before = path.read_text()
    path.write_text(text)
    done = run(project, "run", "--profile", "smoke")
    path.write_text(before)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_unknown_profile_and_missing_data_are_refused_in_a_sentence(project, tmp_path):
    done = run(project, "run", "--profile", "demmo")
    assert done.returncode == 1 and "There is no profile 'demmo'" in done.stderr and done.stderr.count("\n") == 1
    done = run(project, "run", "--profile", "laptop", "--data", str(tmp_path))
    assert done.returncode == 1 and "ILSVRC2012 is missing: pass DATA=" in done.stderr
    assert not (project / "paper_figures").exists()
