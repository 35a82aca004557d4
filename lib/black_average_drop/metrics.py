"""What the paper defines: from scores before and after masking to Average Drop and Incorrect %."""

import numpy as np


def drops(full, masked):
    """The relative drop of each image, max(0, Y - O) / Y: the summand of eq. (10).

    full, masked (N,): scores of the explained class on the whole and on the masked image. Returns (N,), in [0, 1] for
    O >= 0; NaN where Y <= 0, since an image without a score has no drop. Raises ValueError for scores not finite.
    """
    full, masked = np.asarray(full, "float64"), np.asarray(masked, "float64")
    if not (np.isfinite(full).all() and np.isfinite(masked).all()):
        raise ValueError("A score is NaN or infinite: check the network's weights and the images.")
    positive = full > 0
    return np.divide(np.maximum(0, full - masked), full, out=np.full(full.shape, np.nan), where=positive)


def average_drop(full, masked):
    """Average Drop, eq. (10): the mean of max(0, Y - O) / Y over images with Y > 0; NaN if there is none.

    With the masked images of eq. (11) it is Black Average Drop. full, masked (N,) scores.
    """
    values = drops(full, masked)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def incorrect_percent(classes, masked_logits):
    """Percent of masked images whose largest logit is not the given class; classes (N,), masked_logits (N, C).

    Raises ValueError for shapes that differ, classes that are not whole numbers below C, and logits not finite.
    """
    classes, masked_logits = np.asarray(classes), np.asarray(masked_logits)
    if classes.shape != masked_logits.shape[:1] or not len(classes):
        raise ValueError(f"classes {classes.shape} and masked_logits {masked_logits.shape}: (N,) and (N, C) wanted.")
    if classes.dtype.kind not in "iu" or not 0 <= classes.min() <= classes.max() < masked_logits.shape[1]:
        raise ValueError(f"classes needs whole numbers from 0 to {masked_logits.shape[1] - 1}: mend it.")
    if not np.isfinite(masked_logits).all():
        raise ValueError("A logit is NaN or infinite: check the network's weights and the images.")
    return float(100 * np.mean(np.argmax(masked_logits, axis=1) != classes))
