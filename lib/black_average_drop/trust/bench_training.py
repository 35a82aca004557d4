"""Train the networks of benches that no other notebook trains: of marked phantoms, and of radiographs with boxes."""

from dataclasses import dataclass
from pathlib import Path

from black_average_drop import networks, training
from black_average_drop.datasets import Dataset
from black_average_drop.training import augmentation
from black_average_drop.trust.kinds import KINDS


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a network is trained on, and how."""

    source: str  # of the images, one of `bench.KINDS`
    splits: dict[str, Dataset]  # train, validation and test
    backbone: str
    weights: str  # "" for random ones, "imagenet", or a file
    epochs: int
    learning_rate: float
    recipe: str  # one of `training.RECIPES`
    fold: str = ""  # of `bench.FOLDS`: the patients that it is judged on
    training: int = 0  # its number among the networks of a fold, and the seed of its training

    @property
    def title(self):
        """The name of the bench in tables."""
        return KINDS[self.source].title

    @property
    def file(self):
        """Where the network is saved, in the build folder."""
        number = f"_{self.fold}{self.training}" if self.fold else ""
        return f"trust_{KINDS[self.source].slug}{number}.keras"


def train(task, build, batch_size, seed):
    """Train the network of a task and save it; a training that was stopped goes on where it was.

    The head is a ReLU, as the paper's, and the epoch that is best on the validation images is kept.

    Args:
        task: a `Task`.
        build: the build folder, for the network and its checkpoint.
        batch_size: images in a step.
        seed: of the folds and of the drawing of images. That of the training is its number plus this one.

    Returns:
        What `training.fit` returns: a DataFrame, a row an epoch.
    """
    networks.make_deterministic(seed + task.training)
    recipe, train, validation = training.recipe(task.recipe), task.splits["train"], task.splits["validation"]
    start = {"activation": "relu", "weights": task.weights or None, "dropout": recipe["dropout"]}
    model = networks.build(task.backbone, train.size, train.class_names, **start)
    history = training.fit(
        model,
        train,
        validation,
        task.epochs,
        batch_size,
        task.learning_rate,
        seed + task.training,
        augment=augmentation.chosen_augmentation(recipe["augmentation"]),
        balanced=recipe["balanced"],
        patience=recipe["patience"],
        checkpoint=(build / task.file).with_suffix(".checkpoint.npz"),
    )
    facts = networks.Facts(
        **recipe,
        image_size=train.size,
        seed=seed,
        training_seed=seed + task.training,
        fold=task.fold or None,
        test_images=len(task.splits["test"]),
        batch_size=batch_size,
        epochs=task.epochs,
        learning_rate=task.learning_rate,
        source=task.source,
        class_names=train.class_names,
        backbone=task.backbone,
        weights=Path(task.weights).name or "random",
        activation="relu",
        chosen_epoch=int(history.query("chosen")["epoch"].iloc[0]),
        trained_epochs=len(history),
    )
    networks.save(model, build / task.file, facts)
    return history
