"""Table 1 in sentences: which of CAM and Grad-CAM++ has the smaller drop, for which images and scores, or neither."""

import numpy as np

from black_average_drop import wording
from black_average_drop.metrics import METRICS
from black_average_drop.paper import published
from black_average_drop.paper.tables import BASELINE, CONTROLS
from black_average_drop.statistics.means import overturned_by_unseen

_NAMES = {"general": "General images", "radiographs": "Radiographs"}


def data_name(kind):
    """What a data set is called in the table, or the radiographs under another backbone."""
    return _NAMES.get(kind, f"Radiographs, {kind} from random weights")


def verdict_sentences(rows, table, spread):
    """Which of CAM and Grad-CAM++ has the smaller drop, or that it is open, for each data set and metric.

    Each text says which images and scores it is about, whether unseen patients could turn it, what softmax scores and
    the other images give, what another training changes, and how far the controls are from CAM.

    Args:
        rows: of `table`, those that have a verdict; of them Grad-CAM++ is taken.
        table: a DataFrame, parts of `tables.table1`.
        spread: data -> its table of `tables.spread_over_trainings`, where it was trained more than once.

    Returns:
        A list of texts, one for each row and metric.
    """
    texts = []
    for _, row in rows[rows["method"] == "Grad-CAM++"].iterrows():
        of_data = table[table["data"] == row["data"]]
        same = (of_data["images"] == row["images"]) & (of_data["score"] == row["score"])
        for metric in METRICS:
            head = f"{data_name(row['data'])}, {row['images']}, {metric}"
            if np.isnan(row[f"{metric}_minus_{BASELINE}"]):
                texts.append(f"{head}: **undecided**, no image has a score above 0.")
                continue
            head += ", first training" if spread.get(row["data"]) is not None else ""
            parts = [f"{head}, ReLU scores: Grad-CAM++ − CAM = {_verdict(row, metric)}{_printed(row, metric)}."]
            parts += [_unseen(row, metric), _with_softmax(of_data, row, metric), _elsewhere(of_data, row, metric)]
            parts += [_again(spread.get(row["data"]), metric), _controls(of_data[same], metric)]
            texts.append(" ".join(part for part in parts if part))
    return texts


def _shown(row, metric):
    """A difference to CAM with its interval."""
    name = f"{metric}_minus_{BASELINE}"
    return wording.with_interval(row, 4, "+", (name, f"{name}_low", f"{name}_high"))


def _winner(row, metric):
    """Which method an interval puts ahead."""
    name = f"{metric}_minus_{BASELINE}"
    return (
        "Grad-CAM++ is ahead" if row[f"{name}_high"] < 0 else "CAM is ahead" if row[f"{name}_low"] > 0 else "undecided"
    )


def _verdict(row, metric):
    """A difference, its interval, and who is ahead."""
    few = ", too few images differ" if np.isnan(row[f"{metric}_minus_{BASELINE}_low"]) else ""
    return f"{_shown(row, metric)}: **{_winner(row, metric)}**{few}"


def _printed(row, metric):
    """What the paper printed, in brackets; "" where it printed nothing of that network."""
    if row["data"] not in published.DATA:
        return ""
    ours, base = (published.TABLE1[row["data"], method][METRICS.index(metric)] for method in ("Grad-CAM++", BASELINE))
    return f" (the paper: {ours - base:+.4f}, no interval)"


def _unseen(row, metric):
    """Whether unseen patients could turn who is ahead."""
    if _winner(row, metric) == "undecided":
        return ""
    value = row[f"{metric}_minus_{BASELINE}"]
    turned = overturned_by_unseen(value, row["patients"], -np.sign(value))
    return f"Unseen patients, 3 in {row['patients']}, could {'' if turned else 'not '}turn this sign."


def _with_softmax(of_data, row, metric):
    """The same difference with softmax scores."""
    others = of_data[(of_data["method"] == row["method"]) & (of_data["score"] == "softmax")]
    other = others[others["images"] == row["images"]].iloc[0]
    return f"With softmax scores it is {_verdict(other, metric)}."


def _elsewhere(of_data, row, metric):
    """The same difference for the other images of the table."""
    others = of_data[(of_data["method"] == row["method"]) & (of_data["score"] == "relu")]
    others = others[others["images"] != row["images"]]
    shown = [f"{other['images']} {_shown(other, metric)}" for _, other in others.iterrows()]
    return f"For the other rows of images, ReLU scores: {'; '.join(shown)}." if shown else ""


def _again(spread, metric):
    """What another training changes."""
    if spread is None:
        return ""
    again = spread.set_index(["metric", "method", "minus"]).loc[metric, "Grad-CAM++", BASELINE]
    return (
        f"Over {again['trainings']:.0f} trainings, each at its alpha, the mean is {again['mean']:+.4f}, the standard "
        f"deviation {again['deviation']:.4f}, least and most {again['least']:+.4f} and {again['most']:+.4f}; "
        f"{again['same_sign']:.0f} of {again['trainings']:.0f} have the sign of the mean."
    )


def _controls(same_rows, metric):
    """How far the controls are from CAM, and which of them CAM is not ahead of."""
    controls = same_rows[same_rows["method"].isin(CONTROLS)]
    if controls.empty:
        return ""
    shown = "; ".join(f"*{row['method']}* {_shown(row, metric)}" for _, row in controls.iterrows())
    text = f"Controls − CAM: {shown}."
    equal = controls["method"][~(controls[f"{metric}_minus_{BASELINE}_low"] > 0)]
    if len(equal):
        text += f" CAM itself is not ahead of {' nor of '.join(f'the control *{name}*' for name in equal)}."
    return text
