"""Table 1: the rows of evaluation as a table of estimates with intervals, next to the paper's values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from black_average_drop import metrics
from black_average_drop.metrics import METRICS
from black_average_drop.paper import published
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

PAPER_COLUMNS = (("AD", 4), ("BAD", 4), ("incorrect_AD", 1), ("incorrect_BAD", 1))  # the paper's, and our digits
BASELINE = "CAM"  # the method that differences are taken from
CONTROLS = ("another image's map", "smooth random map")  # of `controls`, in every Table 1


@dataclass(frozen=True, kw_only=True, eq=False)
class PartOfTable1:
    """What Table 1 is made from for one data set and backbone: the rows of every training of it."""

    data: str  # "general", "radiographs", or a backbone, for the radiographs under another one
    trainings: dict[int, pd.DataFrame]  # training -> its rows, of `rows_of_table1.read_table1_rows`; the first is shown
    about: pd.DataFrame  # training -> its row of the row file table1_classifiers
    resampling: Resampling  # of the N images

    @cached_property
    def images(self):
        """The N images in order: a DataFrame of id, group, label and class, which the first training explains."""
        first = next(iter(self.trainings.values()))
        return first.drop_duplicates("id")[["id", "group", "label", "class"]].reset_index(drop=True)

    @cached_property
    def subsets(self):
        """The subsets that have rows, the primary one first: name -> booleans (N,), none of them without an image.

        Predicted pneumonia and predicted normal behave in opposite ways, so they are shown apart.
        """
        every = np.full(len(self.images), True)
        if self.data == "general":
            return {"all": every}
        label, predicted = self.images["label"].to_numpy(), self.images["class"].to_numpy()
        subsets = {
            "label pneumonia": label == 1,
            "predicted pneumonia": predicted == 1,
            "predicted normal": predicted == 0,
            "all": every,
        }
        return {name: chosen for name, chosen in subsets.items() if chosen.any()}

    @property
    def counted(self):
        """Booleans (N,), the images of the primary subset."""
        return next(iter(self.subsets.values()))

    @cached_property
    def alive(self):
        """The trainings with a drop for some image that counts. The others are dead: their ReLU score is always 0."""
        ids = set(self.images["id"][self.counted])
        rows_with_drop = {number: rows[rows["full_score"] > 0] for number, rows in self.trainings.items()}
        return {number: rows for number, rows in self.trainings.items() if rows_with_drop[number]["id"].isin(ids).any()}


def parts_of_table1(rows, about, resamples, seed):
    """Part the rows of all classifiers by data set and backbone.

    Args:
        rows: of `rows_of_table1.read_table1_rows`.
        about: the row file table1_classifiers.
        resamples, seed: of the bootstrap over patients.

    Returns:
        data -> `PartOfTable1`.
    """
    parts = {}
    for data, those in rows.groupby("data", sort=False):
        trainings = {int(number): part.reset_index(drop=True) for number, part in those.groupby("training")}
        groups = next(iter(trainings.values())).drop_duplicates("id")["group"].to_numpy()
        known = about[about["data"] == data].set_index("training")
        resampling = Resampling(groups, resamples, seed)
        parts[data] = PartOfTable1(data=data, trainings=trainings, about=known, resampling=resampling)
    return parts


def table1(part):
    """The rows of Table 1 that belong to one data set and backbone, of its first training.

    Args:
        part: a `PartOfTable1`.

    Returns:
        A DataFrame, a row for each subset, score and method. Intervals are 95 %, over patients, and differences are to
        CAM on the same images (`estimate_means`). An interval is NaN where too few patients carry the mean.
    """
    number, rows = next(iter(part.trainings.items()))
    ids, methods, parts = part.images["id"], list(rows["method"].unique()), []
    for subset, chosen in part.subsets.items():
        for score in ("relu", "softmax"):
            values = {
                (method, metric): _image_values(group.set_index("id").loc[ids[chosen]], score)
                for (method, metric), group in rows.groupby(["method", "metric"], sort=False)
            }
            table = _estimates(values, methods, part.resampling.of_rows(chosen))
            parts.append(table.assign(images=subset, score=score))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "data", part.data)
    table["alpha"] = rows["alpha"].iloc[0]
    table["same_map_as"] = table["method"].map(rows.groupby("method")["same_map_as"].first()).fillna("")
    table["black_class"] = part.about.loc[number, "black_class"]
    primary = (table["images"] == next(iter(part.subsets))) & (table["score"] == "relu")
    for position, (name, _) in enumerate(PAPER_COLUMNS):
        values = [published.TABLE1.get((part.data, method), (np.nan,) * 4)[position] for method in table["method"]]
        table[f"{name}_paper"] = np.where(primary, values, np.nan)
    first = ["data", "images", "score", "method"]
    return table[first + [name for name in table.columns if name not in first]]


def primary_rows(table):
    """The rows of ReLU scores and of the primary images of each data set."""
    primary = table.groupby("data", sort=False)["images"].transform("first")
    return table[(table["images"] == primary) & (table["score"] == "relu")]


def paper_rows(table):
    """The rows of the paper's own table: of `primary_rows` those of its data sets and methods."""
    rows = primary_rows(table)
    return rows[rows["data"].isin(published.DATA) & rows["method"].isin(published.METHODS)]


def spread_over_trainings(part):
    """What another training changes, next to what other patients change.

    Args:
        part: a `PartOfTable1`. Its images that count are taken, and its trainings that are alive.

    Returns:
        A DataFrame, a row for each metric and method of the paper, and for each method's difference to CAM. value, low
        and high are of the first training, with the interval of `table1`. mean, deviation (the standard deviation, NaN
        for one training), least and most are over the means of the trainings. same_sign is how many of these have the
        sign of their mean.
    """
    images, resampling = part.images["id"][part.counted], part.resampling.of_rows(part.counted)
    records = []
    for metric in METRICS:
        parts = (rows[rows["metric"] == metric] for rows in part.alive.values())
        drops = [rows.pivot(index="id", columns="method", values="drop").loc[images] for rows in parts]
        for method in published.METHODS:
            for baseline in ("", BASELINE) if method != BASELINE else ("",):
                values = pd.DataFrame({i: d[method] - (d[baseline] if baseline else 0) for i, d in enumerate(drops)})
                estimates = estimate_means(values[[0]].to_numpy(), resampling, None if baseline else (0, 1))
                (low,), (high,), means = estimates.low, estimates.high, values.mean()
                record = {"metric": metric, "method": method, "minus": baseline}
                record |= {"value": means[0], "low": low, "high": high, "trainings": len(means), "mean": means.mean()}
                record |= {"deviation": means.std(), "least": means.min(), "most": means.max()}
                records.append(record | {"same_sign": int((np.sign(means) == np.sign(means.mean())).sum())})
    return pd.DataFrame(records)


def _image_values(rows, score):
    """What is averaged over images for one method and metric: a DataFrame, a column a quantity, NaN if undefined."""
    if score == "relu":
        full, masked, dark = (np.maximum(rows[f"{part}_logit"], 0) for part in ("full", "masked", "black"))
    else:
        full, masked, dark = (rows[f"{part}_softmax"] for part in ("full", "masked", "black"))
    return pd.DataFrame(
        {
            "": metrics.drops(full.to_numpy(), masked.to_numpy()),
            "incorrect": 100.0 * (rows["masked_class"] != rows["class"]).to_numpy(),
            "incorrect_label": 100.0 * (rows["masked_class"] != rows["label"]).to_numpy(),
            "not_above_black": 100.0 * (masked <= dark).to_numpy(),
            "kept": rows["kept"].to_numpy(),
            "kept_unsupported": rows["kept_unsupported"].to_numpy(),
            "black_score": dark.to_numpy(),
        }
    )


def _estimates(values, methods, resampling):
    """Means, intervals and differences of one subset under one score: a DataFrame, a row for each method."""
    matrix = pd.concat(values, axis=1)  # columns (method, metric, quantity)
    means, records = matrix.mean(), []
    for method in methods:
        record = {"method": method}
        for metric in METRICS:
            for quantity in ("", "incorrect"):
                name = f"{quantity}_{metric}".lstrip("_")
                of_images = matrix[[(method, metric, quantity)]].to_numpy()
                record |= _with_limits(name, estimate_means(of_images, resampling, (0, 100 if quantity else 1)))
            apart = matrix[[(method, metric, "")]].to_numpy() - matrix[[(BASELINE, metric, "")]].to_numpy()
            record |= _with_limits(f"{metric}_minus_{BASELINE}", estimate_means(apart, resampling))
            for quantity in ("incorrect_label", "not_above_black"):
                record[f"{quantity}_{metric}"] = means[method, metric, quantity]
        record["kept_area"] = means[method, "BAD", "kept"]
        record["kept_unsupported"] = means[method, "BAD", "kept_unsupported"]
        record["black_score"] = means[method, "BAD", "black_score"]
        record |= {"n": len(matrix), "patients": len(np.unique(resampling.groups))}
        record["left_out"] = int(matrix[method, "AD", ""].isna().sum())
        records.append(record)
    return pd.DataFrame(records)


def _with_limits(name, estimates):
    """The value and the limits of one mean, as three columns."""
    return {name: estimates.value[0], f"{name}_low": estimates.low[0], f"{name}_high": estimates.high[0]}
