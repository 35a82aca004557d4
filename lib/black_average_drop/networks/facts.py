"""What a saved classifier knows about itself."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Facts:
    """What is needed to use a classifier again, and how it was trained; None where it is not known.

    A file holds the facts that are known as one JSON object, in this order.
    """

    image_size: tuple[int, int] | None = None  # (H, W), in pixels
    profile: str | None = None
    seed: int | None = None  # of the images that are drawn
    test_images: int | None = None  # how many are drawn; 0: all of them
    batch_size: int | None = None
    epochs: int | None = None  # of the whole network, at most; 0: the network is used as it comes
    learning_rate: float | None = None
    head_epochs: int | None = None  # of the head alone, before the whole network
    head_learning_rate: float | None = None
    warm_up: float | None = None  # the share of the steps in which the learning rate rises
    patience: int | None = None  # epochs without a better validation quality that end the training; 0: none do
    augmentation: str | None = None  # one of `training.augmentation.KINDS`
    balanced: bool | None = None  # every class weighs the same in the loss
    dropout: float | None = None  # the share of the pooled features
    source: str | None = None  # a name in datasets.catalogue
    class_names: tuple[str, ...] = ()  # in the order of the outputs
    backbone: str | None = None
    weights: str | None = None  # where training began: random, imagenet, or the name of a file
    precision: str | None = None  # in training
    activation: str | None = None  # of the head
    head_start: float | None = None  # how far its random kernel moves the scores, see `build`; 0: it starts at 0
    order_seed: int | None = None  # of the order of the images and of their augmentation
    training_seed: int | None = None
    fold: str | None = None  # of the patients that it is judged on, where it learned from the other fold alone
    test_quality: float | None = None  # see `training.quality`
    chosen_epoch: int | None = None
    trained_epochs: int | None = None

    def stored(self):
        """The facts that are known, as a dict of JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value != ()}

    @classmethod
    def of_stored(cls, values):
        """The facts in a dict of JSON values, whose other entries are left aside.

        Raises:
            ValueError: naming a fact of another kind.
        """
        known = {field.name: field.type for field in fields(cls)}
        values = {name: value for name, value in values.items() if name in known and value is not None}
        for name in ("image_size", "class_names"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        for name, value in values.items():
            if not _is_of(value, known[name]):
                raise ValueError(f"its {name} is {str(value)[:50]!r}")
        return cls(**values)


def _is_of(value, kind):
    """Whether a value is of the kind that a field of `Facts` is annotated with."""
    if kind == tuple[str, ...]:
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    if kind == tuple[int, int] | None:
        return isinstance(value, tuple) and len(value) == 2 and all(type(one) is int for one in value)
    return isinstance(value, kind | int if kind == float | None else kind)
