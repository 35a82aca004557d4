"""Table 1: the rows of evaluation as a table of estimates with intervals, beside the paper's values."""

import numpy as np
import pandas as pd

from black_average_drop import metrics, paper, statistics
from black_average_drop.cams import METHODS, PAPER_METHODS
from black_average_drop.evaluation import METRICS
from black_average_drop.provenance import replacing

LEAD = (("AD", 4), ("BAD", 4), ("incorrect_AD", 1), ("incorrect_BAD", 1))  # the paper's columns and our digits
BASELINE = "CAM"  # the method that differences are taken from


def table1(rows, dataset, kind, black, subsets, resampling):
    """The part of Table 1 that belongs to one data set, as a DataFrame: a row for each subset, score and method.

    rows: what `evaluation.evaluate` returned; dataset: a Dataset with the same ids; kind: "general" or "radiographs";
    black (C,): logits of the black image; subsets: name -> boolean (N,), the primary one first; resampling: of the N
    images. Intervals are 95 %
    percentiles of a bootstrap over patients, paired over methods and metrics; differences are to CAM, with NaN for
    their interval where too few patients differ (`statistics.enough_differ`).
    Raises ValueError if ids do not fit or a subset is empty.
    """
    labels = pd.Series(dataset.labels, index=dataset.ids)
    if (rows["masked_class"] < 0).any():
        raise ValueError("Table 1 is for one class an image; this network gives several labels at once.")
    if set(rows["id"]) != set(labels.index):
        raise ValueError("rows and dataset hold different images: evaluate the data set that is passed.")
    methods = list(rows["method"].unique())
    parts = []
    for subset, chosen in subsets.items():
        ids, patients = labels.index[np.asarray(chosen)], resampling.of_rows(np.asarray(chosen))
        if not len(ids):
            raise ValueError(f"No image is in the subset {subset!r}: take it out or evaluate more images.")
        for score in ("relu", "softmax"):
            values = {
                (method, metric): _image_values(group.set_index("id").loc[ids], labels.loc[ids], score, black)
                for (method, metric), group in rows.groupby(["method", "metric"], sort=False)
            }
            table = _estimates(values, methods, patients)
            parts.append(table.assign(images=subset, score=score))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "data", kind)
    table["alpha"] = rows["alpha"].iloc[0]
    table["same_map_as"] = table["method"].map(rows.groupby("method")["same_map_as"].first()).fillna("")
    table["black_class"] = dataset.class_names[int(black.argmax())]
    primary = (table["images"] == next(iter(subsets))) & (table["score"] == "relu")
    for position, (name, _) in enumerate(LEAD):
        values = [paper.TABLE1.get((kind, method), (np.nan,) * 4)[position] for method in table["method"]]
        table[f"{name}_paper"] = np.where(primary, values, np.nan)
    first = ["data", "images", "score", "method"]
    return table[first + [name for name in table.columns if name not in first]]


def write_table1(table, facts, spread, path, banner=""):
    """Write path.csv, path.md and path.tex; facts: data ("general", "radiographs") -> lines of Markdown on its data,
    network and black image; spread: data -> its table of `trainings`, where it was trained more than once. Returns the
    files."""
    texts = {
        ".csv": (f"# {banner}\n" if banner else "") + table.to_csv(index=False, float_format="%.6g"),
        ".md": _markdown(table, facts, spread, banner),
        ".tex": _latex(table, banner),
    }
    for suffix, text in texts.items():
        with replacing(path.with_suffix(suffix)) as partial:
            partial.write_text(text, encoding="utf-8")
    return [path.with_suffix(suffix) for suffix in texts]


def lead(table):
    """The rows of the paper's own table: ReLU scores, the primary images of each data set, the paper's methods."""
    primary = table.groupby("data", sort=False)["images"].transform("first")
    return table[(table["images"] == primary) & (table["score"] == "relu") & table["method"].isin(PAPER_METHODS)]


def verdicts(table, spread):
    """For each data set and metric: which of CAM and Grad-CAM++ has the smaller drop, or that it is open, and what
    another training changes, by the spread of `write_table1`.

    Where the interval of a control's drop minus CAM's reaches down to 0, or there is none, a sentence says so.
    """
    sentences = []
    for _, row in lead(table).query("method == 'Grad-CAM++'").iterrows():
        same_rows = table[(table[["data", "images", "score"]] == row[["data", "images", "score"]]).all(axis=1)]
        controls = same_rows[~same_rows["method"].isin(METHODS)]
        for metric in METRICS:
            name = f"{metric}_minus_{BASELINE}"
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            if np.isnan(row[name]):
                sentences.append(f"{_data_name(row['data'])}, {metric}: **undecided**, no image has a score above 0.")
                continue
            winner = "Grad-CAM++ is ahead" if high < 0 else "CAM is ahead" if low > 0 else "undecided"
            few = np.isnan(low)
            shown = f"{row[name]:+.4f}" + ("" if few else f" [{low:+.4f}, {high:+.4f}]")
            printed = paper.TABLE1[row["data"], "Grad-CAM++"], paper.TABLE1[row["data"], BASELINE]
            paper_difference = printed[0][METRICS.index(metric)] - printed[1][METRICS.index(metric)]
            sentences.append(
                f"{_data_name(row['data'])}, {metric}: Grad-CAM++ − CAM = {shown}: **{winner}**"
                f"{', too few images differ' if few else ''} (the paper: {paper_difference:+.4f}, no interval)."
            )
            if row["data"] in spread:
                again = spread[row["data"]].set_index(["metric", "method", "minus"]).loc[metric, "Grad-CAM++", BASELINE]
                sentences[-1] += (
                    f" Over {again['trainings']:.0f} trainings, each at its alpha, the mean is {again['mean']:+.4f}, "
                    f"the standard deviation {again['deviation']:.4f}, least and most {again['least']:+.4f} and "
                    f"{again['most']:+.4f}."
                )
            equal = controls["method"][~(controls[f"{name}_low"] > 0)]
            if len(equal):
                sentences[-1] += f" CAM itself is not ahead of {' nor of '.join(f'the control *{e}*' for e in equal)}."
    return sentences


def trainings(trained, images, resampling):
    """What another training changes, beside what other patients change: a DataFrame, a row for each metric and method
    of the paper, and for each method's difference to CAM.

    trained: one table of `evaluation.evaluate` each, of the same images; images (n,): the ids that count;
    resampling: of these images. value, low and high are of the first training, with the interval of `table1`; mean,
    deviation (the standard deviation, NaN for one training), least and most are over the means of the trainings.
    """
    records = []
    for metric in METRICS:
        parts = (rows[rows["metric"] == metric] for rows in trained)
        drops = [part.pivot(index="id", columns="method", values="drop").loc[images] for part in parts]
        for method in PAPER_METHODS:
            for baseline in ("", BASELINE) if method != BASELINE else ("",):
                values = pd.DataFrame({i: d[method] - (d[baseline] if baseline else 0) for i, d in enumerate(drops)})
                bootstrap = statistics.bootstrap_differences if baseline else statistics.bootstrap_means
                samples = bootstrap(values[[0]].to_numpy(), resampling)
                (low,), (high,) = statistics.interval(samples)
                means = values.mean()
                record = {"metric": metric, "method": method, "minus": baseline}
                record |= {"value": means[0], "low": low, "high": high, "trainings": len(means), "mean": means.mean()}
                records.append(record | {"deviation": means.std(), "least": means.min(), "most": means.max()})
    return pd.DataFrame(records)


def _image_values(rows, labels, score, black):
    """What is averaged over images for one method and metric: a DataFrame, a column a quantity, NaN if undefined."""
    classes = rows["class"].to_numpy()
    if score == "relu":
        full, masked = (np.maximum(rows[name].to_numpy(), 0) for name in ("full_logit", "masked_logit"))
        dark = np.maximum(black[classes], 0)
    else:
        full, masked = rows["full_softmax"].to_numpy(), rows["masked_softmax"].to_numpy()
        dark = (np.exp(black - black.max()) / np.exp(black - black.max()).sum())[classes]
    masked_class = rows["masked_class"].to_numpy()
    return pd.DataFrame(
        {
            "": metrics.drops(full, masked),
            "incorrect": 100.0 * (masked_class != classes),
            "incorrect_label": 100.0 * (masked_class != labels.to_numpy()),
            "not_above_black": 100.0 * (masked <= dark),
            "kept": rows["kept"].to_numpy(),
            "kept_unsupported": rows["kept_unsupported"].to_numpy(),
            "black_score": dark,
        }
    )


def _estimates(values, methods, resampling):
    """Means, intervals and differences of one subset under one score: a DataFrame with a row a method."""
    matrix = pd.concat(values, axis=1)  # columns (method, metric, quantity)
    means, place = matrix.mean(), {column: [number] for number, column in enumerate(matrix)}
    values = matrix.to_numpy()
    samples = statistics.bootstrap_means(values, resampling)
    records = []
    for method in methods:
        record = {"method": method}
        for metric in METRICS:
            for quantity in ("", "incorrect"):
                name = f"{quantity}_{metric}".lstrip("_")
                column = (method, metric, quantity)
                low, high = statistics.interval(samples[:, place[column]])
                record |= {name: means[column], f"{name}_low": low[0], f"{name}_high": high[0]}
            mine, baseline = place[method, metric, ""], place[BASELINE, metric, ""]
            apart, difference = (part[:, mine] - part[:, baseline] for part in (values, samples))
            enough = statistics.enough_differ(apart, resampling.groups)
            low, high = statistics.interval(np.where(enough, difference, np.nan))
            name = f"{metric}_minus_{BASELINE}"
            record |= {name: means[method, metric, ""] - means[BASELINE, metric, ""]}
            record |= {f"{name}_low": low[0], f"{name}_high": high[0]}
            for quantity in ("incorrect_label", "not_above_black"):
                record[f"{quantity}_{metric}"] = means[method, metric, quantity]
        record["kept_area"] = means[method, "BAD", "kept"]
        record["kept_unsupported"] = means[method, "BAD", "kept_unsupported"]
        record["black_score"] = means[method, "BAD", "black_score"]
        record |= {"n": len(matrix), "patients": len(np.unique(resampling.groups))}
        record["left_out"] = int(matrix[method, "AD", ""].isna().sum())
        records.append(record)
    return pd.DataFrame(records)


def _data_name(kind):
    return {"general": "General images", "radiographs": "Radiographs"}[kind]


def _cell(row, name, digits):
    if np.isnan(row[name]):
        return "–"
    if np.isnan(row[name + "_low"]):
        return f"{row[name]:.{digits}f} [–]"
    return f"{row[name]:.{digits}f} [{row[name + '_low']:.{digits}f}, {row[name + '_high']:.{digits}f}]"


def _range(values):
    low, high = f"{values.min():.1f}", f"{values.max():.1f}"
    return low if low == high else f"{low} to {high}"


def _markdown(table, facts, spread, banner):
    lines = [f"**{banner}**", ""] if banner else []
    lines += [
        "# Table 1: Average Drop and Black Average Drop",
        "",
        "Ours with its 95 % interval, and below it in italics what the paper printed for its own data and network.",
        "",
        "| | CAMs | AD | BAD | Incorrect [%], AD | Incorrect [%], BAD |",
        "|---|---|---|---|---|---|",
    ]
    for _, row in lead(table).iterrows():
        cells = []
        for name, digits in LEAD:
            cells.append(f"{_cell(row, name, digits)}<br>*paper {row[name + '_paper']:.{digits}f}*")
        lines.append(f"| {_data_name(row['data'])} ({row['images']}) | {row['method']} | {' | '.join(cells)} |")
    lines.append("")
    for kind, rows in lead(table).groupby("data", sort=False):
        out = sorted(set(rows["left_out"]))
        lines.append(
            f"{_data_name(kind)}: {_size(rows.iloc[0])}; BAD kept {_range(100 * rows['kept_area'])} % of the pixels; "
            f"left out for a score of 0: {out[0] if len(out) == 1 else out}.  "
        )
    lines += ["", "Smaller is better. Paired over the same resamples of patients:", ""]
    lines += [f"- {sentence}" for sentence in verdicts(table, spread)]
    for kind, part in table.groupby("data", sort=False):
        lines += ["", f"## {_data_name(kind)}", "", *(f"- {line}" for line in facts[kind])]
        for subset, rows in part.groupby("images", sort=False):
            first = rows.iloc[0]
            heads, cells = _full_rows(rows)
            lines += ["", f"### {subset}: {_count(first)}", ""]
            lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
            lines += ["| " + " | ".join(row) + " |" for row in cells]
    lines += [
        "",
        "## How to read it",
        "",
        "- AD and BAD are means of max(0, Y − O) / Y, eq. (10), over images with Y > 0; *left out* counts the others:"
        " the ReLU score of their class is 0, so they have no drop.",
        "- Incorrect: masked images whose class is no longer the explained class c; *vs label*: no longer the label.",
        "- − CAM: the difference to CAM with its 95 % interval; every method sees the same resamples of patients.",
        f"- [–]: too few images differ for an interval, fewer than {statistics.ENOUGH} patients, counted by (Σ|d|)² /"
        " Σd² over the differences d of the patients: what others would show cannot be told from them.",
        "- Intervals are about other patients, for this one trained network: training again with another seed can move"
        " the numbers by more than their intervals. What it moved stands behind each verdict where there are several"
        " trainings; claims.md has intervals that cover both.",
        "- not above black: masked images whose score is not above that of an image that is black all over.",
        "- kept: share of pixels that BAD left; on ringing: the part of them where the map is not positive and only the"
        " ringing of the Lanczos kernel ranks the pixels.",
        "- *another image's map* and *smooth random map* are controls: a metric that cannot tell a method from them"
        " says nothing about it.",
    ]
    return "\n".join(lines) + "\n"


def _full_rows(rows):
    """Heads and cells, as text, of every score and method of one subset."""
    heads = ["score", "method", "AD", "AD − CAM", "BAD", "BAD − CAM", "Incorrect AD / BAD", "vs label AD / BAD"]
    heads += ["not above black AD / BAD", "kept", "on ringing", "left out"]
    lines = []
    for _, row in rows.iterrows():
        cells = [row["score"], row["method"] + (f" (= {row['same_map_as']})" if row["same_map_as"] else "")]
        for metric in METRICS:
            difference = f"{metric}_minus_{BASELINE}"
            cells += [_cell(row, metric, 4), "" if row["method"] == BASELINE else _cell(row, difference, 4)]
        for name in ("incorrect", "incorrect_label", "not_above_black"):
            cells.append(f"{row[name + '_AD']:.1f} / {row[name + '_BAD']:.1f}")
        cells += [f"{100 * row['kept_area']:.1f} %", f"{100 * row['kept_unsupported']:.1f} %", str(row["left_out"])]
        lines.append(cells)
    return heads, lines


def _latex(table, banner):
    lines = [f"% {banner}"] if banner else []
    lines += [
        r"% needs \usepackage{booktabs}; the first table has the paper's shape, those after it every row",
        r"\begin{tabular}{llrrrr}",
        r"\toprule",
        r" & & \multicolumn{2}{c}{Evaluation score} & \multicolumn{2}{c}{Incorrect [\%]} \\",
        r" & CAMs & AD & BAD & AD & BAD \\",
    ]
    for kind, rows in lead(table).groupby("data", sort=False):
        lines.append(r"\midrule")
        for position, (_, row) in enumerate(rows.iterrows()):
            for first, second, cell in (
                (_data_name(kind) if not position else "", row["method"], _cell),
                ("", r"\quad paper", lambda row, name, digits: f"{row[name + '_paper']:.{digits}f}"),
            ):
                lines.append(_latex_row([first, second, *(cell(row, name, digits) for name, digits in LEAD)]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    for (kind, subset), rows in table.groupby(["data", "images"], sort=False):
        heads, cells = _full_rows(rows)
        lines += ["", rf"\paragraph{{{_latex_text(f'{_data_name(kind)}, {subset}: {_size(rows.iloc[0])}')}}}", ""]
        lines += [rf"\begin{{tabular}}{{ll{'r' * (len(heads) - 2)}}}", r"\toprule", _latex_row(heads), r"\midrule"]
        lines += [*(_latex_row(row) for row in cells), r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _latex_row(cells):
    return _latex_text(" & ".join(cells)) + r" \\"


def _latex_text(text):
    for character, command in (("%", r"\%"), ("_", r"\_"), ("−", "$-$"), ("–", "--")):
        text = text.replace(character, command)
    return text


def _count(row):
    return f"{row['n']} images" + (f" of {row['patients']} patients" if row["data"] == "radiographs" else "")


def _size(row):
    return (
        f"{_count(row)}, alpha {row['alpha']:.3f}, "
        f"black image: {row['black_class']}, its score for the explained class {row['black_score']:.3f}"
    )
