"""What is looked at by hand: one map of an image, what it leaves of the image, and the score along alpha."""

from dataclasses import dataclass, replace

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from black_average_drop import cams, evaluation, figures, lettering, masks

SHARES = np.linspace(0.1, 0.9, 9)  # of the pixels, at which the score along alpha is read
DIFFERENCE = "PuOr"  # orange where the first map is stronger, violet where the second is
COLOURS = ("#0072b2", "#d55e00")  # of the first and of the second method, told apart by colour-blind readers


@dataclass(frozen=True, eq=False)
class View:
    """One map of an image, and what it leaves of the image."""

    heat_map: np.ndarray  # (H, W), as it is drawn and measured
    faded: np.ndarray  # (H, W, 3), the masked image E of AD
    blackened: np.ndarray  # (H, W, 3), the masked image B of BAD
    alpha: float  # the share of pixels that BAD may keep
    kept: float  # the share that it keeps: less where values of the map are equal
    scores: pd.DataFrame  # as of `evaluation.class_scores`, with the rows image, AD and BAD


def look(network, image, features, logits, label, method, alpha):
    """Draw one map, mask the image by it in both ways, and score the masked images.

    Args:
        network: A `networks.Network`.
        image: (H, W, 3), pixels from 0 to 255.
        features: (1, h, w, K), of `network.explain`.
        logits: (1, C), of `network.explain`.
        label: The number of the class to explain.
        method: The name of one of `cams.METHODS`.
        alpha: The share of pixels that BAD keeps, between 0 and 1.

    Returns:
        A `View`.

    Raises:
        ValueError: The method cannot be drawn on this network.
    """
    classes = np.array([label])
    drawn = cams.METHODS[method](evaluation.explain(network, features, logits, classes, image[None]))
    shown = evaluation.upsampled(np.asarray(drawn, "float32"), image.shape[:2])
    pixels = np.asarray(image, "float32")[None]
    kept = masks.kept_pixels(shown, alpha)
    masked_images = np.concatenate([masks.fade(pixels, shown), masks.blend(pixels, kept)])
    masked, _ = network.score(masked_images)
    scores = evaluation.class_scores(network, np.concatenate([logits, masked]), np.repeat(classes, 3))
    return View(shown[0], *masked_images, alpha, float(kept.mean()), scores.set_axis(["image", "AD", "BAD"]))


def at_alpha(network, image, view, label, alpha):
    """The same map at another alpha: only what BAD leaves is masked and scored again.

    Args:
        network, image, label, alpha: As for `look`.
        view: A `View` of the image and the class.
    """
    kept = masks.kept_pixels(view.heat_map[None], alpha)
    blackened = masks.blend(image[None], kept)
    logits, _ = network.score(blackened)
    scores = view.scores.copy()
    scores.loc["BAD"] = evaluation.class_scores(network, logits, np.array([label])).loc[0]
    return replace(view, blackened=blackened[0], alpha=alpha, kept=float(kept.mean()), scores=scores)


def scores_along_alpha(network, image, heat_map, label):
    """The score of BAD's masked image at each of SHARES: (len(SHARES),).

    Args:
        network, image, label: As for `look`.
        heat_map: (H, W), of a `View`.
    """
    kept = np.concatenate([masks.kept_pixels(heat_map[None], share) for share in SHARES])
    logits, _ = network.score(masks.blend(np.broadcast_to(image, (len(SHARES), *image.shape)), kept))
    return evaluation.class_scores(network, logits, np.repeat(label, len(SHARES)))["score"].to_numpy()


def light_apart(one, other, image):
    """The share of the image's light that one of two masks keeps and the other does not.

    Args:
        one, other: `View`s of the image.
        image: (H, W, 3).
    """
    light = np.asarray(image, "float64").sum(axis=-1)
    kept = [masks.kept_pixels(view.heat_map[None], view.alpha)[0] for view in (one, other)]
    return float(light[kept[0] != kept[1]].sum() / max(light.sum(), 1))


def map_difference(one, other):
    """Two maps of an image, each scaled to a peak of 1: the first minus the second.

    Args:
        one, other: `View`s of the image.

    Returns:
        (H, W), from -1 to 1.
    """
    first, second = masks.scaled_to_peak(np.stack([one.heat_map, other.heat_map]).astype("float32"))
    return first - second


def in_colour(values):
    """A difference of maps (H, W) as pixels (H, W, 3), uint8: orange above 0, violet below, pale where it is 0.

    The strongest colour stands for the largest difference.
    """
    scaled = values / max(float(np.abs(values).max()), 1e-6)
    return np.round(255 * matplotlib.colormaps[DIFFERENCE]((1 - scaled) / 2)[..., :3]).astype("uint8")


def difference_in_words(names, values, share):
    """What the picture of a difference of two maps shows, in two lines.

    Args:
        names: Of the two methods.
        values: Of `map_difference`.
        share: Of `light_apart`.
    """
    first, second = names
    reach = f"orange up to {max(values.max(), 0):.2f}, violet to {min(values.min(), 0):.2f}"
    return f"{first} minus {second}: {reach}\nmasked images {100 * share:.0f} % apart"


def view_sheet(image, views, along, title, opacity, colour_map):
    """Everything that is shown of an image and two methods, as a figure to keep.

    Args:
        image: (H, W, 3).
        views: Method -> `View`, one or two.
        along: Method -> what `scores_along_alpha` gives.
        title: What the image and the class are called.
        opacity, colour_map: As for `figures.show`.

    Returns:
        A matplotlib Figure.
    """
    figure = Figure(figsize=(13, 0.4 + 3.1 * len(views)), layout="constrained")
    panels = figure.subplots(len(views), 4, squeeze=False)
    for row, (name, view) in zip(panels, views.items(), strict=True):
        figures.show(row[0], image, view.heat_map, view.alpha, colour_map=colour_map, opacity=opacity, enlarged=1.5)
        figures.show(row[1], view.faded)
        figures.show(row[2], view.blackened)
        full, faded, blackened = (f"{view.scores.loc[of, 'score']:.4f}" for of in ("image", "AD", "BAD"))
        row[0].set_title(f"{name}\nY = {full}", fontsize=9)
        row[1].set_title(f"E, faded by the map (AD)\nO = {faded}", fontsize=9)
        row[2].set_title(f"B, {100 * view.kept:.0f} % of the pixels left (BAD)\nO = {blackened}", fontsize=9)
    if len(views) == 2:
        one, other = views.values()
        values = map_difference(one, other)
        figures.show(panels[0, 3], in_colour(values))
        panels[0, 3].set_title(difference_in_words(list(views), values, light_apart(one, other, image)), fontsize=9)
    axes = panels[-1, 3]
    for colour, (name, scores) in zip(COLOURS, along.items(), strict=False):
        axes.plot(SHARES, scores, marker=".", color=colour, label=name)
    axes.axvline(view.alpha, color="black", linewidth=0.8)
    axes.set(xlabel="alpha", ylabel="score of B", xlim=(0, 1))
    axes.legend(fontsize=7)
    figure.suptitle(title, fontsize=10)
    return lettering.labelled(figure)
