"""The row files of `04_alpha`: tables of what was measured of each image, and the arrays that they hold.

The measuring half writes them, the analysis half reads them. Nothing here needs a network or a statistic.
"""

import numpy as np
import pandas as pd

STEPS = np.round(np.arange(5, 100, 5) / 100, 2)  # the alphas at which BAD is measured
TABLE1 = "table1"  # the column of what was measured at the alpha of Table 1
PEAK = 1000  # of the mean curve, in the rows of curves
PAIR = ("CAM", "Grad-CAM++")  # the methods that every comparison is between
GENERAL, RADIOGRAPHS, LESIONS = "General images", "Radiographs", "Lesions"  # the column data


def subject_rows(subjects, lesions_source):
    """What the other row files are about: a row for each classifier, and one for the lesions.

    Args:
        subjects: each a `subjects.Subject`.
        lesions_source: of the lesions, in words.

    Returns:
        A DataFrame with columns data, table1 and counted (what Table 1 calls the data and the images that it puts
        first), training, source and alpha, that of Table 1. Lesions have neither a training nor an alpha of their own.
    """
    rows = []
    for one in subjects:
        counted = "all" if one.counted.all() else f"label {one.dataset.class_names[1]}"
        names = {"data": one.title, "table1": one.data, "counted": counted, "training": one.training}
        rows.append(names | {"source": one.source, "alpha": one.alpha})
    return pd.DataFrame([*rows, {"data": LESIONS, "training": 0, "source": lesions_source}])


def curve_rows(subject, curves, sizes=None):
    """The alpha curve of every test image, as what it rises by from each share to the next.

    Args:
        subject: a `subjects.Subject`.
        curves: (N, points + 1), as `sensitivity.image_curves` gives them.
        sizes: (N,), the share of each image that its object or lesion takes. None: unknown.

    Returns:
        A DataFrame with columns data, training, id, group, counted (1 for the images that Table 1 puts first), size,
        and a column for each share above 0: the rise up to there, an integer. The mean curve has its peak at PEAK.
    """
    scale = PEAK / (curves.mean(axis=0).max() or 1.0)
    shares = np.linspace(0, 1, curves.shape[1])
    rises = np.diff((curves * scale).round().astype(int), axis=1)
    keys = _keys(subject, subject.dataset) | {"counted": subject.counted.astype(int)}
    keys |= {"size": np.full(len(curves), np.nan) if sizes is None else sizes}
    return pd.DataFrame(keys | {f"{share:g}": rise for share, rise in zip(shares[1:], rises.T, strict=True)})


def curves_of_rows(rows):
    """The curves (N, points + 1) of rows that `curve_rows` made, and the shares (points + 1,) that they are read at."""
    columns = _numbers(rows)
    rises = rows[columns].to_numpy("float64")
    return np.pad(rises.cumsum(axis=1), ((0, 0), (1, 0))), np.array([0.0, *map(float, columns)])


def rows_along_alpha(subject, drops):
    """BAD's drops of the sampled images along alpha.

    Args:
        subject: a `subjects.Subject` that was sampled.
        drops: method -> (n, M), at `subject.alphas`.

    Returns:
        A DataFrame with columns data, training, id, group, method, alpha_table1 (the alpha of Table 1), a column of
        drops for each of STEPS, and TABLE1, the drops at the alpha of Table 1.
    """
    steps = {f"{alpha:g}": np.flatnonzero(subject.alphas == alpha)[0] for alpha in STEPS}
    places = steps | {TABLE1: np.flatnonzero(subject.alphas == subject.alpha)[0]}
    return _rows_of_methods(subject, drops, places, alpha_table1=subject.alpha)


def rows_of_contrasts(subject, drops, exponents):
    """AD's drops of the sampled images, a column for each power that `sensitivity.contrasts` raised the maps to."""
    return _rows_of_methods(subject, drops, {f"{power:g}": place for place, power in enumerate(exponents)})


def rows_of_choices(subject, by_choice):
    """The drops of the sampled images under other readings of the paper.

    Args:
        subject: a `subjects.Subject` that was sampled.
        by_choice: as `sensitivity.choices` gives it.

    Returns:
        A DataFrame with columns data, training, id, group, method, choice, alpha, AD and BAD.
    """
    parts = []
    for choice, alpha in {choice: alpha for (choice, _), (alpha, _) in by_choice.items()}.items():
        of_metric = {metric: by_choice[choice, metric][1] for metric in ("AD", "BAD")}
        for method in of_metric["AD"]:
            keys = _keys(subject, subject.few) | {"method": method, "choice": choice, "alpha": alpha}
            parts.append(pd.DataFrame(keys | {metric: drops[method] for metric, drops in of_metric.items()}))
    return pd.concat(parts, ignore_index=True)


def rows_of_preparations(subject, measured):
    """The drops of the sampled images, prepared for the network in other ways.

    Args:
        subject: a `subjects.Subject` that was sampled.
        measured: as `preparations.drops_of_preparations` gives it.

    Returns:
        A DataFrame with columns data, training, id, group, method, preparation, alpha, change (of a pixel on average,
        in grey levels), AD and BAD.
    """
    parts = []
    for preparation, (alpha, change, drops) in measured.items():
        for method in dict.fromkeys(method for _, method in drops):
            keys = _keys(subject, subject.few) | {"method": method, "preparation": preparation, "alpha": alpha}
            parts.append(
                pd.DataFrame(keys | {"change": change, "AD": drops["AD", method], "BAD": drops["BAD", method]})
            )
    return pd.concat(parts, ignore_index=True)


def rows_of_lesions(subject, lesions, sizes, measured, touched):
    """What the maps of one training do with lesions.

    Args:
        subject: a `subjects.Subject`.
        lesions: the `Dataset` of N images with a lesion.
        sizes: (N,), the share of each image that its lesion takes.
        measured: of `evaluation.evaluate`, of these images.
        touched: map -> boolean (N,), whether it touches the lesion.

    Returns:
        A DataFrame with columns training, id, group, size, map, touched (0 or 1), opacity, AD and BAD. Maps that were
        not measured, the controls, have none of the last three.
    """
    parts = []
    for name, touches in touched.items():
        keys = _keys(subject, lesions) | {"size": sizes, "map": name, "touched": np.asarray(touches).astype(int)}
        columns = dict.fromkeys(("opacity", "AD", "BAD"), np.full(len(sizes), np.nan))
        if (measured["method"] == name).any():
            of_map = measured[measured["method"] == name].pivot(index="id", columns="metric").loc[lesions.ids]
            columns = {"opacity": of_map["opacity", "AD"], "AD": of_map["drop", "AD"], "BAD": of_map["drop", "BAD"]}
        parts.append(pd.DataFrame(keys | {column: np.asarray(values) for column, values in columns.items()}))
    return pd.concat(parts, ignore_index=True).drop(columns="data")


def opacity_and_drops(evaluated, subjects, curves):
    """The opacity, AD and BAD of Table 1's maps under the methods of PAIR, for the images that Table 1 puts first.

    Args:
        evaluated: of `rows_of_table1.read_table1_rows`.
        subjects: of `subject_rows`.
        curves: of `curve_rows`.

    Returns:
        A DataFrame like that of `rows_of_lesions`, with columns data, training, id, group, size, map, opacity, AD and
        BAD.
    """
    parts = []
    for one in subjects.dropna(subset="table1").to_dict("records"):
        images = curves[(curves["data"] == one["data"]) & (curves["counted"] == 1)]
        own = evaluated[(evaluated["data"] == one["table1"]) & (evaluated["training"] == one["training"])]
        for name in PAIR:
            of_map = own[own["method"] == name].pivot(index="id", columns="metric").loc[images["id"]]
            keys = images[["data", "id", "group", "size"]].assign(training=one["training"], map=name)
            columns = {"opacity": of_map["opacity", "AD"], "AD": of_map["drop", "AD"], "BAD": of_map["drop", "BAD"]}
            parts.append(keys.assign(**{column: values.to_numpy() for column, values in columns.items()}))
    return pd.concat(parts, ignore_index=True)


def by_method(rows):
    """The numbers of wide rows of one classifier, a DataFrame for each method.

    Args:
        rows: of `rows_along_alpha` or `rows_of_contrasts`.

    Returns:
        method -> DataFrame with index id and the columns that are measured, in the order of the rows.
    """
    columns = _numbers(rows) + [TABLE1] * (TABLE1 in rows)
    return {method: part.set_index("id")[columns] for method, part in rows.groupby("method", sort=False)}


def of_each_data(rows, tabulate, sampling):
    """One table of all data sets, with a column data in front.

    Args:
        rows: with a column data.
        tabulate: makes a DataFrame of the rows of one data set and of sampling.
        sampling: resamples and seed of a `patients.Resampling`.
    """
    tables = {data: tabulate(part, sampling) for data, part in rows.groupby("data", sort=False)}
    return pd.concat(tables, names=["data"]).reset_index("data").reset_index(drop=True)


def patients_of_rows(rows):
    """The patient of each image, a Series by id, in the order of the rows."""
    return rows.drop_duplicates("id").set_index("id")["group"]


def gains(drops):
    """The drops of Grad-CAM++ minus those of CAM; where both draw the same maps that is 0. drops: method -> array."""
    return drops.get("Grad-CAM++", drops["CAM"]) - drops["CAM"]


def _keys(subject, dataset):
    """The columns that say whose row it is."""
    return {"data": subject.title, "training": subject.training, "id": dataset.ids, "group": dataset.groups}


def _rows_of_methods(subject, drops, places, **more):
    """A row for each method and sampled image, with the columns name -> place of drops: method -> (n, M)."""
    parts = []
    for method, values in drops.items():
        keys = _keys(subject, subject.few) | {"method": method} | more
        parts.append(pd.DataFrame(keys | {name: values[:, place] for name, place in places.items()}))
    return pd.concat(parts, ignore_index=True)


def _numbers(rows):
    """The columns whose name is a number."""
    return [name for name in rows if name.replace(".", "", 1).isdecimal()]
