"""Several trainings of one recipe, each as it was drawn, and what they leave as rows: none is dropped."""

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import networks
from black_average_drop.networks import Facts
from black_average_drop.training import augmentation
from black_average_drop.training.devices import on_all
from black_average_drop.training.fitting import fit
from black_average_drop.training.prediction import predict, quality

# Of `Facts`, what a run is trained by, and what the row file trainings says of it besides its outcome.
_FITTED = ("epochs", "learning_rate", "head_epochs", "head_learning_rate", "balanced", "patience", "warm_up")
_TOLD = ("backbone", "weights", "head_start", "order_seed", "augmentation", "epochs", "patience", "learning_rate")


class Run(NamedTuple):
    """Which training it is."""

    data: str  # "radiographs", or the name of another backbone
    head: str
    training_seed: int  # its number

    @property
    def file(self):
        """The name of its model file."""
        return f"{self.data}_{self.head}_{self.training_seed}.keras"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a run."""

    facts: Facts
    history: pd.DataFrame  # of `fit`
    scores: np.ndarray  # (N, C), of `predict`, of the test images

    @property
    def margins(self):
        """The score of class 1 minus that of class 0 of each test image, (N,)."""
        return self.scores[:, 1] - self.scores[:, 0]

    @property
    def dead(self):
        """Whether all ReLU scores of all test images are 0."""
        return self.facts.activation == "relu" and not self.scores.any()


def plan_runs(shared, drawn, counts, data="radiographs"):
    """What the trainings will be, before any of them.

    Args:
        shared: of `networks.Facts`, what all of them have in common, by name.
        drawn: a list of `drawn_settings.DrawnSettings`.
        counts: head -> how many of these are trained with it, from the first one on.
        data: as for `Run`.

    Returns:
        `Run` -> `networks.Facts`.
    """
    return {
        Run(data, head, number): Facts(**(shared | asdict(settings)), activation=head, training_seed=number)
        for head, count in counts.items()
        for number, settings in enumerate(drawn[:count])
    }


def fit_run(planned, file, train, validation, weights, batch_size):
    """Train one run, or read a finished one again. Where no epoch is planned, take the ImageNet classifier as it comes.

    Args:
        planned: the `networks.Facts` that are known before.
        file: where the model will go; its checkpoint goes next to it.
        train, validation: a `Dataset` each, or None where no epoch is planned.
        weights: what the network starts from, as for `networks.build`.
        batch_size: images in a step.

    Returns:
        The model, and what `fit` returns, without a row where no epoch is planned. A ReLU head that died is kept.
    """
    networks.make_deterministic(planned.order_seed)
    if not planned.epochs:
        model = networks.build_imagenet(planned.backbone, planned.image_size, weights)
        return model, pd.DataFrame({"epoch": [], "chosen": []})
    start = {"weights": weights, "dropout": planned.dropout, "precision": planned.precision}
    start |= {"activation": planned.activation, "head_start": planned.head_start}
    with on_all("GPU"):
        model = networks.build(planned.backbone, train.size, train.class_names, **start)
    how = {name: getattr(planned, name) for name in _FITTED} | {"seed": planned.order_seed, "keep_dead": True}
    how |= {"augment": augmentation.chosen_augmentation(planned.augmentation), "batch_size": batch_size}
    history = fit(model, train, validation, **how, checkpoint=file.with_suffix(".checkpoint.npz"))
    return networks.in_precision(model, "float32"), history


def finish_run(planned, file, model, history, test, batch_size):
    """Ask the model of a run about the test images, and save it with all that is known of it.

    Args:
        planned, file, batch_size: as for `fit_run`.
        model, history: of `fit_run`.
        test: a `Dataset`.

    Returns:
        An `Outcome`.
    """
    scores = predict(model, test, batch_size)
    chosen = history.loc[history["chosen"].astype(bool), "epoch"]
    reached = {"test_quality": quality(test.labels, scores), "trained_epochs": len(history)}
    reached |= {"chosen_epoch": int(chosen.iloc[0]) if len(chosen) else 0, "class_names": tuple(test.class_names)}
    facts = replace(planned, **reached)
    networks.save(model, file, facts)
    return Outcome(facts, history, scores)


def rows_of_runs(outcomes, test):
    """What the trainings leave, as tables for row files.

    Args:
        outcomes: `Run` -> `Outcome`.
        test: the `Dataset` of test images.

    Returns:
        Name of the row file -> DataFrame: trainings (a row a training), training_history (a row an epoch), and
        test_scores (a row an image and training).
    """
    images = {"id": test.ids, "group": test.groups, "label": test.labels}
    told, epochs, scores = [], [], []
    for run, outcome in outcomes.items():
        facts, which = outcome.facts, run._asdict()
        classes = {f"class_{number}": name for number, name in enumerate(facts.class_names)}
        reached = {name: getattr(facts, name) for name in ("trained_epochs", "chosen_epoch")}
        settings = {name: getattr(facts, name) for name in _TOLD}
        told.append(which | {"file": run.file} | settings | classes | reached | {"dead": outcome.dead})
        epochs.append(pd.DataFrame(which | outcome.history.to_dict("list")))
        scores.append(pd.DataFrame(which | images | {"score": outcome.margins}))
    tables = {"trainings": pd.DataFrame(told), "training_history": pd.concat(epochs, ignore_index=True)}
    return tables | {"test_scores": pd.concat(scores, ignore_index=True)}
