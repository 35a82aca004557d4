"""The card of a radiograph classifier: how it was made, how it calls the test images, and what it is not for."""

import pandas as pd

from black_average_drop.files import replacing
from black_average_drop.statistics.roc import area_under_roc, confusion, specificity_without_misses
from black_average_drop.training.augmentation import KINDS


def write_card(path, facts, counts, labels, scores):
    """Write the model card of a classifier as Markdown.

    Args:
        path: of the file.
        facts: the `networks.Facts` of the classifier.
        counts: a DataFrame of images and patients by split.
        labels: (N,) of the test images, 0 or 1.
        scores: (N,), the score of class 1 minus that of class 0.

    Returns:
        The path.
    """
    lines = [f"# Radiograph classifier, {facts.activation} head", ""]
    if facts.profile == "smoke":
        lines += ["**Smoke run: not a result.**", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in _settings(facts).items())]
    lines += ["", "## Images", "", *_markdown(counts.reset_index())]
    lines += ["", "## On the test images", "", *_on_test_images(facts, labels, scores)]
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


def _settings(facts):
    """The rows of the first table, name -> text."""
    how = [f"{facts.epochs} epochs at most of the whole network, learning rate {facts.learning_rate:g}"]
    if facts.head_epochs:
        how.insert(0, f"{facts.head_epochs} epochs of the head alone, learning rate {facts.head_learning_rate:g}")
    if facts.patience:
        how.append(f"stops after {facts.patience} epochs without a better validation AUC")
    varied = f"{facts.augmentation}: small turns, shifts, zooms, contrast and brightness"
    return {
        "Backbone": f"{facts.backbone}, from {facts.weights} weights",
        "Input": "{} x {} pixels, 0 to 255, RGB; rescaling is inside the model".format(*facts.image_size),
        "Head": f"global average pooling, one dense layer, {facts.activation} scores for "
        + " and ".join(facts.class_names),
        "Head at the start": f"a random kernel, spread {facts.head_start:g}" if facts.head_start else "a kernel of 0",
        "Data": f"{facts.source}; see data/README.md for terms, and for what its labels are worth",
        "Training": "; ".join(how),
        "Kept": f"epoch {facts.chosen_epoch} of {facts.trained_epochs}, the one with the best validation AUC",
        "Augmentation": varied if KINDS[facts.augmentation] else "none",
        "Class weights": "both classes weigh the same" if facts.balanced else "none",
        "Dropout": f"{facts.dropout:g}",
        "Precision": f"{facts.precision} in training and choosing the epoch, float32 as saved",
        "Seed": f"{facts.training_seed} (training), {facts.order_seed} (its order), {facts.seed} (which images)",
    }


def _on_test_images(facts, labels, scores):
    """The lines on how the test images are called."""
    normal, ill = facts.class_names
    table, silent = confusion(labels, scores, facts.class_names), int((scores == 0).sum())
    (cleared, _), (_, found) = table.to_numpy()
    of_normal, of_ill = table.sum(axis=1)
    spared = specificity_without_misses(labels, scores)
    measures = {
        "AUC": f"{area_under_roc(labels, scores):.3f}",
        "sensitivity": f"{found / of_ill:.3f} ({found} of {of_ill})",
        "specificity": f"{cleared / of_normal:.3f} ({cleared} of {of_normal})",
        f"specificity where no {ill} is missed": f"{spared:.3f} ({round(spared * of_normal)} of {of_normal})",
        "accuracy": f"{(found + cleared) / len(labels):.3f}",
    }
    lines = [
        f"The class with the larger score is called, {normal} where both are 0 ({silent} images). The results have",
        "intervals over patients, in test.csv.",
    ]
    lines += ["", *_markdown(pd.DataFrame(measures.items(), columns=["measure", "value"]))]
    return [*lines, "", *_markdown(table.rename_axis("called:").reset_index())]


def _markdown(table):
    """The lines of a table in Markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.itertuples(index=False)]
    return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
