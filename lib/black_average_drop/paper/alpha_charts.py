"""The figures of `04_alpha`: BAD along alpha, and the two objections to AD."""

import numpy as np
from matplotlib.figure import Figure

from black_average_drop import charts, lettering
from black_average_drop.paper.alpha_study import DIFFERENCE

CHOSEN_AGAIN = "#0072b2"


def draw_alpha(bands, along, intervals, banner=""):
    """Draw, for each data set, the curve that alpha is chosen from, BAD of each method, and their difference.

    Args:
        bands: DataFrame with columns data, alpha, difference, low, high, random_masks.
        along: DataFrame with columns data, quantity, alpha, BAD, low, high.
        intervals: DataFrame, a row for each data set, as `04_alpha` writes it to alpha_anew.csv.
        banner: a line across the head of the figure.

    Returns:
        A matplotlib Figure, a row for each data set.
    """
    figure = Figure(figsize=(11, 6), layout="constrained")
    figure.supxlabel("alpha, the share of pixels kept; red: the alpha of Table 1", fontsize=10)
    grid = figure.subplots(len(intervals), 3, sharex=True)
    for panels, (_, row) in zip(grid, intervals.iterrows(), strict=True):
        of_data = along[along["data"] == row["data"]].set_index("quantity")
        _draw_curve(panels[0], bands[bands["data"] == row["data"]], row)
        _draw_methods(panels[1], of_data.drop(DIFFERENCE))
        _draw_difference(panels[2], of_data.loc[DIFFERENCE], row)
        for panel in panels:
            panel.axvline(row["alpha_table1"], color=lettering.ACCENT, linewidth=1)
    for panel in grid[0]:  # above the panels, where it covers no line
        panel.legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, handlelength=1.2)
    for panel in grid[-1]:
        panel.set_xlabel("")
    figure.suptitle(banner or None, color=lettering.ACCENT)
    return figure


def draw_objections(contrast, correlations, banner=""):
    """Draw AD against the power of the map, and the correlations of the drop with opacity and size.

    Args:
        contrast: DataFrame with columns data, method, exponent, AD, low, high.
        correlations: DataFrame with columns data, feature, training, metric, correlation, low, high. Every training
            has a point of its own.
        banner: a line across the head of the figure.

    Returns:
        A matplotlib Figure.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, (data, part) in zip(panels, contrast.groupby("data", sort=False), strict=False):
        for method, line in part.groupby("method", sort=False):
            colour = charts.COLOURS[method]
            panel.fill_between(line["exponent"], line["low"], line["high"], color=colour, alpha=0.2)
            panel.plot(line["exponent"], line["AD"], marker="o", color=colour, label=method)
        exponents = list(part["exponent"].unique())
        panel.set(xscale="log", title=data, xlabel="power of the map", ylabel="AD")
        panel.set_xticks(exponents, [f"{exponent:g}" for exponent in exponents])
        panel.minorticks_off()
        panel.legend(fontsize=8)
    _draw_correlations(panels[2], correlations)
    figure.suptitle(banner or None, color=lettering.ACCENT)
    return figure


def _draw_curve(panel, band, row):
    panel.fill_between(band["alpha"], band["low"], band["high"], alpha=0.3, color="black", linewidth=0)
    panel.plot(band["alpha"], band["difference"], color="black", label="between the methods")
    panel.plot(band["alpha"], band["random_masks"], "--", color="grey", linewidth=1, label="random masks")
    ends = row["alpha_low"], row["alpha_high"]
    panel.axvspan(ends[0], ends[1], color=lettering.ACCENT, alpha=0.2, linewidth=0, label="choices, resampled")
    panel.set_ylabel(f"{row['data']}\ndifference of masked images")


def _draw_methods(panel, of_methods):
    """BAD of each method; one that draws the same maps as an earlier one has no rows."""
    methods = list(of_methods.index.unique())
    for method in methods:
        label = "CAM = Grad-CAM" if method == "CAM" and "Grad-CAM" not in methods else method
        line = of_methods.loc[[method]]
        panel.plot(line["alpha"], line["BAD"], label=label, color=charts.COLOURS[method])
    panel.set_ylabel("BAD")


def _draw_difference(panel, difference, row):
    """The difference at each alpha with its interval, and the two of the table next to the alpha of Table 1."""
    panel.axhline(0, color="grey", linewidth=0.8)
    bars = {"color": "lightgrey", "linewidth": 6, "label": "at each alpha"}
    panel.vlines(difference["alpha"], difference["low"], difference["high"], **bars)
    panel.plot(difference["alpha"], difference["BAD"], color="black", marker="o", markersize=3)
    alpha = row["alpha_table1"]
    for label, name, place, colour in (
        ("Table 1", "table1", alpha, lettering.ACCENT),
        ("alpha chosen again", "again", alpha + 0.03, CHOSEN_AGAIN),
    ):
        ends = row[[f"{name}_low", f"{name}_high"]].astype(float)
        panel.plot([place, place], ends, color=colour, linewidth=4, solid_capstyle="butt", label=label)
    panel.set_ylabel(f"BAD, {DIFFERENCE}")


def _draw_correlations(panel, correlations):
    """A line for each pair of quantities, on which every training has a point with its interval."""
    labels = []
    for place, (names, part) in enumerate(correlations.groupby(["metric", "feature", "data"], sort=False)):
        reach = np.abs(part[["low", "high"]].to_numpy().T - part["correlation"].to_numpy())
        places = place + np.linspace(-0.3, 0.3, len(part) + 2)[1:-1]
        panel.errorbar(part["correlation"], places, xerr=reach, fmt="o", color="black", markersize=3, linewidth=1)
        panel.axhline(place + 0.5, color="lightgrey", linewidth=0.5)
        labels.append("{} by {}\n{}".format(*names))
    panel.axvline(0, color="grey", linewidth=0.8)
    panel.set_yticks(range(len(labels)), labels, fontsize=7)
    panel.set(xlim=(-1, 1), ylim=(len(labels) - 0.5, -0.5), xlabel="correlation with the drop")
    panel.set_title("a point for each training", fontsize=9)
