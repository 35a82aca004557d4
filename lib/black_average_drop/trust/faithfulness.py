"""Faithfulness metrics that need no ground truth, next to each other: a table row for each image, map and metric.

Images come from a Dataset. Maps are name -> (N, h, w) or (N, H, W), of the same images in the same order. Y is the
score of the explained class on the whole image and O that on a masked one, under the network's activation. P is the
softmax of the explained class on the whole image, P' that on a masked one.
"""

from functools import partial

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from black_average_drop import controls, evaluation, masks, metrics, progress
from black_average_drop.trust import imputation

BLUR = 1 / 20  # of the image's side: standard deviation of the blurred fill, wide enough to hide a lesion
STEPS = 16  # of insertion, deletion and BAD over alpha
ROAD_SHARES = (0.2, 0.5, 0.8)  # of the pixels taken away
# What the pixels come in over or leave behind, what is read, and whether the first pixels come in or go.
CURVES = {
    "BAD over alpha": ("black", "score", True),
    "insertion": ("blurred", "softmax", True),
    "deletion": ("data set's mean", "softmax", False),
}


def fills(dataset, normal=None, seed=0):
    """What may stand in for a hidden pixel.

    Args:
        dataset: the Dataset whose images are masked. Its mean is one colour.
        normal: a Dataset of images without the finding, or None where there is no such thing. Each image of the first
            gets one of another patient, drawn at random.
        seed: of this draw.

    Returns:
        name -> function of pixels (n, H, W, 3) and their rows in dataset, which gives pixels.
    """
    mean = np.mean([batch.mean(axis=(0, 1, 2)) for batch in dataset.batches(1)], axis=0, dtype="float32")
    functions = {
        "black": lambda images, rows: np.float32(0),
        "image's mean": lambda images, rows: images.mean(axis=(1, 2), keepdims=True),
        "data set's mean": lambda images, rows: mean,
        "blurred": lambda images, rows: blurred(images),
    }
    if normal is not None:
        donors = controls.other_patients(dataset.groups, normal.groups, seed)
        functions["another normal image"] = lambda images, rows: normal.images(donors[rows]).astype("float32")
    return functions


def blurred(images):
    """Pixels (n, H, W, C) under a Gaussian of BLUR of the image's side."""
    return gaussian_filter(images, (0, BLUR * images.shape[1], BLUR * images.shape[2], 0))


def counterfactual_drops(network, dataset, without, classes, batch_size=32):
    """How much of the score is lost when something is taken out of the image: that much the network drew from it.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of N images.
        without: a Dataset of the same images without it.
        classes: (N,), the explained class of each image.
        batch_size: the number of images that go through the network at once.

    Returns:
        (N,), max(0, Y - O) / Y, NaN where Y <= 0.
    """
    scores = {}
    for name, images in (("full", dataset), ("without", without)):
        parts = [part["score"] for _, _, part, _ in _batches(network, images, classes, batch_size, name, 0)]
        scores[name] = np.concatenate(parts)
    return metrics.drops(scores["full"], scores["without"])


def single_masks(network, dataset, classes, maps, redraw, alpha, backgrounds, batch_size=32):
    """The metrics that show the network one masked image.

    AD, eq. (10). Average Increase (Chattopadhay et al. 2018): 1 where P' > P, as its authors take softmax scores, and
    apart from it 1 where O > Y. Average Gain (Zhang et al. 2024): max(0, P' - P) / (1 - P). BAD, eq. (11), on each
    background: plain "BAD" on black. Parts of composites, which are no metrics of their own: AD of P and P', opacity,
    which is the mean of the map as a share of its peak, and coherency. Coherency is (1 + r) / 2 with r Pearson's
    correlation of the map with the one drawn from the faded image. A map that does not look at the image is coherent.
    Where a map is constant and the other one is not, r counts as 0.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of N images.
        classes: (N,), the explained class of each image.
        maps: name -> (N, h, w) or (N, H, W).
        redraw: name -> function of an Explanation, for the maps that depend on the image.
        alpha: the share of pixels that BAD keeps.
        backgrounds: name -> function, of `fills`.
        batch_size: the number of images that go through the network at once.

    Returns:
        A DataFrame with columns id, map, metric and value.
    """
    parts = []
    for rows, images, full, bar in _batches(network, dataset, classes, batch_size, "single masks", len(maps)):
        answered = partial(evaluation.masked_scores, network, classes=classes[rows], batch_size=batch_size)
        for name, drawn in maps.items():
            shown = evaluation.upsampled(drawn[rows], dataset.size)
            faded, scaled = masks.fade(images, shown), masks.scaled_to_peak(shown)
            if name in redraw:
                explanation = evaluation.explain_batch(network, faded, classes[rows], batch_size)
                scores = evaluation.class_scores(network, explanation.logits, classes[rows])
                again = masks.scaled_to_peak(evaluation.upsampled(redraw[name](explanation), dataset.size))
            else:
                scores, again = answered(faded), scaled
            values = {
                "AD": metrics.drops(full["score"], scores["score"]),
                "AD, softmax scores": metrics.drops(full["softmax"], scores["softmax"]),
                "Average Increase": (scores["softmax"] > full["softmax"]).astype(float),
                "Average Increase, ReLU scores": (scores["score"] > full["score"]).astype(float),
                "Average Gain": average_gains(full["softmax"], scores["softmax"]),
                "opacity": scaled.mean(axis=(1, 2)),
                "coherency": (1 + _correlation(scaled, again)) / 2,
            }
            kept = masks.kept_pixels(shown, alpha)
            for background, fill in backgrounds.items():
                scores = answered(masks.blend(images, kept, fill(images, rows)))
                metric = "BAD" if background == "black" else f"BAD, {background}"
                values[metric] = metrics.drops(full["score"], scores["score"])
            parts.append(_long(dataset.ids[rows], name, values))
            bar.update(len(rows))
    return pd.concat(parts, ignore_index=True)


def curves(network, dataset, classes, maps, backgrounds, batch_size=32, seed=0):
    """The metrics that show the network many masked images, pixels in the order of the map, ties at random.

    BAD over alpha: the area under BAD's drop for alpha from 0 to 1. insertion and deletion (Petsiuk et al. 2018): the
    area under P' while the first pixels come in over the blurred image, or while they leave the data set's mean behind.
    All three are by the trapezoidal rule in STEPS steps. The two curves of ROAD (Rong et al. 2022): P' with the first
    pixels imputed, and P' with the last ones imputed, each as a mean over ROAD_SHARES. Its authors read the accuracy
    instead, at more shares.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of N images.
        classes: (N,), the explained class of each image.
        maps: name -> (N, h, w) or (N, H, W).
        backgrounds: name -> function, of `fills`.
        batch_size: the number of images that go through the network at once.
        seed: of the order of ties and of ROAD's noise.

    Returns:
        A DataFrame with columns id, map, metric and value.
    """
    pixels, parts = dataset.size[0] * dataset.size[1], []
    batch_size = min(batch_size, len(dataset))  # a batch that is filled up costs as much as a full one
    shares = np.arange(STEPS + 1) / STEPS
    for rows, images, full, bar in _batches(network, dataset, classes, batch_size, "curves", len(maps)):
        answered = partial(evaluation.masked_scores, network, classes=classes[rows], batch_size=batch_size)
        canvases = {name: np.broadcast_to(fill(images, rows), images.shape) for name, fill in backgrounds.items()}
        bare = {name: answered(canvases[name]) for name in {background for background, _, _ in CURVES.values()}}
        seeds = [[seed, row] for row in rows]
        for name, drawn in maps.items():
            ranks = _ranks(evaluation.upsampled(drawn[rows], dataset.size), seeds)
            values = {}
            for curve, (background, column, comes_in) in CURVES.items():
                masked = (
                    np.where((ranks <= share * pixels) == comes_in, images, canvases[background])
                    for share in shares[1:-1]
                )
                ends = [bare[background][column], full[column]]
                steps = np.stack([ends[not comes_in], *(answered(one)[column] for one in masked), ends[comes_in]])
                if curve == "BAD over alpha":
                    steps = np.stack([metrics.drops(full["score"], scores) for scores in steps])
                values[curve] = np.trapezoid(steps, shares, axis=0)
            values |= _road(images, ranks[..., 0], seeds, answered)
            parts.append(_long(dataset.ids[rows], name, values))
            bar.update(len(rows))
    return pd.concat(parts, ignore_index=True)


def _road(images, ranks, seeds, answered):
    """ROAD's curves, metric -> (n,), of pixels (n, H, W, 3) with ranks (n, H, W).

    answered: masked pixels -> the scores of the network.
    """
    softmax = {"ROAD, most relevant first": [], "ROAD, least relevant first": []}
    for share in ROAD_SHARES:
        count = share * ranks[0].size
        for scores, hidden in zip(softmax.values(), (ranks <= count, ranks > ranks[0].size - count), strict=True):
            scores.append(answered(imputation.noisy_linear(images, hidden, seed=seeds))["softmax"])
    return {curve: np.mean(scores, axis=0) for curve, scores in softmax.items()}


def _batches(network, dataset, classes, batch_size, title, each):
    """Rows, pixels and scores of each batch of images, and a progress bar that counts each image `each` times."""
    with progress.bar(total=len(dataset) * each, desc=title, unit="map") as bar:
        for start in range(0, len(dataset), batch_size):
            rows = np.arange(start, min(start + batch_size, len(dataset)))
            images = dataset.images(rows).astype("float32")
            yield rows, images, evaluation.masked_scores(network, images, classes[rows], batch_size), bar


def _long(ids, name, values):
    """A DataFrame with columns id, map, metric and value, from a dict metric -> (n,)."""
    return pd.DataFrame({"id": ids, "map": name} | values).melt(["id", "map"], var_name="metric")


def average_gains(full, masked):
    """What Average Gain is the mean of, from the softmax before and after masking: max(0, P' - P) / (1 - P), (n,)."""
    full, masked = np.asarray(full, "float64"), np.asarray(masked, "float64")
    return np.divide(np.maximum(0, masked - full), 1 - full, out=np.zeros(len(full)), where=full < 1)


def _correlation(maps, others):
    """Pearson's correlation of each pair of maps (n, H, W): 1 of equal maps, 0 of a constant and another one."""
    one, other = (part.reshape(len(part), -1).astype("float64") for part in (maps, others))
    equal = (one == other).all(axis=1)
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    correlation = np.divide((one * other).sum(axis=1), scale, out=np.zeros(len(one)), where=scale > 0)
    return np.where(equal, 1.0, correlation)


def _ranks(maps, seeds):
    """1-based ranks (n, H, W, 1) of the pixels of maps (n, H, W), the largest first, equal ones at random."""
    ranks = np.empty((len(maps), maps[0].size), int)
    for row, values, seed in zip(ranks, maps.reshape(ranks.shape), seeds, strict=True):
        shuffled = np.random.default_rng(seed).permutation(values.size)
        order = shuffled[np.argsort(-values[shuffled], kind="stable")]
        row[order] = np.arange(1, values.size + 1)
    return ranks.reshape(*maps.shape, 1)
