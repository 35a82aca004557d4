"""What AD and BAD hang on besides the maps: alpha, the choices that the paper leaves open, contrast, and size.

Images are pixels (N, H, W, 3) that fit in memory; found is the `evaluation.Maps` of the same images.
"""

import numpy as np

from black_average_drop import cams, evaluation, masks, progress, statistics

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


def image_curves(batches, found, points=1000):
    """The alpha curve of each image, read off at points + 1 even shares from 0 to 1: float64 (N, points + 1).

    batches: re-iterable of pixels (n, H, W, 3). The curve is `masks.alpha_curve` of the paper's methods.
    """
    distinct = distinct_methods(found)
    rows, curves = 0, []
    with progress.bar(total=len(found.classes), desc="curves", unit="image") as bar:
        for chunk in batches:
            shown = {
                name: evaluation.upsampled(found.maps[name][rows : rows + len(chunk)], chunk.shape[1:3])
                for name in distinct
            }
            for i in range(len(chunk)):
                curve = masks.alpha_curve(chunk[i : i + 1], {name: maps[i : i + 1] for name, maps in shown.items()})
                curves.append(curve[np.linspace(0, len(curve) - 1, points + 1).round().astype(int)])
            rows += len(chunk)
            bar.update(len(chunk))
    return np.array(curves)


def along_alpha(network, images, found, alphas, batch_size=32, ties="strict", scheduler=""):
    """BAD's drop at every alpha: method -> (N, len(alphas)); only the paper's methods, identical ones once.

    ties and scheduler as in `evaluation.evaluate`, here and below.
    """
    drops = {}
    for name in distinct_methods(found):
        shown = evaluation.upsampled(found.maps[name], images.shape[1:3])
        ranking = cams.upsample(found.maps[name], images.shape[1:3]) if ties == "exact" else None
        columns = []
        for alpha in progress.bar(alphas, desc=f"{name} along alpha"):
            kept = masks.kept_pixels(shown, alpha, ties, ranking)
            columns.append(evaluation.blended_drops(network, images, kept, found, batch_size, scheduler=scheduler))
        drops[name] = np.stack(columns, axis=1)
    return drops


def alpha_anew(curves, alphas, differences, resampling):
    """The choice of alpha and the difference of two methods there, chosen anew in each resample of patients.

    curves (N, points + 1) from `image_curves`; alphas (M,) rising and differences (N, M) in drop there, NaN where an
    image has none, between which the mean is interpolated linearly; resampling: of the N images. Returns
    (resamples, 2): alpha and difference, NaN where alpha lies outside of alphas.
    """

    def statistic(rows):
        curve = curves[rows].sum(axis=0)
        alpha = curve.argmax() / (len(curve) - 1)
        known = differences[rows][~np.isnan(differences[rows]).all(axis=1)]
        if not len(known):
            return alpha, np.nan
        return alpha, np.interp(alpha, alphas, np.nanmean(known, axis=0), left=np.nan, right=np.nan)

    return statistics.bootstrap(statistic, resampling)


def choices(network, images, found, fallback, batch_size=32, scheduler=""):
    """The drops under every one of `CHOICES`: (choice, metric) -> alpha and a dict method -> (N,).

    Each choice takes its own alpha, where its own masked images of these images differ most; fallback is the alpha for
    methods that draw the same maps.
    """
    size, drops, faded = images.shape[1:3], {}, {}

    def drops_of(shares, fill):
        return evaluation.blended_drops(network, images, shares, found, batch_size, fill, scheduler)

    for choice, changes in progress.bar(CHOICES.items(), desc="choices"):
        reading = READING | changes
        fill = reading["fill"]
        shown = {name: _shown(found.maps[name], size, reading) for name in distinct_methods(found)}
        light = np.abs(images.astype("float32") - fill) ** reading["difference"]
        curve = masks.alpha_curve(light, shown)
        alpha = masks.select_alpha(curve) if curve.max() > 0 else fallback
        blacked = {}
        for name, maps in shown.items():
            key = name, fill, reading["clip"], reading["kernel"]
            if key not in faded:  # AD knows neither alpha nor ties
                faded[key] = drops_of(masks.opacity(maps), fill)
            ranking = cams.upsample(found.maps[name], size) if reading["ties"] == "exact" else None
            kept = masks.kept_pixels(maps, alpha, reading["ties"], ranking)
            blacked[name] = drops_of(kept, fill)
        same = {name: faded[name, fill, reading["clip"], reading["kernel"]] for name in shown}
        drops |= {(choice, "AD"): (alpha, same), (choice, "BAD"): (alpha, blacked)}
    return drops


def distinct_methods(found):
    """The names of the paper's methods, those that draw the same maps once; found: an `evaluation.Maps`."""
    return [name for name in found.maps if name in cams.PAPER_METHODS and name not in found.same_as]


def _shown(maps, size, reading):
    if reading["clip"] == "before":
        return cams.upsample(np.maximum(maps, 0), size, reading["kernel"])
    return np.maximum(cams.upsample(maps, size, reading["kernel"]), 0)
