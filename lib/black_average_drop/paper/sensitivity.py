"""Drops along alpha, under other contrasts and under other readings of the paper: what needs the network.

Images are pixels (N, H, W, 3) that fit in memory. `first_pass` is the `evaluation.Maps` of the same images.
"""

import numpy as np

from black_average_drop import cams, evaluation, masks, progress

# What each choice changes in the reading of the paper that Table 1 takes.
READING = {"fill": 0.0, "ties": "strict", "clip": "before", "kernel": "lanczos3", "difference": 1}
CHOICES = {
    "Table 1's reading": {},
    "grey instead of black": {"fill": 127.5},
    "ties exact": {"ties": "exact"},
    "relu after upsampling": {"clip": "after"},
    "bilinear instead of Lanczos": {"kernel": "bilinear"},
    "alpha by pixel count": {"difference": 0},
    "alpha by I^2": {"difference": 2},
}


def image_curves(batches, first_pass, points=100):
    """The alpha curve of each image: `masks.alpha_curve` of the paper's methods.

    Args:
        batches: a re-iterable of pixels (n, H, W, 3).
        first_pass: the `evaluation.Maps` of the same images.
        points: the number of steps between the shares at which each curve is read.

    Returns:
        float64 (N, points + 1), at even shares from 0 to 1.
    """
    distinct = first_pass.distinct_paper_methods
    rows, curves = 0, []
    with progress.bar(total=len(first_pass.classes), desc="curves", unit="image") as bar:
        for chunk in batches:
            of_chunk = slice(rows, rows + len(chunk))
            shown = {name: first_pass.shown(name, chunk.shape[1:3], of_chunk) for name in distinct}
            for i in range(len(chunk)):
                curve = masks.alpha_curve(chunk[i : i + 1], {name: maps[i : i + 1] for name, maps in shown.items()})
                curves.append(curve[np.linspace(0, len(curve) - 1, points + 1).round().astype(int)])
            rows += len(chunk)
            bar.update(len(chunk))
    return np.array(curves)


def along_alpha(network, images, first_pass, alphas, batch_size=32, ties="strict", scheduler=""):
    """BAD's drop at every alpha, under the paper's methods; methods with the same maps are measured once.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3).
        first_pass: the `evaluation.Maps` of the same images.
        alphas: the shares of pixels to keep, between 0 and 1.
        batch_size: the number of images that go through the network at once.
        ties: as in `evaluation.evaluate`.
        scheduler: as in `evaluation.evaluate`.

    Returns:
        method -> (N, len(alphas)).
    """
    drops = {}
    for name in first_pass.distinct_paper_methods:
        shown = first_pass.shown(name, images.shape[1:3])
        ranking = cams.upsample(first_pass.maps[name], images.shape[1:3]) if ties == "exact" else None
        columns = []
        for alpha in progress.bar(alphas, desc=f"{name} along alpha"):
            kept = masks.kept_pixels(shown, alpha, ties, ranking)
            columns.append(evaluation.blended_drops(network, images, kept, first_pass, batch_size, scheduler=scheduler))
        drops[name] = np.stack(columns, axis=1)
    return drops


def contrasts(network, images, first_pass, exponents, alpha, batch_size=32, scheduler=""):
    """AD's drops when a map, scaled to a peak of 1, is raised to each power: the ranking of the pixels stays the same.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3).
        first_pass: the `evaluation.Maps` of the same images.
        exponents: the powers, above 0.
        alpha: the share of pixels that BAD keeps.
        batch_size: the number of images that go through the network at once.
        scheduler: as in `evaluation.evaluate`.

    Returns:
        method -> (N, len(exponents)), and the number of pixels of all of BAD's masks that any power changes.
    """
    drops, changed = {}, 0
    for name in first_pass.distinct_paper_methods:
        scaled = masks.scaled_to_peak(first_pass.shown(name, images.shape[1:3]).astype("float64"))
        kept = masks.kept_pixels(scaled, alpha)
        columns = []
        for power in exponents:
            raised = scaled**power
            columns.append(
                evaluation.blended_drops(network, images, raised, first_pass, batch_size, scheduler=scheduler)
            )
            changed += int((masks.kept_pixels(raised, alpha) != kept).sum())
        drops[name] = np.stack(columns, axis=1)
    return drops, changed


def choices(network, images, first_pass, fallback, batch_size=32, scheduler=""):
    """The drops under every one of `CHOICES`.

    Each choice takes its own alpha: the share at which its own masked images of these images differ most.

    Args:
        network: a `networks.Network`.
        images: pixels (N, H, W, 3).
        first_pass: the `evaluation.Maps` of the same images.
        fallback: the alpha where the methods draw the same maps.
        batch_size: the number of images that go through the network at once.
        scheduler: as in `evaluation.evaluate`.

    Returns:
        (choice, metric) -> alpha, and a dict method -> (N,).
    """
    size, drops, faded = images.shape[1:3], {}, {}

    def drops_of(shares, fill):
        return evaluation.blended_drops(network, images, shares, first_pass, batch_size, fill, scheduler)

    for choice, changes in progress.bar(CHOICES.items(), desc="choices"):
        reading = READING | changes
        fill = reading["fill"]
        shown = {name: _shown(first_pass.maps[name], size, reading) for name in first_pass.distinct_paper_methods}
        light = np.abs(images.astype("float32") - fill) ** reading["difference"]
        curve = masks.alpha_curve(light, shown)
        alpha = masks.select_alpha(curve) if curve.max() > 0 else fallback
        blackened = {}
        for name, maps in shown.items():
            key = name, fill, reading["clip"], reading["kernel"]
            if key not in faded:  # AD knows neither alpha nor ties
                faded[key] = drops_of(masks.scaled_to_peak(maps), fill)
            ranking = cams.upsample(first_pass.maps[name], size) if reading["ties"] == "exact" else None
            kept = masks.kept_pixels(maps, alpha, reading["ties"], ranking)
            blackened[name] = drops_of(kept, fill)
        same = {name: faded[name, fill, reading["clip"], reading["kernel"]] for name in shown}
        drops |= {(choice, "AD"): (alpha, same), (choice, "BAD"): (alpha, blackened)}
    return drops


def _shown(maps, size, reading):
    """Maps (N, h, w), clipped at 0 and upsampled to size (H, W) in the order and by the kernel of a reading."""
    if reading["clip"] == "before":
        return cams.upsample(np.maximum(maps, 0), size, reading["kernel"])
    return np.maximum(cams.upsample(maps, size, reading["kernel"]), 0)
