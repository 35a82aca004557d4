"""A chart of the agreement of every metric with every truth."""

import numpy as np
from matplotlib.figure import Figure

from black_average_drop.lettering import labelled
from black_average_drop.trust import agreement, truths

KINDS = dict(zip(agreement.MAPS, (("s", "#777777", 0.17), ("o", "#0072b2", -0.17)), strict=True))


def draw_truths(table, banner=""):
    """Draw how far each metric ranks maps as each truth does: a panel for each truth, a row for each data set.

    Blue, round: methods alone. Grey, square: methods and controls. The title of the primary truth is bold. A sign is
    hollow if its 95 % interval holds 0.

    Args:
        table: DataFrame of `agreement.judge_metrics` with further columns data and truth.
        banner: A line across the head of the figure.

    Returns:
        A matplotlib Figure.
    """
    data, metrics = list(table["data"].unique()), list(table["metric"].unique())
    size = 3.2 + 2.1 * len(truths.SCORES), 0.9 + len(data) * (0.45 + 0.2 * len(metrics))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(data), len(truths.SCORES), squeeze=False, sharex=True, sharey=True)
    for (row, column), axes in np.ndenumerate(grid):
        truth = list(truths.SCORES)[column]
        of_panel = table[(table["data"] == data[row]) & (table["truth"] == truth)]
        for maps, (shape, colour, offset) in KINDS.items():
            part = of_panel[of_panel["maps"] == maps].set_index("metric").reindex(metrics)
            places = np.arange(len(metrics)) + offset
            ends = part[["set_low", "set_high"]].to_numpy().T
            axes.hlines(places, *ends, color=colour, linewidth=1)
            told = (ends[0] > 0) | (ends[1] < 0)
            axes.plot(part["set"][told], places[told], shape, color=colour, markersize=4, label=maps)
            axes.plot(part["set"][~told], places[~told], shape, color=colour, markerfacecolor="white", markersize=4)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlim(-1.05, 1.05)
        axes.set_yticks(range(len(metrics)), metrics, fontsize=7)
        axes.tick_params(axis="x", labelsize=7)
        weight = "bold" if truth == truths.primary_truth(data[row]) else "normal"
        name = truths.SCORES[truth].strip(" ()") or "hits"
        axes.set_title(f"{data[row]}\n{name}", fontsize=8, fontweight=weight)
    grid[0, 0].set_ylim(len(metrics) - 0.4, -0.6)
    lines = [f"{name}: {shape}" for name, shape in zip(agreement.MAPS, ("grey squares", "blue dots"), strict=True)]
    note = f"Kendall's tau-b with the truth; {'; '.join(lines)}; hollow: the interval holds 0; bold: primary truth"
    figure.supxlabel(note, fontsize=8)
    return labelled(figure, banner)
