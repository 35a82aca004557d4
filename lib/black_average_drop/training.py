"""Train a classifier from a data set, in stages and resumably; the epoch is chosen on validation images."""

import contextlib
import functools
import hashlib
import inspect
import json
import os
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from black_average_drop import progress
from black_average_drop.provenance import dataset_checksum, replacing, sha256
from black_average_drop.statistics import area_under_roc

READ_AHEAD = 6  # batches
# What may be done against learning by heart; arguments of `fit` and `networks.build` that go together.
RECIPES = {
    "plain": {"patience": 0, "augmented": False, "balanced": False, "dropout": 0.0},
    "full": {"patience": 4, "augmented": True, "balanced": True, "dropout": 0.2},
}
HEAD_LEARNING_RATE = 1e-3
WARM_UP = 0.5  # of a network of random weights: with it 6 epochs do what 8 do without
SAMPLE = 64  # images that a checkpoint's training is told by, besides ids and labels


def fit(
    model,
    training,
    validation,
    epochs,
    batch_size,
    learning_rate,
    seed=0,
    *,
    head_epochs=0,
    head_learning_rate=HEAD_LEARNING_RATE,
    augment=None,
    balanced=False,
    patience=0,
    warm_up=0.0,
    checkpoint=None,
):
    """Train `model` (from `networks.build`) in place and leave it with the weights of its best epoch.

    training, validation: Datasets. First the dense head alone for head_epochs, then the network for at most `epochs`;
    in each stage the learning rate rises from 0 for the share `warm_up` of the steps, which spares a network of random
    weights the first epochs of noise, and then falls to 0 along a cosine. augment: (image, generator) -> image, such as
    `augmentation.radiograph`. balanced: every class weighs the same in the loss, however many images it has. patience:
    stop after so many epochs of the second stage without a better validation quality, 0 for never.
    checkpoint: a file written after each epoch; if it is there and was written for the same training, that goes on
    from there and ends where it would have ended uninterrupted, as exactly as the backend repeats itself. It holds four
    times the weights, and once them when the training is done.
    In mixed precision the epoch is chosen by what the network says in that precision.
    Returns a DataFrame, a row an epoch: epoch, stage ("head" or "network"), loss, validation_loss, validation_quality
    (see `quality`), chosen. The loss is the cross-entropy, into which ReLU scores enter as logits.
    Raises ValueError for a setting out of range, if one class is missing, if a ReLU head is dead after the first epoch
    (every score 0), or if in the end a class is dead (its score 0 for every validation image).
    """
    counts = {"epochs": (epochs, 1), "batch_size": (batch_size, 1), "head_epochs": (head_epochs, 0)}
    for name, (value, least) in (counts | {"patience": (patience, 0)}).items():
        if value < least:
            raise ValueError(f"{name} is {value}: at least {least} is wanted.")
    for name, rate in (("learning_rate", learning_rate), ("head_learning_rate", head_learning_rate)):
        if not 0 < rate < np.inf:
            raise ValueError(f"{name} is {rate}: more than 0 is wanted.")
    if not 0 <= warm_up < 1:
        raise ValueError(f"warm_up is {warm_up}: a share from 0 to below 1 is wanted.")
    for name, part in (("training", training), ("validation", validation)):
        missing = set(range(len(part.class_names))) - set(np.unique(part.labels).tolist())
        if missing:
            names = ", ".join(part.class_names[index] for index in sorted(missing))
            raise ValueError(f"The {name} images have none of class {names}: every class needs at least one image.")
    devices = _devices(model)
    if batch_size % devices:
        raise ValueError(f"batch_size is {batch_size}: a multiple of {devices}, the number of devices, is wanted.")
    relu = keras.activations.serialize(model.layers[-1].activation) == "relu"
    from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # log-probabilities are logits, too
    loss = from_logits if relu else keras.losses.SparseCategoricalCrossentropy()
    batches = _ShuffledBatches(training, batch_size, seed, augment, balanced, whole=devices > 1)
    settings = [epochs, batch_size, learning_rate, seed, head_epochs, head_learning_rate, balanced, patience, warm_up]
    key = _key(model, training, validation, [*settings, devices], augment) if checkpoint else ""
    state = _read_checkpoint(checkpoint, key) or {"rows": [], "best": -np.inf, "done": False}
    total, rows = head_epochs + epochs, state["rows"]
    for stage, start, end, rate in (
        ("head", 0, head_epochs, head_learning_rate),
        ("network", head_epochs, total, learning_rate),
    ):
        if state["done"] or len(rows) >= end:
            continue
        with _only_head_trainable(model) if stage == "head" else contextlib.nullcontext():
            with _scope(model):
                model.compile(_optimizer(model, _schedule(rate, (end - start) * len(batches), warm_up)), loss)
                model.optimizer.build(model.trainable_variables)
            _assign(model.variables, state.pop("variables", ()))
            if len(rows) > start:
                _assign(model.optimizer.variables, state.pop("optimizer", ()))
            for epoch in range(len(rows), end):
                batches.start(epoch)
                trained = _train_one_epoch(model, batches, f"epoch {epoch + 1} of {total}")
                scores = predict(model, validation, batch_size)
                if not np.isfinite(scores).all():
                    raise ValueError(f"Scores are NaN after epoch {epoch + 1}: lower learning_rate.")
                if not epoch and relu and (scores.max(axis=1) <= 0).mean() > 0.99:
                    raise ValueError(
                        "The ReLU head is dead: after the first epoch its scores are 0 for every validation image; "
                        "lower learning_rate or change seed."
                    )
                value = quality(validation.labels, scores)
                if value > state["best"]:
                    state |= {"best": value, "best_weights": model.get_weights(), "best_tops": scores.max(axis=0)}
                rows.append(
                    {
                        "epoch": epoch + 1,
                        "stage": stage,
                        "loss": trained,
                        "validation_loss": float(np.mean(from_logits(validation.labels, scores))),
                        "validation_quality": value,
                    }
                )
                state["done"] = epoch + 1 == total or (stage == "network" and _is_stuck(rows, patience))
                if checkpoint:
                    _write_checkpoint(checkpoint, key, state, model)
                if state["done"]:
                    break
    model.set_weights(state["best_weights"])
    silent = [name for name, top in zip(training.class_names, state["best_tops"], strict=True) if top <= 0]
    if relu and silent:
        raise ValueError(
            f"The head is dead for class {', '.join(silent)}: its score is 0 for every validation image, so no map can "
            "be measured on it; lower learning_rate or change seed."
        )
    table = pd.DataFrame(rows)
    return table.assign(chosen=table.index == table.validation_quality.idxmax())


def recipe(name):
    """One of RECIPES by name. Raises ValueError if there is none of that name."""
    if name not in RECIPES:
        raise ValueError(f"The recipe is {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def on_all(kind="GPU"):
    """A scope to build a model in, so that training uses every device of that kind in this machine: on TensorFlow a
    `tf.distribute.MirroredStrategy` where there are several, otherwise nothing. The batch size must then be a multiple
    of their number, and what is left over of an epoch is left out, other images each time."""
    strategy = _strategy(kind) if keras.backend.backend() == "tensorflow" else None
    return strategy.scope() if strategy else contextlib.nullcontext()


@functools.cache
def _strategy(kind):
    """One for the process: a second one would number its exchanges between devices like the first."""
    import tensorflow

    devices = [device.name for device in tensorflow.config.list_logical_devices(kind)]
    return tensorflow.distribute.MirroredStrategy(devices) if len(devices) > 1 else None


def _devices(model):
    """How many devices the model is mirrored on."""
    return getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)


def _scope(model):
    """The scope that the model was built in: an optimizer made outside updates no mirrored variable rightly."""
    return model.distribute_strategy.scope() if _devices(model) > 1 else contextlib.nullcontext()


def _schedule(rate, steps, warm_up):
    """The learning rate at each step: along a line from 0 to rate, then along a cosine to 0."""
    rising = int(warm_up * steps)
    if not rising:
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=rate, warmup_steps=rising)


def _optimizer(model, learning_rate):
    """Adam; where layers compute in float16, with the loss scaled, or small gradients would vanish."""
    adam = keras.optimizers.Adam(learning_rate)
    half = any(layer.compute_dtype == "float16" for layer in _all_layers(model))
    return keras.optimizers.LossScaleOptimizer(adam) if half else adam


def predict(model, dataset, batch_size):
    """Scores (N, C) of every image, read as it goes: of a ReLU head as they are, of a softmax head their logarithms,
    since the probabilities of a sure classifier all round to 1 and rank nothing."""
    scores = []
    with progress.bar(total=len(dataset), desc="scores", unit="image") as bar:
        for images in dataset.batches(batch_size):
            answers = np.asarray(model.predict_on_batch(_pixels(images)))
            scores.append(answers[: len(images)])  # a mirrored model answers once on each device
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
    """Training batches whose order and augmentation are functions of seed, epoch and image.

    They read ahead by themselves: with the workers of Keras, the first epoch on JAX begins with the second batch.
    """

    def __init__(self, dataset, batch_size, seed, augment=None, balanced=False, whole=False):
        super().__init__()
        self.batches = len(dataset) // batch_size if whole else -(-len(dataset) // batch_size)
        self.dataset, self.batch_size, self.seed, self.augment = dataset, batch_size, seed, augment
        counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
        self.weights = len(dataset) / (len(counts) * counts) if balanced else None
        self.readers = ThreadPoolExecutor(os.cpu_count())
        self.start(0)

    def start(self, epoch):
        self.epoch, self.ahead = epoch, {}
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        for coming in range(index, min(index + READ_AHEAD, len(self))):
            if coming not in self.ahead:
                self.ahead[coming] = self.readers.submit(self._read, coming)
        return self.ahead.pop(index).result()

    def _read(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self.dataset.images(rows), self.dataset.labels[rows]
        if self.augment:
            generators = (np.random.default_rng([self.seed, self.epoch, row]) for row in rows)
            images = np.stack([self.augment(*pair) for pair in zip(images, generators, strict=True)])
        if self.weights is None:
            return _pixels(images), labels
        return _pixels(images), labels, self.weights[labels].astype("float32")


class _Progress(keras.callbacks.Callback):
    def __init__(self, bar, step):
        super().__init__()
        self.bar, self.step = bar, step

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(min(self.step, self.bar.total - self.bar.n))
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)


def _train_one_epoch(model, batches, title):
    """One pass over the batches; the mean loss."""
    with progress.bar(total=len(batches.dataset), desc=title, unit="image") as bar:
        callback = _Progress(bar, batches.batch_size)
        # Left to itself Keras shuffles the batches again, by Python's global generator.
        history = model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[callback])
    return history.history["loss"][0]


@contextlib.contextmanager
def _only_head_trainable(model):
    """The trunk frozen inside the block; afterwards what was trainable is so again, frozen BatchNorm stays frozen."""
    before = [(layer, layer.trainable) for layer in _all_layers(model)]
    for layer in model.layers[:-1]:
        layer.trainable = False
    try:
        yield
    finally:
        for layer, flag in before:  # a nested model comes before its layers, which it would otherwise overrule
            layer.trainable = flag


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)


def _is_stuck(rows, patience):
    """Whether the best epoch of the second stage lies `patience` epochs or more back."""
    values = [row["validation_quality"] for row in rows if row["stage"] == "network"]
    return 0 < patience <= len(values) - 1 - int(np.argmax(values))


def _key(model, training, validation, settings, augment):
    """What a checkpoint must have been written for: images, settings, code, architecture and first weights."""
    digest = hashlib.sha256()
    for part in (training, validation):
        digest.update(json.dumps([part.ids.tolist(), part.labels.tolist(), part.size]).encode())
        digest.update(dataset_checksum(part.subset(np.arange(0, len(part), -(-len(part) // SAMPLE)))).encode())
    architecture = re.sub(r"_\d+\b", "", json.dumps(model.get_config(), default=str))  # names count up in a process
    code = [sha256(__file__), sha256(inspect.getsourcefile(augment)) if augment else ""]
    digest.update(json.dumps([settings, code, architecture, keras.__version__, keras.backend.backend()]).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _write_checkpoint(path, key, state, model):
    """The state after an epoch, with all that the next one depends on: weights, the optimizer's and Dropout's state.
    Of a training that is done only the best weights are kept."""
    arrays = {"best_tops": state["best_tops"]}
    lists = {"best_weights": state["best_weights"]}
    if not state["done"]:
        lists |= {"variables": model.variables, "optimizer": model.optimizer.variables}
    for name, values in lists.items():
        arrays |= {f"{name}_{index:05d}": np.asarray(value) for index, value in enumerate(values)}
    facts = {"key": key, "rows": state["rows"], "best": state["best"], "done": state["done"]}
    with replacing(path) as partial:
        np.savez(partial, facts=json.dumps(facts), **arrays)


def _read_checkpoint(path, key):
    """The state that `_write_checkpoint` wrote, or None if there is none, or none of this training."""
    if not path or not Path(path).is_file():
        return None
    try:
        with np.load(path) as file:
            state = json.loads(str(file["facts"]))
            if state.pop("key") != key:
                print(f"{Path(path).name} is of another training: starting anew.")
                return None
            state["best_tops"] = file["best_tops"]
            for name in ("best_weights", "variables", "optimizer"):
                state[name] = [file[entry] for entry in sorted(file.files) if entry.startswith(f"{name}_")]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        print(f"{Path(path).name} cannot be read: starting anew.")
        return None
    done = "is of a training that is done" if state["done"] else "was interrupted: going on from there"
    print(f"{Path(path).name}, {len(state['rows'])} epochs, {done}.")
    return state


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=len(values) > 0):  # none where nothing is resumed
        variable.assign(value)


def _pixels(images):
    return images.astype("float32")
