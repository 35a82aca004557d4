"""From a network, images and methods to one table row for each image, method and metric."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import cams, masks, metrics, progress, workers
from black_average_drop.arrays import namespace, placed_with, softmax

METRICS = ("AD", "BAD")
COLUMNS = (
    ["id", "class", "method", "metric", "full_score", "masked_score", "drop", "masked_class", "alpha", "kept"]
    # Beyond the scores of the network's own activation: the logit they come from, the softmax, and what ringing kept.
    + ["full_logit", "masked_logit", "full_softmax", "masked_softmax", "kept_unsupported", "opacity", "lit"]
    + ["same_map_as"]
)
SAME_MAP = 1e-4  # maps scaled to a peak of 1 that differ by less are the same map up to rounding


class Maps(NamedTuple):
    """What the first pass over N images leaves: small enough to keep for any number of images."""

    maps: dict[str, np.ndarray]  # method -> (N, h, w) as the method gave them, before clipping and upsampling
    same_as: dict[str, str]  # method -> an earlier method with the same maps
    classes: np.ndarray  # (N,) the explained class
    scores: pd.DataFrame  # a row an image: score, logit, softmax of the explained class, and the predicted class
    curve: np.ndarray  # `masks.alpha_curve` of the paper's methods, (P + 1,)
    digests: np.ndarray  # (N,) a checksum of each image, by which the second reading is known to be the first again

    @property
    def distinct(self):
        """The methods in their order, those that draw the same maps once."""
        return [name for name in self.maps if name not in self.same_as]

    def shown(self, name, size, rows=slice(None)):
        """Return a method's maps as they are shown and measured: (N, H, W), clipped at 0, then upsampled.

        Args:
            name: the method.
            size: (H, W).
            rows: a slice, or indices, of the images.
        """
        return upsampled(self.maps[name][rows], size)


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
):
    """Measure Average Drop ("AD") and Black Average Drop ("BAD") of every image under every method.

    Args:
        network: a `networks.CamNetwork`.
        images: pixels (N, H, W, 3), 0 to 255, or a re-iterable of such batches, which is read twice.
        methods: name -> method; by default `cams.METHODS`.
        alpha: the share of pixels that BAD keeps, between 0 and 1. By default `masks.select_alpha` chooses it from the
            paper's methods.
        batch_size: how many images go through the network at a time.
        ids: (N,), no one twice; by default 0 to N - 1.
        classes: (N,), the explained class; by default the class predicted on the whole image. A network of several
            labels at once requires it.
        controls: name -> one of `controls.CONTROLS` or a function like them, drawn from the maps of the first method.
        groups: (N,), the patient of each image; by default each image is its own.
        ties: as in `masks.blacken`; "exact" ranks by the unclipped maps.
        seed: of the controls.
        first_pass: what `explain_all` gave for the same images, methods and classes, if it was called before.
        scheduler: the address of a Dask scheduler whose workers are to do it, see `workers.in_order`.

    Returns:
        A DataFrame with a row for each image, method and metric, and these columns:

        - full_score and masked_score: the class's scores Y and O under the network's activation.
        - drop: max(0, Y - O) / Y, eq. (10), or NaN for Y <= 0.
        - masked_class: the class of the masked image. For several labels at once it is c, or -1 where c's score
          crossed 0.5.
        - kept: the share of pixels left under BAD, 1 under AD; kept_unsupported: the share of the kept pixels where
          the map is not positive.
        - opacity: the mean of the map scaled to a peak of 1; lit: the share of the image where that is above 0.5.
        - same_map_as: the first of the methods whose maps agree with this one's on every image. They are scored once.

    Raises:
        ValueError: an input is unusable, an id or a name is given twice, or the second reading gives other images.
    """
    methods = cams.METHODS if methods is None else methods
    if first_pass is not None and (list(first_pass.maps) != list(methods) or classes is not None):
        raise ValueError("first_pass was made with other methods or classes: pass what it was made with.")
    explained = first_pass or explain_all(network, images, methods, batch_size, classes, scheduler)
    ids, groups = _checked_names(len(explained.classes), ids, groups)
    if alpha is None:
        alpha = masks.select_alpha(explained.curve)
    maps = explained.maps | _control_maps(explained.maps, controls or {}, groups, network.image_size, seed)
    distinct = {name: values for name, values in maps.items() if name not in explained.same_as}
    work = partial(_score_chunk, alpha=alpha, ties=ties, batch_size=batch_size)
    scored = _second_pass(network, images, distinct, explained, work, batch_size, scheduler)
    tables = []
    for name in maps:
        for metric in METRICS:
            same_as = explained.same_as.get(name, "")
            table = _rows(network, explained.scores, scored[same_as or name, metric], explained.classes)
            tables.append(table.assign(id=ids, method=name, metric=metric, alpha=alpha, same_map_as=same_as))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _checked_names(count, ids, groups):
    """The ids and the patients of so many images: those that are given, or the images' numbers."""
    ids, groups = (np.arange(count) if given is None else np.asarray(given) for given in (ids, groups))
    for name, given in (("ids", ids), ("groups", groups)):
        if len(given) != count:
            raise ValueError(f"{name} has {len(given)} entries for {count} images: one for each is expected.")
    twice = pd.Series(ids)[pd.Series(ids).duplicated()]
    if len(twice):  # tables join and count rows by id
        raise ValueError(f"ids has {twice.iloc[0]!r} twice: give each image an id of its own.")
    return ids, groups


def _control_maps(maps, controls, groups, size, seed):
    """Name -> maps of the controls, drawn from the clipped maps of the first method."""
    both = set(maps) & set(controls)
    if both:
        raise ValueError(f"A control and a method are both named {min(both)!r}: give the control another name.")
    reference = np.maximum(next(iter(maps.values())), 0)
    return {name: np.asarray(draw(reference, groups, size, seed), "float32") for name, draw in controls.items()}


def _second_pass(network, images, maps, explained, work, batch_size, scheduler):
    """Score the masked images: (name, metric) -> DataFrame, a row an image.

    maps: name -> (N, h, w), no two alike; work: `_score_chunk` with what is the same for all batches.
    """
    answers, start, count = {(name, metric): [] for name in maps for metric in METRICS}, 0, len(explained.classes)
    batches = (
        (chunk, {name: values[rows] for name, values in maps.items()}, explained.classes[rows])
        for chunk, rows in _chunks(images, batch_size)
    )
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


def explain_all(network, images, methods=None, batch_size=32, classes=None, scheduler=""):
    """Read the images once: maps of every method before upsampling, scores, classes and the alpha curve.

    Args:
        network: as for `evaluate`, and so are all others.
        images: read once.
        methods: name -> method.
        batch_size: how many images go through the network at a time.
        classes: (N,), the explained class.
        scheduler: the address of a Dask scheduler.

    Returns:
        A `Maps`.

    Raises:
        ValueError: an input is unusable. Where feature maps are not fit for a method, the message names the layer.
    """
    methods = cams.METHODS if methods is None else methods
    if not methods:
        raise ValueError("methods is empty: name at least one method.")
    if network.activation == "sigmoid" and classes is None:
        raise ValueError("This network gives several labels at once: pass classes, the one to explain for each image.")
    parts, images_differ, answers_differ = [], False, False
    batches = (
        (chunk, None if classes is None else np.asarray(classes)[rows], rows.start)
        for chunk, rows in _chunks(images, batch_size)
    )
    work = partial(_explain_chunk, methods=methods, batch_size=batch_size)
    total = len(images) if isinstance(images, np.ndarray) else getattr(images, "total", None)
    with progress.bar(total=total, desc="maps", unit="image") as bar:
        for part, image, answer in workers.in_order(work, network, batches, scheduler):
            if not parts:
                first_image, first_answer = image, answer
            parts.append(part)
            images_differ |= _differ(image, first_image)
            answers_differ |= _differ(answer, first_answer)
            bar.update(len(part.classes))
    if not parts:
        raise ValueError("There is no image to evaluate: check the folder and the selection.")
    explained = np.concatenate([part.classes for part in parts])
    if classes is not None and len(classes) != len(explained):
        raise ValueError(f"classes has {len(classes)} entries for {len(explained)} images: one for each is expected.")
    if images_differ and not answers_differ:  # with drops of 0 it would look like the best there is
        raise ValueError(
            f"The network gives all {len(explained)} images the same scores: check its weights and preprocessing."
        )
    maps = {name: np.concatenate([part.maps[name] for part in parts]) for name in methods}
    scores = pd.concat([part.scores for part in parts], ignore_index=True)
    digests = np.concatenate([part.digests for part in parts])
    return Maps(maps, _same_maps(maps), explained, scores, sum(part.curve for part in parts), digests)


def upsampled(maps, size):
    """Return what is shown and measured of a method's maps (N, h, w): clipped at 0, then upsampled to size (H, W)."""
    return cams.upsample(namespace(maps).maximum(maps, 0), size)


def explain_batch(network, images, classes, batch_size=32):
    """Return the `cams.Explanation` of pixels (n, H, W, 3), n <= batch_size, for classes (n,)."""
    features, logits, _ = (values[: len(images)] for values in network.explain(_padded(images, batch_size)))
    return explain(network, features, logits, classes)


def explain(network, features, logits, classes):
    """Return what the methods of `cams.METHODS` need, a `cams.Explanation`.

    With a head of global average pooling and a dense layer dS_c/dA^k = w_k / z at every position, eq. (12): no backward
    pass. Any other head is differentiated and has no class weights.

    Args:
        network: a `networks.CamNetwork`.
        features: (n, h, w, K), its last feature maps.
        logits: (n, C).
        classes: (n,), the classes to explain.
    """
    if network.head_weights is None:
        class_weights, gradients = None, network.differentiate(features, classes)
    else:
        class_weights = network.head_weights.T[classes]
        positions = features.shape[1] * features.shape[2]
        slopes = placed_with(features, class_weights / positions)[:, None, None]
        gradients = namespace(slopes).broadcast_to(slopes, features.shape)
    return cams.Explanation(features, gradients, class_weights, network.head_weights, logits, np.asarray(classes))


def blended_drops(network, images, shares, explained, batch_size=32, fill=0, scheduler=""):
    """Measure the drop of every image under a masking of any kind.

    Args:
        network: a `networks.CamNetwork`.
        images: pixels (N, H, W, 3).
        shares: (N, H, W), 0 to 1, how much of each pixel is left.
        explained: the `Maps` of the same images.
        batch_size: how many images go through the network at a time.
        fill: what takes the place of the rest, as in `masks.blend`.
        scheduler: the address of a Dask scheduler, as for `evaluate`.

    Returns:
        (N,), NaN where Y <= 0, under the network's activation.
    """
    batches = ((chunk, shares[rows], explained.classes[rows]) for chunk, rows in _chunks(images, batch_size))
    work = partial(_score_blended, fill=fill, batch_size=batch_size)
    scores = list(workers.in_order(work, network, batches, scheduler))
    return metrics.drops(explained.scores["score"], np.concatenate(scores))


def masked_scores(network, masked, classes, batch_size=32):
    """Ask the network about masked pixels (n, H, W, 3), n <= batch_size.

    Returns:
        A DataFrame, a row an image: score, logit and softmax of the explained class, classes (n,), and the class
        predicted.
    """
    logits, _ = network.score(_padded(masked, batch_size))
    return class_scores(network, logits[: len(masked)], classes)


def black_logits(network):
    """Return the logits (C,) of a black image: what any masked image tends to as it keeps less and less."""
    return network.score(np.zeros((1, *network.image_size, 3), "float32"))[0][0]


def _score_blended(network, images, shares, classes, fill, batch_size):
    pixels = network.placed(images)
    return masked_scores(network, masks.blend(pixels, placed_with(pixels, shares), fill), classes, batch_size)["score"]


def _explain_chunk(network, images, classes, start, methods, batch_size):
    """The `Maps` of a batch of images, the first of which is number `start`, without a word on maps that are the same.

    Also the image if all of them are alike, or None, and the logits likewise.
    """
    if not np.isfinite(images).all():
        raise ValueError(f"An image among {start} to {start + len(images) - 1} holds NaN: check how it is read.")
    if images.min() < 0 or images.max() > 255:
        raise ValueError(f"An image among {start} to {start + len(images) - 1} is not in pixels: pass 0 to 255.")
    if images.dtype.kind in "fb" and 0 < images.max() <= 1:  # as good as black to the network, which would answer
        raise ValueError(f"Images {start} to {start + len(images) - 1} lie within 0 to 1: pass pixels, 0 to 255.")
    pixels = network.placed(images)
    features, logits, _ = (values[: len(images)] for values in network.explain(_padded(pixels, batch_size)))
    if not np.isfinite(logits).all():
        raise ValueError("The network gives a score that is NaN or infinite: train it again, or load another.")
    explained = logits.argmax(axis=1) if classes is None else classes
    fit = len(explained) == len(images) and explained.dtype.kind in "iu"
    if not fit or not 0 <= explained.min() <= explained.max() < network.classes:
        raise ValueError(f"classes needs one class from 0 to {network.classes - 1} for each image: mend it.")
    maps = _batch_maps(network, methods, explain(network, features, logits, explained))
    curve = _curve(pixels, {name: maps[name] for name in methods if name in cams.PAPER_METHODS})
    scores = class_scores(network, logits, explained)
    return Maps(maps, {}, explained, scores, curve, _digests(images)), _alike(images), _alike(logits)


def _digests(images):
    """A checksum (n,) of the pixels of each image, whatever their type."""
    return np.array([zlib.crc32(np.asarray(image, "float32", order="C")) for image in images], "uint32")


def _alike(values):
    """A copy of the first of values (n, ...) if all are like it, otherwise None."""
    return values[0].copy() if (values == values[0]).all() else None


def _differ(one, other):
    """Whether two batches, as `_alike` tells of them, hold more than one value."""
    return one is None or other is None or bool((one != other).any())


def _score_chunk(network, images, maps, classes, alpha, ties, batch_size):
    """(name, metric) -> DataFrame of what the network says of a batch's masked images, and of what was kept.

    Also the images' checksums.
    """
    tables, pixels = {}, network.placed(images)
    for name, low_resolution in maps.items():
        for metric, masked, kept in _masked(pixels, placed_with(pixels, low_resolution), alpha, ties):
            scores = masked_scores(network, masked, classes, batch_size)
            tables[name, metric] = pd.concat([scores, kept], axis=1)
    return tables, _digests(images)


def _masked(images, maps, alpha, ties):
    """For each metric its masked images (n, H, W, 3) and a DataFrame of what was kept; maps (n, h, w), unclipped."""
    shown = upsampled(maps, images.shape[1:3])
    ranking = cams.upsample(maps, images.shape[1:3]) if ties == "exact" else None
    kept = masks.kept_pixels(shown, alpha, ties, ranking)
    opacity = masks.opacity(shown)
    pixels, counts = images.shape[1] * images.shape[2], _count(kept)
    mean_opacity = np.asarray(namespace(opacity).mean(opacity, axis=(1, 2)))
    both = pd.DataFrame({"opacity": mean_opacity, "lit": _count(opacity > 0.5) / pixels})
    yield "AD", masks.blend(images, opacity), both.assign(kept=1.0, kept_unsupported=0.0)
    unsupported = _count(kept & (shown <= 0))
    area = {"kept": counts / pixels, "kept_unsupported": unsupported / np.maximum(counts, 1)}
    yield "BAD", masks.blend(images, kept), both.assign(**area)


def class_scores(network, logits, classes):
    """Return what is kept of logits (n, C): score, logit and softmax of the class (n,), and the class predicted."""
    picked = np.arange(len(classes)), classes
    return pd.DataFrame(
        {
            "score": network.scores(logits)[picked],
            "logit": logits[picked],
            "softmax": softmax(logits)[picked],
            "predicted": logits.argmax(axis=1),
        }
    )


def _rows(network, full, masked, classes):
    """The rows of one method and metric, from what the network says of the whole and of the masked images."""
    masked_class = masked["predicted"]
    if network.activation == "sigmoid":
        masked_class = np.where((full["logit"] > 0) != (masked["logit"] > 0), -1, classes)
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


def _batch_maps(network, methods, explanation):
    """The maps (n, h, w) of one batch by name."""
    by_name = {}
    for name, method in methods.items():
        try:
            maps = np.asarray(method(explanation))
        except ValueError as problem:
            raise ValueError(f"{name} on the output of layer {network.layer!r}: {problem}") from problem
        by_name[name] = maps.astype("float32")
    return by_name


def _curve(images, maps):
    """The batch's alpha curve; maps that are the same count once, since rounding would order their plateaus at will."""
    distinct = {name: values for name, values in maps.items() if name not in _same_maps(maps)}
    shown = {name: upsampled(placed_with(images, values), images.shape[1:3]) for name, values in distinct.items()}
    return masks.alpha_curve(images, shown)


def _same_maps(maps):
    """Each method -> the first earlier method whose maps, clipped and scaled to a peak of 1, agree on every image."""
    scaled = {}
    same = {}
    for name, values in maps.items():
        values = np.maximum(values, 0)
        peak = values.max(axis=(1, 2), keepdims=True)
        scaled[name] = np.divide(values, peak, out=np.zeros_like(values), where=peak > 0)
        for earlier in scaled:
            if earlier != name and earlier not in same and np.abs(scaled[earlier] - scaled[name]).max() < SAME_MAP:
                same[name] = earlier
                break
    return same


def _count(chosen):
    """How many pixels of each boolean (n, H, W) are true: NumPy (n,)."""
    return np.asarray(namespace(chosen).sum(chosen, axis=(1, 2)))


def _chunks(images, batch_size):
    """(batch, slice of rows) of exactly batch_size images, the last one shorter, however the source groups them."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}: at least 1 is expected.")
    waiting, start = [], 0
    for batch in [images] if isinstance(images, np.ndarray) else images:
        batch = np.asarray(batch)
        while len(batch):
            room = batch_size - sum(map(len, waiting))
            waiting.append(batch[:room])
            batch = batch[room:]
            if sum(map(len, waiting)) == batch_size:
                yield np.concatenate(waiting), slice(start, start + batch_size)
                waiting, start = [], start + batch_size
    if waiting:
        rest = np.concatenate(waiting)
        yield rest, slice(start, start + len(rest))


def _padded(images, batch_size):
    """Every batch goes through the network at one size, so that rows do not depend on how images were grouped."""
    short, xp = batch_size - len(images), namespace(images)
    return xp.concatenate([images, xp.zeros((short, *images.shape[1:]), images.dtype)]) if short else images
