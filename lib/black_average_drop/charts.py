"""Charts of numbers: rankings, trainings, classifiers, and whether a metric and a network can be believed."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from black_average_drop import wording
from black_average_drop.lettering import OTHERS, labelled, of_maps, shortened

AGREEMENT = "PuOr_r"  # orange for agreement, violet for its opposite: told apart by colour-blind readers
COLOURS = {"CAM": "#0072b2", "Grad-CAM": "#56b4e9", "Grad-CAM++": "#d55e00"}  # told apart by colour-blind readers
HEAD_COLOURS = {"relu": "#0072b2", "softmax": "#d55e00"}


def ranking(table, others=(), margin=0.0):
    """Draw the drop of each map with its 95 % interval, a panel for each metric, control maps in grey.

    Args:
        table: DataFrame with columns metric, map, control, drop, low, high, the best map of each metric first.
        others: the names of the maps that others drew, which get a sign and a colour of their own.
        margin: the difference of mean drops that matters. So much above the smallest of the methods is shaded.

    Returns:
        A matplotlib Figure.
    """
    metrics = list(table["metric"].unique())
    count = table["map"].nunique()
    figure = Figure(figsize=(1.2 + 4.2 * len(metrics), 1.2 + 0.2 * count), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        rows = table[table["metric"] == metric]
        _draw_drops(axes, rows, others, markersize=5)
        smallest = rows.loc[~rows["control"], "drop"].min()
        if margin and np.isfinite(smallest):
            axes.axvspan(smallest, smallest + margin, color="#e69f00", alpha=0.25, linewidth=0)
        axes.set_yticks(range(len(rows)), rows["map"].replace(of_maps(others)), fontsize=8)
        for label, control in zip(axes.get_yticklabels(), rows["control"], strict=True):
            label.set_color("#777777" if control else "black")
        axes.invert_yaxis()
        axes.set_xlabel(f"{metric}, smaller is better", fontsize=9)
    signs = "round, blue: methods; " + (f"{OTHERS}, orange: maps of others; " if others else "")
    signs += "square, grey: control maps, which know nothing of the image"
    shaded = f"\nshaded: up to {margin:g} above the smallest drop of a method" if margin else ""
    figure.supxlabel(signs + shaded, fontsize=8)
    return labelled(figure)


def _draw_drops(axes, rows, others, markersize):
    """The drop of each map with its interval, one below the other, in the signs and colours of its kind."""
    control, of_others = rows["control"].to_numpy(), np.isin(rows["map"], list(others))
    kinds = (~control & ~of_others, "o", "#0072b2"), (of_others, "D", "#d55e00"), (control, "s", "#777777")
    for kind, shape, colour in kinds:
        places = np.flatnonzero(kind)
        if not len(places):
            continue
        part = rows.iloc[places]
        # Where all images are alike, rounding may put an end on the other side of the mean.
        reach = np.maximum([part["drop"] - part["low"], part["high"] - part["drop"]], 0)
        axes.errorbar(part["drop"], places, xerr=reach, fmt=shape, color=colour, markersize=markersize)


def rankings_of_findings(table, others=()):
    """Draw the drop of each map with its 95 % interval, a panel for each finding, the maps in one order in all of them.

    Args:
        table: DataFrame of one metric with columns finding, metric, map, control, drop, low, high, images. The order of
            the maps is that of the first finding.
        others: as for `ranking`.

    Returns:
        A matplotlib Figure.
    """
    findings, maps = list(table["finding"].unique()), list(table["map"].unique())
    columns = min(4, len(findings))
    lines = -(-len(findings) // columns)
    size = 1.6 + 2.1 * columns, 0.6 + lines * (0.6 + 0.19 * len(maps))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes in panels[len(findings) :]:
        axes.set_visible(False)
    for axes in panels[len(findings) - columns : len(findings)]:
        axes.tick_params(axis="x", labelbottom=True)  # where no panel is below
    for axes, finding in zip(panels, findings, strict=False):
        rows = table[table["finding"] == finding].set_index("map").loc[maps].reset_index()
        _draw_drops(axes, rows, others, markersize=3.5)
        axes.set_title(f"{shortened(finding)} ({rows['images'].max()})", fontsize=8)
        axes.set_yticks(range(len(maps)), rows["map"].replace(of_maps(others)), fontsize=7)
        axes.tick_params(axis="x", labelsize=7)
    panels[0].invert_yaxis()
    signs = "grey squares are control maps" + (f", {OTHERS} maps of others" if others else "")
    figure.supxlabel(f"{table['metric'].iloc[0]}, smaller is better; {signs}", fontsize=8)
    return labelled(figure)


def hits_and_agreement(points, agreements, others=()):
    """Draw how often each map hits known lesions, and next to it how far each metric orders maps as these hits do.

    Left: hits with their 95 % interval, chance dotted, the centre prior dashed. A method has a filled sign only if the
    test shows that it is above the centre prior. Right: agreement on the pairs that hits decide, of methods alone, and
    in grey with controls.

    Args:
        points: DataFrame of `choice.pointing.points`, the map that hits most first.
        agreements: DataFrame `agreements` of a `choice.believed.Judgement`.
        others: as for `ranking`.

    Returns:
        A matplotlib Figure.
    """
    metrics = list(agreements["metric"].unique())
    figure = Figure(figsize=(10.5, 1.5 + 0.28 * max(len(points), 1.6 * len(metrics))), layout="constrained")
    hits, agreed = figure.subplots(1, 2)
    rows = points.rename(columns={"hit": "drop", "hit_low": "low", "hit_high": "high"})
    _draw_drops(hits, rows, others, markersize=5)
    for place in np.flatnonzero(~points["control"] & ~points["above_centre"]):  # the sign is hollowed
        shape = "D" if points["map"].iloc[place] in others else "o"
        hits.plot(points["hit"].iloc[place], place, shape, color="white", markersize=2.6, zorder=3)
    hits.axvline(points["chance_hit"].mean(), color="black", linewidth=0.8, linestyle=":", label="chance")
    for value in points.loc[points["map"] == "centre prior", "hit"]:
        hits.axvline(value, color="#777777", linewidth=0.8, linestyle="--", label="centre prior")
    hits.legend(fontsize=7, loc="lower right")
    hits.set_yticks(range(len(points)), points["map"].replace(of_maps(others)), fontsize=8)
    for label, control in zip(hits.get_yticklabels(), points["control"], strict=True):
        label.set_color("#777777" if control else "black")
    hits.invert_yaxis()
    hits.set_xlabel(f"share of {points['lesions'].iloc[0]} lesions that a map hits", fontsize=9)
    _draw_agreements(agreed, agreements, metrics)
    signs = "hollow: not shown to be above the centre prior; grey squares: control maps, and agreement that counts them"
    figure.supxlabel(signs + (f"; {OTHERS}, orange: maps of others" if others else ""), fontsize=8)
    return labelled(figure)


def _draw_agreements(axes, agreements, metrics):
    """The agreement of each metric with the hits: methods alone, and below it with controls."""
    kinds = ("methods alone", "o", "#0072b2", 0.0), ("methods and controls", "s", "#777777", 0.3)
    for maps, shape, colour, offset in kinds:
        part = agreements[agreements["maps"] == maps].set_index("metric").reindex(metrics)
        places = np.arange(len(metrics)) + offset
        reach = np.maximum([part["agreement"] - part["low"], part["high"] - part["agreement"]], 0)
        axes.errorbar(part["agreement"], places, xerr=reach, fmt=shape, color=colour, markersize=4.5)
        for place, (_, row) in zip(places, part.iterrows(), strict=True):
            if not np.isnan(row["pairs"]):
                said = f"{row['right']:.0f} of {row['decided']:.0f}" if row["decided"] else "no pair decided"
                where = {"transform": axes.get_yaxis_transform(), "va": "center"}  # outside, so that no text is cut
                axes.text(1.02, place, said, fontsize=7, color=colour, **where)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlim(-1.05, 1.05)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylim(len(metrics) - 0.4, -0.6)
    axes.set_yticks(range(len(metrics)), metrics, fontsize=8)
    axes.set_xlabel("agreement with hits; at the right:\nof the decided pairs, those in order", fontsize=8)


def learning_curves(history, banner=""):
    """Draw the validation quality and the loss of each training, epoch by epoch, and mark the epoch that was kept.

    A column of panels shows one kind of data, a colour one head. Epochs of the head alone are dotted. Validation loss
    is dashed: it is taken without Dropout, augmentation and class weights.

    Args:
        history: DataFrame with columns data, head, training_seed and those of `training.fit`.
        banner: A line across the head of the figure.

    Returns:
        A matplotlib Figure.
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
        column[0].set(title=kind, ylabel="share classified right" if kind == "general" else "validation AUC")
        column[1].update_datalim([(1, 0)])  # so that the margin above is one of the whole range
        column[1].autoscale_view()
        column[1].set(xlabel="epoch", ylabel="loss (dashed: validation)", ylim=(0, None))
        column[0].legend(title="circle: kept", fontsize=8, title_fontsize=8)
        column[1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return labelled(figure, banner)


def assessments(curves, tables, names, banner=""):
    """Draw ROC curves with their band, and the confusion matrix of each classifier next to them.

    Args:
        curves: head -> what `assessment.assess` gives.
        tables: head -> what `roc.confusion` gives.
        names: head -> what the legend says.
        banner: A line across the head of the figure.

    Returns:
        A matplotlib Figure.
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
    return labelled(figure, banner)


def verdict(table, panels, banner=""):
    """Draw how far the ranking of the maps by each metric agrees with their ranking by the truth.

    Metrics are rows, data sets columns. The colour of a cell is the agreement, and its interval is printed in it. A
    dagger marks a metric that a control fools.

    Args:
        table: DataFrame with columns data, metric, maps, known (how many images have a value), set, set_low, set_high
            (Kendall's tau-b and its 95 % interval) and fooled_by (the name of a control, or ""), a row for each
            combination of data, metric and maps.
        panels: The values of the column maps, a panel for each.
        banner: A line across the head of the figure.

    Returns:
        A matplotlib Figure.
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
            interval = wording.with_interval(cell, 2, "+", ("set", "set_low", "set_high")).partition(" ")[2]
            text = f"{value:+.2f}, n {cell['known']}\n{interval}"
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
    return labelled(figure, banner)


def sanity(table, banner=""):
    """Draw how similar the maps of randomised weights are to those of the trained network.

    A row of panels shows one measure, a column one data set.

    Args:
        table: DataFrame with columns data, method, maps ("head randomised", "backbone randomised", "another image's
            map"), measure, value, low, high.
        banner: A line across the head of the figure.

    Returns:
        A matplotlib Figure.
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
    return labelled(figure, banner)
