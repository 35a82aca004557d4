"""Settings of a training that go together, by name."""

# What may be done against learning by heart: arguments of `fit` and `networks.build`.
RECIPES = {
    "plain": {"patience": 0, "augmentation": "none", "balanced": False, "dropout": 0.0},
    "full": {"patience": 4, "augmentation": "full", "balanced": True, "dropout": 0.2},
}
HEAD_LEARNING_RATE = 1e-3
WARM_UP = 0.5  # of a network of random weights: with it 6 epochs do what 8 do without


def recipe(name):
    """One of RECIPES by name. Raises ValueError if there is none of that name."""
    if name not in RECIPES:
        raise ValueError(f"The recipe is {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]
