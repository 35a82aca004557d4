"""Table 1: the rows of evaluation as a table of estimates with intervals, next to the paper's values."""

import numpy as np
import pandas as pd

from black_average_drop import metrics
from black_average_drop.arrays import softmax
from black_average_drop.cams import PAPER_METHODS
from black_average_drop.evaluation import METRICS
from black_average_drop.paper import published
from black_average_drop.statistics.means import bootstrap_differences, enough_differ
from black_average_drop.statistics.patients import bootstrap_means, interval

PAPER_COLUMNS = (("AD", 4), ("BAD", 4), ("incorrect_AD", 1), ("incorrect_BAD", 1))  # the paper's, and our digits
BASELINE = "CAM"  # the method that differences are taken from


def table1(rows, dataset, kind, black, subsets, resampling):
    """The part of Table 1 that belongs to one data set.

    Args:
        rows: of `evaluation.evaluate`.
        dataset: a Dataset of the same N images.
        kind: "general" or "radiographs".
        black: (C,), logits of the black image.
        subsets: name -> boolean (N,), the primary subset first.
        resampling: a `patients.Resampling` of the N images.

    Returns:
        A DataFrame, a row for each subset, score and method. Intervals are 95 % percentiles of a bootstrap over
        patients, paired over methods and metrics. Differences are to CAM. Their interval is NaN where too few patients
        differ (`enough_differ`).

    Raises:
        ValueError: if the ids do not fit, a subset is empty, or the network gives several labels at once.
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
                (method, metric): _values_by_training(group.set_index("id").loc[ids], labels.loc[ids], score, black)
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
    for position, (name, _) in enumerate(PAPER_COLUMNS):
        values = [published.TABLE1.get((kind, method), (np.nan,) * 4)[position] for method in table["method"]]
        table[f"{name}_paper"] = np.where(primary, values, np.nan)
    first = ["data", "images", "score", "method"]
    return table[first + [name for name in table.columns if name not in first]]


def paper_rows(table):
    """The rows of the paper's own table: ReLU scores, the primary images of each data set, the paper's methods."""
    primary = table.groupby("data", sort=False)["images"].transform("first")
    return table[(table["images"] == primary) & (table["score"] == "relu") & table["method"].isin(PAPER_METHODS)]


def spread_over_trainings(trained, images, resampling):
    """What another training changes, next to what other patients change.

    Args:
        trained: one table of `evaluation.evaluate` for each training, of the same images.
        images: (n,), the ids that count.
        resampling: a `patients.Resampling` of these images.

    Returns:
        A DataFrame, a row for each metric and method of the paper, and for each method's difference to CAM. value, low
        and high are of the first training, with the interval of `table1`. mean, deviation (the standard deviation, NaN
        for one training), least and most are over the means of the trainings.
    """
    records = []
    for metric in METRICS:
        parts = (rows[rows["metric"] == metric] for rows in trained)
        drops = [part.pivot(index="id", columns="method", values="drop").loc[images] for part in parts]
        for method in PAPER_METHODS:
            for baseline in ("", BASELINE) if method != BASELINE else ("",):
                values = pd.DataFrame({i: d[method] - (d[baseline] if baseline else 0) for i, d in enumerate(drops)})
                bootstrap = bootstrap_differences if baseline else bootstrap_means
                samples = bootstrap(values[[0]].to_numpy(), resampling)
                (low,), (high,) = interval(samples)
                means = values.mean()
                record = {"metric": metric, "method": method, "minus": baseline}
                record |= {"value": means[0], "low": low, "high": high, "trainings": len(means), "mean": means.mean()}
                records.append(record | {"deviation": means.std(), "least": means.min(), "most": means.max()})
    return pd.DataFrame(records)


def _values_by_training(rows, labels, score, black):
    """What is averaged over images for one method and metric: a DataFrame, a column a quantity, NaN if undefined."""
    classes = rows["class"].to_numpy()
    if score == "relu":
        full, masked = (np.maximum(rows[name].to_numpy(), 0) for name in ("full_logit", "masked_logit"))
        dark = np.maximum(black[classes], 0)
    else:
        full, masked = rows["full_softmax"].to_numpy(), rows["masked_softmax"].to_numpy()
        dark = softmax(black)[classes]
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
    """Means, intervals and differences of one subset under one score: a DataFrame, a row for each method."""
    matrix = pd.concat(values, axis=1)  # columns (method, metric, quantity)
    means, place = matrix.mean(), {column: [number] for number, column in enumerate(matrix)}
    values = matrix.to_numpy()
    samples = bootstrap_means(values, resampling)
    records = []
    for method in methods:
        record = {"method": method}
        for metric in METRICS:
            for quantity in ("", "incorrect"):
                name = f"{quantity}_{metric}".lstrip("_")
                column = (method, metric, quantity)
                low, high = interval(samples[:, place[column]])
                record |= {name: means[column], f"{name}_low": low[0], f"{name}_high": high[0]}
            mine, baseline = place[method, metric, ""], place[BASELINE, metric, ""]
            apart, difference = (part[:, mine] - part[:, baseline] for part in (values, samples))
            enough = enough_differ(apart, resampling.groups)
            low, high = interval(np.where(enough, difference, np.nan))
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
