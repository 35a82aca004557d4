"""Words that a value and its interval choose: which of two is ahead, or that nothing is decided."""

import numpy as np

from black_average_drop.statistics.answer_text import enumerated
from black_average_drop.wording import with_interval


def side_of_zero(low, high):
    """1 where an interval is above 0, -1 where it is below, 0 where it holds 0, and None where there is none."""
    if np.isnan(low) or np.isnan(high):
        return None
    return 1 if low > 0 else -1 if high < 0 else 0


def who_is_ahead(first, second, difference, digits=4, more_is_better=False):
    """Say which of two is ahead.

    Args:
        first: its name.
        second: its name.
        difference: (value, low, high) of second − first. low and high are NaN where there is no interval.
        digits: number of decimal digits.
        more_is_better: whether more of the value is better, as of lesions touched. Of a drop less is.

    Returns:
        A sentence without its full stop.
    """
    side = side_of_zero(*difference[1:])
    if side is None:
        return f"too few differ to say whether {first} or {second} is ahead (difference {difference[0]:+.{digits}f})"
    if not side:
        return f"{first} and {second} are not told apart (difference {signed(difference, digits)})"
    ahead, behind = (second, first) if (side > 0) == more_is_better else (first, second)
    return f"{ahead} is ahead of {behind} by {unsigned(difference, digits)}"


def signed(difference, digits):
    """A difference (value, low, high) with its sign and its interval: "-0.015 [-0.019, -0.010]"."""
    return with_interval(dict(zip(("value", "low", "high"), difference, strict=True)), digits, "+")


def unsigned(difference, digits):
    """A decided difference (value, low, high) and its interval, without the sign: "0.015 [0.010, 0.019]"."""
    value, *ends = np.abs(difference)
    return with_interval({"value": value, "low": min(ends), "high": max(ends)}, digits)


def in_ranges(percents, step):
    """Percents on a grid as text: "5 to 30, 40 and 45". Three neighbours or more are one range."""
    runs = []
    for percent in sorted(percents):
        if runs and percent - runs[-1][-1] == step:
            runs[-1].append(percent)
        else:
            runs.append([percent])
    parts = [[f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run) for run in runs]
    return enumerated([part for run in parts for part in run])


def capitalised(sentence):
    """The sentence with a capital letter and a full stop."""
    return f"{sentence[0].upper()}{sentence[1:]}."
