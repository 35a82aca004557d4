"""What make choose refuses before its notebook starts: one sentence, an exit code of 1, and nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from bad_cases import assert_says
from black_average_drop.artifact import choose_check, model_reading
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.datasets import folder, phantoms

CODE = """
import sys
from keras import layers


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


print('{"refused": "Code may print anything."}')
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, copy_project):
    """A copy of the project with models and images, in which Keras can only be imported if a variable says so."""
    root = copy_project(tmp_path_factory.mktemp("refused"), "lib", "notebooks")
    folder.save_images(phantoms.radiographs(4, size=64), root / "images")
    for number, (name, end) in enumerate({"good": layers.Dense(2, "softmax"), "tanh": layers.Dense(2, "tanh")}.items()):
        parts = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), end]
        model = keras.Sequential([keras.Input((32, 32, 3)), *parts], name=name)
        model.save(root / f"{name}.keras")
        inputs = keras.Input((32, 32, 3))
        age = layers.Dense(1, name="age")(layers.Flatten()(inputs))
        several = keras.Model(inputs, [model(inputs), age], name="two")
        several.save(root / f"two{number}.keras")
    own = {}
    exec(CODE, own)
    parts = [layers.Conv2D(4, 3, activation="relu"), own["Doubled"](), layers.GlobalAveragePooling2D()]
    keras.Sequential([keras.Input((32, 32, 3)), *parts, layers.Dense(2, "softmax")]).save(root / "own.keras")
    for name, text in {"doubled": CODE, "failing": f"{CODE}\nraise RuntimeError('no')", "nothing": ""}.items():
        (root / f"{name}.py").write_text(text)
    (root / "empty").mkdir()
    for kind, ids in {"maps": os.listdir(root / "images"), "others": ["other"], "coloured": ["normal"]}.items():
        for name in ids:
            (root / kind / "pen" / name).mkdir(parents=True)
    for image in (root / "images").rglob("*.png"):
        np.save(root / "maps/pen" / image.relative_to(root / "images").with_suffix(".npy"), np.eye(4))
    first = sorted((root / "images/normal").iterdir())[0].name
    Image.fromarray(np.eye(9, 9 * 3).reshape(9, 9, 3).astype("uint8")).save(root / "coloured/pen/normal" / first)
    (root / "without/keras").mkdir(parents=True)
    (root / "without/keras/__init__.py").write_text("raise SystemExit('Keras was imported')")
    return root


def choose(place, model, images, *settings, keras=False, code="", maps=""):
    """Exit code, standard output, the sentence on standard error."""
    paths = [str(place / "lib")] if keras else [str(place / "without"), str(place / "lib")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    given = ["--model", str(place / model), "--data", str(place / images), *(f"--set={one}" for one in settings)]
    given += [f"--code={place / code}", "--trust=yes"] if code else []
    given += [f"--maps={place / maps}"] if maps else []
    command = [sys.executable, "-m", "black_average_drop.artifact", "choose", *given]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.removesuffix("\n")


def files_of(place):
    return sorted(path for path in place.rglob("*") if "__pycache__" not in path.parts)


READING = "your_data: reading {model} and {images}\n"


@pytest.mark.parametrize(
    ("model", "images", "setting", "said", "progress"),
    [
        (
            "two0.keras",
            "images",
            "",
            'Model two has 2 outputs (good, age): choose one, such as output="good".',
            "",
        ),
        (
            "good.keras",
            "images",
            "image_size=[64,48]",
            "Model good takes images of 32 x 32 pixels, not 64 x 48: leave image_size out.",
            "",
        ),
        (
            "good.keras",
            "images",
            "held={age: 60}",
            "held names 'age', which is no input of model good: choose from ...",
            "",
        ),
        ("good.keras", "images", "alpha=1", "--set: your_data: alpha is 1: below 1 is expected, or 0 to ...", ""),
        (
            "good.keras",
            "images",
            "margin=2",
            "--set: your_data: margin is 2: a share between 0 and 1 ...",
            "",
        ),
        (
            "good.keras",
            "images",
            "margin=0",
            "--set: your_data: margin is 0: a share between 0 and 1 ...",
            "",
        ),
        (
            "good.keras",
            "empty",
            "",
            "{root}/empty holds no images: put them into it, or into sub-folders of classes, patients or splits.",
            READING,
        ),
        (
            "good.keras",
            "images",
            "labels=none.csv",
            "{root}/none.csv is missing: name a CSV with a column image, or leave labels out.",
            READING,
        ),
    ],
)
def test_what_files_and_settings_show_is_refused_without_keras(place, model, images, setting, said, progress):
    there = files_of(place)
    code, out, err = choose(place, model, images, setting)
    assert_says(err, said, place)
    assert code == 1 and out == progress.format(model=model, images=images) and files_of(place) == there


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ("others", "{root}/others holds no map of any image: name maps like the images, {root}/others/maps/...npy ..."),
        ("coloured", "{root}/coloured/pen/normal/...png is in colours, which say no values: save the map itself ..."),
    ],
)
def test_maps_are_refused_without_keras(place, maps, said):
    there = files_of(place)
    code, out, err = choose(place, "good.keras", "images", maps=maps)
    assert_says(err, said, place)
    assert code == 1 and out == READING.format(model="good.keras", images="images") and files_of(place) == there


def test_good_maps_are_not_refused(place, capsys):
    choose_check.check(place / "good.keras", place / "images", {"maps": str(place / "maps")})
    assert capsys.readouterr().out == READING.format(model="good.keras", images="images")


@pytest.mark.parametrize(
    ("model", "setting", "said"),
    [
        ("tanh.keras", "", "... tanh ..."),
        ("good.keras", "methods=[GradCAM]", "There is no method 'GradCAM': choose from ..."),
        (
            "good.keras",
            "preprocessing=ResNet5",
            "preprocessing is 'ResNet5': choose '', '0..1', '-1..1', '-1024..1024', 'imagenet' or a name in "
            "keras.applications.",
        ),
    ],
)
def test_what_keras_alone_can_tell_is_refused_before_the_notebook_starts(place, model, setting, said):
    there = files_of(place)
    code, out, err = choose(place, model, "images", setting, keras=True)
    assert_says(err, said, place)
    assert code == 1 and out == READING.format(model=model, images="images") and files_of(place) == there


def given(place, **changed):
    return default_parameters("your_data") | {"model": str(place / "good.keras")} | changed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "failing.py",
            f"{{root}}/failing.py failed in line {CODE.count(chr(10)) + 2} (RuntimeError: no): mend that code.",
        ),
        (
            "nothing.py",
            "{root}/own.keras needs the code of Doubled, which is not in the file: put layers of Keras's own in its "
            "place and save the model again, or name the file with that code, CODE=layers.py TRUST=yes.",
        ),
    ],
)
def test_code_that_does_not_help_is_refused_before_the_notebook_starts(place, code, said):
    there = files_of(place)
    exit_code, out, err = choose(place, "own.keras", "images", keras=True, code=code)
    assert_says(err, said, place)
    assert exit_code == 1 and out == READING.format(model="own.keras", images="images") and files_of(place) == there


def test_a_model_with_its_code_is_not_refused_and_the_code_runs_elsewhere(place):
    model = {"model": str(place / "own.keras")}
    assert model_reading.refusal(given(place, **model, code=str(place / "doubled.py"))) == ""
    assert model_reading.refusal(given(place, **model)).startswith(f"{place / 'own.keras'} needs the code of Doubled")
    assert "code_of_the_model" not in sys.modules


def test_a_good_model_is_not_refused(place, capsys):
    assert model_reading.refusal(given(place)) == ""
    choose_check.check(place / "good.keras", place / "images", {})
    assert capsys.readouterr().out == READING.format(model="good.keras", images="images")


def test_the_model_is_read_with_the_settings(place):
    """Each of them reaches Keras: a wrong one is refused."""
    for name in ("activation", "precision", "preprocessing"):
        assert f"{name} is 'wrong': choose" in model_reading.refusal(given(place, **{name: "wrong"}))
    assert "There is no method 'wrong'" in model_reading.refusal(given(place, methods=["wrong"]))
    assert "absent.keras is missing" in model_reading.refusal(given(place, model=str(place / "absent.keras")))


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "print('no JSON')",
        "print('{}')",
        "print('[1]')",
        "pass",
        "import sys; sys.stdin.close()",
    ],
)
def test_a_reader_that_fails_refuses_nothing(place, monkeypatch, tmp_path, code):
    """The notebook then says what is wrong."""
    (tmp_path / "failing_reader.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(choose_check, "_READER", "failing_reader")
    choose_check.check(place / "good.keras", place / "images", {})


def test_a_reader_ends_with_what_stops_the_wait(place, monkeypatch, tmp_path):
    """A folder that is refused, or an interrupt, does not leave it behind."""
    (tmp_path / "sleeping_reader.py").write_text(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(choose_check, "_READER", "sleeping_reader")

    def stop(*arguments, **settings):
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(choose_check, "check_folder", stop)
    with pytest.raises(KeyboardInterrupt):
        choose_check.check(place / "good.keras", place / "images", {})
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


def test_what_a_library_prints_is_passed_over():
    refused = json.dumps({"refused": "Model m is wrong: mend it."})
    assert choose_check._refusal(f"Downloading ...\n\n{refused}\n") == "Model m is wrong: mend it."
    assert choose_check._refusal("") == ""
