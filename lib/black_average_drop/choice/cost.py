"""How many images a run shows to the network, and how long that takes: said before it starts."""

import time

import pandas as pd

from black_average_drop import evaluation, first_pass, progress
from black_average_drop.choice import robustness
from black_average_drop.evaluation import METRICS
from black_average_drop.perturbation import Perturbing

MAPS, MASKED, CHANGED = "maps", "masked images", "small changes"


def announce(network, dataset, classes, methods, drawn, controls, batch_size):
    """Print what a run will cost, where somebody watches and into the notebook, before it starts.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of the pairs of image and finding to explain.
        classes: (N,), the explained classes.
        methods, drawn, controls: as for `planned_passes`.
        batch_size: how many images go through the network at a time.

    Returns:
        What `planned_passes` gives.
    """
    images = dataset.images(slice(0, batch_size))
    explanation = evaluation.explain_batch(network, images, classes[: len(images)], batch_size)
    planned = planned_passes(len(dataset), methods, drawn, controls, explanation)
    said = announcement(planned, len(dataset), seconds_per_pass(network, first_pass.padded(images, batch_size)))
    progress.note(said)
    print(said)
    return planned


def planned_passes(pairs, methods, drawn, controls, explanation):
    """Count the images that a run shows to the network, if no two methods draw the same map.

    Args:
        pairs: the number of images and findings to explain.
        methods: name -> method.
        drawn: the names of maps that others drew.
        controls: the names of control maps.
        explanation: a `cams.Explanation` of any images of the run, by which methods know what they will ask.

    Returns:
        A Series: how many images are shown for the maps, for each method that asks the network again, for the masked
        images, and at most for the small changes of `robustness`.
    """
    again = {name: method.passes(explanation) for name, method in methods.items() if isinstance(method, Perturbing)}
    own = len(methods) + len(drawn)
    each = {MAPS: 1} | again | {MASKED: (own + len(controls)) * len(METRICS)}
    passes = {what: number * pairs for what, number in each.items()}
    return pd.Series(passes | {CHANGED: robustness.passes_of_changes(own, pairs)})


def seconds_per_pass(network, images):
    """Measure how long the network takes for an image, in a batch (n, H, W, 3) that it has seen once before."""
    network.score(images)
    started = time.perf_counter()
    network.score(images)
    return (time.perf_counter() - started) / len(images)


def announcement(planned, pairs, seconds):
    """Say what `planned_passes` counted for so many pairs, and how long it takes at so many seconds for each pass."""
    again = planned.drop([MAPS, MASKED, CHANGED])
    said = [f"{name} takes {passes // pairs:,} passes a map." for name, passes in again.items()]
    total = int(planned.sum())
    said.append(f"In all up to {total:,} passes through the network: {_duration(total * seconds)} on this machine.")
    said.append(f"Up to {planned[CHANGED]:,} of them try small changes of images and masks.")
    return " ".join(said)


def _duration(seconds):
    """A duration in the unit that suits it."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:.{int(seconds < 10 * length)}f} {unit}"
    return f"about {seconds:.0f} seconds" if seconds >= 10 else "a few seconds"
