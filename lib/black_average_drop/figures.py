"""Figures: heat maps over images, drawn the same way everywhere."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from black_average_drop import masks
from black_average_drop.lettering import fitted, labelled, shortened

# From orange to yellow. At its opacity it becomes lighter with every step on all but bright bones, in grey print, too.
# Colour-blind readers tell its steps apart.
COLOUR_MAP = "heat"
matplotlib.colormaps.register(
    LinearSegmentedColormap.from_list(COLOUR_MAP, ["#ff6a00", "#ffa000", "#ffff40"]), force=True
)
PEAK_OPACITY = 0.65  # of the colour at the peak of a map: the image shows through everywhere
KEPT = {"edgecolor": "white", "linestyle": "-"}  # the outline of what BAD keeps
TRUTH = {"edgecolor": "#00c8ff", "linestyle": (0, (5, 3))}
# Inches: the width of a printed page, the part of it for what is written at both sides, and the side of a panel.
PRINT, MARGIN, PANEL = 17 / 2.54, 1.7, 1.7
LETTERS, LINES = 7, 0.5  # points in print


@dataclass(frozen=True)
class Row:
    """What a row of `figure1` shows."""

    title: str
    image: np.ndarray  # (H, W, 3), pixels from 0 to 255
    maps: dict[str, np.ndarray]  # method -> (H, W)
    alpha: float | None = None  # the share of pixels that BAD keeps, between 0 and 1; None draws no outline of them
    mask: np.ndarray | None = None  # (H, W) boolean, the truth as pixels, outlined on every panel
    boxes: tuple = ()  # the truth as boxes (name, x0, y0, x1, y1), outlined likewise


def figure1(rows, methods, banner="", colour_map=COLOUR_MAP):
    """Draw the paper's Figure 1: a row for each image, and in it the map of each method over the image.

    Args:
        rows: A `Row` for each image.
        methods: The names of the maps to draw, in their order.
        banner: A line across the head of the figure.
        colour_map: COLOUR_MAP, or one of Matplotlib's, such as the paper's "jet". That one has no order in grey print,
            nor for colour-blind readers.

    Returns:
        A matplotlib Figure. It is made to be printed PRINT inches wide, or across the page from six columns on.
    """
    columns = len(methods) + 1
    enlarged = np.clip(PANEL * columns / (PRINT - MARGIN), 1, 2)  # what printing makes small again
    letters = LETTERS * enlarged
    line = int(PANEL * 72 / (0.6 * letters))  # how many letters fit along a panel
    size = PANEL * columns + MARGIN * enlarged, PANEL * len(rows) + 0.7 * enlarged
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    kept = [_kept_in_words(row, methods) for row in rows]
    same = len(set(kept) - {""}) == 1
    for axes, row, share in zip(grid, rows, kept, strict=True):
        given = {"mask": row.mask, "boxes": row.boxes, "enlarged": enlarged}
        show(axes[0], row.image, **given)
        title = row.title + ("\nBAD keeps " + share.replace(" ", "\N{NO-BREAK SPACE}") if share and not same else "")
        axes[0].set_ylabel(fitted(title, line), fontsize=letters)
        for panel, method in zip(axes[1:], methods, strict=True):
            show(panel, row.image, row.maps[method], row.alpha, colour_map=colour_map, **given)
    for panel, name in zip(grid[0], ("input", *methods), strict=True):
        panel.set_title(fitted(name, line), fontsize=letters)
    _colour_bar(figure, grid, colour_map, letters)
    _outlines_in_words(figure, rows, kept, enlarged)
    return labelled(figure, banner)


def show(
    axes, image, heat_map=None, alpha=None, mask=None, boxes=(), colour_map=COLOUR_MAP, opacity=PEAK_OPACITY, enlarged=1
):
    """Draw one panel: an image, a map over it, the outline of what BAD keeps, and the outline of the truth.

    Args:
        axes: Matplotlib axes.
        image: (H, W, 3), pixels from 0 to 255.
        heat_map: (H, W); see `overlay`. A map that is blank leaves the image as it is, and the panel says so.
        alpha: The share of pixels that BAD keeps, between 0 and 1. A white line encloses these pixels.
        mask: (H, W) boolean, the truth as pixels. A dashed line encloses them.
        boxes: The truth as boxes [(name, x0, y0, x1, y1)] in pixels, dashed likewise.
        colour_map: COLOUR_MAP, or one of Matplotlib's.
        opacity: Of the colour at the peak of the map, from 0 to 1.
        enlarged: How many times larger than in print the panel is drawn, and so its lines.
    """
    axes.imshow(overlay(image, heat_map, colour_map, opacity))
    if heat_map is not None and _blank(heat_map):
        place = {"ha": "center", "va": "center", "transform": axes.transAxes}
        halo = _line(KEPT, enlarged)["path_effects"]
        axes.text(0.5, 0.5, "blank map", color="white", fontsize=LETTERS * enlarged, path_effects=halo, **place)
    elif heat_map is not None and alpha is not None:
        _enclose_kept(axes, heat_map, alpha, _line(KEPT, enlarged))
    if mask is not None and mask.any():
        axes.contour(mask, levels=[0.5], colors="none").set(**_line(TRUTH, enlarged))
    for _, left, top, right, bottom in boxes:
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **_line(TRUTH, enlarged)))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def overlay(image, heat_map=None, colour_map=COLOUR_MAP, opacity=PEAK_OPACITY):
    """Blend a map into an image: the opacity of the colour follows the map, and where the map is 0 the image is bare.

    With L = relu(L) / max(L) and the colour C(L), each pixel becomes (1 - opacity L) I + opacity L C(L).

    Args:
        image: (H, W, 3), pixels from 0 to 255.
        heat_map: (H, W), of any scale. Without one, or where it is blank, the image remains.
        colour_map: COLOUR_MAP, or one of Matplotlib's.
        opacity: Of the colour at the peak of the map, from 0 to 1.

    Returns:
        The pixels (H, W, 3) as uint8.
    """
    pixels = np.asarray(image, "float32")
    if heat_map is not None and not _blank(heat_map):
        scaled = masks.scaled_to_peak(np.asarray(heat_map, "float32")[None])[0]
        colours = 255 * matplotlib.colormaps[colour_map](scaled)[..., :3]
        shares = opacity * scaled[..., None]
        pixels = (1 - shares) * pixels + shares * colours
    return np.clip(pixels, 0, 255).round().astype("uint8")


def scale(colour_map=COLOUR_MAP, opacity=PEAK_OPACITY):
    """Draw the colours of `overlay` as they come out over an image.

    Returns:
        The pixels (256, 64, 3) as uint8: the map from 1 at the top to 0 at the bottom, over an image that is black at
        the left and white at the right.
    """
    levels = np.linspace(1, 0, 256, dtype="float32")
    greys = np.linspace(0, 255, 64, dtype="float32")
    image = np.broadcast_to(greys[None, :, None], (256, 64, 3))
    return overlay(image, np.broadcast_to(levels[:, None], (256, 64)), colour_map, opacity)


def picture(image, heat_map, alpha, side, colour_map=COLOUR_MAP, opacity=PEAK_OPACITY):
    """Draw the panel of `show` by itself.

    Returns:
        The pixels (side, side, 3) as uint8.
    """
    canvas = FigureCanvasAgg(Figure(figsize=(side / 100, side / 100), dpi=100))
    axes = canvas.figure.add_axes((0, 0, 1, 1))
    show(axes, image, heat_map, alpha, colour_map=colour_map, opacity=opacity, enlarged=side / 150)
    axes.set_aspect("auto")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def contact_sheet(images, titles, columns=4):
    """Draw images next to each other, each with its title.

    Args:
        images: (N, H, W, 3), pixels from 0 to 255.
        titles: A text for each image.
        columns: The number of images in a row.

    Returns:
        A matplotlib Figure.
    """
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.1 * columns, 2.35 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, image, title in zip(panels, images, titles, strict=False):
        show(panel, image)
        panel.set_title(shortened(title), fontsize=8.5)
    for panel in panels[len(images) :]:
        panel.axis("off")
    return labelled(figure)


def _blank(heat_map):
    """Whether a map (H, W) is nowhere positive, or not finite somewhere: it points nowhere."""
    return not (np.isfinite(heat_map).all() and np.max(heat_map) > 0)


def _line(style, enlarged):
    """How a line of KEPT or TRUTH is drawn: within a black one, so that it shows on black and on white."""
    halo = patheffects.withStroke(linewidth=2.5 * LINES * enlarged, foreground="black")
    return style | {"linewidth": LINES * enlarged, "path_effects": [halo]}


def _enclose_kept(axes, heat_map, alpha, line):
    """Draw a line that encloses the centres of the pixels that BAD keeps, and of no others, up to the image's edge."""
    kept = masks.kept_pixels(heat_map[None], alpha)[0]
    if not kept.any() or kept.all():
        return
    values = np.asarray(heat_map, "float64")
    level = (values[kept].min() + values[~kept].max()) / 2
    around = np.pad(values, 1, mode="edge")
    inside = np.pad(kept, 1)
    around = np.where(inside, around, np.minimum(around, 2 * level - around))  # crosses the level at the image's edge
    limits = axes.axis()
    columns, rows = np.arange(-1, values.shape[1] + 1), np.arange(-1, values.shape[0] + 1)
    axes.contour(columns, rows, around, [level], colors="none").set(**line)
    axes.axis(limits)


def _kept_in_words(row, methods):
    """The share of pixels that BAD keeps of the maps in a row, as "20 %" or "19–20 %"; empty without an alpha."""
    drawn = [row.maps[method] for method in methods if not _blank(row.maps[method])]
    if row.alpha is None or not drawn:
        return ""
    shares = [100 * masks.kept_pixels(one[None], row.alpha).mean() for one in drawn]
    lowest, highest = f"{min(shares):.3g}", f"{max(shares):.3g}"
    return f"{lowest} %" if lowest == highest else f"{lowest}–{highest} %"


def _colour_bar(figure, grid, colour_map, letters):
    """A bar next to the panels that shows `scale`, and says what its ends are."""
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), colour_map), ax=grid, shrink=0.6, aspect=16, pad=0.01)
    bar.ax.imshow(scale(colour_map), extent=(0, 1, 0, 1), aspect="auto", zorder=2)
    ends = "0: the image\nitself", "1: the map's\npeak"
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=[ends[0], "0.25", "0.5", "0.75", ends[1]])
    bar.ax.tick_params(labelsize=letters)


def _outlines_in_words(figure, rows, kept, enlarged):
    """Below the panels, what the lines on them are; kept: of each row the share of pixels that BAD keeps, in words."""
    shares, lines = sorted(set(kept) - {""}), []
    if shares:
        words = "the pixels that BAD keeps, their share at the left"
        words = words if len(shares) > 1 else f"the {shares[0]} of pixels that BAD keeps"
        lines.append((KEPT, f"outline: {words}"))
    if any(len(row.boxes) or (row.mask is not None and row.mask.any()) for row in rows):
        lines.append((TRUTH, "dashed: the lesion or object, where it is known"))
    if lines:
        handles = [Patch(fill=False, label=label, **_line(style, enlarged)) for style, label in lines]
        look = {"fontsize": LETTERS * enlarged, "ncols": len(lines), "frameon": False}
        figure.legend(handles=handles, loc="outside lower center", **look)
