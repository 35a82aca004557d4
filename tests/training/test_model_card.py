from dataclasses import replace

import numpy as np
import pandas as pd

from black_average_drop.networks import Facts
from black_average_drop.training.model_card import write_card

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORES = np.array([-3, -2, 0, 1, 2, 3, -1.5, 0.5, 4])
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
    augmentation="none",
    head_start=0.0,
    order_seed=99,
    balanced=False,
    dropout=0.0,
    precision="float32",
    training_seed=11,
    seed=12,
)


def test_card_says_what_was_done_and_measured(tmp_path):
    counts = pd.DataFrame({"images": [9], "patients": [8]}, index=pd.Index(["test"], name="split"))
    plain = write_card(tmp_path / "card.md", FACTS, counts, LABELS, SCORES).read_text()
    assert "small_cnn, from random weights" in plain and "64 x 64 pixels" in plain
    assert "| Training | 7 epochs at most of the whole network, learning rate 0.001 |" in plain
    assert "epoch 3 of 5" in plain and "| Augmentation | none |" in plain
    assert "| Head at the start | a kernel of 0 |" in plain and "11 (training), 99 (its order), 12 (which" in plain
    assert "| test | 9 | 8 |" in plain and "| is pneumonia | 1 | 4 |" in plain and "| is normal | 3 | 1 |" in plain
    assert "| AUC | 0.850 |" in plain and "| sensitivity | 0.800 (4 of 5) |" in plain
    assert "| specificity | 0.750 (3 of 4) |" in plain and "| accuracy | 0.778 |" in plain
    assert "| specificity where no pneumonia is missed | 0.500 (2 of 4) |" in plain
    assert "normal where both are 0 (1 images)" in plain
    assert "no medical device" in plain and "Smoke" not in plain
    more = {"head_epochs": 2, "patience": 4, "augmentation": "light", "head_start": 0.7, "balanced": True}
    rich = write_card(tmp_path / "card.md", replace(FACTS, profile="smoke", **more), counts, LABELS, SCORES).read_text()
    assert "2 epochs of the head alone, learning rate 0.002; 7 epochs" in rich
    assert "stops after 4 epochs" in rich and "light: small turns" in rich and "weigh the same" in rich
    assert "a random kernel, spread 0.7" in rich and "Smoke run: not a result" in rich
