"""make choose, end to end: a model made by plain Keras code and a folder of X-rays, with no code edited."""

import json
import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from PIL import Image

from black_average_drop import cams, controls, figures, networks, pipeline
from black_average_drop.datasets import folder, phantoms
from black_average_drop.provenance import ROOT, sha256


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of the project, and beside it a saved Sequential with a nested backbone, and twenty X-rays."""
    root = tmp_path_factory.mktemp("choose")
    for part in ("lib", "notebooks"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
        shutil.copytree(ROOT / part, root / part, ignore=ignore)
    keras.utils.set_random_seed(3)
    backbone = keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, include_top=False, weights=None)
    parts = [keras.Input((64, 64, 3)), layers.Rescaling(1 / 127.5, -1), backbone, layers.GlobalAveragePooling2D()]
    keras.Sequential([*parts, layers.Dense(2, "softmax")]).save(root / "outside.keras")
    folder.save(phantoms.radiographs(20, size=64), root / "x-rays")
    (root / "x-rays/normal").rename(root / "x-rays/<script>alert(1)<")
    return root


def choose(place, *arguments):
    """Run the command in the copy; its exit code and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(place / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "black_average_drop.pipeline", "choose", *map(str, arguments)]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def chosen(place):
    arguments = ["--model", place / "outside.keras", "--data", place / "x-rays", "--set", "resamples=200"]
    names = "class_names=['<script>alert(1)<', pneumonia]"
    code, said = choose(place, *arguments, "--set", "batch_size=10", "--set", names)
    assert code == 0, said
    return place / "build/choose/outside-x-rays", said


def test_it_ends_in_one_recommendation_and_a_warning(chosen):
    build, said = chosen
    text = (build / "recommendation.md").read_text()
    assert text in said and "build/choose/outside-x-rays/report.html" in said
    assert len(re.findall(r"BAD recommends|do not tell the methods apart by BAD", text)) == 1
    assert "This is no clinical evidence." in text
    assert "**Doubtful:**" in text and "hardly vary" in text  # nobody has trained that model


def test_everything_is_written_as_csv_with_its_provenance(chosen, place):
    build, _ = chosen
    ranking = pd.read_csv(build / "ranking.csv")
    assert set(ranking.loc[ranking["control"], "map"]) == set(controls.CONTROLS)
    assert set(ranking.loc[~ranking["control"], "map"]) <= set(cams.METHODS)
    assert set(ranking["metric"]) == {"AD", "BAD"} and (ranking["images"] == 20).all()
    rows = pd.read_csv(build / "scores.csv")
    means = rows.groupby(["metric", "method"])["drop"].mean()
    np.testing.assert_allclose(ranking["drop"], [means[row.metric, row.map] for row in ranking.itertuples()], atol=1e-5)
    images = pd.read_csv(build / "images.csv")
    assert list(images["explained"]) == [0] * 10 + [1] * 10  # the label's class
    text = (build / "08_your_data.json").read_text()
    record = json.loads(text)
    assert record["inputs"]["outside.keras"] == sha256(place / "outside.keras")
    assert record["outputs"]["ranking.csv"] == sha256(build / "ranking.csv") and str(place) not in text
    assert record["parameters"]["model"] == "outside.keras" and record["parameters"]["resamples"] == 200


def test_the_report_is_one_page_that_escapes_names(chosen):
    build, _ = chosen
    page = (build / "report.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 3 == len(re.findall(r"<img[^>]*alt=\S", page))
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="https?:', page)
    assert "no clinical evidence" in page and "another image" in page


def test_one_folder_a_patient_is_no_class_and_japanese_names_are_readable(place, tmp_path):
    """The model's file names its outputs; nobody says that the folders are these."""
    model = keras.saving.load_model(place / "outside.keras")
    networks.save(model, tmp_path / "named.keras", {"class_names": ["正常", "肺炎"]})
    drawn = phantoms.radiographs(8, size=64)
    for row, name in enumerate(["$x$.png", "b" * 100 + ".png", "c.png", "患者.png"] * 2):
        path = tmp_path / "clinic" / f"DOE_{row % 2}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.images([row])[0]).save(path if not path.exists() else path.with_stem(f"{path.stem}2"))
    arguments = ["--model", tmp_path / "named.keras", "--data", tmp_path / "clinic", "--set", "resamples=50"]
    code, said = choose(place, *arguments)
    assert code == 0, said
    build = place / "build/choose/named-clinic"
    notice = "Sub-folders or labels have 2 names (DOE_0, DOE_1), and nothing says that these are among the 2 outputs"
    assert notice in (build / "recommendation.md").read_text()
    images = pd.read_csv(build / "images.csv")
    assert (images["explained"] == images["predicted"]).all()
    page = (build / "report.html").read_text(encoding="utf-8")
    assert notice in page and "label DOE_0" not in page
    assert figures.in_picture(["肺炎"], "output")[1] == {} or "output 2: 肺炎" in page or "output 1: 正常" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "absent.keras"), "absent.keras is missing: name your model and images, MODEL=model.keras"),
        (("--model", ""), "MODEL is not given: name your model and images"),
        (("--data", "absent"), "absent is missing: name your model and images, DATA=folder"),
        (("--set", "most_image=3"), "08_your_data has no parameter 'most_image': choose from"),
        (("--set", "most_images=many"), "most_images is 'many', a str: a int is wanted"),
        (("--set", "preprocessing=tanh"), "preprocessing is 'tanh': choose"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(place, chosen, arguments, message):
    given = {"--model": place / "outside.keras", "--data": place / "x-rays"} | {arguments[0]: arguments[1]}
    code, said = choose(place, *(part for pair in given.items() for part in pair))
    assert code == 1 and message in said
    if arguments == ("--set", "preprocessing=tanh"):  # the notebook had started: no file of an earlier run is left
        assert "08_your_data.failed.ipynb" in said
        assert {path.suffix for path in chosen[0].iterdir()} == {".ipynb", ".log"}


def cut_short(root):
    path = sorted((root / "x-rays").rglob("*.png"))[-1]
    path.write_bytes(path.read_bytes()[:300])


def with_a_patient_for_one(root):
    names = [path.relative_to(root / "x-rays").as_posix() for path in sorted((root / "x-rays").rglob("*.png"))]
    rows = [f"{name},{'p 7' if name == names[0] else ''}" for name in names]
    (root / "x-rays/labels.csv").write_text("\n".join(["image,patient", *rows]))


def with_a_weight_that_is_nan(root):
    model = keras.saving.load_model(root / "model.keras")
    model.layers[-1].set_weights([np.full_like(weight, np.nan) for weight in model.layers[-1].get_weights()])
    model.save(root / "model.keras")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (cut_short, r"\S+/x-rays/\S+\.png cannot be read as an image \(.+\): remove it or fetch it again\."),
        (
            with_a_patient_for_one,
            r"\S+/x-rays/labels\.csv: some images have a patient and some have none: give all of them one, or none\.",
        ),
        (
            with_a_weight_that_is_nan,
            r"The network gives a score that is NaN or infinite: train it again, or load another\.",
        ),
    ],
)
def test_what_is_bad_inside_is_said_where_the_traceback_is_and_leaves_no_result(
    place, small_model, tmp_path, spoil, sentence
):
    """Found by the notebook, after it has started, where an earlier run had left its results."""
    small_model.save(tmp_path / "model.keras")
    folder.save(phantoms.radiographs(4, size=64), tmp_path / "x-rays")
    spoil(tmp_path)
    build = place / "build/choose/model-x-rays"
    build.mkdir(parents=True, exist_ok=True)
    for name in ("report.html", "recommendation.md", "ranking.csv", "08_your_data.json", "08_your_data.ipynb"):
        (build / name).write_text("of an earlier run")
    code, said = choose(place, "--model", tmp_path / "model.keras", "--data", tmp_path / "x-rays")
    found = re.search(
        rf"08_your_data stopped with ValueError: {sentence}\nThe traceback is in (\S+)\.$", said, re.MULTILINE
    )
    assert code == 1 and found and "Traceback" not in said, said
    cells = json.loads((place / found[1]).read_text())["cells"]
    raised = [out for cell in cells for out in cell.get("outputs", []) if out["output_type"] == "error"]
    assert len(raised) == 1 and re.fullmatch(sentence, raised[0]["evalue"]) and raised[0]["traceback"]
    assert {path.name for path in build.iterdir()} == {"08_your_data.failed.ipynb", "08_your_data.log"}


def test_the_notebook_alone_stands_outside_of_every_profile():
    assert not set(pipeline.ALONE) & set(pipeline.ORDER)
