"""From a network, images and methods to one table row for each image, method and metric."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from black_average_drop import cams, masks, metrics

COLUMNS = (
    ["id", "class", "method", "metric", "full_score", "masked_score", "drop", "masked_class", "alpha", "kept"]
    # Beyond the scores of the network's own activation: the logit they come from, the softmax, and what ringing kept.
    + ["full_logit", "masked_logit", "full_softmax", "masked_softmax", "kept_unsupported", "same_map_as"]
)
SAME_MAP = 1e-5  # maps scaled to a peak of 1 that differ by less are the same map up to rounding


class Maps(NamedTuple):
    """What the first pass over N images leaves: small enough to keep for any number of images."""

    maps: dict[str, np.ndarray]  # method -> (N, h, w), clipped at 0, before upsampling
    same_as: dict[str, str]  # method -> an earlier method with the same maps
    logits: np.ndarray  # (N, C)
    classes: np.ndarray  # (N,)
    curve: np.ndarray  # `masks.alpha_curve` of the paper's methods, (P + 1,)


def evaluate(
    network,
    images,
    methods: Mapping[str, Callable] | None = None,
    alpha=None,
    batch_size=32,
    ids=None,
    classes=None,
    controls: Mapping[str, Callable] | None = None,
    ties="strict",
    first_pass: Maps | None = None,
):
    """Average Drop ("AD") and Black Average Drop ("BAD") of every image under every method.

    network: a `networks.CamNetwork`; images: pixels (N, H, W, 3), or a re-iterable of such batches, which is read
    twice; methods: name -> method, by default `cams.METHODS`; alpha: share of pixels BAD keeps, by default chosen from
    the paper's methods by `masks.select_alpha`; ids (N,), by default 0..N-1; classes (N,): the explained class, by
    default the one predicted on the whole image, and required for a network of several labels at once; controls:
    name -> function from the maps of the first method (N, h, w) to control maps (N, h, w); ties as in
    `masks.blacken`; first_pass: the result of `explain_all`, if it was called before.

    Returns a DataFrame with a row for each image, method and metric. full_score and masked_score are the class's scores
    Y and O under the network's activation, drop is max(0, Y - O) / Y or NaN for Y <= 0, kept the share of pixels
    left (BAD) or 1 (AD), kept_unsupported the share of the kept pixels where the map is not positive.
    masked_class is the class of the masked image; for several labels at once c, or -1 where c's score crossed 0.5.
    Methods whose maps agree on every image are scored once; same_map_as names the first of them.
    """
    methods = cams.METHODS if methods is None else methods
    found = first_pass or explain_all(network, images, methods, batch_size, classes)
    count = len(found.classes)
    ids = np.arange(count) if ids is None else np.asarray(ids)
    if len(ids) != count:
        raise ValueError(f"ids has {len(ids)} entries for {count} images: one for each is wanted.")
    if alpha is None:
        alpha = masks.select_alpha(found.curve)
    low_resolution = dict(found.maps)
    reference = next(iter(found.maps.values()))
    for name, control in (controls or {}).items():
        low_resolution[name] = np.asarray(control(reference), "float32")
    distinct = [name for name in low_resolution if name not in found.same_as]

    scored = {(name, metric): ([], [], []) for name in distinct for metric in ("AD", "BAD")}
    start = 0
    with tqdm(total=count * len(scored), desc="masked images", unit="image", leave=False) as bar:
        for chunk in _chunks(images, batch_size):
            rows = slice(start, start + len(chunk))
            start += len(chunk)
            for name in distinct:
                maps = cams.upsample(low_resolution[name][rows], chunk.shape[1:3])
                kept = masks.kept_pixels(maps, alpha, ties)
                shown = {"AD": masks.fade(chunk, maps), "BAD": np.where(kept[..., None], chunk, 0)}
                share = {"AD": np.ones(len(chunk)), "BAD": kept.mean(axis=(1, 2))}
                unsupported = {"AD": np.zeros(len(chunk)), "BAD": _share(kept & (maps <= 0), kept)}
                for metric, masked in shown.items():
                    logits, _ = network.score(_padded(masked, batch_size))
                    for store, values in zip(
                        scored[name, metric], (logits[: len(chunk)], share[metric], unsupported[metric]), strict=True
                    ):
                        store.append(values)
                    bar.update(len(chunk))
    if start != count:
        raise ValueError(f"The second reading gave {start} images, the first {count}: pass a re-iterable of batches.")
    tables = []
    for name in low_resolution:
        for metric in ("AD", "BAD"):
            stored = scored[found.same_as.get(name, name), metric]
            logits, kept, unsupported = (np.concatenate(parts) for parts in stored)
            table = _rows(network, found.logits, logits, found.classes)
            tables.append(
                table.assign(
                    **{"id": ids, "method": name, "metric": metric, "alpha": alpha, "kept": kept},
                    kept_unsupported=unsupported,
                    same_map_as=found.same_as.get(name, ""),
                )
            )
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def explain_all(network, images, methods=None, batch_size=32, classes=None):
    """The first pass: the maps of every method before upsampling, logits, classes and the alpha curve, as `Maps`.

    Arguments as for `evaluate`. Raises ValueError for an unusable input, naming the layer where feature maps are not
    fit for a method.
    """
    methods = cams.METHODS if methods is None else methods
    if not methods:
        raise ValueError("methods is empty: name at least one method.")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}: at least 1 is wanted.")
    if network.activation == "sigmoid" and classes is None:
        raise ValueError("This network gives several labels at once: pass classes, the one to explain for each image.")
    collected, all_logits, all_classes, curve, start = {name: [] for name in methods}, [], [], 0.0, 0
    total = len(images) if isinstance(images, np.ndarray) else getattr(images, "total", None)
    with tqdm(total=total, desc="maps", unit="image", leave=False) as bar:
        for chunk in _chunks(images, batch_size):
            if not np.isfinite(chunk).all():
                raise ValueError(f"An image among {start} to {start + len(chunk) - 1} holds NaN: check how it is read.")
            features, logits, _ = (values[: len(chunk)] for values in network.explain(_padded(chunk, batch_size)))
            if not np.isfinite(logits).all():
                raise ValueError("The network gives a score that is NaN: its weights are not usable.")
            chosen = logits.argmax(axis=1) if classes is None else np.asarray(classes)[start : start + len(chunk)]
            if len(chosen) < len(chunk) or not 0 <= chosen.min() <= chosen.max() < network.classes:
                raise ValueError(f"classes needs one class from 0 to {network.classes - 1} for each image.")
            explanation = explain(network, features, logits, chosen)
            for name, maps in _batch_maps(network, methods, explanation).items():
                collected[name].append(maps)
            curve = curve + _curve(chunk, {name: collected[name][-1] for name in methods if name in cams.PAPER_METHODS})
            all_logits.append(logits)
            all_classes.append(chosen)
            start += len(chunk)
            bar.update(len(chunk))
    if not start:
        raise ValueError("There is no image to evaluate: check the folder and the selection.")
    if classes is not None and len(classes) != start:
        raise ValueError(f"classes has {len(classes)} entries for {start} images: one for each is wanted.")
    maps = {name: np.concatenate(parts) for name, parts in collected.items()}
    return Maps(maps, _same_maps(maps), np.concatenate(all_logits), np.concatenate(all_classes), curve)


def explain(network, features, logits, classes):
    """What the methods of `cams.METHODS` need, for a head of global average pooling and a dense layer.

    There dS_c/dA^k = w_k / z at every position, eq. (12): no backward pass.
    """
    class_weights = network.head_weights.T[classes]
    positions = features.shape[1] * features.shape[2]
    gradients = np.broadcast_to((class_weights / positions)[:, None, None], features.shape)
    return cams.Explanation(features, gradients, class_weights, network.head_weights, logits, np.asarray(classes))


def another_images_map(maps):
    """Control: each image gets the map of the image before it, the first that of the last. maps (N, h, w)."""
    return np.roll(maps, 1, axis=0)


def smooth_random_map(maps, seed=0):
    """Control: uniform noise of the maps' own resolution, which upsampling makes smooth. maps (N, h, w)."""
    return np.random.default_rng(seed).random(maps.shape, "float32")


CONTROLS = {"another image's map": another_images_map, "smooth random map": smooth_random_map}


def black_logits(network):
    """Logits (C,) of an image that is black all over: what any masked image tends to as it keeps less and less."""
    return network.score(np.zeros((1, *network.image_size, 3), "float32"))[0][0]


def _rows(network, full_logits, masked_logits, classes):
    picked = np.arange(len(classes)), classes
    full, masked = network.scores(full_logits)[picked], network.scores(masked_logits)[picked]
    masked_class = masked_logits.argmax(axis=1)
    if network.activation == "sigmoid":
        crossed = (full_logits[picked] > 0) != (masked_logits[picked] > 0)
        masked_class = np.where(crossed, -1, classes)
    return pd.DataFrame(
        {
            "class": classes,
            "full_score": full,
            "masked_score": masked,
            "drop": metrics.drops(full, masked),
            "masked_class": masked_class,
            "full_logit": full_logits[picked],
            "masked_logit": masked_logits[picked],
            "full_softmax": _softmax(full_logits)[picked],
            "masked_softmax": _softmax(masked_logits)[picked],
        }
    )


def _softmax(logits):
    relative = np.exp(logits - logits.max(axis=1, keepdims=True))
    return relative / relative.sum(axis=1, keepdims=True)


def _batch_maps(network, methods, explanation):
    """name -> maps (n, h, w) of one batch, clipped at 0: the order is clip, then upsample."""
    found = {}
    for name, method in methods.items():
        try:
            maps = np.asarray(method(explanation))
        except ValueError as problem:
            raise ValueError(f"{name} on the output of layer {network.layer!r}: {problem}") from problem
        found[name] = np.maximum(maps, 0).astype("float32")
    return found


def _curve(images, maps):
    """The batch's alpha curve; maps that are the same count once, since rounding would order their plateaus at will."""
    distinct = {name: values for name, values in maps.items() if name not in _same_maps(maps)}
    return masks.alpha_curve(images, {name: cams.upsample(v, images.shape[1:3]) for name, v in distinct.items()})


def _same_maps(maps):
    """method -> the first earlier method whose maps, scaled to a peak of 1, agree on every image."""
    scaled = {}
    same = {}
    for name, values in maps.items():
        peak = values.max(axis=(1, 2), keepdims=True)
        scaled[name] = np.divide(values, peak, out=np.zeros_like(values), where=peak > 0)
        for earlier in scaled:
            if earlier != name and earlier not in same and np.abs(scaled[earlier] - scaled[name]).max() < SAME_MAP:
                same[name] = earlier
                break
    return same


def _share(part, whole):
    """part / whole over pixels, 0 where whole is empty: boolean (n, H, W) -> (n,)."""
    counts = whole.sum(axis=(1, 2))
    return np.divide(part.sum(axis=(1, 2)), counts, out=np.zeros(len(counts)), where=counts > 0)


def _chunks(images, batch_size):
    """float32 batches of exactly batch_size images, the last one shorter, however the source groups them."""
    waiting = []
    for batch in [images] if isinstance(images, np.ndarray) else images:
        batch = np.asarray(batch)
        while len(batch):
            room = batch_size - sum(map(len, waiting))
            waiting.append(batch[:room])
            batch = batch[room:]
            if sum(map(len, waiting)) == batch_size:
                yield np.concatenate(waiting).astype("float32")
                waiting = []
    if waiting:
        yield np.concatenate(waiting).astype("float32")


def _padded(images, batch_size):
    """Every batch goes through the network at one size, so that rows do not depend on how images were grouped."""
    short = batch_size - len(images)
    return np.concatenate([images, np.zeros((short, *images.shape[1:]), images.dtype)]) if short else images
