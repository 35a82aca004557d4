"""What the training notebook leaves after a smoke run: models, their cards, and their test."""

import json

import numpy as np
import pandas as pd
from PIL import Image

from black_average_drop import networks
from black_average_drop.statistics import roc


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
        roc.area_under_roc(part["label"], part["score"]) for _, part in scores.groupby(["head", "training_seed"])
    ]
    np.testing.assert_allclose(tests.query("measure == 'AUC'")["value"], by_hand, atol=1e-4)
    kept = list(project.glob("build/smoke/*.checkpoint.npz"))  # a changed figure does not train again
    assert len(kept) == 7 + 1  # and the network of the marked phantoms
    for path in kept:
        with np.load(path) as file:
            assert json.loads(str(file["facts"]))["done"] and not any(name.startswith("optim") for name in file.files)


def test_a_card_stands_next_to_each_radiograph_model(project, results):
    scores = pd.read_csv(project / "build/smoke/test_scores.csv", comment="#")
    for (head, training), part in scores.groupby(["head", "training_seed"]):
        card = (project / f"build/smoke/radiographs_{head}_{training}.md").read_text()
        detected = ((part["score"] > 0) & (part["label"] == 1)).sum()
        assert f"| is pneumonia | {10 - detected} | {detected} |" in card and f"{head} scores" in card
        assert f"| AUC | {roc.area_under_roc(part['label'], part['score']):.3f} [" in card
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
