"""A training that is stopped goes on from its checkpoint, and no other training does."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from black_average_drop import networks, training
from black_average_drop.files import ROOT
from black_average_drop.training import augmentation, checkpoints, fitting
from training_examples import bright_and_dark, trained_fully


@pytest.fixture(scope="module")
def undisturbed():
    history, weights = trained_fully()
    assert 4 < len(history) < 11  # early stopping is at work: nothing is better than all images right
    return history, weights


KILLED = """
import os, signal, sys
sys.path.insert(0, "tests/training")
import numpy
from black_average_drop.training import batches, fitting, prediction
import training_examples

name, count = sys.argv[2], int(sys.argv[3])
places = {"as_pixels": (batches, prediction), "write_checkpoint": (fitting,), "savez": (numpy,)}[name]
original = getattr(places[0], name)
seen = []


def deadly(*arguments, **named):
    seen.append(1)
    if len(seen) == count:
        if name == "savez":  # half of the file is on the disk
            arguments[0].write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)


for place in places:
    setattr(place, name, deadly)
training_examples.trained_fully(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [("as_pixels", 4), ("as_pixels", 15), ("write_checkpoint", 3), ("as_pixels", 40), ("savez", 4)],
    ids=["first epoch", "head", "between the stages", "network", "while the checkpoint is written"],
)
def test_a_killed_training_ends_where_an_undisturbed_one_does(tmp_path, undisturbed, name, count):
    checkpoint = tmp_path / "training.checkpoint.npz"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, checkpoint, name, str(count)], cwd=ROOT, env=os.environ, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    before = checkpoint.is_file()
    assert before == (name != "as_pixels" or count > 4)
    epochs, one = [], fitting._pass_over
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_pass_over", lambda *all: epochs.append(1) or one(*all))
        history, weights = trained_fully(checkpoint)
    pd.testing.assert_frame_equal(history, undisturbed[0], check_exact=True)
    for weight, expected in zip(weights, undisturbed[1], strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert len(epochs) < len(history) if before else len(epochs) == len(history)


def test_a_finished_training_is_not_repeated_and_another_one_not_taken_for_it(
    tmp_path, undisturbed, monkeypatch, capsys
):
    checkpoint = tmp_path / "training.checkpoint.npz"
    trained_fully(checkpoint)
    epochs, one = [], fitting._pass_over
    monkeypatch.setattr(fitting, "_pass_over", lambda *all: epochs.append(1) or one(*all))
    capsys.readouterr()
    history, weights = trained_fully(checkpoint)
    assert not epochs and "is of a training that is done" in capsys.readouterr().out
    pd.testing.assert_frame_equal(history, undisturbed[0], check_exact=True)
    for weight, expected in zip(weights, undisturbed[1], strict=True):
        np.testing.assert_array_equal(weight, expected)
    history, _ = trained_fully(checkpoint, seed=1)
    assert "is of another training: starting again" in capsys.readouterr().out
    assert len(epochs) == len(history) and not history.equals(undisturbed[0])


def test_every_setting_tells_trainings_apart(monkeypatch, tmp_path):
    asked = []

    def key(model, training_images, validation, settings, augment):
        asked.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "training_key", key)
    model, data = networks.build("small_cnn", (64, 64), ("dark", "bright")), bright_and_dark(8)
    named = {"head_epochs": 13, "head_learning_rate": 0.17, "balanced": True, "patience": 19}
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, data, data, 11, 4, 0.16, 18, checkpoint=tmp_path / "c.npz", **named)
    assert set(asked[0]) >= {11, 4, 0.16, 18, 13, 0.17, True, 19}


@pytest.mark.parametrize(
    "content", [b"", b"half of a file", None], ids=["empty", "no archive", "archive without facts"]
)
def test_a_checkpoint_that_cannot_be_read_is_told_and_passed_over(tmp_path, capsys, content):
    path = tmp_path / "model.checkpoint.npz"
    path.write_bytes(content) if content is not None else np.savez(path, other=np.ones(3))
    model, data = networks.build("small_cnn", (64, 64), ("dark", "bright")), bright_and_dark(8)
    assert len(training.fit(model, data, data, 1, 8, 1e-3, checkpoint=path)) == 1
    assert capsys.readouterr().out == "model.checkpoint.npz cannot be read: starting again.\n"
    with np.load(path) as file:
        assert "facts" in file.files


def brighter(data):
    """The same ids and labels with other pixels."""
    return replace(data, read=lambda position: data.read(position) // 2 + 100)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 2e-3},
        {"augment": None},
        {"augment": augmentation.chosen_augmentation("light")},
        {"balanced": False},
        {"training": bright_and_dark(24)},
        {"model": ("small_cnn", (64, 64), ("dark", "bright"), "softmax")},
        {"first_weights": 1},
        {"training": brighter(bright_and_dark(48))},
    ],
    ids=["learning rate", "augmentation", "strength", "class weights", "images", "head", "first weights", "pixels"],
)
def test_checkpoint_key_tells_trainings_apart(change):
    def key(model, training_images, learning_rate, augment, balanced, first_weights):
        networks.make_deterministic(first_weights)
        return checkpoints.training_key(
            networks.build(*model), training_images, bright_and_dark(8, 1), [learning_rate, balanced], augment
        )

    usual = {
        "model": ("small_cnn", (64, 64), ("dark", "bright")),
        "training_images": bright_and_dark(48),
        "learning_rate": 1e-3,
        "augment": augmentation.radiograph,
        "balanced": True,
        "first_weights": 0,
    }
    changed = usual | {"training_images" if name == "training" else name: value for name, value in change.items()}
    assert key(**usual) == key(**usual) != key(**changed)


@pytest.mark.parametrize("module", ["batches", "checkpoints", "devices", "fitting", "prediction", "settings"])
def test_checkpoint_key_tells_trainings_of_other_code_apart(module, tmp_path, monkeypatch):
    networks.make_deterministic(0)
    model = networks.build("small_cnn", (64, 64), ("dark", "bright"))
    before = checkpoints.training_key(model, bright_and_dark(8), bright_and_dark(8, 1), [1e-3], None)
    copies = [shutil.copy(path, tmp_path) for path in checkpoints.CODE]
    monkeypatch.setattr(checkpoints, "CODE", copies)
    assert checkpoints.training_key(model, bright_and_dark(8), bright_and_dark(8, 1), [1e-3], None) == before
    with open(tmp_path / f"{module}.py", "a") as file:
        file.write("\n# a comment\n")
    assert checkpoints.training_key(model, bright_and_dark(8), bright_and_dark(8, 1), [1e-3], None) != before


def test_every_module_that_a_training_imports_from_its_package_is_in_the_key():
    """But recipes and drawn settings, whose values are among the settings, and what only comes before or after."""
    others = {
        "__init__",
        "assessment",
        "augmentation",
        "calls",
        "classifiers",
        "drawn_settings",
        "model_card",
        "recipes",
        "runs",
    }
    folder = checkpoints.CODE[0].parent
    assert {path.stem for path in folder.glob("*.py")} - others == {path.stem for path in checkpoints.CODE}
