"""What else is said of a run next to its answer: what was counted, blank maps, odd feature maps, maps of others."""

import numpy as np
import pandas as pd

from black_average_drop import cams, lettering
from black_average_drop.choice.markdown import as_code

FEWER = 0.9  # of alpha: where BAD keeps less of the image than that, its drop is that of another alpha


def counts_in_words(dataset, pairs):
    """Say how many images, patients and findings were measured, without an end.

    Args:
        dataset: a Dataset of the findings that were explained.
        pairs: whether an image may have several findings.
    """
    images, patients = len(np.unique(dataset.ids)), len(np.unique(dataset.groups))
    return f"{images} images of {patients} patients" + (f", {len(dataset)} findings" if pairs else "")


def alpha_not_chosen(alpha):
    """One sentence for an alpha that maps could not choose, since the paper's methods draw fewer than two of them."""
    *others, last = cams.PAPER_METHODS
    return f"Alpha {alpha:g} was not chosen by maps: of {', '.join(others)} and {last} no two draw different maps here."


def negative_part(share):
    """One sentence on feature maps of which a share is negative, "" where nothing is.

    Args:
        share: of `evaluation.Maps.negative_share`.
    """
    if not share:
        return ""
    return (
        f"Of the feature maps {100 * share:.3g} % is negative (by absolute value): {cams.POSITIVE_PART} replaces "
        "Grad-CAM++ and has no part in the choice of alpha."
    )


def blanks(blank_maps, classes, names):
    """One sentence that counts the blank maps of each method by the class that is explained.

    Args:
        blank_maps: name -> boolean (N,).
        classes: (N,), the explained class.
        names: of the classes.
    """
    counts = []
    for name, blank in blank_maps.items():
        if blank.any():
            counted = pd.Series(blank).groupby(np.asarray(classes)).agg(["sum", "size"]).query("sum > 0")
            counted = counted.sort_values("sum", ascending=False, kind="stable")
            parts = [f"{as_code(names[label])} {row['sum']} of {row['size']}" for label, row in counted[:3].iterrows()]
            parts += [f"{len(counted) - 3} more classes"] if len(counted) > 3 else []
            counts.append(f"{name} {blank.sum()} of {len(blank)} ({', '.join(parts)})")
    if not counts:
        return "No map is blank."
    return f"Blank maps, which point nowhere and are scored as a black image: {'; '.join(counts)}."


def of_others(drawn):
    """One sentence that names the maps which others drew, "" where there are none."""
    if not drawn:
        return ""
    named = [
        as_code(name) if new.endswith(name) else f"{as_code(name)} ({new})"
        for name, new in lettering.of_maps(drawn).items()
    ]
    return f"Maps of others, behind {lettering.OTHERS} in the figures: {', '.join(named)}."


def fewer_kept(rows, maps):
    """Say of which maps BAD keeps clearly less of the image than alpha, "" where there is none.

    Blank maps are no part of this: `blanks` counts them.

    Args:
        rows: of `evaluation.evaluate`.
        maps: the names of those to speak of.
    """
    of_bad = rows[(rows["metric"] == "BAD") & rows["method"].isin(maps) & (rows["opacity"] > 0)]
    kept, alpha = of_bad.groupby("method", sort=False)["kept"].mean(), rows["alpha"].iloc[0]
    fewer = [f"{as_code(name)} {100 * share:.1f} %" for name, share in kept.items() if share < FEWER * alpha]
    if not fewer:
        return ""
    return (
        f"Many pixels of these maps have equal values. So BAD keeps less than {100 * alpha:.1f} % of the image: "
        f"{', '.join(fewer)}. It keeps all that a mask of two values marks if alpha is larger than the marked share."
    )


def names_in_figures(replaced):
    """Say what stands in the figures for names that no installed font can draw, "" where all can be drawn.

    Args:
        replaced: new -> name, of `lettering.in_picture`.
    """
    return "; ".join(f"{new}: {as_code(name)}" for new, name in replaced.items())
