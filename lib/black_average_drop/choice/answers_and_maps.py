"""A first pass over the images: what a network answers, which maps can be drawn, and where the maps differ."""

from itertools import combinations

import numpy as np

from black_average_drop import cams, evaluation, masks, progress

ALPHA = 0.2  # the share of pixels that BAD keeps, where no methods can choose it


def first_look(network, dataset, methods, batch_size=32):
    """Pass over the images once: what the network answers, and which methods can be drawn on all images.

    Args:
        network: a `networks.Network`.
        dataset: a Dataset of N images.
        methods: name -> function.
        batch_size: the number of images that go through the network at once.

    Returns:
        Logits (N, C), name -> function of the methods that can be drawn, and name -> why not of the others.
    """
    logits, unfit, batches = [], {}, dataset.batches(batch_size)
    with progress.bar(total=batches.total, desc="answers", unit="image") as bar:
        for images in batches:
            features, answers, _ = network.explain(images)
            explanation = evaluation.explain(network, features, answers, answers.argmax(axis=1), images)
            methods, left_out = cams.usable(explanation, methods)
            unfit |= left_out
            logits.append(answers)
            bar.update(len(images))
    return np.concatenate(logits), methods, unfit


def disagreement(dataset, maps, alpha, batch_size=32):
    """How far the masked images of several maps differ on each image.

    Args:
        dataset: a Dataset of N images.
        maps: name -> (N, h, w), before clipping.
        alpha: the share of pixels kept.
        batch_size: the number of images that are masked at once.

    Returns:
        (N,), the share of the image's light that one mask of a pair keeps and the other does not, as a mean over the
        pairs.
    """
    shares = np.zeros(len(dataset))
    for start in range(0, len(dataset), batch_size):
        rows = slice(start, start + batch_size)
        light = dataset.images(rows).astype("float32").sum(axis=-1)
        kept = [masks.kept_pixels(evaluation.upsampled(one[rows], dataset.size), alpha) for one in maps.values()]
        pairs = [((one ^ other) * light).sum(axis=(1, 2)) for one, other in combinations(kept, 2)]
        shares[rows] = np.mean(pairs, axis=0) / np.maximum(light.sum(axis=(1, 2)), 1) if pairs else 0
    return shares
