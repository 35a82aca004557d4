"""The first pass over the images: what each method draws, before anything is masked."""

import zlib
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import cams, masks, progress, workers
from black_average_drop.arrays import as_numpy, namespace, placed_with, softmax
from black_average_drop.perturbation import Perturbing

SAME_MAP = 1e-4  # maps scaled to a peak of 1 that differ by less are the same map up to rounding
AT_ONCE = 256  # maps of a method that are compared at a time


class Maps(NamedTuple):
    """What the first pass over N images leaves: small enough to keep for any number of images."""

    maps: dict[str, np.ndarray]  # method -> (N, h, w) as the method gave them, before clipping and upsampling
    same_as: dict[str, str]  # method -> an earlier method with the same maps
    classes: np.ndarray  # (N,) the explained class
    scores: pd.DataFrame  # a row an image: score, logit, softmax of the explained class, and the predicted class
    curve: np.ndarray  # `masks.alpha_curve` of the paper's methods, (P + 1,)
    digests: np.ndarray  # (N,) a checksum of each image, by which the second reading is known to be the first again
    feature_sums: np.ndarray  # (N, 2) of the feature maps: the sum of their positive and that of their negative part

    @property
    def negative_share(self):
        """How much of the feature maps of all images is negative: sum |min(A, 0)| / sum |A|, 0 after a ReLU."""
        positive, negative = np.abs(self.feature_sums).sum(axis=0)
        return negative / (positive + negative) if negative else 0.0

    @property
    def distinct(self):
        """The methods in their order, those that draw the same maps once."""
        return [name for name in self.maps if name not in self.same_as]

    @property
    def distinct_paper_methods(self):
        """The paper's methods in their order, those that draw the same maps once."""
        return [name for name in self.distinct if name in cams.PAPER_METHODS]

    def shown(self, name, size, rows=slice(None)):
        """Return a method's maps as they are shown and measured: (N, H, W), clipped at 0, then upsampled.

        Args:
            name: the method.
            size: (H, W).
            rows: a slice, or indices, of the images.
        """
        return upsampled(self.maps[name][rows], size)


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
        for chunk, rows in chunks(images, batch_size)
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
    maps = {name: np.concatenate([part.maps.pop(name) for part in parts]) for name in methods}  # never all of it twice
    scores = pd.concat([part.scores for part in parts], ignore_index=True)
    digests, sums = (np.concatenate([getattr(part, name) for part in parts]) for name in ("digests", "feature_sums"))
    return Maps(maps, _same_maps(maps), explained, scores, sum(part.curve for part in parts), digests, sums)


def upsampled(maps, size):
    """Return what is shown and measured of a method's maps (N, h, w): clipped at 0, then upsampled to size (H, W)."""
    return cams.upsample(namespace(maps).maximum(maps, 0), size)


def explain_batch(network, images, classes, batch_size=32):
    """Return the `cams.Explanation` of pixels (n, H, W, 3), n <= batch_size, for classes (n,)."""
    features, logits, _ = (values[: len(images)] for values in network.explain(padded(images, batch_size)))
    return explain(network, features, logits, classes, images, batch_size)


def explain(network, features, logits, classes, images, batch_size=32):
    """Return what the methods of `cams.METHODS` and `cams.ON_REQUEST` need, a `cams.Explanation`.

    With a head of global average pooling and a dense layer dS_c/dA^k = w_k / z at every position, eq. (12): no backward
    pass. Any other head is differentiated and has no class weights.

    Args:
        network: a `networks.Network`.
        features: (n, h, w, K), its feature maps.
        logits: (n, C).
        classes: (n,), the classes to explain.
        images: pixels (n, H, W, 3), from which features and logits come.
        batch_size: how many masked images go through the network at a time, if a method asks it again.
    """
    if network.head_weights is None:
        class_weights, gradients = None, network.differentiate(features, classes, images)
    else:
        class_weights = network.head_weights.T[classes]
        positions = features.shape[1] * features.shape[2]
        slopes = placed_with(features, class_weights / positions)[:, None, None]
        gradients = namespace(slopes).broadcast_to(slopes, features.shape)
    return cams.Explanation(
        features,
        gradients,
        class_weights,
        network.head_weights,
        logits,
        np.asarray(classes),
        images=images,
        score=partial(_scores_of_classes, network, batch_size),
        batch_size=batch_size,
    )


def _scores_of_classes(network, batch_size, images, classes):
    """The scores (m,) of classes (m,) of pixels (m, H, W, 3), which reach the network at one size."""
    scores = []
    for start in range(0, len(images), batch_size):
        part, own = images[start : start + batch_size], classes[start : start + batch_size]
        _, answers = network.score(padded(part, batch_size))
        scores.append(answers[np.arange(len(part)), own])
    return np.concatenate(scores)


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
    features, logits, _ = (values[: len(images)] for values in network.explain(padded(pixels, batch_size)))
    if not np.isfinite(logits).all():
        raise ValueError("The network gives a score that is NaN or infinite: train it again, or load another.")
    explained = logits.argmax(axis=1) if classes is None else classes
    fit = len(explained) == len(images) and explained.dtype.kind in "iu"
    if not fit or not 0 <= explained.min() <= explained.max() < network.classes:
        raise ValueError(f"classes needs one class from 0 to {network.classes - 1} for each image: mend it.")
    maps = _batch_maps(network, methods, explain(network, features, logits, explained, pixels, batch_size))
    curve = _curve(pixels, {name: maps[name] for name in methods if name in cams.PAPER_METHODS})
    scores = class_scores(network, logits, explained)
    part = Maps(maps, {}, explained, scores, curve, digests_of(images), _sums_by_sign(features))
    return part, _alike(images), _alike(logits)


def _sums_by_sign(features):
    """The sum of the positive part and that of the negative part of feature maps (n, h, w, K): float64 (n, 2)."""
    xp = namespace(features)
    parts = (xp.sum(pick(features, 0), axis=(1, 2, 3)) for pick in (xp.maximum, xp.minimum))
    return np.stack([as_numpy(part).astype("float64") for part in parts], axis=1)


def digests_of(images):
    """Compute a checksum (n,) of the pixels of each image, whatever their type."""
    return np.array([zlib.crc32(np.asarray(image, "float32", order="C")) for image in images], "uint32")


def _alike(values):
    """A copy of the first of values (n, ...) if all are like it, otherwise None."""
    return values[0].copy() if (values == values[0]).all() else None


def _differ(one, other):
    """Whether two batches, as `_alike` tells of them, hold more than one value."""
    return one is None or other is None or bool((one != other).any())


def _batch_maps(network, methods, explanation):
    """The maps (n, h, w) of one batch by name."""
    by_name = {}
    for name, method in methods.items():
        try:
            maps = as_numpy(_drawn(name, method, explanation))
        except ValueError as problem:
            raise ValueError(f"{name} on the output of layer {network.layer!r}: {problem}") from problem
        by_name[name] = maps.astype("float32")
    return by_name


def _drawn(name, method, explanation):
    """What a method draws, with a bar of its own for one that asks the network again: a batch may take it minutes."""
    if not isinstance(method, Perturbing):
        return method(explanation)
    total = method.passes(explanation) * len(explanation.classes)
    with progress.bar(total=total, desc=name, unit="pass") as bar:

        def counted(images, classes):
            scores = explanation.score(images, classes)
            bar.update(len(scores))
            return scores

        return method(explanation._replace(score=counted))


def _curve(images, maps):
    """The batch's alpha curve; maps that are the same count once, since rounding would order their plateaus at will."""
    distinct = {name: values for name, values in maps.items() if name not in _same_maps(maps)}
    shown = {name: upsampled(placed_with(images, values), images.shape[1:3]) for name, values in distinct.items()}
    return masks.alpha_curve(images, shown)


def _same_maps(maps):
    """Each method -> the first earlier method whose maps, clipped and scaled to a peak of 1, agree on every image.

    maps: name -> (N, h, w), compared AT_ONCE at a time: those of RISE are as large as the images.
    """
    names, same = list(maps), {}
    alike = {
        name: [earlier for earlier in names[:place] if maps[earlier].shape == maps[name].shape]
        for place, name in enumerate(names)
    }
    for start in range(0, len(next(iter(maps.values()), [])), AT_ONCE):
        compared = {name for name, earlier in alike.items() if earlier}.union(*alike.values())
        scaled = {name: _scaled(maps[name][start : start + AT_ONCE]) for name in compared}
        for name, earlier in alike.items():
            alike[name] = [one for one in earlier if np.abs(scaled[one] - scaled[name]).max() < SAME_MAP]
    for name, earlier in alike.items():
        first = next((one for one in earlier if one not in same), None)
        if first is not None:
            same[name] = first
    return same


def _scaled(maps):
    """Maps (n, h, w) clipped and scaled to a peak of 1, or 0 all over."""
    clipped = np.maximum(maps, 0)
    peak = clipped.max(axis=(1, 2), keepdims=True)
    return np.divide(clipped, peak, out=np.zeros_like(clipped), where=peak > 0)


def chunks(images, batch_size):
    """Yield (batch, slice of rows) of exactly batch_size images, the last one shorter, however they come grouped."""
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


def padded(images, batch_size):
    """Return images with black ones behind them, up to batch_size: rows must not depend on how they were grouped."""
    short, xp = batch_size - len(images), namespace(images)
    return xp.concatenate([images, xp.zeros((short, *images.shape[1:]), images.dtype)]) if short else images
