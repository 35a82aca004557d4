"""Train a classifier from a data set; the epoch is chosen on validation images."""

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from black_average_drop.metrics import area_under_roc


def fit(model, training, validation, epochs, batch_size, learning_rate, seed=0):
    """Train `model` (from `networks.build`) in place and leave it with the weights of its best epoch.

    training, validation: Datasets. Returns a DataFrame, a row an epoch: epoch, loss, validation_loss,
    validation_quality (see `quality`), chosen. The loss is the cross-entropy, into which ReLU scores enter as logits;
    the learning rate falls from learning_rate to 0 along a cosine.
    Raises ValueError if one class is missing, if a ReLU head is dead after the first epoch (every score 0), or if in
    the end a class is dead (its score 0 for every validation image).
    """
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}: at least 1 is wanted.")
    for name, part in (("training", training), ("validation", validation)):
        missing = set(range(len(part.class_names))) - set(np.unique(part.labels).tolist())
        if missing:
            names = ", ".join(part.class_names[index] for index in sorted(missing))
            raise ValueError(f"The {name} images have none of class {names}: every class needs at least one image.")
    relu = keras.activations.serialize(model.layers[-1].activation) == "relu"
    from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # log-probabilities are logits, too
    loss = from_logits if relu else keras.losses.SparseCategoricalCrossentropy()
    batches = _ShuffledBatches(training, batch_size, seed)
    falling = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    model.compile(keras.optimizers.Adam(falling), loss)
    rows, best, best_weights = [], -np.inf, None
    for epoch in range(epochs):
        batches.start(epoch)
        bar = tqdm(total=len(training), desc=f"epoch {epoch + 1} of {epochs}", unit="image", leave=False)
        # Left to itself Keras shuffles the batches again, by Python's global generator.
        history = model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[_Progress(bar, batch_size)])
        bar.close()
        scores = predict(model, validation, batch_size)
        if not np.isfinite(scores).all():
            raise ValueError(f"Scores are NaN after epoch {epoch + 1}: lower learning_rate.")
        if not epoch and relu and (scores.max(axis=1) <= 0).mean() > 0.99:
            raise ValueError(
                "The ReLU head is dead: after the first epoch its scores are 0 for every validation image; "
                "lower learning_rate or change seed."
            )
        value = quality(validation.labels, scores)
        if value > best:
            best, best_weights, best_scores = value, model.get_weights(), scores
        rows.append(
            {
                "epoch": epoch + 1,
                "loss": history.history["loss"][0],
                "validation_loss": float(np.mean(from_logits(validation.labels, scores))),
                "validation_quality": value,
            }
        )
    model.set_weights(best_weights)
    silent = [name for name, top in zip(training.class_names, best_scores.max(axis=0), strict=True) if top <= 0]
    if relu and silent:
        raise ValueError(
            f"The head is dead for class {', '.join(silent)}: its score is 0 for every validation image, so no map can "
            "be measured on it; lower learning_rate or change seed."
        )
    table = pd.DataFrame(rows)
    return table.assign(chosen=table.index == table.validation_quality.idxmax())


def predict(model, dataset, batch_size):
    """Scores (N, C) of every image, read as it goes: of a ReLU head as they are, of a softmax head their logarithms,
    since the probabilities of a sure classifier all round to 1 and rank nothing."""
    scores = []
    with tqdm(total=len(dataset), desc="scores", unit="image", leave=False) as bar:
        for images in dataset.batches(batch_size):
            scores.append(np.asarray(model.predict_on_batch(_pixels(images))))
            bar.update(len(images))
    scores = np.concatenate(scores)
    if keras.activations.serialize(model.layers[-1].activation) == "softmax":
        return np.log(np.maximum(scores, np.finfo("float32").tiny))
    return scores


def quality(labels, scores):
    """AUC of class 1 against class 0 by the difference of their scores; for more classes, the share that is right."""
    if scores.shape[1] == 2:
        return area_under_roc(labels, scores[:, 1] - scores[:, 0])
    return float((scores.argmax(axis=1) == labels).mean())


class _ShuffledBatches(keras.utils.PyDataset):
    """Training batches in an order that is a function of seed and epoch; a thread reads ahead."""

    def __init__(self, dataset, batch_size, seed):
        super().__init__(workers=2, max_queue_size=6)
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self.start(0)

    def start(self, epoch):
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return _pixels(self.dataset.images(rows)), self.dataset.labels[rows]


class _Progress(keras.callbacks.Callback):
    def __init__(self, bar, step):
        super().__init__()
        self.bar, self.step = bar, step

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(min(self.step, self.bar.total - self.bar.n))
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)


def _pixels(images):
    return images.astype("float32")
