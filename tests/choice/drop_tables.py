"""Tables of drops around the mean of each map."""

import numpy as np
import pandas as pd

CONTROLS = ("all ones", "centre prior")


def drops(generator, means, images=80, spread=0.05):
    """Drops around the mean of each map, the same for an image but for noise of its own."""
    common = generator.normal(0, 0.05, (images, 1))
    values = np.array(list(means.values())) + common + generator.normal(0, spread, (images, len(means)))
    return pd.DataFrame(np.clip(values, 0, 1), columns=list(means), index=[f"image {i}" for i in range(images)])
