"""What a network answers, which maps can be drawn, which of them are blank, and where they differ."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import cams, evaluation, masks, progress
from black_average_drop.trust import localization

ALPHA = 0.2  # the share of pixels that BAD keeps, where no methods can choose it


def facts_of(network, model, precision):
    """Say what a network is: a Series of text and numbers.

    Args:
        network: a `networks.Network`.
        model: the path of its file.
        precision: in which it computes.
    """
    closed = network.head_weights is not None
    facts = {
        "model": Path(model).name,
        "feature maps": f"layer {network.layer}",
        "head": "pooling and affine layers" if closed else "a head of another kind, differentiated",
        "computed in": precision,
        "score": network.activation,
        "classes": network.classes,
        "images": f"{network.image_size[0]} x {network.image_size[1]}",
    }
    return pd.Series(facts)


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


def fates(names, same_as, unfit, negative=0.0):
    """Say what became of each kind of map that was asked for.

    Args:
        names: of the methods that were drawn, and of the maps that others drew.
        same_as: name -> the earlier one that draws the same map.
        unfit: name -> why a method cannot be drawn.
        negative: the share of the feature maps that is negative, or 0 to say nothing of it.

    Returns:
        A DataFrame of text with the column method, and same map as, negative part and left out where there is any.
    """
    rows = [{"method": name, "same map as": same_as.get(name, "")} for name in names]
    if negative:
        next(row for row in rows if row["method"] == cams.POSITIVE_PART)["negative part"] = f"{100 * negative:.3g} %"
    rows += [{"method": name, "left out": reason} for name, reason in unfit.items()]
    return pd.DataFrame(rows).fillna("")


def blank_maps(maps, batch_size=32):
    """Find the maps that are blank.

    Args:
        maps: name -> (N, h, w), before clipping, or what gives such maps for a slice of rows.
        batch_size: the number of maps that are read at once.

    Returns:
        name -> boolean (N,).
    """
    blank = {}
    for name, drawn in maps.items():
        starts = range(0, len(drawn), batch_size)
        parts = [localization.blank(np.maximum(drawn[start : start + batch_size], 0)) for start in starts]
        blank[name] = np.concatenate(parts)
    return blank


def by_image(dataset, first_pass, names, apart, blank):
    """One row for each map that is explained: what the network says, how far the masked images differ, what is blank.

    Args:
        dataset: a Dataset of the N images, one with several findings several times.
        first_pass: the `evaluation.Maps` of these images.
        names: of the outputs.
        apart: of `disagreement`.
        blank: of `blank_maps`.

    Returns:
        A DataFrame. Patients have numbers there, since their IDs are nobody's business.
    """
    patients = np.unique(dataset.groups, return_inverse=True)[1]
    table = pd.DataFrame({"id": dataset.ids, "patient": patients, "explained": first_pass.classes})
    table = table.assign(name=np.array(names)[first_pass.classes], apart=apart)
    return table.assign(**first_pass.scores, **{f"blank {name}": values for name, values in blank.items()})


def disagreement(dataset, maps, alpha, batch_size=32):
    """How far the masked images of several maps differ on each image.

    Args:
        dataset: a Dataset of N images.
        maps: as for `blank_maps`.
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
