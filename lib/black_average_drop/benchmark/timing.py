"""Two ways to the same end, timed in turns in one run: only their ratio means anything on another machine."""

import time
from typing import NamedTuple

import numpy as np

from black_average_drop.evaluation import METRICS

COLUMNS = ["row", "value", "low", "high", "unit", "target", "met", "of", "note"]


class Seconds(NamedTuple):
    """What one side took in each of R rounds: wall time and processor time of this process on all its cores."""

    wall: np.ndarray  # (R,)
    processor: np.ndarray  # (R,)


def in_turns(sides, rounds):
    """The time that several sides take, each called once in each round.

    Every other round goes backwards, so that a machine that grows slower favours no side. Whatever compiles in a first
    call must have been called before.

    Args:
        sides: name -> a function of no argument.
        rounds: their number.

    Returns:
        name -> `Seconds`.
    """
    spent = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            wall, processor = time.perf_counter(), time.process_time()
            sides[name]()
            spent[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: Seconds(*np.transpose(rounds_of_one)) for name, rounds_of_one in spent.items()}


def ratio(name, one, other, of, most=None, least=None, note=""):
    """A row of the benchmark: the time of one side by that of the other, the median over the rounds and its range.

    Args:
        name: of the row.
        one, other: `Seconds` of both sides.
        of: what the other side is.
        most, least: the target, above or below which it is missed.
        note: what else to know.
    """
    ratios = one.wall / other.wall
    seconds = " against ".join(f"{_shown(np.median(s.wall))} ({_shown(np.median(s.processor))})" for s in (one, other))
    took = f"{seconds} s of wall (processor) time, {len(ratios)} rounds"
    note = f"{took}; {note}" if note else took
    return row(name, np.median(ratios), "ratio", of, most, least, note, ratios.min(), ratios.max())


def passes(explained):
    """How many images go through the network for each one that is evaluated, at least; explained: `evaluation.Maps`."""
    return 1 + len(METRICS) * len(explained.distinct)


def bare_passes(network, images, batch_size, whole=1, masked=0):
    """The forward passes that cannot be saved, in batches filled up to one size, as evaluation does it.

    Args:
        network: a `networks.CamNetwork`.
        images: pixels (N, H, W, 3).
        batch_size: how many images go through the network at a time.
        whole: how often each image goes through it for its features.
        masked: how often for its scores alone.
    """
    images = np.pad(images, [(0, -len(images) % batch_size), (0, 0), (0, 0), (0, 0)])
    for start in range(0, len(images), batch_size):
        batch = network.placed(images[start : start + batch_size])
        for _ in range(whole):
            network.explain(batch)
        for _ in range(masked):
            network.score(batch)


def row(name, value, unit, of="", most=None, least=None, note="", low=np.nan, high=np.nan):
    """A row of the benchmark as a dict of COLUMNS; value is NaN if nothing could be measured."""
    target, met = "", ""
    if most is not None or least is not None:
        target = f"at most {most:g}" if most is not None else f"at least {least:g}"
        reached = value <= most if most is not None else value >= least
        met = "not measured" if np.isnan(value) else "yes" if reached else "no"
    return dict(zip(COLUMNS, (name, value, low, high, unit, target, met, of, note), strict=True))


def _shown(seconds):
    """Seconds for a reader."""
    return f"{seconds:.3g}" if seconds < 1 else f"{seconds:.1f}"
