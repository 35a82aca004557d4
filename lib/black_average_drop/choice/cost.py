"""How many images a run shows to the network, and how long that takes: said before it starts."""

import time

import pandas as pd

from black_average_drop import evaluation, first_pass, progress
from black_average_drop.evaluation import METRICS
from black_average_drop.perturbation import Perturbing

MAPS, MASKED = "maps", "masked images"


def announce(network, dataset, classes, methods, maps, batch_size):
    """Print what a run will cost, where somebody watches and into the notebook, before it starts.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of the pairs of image and finding to explain.
        classes: (N,), the explained classes.
        methods: name -> method.
        maps: as for `planned_passes`.
        batch_size: how many images go through the network at a time.

    Returns:
        What `planned_passes` gives.
    """
    images = dataset.images(slice(0, batch_size))
    explanation = evaluation.explain_batch(network, images, classes[: len(images)], batch_size)
    planned = planned_passes(len(dataset), maps, methods, explanation)
    said = announcement(planned, seconds_per_pass(network, first_pass.padded(images, batch_size)))
    progress.note(said)
    print(said)
    return planned


def planned_passes(pairs, maps, methods, explanation):
    """Count the images that a run shows to the network, if no two methods draw the same map.

    Args:
        pairs: the number of images and findings to explain.
        maps: the number of maps, of methods and of controls, whose masked images are scored.
        methods: name -> method.
        explanation: a `cams.Explanation` of any images of the run, by which methods know what they will ask.

    Returns:
        A DataFrame with a row for the maps, for each method that asks the network again, and for the masked images:
        `what`, `each` (images for each pair) and `passes` (images in all).
    """
    again = {name: method.passes(explanation) for name, method in methods.items() if isinstance(method, Perturbing)}
    each = {MAPS: 1} | again | {MASKED: maps * len(METRICS)}
    return pd.DataFrame({"what": list(each), "each": list(each.values())}).assign(
        passes=lambda table: table["each"] * pairs
    )


def seconds_per_pass(network, images):
    """Measure how long the network takes for an image, in a batch (n, H, W, 3) that it has seen once before."""
    network.score(images)
    started = time.perf_counter()
    network.score(images)
    return (time.perf_counter() - started) / len(images)


def announcement(planned, seconds):
    """Say what `planned_passes` counted, and how long it takes at so many seconds for each pass."""
    again = planned[~planned["what"].isin([MAPS, MASKED])]
    said = [f"{name} takes {passes:,} passes a map." for name, passes in zip(again["what"], again["each"], strict=True)]
    total = int(planned["passes"].sum())
    said.append(f"In all up to {total:,} passes through the network: {_duration(total * seconds)} on this machine.")
    return " ".join(said)


def _duration(seconds):
    """A duration in the unit that suits it."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:.{int(seconds < 10 * length)}f} {unit}"
    return f"about {seconds:.0f} seconds" if seconds >= 10 else "a few seconds"
