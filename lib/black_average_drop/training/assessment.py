"""How well a classifier of two classes does on test images: ROC, confusion, intervals, and the model card."""

import numpy as np
import pandas as pd

from black_average_drop import wording
from black_average_drop.files import replacing
from black_average_drop.statistics import patients, roc

RATES = np.linspace(0, 1, 101)  # the false positive rates at which the ROC curve is given
RESAMPLES = 1000  # fewer than elsewhere: each of them takes the whole curve


def assess(labels, scores, resampling):
    """ROC curve and summary with 95 % intervals over patients.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,), above 0 where class 1 is predicted.
        resampling: a `patients.Resampling` of the N images. A resample with one class alone is left out.

    Returns:
        Two DataFrames. The curve has columns false_positive_rate, sensitivity, low and high. The summary has columns
        measure, value, low and high, and a row for each of AUC, sensitivity, specificity and accuracy (at score 0).
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)

    def statistic(rows):
        truth, score = labels[rows], scores[rows]
        if truth.all() or not truth.any():
            return np.full(4 + len(RATES), np.nan)
        right = (score > 0) == truth
        values = [roc.area_under_roc(truth, score), right[truth].mean(), right[~truth].mean(), right.mean()]
        return np.concatenate([values, roc.true_positive_rates(truth, score, RATES)])

    values = statistic(np.arange(len(labels)))
    low, high = patients.interval(patients.bootstrap(statistic, resampling))
    table = pd.DataFrame({"value": values, "low": low, "high": high})
    summary = table[:4].assign(measure=["AUC", "sensitivity", "specificity", "accuracy"])
    curve = table[4:].rename(columns={"value": "sensitivity"}).assign(false_positive_rate=RATES)
    curve = curve[["false_positive_rate", "sensitivity", "low", "high"]].reset_index(drop=True)
    return curve, summary[["measure", "value", "low", "high"]]


def confusion(labels, scores, class_names):
    """Counts of images by class and prediction.

    A score of exactly 0, where both scores of a ReLU head are 0, counts as class 0. The card says how many there are.

    Args:
        labels: (N,), 0 or 1.
        scores: (N,), above 0 where class 1 is predicted.
        class_names: the names of the two classes.

    Returns:
        A DataFrame, a row for each class and a column for each prediction.
    """
    predicted = (np.asarray(scores) > 0).astype(int)
    counts = np.zeros((2, 2), int)
    np.add.at(counts, (np.asarray(labels), predicted), 1)
    return pd.DataFrame(counts, index=[f"is {name}" for name in class_names], columns=list(class_names))


def write_card(path, facts, counts, summary, table, silent):
    """Write the model card of a classifier as Markdown.

    Args:
        path: of the file.
        facts: the `networks.Facts` of the classifier.
        counts: a DataFrame of images and patients by split.
        summary: of `assess`, for the test images.
        table: of `confusion`, for the test images.
        silent: how many test images have both scores 0.

    Returns:
        The path.
    """
    how = [f"{facts.epochs} epochs at most of the whole network, learning rate {facts.learning_rate:g}"]
    if facts.head_epochs:
        how.insert(0, f"{facts.head_epochs} epochs of the head alone, learning rate {facts.head_learning_rate:g}")
    if facts.patience:
        how.append(f"stops after {facts.patience} epochs without a better validation AUC")
    settings = {
        "Backbone": f"{facts.backbone}, from {facts.weights} weights",
        "Input": "{} x {} pixels, 0 to 255, RGB; rescaling is inside the model".format(*facts.image_size),
        "Head": f"global average pooling, one dense layer, {facts.activation} scores for "
        + " and ".join(facts.class_names),
        "Data": f"{facts.source}; see data/README.md for terms, and for what its labels are worth",
        "Training": "; ".join(how),
        "Kept": f"epoch {facts.chosen_epoch} of {facts.trained_epochs}, the one with the best validation AUC",
        "Augmentation": "small turns, shifts, zooms, contrast and brightness" if facts.augmented else "none",
        "Class weights": "both classes weigh the same" if facts.balanced else "none",
        "Dropout": f"{facts.dropout:g}",
        "Precision": f"{facts.precision} in training and choosing the epoch, float32 as saved",
        "Seed": f"{facts.training_seed} (training), {facts.seed} (which images)",
    }
    lines = [f"# Radiograph classifier, {facts.activation} head", ""]
    if facts.profile == "smoke":
        lines += ["**Smoke run: not a result.**", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in settings.items())]
    lines += ["", "## Images", "", *_markdown(counts.reset_index())]
    lines += [
        "",
        "## On the test images",
        "",
        "Intervals are 95 %, over patients, of this one training; the class with",
    ]
    lines += [f"the larger score is called, {facts.class_names[0]} where both are 0 ({silent} images)."]
    shown = [wording.with_interval(row, 3) for _, row in summary.iterrows()]
    lines += ["", *_markdown(pd.DataFrame({"measure": summary["measure"], "value": shown}))]
    lines += ["", *_markdown(table.rename_axis("called:").reset_index())]
    lines += [
        "",
        "## What it is for, and what not",
        "",
        "It exists to have heat maps drawn of it. It is no medical device, and nothing here shows that it helps a",
        "diagnosis. The test images come from the same source as the training images: other hospitals, devices, ages",
        "and diseases were not tried. Its scores are no probabilities of disease, and the share of pneumonia among",
        "these images is not that of any ward.",
    ]
    with replacing(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _markdown(table):
    """The lines of a table in Markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.itertuples(index=False)]
    return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
