from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from black_average_drop.networks import Facts
from black_average_drop.statistics.patients import Resampling
from black_average_drop.training import assessment

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORES = np.array([-3, -2, 1, -1, 2, 3, -1.5, 0.5, 4])


def test_summary_by_hand():
    curve, summary = assessment.assess(LABELS, SCORES, Resampling(np.arange(9), 50))
    values = summary.set_index("measure")["value"]
    assert values["sensitivity"] == 4 / 5 and values["specificity"] == 3 / 4 and values["accuracy"] == 7 / 9
    assert values["AUC"] == pytest.approx((4 + 4 + 2 + 3 + 4) / 20)
    at = curve.set_index("false_positive_rate")["sensitivity"]
    assert at[0.0] == 3 / 5 and at[0.25] == 4 / 5 and at[0.24] == 3 / 5 and at[1.0] == 1
    assert (summary["low"] <= summary["value"]).all() and (summary["value"] <= summary["high"]).all()


def test_intervals_resample_patients():
    """Ten copies of each image: as images the interval would shrink, as patients it stays what it was."""
    _, once = assessment.assess(LABELS, SCORES, Resampling(np.arange(9), 400))
    many = np.repeat(np.arange(9), 10)
    _, grouped = assessment.assess(LABELS[many], SCORES[many], Resampling(many, 400))
    _, loose = assessment.assess(LABELS[many], SCORES[many], Resampling(np.arange(90), 400))
    width = [(table["high"] - table["low"]).iloc[3] for table in (once, grouped, loose)]
    assert width[1] == pytest.approx(width[0], rel=0.1) and width[2] < 0.6 * width[0]


def test_confusion_counts_by_class_and_prediction():
    table = assessment.confusion([0, 0, 0, 1, 1, 1], [1, 2, -1, 1, 3, 0], ("normal", "pneumonia"))
    assert table.loc["is normal"].tolist() == [1, 2] and table.loc["is pneumonia"].tolist() == [1, 2]
    table = assessment.confusion([0, 0, 0, 1], [1, 2, -1, 1], ("normal", "pneumonia"))
    assert table.to_numpy().tolist() == [[1, 2], [0, 1]] and list(table.columns) == ["normal", "pneumonia"]


FACTS = Facts(
    profile="demo",
    backbone="small_cnn",
    weights="random",
    image_size=(64, 64),
    activation="relu",
    class_names=("normal", "pneumonia"),
    source="phantom radiographs",
    epochs=7,
    learning_rate=1e-3,
    head_epochs=0,
    head_learning_rate=2e-3,
    patience=0,
    chosen_epoch=3,
    trained_epochs=5,
    augmented=False,
    balanced=False,
    dropout=0.0,
    precision="float32",
    training_seed=11,
    seed=12,
)


def test_card_says_what_was_done_and_measured(tmp_path):
    _, summary = assessment.assess(LABELS, SCORES, Resampling(np.arange(9), 50))
    table = assessment.confusion(LABELS, SCORES, ("normal", "pneumonia"))
    counts = pd.DataFrame({"images": [9], "patients": [8]}, index=pd.Index(["test"], name="split"))
    plain = assessment.write_card(tmp_path / "card.md", FACTS, counts, summary, table, 17).read_text()
    assert "small_cnn, from random weights" in plain and "64 x 64 pixels" in plain
    assert "| Training | 7 epochs at most of the whole network, learning rate 0.001 |" in plain
    assert "epoch 3 of 5" in plain and "| Augmentation | none |" in plain and "11 (training)" in plain
    assert "| test | 9 | 8 |" in plain and "| is pneumonia | 1 | 4 |" in plain
    assert f"| sensitivity | 0.800 [{summary['low'].iloc[1]:.3f}, " in plain
    assert "normal where both are 0 (17 images)" in plain
    assert "no medical device" in plain and "Smoke" not in plain
    more = replace(FACTS, head_epochs=2, patience=4, augmented=True, balanced=True, profile="smoke")
    rich = assessment.write_card(tmp_path / "card.md", more, counts, summary, table, 0).read_text()
    assert "2 epochs of the head alone, learning rate 0.002; 7 epochs" in rich
    assert "stops after 4 epochs" in rich and "small turns" in rich and "weigh the same" in rich
    assert "Smoke run: not a result" in rich
