"""Pictures of a study: a few images with a map over them, and those on which maps differ most."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from black_average_drop import evaluation, figures, lettering
from black_average_drop.figures import Row

SHOWN = 6  # images


def draw_examples(dataset, maps, classes, names, name, alpha, colour_map, seed=0):
    """Draw images that are drawn at random, each bare, and below it with a map over it.

    Args:
        dataset: a Dataset of N images.
        maps: (N, h, w), before clipping, or what gives such maps for a list of rows.
        classes: (N,), the explained output.
        names: of the outputs.
        name: of the map.
        alpha: the share of pixels kept.
        colour_map: as for `figures.figure1`.
        seed: by which images are drawn.

    Returns:
        A matplotlib Figure, and what was written in the place of other names: new -> name.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:SHOWN])
    titles, replaced = lettering.in_picture([Path(dataset.ids[one]).name for one in chosen], "image")
    of_class, further = lettering.in_picture(names, "output")
    figure = Figure(figsize=(1.75 * SHOWN, 4.1), layout="constrained")
    panels = figure.subplots(2, SHOWN)
    for axes in panels.ravel():
        axes.axis("off")
    for (bare, over), one, title in zip(panels.T, chosen, titles, strict=False):
        pixels = dataset.images([one])[0]
        figures.show(bare, pixels)
        figures.show(over, pixels, evaluation.upsampled(maps[[one]], dataset.size)[0], alpha, colour_map=colour_map)
        bare.set_title(lettering.fitted(f"{title}\n{of_class[classes[one]]}", 20), fontsize=8.5)
    figure.supxlabel(f"Below: {name}; the line encloses the {100 * alpha:.0f} % of pixels that BAD keeps", fontsize=8.5)
    return lettering.labelled(figure), replaced | further


def most_apart(dataset, maps, classes, names, apart, alpha, colour_map, others=()):
    """Draw the maps of the images on which the masked images of the maps have least in common.

    Args:
        dataset: a Dataset of N images.
        maps: name -> (N, h, w), before clipping, or what gives such maps for a list of rows.
        classes: (N,), the explained output.
        names: of the outputs.
        apart: (N,), of `disagreement`.
        alpha: the share of pixels kept.
        colour_map: as for `figures.figure1`.
        others: the names of the maps that others drew.

    Returns:
        A matplotlib Figure, and what was written in the place of other names: new -> name.
    """
    chosen = np.argsort(-apart, kind="stable")[:SHOWN]
    titles, replaced = lettering.in_picture([Path(dataset.ids[one]).name for one in chosen], "image")
    of_class, further = lettering.in_picture(names, "output")
    written = {name: name for name in maps} | {name: lettering.of_maps(others)[name] for name in others if name in maps}
    rows = []
    for one, title in zip(chosen, titles, strict=True):
        shown = {written[name]: evaluation.upsampled(drawn[[one]], dataset.size)[0] for name, drawn in maps.items()}
        title += f"\n{of_class[classes[one]]}\n{100 * apart[one]:.0f} % apart"
        rows.append(Row(title, dataset.images([one])[0], shown, alpha))
    replaced |= further | {new: f"{name}, a map of others" for name, new in written.items() if name != new}
    return figures.figure1(rows, [written[name] for name in maps], colour_map=colour_map), replaced
