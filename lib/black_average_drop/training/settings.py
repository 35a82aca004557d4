"""The settings of a training, and the stages that follow from them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Stage(NamedTuple):
    """A part of a training with a learning rate of its own."""

    name: str  # "head" or "network": what is trained
    start: int  # its first epoch, from 0
    end: int  # the epoch behind its last one
    learning_rate: float


@dataclass(frozen=True)
class Settings:
    """The settings of `fit` that are numbers."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    head_epochs: int
    head_learning_rate: float
    balanced: bool
    patience: int
    warm_up: float

    @property
    def total_epochs(self):
        """How many epochs there are at most, in both stages."""
        return self.head_epochs + self.epochs

    def stages(self):
        """The head alone, then the whole network; the first may have no epoch."""
        head = Stage("head", 0, self.head_epochs, self.head_learning_rate)
        return head, Stage("network", self.head_epochs, self.total_epochs, self.learning_rate)

    def check(self):
        """Raise ValueError naming a setting out of range."""
        for name, least in {"epochs": 1, "batch_size": 1, "head_epochs": 0, "patience": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: at least {least} is expected.")
        for name in ("learning_rate", "head_learning_rate"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: more than 0 is expected.")
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"warm_up is {self.warm_up}: a share from 0 to below 1 is expected.")
