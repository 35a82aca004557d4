"""For anybody's model and images: what are they counted as, and do they choose a map?"""

from itertools import combinations
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from black_average_drop import agreement, cams, evaluation, files, localization, masks, progress, statistics
from black_average_drop.datasets.folder import UNLABELLED

ALPHA = 0.2  # where the methods cannot choose it
LEVEL = agreement.LEVEL


def known_labels(dataset, classes, named=()):
    """The labels of a data set as numbers of a network's outputs, where they can be taken for these.

    Names of sub-folders may be those of patients. They are only labels where all of them are among `named`, in capitals
    or not, or are the numbers of all outputs. Labels of a CSV also count where there are as many as outputs.

    Args:
        dataset: a Dataset of N images.
        classes: how many outputs there are.
        named: the names of the outputs in order, from the model's file or `class_names`, () if nobody gave them.

    Returns:
        (N,), or None.
    """
    if (dataset.labels == UNLABELLED).any():
        return None
    names = np.array(dataset.class_names)[dataset.labels]
    if len(named) == classes:
        numbers = {name.casefold(): number for number, name in enumerate(named)}
        numbers |= {name: number for number, name in enumerate(named)}  # where two differ in case alone
        labels = [numbers.get(name, numbers.get(name.casefold())) for name in names]
        if None not in labels:
            return np.array(labels)
    of_folders = all(name == PurePosixPath(one).parent.name for name, one in zip(names, dataset.ids, strict=True))
    if set(dataset.class_names) == set(map(str, range(len(dataset.class_names)))):
        fit = dataset.labels.max() < classes and (not of_folders or len(set(names)) == classes)
    else:
        fit = not of_folders and len(dataset.class_names) == classes
    return dataset.labels if fit else None


def left_aside(dataset, classes):
    """Why the labels that `known_labels` does not take are left aside, and how to say what they are.

    Args:
        dataset: a Dataset with labels.
        classes: how many outputs the network has.

    Returns:
        Sentences.
    """
    names = [dataset.class_names[number] for number in np.unique(dataset.labels)]
    some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return (
        f"Sub-folders or labels have {len(names)} names ({some}), and nothing says that these are among the {classes} "
        "outputs of the model: the predicted class is explained. If they are, give all outputs in order, "
        f'SET="class_names=[{",".join(names[:2])}{",…" if len(names) > 2 or classes > 2 else ""}]"; if they are '
        "patients, name them in the column patient of a labels.csv."
    )


def output_names(dataset, classes, named=()):
    """A name for each of a network's outputs.

    They are `named`, or the names of the data set where its labels are numbers of the outputs, or else the numbers.

    Args:
        dataset: a Dataset.
        classes: how many outputs there are.
        named: as for `known_labels`.
    """
    if len(named) == classes:
        return list(named)
    if len(dataset.class_names) == classes and known_labels(dataset, classes) is not None:
        return list(dataset.class_names)
    return [f"class {number}" for number in range(classes)]


def first_look(network, dataset, methods, batch_size=32):
    """Pass over the images once: what the network answers, and which methods can be drawn on all images.

    Args:
        network: a `networks.CamNetwork`.
        dataset: a Dataset of N images.
        methods: name -> function.
        batch_size: the number of images that go through the network at once.

    Returns:
        Logits (N, C), name -> function of the methods that can be drawn, and name -> why not of the others.
    """
    logits, unfit, batches = [], {}, dataset.batches(batch_size)
    with progress.bar(total=batches.total, desc="answers", unit="image") as bar:
        for images in batches:
            features, answers, _ = network.explain(images)
            explanation = evaluation.explain(network, features, answers, answers.argmax(axis=1))
            methods, left_out = cams.usable(explanation, methods)
            unfit |= left_out
            logits.append(answers)
            bar.update(len(images))
    return np.concatenate(logits), methods, unfit


def rank_maps(drops, controls, resampling):
    """Maps by their mean drop, the smallest first.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `statistics.Resampling` of the images.

    Returns:
        A DataFrame with columns map, control, drop, low, high and images; low and high are the 95 % interval over
        patients.
    """
    low, high = statistics.interval(statistics.bootstrap_means(drops.to_numpy(), resampling))
    names = drops.columns.to_numpy()
    table = pd.DataFrame({"map": names, "control": np.isin(names, list(controls)), "drop": drops.mean().to_numpy()})
    table = table.assign(low=low, high=high, images=drops.notna().sum().to_numpy())
    return table.sort_values("drop", kind="stable", ignore_index=True)


def comparisons(drops, controls, resampling):
    """Every method against every other map on the same images.

    Args:
        drops: a DataFrame, images by maps, NaN where an image has no drop.
        controls: the names that are controls.
        resampling: a `statistics.Resampling` of the images.

    Returns:
        A DataFrame, rows of `statistics.differences`, where p_holm corrects for the pairs that have a method in them.
    """
    pairs = statistics.differences(drops.to_numpy(), list(drops.columns), resampling)
    pairs = pairs[~(pairs["first"].isin(controls) & pairs["second"].isin(controls))].reset_index(drop=True)
    return pairs.assign(p_holm=statistics.holm(pairs["p"]))


def recommendation(metric, table, pairs, same_as=None):
    """One sentence: the method that a metric prefers to every other method and every control, or that there is none.

    Args:
        metric: "BAD" or "AD".
        table: of `rank_maps`.
        pairs: of `comparisons`.
        same_as: method -> the method whose map it shares.
    """
    best = table[~table["control"]].iloc[0]
    name = best["map"]
    if not best["images"]:
        return f"No image has a score above 0 for the class that is explained: {metric} says nothing."
    versus = pairs[(pairs["first"] == name) | (pairs["second"] == name)]
    other = versus["second"].where(versus["first"] == name, versus["first"])
    lead = versus["difference"].where(versus["first"] == name, -versus["difference"])
    versus = versus.assign(other=other, lead=lead)
    sure = (versus["lead"] > 0) & (versus["p_holm"] < LEVEL)
    shown = f"{name}, {best['drop']:.3f} [{best['low']:.3f}, {best['high']:.3f}]"
    twins = [twin for twin, first in (same_as or {}).items() if first == name]
    shown += f" (the same map: {', '.join(twins)})" if twins else ""
    if sure.all():
        return (
            f"{metric} recommends {name}: it loses least of the score ({shown}), less than every other method and "
            f"every control map (largest p after Holm's correction {versus['p_holm'].max():.2g})."
        )
    close = versus[~sure].sort_values("lead")
    controls = [one for one in close["other"] if one in set(table.loc[table["control"], "map"])]
    if controls:
        reason = f"of the control maps, which know nothing of the image, {len(controls)} may do as well or better: "
        reason += ", ".join(controls)
    else:
        nearest = close.iloc[0]
        reason = (
            f"between it and {nearest['other']} too few images differ"
            if np.isnan(nearest["p_holm"])
            else f"{nearest['other']} is within chance of it (p = {nearest['p_holm']:.2g} after Holm's correction)"
        )
    return (
        f"These images do not tell the methods apart by {metric}: the smallest drop is that of {shown}, but {reason}."
    )


def blanks(maps, classes, names):
    """One sentence that counts the blank maps of each method by the class that is explained, "" where there is none.

    Args:
        maps: name -> (N, h, w), before clipping.
        classes: (N,), the explained class.
        names: of the classes.
    """
    counts = []
    for name, drawn in maps.items():
        blank = localization.blank(np.maximum(drawn, 0))
        if blank.any():
            counted = pd.Series(blank).groupby(np.asarray(classes)).agg(["sum", "size"]).query("sum > 0")
            counted = counted.sort_values("sum", ascending=False, kind="stable")
            parts = [f"{_as_code(names[label])} {row['sum']} of {row['size']}" for label, row in counted[:3].iterrows()]
            parts += [f"{len(counted) - 3} more classes"] if len(counted) > 3 else []
            counts.append(f"{name} {blank.sum()} of {len(blank)} ({', '.join(parts)})")
    if not counts:
        return ""
    return f"Blank maps, which point nowhere and are scored as a black image: {'; '.join(counts)}."


def _as_code(name):
    """A class's name as code in Markdown, where none of its signs means anything."""
    return "`{}`".format(" ".join(name.replace("`", "'").split()))


def disagreement(dataset, maps, alpha, batch_size=32):
    """How far the masked images of several maps differ on each image.

    Args:
        dataset: a Dataset of N images.
        maps: name -> (N, h, w), before clipping.
        alpha: the share of pixels kept.
        batch_size: the number of images that are masked at once.

    Returns:
        (N,), the share of the image's light that one mask of a pair keeps and the other does not, as a mean over the
        pairs.
    """
    shares = np.zeros(len(dataset))
    for start in range(0, len(dataset), batch_size):
        rows = slice(start, start + batch_size)
        light = dataset.images(rows).astype("float32").sum(axis=-1)
        kept = [masks.kept_pixels(evaluation.upsampled(one[rows], dataset.size), alpha) for one in maps.values()]
        pairs = [((one ^ other) * light).sum(axis=(1, 2)) for one, other in combinations(kept, 2)]
        shares[rows] = np.mean(pairs, axis=0) / np.maximum(light.sum(axis=(1, 2)), 1) if pairs else 0
    return shares


def verdict_of_trust():
    """How well BAD and AD judged maps on real lesions, in words, "" where these results are not at hand."""
    path = files.ROOT / "paper_figures/laptop/trust.csv"
    if not path.is_file():
        return ""
    table = pd.read_csv(path).query("data == 'NIH boxes' and truth == 'hit'").set_index(["maps", "metric"])
    shown, sure = {}, {}
    for maps in agreement.MAPS:
        rows = {metric: table.loc[(maps, metric)] for metric in ("BAD", "AD")}
        shown[maps] = ", ".join(
            f"{metric} {row['set']:+.2f} [{row['set_low']:+.2f}, {row['set_high']:+.2f}]"
            for metric, row in rows.items()
        )
        sure[maps] = [metric for metric, row in rows.items() if row["set_low"] > 0]
    controls, methods = agreement.MAPS
    named = " and ".join(sure[methods]) or "neither"
    return (
        "Where lesions are known, on radiographs, the metrics' rankings of methods and controls together agreed with "
        f"where the maps point (Kendall's tau-b, 1 is full agreement and 0 none: {shown[controls]}). Of the methods "
        f"alone {named} could be shown to give the right order ({shown[methods]}): take a method that is named here "
        "for one that passed a test, not for the one that shows most lesions."
    )
