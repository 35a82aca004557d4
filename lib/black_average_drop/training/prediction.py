"""What a model says of the images of a data set, and how good that is."""

import keras
import numpy as np

from black_average_drop import progress
from black_average_drop.statistics.roc import area_under_roc
from black_average_drop.training.batches import as_pixels


def predict(model, dataset, batch_size):
    """Scores of every image, read as it goes.

    Args:
        model: from `networks.build`.
        dataset: a `Dataset` of N images.
        batch_size: how many images go through the model at a time.

    Returns:
        (N, C): of a ReLU head the scores as they are, of a softmax head their logarithms, since the probabilities of a
        sure classifier all round to 1 and rank nothing.
    """
    scores = []
    with progress.bar(total=len(dataset), desc="scores", unit="image") as bar:
        for images in dataset.batches(batch_size):
            answers = np.asarray(model.predict_on_batch(as_pixels(images)))
            scores.append(answers[: len(images)])  # a mirrored model answers once on each device
            bar.update(len(images))
    scores = np.concatenate(scores)
    if keras.activations.serialize(model.layers[-1].activation) == "softmax":
        return np.log(np.maximum(scores, np.finfo("float32").tiny))
    return scores


def quality(labels, scores):
    """How good scores (N, C) are for labels (N,), from 0 to 1.

    Returns:
        AUC of class 1 against class 0 by the difference of their scores; for more classes, the share that is right.
    """
    if scores.shape[1] == 2:
        return area_under_roc(labels, scores[:, 1] - scores[:, 0])
    return float((scores.argmax(axis=1) == labels).mean())
