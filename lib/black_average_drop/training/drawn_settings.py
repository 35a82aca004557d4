"""Settings in which trainings of one recipe differ, drawn from a seed before any of them begins."""

from dataclasses import dataclass

import numpy as np

from black_average_drop.training import augmentation

LARGEST_START = 1.4  # of a head: about what Keras draws by itself (Glorot and Bengio 2010), over a thousand features


@dataclass(frozen=True)
class DrawnSettings:
    """How one training differs from the others of its recipe."""

    head_start: float  # how far a random kernel moves the scores, see `networks.build`; 0: the kernel starts at 0
    order_seed: int  # of the order of the images, and of what the augmentation draws
    augmentation: str  # one of `augmentation.KINDS`
    epochs: int  # of the whole network, at most
    patience: int  # epochs without a better validation quality that end the training; 0: none do


def draw_settings(seed, count, epochs):
    """Draw the settings of some trainings. Nothing that a training gives changes them, and none is drawn again.

    Each setting is drawn by itself. These have equal chances: a head that starts at 0 or at random, each kind of
    augmentation, each number of epochs within a third of `epochs`, and a patience of none or of that third. So the mean
    number of epochs is at most `epochs`.

    Args:
        seed: of the draws.
        count: how many trainings there are. The first ones are the same for any count.
        epochs: around which their epochs are drawn.

    Returns:
        A list of `DrawnSettings`.
    """
    spread = epochs // 3
    drawn = []
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        start = round(float(generator.uniform(0.2, LARGEST_START)), 2)
        drawn.append(
            DrawnSettings(
                head_start=start if generator.integers(2) else 0.0,
                order_seed=int(generator.integers(2**31)),
                augmentation=str(generator.choice(list(augmentation.KINDS))),
                epochs=int(generator.integers(epochs - spread, epochs + spread + 1)),
                patience=int(generator.integers(2)) * max(1, spread),
            )
        )
    return drawn
