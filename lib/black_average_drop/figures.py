"""Figures: heat maps over images, drawn the same way everywhere, and how any figure is saved."""

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from black_average_drop.files import replacing
from black_average_drop.lettering import labelled, shortened

COLOUR_MAP = "viridis"  # ordered in greyscale and for colour-blind readers, unlike jet
OPACITY = 0.5
OUTLINE = "#ff3b30"


def figure1(rows, methods, banner="", colour_map=COLOUR_MAP):
    """The paper's Figure 1: each row an image, then its map under each method, every map scaled to a peak of 1.

    rows: dicts with title (text), image (H, W, 3) pixels, maps (method -> (H, W)), and optionally mask (H, W) boolean
    or boxes [(name, x0, y0, x1, y1)], which are outlined on every panel; colour_map: one of Matplotlib's, such as the
    paper's "jet", which is neither ordered in greyscale nor for colour-blind readers. Returns a matplotlib Figure.
    """
    width = 1.85
    figure = Figure(figsize=(width * (len(methods) + 1) + 0.75, width * len(rows) + 0.7), layout="constrained")
    grid = figure.subplots(len(rows), len(methods) + 1, squeeze=False)
    for axes, row in zip(grid, rows, strict=True):
        show(axes[0], row["image"], mask=row.get("mask"), boxes=row.get("boxes", ()))
        axes[0].set_ylabel("\n".join(map(shortened, row["title"].split("\n"))), fontsize=7.5)
        for panel, method in zip(axes[1:], methods, strict=True):
            show(panel, row["image"], row["maps"][method], row.get("mask"), row.get("boxes", ()), colour_map)
    for panel, name in zip(grid[0], ("input", *methods), strict=True):
        panel.set_title(name.replace(" (", "\n("), fontsize=9)
    scale = ScalarMappable(Normalize(0, 1), colour_map)
    bar = figure.colorbar(scale, ax=grid, shrink=0.6, aspect=30, pad=0.01, alpha=OPACITY)
    bar.set_label("map, share of its peak", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return labelled(figure, banner)


def show(axes, image, heat_map=None, mask=None, boxes=(), colour_map=COLOUR_MAP):
    """One panel: pixels (H, W, 3), a map (H, W) over them, the outline of a mask or boxes."""
    axes.imshow(np.clip(image, 0, 255).astype("uint8"))
    if heat_map is not None:
        clipped = np.maximum(heat_map, 0)
        axes.imshow(clipped / max(clipped.max(), np.finfo("float32").tiny), colour_map, alpha=OPACITY, vmin=0, vmax=1)
        if clipped.max() <= 0:
            axes.text(0.5, 0.5, "empty map", transform=axes.transAxes, ha="center", color="white", fontsize=8)
    if mask is not None and mask.any():
        axes.contour(mask, levels=[0.5], colors=OUTLINE, linewidths=0.9)
    for _, left, top, right, bottom in boxes:
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=OUTLINE, linewidth=0.9))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def contact_sheet(images, titles, columns=4):
    """Images (N, H, W, 3) in pixels beside each other, each with its title; a matplotlib Figure."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.1 * columns, 2.35 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, image, title in zip(panels, images, titles, strict=False):
        show(panel, image)
        panel.set_title(shortened(title), fontsize=6.5)
    for panel in panels[len(images) :]:
        panel.axis("off")
    return labelled(figure)


def save(figure, path):
    """Write path.png and path.pdf at 150 dots an inch, without dates, so that equal figures are equal files."""
    written = []
    for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
        target = path.with_name(path.name + suffix)
        with replacing(target) as partial, matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(partial, dpi=150, format=suffix[1:], metadata=metadata)
        written.append(target)
    return written
