"""The notebooks: how they are written, and end to end on the smoke profile in a copy of the project."""

import ast
import json
import os
import re
import subprocess
import sys

import jupytext
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from scipy import stats

from bindings import rebound
from black_average_drop import controls, networks, statistics
from black_average_drop.artifact import notebooks, pipeline, profiles, provenance, site
from black_average_drop.files import NOTEBOOKS, sha256
from black_average_drop.paper import claims, sensitivity
from black_average_drop.trust import agreement, faithfulness, localization

SCRIPTS = sorted(NOTEBOOKS.glob("*.py"))
AFTER_TRAINING = notebooks.ORDER[1:]
KNOWN_TRUTH = notebooks.ORDER[-3:]
TRAINING = {"01_train", "07_what_networks_use"}
WITHOUT_FIGURES = {"03_table1", "07_what_networks_use"}  # the curve in 03_table1 is drawn by pandas


def test_every_notebook_is_in_the_order():
    assert tuple(script.stem for script in SCRIPTS) == notebooks.ORDER + notebooks.ALONE
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {*notebooks.ORDER, *notebooks.ALONE}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_and_stripped_notebook_are_alike(script):
    committed = script.with_suffix(".ipynb").read_text()
    assert notebooks.convert(script) == committed, "run make notebooks"
    source, stripped = jupytext.read(script), jupytext.read(script.with_suffix(".ipynb"))
    for one, other in zip(source.cells, stripped.cells, strict=True):
        assert (one.cell_type, one.source) == (other.cell_type, other.source)
        assert one.metadata.get("tags") == other.metadata.get("tags")
        assert other.cell_type == "markdown" or not other.outputs
    assert stripped.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_notebooks_read_like_an_article(script):
    cells = jupytext.read(script).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    for before, cell in zip(cells, cells[1:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", f"no prose before: {cell.source[:60]}"
            assert cell.source.count("\n") < 25
            defined = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
            assert not any(isinstance(node, defined) for node in ast.walk(ast.parse(cell.source)))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_name_stands_for_one_kind_of_thing_and_arguments_are_passed_one_by_one(script):
    source = script.read_text()
    assert source.count("\n") <= 300
    assert rebound(source) == {}
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert not [ast.unparse(call) for call in calls if any(isinstance(one, ast.Starred) for one in call.args)]


@pytest.mark.parametrize("profile", ["smoke", "demo", "laptop", "paper", "paper_cpu"])
def test_profiles_name_parameters_that_exist(profile):
    assert list(profiles.read_profile(profile)) == list(notebooks.ORDER)


def test_a_profile_that_extends_another_changes_what_it_names_and_nothing_else():
    smaller, whole = profiles.read_profile("paper_cpu"), profiles.read_profile("paper")
    own = yaml.safe_load((NOTEBOOKS / "profiles/paper_cpu.yaml").read_text())
    assert smaller["01_train"] == whole["01_train"] | own["01_train"] != whole["01_train"]
    assert {name: whole[name] | own.get(name, {}) for name in notebooks.ORDER} == smaller
    assert profiles.results_folder("paper_cpu") == "paper" and profiles.results_folder("demo") == "demo"


def test_a_smaller_version_does_not_take_the_place_of_the_profiles_own_results(tmp_path):
    record = tmp_path / "01_train.json"
    for own, asked in (("paper_cpu", "paper_cpu"), ("paper_cpu", "paper"), ("paper", "paper")):
        record.write_text(json.dumps({"parameters": {"profile": own}}))
        pipeline._check_results(asked, tmp_path)
    with pytest.raises(ValueError, match="paper_figures/paper holds results of the paper profile itself: move it away"):
        pipeline._check_results("paper_cpu", tmp_path)
    record.unlink()
    pipeline._check_results("paper_cpu", tmp_path)


@pytest.fixture
def keys(tmp_path, monkeypatch, copy_project):
    """The stamp keys of the laptop profile in a copy of the project, with a stand-in for its data; nothing is run."""
    copy_project(tmp_path, "lib", "notebooks", "requirements.lock")
    for folder in ("chest_xray", "ILSVRC2012", "nih-chest-xrays", "weights"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "mobilenet_v2_imagenet1001.weights.h5").write_text("x")
    for module in (pipeline, code_hashes):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (provenance, code_hashes):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(profiles, "PROFILES", tmp_path / "notebooks/profiles")

    def all_keys(outputs=None):
        sections = profiles.read_profile("laptop")
        first = {"01_train": {"general.keras": "1"}, "03_table1": {"table1.csv": "1"}}
        first |= {"07_what_networks_use": {"trust_images.csv": "1"}, "08_maps_against_truth": {"trust_truths.npz": "1"}}
        outputs = first | (outputs or {})
        return {name: pipeline.stamp_key(name, sections, tmp_path / "data", outputs) for name in notebooks.ORDER}

    return tmp_path, all_keys


def append(path, text="\n# a comment\n"):
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda root: append(root / "lib/black_average_drop/paper/tables.py"), {"03_table1"}),
        (lambda root: append(root / "lib/black_average_drop/figures.py"), {*notebooks.ORDER} - WITHOUT_FIGURES),
        (lambda root: append(root / "lib/black_average_drop/training/augmentation.py"), TRAINING),
        (
            lambda root: append(root / "lib/black_average_drop/trust/agreement.py"),
            {"08_maps_against_truth", "09_verdict"},
        ),
        (lambda root: append(root / "lib/black_average_drop/controls.py"), {"03_table1", *KNOWN_TRUTH}),
        (lambda root: append(root / "lib/black_average_drop/cams.py"), {*AFTER_TRAINING}),
        (lambda root: append(root / "lib/black_average_drop/paper/sensitivity.py"), {"04_alpha"}),
        (
            lambda root: append(root / "lib/black_average_drop/paper/claims.py"),
            {*AFTER_TRAINING} - {"02_figure1", *KNOWN_TRUTH},
        ),
        (lambda root: append(root / "lib/black_average_drop/datasets/sources/chest_xray.py"), set(notebooks.ORDER)),
        (lambda root: append(root / "notebooks/02_figure1.py"), {"02_figure1"}),
        (lambda root: append(root / "notebooks/03_table1.ipynb"), {"03_table1"}),
        (lambda root: append(root / "requirements.lock"), set(notebooks.ORDER)),
        (lambda root: append(root / "data/chest_xray/mobilenet_v2_imagenet1001.weights.h5"), set(notebooks.ORDER)),
        (lambda root: append(root / "data/weights/mobilenet_v2_imagenet1001.weights.h5"), set(notebooks.ORDER)),
        (
            lambda root: append(root / "data/nih-chest-xrays/mobilenet_v2_imagenet1001.weights.h5"),
            {"02_figure1", "04_alpha", *KNOWN_TRUTH},
        ),
        (lambda root: swap(root / "notebooks/profiles/laptop.yaml", "general_title: boxer", ""), {"02_figure1"}),
        (lambda root: swap(root / "notebooks/profiles/laptop.yaml", "epochs: 3", "epochs: 4"), {"01_train"}),
    ],
)
def test_a_change_makes_stale_what_depends_on_it_and_nothing_else(keys, change, stale):
    root, all_keys = keys
    before = all_keys()
    assert all_keys() == before
    change(root)
    after = all_keys()
    assert {name for name in before if before[name] != after[name]} == stale


def swap(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_new_outputs_make_stale_what_reads_them(keys):
    _, all_keys = keys
    before, after = all_keys(), all_keys({"01_train": {"general.keras": "2"}})
    assert {name for name in before if before[name] != after[name]} == {*AFTER_TRAINING}
    after = all_keys({"03_table1": {"table1.csv": "2"}})
    assert {name for name in before if before[name] != after[name]} == {"04_alpha"}
    after = all_keys({"08_maps_against_truth": {"trust_truths.npz": "2"}})
    assert {name for name in before if before[name] != after[name]} == {"09_verdict"}


def start(project, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "black_average_drop.artifact", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "lib")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project, *arguments):
    process = start(project, *arguments)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def edit_profile(project, notebook, **parameters):
    path = project / "notebooks/profiles/smoke.yaml"
    sections = yaml.safe_load(path.read_text())
    sections[notebook].update(parameters)
    path.write_text(yaml.safe_dump(sections))


# Where TensorFlow is not installed, importing it fails.
WITHOUT_TENSORFLOW = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""
# The whole recipe of a training, which the smoke profile leaves out, and one training with each head.
RECIPE = {"radiograph_head_epochs": 1, "radiograph_recipe": "full", "training_seeds": 1, "softmax_seeds": 1}


@pytest.fixture(scope="module")
def projects(tmp_path_factory, copy_project):
    """Copies of the project, the smoke profile run once in each, side by side: as it is, with the memory that the C
    library gives by itself (see `allocator`), and with the whole recipe on JAX where there is no TensorFlow."""
    folders, runs = {}, {}
    for name in ("first", "second", "jax"):
        folder = folders[name] = copy_project(tmp_path_factory.mktemp(name), "lib", "notebooks", "requirements.lock")
        more = {"GLIBC_TUNABLES": ""} if name == "second" else {}
        if name == "jax":
            edit_profile(folder, "01_train", **RECIPE)
            (folder / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
            more = {"KERAS_BACKEND": "jax", "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'lib'}"}
        runs[name] = start(folder, "run", "--profile", "smoke", **more)
    for name, process in runs.items():
        out, err = process.communicate()
        assert process.returncode == 0, name + out + err
        assert out.count("running") == len(notebooks.ORDER)
    return folders


@pytest.fixture(scope="module")
def project(projects):
    return projects["first"]


@pytest.fixture
def results(project):
    return project / "build/smoke/results"


def test_two_runs_from_nothing_give_the_same_tables_however_memory_is_kept(projects):
    """Before any other test has touched either."""
    first, second = (projects[name] / "build/smoke/results" for name in ("first", "second"))
    tables = {path.name: path.read_bytes() for path in [*first.glob("*.csv"), *first.glob("*.md")]}
    assert len(tables) > 15
    assert {name: (second / name).read_bytes() for name in tables} == tables


def test_the_whole_profile_runs_on_jax_without_tensorflow(projects):
    ours = projects["jax"] / "build/smoke/results"
    records = {
        name: json.loads((projects[name] / "build/smoke/results/01_train.json").read_text()) for name in projects
    }
    assert records["jax"]["backend"] == "jax" and records["first"]["backend"] == "tensorflow"
    assert records["jax"]["inputs"] == records["first"]["inputs"]  # the very same pixels
    history = pd.read_csv(ours / "training.csv", comment="#").query("data == 'radiographs'")
    assert (history.groupby("head")["stage"].first() == "head").all()
    assert set(history["stage"]) == {"head", "network"} and np.isfinite(history["loss"]).all()
    table = pd.read_csv(ours / "table1.csv", comment="#")
    assert table.query("images == 'all' and score == 'relu'")["AD"].between(0, 1).all()
    verdicts = pd.read_csv(ours / "claims.csv", comment="#").set_index("claim")
    assert verdicts.loc["identity", "verdict"] == "reproduced"
    assert verdicts.loc["radiographs_BAD", "trainings"] == 1  # no verdict on X-rays from one training
    assert "reproduced" not in verdicts.loc["radiographs_BAD", "verdict"]
    assert {path.name for path in ours.iterdir()} == {
        path.name for path in (projects["first"] / "build/smoke/results").iterdir()
    }


def test_training_leaves_models_that_can_be_used_again(project, results):
    runs = [(head, training) for head in ("relu", "softmax") for training in range(3)]
    files = {f"radiographs_{head}_{training}.keras": (head, 2) for head, training in runs}
    for file, (activation, classes) in (files | {"general.keras": ("softmax", 10)}).items():
        model, facts = networks.load(project / "build/smoke" / file)
        network = networks.CamNetwork.from_model(model)
        assert network.classes == classes == len(facts.class_names)
        assert network.image_size == facts.image_size == (64, 64)
        assert facts.activation == network.activation == activation
    history = pd.read_csv(results / "training.csv", comment="#")
    assert list(history["data"]) == ["radiographs"] * 8 * 6 + ["general"] * 2  # the epochs that the profile names
    chosen = history.groupby(["data", "head", "training_seed"])["chosen"].sum()
    assert np.isfinite(history["loss"]).all() and list(chosen) == [1] * 7
    tests = pd.read_csv(results / "test.csv", comment="#")
    assert list(tests["images"]) == [20] * (6 * 4 + 1) and tests["value"].between(0, 1).all()
    scores = pd.read_csv(project / "build/smoke/test_scores.csv", comment="#")
    by_hand = [
        statistics.area_under_roc(part["label"], part["score"]) for _, part in scores.groupby(["head", "training_seed"])
    ]
    np.testing.assert_allclose(tests.query("measure == 'AUC'")["value"], by_hand, atol=1e-4)
    kept = list(project.glob("build/smoke/*.checkpoint.npz"))  # a changed figure does not train again
    assert len(kept) == 7 + 1  # and the network of the marked phantoms
    for path in kept:
        with np.load(path) as file:
            assert json.loads(str(file["facts"]))["done"] and not any(name.startswith("optim") for name in file.files)


def test_a_card_stands_beside_each_radiograph_model(project, results):
    scores = pd.read_csv(project / "build/smoke/test_scores.csv", comment="#")
    for (head, training), part in scores.groupby(["head", "training_seed"]):
        card = (project / f"build/smoke/radiographs_{head}_{training}.md").read_text()
        found = ((part["score"] > 0) & (part["label"] == 1)).sum()
        assert f"| is pneumonia | {10 - found} | {found} |" in card and f"{head} scores" in card
        assert f"| AUC | {statistics.area_under_roc(part['label'], part['score']):.3f} [" in card
    for name in ("learning_curves", "roc"):
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner


def test_trainings_differ_by_their_seed_alone(project):
    """The seeds and heads lead to other weights, on the same images."""
    models = [networks.load(path)[0] for path in sorted(project.glob("build/smoke/radiographs_*.keras"))]
    kernels = [model.layers[-1].get_weights()[0] for model in models]
    for i, one in enumerate(kernels):
        assert all(np.abs(one - other).max() > 1e-3 for other in kernels[:i])
    scores = pd.read_csv(project / "build/smoke/test_scores.csv", comment="#")
    assert (scores.groupby("id").size() == 6).all() and scores["id"].nunique() == 20


def test_figure_is_drawn_with_its_banner(results):
    with Image.open(results / "figure1.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] > 1000
    top = pixels[:50]
    assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner
    assert (results / "figure1.pdf").read_bytes().startswith(b"%PDF")


def test_table_agrees_with_the_rows_it_was_made_from(project, results):
    table = pd.read_csv(results / "table1.csv", comment="#")
    assert (results / "table1.csv").read_text().startswith("# smoke run: not a result")
    assert set(table["data"]) == {"general", "radiographs"} and set(table["score"]) == {"relu", "softmax"}
    assert {"label pneumonia", "all"} <= set(table.query("data == 'radiographs'")["images"])
    assert len(table["method"].unique()) == 6
    for kind in ("general", "radiographs"):
        rows = pd.read_csv(project / f"build/smoke/rows_{kind}{'_0' * (kind == 'radiographs')}.csv.gz")
        assert len(rows) == 20 * 6 * 2
        whole = table.query("data == @kind and images == 'all' and score == 'relu'").set_index("method")
        for method, part in rows.groupby("method"):
            for metric in ("AD", "BAD"):
                chosen = part[part["metric"] == metric]
                assert whole.loc[method, metric] == pytest.approx(chosen["drop"].mean(), rel=1e-4, nan_ok=True)
                incorrect = 100 * (chosen["masked_class"] != chosen["class"]).mean()
                assert whole.loc[method, f"incorrect_{metric}"] == pytest.approx(incorrect)
                low, high = whole.loc[method, [f"{metric}_low", f"{metric}_high"]]
                assert np.isnan(whole.loc[method, metric]) or low <= whole.loc[method, metric] <= high
        assert whole.loc["Grad-CAM", "AD"] == whole.loc["CAM", "AD"] and whole.loc["Grad-CAM", "same_map_as"] == "CAM"
    assert r"\begin{tabular}" in (results / "table1.tex").read_text()


def test_claims_are_put_together_from_every_notebook(results):
    parts = pd.concat(pd.read_csv(path, comment="#") for path in results.glob("claims_*.csv"))
    assert set(parts["measured_in"]) == {"03_table1", "04_alpha", "05_identity", "06_softmax"}
    assert sorted(parts["claim"]) == sorted(claims.CLAIMS)  # each measured once
    table = pd.read_csv(results / "claims.csv", comment="#").set_index("claim")
    radiographs = [name for name in claims.CLAIMS if name.startswith(("radiographs", "incorrect", "softmax", "AUC"))]
    assert (table.loc[radiographs, "trainings"] == 3).all() and table.loc["identity", "verdict"] == "reproduced"
    text = (results / "claims.md").read_text()
    assert [line.split("**")[-2] for line in text.splitlines() if line.endswith("** |")] == list(table["verdict"])
    assert "smoke run: not a result" in text
    table1 = pd.read_csv(results / "table1.csv", comment="#").query("images == 'all' and score == 'relu'")
    found = table1.query("data == 'general' and method == 'Grad-CAM++'")["BAD_minus_CAM"].iloc[0]
    assert table.loc["general_BAD", "value"] == pytest.approx(found, abs=1e-5)


def test_alpha_notebook_agrees_with_table_1(project, results):
    band = pd.read_csv(results / "alpha_curve.csv", comment="#")
    anew = pd.read_csv(results / "alpha_anew.csv", comment="#").set_index("data")
    bad = pd.read_csv(results / "alpha_bad.csv", comment="#")
    for data, file in (("General images", "rows_general"), ("Radiographs", "rows_radiographs_0")):
        rows = pd.read_csv(project / f"build/smoke/{file}.csv.gz", dtype={"id": str})
        alpha = rows["alpha"].iloc[0]
        curve = band[band["data"] == data]
        # Read off at every thousandth: next to the peak of the exact curve the coarse one may top it by a hair.
        assert np.interp(alpha, curve["alpha"], curve["difference"]) == pytest.approx(1, abs=2e-3)
        assert curve["difference"].max() == 1
        assert (curve["low"] <= curve["difference"] + 1e-9).all() and (
            curve["difference"] <= curve["high"] + 1e-9
        ).all()
        assert anew.loc[data, "alpha_low"] <= anew.loc[data, "alpha_median"] <= anew.loc[data, "alpha_high"]
        steps = bad[(bad["data"] == data) & (bad["quantity"] == "CAM")]["alpha"]
        assert len(steps) == 20 and np.isclose(steps, alpha).any()  # 5 % to 95 % in steps of 5, and Table 1's
    choices = pd.read_csv(results / "alpha_choices.csv", comment="#")
    assert len(choices) == 2 * 2 * len(sensitivity.CHOICES)
    contrast = pd.read_csv(results / "alpha_contrast.csv", comment="#")
    assert list(contrast["exponent"].unique()) == [0.25, 0.5, 1, 2, 4]
    page = (project / "build/smoke/04_alpha.ipynb").read_text()
    assert "Pixels that BAD masks differently for any of the powers: 0" in page


def test_identity_holds_for_a_pooled_head_and_fails_for_others(results):
    found = pd.read_csv(results / "identity.csv", comment="#").set_index("network")
    assert len(found) == 4 and (found.to_numpy() < 1e-5).all()
    heads = pd.read_csv(results / "identity_heads.csv", comment="#").set_index("head")
    assert heads.loc["pooling, dense", "CAM and Grad-CAM, clipped"] < 1e-5
    for head in ("flatten, dense", "pooling, hidden, dense"):
        assert heads.loc[head, "CAM and Grad-CAM, clipped"] > 0.05
        assert heads.loc[head, "Grad-CAM++ normalised and CAM without negative weights"] > 0.05
    weights = pd.read_csv(results / "identity_weights.csv", comment="#")
    assert len(weights) == 10 + 3 * 2 and weights[["channels", "weight"]].to_numpy().max() <= 1


def test_softmax_notebook_reaches_the_papers_logits(results):
    steps = pd.read_csv(results / "softmax.csv", comment="#")
    last = steps.groupby("training").last()
    np.testing.assert_allclose(np.maximum(last["highest_logit"], -last["lowest_logit"]), 3215, rtol=1e-5)
    assert (last["blank"] == 100).all() and (last["negative_weights"] > 50).all()
    for name in ("alpha", "alpha_objections", "identity", "softmax"):
        assert (results / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner


def test_trust_notebook_judges_every_metric_by_every_truth(results):
    verdict = pd.read_csv(results / "trust.csv", comment="#")
    data = ["Object phantoms", "Lesion phantoms", "Marker phantoms", "Marker phantoms: the lesion, wrong"]
    assert list(verdict["data"].unique()) == data
    rows = len(localization.SCORES) * (len(faithfulness.DIRECTIONS) + 1) * len(agreement.MAPS)  # and the truth's own
    assert len(verdict) == len(data) * rows
    known = verdict.dropna(subset=["set"])
    assert len(known) > 100 and (known["set_low"] <= known["set_high"]).all()
    assert known[["set", "image", "set_low", "set_high"]].abs().max().max() <= 1
    assert set(verdict["fooled_by"].dropna()) <= set(controls.CONTROLS)
    with_controls = verdict["maps"] == agreement.MAPS[0]
    assert verdict[~with_controls]["fooled_by"].isna().all() and verdict[with_controls]["fooled_by"].notna().any()
    many = verdict[(verdict["truth"] == "hit") & with_controls].pivot(index="metric", columns="data", values="known")
    assert many["Object phantoms"]["ROAD"] == 4 and many["Object phantoms"]["Average Increase"] == 20
    # One cell again from what was written: the averages of the metric, the rates of hits, and scipy.
    averages = pd.read_csv(results / "trust_metrics.csv", comment="#").query("data == 'Object phantoms'")
    points = pd.read_csv(results / "trust_localization.csv", comment="#").query("data == 'Object phantoms'")
    points = points.query("images == 'all positives' and score == 'hit'").set_index("map")["value"].round(4)
    means = averages.query("metric == 'Average Increase'").set_index("map")["mean"].loc[points.index]
    expected = stats.kendalltau(means, points, variant="b").statistic
    of_objects = verdict[(verdict["data"] == data[0]) & with_controls].set_index(["truth", "metric"])["set"]
    assert of_objects["hit", "Average Increase"] == pytest.approx(expected, abs=1e-5)
    told = verdict[(verdict["data"] == data[0]) & verdict["telling"] & with_controls]
    assert told["truth"].nunique() == 1 and told.set_index("metric")["set"][agreement.TRUTH] > 0.9


def test_trust_notebook_agrees_with_theory_and_with_itself(results):
    theory = pd.read_csv(results / "trust_theory.csv", comment="#")
    assert (theory["AD of all ones"] == 0).all() and (theory["AD of Fake-CAM"] < 0.05).all()
    np.testing.assert_allclose(theory["BAD of all ones"], theory["drop of a black image"], atol=1e-4)
    same = pd.read_csv(results / "trust_same_maps.csv", comment="#").set_index(["data", "method"])
    for method, first in (("Grad-CAM", "CAM"), ("XGrad-CAM", "CAM"), ("HiRes-CAM", "CAM")):
        assert (same.xs(method, level=1)["same map as"] == first).all()
    assert (same["difference"] < 1e-4).all()
    points = pd.read_csv(results / "trust_localization.csv", comment="#")
    flat = points[points["map"] == "all ones"]
    hits = flat[flat["score"] != "hit_tolerant"]
    np.testing.assert_allclose(hits["value"], hits["chance"], atol=1e-4)  # a map that says nothing hits by chance
    assert "all positives" in set(points["images"]) and set(points["map"]) >= set(controls.CONTROLS)
    recall = pd.read_csv(results / "trust_recall.csv", comment="#")
    assert set(recall["area"]) == set(localization.AREAS) and recall[["seen", "chance"]].stack().between(0, 1).all()
    counted = (
        recall.query("images == 'all positives'").groupby(["data", "map", "area"])["lesions"].sum().groupby("data")
    )
    assert (counted.min() == counted.max()).all()
    differences = pd.read_csv(results / "trust_differences.csv", comment="#")
    told = differences.dropna(subset="p")
    assert (told["p_holm"] >= told["p"]).all() and "small lesions seen" in set(differences["quantity"])
    assert (told[["low", "high", "p_holm"]].notna().all(axis=1)).all() and differences["difference"].notna().any()
    sanity = pd.read_csv(results / "trust_sanity.csv", comment="#")
    eigen = sanity[(sanity["method"] == "Eigen-CAM") & (sanity["maps"] == "head randomised")]
    np.testing.assert_allclose(eigen["value"], 1, atol=1e-4)  # it does not know the head
    falls = pd.read_csv(results / "trust_falls.csv", comment="#").set_index(["data", "taken away"])
    assert len(falls) == 3 and falls.loc[("Marker phantoms", "marker"), "mean fall"] > 0


def test_trust_page_and_figures_say_that_a_smoke_run_is_none(results):
    page = (results / "trust.md").read_text()
    assert "smoke run: not a result" in page and "Grad-CAM++ touches" in page and "| AD |" in page
    for name in ("trust", "trust_maps", "trust_sanity"):
        assert (results / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner


def test_provenance_stands_beside_every_artifact(project, results):
    named = set()
    for notebook in notebooks.ORDER:
        record = json.loads((results / f"{notebook}.json").read_text())
        assert record["parameters"]["profile"] == "smoke"
        for name, checksum in record["outputs"].items():
            assert sha256(results / name) == checksum
            named.add((results / name).resolve())
    record = json.loads((results / "claims.json").read_text())
    for name, checksum in (record["inputs"] | record["outputs"]).items():
        assert sha256(results / name) == checksum
        named.add((results / name).resolve())
        assert str(project) not in json.dumps(record)
    assert {path for path in results.iterdir() if path.suffix != ".json"} <= named


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
    for notebook in notebooks.ORDER:
        record = json.loads((results / f"{notebook}.json").read_text())
        assert f'href="{notebook}.html"' in index and record["created"] in index
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
        "09_verdict": 1,
    }


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
    assert "02_figure1 (smoke): up to date" in out and "03_table1 (smoke): running" in out
    assert (results / "table1.csv").read_bytes() == table


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
        ("02_figure1", {"boxed_source": "imagenet"}, "boxed_source is 'imagenet': leave it empty or name chestxray14."),
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
