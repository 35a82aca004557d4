"""Several trainings of one recipe: as they were drawn, and none dropped."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from black_average_drop import networks
from black_average_drop.training import runs
from black_average_drop.training.drawn_settings import DrawnSettings, draw_settings
from training_examples import bright_and_dark

SHARED = {"image_size": (64, 64), "backbone": "small_cnn", "weights": "random", "dropout": 0.0, "balanced": False}
SHARED |= {"precision": "float32", "learning_rate": 1e-3, "head_epochs": 0, "head_learning_rate": 1e-3, "warm_up": 0.0}
SHARED |= {"class_names": ("dark", "bright"), "source": "squares", "profile": "demo", "seed": 0, "test_images": 12}


def finished(run, plan, folder, test):
    train, validation = bright_and_dark(16), bright_and_dark(8, 1)
    model, history = runs.fit_run(plan, folder / run.file, train, validation, None, 8)
    return model, runs.finish_run(plan, folder / run.file, model, history, test, 8)


def test_both_heads_of_a_number_have_the_settings_that_were_drawn():
    drawn = draw_settings(3, 4, 6)
    planned = runs.plan_runs(SHARED, drawn, {"relu": 4, "softmax": 2})
    assert list(planned) == [("radiographs", "relu", i) for i in range(4)] + [
        ("radiographs", "softmax", i) for i in (0, 1)
    ]
    for run, facts in planned.items():
        for name, value in asdict(drawn[run.training_seed]).items():
            assert getattr(facts, name) == value
        assert facts.activation == run.head and facts.training_seed == run.training_seed
        assert facts.source == "squares" and run.file == f"radiographs_{run.head}_{run.training_seed}.keras"
    (other,) = runs.plan_runs(SHARED, drawn, {"relu": 1}, "ResNet50")
    assert other.file == "ResNet50_relu_0.keras"


def test_a_run_leaves_its_model_and_rows(tmp_path):
    drawn = [DrawnSettings(0.7, 5, "light", epochs=2, patience=0), DrawnSettings(0.0, 6, "none", epochs=1, patience=1)]
    test, outcomes = bright_and_dark(12, 2), {}
    for run, plan in runs.plan_runs(SHARED, drawn, {"relu": 2, "softmax": 1}).items():
        model, outcomes[run] = finished(run, plan, tmp_path, test)
        again, facts = networks.load(tmp_path / run.file)
        assert facts == outcomes[run].facts and facts.epochs == drawn[run.training_seed].epochs
        expected = model.predict(test.images().astype("float32"), verbose=0)
        expected = expected if run.head == "relu" else np.log(expected)
        np.testing.assert_allclose(outcomes[run].margins, expected[:, 1] - expected[:, 0], rtol=1e-4, atol=1e-5)
        assert not outcomes[run].dead
    tables = runs.rows_of_runs(outcomes, test)
    trainings, history, scores = (tables[name] for name in ("trainings", "training_history", "test_scores"))
    assert list(trainings["augmentation"]) == ["light", "none", "light"] and list(trainings["head_start"]) == [
        0.7,
        0,
        0.7,
    ]
    assert list(trainings["trained_epochs"]) == [2, 1, 2] and list(trainings["class_1"]) == ["bright"] * 3
    assert len(history) == 5 and list(history.groupby(["head", "training_seed"])["chosen"].sum()) == [1, 1, 1]
    assert len(scores) == 36 and list(scores["label"][:12]) == list(test.labels)
    by_run = dict(list(scores.groupby(["data", "head", "training_seed"])["score"]))
    for run, outcome in outcomes.items():
        np.testing.assert_array_equal(by_run[tuple(run)], outcome.margins)


def test_a_finished_run_is_read_again(tmp_path, capsys):
    (run, plan), *_ = runs.plan_runs(SHARED, draw_settings(1, 1, 1), {"relu": 1}).items()
    test = bright_and_dark(12, 2)
    _, first = finished(run, plan, tmp_path, test)
    capsys.readouterr()
    _, second = finished(run, plan, tmp_path, test)
    assert "is of a training that is done" in capsys.readouterr().out
    np.testing.assert_array_equal(first.scores, second.scores)
    pd.testing.assert_frame_equal(first.history, second.history)


def test_a_head_that_died_stays_and_says_so(tmp_path, monkeypatch):
    """With a bias of -1 and a kernel of 0 no image has a score, before and after."""
    build = networks.build

    def dead(*given, **named):
        model = build(*given, **named)
        kernel, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([0 * kernel, bias - 2])
        return model

    monkeypatch.setattr(networks, "build", dead)
    drawn, test = [DrawnSettings(0.7, 5, "none", epochs=1, patience=0)], bright_and_dark(12, 2)
    ((run, plan),) = runs.plan_runs(SHARED, drawn, {"relu": 1}).items()
    _, outcome = finished(run, plan, tmp_path, test)
    assert outcome.dead and outcome.facts.test_quality == 0.5
    tables = runs.rows_of_runs({run: outcome}, test)
    assert list(tables["trainings"]["dead"]) == [True] and (tables["test_scores"]["score"] == 0).all()


def test_without_an_epoch_the_classifier_is_taken_as_it_comes(tmp_path, monkeypatch):
    made = networks.build("small_cnn", (64, 64), ("dark", "bright"), "softmax")
    asked = []
    monkeypatch.setattr(networks, "build_imagenet", lambda *given: asked.append(given) or made)
    plan = networks.Facts(**SHARED, epochs=0, activation="softmax", order_seed=4)
    model, history = runs.fit_run(plan, tmp_path / "general.keras", None, None, "weights", 8)
    assert model is made and asked == [("small_cnn", (64, 64), "weights")] and history.empty
    outcome = runs.finish_run(plan, tmp_path / "general.keras", model, history, bright_and_dark(12, 2), 8)
    assert (outcome.facts.chosen_epoch, outcome.facts.trained_epochs) == (0, 0) and not outcome.dead
    assert networks.load(tmp_path / "general.keras")[1] == outcome.facts
    assert outcome.scores.shape == (12, 2) and outcome.facts.test_quality == pytest.approx(0.5, abs=0.5)
