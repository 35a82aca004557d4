"""The images on which maps differ most, with what each map draws."""

from pathlib import Path

import numpy as np

from black_average_drop import evaluation, figures, lettering

SHOWN = 6  # images


def most_apart(dataset, maps, classes, names, apart, alpha, colour_map):
    """Draw the maps of the images on which the masked images of the maps have least in common.

    Args:
        dataset: a Dataset of N images.
        maps: name -> (N, h, w), before clipping, or what gives such maps for a list of rows.
        classes: (N,), the explained output.
        names: of the outputs.
        apart: (N,), of `answers_and_maps.disagreement`.
        alpha: the share of pixels kept.
        colour_map: as for `figures.figure1`.

    Returns:
        A matplotlib Figure, and what was written in the place of names that no font can draw: new -> name.
    """
    chosen = np.argsort(-apart, kind="stable")[:SHOWN]
    titles, replaced = lettering.in_picture([Path(dataset.ids[one]).name for one in chosen], "image")
    of_class, further = lettering.in_picture(names, "output")
    rows = []
    for one, title in zip(chosen, titles, strict=True):
        shown = {name: evaluation.upsampled(drawn[[one]], dataset.size)[0] for name, drawn in maps.items()}
        title += f"\n{of_class[classes[one]]}\n{100 * apart[one]:.0f} % apart"
        rows.append(figures.Row(title, dataset.images([one])[0], shown, alpha))
    return figures.figure1(rows, list(maps), colour_map=colour_map), replaced | further
