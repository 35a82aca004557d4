"""What `03_table1` measured, as row files that hold each number once, and read again as the rows of `evaluate`."""

import numpy as np
import pandas as pd
from scipy.special import softmax

from black_average_drop import metrics, rows
from black_average_drop.metrics import METRICS

KEY = ["data", "training"]
# A row for each of them: an image under one training; a map of it under one method; one method under one training.
OF_IMAGE = ["id", "group", "label", "class", "full_logit", "full_softmax", "black_logit", "black_softmax"]
OF_MAP = ["opacity", "lit", "kept", "kept_unsupported"]
OF_MASK = ["masked_logit", "masked_softmax", "masked_class"]
OF_METHOD = ["method", "same_map_as", "alpha"]
# So that rounding moves a drop by less than the float32 scores do, and alpha by less than a pixel.
DIGITS = {"table1_images": 6, "table1_methods": 8, "table1_maps": 6}


def describe_classifier(key, facts, evaluated, dataset, black, alpha_given):
    """What the row file table1_classifiers says of one classifier: where it comes from, its alpha, its black image.

    Args:
        key: data and training.
        facts: its `networks.Facts`.
        evaluated, dataset, black: as for `write_table1_rows`.
        alpha_given: whether a parameter gave alpha; otherwise it is the share where masked images differ most.

    Returns:
        A dict.
    """
    return {
        "data": key[0],
        "training": key[1],
        "source": facts.source,
        "images": len(dataset),
        "image_size": dataset.size[0],
        "backbone": facts.backbone,
        "weights": facts.weights,
        "epochs": facts.epochs,
        "trained_epochs": facts.trained_epochs,
        "chosen_epoch": facts.chosen_epoch,
        "measure": "AUC" if len(dataset.class_names) == 2 else "accuracy",
        "test_quality": facts.test_quality,
        "alpha": evaluated["alpha"].iloc[0],
        "alpha_given": alpha_given,
        "black_class": dataset.class_names[int(black.argmax())],
        "black_score": max(float(black.max()), 0.0),
    }


def write_table1_rows(measured, results, profile):
    """Write what was measured to the row files table1_images, table1_methods and table1_maps.

    Args:
        measured: (data, training) -> rows of `evaluation.evaluate`, the `Dataset` of the same images, and the logits
            (C,) of the black image. data is "general", "radiographs" or another name.
        results: the folder of results.
        profile: its name.

    Returns:
        The files.

    Raises:
        ValueError: if the ids do not fit, or the network gives several labels at once.
    """
    parts = {name: [] for name in DIGITS}
    for (data, training), (evaluated, dataset, black) in measured.items():
        for name, table in zip(parts, _compact(evaluated, dataset, black), strict=True):
            table.insert(0, "data", data)
            table.insert(1, "training", training)
            parts[name].append(table)
    tables = {name: pd.concat(of_name, ignore_index=True) for name, of_name in parts.items()}
    return [rows.write_rows(table, name, results, profile, DIGITS[name]) for name, table in tables.items()]


def row_files(results):
    """The row files that `write_table1_rows` wrote below a folder of results."""
    return [rows.row_file(name, results) for name in DIGITS]


def read_table1_rows(results):
    """Read again what `write_table1_rows` wrote.

    Args:
        results: the folder of results.

    Returns:
        A DataFrame with the columns of `evaluation.evaluate` under a ReLU head, and these:

        - data and training: whose network it was, first.
        - group and label: the patient and the class of the image.
        - black_logit and black_softmax: what the black image gets for the explained class.
    """
    images, methods, maps = (rows.read_rows(f"table1_{part}", results) for part in ("images", "methods", "maps"))
    methods["same_map_as"] = methods["same_map_as"].fillna("")
    drawn = methods["same_map_as"].where(methods["same_map_as"] != "", methods["method"])
    order = [*KEY, "method", "metric", "id"]
    places = {name: place for place, name in enumerate(pd.unique(methods["method"]))}
    parts = []
    for place, metric in enumerate(METRICS):
        table = maps.rename(columns={f"{metric}_{name}": name for name in OF_MASK})
        table = table.drop(columns=[f"{other}_{name}" for other in METRICS if other != metric for name in OF_MASK])
        if metric == "AD":
            table = table.assign(kept=1.0, kept_unsupported=0.0)
        parts.append(table.assign(metric=metric, _metric=place))
    measured = pd.concat(parts, ignore_index=True).rename(columns={"method": "drawn"})
    whole = methods.assign(drawn=drawn).merge(measured, on=[*KEY, "drawn"]).merge(images, on=[*KEY, "id"])
    position = images.assign(_image=images.groupby(KEY).cumcount())[[*KEY, "id", "_image"]]
    whole = whole.merge(position, on=[*KEY, "id"]).assign(_method=whole["method"].map(places))
    first_seen = {name: place for place, name in enumerate(pd.unique(images["data"]))}
    whole = whole.assign(_data=whole["data"].map(first_seen))
    whole = whole.sort_values(["_data", "training", "_method", "_metric", "_image"], kind="stable", ignore_index=True)
    for part in ("full", "masked"):
        whole[f"{part}_score"] = np.maximum(whole[f"{part}_logit"], 0)
    whole["drop"] = metrics.drops(whole["full_score"].to_numpy(), whole["masked_score"].to_numpy())
    scores = ["full_score", "masked_score", "drop", *OF_MASK, "alpha", *OF_MAP, "same_map_as"]
    return whole[[*order, *(name for name in OF_IMAGE if name != "id"), *scores]]


def _compact(evaluated, dataset, black):
    """The images, the methods and the maps of one training as tables that hold each number once."""
    if (evaluated["masked_class"] < 0).any():
        raise ValueError("Table 1 is for one class an image; this network gives several labels at once.")
    if set(evaluated["id"]) != set(dataset.ids):
        raise ValueError("rows and dataset hold different images: evaluate the data set that is passed.")
    methods = evaluated.drop_duplicates("method")[OF_METHOD]
    images = evaluated[(evaluated["method"] == methods["method"].iloc[0]) & (evaluated["metric"] == METRICS[0])]
    images = images.set_index("id").loc[dataset.ids].reset_index()
    classes = images["class"].to_numpy()
    images = images.assign(group=dataset.groups, label=dataset.labels)
    images = images.assign(black_logit=black[classes], black_softmax=softmax(black.astype("float64"))[classes])
    own = evaluated[evaluated["same_map_as"] == ""]
    by_metric = {metric: own[own["metric"] == metric].set_index(["method", "id"]) for metric in METRICS}
    maps = by_metric["BAD"][OF_MAP]
    for metric, table in by_metric.items():
        maps = maps.join(table[OF_MASK].add_prefix(f"{metric}_"))
    return images[OF_IMAGE], methods, maps.reset_index()
