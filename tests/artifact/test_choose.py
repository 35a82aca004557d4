"""make choose, end to end: a model made by plain Keras code and a folder of X-rays, with no code edited."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import psutil
import pytest
from keras import layers
from PIL import Image

from black_average_drop import cams, controls, files, lettering, networks
from black_average_drop.artifact import choose_settings, notebooks
from black_average_drop.choice import report
from black_average_drop.datasets import folder, phantoms
from black_average_drop.files import sha256


@pytest.fixture(scope="module")
def place(tmp_path_factory, copy_project):
    """A copy of the project, and next to it a saved Sequential with a nested backbone, and twenty X-rays."""
    root = copy_project(tmp_path_factory.mktemp("choose"), "lib", "notebooks")
    keras.utils.set_random_seed(3)
    backbone = keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, include_top=False, weights=None)
    parts = [keras.Input((64, 64, 3)), layers.Rescaling(1 / 127.5, -1), backbone, layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*parts, layers.Dense(2, "softmax")])
    kernel, bias = model.layers[-1].get_weights()
    kernel[:, 0] = -np.abs(kernel[:, 0])  # all that Grad-CAM can show of the first class is blank
    model.layers[-1].set_weights([kernel, bias])
    model.save(root / "outside.keras")
    folder.save_images(phantoms.radiographs(20, size=64), root / "x-rays")
    (root / "x-rays/normal").rename(root / "x-rays/<script>alert(1)<")
    return root


def start(place, *arguments):
    """The command in the copy, as a Popen with text pipes."""
    environment = os.environ | {"PYTHONPATH": str(place / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "black_average_drop.artifact", "choose", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=place, env=environment, preexec_fn=heed_signals, **pipes)


def heed_signals():
    """Also where the tests themselves run in the background, or under nohup, and signals are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def choose(place, *arguments):
    """Run the command in the copy; its exit code and what it printed."""
    process = start(place, *arguments)
    out, err = process.communicate()
    return process.returncode, out + err


@pytest.fixture(scope="module")
def chosen(place):
    arguments = ["--model", place / "outside.keras", "--data", place / "x-rays", "--set", "resamples=200"]
    names = "class_names=['<script>alert(1)<', pneumonia]"
    code, said = choose(place, *arguments, "--set", "batch_size=10 names=shown", "--set", names)
    assert code == 0, said
    return study(place, "outside-x-rays"), said


def study(place, name):
    """The one folder that a model and images of these names have."""
    (study_folder,) = (place / "build/choose").glob(f"{name}-????????")
    return study_folder


def test_it_ends_in_one_recommendation_and_a_warning(chosen):
    build, said = chosen
    text = (build / "recommendation.md").read_text()
    assert report.answer_of(text) in said
    for page in ("report.html", "report.pdf", "details.html"):
        assert f"build/choose/{build.name}/{page}" in said and (build / page).is_file()
    assert len(re.findall(r"By BAD take|do not tell the methods apart by BAD", text)) == 1
    assert "This is no clinical evidence." in text
    assert "**Doubtful:**" in text and "hardly vary" in text  # nobody has trained that model
    images = pd.read_csv(build / "images.csv")
    counted = images.filter(regex="^blank ").sum()
    assert counted["blank CAM"] >= 10 and "Blank maps" in text
    for name, count in counted[counted > 0].items():
        assert f"{name.removeprefix('blank ')} {count} of 20 (" in text


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
    text = (build / "your_data.json").read_text()
    record = json.loads(text)
    assert record["backend"] == keras.backend.backend() in record["versions"]
    assert record["inputs"]["outside.keras"] == sha256(place / "outside.keras")
    assert record["outputs"]["ranking.csv"] == sha256(build / "ranking.csv") and str(place) not in text
    assert record["parameters"]["model"] == "outside.keras" and record["parameters"]["resamples"] == 200


def test_report_and_details_are_one_page_each_and_escape_names(chosen):
    build, _ = chosen
    for name, images in (("details.html", 3), ("report.html", 2)):
        page = (build / name).read_text(encoding="utf-8")
        assert page.count('src="data:image/png;base64,') == images == len(re.findall(r"<img[^>]*alt=\S", page))
        assert "<script" not in page and not re.search(r'(src|href)="https?:', page)
        assert "no clinical evidence" in page
    page = (build / "details.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page and "another image" in page


def test_one_folder_a_patient_is_no_class_and_japanese_names_are_readable(place, tmp_path):
    """The model's file names its outputs; nobody says that the folders are these."""
    model = keras.saving.load_model(place / "outside.keras")
    networks.save(model, tmp_path / "named.keras", networks.Facts(class_names=["正常", "肺炎"]))
    drawn = phantoms.radiographs(8, size=64)
    for row, name in enumerate(["$x$.png", "b" * 100 + ".png", "c.png", "患者.png"] * 2):
        path = tmp_path / "clinic" / f"DOE_{row % 2}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.images([row])[0]).save(path if not path.exists() else path.with_stem(f"{path.stem}2"))
    arguments = [
        "--model",
        tmp_path / "named.keras",
        "--data",
        tmp_path / "clinic",
        "--set",
        "resamples=50 names=shown",
    ]
    code, said = choose(place, *arguments)
    assert code == 0, said
    build = study(place, "named-clinic")
    notice = "Sub-folders have 2 names, and nothing says that these are among the outputs"
    assert notice in (build / "recommendation.md").read_text()
    images = pd.read_csv(build / "images.csv")
    assert (images["explained"] == images["predicted"]).all()
    page = (build / "details.html").read_text(encoding="utf-8")
    assert notice in page and "label DOE_0" not in page
    assert lettering.in_picture(["肺炎"], "output")[1] == {} or "output 2: 肺炎" in page or "output 1: 正常" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "absent.keras"), "absent.keras is missing: name your model and images, MODEL=model.keras"),
        (("--model", ""), "MODEL is not given: name your model and images"),
        (("--data", "absent"), "absent is missing: name your model and images, DATA=folder"),
        (("--set", "most_image=3"), "your_data has no parameter 'most_image': choose from"),
        (("--set", "most_images=many"), "most_images is 'many', a str: a int is expected"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(place, chosen, arguments, message):
    given = {"--model": place / "outside.keras", "--data": place / "x-rays"} | {arguments[0]: arguments[1]}
    code, said = choose(place, *(part for pair in given.items() for part in pair))
    assert code == 1 and message in said


def cut_short(root):
    path = sorted((root / "x-rays").rglob("*.png"))[-1]
    path.write_bytes(path.read_bytes()[:300])


def with_a_weight_that_is_nan(root):
    model = keras.saving.load_model(root / "model.keras")
    model.layers[-1].set_weights([np.full_like(weight, np.nan) for weight in model.layers[-1].get_weights()])
    model.save(root / "model.keras")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            cut_short,
            r"1 of 4 images cannot be read, listed in \S+/unreadable\.csv: mend them, leave them out of the folder, or "
            r'set unreadable="leave out"\.',
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
    """Found by the notebook, after it has started, where an earlier run had left its results: those stay."""
    small_model.save(tmp_path / "model.keras")
    folder.save_images(phantoms.radiographs(4, size=64), tmp_path / "x-rays")
    spoil(tmp_path)
    build = place / "build/choose" / choose_settings.study(tmp_path / "model.keras", tmp_path / "x-rays", {})
    build.mkdir(parents=True)
    earlier = (
        "report.html",
        "recommendation.md",
        "ranking.csv",
        "your_data.json",
        "your_data.ipynb",
        "notes.txt",
    )
    for name in earlier:
        (build / name).write_text("of an earlier run")
    code, said = choose(place, "--model", tmp_path / "model.keras", "--data", tmp_path / "x-rays")
    stopped = re.search(
        rf"your_data stopped with ValueError: {sentence}\nThe traceback is in (\S+)\.$", said, re.MULTILINE
    )
    assert code == 1 and stopped and "Traceback" not in said, said
    cells = json.loads((place / stopped[1]).read_text())["cells"]
    raised = [out for cell in cells for out in cell.get("outputs", []) if out["output_type"] == "error"]
    assert len(raised) == 1 and re.fullmatch(sentence, raised[0]["evalue"]) and raised[0]["traceback"]
    made = {"your_data.failed.ipynb", "your_data.log", ".lock", "unreadable.csv"}
    left = {path.name for path in build.iterdir()} - made
    assert left == set(earlier) and {(build / name).read_text() for name in left} == {"of an earlier run"}


def test_how_images_are_shown_is_counted_and_what_is_dark_or_blank_is_named(place, tmp_path):
    """Four pictures of 8 bits, of which one is blank, and two of 12 bits in files of 16."""
    folder.save_images(phantoms.radiographs(6, size=64), tmp_path / "images")
    paths = sorted((tmp_path / "images").rglob("*.png"))
    for path in paths[:2]:
        with Image.open(path) as image:
            values = np.asarray(image)[..., 0].astype("uint16") * 16
        Image.fromarray(values).save(path)
    Image.new("RGB", (64, 64), "white").save(paths[-1])
    arguments = [
        "--model",
        place / "outside.keras",
        "--data",
        tmp_path / "images",
        "--set",
        "resamples=200 names=shown",
    ]
    code, said = choose(place, *arguments)
    assert code == 0, said
    build = place / re.search(r"build/choose/[^/]+(?=/report\.html)", said)[0]
    names = [path.relative_to(tmp_path / "images").as_posix() for path in paths]
    text = (build / "recommendation.md").read_text()
    assert f"1 of 6 images (`{names[-1]}`) is of one grey value alone and left out" in text and "5 images of" in text
    assert f"2 of 6 images (`{names[0]}`, `{names[1]}`) are shown over a range" in text and 'window="minmax"' in text
    shown = files.read_csv(build / "shown.csv")
    assert list(shown["id"]) == names and list(shown["shown"]) == ["full range"] * 2 + ["8 bits as they are"] * 4
    assert list(pd.read_csv(build / "images.csv")["id"]) == names[:-1]
    page = (build / "details.html").read_text(encoding="utf-8")
    for what, count in (("shown: full range", 2), ("shown: 8 bits as they are", 4), ("blank, left out", 1)):
        assert re.search(rf"<th>{what}</th>\s*<td>{count}</td>", page)


def test_feature_maps_that_go_negative_and_images_that_are_no_squares(place, tmp_path):
    """Like EfficientNet at its end; of the paper's methods CAM and Grad-CAM alone can be drawn, and are one map."""
    keras.utils.set_random_seed(4)
    parts = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 5, strides=8, activation="swish")]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")]
    keras.Sequential([keras.Input((None, None, 3)), *parts]).save(tmp_path / "swish.keras")
    folder.save_images(phantoms.radiographs(12, size=64), tmp_path / "images")
    arguments = ["--model", tmp_path / "swish.keras", "--data", tmp_path / "images", "--set", "resamples=50"]
    code, said = choose(place, *arguments, "--set", "batch_size=4 image_size=(48, 80)")
    assert code == 0, said
    build = study(place, "swish-images")
    text = (build / "recommendation.md").read_text()
    assert (
        "\nAlpha 0.2 was not chosen by maps: of CAM, Grad-CAM and Grad-CAM++ no two draw different maps here.\n" in text
    )
    share = re.search(
        r"\nOf the feature maps (\S+) % is negative \(by absolute value\): .+ replaces Grad-CAM\+\+ ", text
    )[1]
    page = (build / "details.html").read_text(encoding="utf-8")
    assert 1 < float(share) < 60 and f"<td>{share} %</td>" in page
    assert re.search(r"<th>images</th>\s*<td>48 x 80</td>", page)
    methods = set(pd.read_csv(build / "ranking.csv").query("not control")["map"])
    assert {"CAM", cams.POSITIVE_PART} <= methods and "Grad-CAM++" not in methods
    rows = pd.read_csv(build / "scores.csv")
    assert (rows["alpha"] == 0.2).all() and rows.loc[rows["method"] == cams.POSITIVE_PART, "drop"].between(0, 1).all()


def test_the_notebook_alone_stands_outside_of_every_profile():
    assert not set(notebooks.ALONE) & set(notebooks.ORDER)


QUICK = ("--set", "resamples=20 methods=[CAM] batch_size=4")


def test_two_at_once_do_not_take_each_others_place_though_their_names_are_the_same(place, small_model, tmp_path):
    """Two models and folders of the same names, run side by side; each report is of its own."""
    processes, records = {}, {}
    for number, name in enumerate(("one", "two")):
        root = tmp_path / name
        root.mkdir()
        small_model.layers[-1].bias.assign(np.ones(3) + number)
        small_model.save(root / "model.keras")
        folder.save_images(phantoms.radiographs(4, size=64, seed=number), root / "images")
        arguments = ["--model", root / "model.keras", "--data", root / "images", *QUICK]
        processes[name] = start(place, *arguments)
    for name, process in processes.items():
        out, err = process.communicate()
        assert process.returncode == 0, out + err
        build = (place / re.search(r"build/choose/\S+/report\.html", out)[0]).parent
        assert report.answer_of((build / "recommendation.md").read_text()) in out
        records[name] = json.loads((build / "your_data.json").read_text())
        assert records[name]["inputs"]["model.keras"] == sha256(tmp_path / name / "model.keras")
        for file, checksum in records[name]["outputs"].items():
            assert sha256(build / file) == checksum
    assert records["one"]["inputs"]["images"] != records["two"]["inputs"]["images"]


def test_a_new_run_takes_the_place_of_its_own_files_and_of_no_others(place, small_model, tmp_path):
    """Also where the model and the images lie in the very folder; what a killed run left half-written goes."""
    small_model.save(tmp_path / "model.keras")
    folder.save_images(phantoms.radiographs(4, size=64), tmp_path / "images")
    parameters = {"resamples": 20, "methods": ["CAM"], "batch_size": 4}
    build = place / "build/choose" / choose_settings.study(tmp_path / "model.keras", tmp_path / "images", parameters)
    (build / "images").mkdir(parents=True)
    (build / "notes.txt").write_text("the user's own")
    (build / "report.html").write_text("of an earlier run")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (build / f"partial-{ended.pid}-results").mkdir()
    (build / f"partial-{os.getpid()}-your_data.ipynb").write_text("of a process that lives")
    code, said = choose(place, "--model", tmp_path / "model.keras", "--data", tmp_path / "images", *QUICK)
    assert code == 0, said
    assert (build / "notes.txt").read_text() == "the user's own" and (build / "images").is_dir()
    assert "<title>" in (build / "report.html").read_text()
    assert [path.name for path in build.glob("partial-*")] == [f"partial-{os.getpid()}-your_data.ipynb"]


def test_folders_of_results_may_be_links_and_names_may_be_long_and_odd(small_model, tmp_path, copy_project):
    project, scratch = copy_project(tmp_path / "project {seed}", "lib", "notebooks"), tmp_path / "scratch"
    (scratch / "build").mkdir(parents=True)
    (scratch / "choose").mkdir()
    (project / "build").symlink_to(scratch / "build")
    (project / "build/choose").symlink_to(scratch / "choose")
    model, images = tmp_path / f"{'肺' * 70}{{x}}.keras", tmp_path / f"$(id) `id` '\"{'x' * 230}"
    small_model.save(tmp_path / "model.keras")
    (tmp_path / "model.keras").rename(model)
    folder.save_images(phantoms.radiographs(4, size=64), images)
    code, said = choose(project, "--model", model, "--data", images, *QUICK)
    assert code == 0, said
    assert (project / re.search(r"build/choose/\S+/report\.html", said)[0]).is_file() and list(
        (scratch / "choose").rglob("report.html")
    )


def test_a_link_that_leads_nowhere_is_said(place, small_model, tmp_path):
    small_model.save(tmp_path / "model.keras")
    folder.save_images(phantoms.radiographs(4, size=64), tmp_path / "images")
    name = choose_settings.study(tmp_path / "model.keras", tmp_path / "images", {})
    (place / "build/choose").mkdir(parents=True, exist_ok=True)
    (place / "build/choose" / name).symlink_to(tmp_path / "gone")
    code, said = choose(place, "--model", tmp_path / "model.keras", "--data", tmp_path / "images")
    (place / "build/choose" / name).unlink()
    assert code == 1 and re.search(rf"{name} cannot be read or written: File exists\. ", said), said


def command(process):
    """The command line of a process, "" once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def busy(place, tmp_path, small_model):
    """A run that is in its notebook, with the process of its kernel."""
    small_model.save(tmp_path / "model.keras")
    folder.save_images(phantoms.radiographs(60, size=64), tmp_path / "images")
    process = start(place, "--model", tmp_path / "model.keras", "--data", tmp_path / "images")
    while not (kernels := [one for one in psutil.Process(process.pid).children() if "ipykernel" in command(one)]):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    time.sleep(2)
    return process, kernels


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_kernel_too_and_the_sentence_promises_nothing(place, small_model, tmp_path, number):
    process, kernels = busy(place, tmp_path, small_model)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 1
    assert err.splitlines()[-1] == "Stopped: the same command begins again; what an earlier one wrote stays."
    assert "Traceback" not in err and not [one for one in kernels if one.is_running()]
    assert not list((place / "build/choose").glob(f"model-images-*/partial-{process.pid}-*"))


def test_a_kernel_that_the_system_ends_says_that_memory_may_have_run_out(place, small_model, tmp_path):
    process, kernels = busy(place, tmp_path, small_model)
    kernels[0].kill()
    out, err = process.communicate()
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        "your_data stopped because its kernel was ended from outside, out of memory, perhaps: close other programs, "
        "or set a smaller most_images or batch_size."
    )
