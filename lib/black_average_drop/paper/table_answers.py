"""Which methods to take by Table 1: the set of those that may be the best, how they differ, and what would tell."""

from black_average_drop.metrics import METRICS
from black_average_drop.paper.tables import CONTROLS
from black_average_drop.statistics import answer_text, which_best


def answers_of_table(parts, margin):
    """What AD and BAD say of the methods on the images that count, under the first training of each data set.

    Args:
        parts: data -> `tables.PartOfTable1`.
        margin: the difference of mean drops that matters.

    Returns:
        (data, metric) -> `which_best.Answer`. Methods that draw the same map as another are left out.
    """
    answers = {}
    for data, part in parts.items():
        rows = next(iter(part.trainings.values()))
        own, ids = rows[rows["same_map_as"] == ""], part.images["id"][part.counted]
        resampling = part.resampling.of_rows(part.counted)
        for metric in METRICS:
            of_metric = own[own["metric"] == metric]
            drops = of_metric.pivot(index="id", columns="method", values="drop").loc[ids]
            drops = drops[list(of_metric["method"].unique())]
            if drops.notna().any(axis=None):  # a dead training has none
                answers[data, metric] = which_best.answer(drops, CONTROLS, resampling, margin)
    return answers


def with_answers(lines, answers, parts):
    """Add the sentences of `answer_text` to what stands next to each half of Table 1.

    Args:
        lines: data -> lines of Markdown.
        answers: of `answers_of_table`.
        parts: data -> `tables.PartOfTable1`.

    Returns:
        data -> the lines, and those of the answers behind them.
    """
    lines = {data: list(known) for data, known in lines.items()}
    for (data, metric), one in answers.items():
        images, number = next(iter(parts[data].subsets)), next(iter(parts[data].trainings))
        texts = " ".join(answer_text.sentences(one))
        lines[data].append(f"Which map, {metric}, {images}, ReLU scores, training {number}: {texts}")
    return lines


def answer_tables(answers):
    """The tables of `which_best.tables` by the names of their files, without an ending.

    Args:
        answers: of `answers_of_table`.
    """
    tables_of = which_best.tables(answers, ("data", "metric"))
    return {f"table1_{name}": table for name, table in tables_of.items()}
