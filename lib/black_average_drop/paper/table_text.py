"""Table 1 as files: CSV, Markdown and LaTeX."""

import numpy as np

from black_average_drop import wording
from black_average_drop.files import replacing
from black_average_drop.metrics import METRICS
from black_average_drop.paper import published
from black_average_drop.paper.table_sentences import data_name, verdict_sentences
from black_average_drop.paper.tables import BASELINE, PAPER_COLUMNS, paper_rows, primary_rows
from black_average_drop.statistics import means, patients

HOW_TO_READ = [
    "AD and BAD are means of max(0, Y − O) / Y, eq. (10), over images with Y > 0. *left out* counts the other images:"
    " the ReLU score of their class is 0, so they have no drop.",
    "Incorrect: masked images whose class is no longer the explained class c. *vs label*: no longer the label.",
    "− CAM: the difference to CAM on the same images, with its 95 % interval.",
    "Intervals allow for a long tail to one side: each limit is the further one of Student's t and of Hall's"
    " transformation (Hall 1992). Where each patient has something or lacks it, the percentage has the exact interval"
    " of Clopper and Pearson.",
    f"[–]: too few images differ for an interval. There are fewer than {patients.ENOUGH} patients, or fewer than"
    f" {means.CARRIERS} carry one side of the mean, or of few patients fewer than the root of their number. They count"
    " by (Σ|d|)² / Σd² over the distances d from the mean on that side. So few do not tell what other patients would"
    " show. AD, BAD and Incorrect have bounds, so they still have an interval then: a wider one.",
    "Intervals are about other patients, for this one trained network. A training with another seed can move the"
    " numbers by more than their intervals. Where there are several trainings, each verdict says by how much."
    " claims.md has intervals that cover both.",
    "Unseen patients: n patients cannot rule out that 3 in n of all patients are of a kind that none of them is (95 %"
    " confidence). A sign holds if these could not turn it, even with the largest difference in the other direction.",
    "Which map: methods that are *practically as good as the best* lose at most the margin more than the best of the"
    " others, by one-sided limits at 5 % for all methods together. The margin is a choice. For these images it was made"
    " when they were known (post hoc). A method that is *not told apart* may be the best, and may be worse by more. A"
    " difference is *real* if p is below 0.05 after the correction for all pairs (max-T over resampled patients). How"
    " many patients it would take is for 80 % power, from both ends of an 80 % interval of the variance.",
    "not above black: masked images whose score is not above that of an image that is black all over.",
    "kept: the share of pixels that BAD left. on ringing: the part of them where the map is not positive, so that only"
    " the ringing of the Lanczos kernel ranks them.",
    "*another image's map* and *smooth random map* are controls. A metric that cannot tell a method from them says"
    " nothing about it.",
]


def write_table1(table, facts, spread, path, banner=""):
    """Write Table 1 as path.csv, path.md and path.tex.

    Args:
        table: a DataFrame, parts of `tables.table1` for one data set or both.
        facts: data -> lines of Markdown on its data, network and black image.
        spread: data -> its table of `tables.spread_over_trainings`, where it was trained more than once.
        path: of the files, without a suffix.
        banner: a line above each of them.

    Returns:
        The files.
    """
    texts = {
        ".csv": (f"# {banner}\n" if banner else "") + table.to_csv(index=False, float_format="%.6g"),
        ".md": _markdown(table, facts, spread, banner),
        ".tex": _latex(table, banner),
    }
    for suffix, text in texts.items():
        with replacing(path.with_suffix(suffix)) as partial:
            partial.write_text(text, encoding="utf-8")
    return [path.with_suffix(suffix) for suffix in texts]


def fact_lines(classifier, methods):
    """What stands next to the half of the table that one classifier was measured for, as lines of Markdown.

    Args:
        classifier: a row of the row file table1_classifiers.
        methods: the names of those that alpha is chosen from.
    """
    how = "as it is"
    if classifier["epochs"]:
        how = f"trained for {classifier['trained_epochs']} epochs, epoch {classifier['chosen_epoch']} kept"
    given = "given" if classifier["alpha_given"] else f"where the masked images of {', '.join(methods)} differ most"
    return [
        f"Data: {classifier['source']}, {classifier['images']} test images at {classifier['image_size']} pixels.",
        f"Network: {classifier['backbone']} from {classifier['weights']} weights, {how}.",
        f"On the test images: {classifier['measure']} {classifier['test_quality']:.3f}.",
        f"Alpha {classifier['alpha']:.4f}, {given}.",
        f"A black image is called {classifier['black_class']}, ReLU score {classifier['black_score']:.3f}.",
    ]


def _cell(row, name, digits):
    """A number and its interval as text, a dash where there is none."""
    if np.isnan(row[name]):
        return "–"
    return wording.with_interval(row, digits, columns=(name, f"{name}_low", f"{name}_high"))


def _range(values):
    """The least and the largest percent of values, or one number where they are the same."""
    low, high = f"{values.min():.1f}", f"{values.max():.1f}"
    return low if low == high else f"{low} to {high}"


def _markdown(table, facts, spread, banner):
    """Table 1 in Markdown: the paper's shape, the verdict sentences, every row, and how to read them."""
    lines = [f"**{banner}**", ""] if banner else []
    lines += _paper_shape(table)
    lines += ["", "Smaller is better. Paired over the same images:", ""]
    lines += [f"- {sentence}" for sentence in verdict_sentences(paper_rows(table), table, spread)]
    for kind, part in table.groupby("data", sort=False):
        lines += ["", f"## {data_name(kind)}", "", *(f"- {line}" for line in facts[kind])]
        if kind not in published.DATA:
            lines += [f"- {sentence}" for sentence in verdict_sentences(primary_rows(part), table, {})]
        for subset, rows in part.groupby("images", sort=False):
            first = rows.iloc[0]
            heads, cells = _full_rows(rows)
            lines += ["", f"### {subset}: {_count(first)}", ""]
            lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
            lines += ["| " + " | ".join(row) + " |" for row in cells]
    lines += ["", "## How to read it", "", *(f"- {line}" for line in HOW_TO_READ)]
    return "\n".join(lines) + "\n"


def _paper_shape(table):
    """The lines of Markdown of the paper's own table, with ours above the paper's, and what the images are."""
    lines = [
        "# Table 1: Average Drop and Black Average Drop",
        "",
        "Ours with its 95 % interval, and below it in italics what the paper printed for its own data and network.",
        "",
        "| | CAMs | AD | BAD | Incorrect [%], AD | Incorrect [%], BAD |",
        "|---|---|---|---|---|---|",
    ]
    for _, row in paper_rows(table).iterrows():
        cells = []
        for name, digits in PAPER_COLUMNS:
            cells.append(f"{_cell(row, name, digits)}<br>*paper {row[name + '_paper']:.{digits}f}*")
        lines.append(f"| {data_name(row['data'])} ({row['images']}) | {row['method']} | {' | '.join(cells)} |")
    lines.append("")
    for kind, rows in paper_rows(table).groupby("data", sort=False):
        out = sorted(set(rows["left_out"]))
        lines.append(
            f"{data_name(kind)}: {_size(rows.iloc[0])}; BAD kept {_range(100 * rows['kept_area'])} % of the pixels; "
            f"left out for a score of 0: {out[0] if len(out) == 1 else out}.  "
        )
    return lines


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
    """Table 1 in LaTeX: the paper's shape, then every row."""
    lines = [f"% {banner}"] if banner else []
    lines += [
        r"% needs \usepackage{booktabs}; the first table has the paper's shape, those after it every row",
        r"\begin{tabular}{llrrrr}",
        r"\toprule",
        r" & & \multicolumn{2}{c}{Evaluation score} & \multicolumn{2}{c}{Incorrect [\%]} \\",
        r" & CAMs & AD & BAD & AD & BAD \\",
    ]
    for kind, rows in paper_rows(table).groupby("data", sort=False):
        lines.append(r"\midrule")
        for position, (_, row) in enumerate(rows.iterrows()):
            for first, second, cell in (
                (data_name(kind) if not position else "", row["method"], _cell),
                ("", r"\quad paper", lambda row, name, digits: f"{row[name + '_paper']:.{digits}f}"),
            ):
                lines.append(_latex_row([first, second, *(cell(row, name, digits) for name, digits in PAPER_COLUMNS)]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    for (kind, subset), rows in table.groupby(["data", "images"], sort=False):
        heads, cells = _full_rows(rows)
        lines += ["", rf"\paragraph{{{_latex_text(f'{data_name(kind)}, {subset}: {_size(rows.iloc[0])}')}}}", ""]
        lines += [rf"\begin{{tabular}}{{ll{'r' * (len(heads) - 2)}}}", r"\toprule", _latex_row(heads), r"\midrule"]
        lines += [*(_latex_row(row) for row in cells), r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _latex_row(cells):
    """A row of cells in LaTeX."""
    return _latex_text(" & ".join(cells)) + r" \\"


def _latex_text(text):
    """Text with its special characters as LaTeX commands."""
    for character, command in (("%", r"\%"), ("_", r"\_"), ("−", "$-$"), ("–", "--")):
        text = text.replace(character, command)
    return text


def _count(row):
    """How many images of how many patients a row is about."""
    return f"{row['n']} images" + (f" of {row['patients']} patients" if row["data"] != "general" else "")


def _size(row):
    """How many images a row is about, its alpha, and what a black image gets."""
    return (
        f"{_count(row)}, alpha {row['alpha']:.3f}, "
        f"black image: {row['black_class']}, its score for the explained class {row['black_score']:.3f}"
    )
