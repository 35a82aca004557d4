"""Figures: heat maps over images, drawn the same way everywhere."""

import functools
import unicodedata

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from black_average_drop.files import replacing

COLOUR_MAP = "viridis"  # ordered in greyscale and for colour-blind readers, unlike jet
AGREEMENT = "PuOr_r"  # orange for agreement, violet for its opposite: told apart by colour-blind readers
OPACITY = 0.5
OUTLINE = "#ff3b30"
HEAD_COLOURS = {"relu": "#0072b2", "softmax": "#d55e00"}
COLOURS = {"CAM": "#0072b2", "Grad-CAM": "#56b4e9", "Grad-CAM++": "#d55e00"}  # told apart by colour-blind readers

# Fonts that have the letters of East Asia, of which a system usually has one; the first one that is there is taken.
FONTS = ("Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAGothic", "Hiragino Sans", "Yu Gothic", "MS Gothic")
NO_FONT = "Last Resort High-Efficiency"  # comes with Matplotlib, and draws a box for everything
LINE = 26  # letters of a title, those of double width twice


def in_picture(names, kind):
    """Names as a figure can show them: those for which no font here has all letters become "kind 3", by their place in
    names, counted from 1. Returns the list, and a dict from what is shown instead to the name, for the page to say.
    """
    shown = [name if _drawable(name) else f"{kind} {place}" for place, name in enumerate(map(str, names), 1)]
    return shown, {new: name for new, name in zip(shown, map(str, names), strict=True) if new != name}


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
        axes[0].set_ylabel("\n".join(map(_shortened, row["title"].split("\n"))), fontsize=7.5)
        for panel, method in zip(axes[1:], methods, strict=True):
            show(panel, row["image"], row["maps"][method], row.get("mask"), row.get("boxes", ()), colour_map)
    for panel, name in zip(grid[0], ("input", *methods), strict=True):
        panel.set_title(name.replace(" (", "\n("), fontsize=9)
    scale = ScalarMappable(Normalize(0, 1), colour_map)
    bar = figure.colorbar(scale, ax=grid, shrink=0.6, aspect=30, pad=0.01, alpha=OPACITY)
    bar.set_label("map, share of its peak", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return _labelled(figure, banner)


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
        panel.set_title(_shortened(title), fontsize=6.5)
    for panel in panels[len(images) :]:
        panel.axis("off")
    return _labelled(figure, "")


def ranking(table):
    """Maps by their drop, with 95 % intervals, a panel each metric; control maps in grey: a matplotlib Figure.

    table: DataFrame with columns metric, map, control, drop, low, high, the best of each metric first.
    """
    metrics = list(table["metric"].unique())
    count = table["map"].nunique()
    figure = Figure(figsize=(1.2 + 4.2 * len(metrics), 1.2 + 0.28 * count), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        rows = table[table["metric"] == metric]
        for place, (_, row) in enumerate(rows.iterrows()):
            colour = "#777777" if row["control"] else "#0072b2"
            # Where all images are alike, rounding may put an end on the other side of the mean.
            reach = np.maximum([[row["drop"] - row["low"]], [row["high"] - row["drop"]]], 0)
            axes.errorbar(
                row["drop"], place, xerr=reach, fmt="s" if row["control"] else "o", color=colour, markersize=5
            )
        axes.set_yticks(range(len(rows)), rows["map"], fontsize=8)
        for label, control in zip(axes.get_yticklabels(), rows["control"], strict=True):
            label.set_color("#777777" if control else "black")
        axes.invert_yaxis()
        axes.set_xlabel(f"{metric}, smaller is better", fontsize=9)
    figure.supxlabel("round, blue: methods; square, grey: control maps, which know nothing of the image", fontsize=8)
    return _labelled(figure, "")


def learning_curves(history, banner=""):
    """What each training did, epoch by epoch: validation quality and loss, the kept epoch marked. A matplotlib Figure.

    history: DataFrame with columns data, head, training_seed and those of `training.fit`. A column of panels for each
    kind of data, a colour for each head; dotted: the epochs of the head alone; dashed: validation loss, which is taken
    without Dropout, augmentation and class weights.
    """
    kinds = list(history["data"].unique())
    figure = Figure(figsize=(4.2 * len(kinds), 5.4), layout="constrained")
    for column, kind in zip(figure.subplots(2, len(kinds), squeeze=False, sharex="col").T, kinds, strict=True):
        named = set()
        for (head, _), rows in history[history["data"] == kind].groupby(["head", "training_seed"], sort=False):
            colour = HEAD_COLOURS[head]
            first, named = head not in named, named | {head}
            kept = rows[rows["chosen"]]
            alone = rows["stage"] == "head"
            for panel, name, style in ((0, "validation_quality", "-"), (1, "loss", "-"), (1, "validation_loss", "--")):
                column[panel].plot(rows["epoch"], rows[name], style, color=colour, linewidth=1, marker=".")
                column[panel].plot(rows["epoch"][alone], rows[name][alone], ":", color="white", linewidth=1.2)
            label = f"{head} head" if first else None
            column[0].plot(
                kept["epoch"], kept["validation_quality"], "o", color=colour, markerfacecolor="none", label=label
            )
        column[0].set(title=kind, ylabel="validation AUC" if kind == "radiographs" else "share classified right")
        column[1].set(xlabel="epoch", ylabel="loss (dashed: validation)", ylim=(0, None))
        column[0].legend(title="circle: kept", fontsize=8, title_fontsize=8)
        column[1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return _labelled(figure, banner)


def assessments(curves, tables, names, banner=""):
    """ROC curves with their band, and the confusion matrix of each classifier beside them; a matplotlib Figure.

    curves: head -> what `assessment.assess` gives; tables: head -> what `assessment.confusion` gives; names: head ->
    what the legend says.
    """
    figure = Figure(figsize=(4.2 + 2.6 * len(tables), 3.9), layout="constrained")
    panels = figure.subplots(1, 1 + len(tables), width_ratios=[1.5] + [1] * len(tables))
    for head, curve in curves.items():
        rate = curve["false_positive_rate"]
        panels[0].step(rate, curve["sensitivity"], color=HEAD_COLOURS[head], label=names[head], where="post")
        panels[0].fill_between(rate, curve["low"], curve["high"], color=HEAD_COLOURS[head], alpha=0.2, step="post")
    panels[0].plot([0, 1], [0, 1], color="grey", linewidth=0.7)
    panels[0].set(xlabel="false positive rate", ylabel="sensitivity", aspect="equal", title="ROC, 95 % band")
    panels[0].legend(fontsize=8, loc="lower right")
    for panel, (head, table) in zip(panels[1:], tables.items(), strict=True):
        shares = table.div(table.sum(axis=1).clip(lower=1), axis=0).to_numpy()
        panel.imshow(shares, "Greys", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            text = f"{table.iat[row, column]}\n{100 * share:.0f} %"
            panel.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black")
        panel.set(xticks=range(len(table.columns)), yticks=range(len(table)), title=f"{head} head", xlabel="predicted")
        panel.set_xticklabels(table.columns)
        panel.set_yticklabels(table.index, rotation=90, va="center")
    return _labelled(figure, banner)


def verdict(table, panels, banner=""):
    """How far each metric's ranking of the maps agrees with the truth's: a matplotlib Figure.

    table: DataFrame with columns data, metric, maps, known (how many images have a value), set, set_low, set_high
    (Kendall's tau-b and its 95 % interval) and fooled_by (a control's name or ""), a row for each of their
    combinations; panels: the values of `maps`, a panel each. Metrics are rows, data sets columns; colour is agreement,
    the interval is printed in the cell, and a metric fooled by a control is marked.
    """
    metrics, data = list(table["metric"].unique()), list(table["data"].unique())
    size = 2.3 + 1.5 * len(data) * len(panels), 1.6 + 0.46 * len(metrics)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, maps in zip(grid, panels, strict=True):
        wide = table[table["maps"] == maps].set_index(["metric", "data"])
        colours = wide["set"].unstack("data").loc[metrics, data].to_numpy()
        image = axes.imshow(np.ma.masked_invalid(colours), AGREEMENT, vmin=-1, vmax=1, aspect="auto")
        axes.set_facecolor("#dddddd")
        for (row, column), value in np.ndenumerate(colours):
            cell = wide.loc[metrics[row], data[column]]
            text = f"{value:+.2f}, n {cell['known']}\n[{cell['set_low']:+.2f}, {cell['set_high']:+.2f}]"
            text += " †" if cell["fooled_by"] else ""
            if np.isnan(value):  # all maps alike, or a metric that this data set does not have
                text = "no ranking" if cell["known"] else "–"
            ink = "white" if abs(value) > 0.65 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        axes.set_xticks(range(len(data)), [name.replace(": ", ":\n").replace(" (", "\n(") for name in data], fontsize=8)
        axes.set_title(maps, fontsize=10)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    grid[0].set_yticks(range(len(metrics)), metrics, fontsize=8)
    bar = figure.colorbar(image, ax=grid, shrink=0.6, aspect=30, pad=0.01)
    bar.set_label("Kendall's tau-b with the truth", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    note = "† prefers a control map to every real map: the metric is fooled, or, in the row of the truth, it is best"
    figure.supxlabel(note, fontsize=8)
    return _labelled(figure, banner)


def sanity(table, banner=""):
    """How like the trained network's maps those of randomised weights are: a matplotlib Figure.

    table: DataFrame with columns data, method, maps ("head randomised", "backbone randomised", "another image's map"),
    measure, value, low, high. A row of panels for each measure, a column for each data set.
    """
    data, measures = list(table["data"].unique()), list(table["measure"].unique())
    methods, kinds = list(table["method"].unique()), list(table["maps"].unique())
    size = 2.2 + 2.4 * len(data), 0.9 + len(measures) * (0.6 + 0.3 * len(methods))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(measures), len(data), squeeze=False, sharex="row", sharey=True)
    for (row, column), axes in np.ndenumerate(grid):
        for kind, colour, offset in zip(kinds, ("#0072b2", "#d55e00", "#777777"), (-0.22, 0, 0.22), strict=False):
            chosen = (table["data"] == data[column]) & (table["measure"] == measures[row]) & (table["maps"] == kind)
            part = table[chosen].set_index("method").reindex(methods)
            reach = np.abs(part[["low", "high"]].to_numpy().T - part["value"].to_numpy())
            place = np.arange(len(methods)) + offset
            axes.errorbar(part["value"], place, xerr=reach, fmt="o", markersize=3.5, color=colour, label=kind)
        axes.axvline(0, color="grey", linewidth=0.7)
        axes.axvline(1, color="grey", linewidth=0.7, linestyle=":")
        axes.set_yticks(range(len(methods)), methods, fontsize=8)
        axes.set_xlabel(measures[row], fontsize=8)
        axes.set_title(data[column] if not row else "", fontsize=9)
    grid[0, 0].invert_yaxis()
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return _labelled(figure, banner)


def _labelled(figure, banner):
    """The figure with a line across its head, if there is something to say, and all its text as it was given: no
    formulas between dollars, and letters of whatever font has them.
    """
    if banner:
        figure.suptitle(banner, color=OUTLINE, fontsize=11, weight="bold")
    usual = font_manager.FontProperties().get_name()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        further = {_font_of(letter) for letter in text.get_text() if not letter.isspace()} - {None, usual}
        if further:
            text.set_fontfamily([*text.get_fontfamily(), *sorted(further)])
    return figure


def _shortened(text):
    """One line of text, its middle left out where it is too long: names of files differ at their ends."""
    widths = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text]
    if sum(widths) <= LINE:
        return text
    reach = np.cumsum(widths), np.cumsum(widths[::-1])
    start, end = (int((one <= (LINE - 1) / 2).sum()) for one in reach)
    return f"{text[:start]}…{text[len(text) - end :]}"


def _drawable(text):
    return all(letter.isspace() or _font_of(letter) is not None for letter in text)


@functools.cache
def _font_of(letter):
    """The name of an installed font that has the letter: the usual one, one of FONTS, or any other; None if none."""
    usual = font_manager.FontProperties().get_name()
    installed = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    known = [name for name in (usual, *FONTS) if name in installed]
    for name in (*known, *sorted(set(installed) - set(known) - {NO_FONT})):
        if ord(letter) in _letters(installed[name]):
            return name
    return None


@functools.cache
def _letters(path):
    return frozenset(font_manager.get_font(path).get_charmap())


def save(figure, path):
    """Write path.png and path.pdf at 150 dots an inch, without dates, so that equal figures are equal files."""
    written = []
    for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
        target = path.with_name(path.name + suffix)
        with replacing(target) as partial, matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(partial, dpi=150, format=suffix[1:], metadata=metadata)
        written.append(target)
    return written
