"""Maps that others drew, next to those of the methods: checked, read by batch, and compared with what is drawn here."""

import numpy as np

from black_average_drop import masks
from black_average_drop.first_pass import SAME_MAP


def check_drawn(drawn, count, names):
    """Refuse sets of maps that do not go with the images, or with other kinds of maps.

    Args:
        drawn: name -> array-like (N, h, w).
        count: N, how many images there are.
        names: of the methods and controls.

    Raises:
        ValueError: naming the set.
    """
    for name, maps in drawn.items():
        if name in names:
            raise ValueError(f"A drawn map and a method or control are both named {name!r}: rename the drawn one.")
        if len(maps) != count:
            raise ValueError(f"drawn {name!r} has {len(maps)} maps for {count} images: one for each is expected.")


def read_batch(maps, drawn, rows, ids, alike):
    """Read the maps of one batch, and strike out of `alike` what differs in it.

    Args:
        maps: name -> array-like (N, h, w), every kind of map that is scored.
        drawn: the names of those that others drew.
        rows: a slice of the images.
        ids: (N,), for the message.
        alike: name of a drawn map -> names of those that it may still be the same as. It is changed.

    Returns:
        name -> (n, h, w).

    Raises:
        ValueError: if a drawn map is no (n, h, w), or holds NaN. The message names the set and the image.
    """
    batch, count = {name: values[rows] for name, values in maps.items()}, len(ids[rows])
    for name in drawn:
        values = np.asarray(batch[name], "float32")
        if values.ndim != 3 or len(values) != count:
            raise ValueError(f"drawn {name!r} gives {values.shape} for {count} images: (n, h, w) is expected.")
        unfit = ~np.isfinite(values).all(axis=(1, 2))
        if unfit.any():
            image = ids[rows][np.argmax(unfit)]
            raise ValueError(f"The map {name!r} of image {image} holds NaN or infinite values: save it without them.")
        batch[name] = values
    for name in drawn:
        alike[name] = [other for other in alike[name] if _agree(batch[name], batch[other])]
    return batch


def _agree(one, other):
    """Whether maps (n, h, w) are the same, clipped and scaled to a peak of 1, up to rounding."""
    if one.shape != other.shape:
        return False
    return np.abs(masks.scaled_to_peak(one) - masks.scaled_to_peak(other)).max() < SAME_MAP
