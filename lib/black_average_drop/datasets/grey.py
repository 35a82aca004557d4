"""Grey values of any depth as 8 bits: which value becomes black and which white."""

import numpy as np

# A run chooses one for all files; the limits are each file's own. The second text is what a report calls it.
WINDOWS = {"full": "full range", "minmax": "smallest and largest value", "percentile": "1st and 99th percentile"}
AS_IT_IS = "8 bits as they are"
PERCENTILES = (1, 99)


def check_window(window):
    """Refuse what is no choice.

    Raises:
        ValueError: if the window is none of WINDOWS.
    """
    if window not in WINDOWS:
        raise ValueError(f"window is {window!r}: choose one of {', '.join(WINDOWS)}.")


def limits(values, window, full):
    """Decide what becomes black and what white.

    The smallest and the largest value that are there count where full is None, and where both percentiles are one
    value.

    Args:
        values: grey values, of any shape.
        window: one of WINDOWS.
        full: the lowest and highest value that could be stored, None where there is no such range, as of fractions.

    Returns:
        ((low, high), how): how is the one of WINDOWS' texts that says so.
    """
    if window == "full" and full is not None:
        return full, WINDOWS[window]
    if window == "percentile":
        low, high = np.percentile(values, PERCENTILES)
        if low < high:
            return (low, high), WINDOWS[window]
    return (values.min(), values.max()), WINDOWS["minmax"]


def stretched(values, low, high):
    """Turn grey values into uint8: low becomes 0 and high 255, also where low is the larger of the two."""
    span = float(high) - float(low)
    return np.clip((values - float(low)) / (span or 1) * 255, 0, 255).round().astype("uint8")


def share_filled(picture):
    """Measure how much of 0..255 a picture uses, in the channel that uses most: 0 if it is blank, at most 1.

    Args:
        picture: uint8, colours last.
    """
    channels = picture.reshape(-1, picture.shape[-1])
    return float(np.ptp(channels.astype(int), axis=0).max()) / 255
