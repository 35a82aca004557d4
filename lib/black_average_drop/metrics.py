"""What the paper defines: from scores before and after masking to Average Drop and Incorrect %."""

import numpy as np

METRICS = ("AD", "BAD")  # those that `evaluation.evaluate` measures


def drops(full, masked):
    """The relative drop of each image, max(0, Y - O) / Y: the summand of eq. (10).

    Args:
        full: (N,), the score Y of the explained class on the whole image.
        masked: (N,), its score O on the masked image.

    Returns:
        (N,), from 0 to 1 for O >= 0. NaN where Y <= 0, since an image without a score has no drop.

    Raises:
        ValueError: if a score is NaN or infinite.
    """
    full, masked = np.asarray(full, "float64"), np.asarray(masked, "float64")
    if not (np.isfinite(full).all() and np.isfinite(masked).all()):
        raise ValueError("A score is NaN or infinite: check the network's weights and the images.")
    positive = full > 0
    return np.divide(np.maximum(0, full - masked), full, out=np.full(full.shape, np.nan), where=positive)


def average_drop(full, masked):
    """Average Drop, eq. (10): the mean of max(0, Y - O) / Y over the images with Y > 0.

    With the masked images of eq. (11) it is Black Average Drop.

    Args:
        full: (N,), the score Y of the explained class on the whole image.
        masked: (N,), its score O on the masked image.

    Returns:
        From 0 to 1 for O >= 0, NaN if no image has a score above 0.

    Raises:
        ValueError: if a score is NaN or infinite.
    """
    values = drops(full, masked)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def incorrect_percent(classes, masked_logits):
    """Incorrect %: the percent of the masked images whose largest logit is not that of the explained class.

    Args:
        classes: (N,), the explained class of each image, a whole number from 0 to C - 1.
        masked_logits: (N, C), of the masked images.

    Returns:
        From 0 to 100.

    Raises:
        ValueError: if the shapes do not fit, a class is not a whole number below C, or a logit is not finite.
    """
    classes, masked_logits = np.asarray(classes), np.asarray(masked_logits)
    if classes.shape != masked_logits.shape[:1] or not len(classes):
        raise ValueError(f"classes {classes.shape} and masked_logits {masked_logits.shape}: (N,) and (N, C) expected.")
    if classes.dtype.kind not in "iu" or not 0 <= classes.min() <= classes.max() < masked_logits.shape[1]:
        raise ValueError(f"classes needs whole numbers from 0 to {masked_logits.shape[1] - 1}: mend it.")
    if not np.isfinite(masked_logits).all():
        raise ValueError("A logit is NaN or infinite: check the network's weights and the images.")
    return float(100 * np.mean(np.argmax(masked_logits, axis=1) != classes))
