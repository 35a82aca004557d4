"""From a network, images and methods to one table row for each image, method and metric."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import logit

from black_average_drop import cams, drawn_maps, masks, metrics, progress, workers
from black_average_drop.arrays import as_numpy, namespace, placed_with
from black_average_drop.first_pass import (
    Maps,
    chunks,
    class_scores,
    digests_of,
    explain,
    explain_all,
    explain_batch,
    padded,
    upsampled,
)
from black_average_drop.metrics import METRICS

__all__ = [
    "METRICS",
    "Maps",
    "black_logits",
    "blended_drops",
    "class_scores",
    "control_maps",
    "evaluate",
    "explain",
    "explain_all",
    "explain_batch",
    "masked_scores",
    "upsampled",
]
COLUMNS = (
    ["id", "class", "method", "metric", "full_score", "masked_score", "drop", "masked_class", "alpha", "kept"]
    # Beyond the scores of the network's own activation: the logit they come from, the softmax, and what ringing kept.
    + ["full_logit", "masked_logit", "full_softmax", "masked_softmax", "kept_unsupported", "opacity", "lit"]
    + ["same_map_as"]
)


def evaluate(
    network,
    images,
    methods: Mapping[str, Callable] | None = None,
    alpha=None,
    batch_size=32,
    ids=None,
    classes=None,
    controls: Mapping[str, Callable] | None = None,
    groups=None,
    ties="strict",
    seed=0,
    first_pass: Maps | None = None,
    scheduler="",
    thresholds=0.5,
    drawn=None,
):
    """Measure Average Drop ("AD") and Black Average Drop ("BAD") of every image under every method.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3), 0 to 255, or a re-iterable of such batches, which is read twice.
        methods: name -> method; by default `cams.METHODS`.
        alpha: the share of pixels that BAD keeps, between 0 and 1. By default `masks.select_alpha` chooses it from the
            paper's methods.
        batch_size: how many images go through the network at a time.
        ids: (N,), by default 0 to N - 1. An image with several findings comes once for each that is explained, under
            one id: no two of the N have both id and class in common.
        classes: (N,), the explained class; by default the class predicted on the whole image. A network of several
            labels at once requires it.
        controls: name -> one of `controls.CONTROLS` or a function like them, drawn from the maps of the first method.
        groups: (N,), the patient of each image; by default each image is its own.
        ties: as in `masks.blacken`; "exact" ranks by the unclipped maps.
        seed: of the controls.
        first_pass: what `explain_all` gave for the same images, methods and classes, if it was called before.
        scheduler: the address of a Dask scheduler whose workers are to do it, see `workers.in_order`.
        thresholds: for several labels at once, the score above which a label is said to be there, from 0 to 1: one, or
            one for each of the C classes.
        drawn: name -> maps that others drew, array-like (N, h, w), which are read by slices of rows, a batch at a time.
            They are scored like those of a method, between methods and controls, and have no part in the choice of
            alpha.

    Returns:
        A DataFrame with a row for each image, explained class, method and metric, and these columns:

        - full_score and masked_score: the class's scores Y and O under the network's activation.
        - drop: max(0, Y - O) / Y, eq. (10), or NaN for Y <= 0.
        - masked_class: the class of the masked image. For several labels at once it is c, or -1 where c's score
          crossed its threshold.
        - kept: the share of pixels left under BAD, 1 under AD; kept_unsupported: the share of the kept pixels where
          the map is not positive.
        - opacity: the mean of the map scaled to a peak of 1; lit: the share of the image where that is above 0.5.
        - same_map_as: the first of the methods, and of what others drew, whose maps agree with this one's on every
          image. Its rows are those of that one.

    Raises:
        ValueError: an input is unusable, a name, or an id with the same class, is given twice, or the second reading
            gives other images. A drawn map that holds NaN is named.
    """
    crossing = _threshold_logits(thresholds, network.classes)
    methods, drawn = cams.METHODS if methods is None else methods, drawn or {}
    if first_pass is not None and (list(first_pass.maps) != list(methods) or classes is not None):
        raise ValueError("first_pass was made with other methods or classes: pass what it was made with.")
    explained = first_pass or explain_all(network, images, methods, batch_size, classes, scheduler)
    ids, groups = _checked_names(explained.classes, ids, groups)
    if alpha is None:
        alpha = masks.select_alpha(explained.curve)
    drawn_maps.check_drawn(drawn, len(ids), {*explained.maps, *(controls or {})})
    drawn_controls = control_maps(explained.maps, controls or {}, groups, network.image_size, seed)
    maps = explained.maps | drawn | drawn_controls
    distinct = {name: values for name, values in maps.items() if name not in explained.same_as}
    alike = {name: [*explained.distinct, *list(drawn)[:earlier]] for earlier, name in enumerate(drawn)}
    read = partial(drawn_maps.read_batch, distinct, drawn, ids=ids, alike=alike)
    work = partial(_score_chunk, alpha=alpha, ties=ties, batch_size=batch_size)
    scored = _second_pass(network, images, distinct, read, explained, work, batch_size, scheduler)
    tables, same_maps = [], explained.same_as | {name: others[0] for name, others in alike.items() if others}
    for name in maps:
        for metric in METRICS:
            same_as = same_maps.get(name, "")
            masked = scored[same_as or name, metric]
            table = _rows(network, explained.scores, masked, explained.classes, crossing[explained.classes])
            tables.append(table.assign(id=ids, method=name, metric=metric, alpha=alpha, same_map_as=same_as))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _checked_names(classes, ids, groups):
    """The ids and the patients of images with their explained classes: those that are given, or the images' numbers."""
    count = len(classes)
    ids, groups = (np.arange(count) if given is None else np.asarray(given) for given in (ids, groups))
    for name, given in (("ids", ids), ("groups", groups)):
        if len(given) != count:
            raise ValueError(f"{name} has {len(given)} entries for {count} images: one for each is expected.")
    keys = pd.DataFrame({"id": ids, "class": classes})
    twice = keys[keys.duplicated()]
    if len(twice):  # tables join and count rows by both
        name, number = twice.iloc[0]
        raise ValueError(f"ids has {name!r} twice for class {number}: give each image an id of its own.")
    return ids, groups


def _threshold_logits(thresholds, classes):
    """The logits (C,) at which scores of several labels at once cross their thresholds."""
    thresholds = np.asarray(thresholds, "float64")
    if thresholds.shape not in ((), (classes,)) or not ((0 <= thresholds) & (thresholds <= 1)).all():
        raise ValueError(f"thresholds needs numbers from 0 to 1, one or one for each of {classes} classes: mend it.")
    return np.broadcast_to(logit(thresholds), (classes,))


def _second_pass(network, images, names, read, explained, work, batch_size, scheduler):
    """Score the masked images: (name, metric) -> DataFrame, a row an image.

    names: of the maps; read: a slice of the images -> name -> their maps (n, h, w); work: `_score_chunk` with what is
    the same for all batches.
    """
    answers, start, count = {(name, metric): [] for name in names for metric in METRICS}, 0, len(explained.classes)
    batches = ((chunk, read(rows), explained.classes[rows]) for chunk, rows in chunks(images, batch_size))
    with progress.bar(total=count * len(answers), desc="masked images", unit="image") as bar:
        for of_batch, digests in workers.in_order(work, network, batches, scheduler):
            expected = explained.digests[start : start + len(digests)]
            if len(expected) == len(digests) and (expected != digests).any():
                raise ValueError(
                    f"Image {start + int(np.argmax(expected != digests))} differs between the two readings: pass a "
                    "source that gives the same images in the same order, without shuffling or augmenting."
                )
            for key, table in of_batch.items():
                answers[key].append(table)
            start += len(digests)
            bar.update(len(digests) * len(answers))
    if start != count:
        raise ValueError(f"The second reading gave {start} images, the first {count}: pass a re-iterable of batches.")
    return {key: pd.concat(tables, ignore_index=True) for key, tables in answers.items()}


def control_maps(maps, controls, groups, size, seed=0):
    """Draw controls as `evaluate` does, from the clipped maps of the first method.

    Args:
        maps: name -> (N, h, w), those of the methods.
        controls: name -> one of `controls.CONTROLS` or a function like them.
        groups: (N,), the patient of each image.
        size: (H, W) of the images.
        seed: of those that are drawn at random.

    Returns:
        name -> float32 (N, h, w) or (N, H, W).

    Raises:
        ValueError: if a control and a method have one name.
    """
    both = set(maps) & set(controls)
    if both:
        raise ValueError(f"A control and a method are both named {min(both)!r}: give the control another name.")
    reference = np.maximum(next(iter(maps.values())), 0)
    return {name: np.asarray(draw(reference, groups, size, seed), "float32") for name, draw in controls.items()}


def blended_drops(network, images, shares, explained, batch_size=32, fill=0, scheduler=""):
    """Measure the drop of every image under a masking of any kind.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3).
        shares: (N, H, W), 0 to 1, how much of each pixel is left.
        explained: the `Maps` of the same images.
        batch_size: how many images go through the network at a time.
        fill: what takes the place of the rest, as in `masks.blend`.
        scheduler: the address of a Dask scheduler, as for `evaluate`.

    Returns:
        (N,), NaN where Y <= 0, under the network's activation.
    """
    batches = ((chunk, shares[rows], explained.classes[rows]) for chunk, rows in chunks(images, batch_size))
    work = partial(_score_blended, fill=fill, batch_size=batch_size)
    scores = list(workers.in_order(work, network, batches, scheduler))
    return metrics.drops(explained.scores["score"], np.concatenate(scores))


def masked_scores(network, masked, classes, batch_size=32):
    """Ask the network about masked pixels (n, H, W, 3), n <= batch_size.

    Returns:
        A DataFrame, a row an image: score, logit and softmax of the explained class, classes (n,), and the class
        predicted.
    """
    logits, _ = network.score(padded(masked, batch_size))
    return class_scores(network, logits[: len(masked)], classes)


def black_logits(network):
    """Return the logits (C,) of a black image: what any masked image tends to as it keeps less and less."""
    return network.score(np.zeros((1, *network.image_size, 3), "float32"))[0][0]


def _score_blended(network, images, shares, classes, fill, batch_size):
    pixels = network.placed(images)
    return masked_scores(network, masks.blend(pixels, placed_with(pixels, shares), fill), classes, batch_size)["score"]


def _score_chunk(network, images, maps, classes, alpha, ties, batch_size):
    """(name, metric) -> DataFrame of what the network says of a batch's masked images, and of what was kept.

    Also the images' checksums.
    """
    tables, pixels = {}, network.placed(images)
    for name, low_resolution in maps.items():
        for metric, masked, kept in _masked(pixels, placed_with(pixels, low_resolution), alpha, ties):
            scores = masked_scores(network, masked, classes, batch_size)
            tables[name, metric] = pd.concat([scores, kept], axis=1)
    return tables, digests_of(images)


def _masked(images, maps, alpha, ties):
    """For each metric its masked images (n, H, W, 3) and a DataFrame of what was kept; maps (n, h, w), unclipped."""
    shown = upsampled(maps, images.shape[1:3])
    ranking = cams.upsample(maps, images.shape[1:3]) if ties == "exact" else None
    kept = masks.kept_pixels(shown, alpha, ties, ranking)
    scaled = masks.scaled_to_peak(shown)
    pixels, counts = images.shape[1] * images.shape[2], _count(kept)
    mean_opacity = as_numpy(namespace(scaled).mean(scaled, axis=(1, 2)))
    both = pd.DataFrame({"opacity": mean_opacity, "lit": _count(scaled > 0.5) / pixels})
    yield "AD", masks.blend(images, scaled), both.assign(kept=1.0, kept_unsupported=0.0)
    unsupported = _count(kept & (shown <= 0))
    area = {"kept": counts / pixels, "kept_unsupported": unsupported / np.maximum(counts, 1)}
    yield "BAD", masks.blend(images, kept), both.assign(**area)


def _rows(network, full, masked, classes, crossing):
    """The rows of one method and metric, from what the network says of the whole and of the masked images.

    crossing: (N,), the logit at which a label of several counts as there.
    """
    masked_class = masked["predicted"]
    if network.activation == "sigmoid":
        masked_class = np.where((full["logit"] > crossing) != (masked["logit"] > crossing), -1, classes)
    return pd.DataFrame(
        {
            "class": classes,
            "drop": metrics.drops(full["score"], masked["score"]),
            "masked_class": masked_class,
        }
        | {name: masked[name] for name in ("kept", "kept_unsupported", "opacity", "lit")}
        | {f"full_{name}": full[name] for name in ("score", "logit", "softmax")}
        | {f"masked_{name}": masked[name] for name in ("score", "logit", "softmax")}
    )


def _count(chosen):
    """How many pixels of each boolean (n, H, W) are true: NumPy (n,)."""
    return as_numpy(namespace(chosen).sum(chosen, axis=(1, 2)))
