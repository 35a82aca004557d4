"""A classifier trained from a data set, in stages and resumably; the epoch is chosen on validation images."""

import contextlib
from dataclasses import astuple, dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from black_average_drop import networks, progress
from black_average_drop.datasets import Dataset
from black_average_drop.training.batches import ShuffledBatches
from black_average_drop.training.checkpoints import State, read_checkpoint, training_key, write_checkpoint
from black_average_drop.training.devices import count_devices, scope_of
from black_average_drop.training.prediction import predict, quality
from black_average_drop.training.recipes import HEAD_LEARNING_RATE
from black_average_drop.training.settings import Settings


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
    keep_dead=False,
    checkpoint=None,
):
    """Train a model in place, and leave it with the weights of its best epoch on the validation images.

    First the dense head alone is trained, then the whole network. In each stage the learning rate rises from 0, which
    spares a network of random weights the first epochs of noise, and then falls to 0 along a cosine. The loss is the
    cross-entropy, into which ReLU scores enter as logits. In mixed precision the epoch is chosen in that precision.

    Args:
        model: from `networks.build`.
        training, validation: a `Dataset` each, with the same classes.
        epochs, batch_size, learning_rate: of the whole network; epochs at most.
        seed: of the order of the images and of their augmentation.
        head_epochs, head_learning_rate: of the head alone.
        augment: (image, generator) -> image, such as `augmentation.radiograph`.
        balanced: every class weighs the same in the loss, however many images it has.
        patience: stop after so many epochs of the network without a better validation quality; 0 for never.
        warm_up: the share of the steps of a stage in which the learning rate rises, from 0 to below 1.
        keep_dead: keep a ReLU head that is dead as it came out, for trainings of which none may be dropped.
        checkpoint: a file written after each epoch, with four times the weights until the training is done. The same
            training goes on from there, and ends as if uninterrupted, as exactly as the backend repeats itself.

    Returns:
        A DataFrame, a row an epoch: epoch, stage ("head" or "network"), loss, validation_loss, validation_quality (see
        `quality`), chosen.

    Raises:
        ValueError: for a setting out of range, a class without images, or a head that is dead, all of whose scores are
            0, unless keep_dead.
    """
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        head_epochs=head_epochs,
        head_learning_rate=head_learning_rate,
        balanced=balanced,
        patience=patience,
        warm_up=warm_up,
    )
    run = _prepare(model, training, validation, settings, augment, checkpoint, keep_dead)
    state = read_checkpoint(checkpoint, run.key) or State()
    for stage in settings.stages():
        if not state.done and len(state.rows) < stage.end:
            _train_stage(run, stage, state)
    model.set_weights(state.best_weights)
    if run.refuses_dead:
        _check_every_class(run, state)
    table = pd.DataFrame(state.rows)
    return table.assign(chosen=table.index == table.validation_quality.idxmax())


@dataclass(frozen=True)
class _Run:
    """What a training works with from its first epoch to its last."""

    model: keras.Model
    batches: ShuffledBatches
    validation: Dataset
    settings: Settings
    checkpoint: Path | str | None
    key: str  # of the checkpoint
    relu: bool  # the head has ReLU scores
    refuses_dead: bool  # a head whose ReLU scores are 0


def _prepare(model, training, validation, settings, augment, checkpoint, keep_dead):
    """Check all that can be checked before the first epoch, and bring together what the epochs work with."""
    settings.check()
    _check_classes(training=training, validation=validation)
    devices = count_devices(model)
    if settings.batch_size % devices:
        raise ValueError(
            f"batch_size is {settings.batch_size}: a multiple of {devices}, the number of devices, is expected."
        )
    relu = keras.activations.serialize(model.layers[-1].activation) == "relu"
    order = {"batch_size": settings.batch_size, "seed": settings.seed, "balanced": settings.balanced}
    batches = ShuffledBatches(training, augment=augment, whole=devices > 1, **order)
    key = ""
    if checkpoint:
        key = training_key(model, training, validation, [*astuple(settings), devices], augment)
    return _Run(model, batches, validation, settings, checkpoint, key, relu, relu and not keep_dead)


def _check_classes(**parts):
    """Raise ValueError naming a class that has no image in one of the parts, name -> `Dataset`."""
    for name, part in parts.items():
        missing = set(range(len(part.class_names))) - set(np.unique(part.labels).tolist())
        if missing:
            names = ", ".join(part.class_names[index] for index in sorted(missing))
            raise ValueError(f"The {name} images have none of class {names}: every class needs at least one image.")


def _train_stage(run, stage, state):
    """Train from where the state is to the end of a stage, or to the end of the training."""
    with _only_head_trainable(run.model) if stage.name == "head" else contextlib.nullcontext():
        _compile(run, stage)
        _assign(run.model.variables, state.variables)
        if len(state.rows) > stage.start:
            _assign(run.model.optimizer.variables, state.optimizer)
        state.variables = state.optimizer = ()
        for epoch in range(len(state.rows), stage.end):
            _train_epoch(run, stage, state, epoch)
            if run.checkpoint:
                write_checkpoint(run.checkpoint, run.key, state, run.model)
            if state.done:
                break


def _compile(run, stage):
    """Give the model the optimizer and the loss of a stage."""
    steps = (stage.end - stage.start) * len(run.batches)
    with scope_of(run.model):
        optimizer = _optimizer(run.model, _schedule(stage.learning_rate, steps, run.settings.warm_up))
        run.model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=run.relu))
        run.model.optimizer.build(run.model.trainable_variables)


def _train_epoch(run, stage, state, epoch):
    """Train for one epoch and bring the state up to it."""
    run.batches.start(epoch)
    loss = _pass_over(run.model, run.batches, f"epoch {epoch + 1} of {run.settings.total_epochs}")
    scores = predict(run.model, run.validation, run.settings.batch_size)
    _check_scores(scores, epoch, run.refuses_dead)
    reached = quality(run.validation.labels, scores)
    if reached > state.best:
        state.best, state.best_weights, state.best_tops = reached, run.model.get_weights(), scores.max(axis=0)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # log-probabilities are logits, too
    state.rows.append(
        {
            "epoch": epoch + 1,
            "stage": stage.name,
            "loss": loss,
            "validation_loss": float(cross_entropy(run.validation.labels, scores)),
            "validation_quality": reached,
        }
    )
    stuck = stage.name == "network" and _is_stuck(state.rows, run.settings.patience)
    state.done = epoch + 1 == run.settings.total_epochs or stuck


def _check_scores(scores, epoch, refuses_dead):
    """Raise ValueError for scores (N, C) that no training can recover from."""
    if not np.isfinite(scores).all():
        raise ValueError(f"Scores are NaN after epoch {epoch + 1}: lower learning_rate.")
    if not epoch and refuses_dead and (scores.max(axis=1) <= 0).mean() > 0.99:
        raise ValueError(
            "The ReLU head is dead: after the first epoch its scores are 0 for every validation image; lower "
            "learning_rate or change seed."
        )


def _check_every_class(run, state):
    """Raise ValueError naming a class whose ReLU score is 0 for every validation image in the chosen epoch."""
    silent = [name for name, top in zip(run.batches.dataset.class_names, state.best_tops, strict=True) if top <= 0]
    if silent:
        raise ValueError(
            f"The head is dead for class {', '.join(silent)}: its score is 0 for every validation image, so no map can "
            "be measured on it; lower learning_rate or change seed."
        )


def _schedule(rate, steps, warm_up):
    """The learning rate at each step: along a line from 0 to rate, then along a cosine to 0."""
    rising = int(warm_up * steps)
    if not rising:
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=rate, warmup_steps=rising)


def _optimizer(model, learning_rate):
    """Adam; where layers compute in float16, with the loss scaled, or small gradients would vanish."""
    adam = keras.optimizers.Adam(learning_rate)
    half = any(layer.compute_dtype == "float16" for layer in networks.inner_layers(model, with_models=True))
    return keras.optimizers.LossScaleOptimizer(adam) if half else adam


class _Progress(keras.callbacks.Callback):
    """A progress bar of the images of an epoch."""

    def __init__(self, bar, step):
        super().__init__()
        self.bar, self.step = bar, step

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(min(self.step, self.bar.total - self.bar.n))
        self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)


class _SeededDropout(keras.callbacks.Callback):
    """On PyTorch the state of Dropout is no variable, which a checkpoint would hold: each batch begins with its own."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_train_batch_begin(self, batch, logs=None):
        if keras.backend.backend() == "torch":
            import torch

            place = [self.batches.seed, self.batches.epoch, batch]
            torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))


def _pass_over(model, batches, title):
    """One pass over the batches; the mean loss."""
    with progress.bar(total=len(batches.dataset), desc=title, unit="image") as bar:
        callbacks = [_SeededDropout(batches), _Progress(bar, batches.batch_size)]
        # Left to itself Keras shuffles the batches again, by Python's global generator.
        history = model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=callbacks)
    return history.history["loss"][0]


@contextlib.contextmanager
def _only_head_trainable(model):
    """The trunk frozen inside the block; afterwards what was trainable is so again, frozen BatchNorm stays frozen."""
    before = [(layer, layer.trainable) for layer in networks.inner_layers(model, with_models=True)]
    for layer in model.layers[:-1]:
        layer.trainable = False
    try:
        yield
    finally:
        for layer, flag in before:  # a nested model comes before its layers, which it would otherwise overrule
            layer.trainable = flag


def _is_stuck(rows, patience):
    """Whether the best epoch of the second stage lies `patience` epochs or more back."""
    values = [row["validation_quality"] for row in rows if row["stage"] == "network"]
    return 0 < patience <= len(values) - 1 - int(np.argmax(values))


def _assign(variables, values):
    """Set variables to values, or leave them where there are none."""
    for variable, value in zip(variables, values, strict=len(values) > 0):  # none where nothing is resumed
        variable.assign(value)
