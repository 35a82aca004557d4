"""Grey values of any depth as 8 bits: which value becomes black and which white."""

from numbers import Real

import numpy as np

# A run chooses one for all files; the limits are each file's own. The second text is what a report calls it.
WINDOWS = {"full": "full range", "minmax": "smallest and largest value", "percentile": "1st and 99th percentile"}
AS_IT_IS = "8 bits as they are"
PERCENTILES = (1, 99)


def check_window(window):
    """Refuse what is no choice.

    Raises:
        ValueError: if the window is neither one of WINDOWS nor [centre, width] with a width above 0.
    """
    if window in list(WINDOWS) or (_is_pair(window) and window[1] > 0):
        return
    raise ValueError(
        f"window is {window!r}: choose one of {', '.join(WINDOWS)}, or [centre, width] with a width above 0."
    )


def limits(values, window, full):
    """Decide what becomes black and what white.

    The smallest and the largest value that are there count where full is None, and where both percentiles are one
    value. A [centre, width] of whole values is from centre - 0.5 - (width - 1) / 2 to centre - 0.5 + (width - 1) / 2
    (LINEAR, DICOM PS3.3, C.11.2.1.2.1). Of fractions, and with a width up to 1, it is from centre - width / 2 to
    centre + width / 2 (LINEAR_EXACT, C.11.2.1.3.2).

    Args:
        values: grey values, of any shape.
        window: one of WINDOWS, or [centre, width].
        full: the lowest and highest value that could be stored, None where there is no such range, as of fractions.

    Returns:
        ((low, high), how): how says so in words.
    """
    if _is_pair(window):
        centre, width = window
        how = f"window {centre:g}/{width:g}"
        if full is not None and width > 1:
            centre, width = centre - 0.5, width - 1
        return (centre - width / 2, centre + width / 2), how
    if window == "full" and full is not None:
        return full, WINDOWS[window]
    if window == "percentile":
        low, high = np.percentile(values, PERCENTILES)
        if low < high:
            return (low, high), WINDOWS[window]
    return (values.min(), values.max()), WINDOWS["minmax"]


def _is_pair(window):
    """Whether a window is two finite numbers."""
    numbers = window if isinstance(window, (list, tuple)) else ()
    return len(numbers) == 2 and all(
        isinstance(number, Real) and not isinstance(number, bool) and np.isfinite(number) for number in numbers
    )


def stretched(values, low, high):
    """Turn grey values into uint8: low becomes 0 and high 255, also where low is the larger of the two."""
    span = float(high) - float(low)
    return np.clip((values - float(low)) / (span or 1) * 255, 0, 255).round().astype("uint8")


def share_filled(picture):
    """Measure how much of 0..255 a picture uses, in the channel that uses most: 0 if it is blank, at most 1.

    Args:
        picture: uint8, colours last.
    """
    return max(int(channel.max()) - int(channel.min()) for channel in np.moveaxis(picture, -1, 0)) / 255
