"""Would the answer survive small changes of the images and of the masks, which nobody would call another data set?

On at most MOST images the methods of the set are measured again under each change, and with them the nearest method
outside the set: the answer survives where the best of these lies in the set. By the set alone it always would.

Maps are drawn again where the pixels change. Those of others stay, and so do those of methods that ask the network
again for each map: they would take hours.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import evaluation, masks, progress
from black_average_drop.choice.ranking import drops_by_map
from black_average_drop.perturbation import Perturbing
from black_average_drop.statistics.answer_text import enumerated
from black_average_drop.statistics.which_best import WORSE

MOST = 200  # images or findings, drawn at random where there are more
STEP = 0.1  # of alpha, to both sides
AS_MEASURED, SHIFTED, RESIZED = "as measured", "a shift by one pixel", "another resizing"
SMALLER, LARGER, MEAN_FILL = f"alpha {STEP} smaller", f"alpha {STEP} larger", "the mean colour in place of black"
NEW_PIXELS = (SHIFTED, RESIZED)
PASSES = 2 * len(NEW_PIXELS) + 4  # of each map: two metrics for new pixels and the mean colour, BAD for each alpha
COLUMNS = ["metric", "change", "images", "best", "drop", "moved", "apart", "outside", "survives"]


class _Measured(NamedTuple):
    """What a change is measured with."""

    pixels: np.ndarray  # (n, H, W, 3)
    explained: evaluation.Maps  # of these pixels
    alpha: float
    fill: float | np.ndarray = 0.0
    metrics: tuple[str, ...] = evaluation.METRICS


def in_question(answer):
    """The methods of the set, and last the nearest one outside it, if there is one.

    Args:
        answer: a `which_best.Answer`.

    Returns:
        Two lists of names: those of the set, and at most one other.
    """
    methods = answer.methods.sort_values("mean", kind="stable")
    outside = methods["word"] == WORSE
    return methods.loc[~outside, "map"].tolist(), methods.loc[outside, "map"].tolist()[:1]


def passes_of_changes(maps, images):
    """How many images the network sees at most for all changes, if so many maps of so many images are measured."""
    return min(images, MOST) * (len(NEW_PIXELS) + PASSES * maps)


def measure_changes(
    network, dataset, resized, methods, drawn, first_pass, rows, answers, seed=0, batch_size=32, scheduler=""
):
    """Measure AD and BAD under each change.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of the N images or findings that were explained.
        resized: a function: positions of images -> their pixels, uint8 (n, H, W, 3), resized in another way.
        methods: name -> method.
        drawn: name -> maps (N, h, w) that others drew.
        first_pass: the `evaluation.Maps` of the N.
        rows: of `evaluation.evaluate`, without maps that are the same as another.
        answers: metric -> a `which_best.Answer`, or None.
        seed: by which images are drawn.
        batch_size, scheduler: as in `evaluation.evaluate`.

    Returns:
        A DataFrame with a row for each metric and change, and the columns metric, change, images (with a drop), best
        (the method with the smallest mean drop), drop (that mean), moved (the largest change of a mean drop, of
        whatever method), apart (the largest difference of two mean drops within the set, without a change), outside
        (whether a method is outside the set) and survives.
    """
    asked = {metric: in_question(answer) for metric, answer in answers.items() if answer is not None}
    names = list(dict.fromkeys(name for inside, outside in asked.values() for name in (*inside, *outside)))
    if not names:
        return pd.DataFrame(columns=COLUMNS)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:MOST])
    few, alpha = dataset.subset(chosen), float(rows["alpha"].iloc[0])
    again = {name: one for name, one in methods.items() if not isinstance(one, Perturbing)}
    every = first_pass.maps | drawn
    given = {name: np.asarray(every[name][chosen.tolist()]) for name in names if name not in again}
    base = first_pass._replace(
        maps={name: first_pass.maps[name][chosen] for name in again},
        classes=first_pass.classes[chosen],
        scores=first_pass.scores.iloc[chosen].reset_index(drop=True),
    )
    tables = {metric: drops_by_map(rows, metric) for metric in asked}
    before = {(metric, name): table[name].to_numpy()[chosen] for metric, table in tables.items() for name in table}
    found = {AS_MEASURED: before}
    with progress.bar(total=len(NEW_PIXELS) + 3, desc="changes") as bar:
        for change, measured in _changes(network, few, resized, again, base, alpha, batch_size, scheduler):
            found[change] = _drops(network, measured, names, given, batch_size, scheduler)
            bar.update(1)
    table = [_row(metric, change, drops, before, *asked[metric]) for change, drops in found.items() for metric in asked]
    known = pd.DataFrame([row for row in table if row], columns=COLUMNS)
    return known.sort_values("metric", ascending=False, kind="stable")


def changes_in_words(table):
    """What the changes do to the answer, a few sentences, "" where nothing was measured.

    Args:
        table: of `measure_changes`.
    """
    changed = table[table["change"] != AS_MEASURED]
    if not len(changed):
        return ""
    tried = list(changed["change"].unique())
    said = [f"Tried on {changed['images'].max()} images: {enumerated(tried)}."]
    for metric, of_metric in changed.groupby("metric", sort=False):
        lost = of_metric[~of_metric["survives"]]
        if len(lost):
            named = [f"{row['change']} ({row['best']} is the best)" for _, row in lost.iterrows()]
            said.append(f"By {metric} a method outside the set overtakes it under {enumerated(named)}.")
        elif of_metric["outside"].any():
            said.append(f"By {metric} the answer survives: the best method stays in the set.")
        else:
            said.append(f"By {metric} the set holds every method, so no change can overturn it.")
        most, apart = of_metric.loc[of_metric["moved"].idxmax()], of_metric["apart"].iloc[0]
        said.append(f"The mean drop moves by up to {most['moved']:.2g} ({most['change']}).")
        if most["moved"] > apart > 0:
            said.append(f"That is more than the methods of the set differ ({apart:.2g}).")
    return " ".join(said)


def _changes(network, dataset, resized, methods, base, alpha, batch_size, scheduler):
    """Yield the name of each change, and a `_Measured`."""
    pixels = dataset.images()
    yield SMALLER, _Measured(pixels, base, alpha - STEP, metrics=("BAD",))
    yield LARGER, _Measured(pixels, base, alpha + STEP, metrics=("BAD",))
    yield MEAN_FILL, _Measured(pixels, base, alpha, pixels.mean(axis=(0, 1, 2)))
    for change in NEW_PIXELS:
        new = _shifted(pixels) if change == SHIFTED else resized(dataset.positions)
        explained = evaluation.explain_all(network, new, methods, batch_size, base.classes, scheduler)
        yield change, _Measured(new, explained, alpha)


def _shifted(pixels):
    """Images (n, H, W, 3) one pixel further down and to the right; the row and the column at the edge come twice."""
    return np.pad(pixels[:, :-1, :-1], ((0, 0), (1, 0), (1, 0), (0, 0)), mode="edge")


def _drops(network, measured, names, given, batch_size, scheduler):
    """(metric, name) -> drops (n,) under a change; given: the maps that stay."""
    drops = {}
    if not 0 < measured.alpha < 1:
        return drops
    for name in names:
        maps = given[name] if name in given else measured.explained.maps[name]
        shown = evaluation.upsampled(maps, measured.pixels.shape[1:3])
        for metric in measured.metrics:
            shares = masks.scaled_to_peak(shown) if metric == "AD" else masks.kept_pixels(shown, measured.alpha)
            drops[metric, name] = evaluation.blended_drops(
                network, measured.pixels, shares, measured.explained, batch_size, measured.fill, scheduler
            )
    return drops


def _row(metric, change, drops, before, inside, outside):
    """A row of the table, or None where this change says nothing of the metric."""
    named = {name: drops[metric, name] for name in (*inside, *outside) if (metric, name) in drops}
    means = {name: _mean(values) for name, values in named.items() if np.isfinite(values).any()}
    if not means:
        return None
    best = min(means, key=means.get)  # the first of equal ones, so one of the set
    moved = [abs(_mean(named[name] - before[metric, name])) for name in means]
    of_set = [_mean(before[metric, name]) for name in inside]
    values = metric, change, int(np.isfinite(named[best]).sum()), best, means[best]
    return dict(
        zip(COLUMNS, (*values, max(moved), max(of_set) - min(of_set), bool(outside), best in inside), strict=True)
    )


def _mean(values):
    """The mean of those that are known, NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
