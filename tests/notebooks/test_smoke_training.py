"""What the training notebook leaves after a smoke run: models, their cards, and their test."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
from PIL import Image

from black_average_drop import networks
from black_average_drop.rows import read_rows
from black_average_drop.statistics import roc
from black_average_drop.training.drawn_settings import draw_settings


def test_training_leaves_models_that_can_be_used_again(project, results):
    runs = [(head, training) for head in ("relu", "softmax") for training in range(3)]
    files = {f"radiographs_{head}_{training}.keras": (head, 2) for head, training in runs}
    files["small_cnn_relu_0.keras"] = ("relu", 2)
    for file, (activation, classes) in (files | {"general.keras": ("softmax", 10)}).items():
        model, facts = networks.load(project / "build/smoke" / file)
        network = networks.CamNetwork.from_model(model)
        assert network.classes == classes == len(facts.class_names)
        assert network.image_size == facts.image_size == (64, 64)
        assert facts.activation == network.activation == activation
    history = pd.read_csv(results / "training.csv", comment="#")
    assert list(history["data"].unique()) == ["radiographs", "small_cnn", "general"]
    chosen = history.groupby(["data", "head", "training_seed"])["chosen"].sum()
    assert np.isfinite(history["loss"]).all() and list(chosen) == [1] * 8
    tests = pd.read_csv(results / "test.csv", comment="#")
    assert list(tests["images"]) == [20] * (7 * 5 + 1) and tests["value"].between(0, 1).all()
    scores = read_rows("test_scores", results)
    by_run = scores.groupby(["data", "head", "training_seed"], sort=False)
    by_hand = [roc.area_under_roc(part["label"], part["score"]) for _, part in by_run]
    np.testing.assert_allclose(tests.query("measure == 'AUC'")["value"], by_hand, atol=1e-4)
    kept = list(project.glob("build/smoke/*.checkpoint.npz"))  # a changed figure does not train again
    assert len(kept) == 8 + 1  # and the network of the marked phantoms
    for path in kept:
        with np.load(path) as file:
            assert json.loads(str(file["facts"]))["done"] and not any(name.startswith("optim") for name in file.files)


def test_a_card_stands_next_to_each_radiograph_model(project, results):
    for (data, head, training), part in read_rows("test_scores", results).groupby(["data", "head", "training_seed"]):
        card = (project / f"build/smoke/{data}_{head}_{training}.md").read_text()
        detected = ((part["score"] > 0) & (part["label"] == 1)).sum()
        assert f"| is pneumonia | {10 - detected} | {detected} |" in card and f"{head} scores" in card
        assert f"| AUC | {roc.area_under_roc(part['label'], part['score']):.3f} |" in card
    for name in ("learning_curves", "roc"):
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner


def test_trainings_are_those_that_were_drawn(project, results):
    """The same for both heads, in the models' facts as in the table, and each leads to other weights.

    A ReLU head whose scores stay above 0 has the gradients of a softmax head, so the two heads may give one network.
    """
    drawn = draw_settings(seed=0, count=3, epochs=8)
    trainings = pd.read_csv(results / "trainings.csv", comment="#").query("data == 'radiographs'")
    assert list(trainings["head"]) == ["relu"] * 3 + ["softmax"] * 3 and not trainings["dead"].any()
    kernels = {"relu": [], "softmax": []}
    for row in trainings.itertuples():
        model, facts = networks.load(project / "build/smoke" / row.file)
        for name, value in asdict(drawn[row.training_seed]).items():
            assert getattr(row, name) == value == getattr(facts, name)
        assert row.trained_epochs == facts.trained_epochs <= facts.epochs
        kernels[row.head].append(model.layers[-1].get_weights()[0])
    for of_head in kernels.values():
        for i, one in enumerate(of_head):
            assert all(np.abs(one - other).max() > 1e-3 for other in of_head[:i])
    scores = read_rows("test_scores", results)
    assert (scores.groupby("id").size() == 7).all() and scores["id"].nunique() == 20
