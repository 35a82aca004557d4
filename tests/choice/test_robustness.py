"""The answer under small changes, against evaluations of the changed images, and against masks made by hand."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, evaluation, masks, metrics, networks, perturbation
from black_average_drop.choice import robustness
from black_average_drop.datasets import Dataset
from black_average_drop.statistics.which_best import OPEN, SAME, WORSE, Answer
from closeness import assert_close

METHODS = ("CAM", "Grad-CAM++", "Eigen-CAM")
ALPHA = 0.35


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


def answered(*words, means=None):
    """An answer that calls the METHODS by these words; `means` puts them in an order."""
    table = pd.DataFrame({"map": METHODS, "word": words, "mean": means or range(len(words))})
    return Answer(0.02, 10, table, pd.DataFrame(), pd.DataFrame())


def as_dataset(pixels):
    ids, count = np.arange(len(pixels)).astype(str), len(pixels)
    return Dataset(ids, np.zeros(count, int), ids, ("a",), (32, 32), np.arange(count), lambda place: pixels[place])


def measured(network, pixels, answers, drawn=None, names=METHODS, **given):
    methods = cams.chosen(names)
    first_pass = evaluation.explain_all(network, pixels, methods, 4)
    rows = evaluation.evaluate(network, pixels, methods, ALPHA, 4, first_pass=first_pass, drawn=drawn)
    inputs = as_dataset(pixels), lambda positions: 255 - pixels[positions], methods, drawn or {}, first_pass
    return rows, first_pass, robustness.measure_changes(network, *inputs, rows, answers, batch_size=4, **given)


def by_change(table, metric):
    return table[table["metric"] == metric].set_index("change")


def test_each_change_gives_what_an_evaluation_of_the_changed_images_gives(network, pixels):
    answers = {"BAD": answered(OPEN, OPEN, WORSE), "AD": answered(OPEN, OPEN, WORSE)}
    rows, first_pass, table = measured(network, pixels, answers)
    shifted = np.concatenate([pixels[:, :1], pixels[:, :-1]], axis=1)
    shifted = np.concatenate([shifted[:, :, :1], shifted[:, :, :-1]], axis=2)
    given = cams.chosen(METHODS), ALPHA, 4
    expected = {robustness.AS_MEASURED: rows}
    for change, new in ((robustness.SHIFTED, shifted), (robustness.RESIZED, 255 - pixels)):
        expected[change] = evaluation.evaluate(network, new, *given, classes=first_pass.classes)
    for change, alpha in ((robustness.SMALLER, 0.25), (robustness.LARGER, 0.45)):
        expected[change] = evaluation.evaluate(network, pixels, given[0], alpha, 4)
    for metric in ("BAD", "AD"):
        of_metric = by_change(table, metric)
        before = rows[rows["metric"] == metric].groupby("method")["drop"].mean()
        for change, drops in expected.items():
            if metric == "AD" and change in (robustness.SMALLER, robustness.LARGER):
                assert change not in of_metric.index  # AD knows no alpha
                continue
            means = drops[drops["metric"] == metric].groupby("method")["drop"].mean()
            assert of_metric.loc[change, "best"] == means.idxmin()
            assert_close(of_metric.loc[change, "drop"], means.min())
            assert_close(of_metric.loc[change, "moved"], (means - before).abs().max())
            assert_close(of_metric.loc[change, "apart"], abs(before["CAM"] - before["Grad-CAM++"]))


def test_the_mean_colour_takes_the_place_of_black(network, pixels):
    answers = {"BAD": answered(OPEN, OPEN, OPEN), "AD": answered(OPEN, OPEN, OPEN)}
    _, first_pass, table = measured(network, pixels, answers)
    fill = pixels.reshape(-1, 3).mean(axis=0)
    full = network.score(pixels)[1][np.arange(len(pixels)), first_pass.classes]
    for metric in ("BAD", "AD"):
        means = {}
        for name in METHODS:
            shown = first_pass.shown(name, (32, 32))
            faded = masks.fade(pixels, shown, fill)
            masked = masks.blacken(pixels, shown, ALPHA, fill=fill) if metric == "BAD" else faded
            scores = network.score(masked)[1][np.arange(len(pixels)), first_pass.classes]
            means[name] = metrics.average_drop(full, scores)
        row = by_change(table, metric).loc[robustness.MEAN_FILL]
        assert row["best"] == min(means, key=means.get)
        assert_close(row["drop"], min(means.values()))


def test_an_answer_survives_where_the_best_is_of_the_set_and_the_nearest_of_the_others_is_measured(network, pixels):
    rows, _, table = measured(network, pixels, {"BAD": answered(OPEN, SAME, WORSE)})
    means = rows[rows["metric"] == "BAD"].groupby("method")["drop"].mean()
    best = table["best"] == "Eigen-CAM"  # outside
    assert (table["survives"] != best).all() and table["outside"].all()
    words = {name: WORSE for name in METHODS} | {means.idxmax(): OPEN}
    order = [means[name] for name in METHODS]
    _, _, table = measured(network, pixels, {"BAD": answered(*words.values(), means=order)})
    row = by_change(table, "BAD").loc[robustness.AS_MEASURED]
    assert not row["survives"] and row["best"] == means.idxmin() and row["apart"] == 0
    assert robustness.in_question(answered(OPEN, WORSE, WORSE, means=[0.3, 0.2, 0.1])) == (["CAM"], ["Eigen-CAM"])


def test_maps_of_others_stay_and_an_alpha_that_is_none_is_left_out(network, pixels, monkeypatch):
    pen = np.random.default_rng(0).random((len(pixels), 8, 8), "float32")
    table = pd.DataFrame({"map": ["pen"], "word": [OPEN], "mean": [0.1]})
    answers = {"BAD": Answer(0.02, 10, table, table, table), "AD": None}
    monkeypatch.setattr(robustness, "STEP", 0.4)
    rows, first_pass, table = measured(network, pixels, answers, {"pen": pen})
    assert set(table["metric"]) == {"BAD"} and robustness.SMALLER not in set(table["change"])
    changed = evaluation.evaluate(
        network, 255 - pixels, cams.chosen(["CAM"]), ALPHA, 4, classes=first_pass.classes, drawn={"pen": pen}
    )
    expected = changed[(changed["metric"] == "BAD") & (changed["method"] == "pen")]["drop"].mean()
    assert_close(by_change(table, "BAD").loc[robustness.RESIZED, "drop"], expected)


def test_few_of_many_images_are_drawn_by_the_seed(network, pixels, monkeypatch):
    monkeypatch.setattr(robustness, "MOST", 3)
    answers = {"BAD": answered(OPEN, OPEN, OPEN)}
    drawn = [measured(network, pixels, answers, seed=seed)[2] for seed in (0, 0, 1)]
    assert (drawn[0]["images"] == 3).all() and drawn[0].equals(drawn[1]) and not drawn[0].equals(drawn[2])


def test_the_images_that_are_counted_are_those_that_the_network_sees(network, pixels):
    answers = dict.fromkeys(("BAD", "AD"), answered(OPEN, OPEN, OPEN))
    methods = cams.chosen(METHODS)
    first_pass = evaluation.explain_all(network, pixels, methods, 1)
    rows = evaluation.evaluate(network, pixels, methods, ALPHA, 1, first_pass=first_pass)
    seen, explain, score = [], network.explain, network.score
    network.explain = lambda images: seen.append(len(images)) or explain(images)
    network.score = lambda images: seen.append(len(images)) or score(images)
    inputs = as_dataset(pixels), lambda positions: 255 - pixels[positions], methods, {}, first_pass
    robustness.measure_changes(network, *inputs, rows, answers, batch_size=1)
    assert robustness.passes_of_changes(len(methods), len(pixels)) == sum(seen) == 10 * 26
    assert robustness.passes_of_changes(3, 1000) == 200 * 26


def test_maps_of_methods_that_ask_the_network_again_stay(network, pixels):
    drawn = []

    def rise(explanation):
        drawn.append(len(explanation.classes))
        return np.random.default_rng(1).random((len(explanation.classes), 8, 8), "float32")

    methods = cams.chosen(["CAM"]) | {"RISE": perturbation.Perturbing(rise, lambda explanation: 20)}
    first_pass = evaluation.explain_all(network, pixels, methods, 4)
    rows = evaluation.evaluate(network, pixels, methods, ALPHA, 4, first_pass=first_pass)
    drawn.clear()
    table = pd.DataFrame({"map": ["RISE"], "word": [OPEN], "mean": [0.1]})
    answers = {"BAD": Answer(0.02, 10, table, table, table)}
    inputs = as_dataset(pixels), lambda positions: 255 - pixels[positions], methods, {}, first_pass
    found = by_change(robustness.measure_changes(network, *inputs, rows, answers, batch_size=4), "BAD")
    kept = masks.blacken(255 - pixels, first_pass.shown("RISE", (32, 32)), ALPHA)
    of_classes = np.arange(len(pixels)), first_pass.classes
    full, masked = (network.score(images)[1][of_classes] for images in (255 - pixels, kept))
    assert not drawn
    assert_close(found.loc[robustness.RESIZED, "drop"], metrics.average_drop(full, masked))


def table_of(**columns):
    values = {
        "metric": "BAD",
        "change": ["one", "another"],
        "images": 9,
        "best": "CAM",
        "drop": 0.2,
        "moved": [0.1, 0.3],
    }
    return pd.DataFrame(values | {"apart": 0.05, "outside": True, "survives": True} | columns)


def test_what_is_said_of_the_changes():
    assert robustness.changes_in_words(table_of()) == (
        "Tried on 9 images: one and another. By BAD the answer survives: the best method stays in the set. The mean "
        "drop moves by up to 0.3 (another). That is more than the methods of the set differ (0.05)."
    )
    lost = robustness.changes_in_words(table_of(survives=[True, False], apart=0.4))
    assert "By BAD a method outside the set overtakes it under another (CAM is the best)." in lost
    assert "more than" not in lost
    assert "the set holds every method, so no change can overturn it" in robustness.changes_in_words(
        table_of(outside=False)
    )
    as_measured = table_of(change=robustness.AS_MEASURED)
    assert robustness.changes_in_words(as_measured) == robustness.changes_in_words(as_measured[:0]) == ""


def test_where_no_image_has_a_drop_nothing_is_measured(network, pixels):
    """Neither where no image has one, nor where those that are drawn have none."""
    network.scores = lambda logits: np.zeros_like(logits)
    answers = {"BAD": answered(OPEN, OPEN, OPEN)}
    table = measured(network, pixels, answers)[2]
    assert not len(table) and list(table.columns) == robustness.COLUMNS
    assert list(measured(network, pixels, {"BAD": None, "AD": None})[2].columns) == robustness.COLUMNS
