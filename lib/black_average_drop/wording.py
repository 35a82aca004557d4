"""Words that figures, tables and pages share: the banner of a smoke run, and a value with its interval."""

import math


def banner(profile):
    """Return the line at the head of what the profile "smoke" makes, and "" for every other profile."""
    return "smoke run: not a result" if profile == "smoke" else ""


def rounded_up(limit, digits):
    """Write an upper limit so that what is written is no smaller than it, but for noise of floats."""
    return f"{math.ceil(round(limit * 10**digits, 6)) / 10**digits:.{digits}f}"


def with_interval(row, digits, sign="", columns=("value", "low", "high")):
    """Write a value with its interval.

    Args:
        row: mapping that holds the three columns.
        digits: number of decimal digits.
        sign: "+" shows the sign of positive values too.
        columns: names of the value and of the two ends of its interval.

    Returns:
        Text such as "+0.86 [+0.69, +0.99]", or "+0.86 [–]" where the interval is NaN.
    """
    value, low, high = (f"{row[name]:{sign}.{digits}f}" for name in columns)
    return f"{value} [–]" if math.isnan(row[columns[1]]) else f"{value} [{low}, {high}]"
