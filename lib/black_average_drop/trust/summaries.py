"""What rows of maps say on average: where maps point, which lesions they touch, what is left of them after shuffling.

Rows are those of `wide.gather`. An `Images` says whose they are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from black_average_drop.statistics import comparisons, equivalence, folds, means
from black_average_drop.statistics.patients import Resampling

LARGEST = 1.0  # difference of two metrics or truths: all of them are from 0 to 1, or from -0.5 to 0.5
MEASURES = {"ssim": "structural similarity", "rank_correlation": "rank correlation"}


@dataclass(frozen=True, eq=False)
class Images:
    """The images of a data set: whose they are, and in which fold of patients.

    Attributes:
        known: a DataFrame of `Bench.known` with a column fold, indexed by id.
        resamples: how many times patients are drawn.
        seed: of the draws.
    """

    known: pd.DataFrame
    resamples: int = 2000
    seed: int = 0

    def resampling(self, ids):
        """A `Resampling` of rows that are of these images: whole patients are drawn, of each fold as many as it has."""
        rows = self.known.loc[ids]
        return Resampling(rows["group"].to_numpy(), self.resamples, self.seed, rows["fold"].to_numpy())

    def differences(self, values, methods):
        """Compare every pair of methods on these images.

        Args:
            values: a DataFrame, images or lesions by maps, indexed by id or with a level id.
            methods: the maps that are compared.

        Returns:
            As `comparisons.differences`, with further columns patients (how many have a value of both), within (the
            smallest margin that holds the difference, for all pairs together) and unseen. unseen says of a difference
            whose interval leaves out 0 whether it "holds" or is "overturned" if a share 3 / patients of unseen patients
            were at the opposite extreme, and is "" otherwise. The extreme is a difference of LARGEST, which is the most
            that shares and drops allow.
        """
        ids = values.index.get_level_values("id")
        given = values[methods].to_numpy(), methods, self.resampling(ids)
        pairs = comparisons.differences(*given, (-LARGEST, LARGEST))
        pairs["within"] = equivalence.compare_pairs(*given, LARGEST)["within"]
        groups, known = self.known.loc[ids, "group"].to_numpy(), values.notna()
        both = [(known[pair["first"]] & known[pair["second"]]).to_numpy() for _, pair in pairs.iterrows()]
        pairs["patients"] = [len(np.unique(groups[rows])) for rows in both]
        return pairs.assign(unseen=[_said_of_unseen(pair) for _, pair in pairs.iterrows()])

    def subsets(self):
        """Name -> ids: all images, those that the network calls right, and those of each fold.

        Where the tables say so, also those whose findings all have a box.
        """
        known = self.known
        chosen = {"all positives": known.index, "true positives": known.index[known["right"]]}
        if not known["fully_boxed"].all():
            chosen["without unboxed findings"] = known.index[known["fully_boxed"]]
        folds = {f"fold {fold}": part.index for fold, part in known.groupby("fold") if fold}
        return {name: ids for name, ids in (chosen | folds).items() if len(ids)}


def _said_of_unseen(pair):
    if not (pair["low"] > 0 or pair["high"] < 0):
        return ""
    opposite = -np.sign(pair["difference"]) * LARGEST
    turned = means.overturned_by_unseen(pair["difference"], pair["patients"], opposite)
    return "overturned" if turned else "holds"


def images_by_data(known, resamples=2000, seed=0):
    """Data set -> `Images`.

    Args:
        known: a DataFrame, rows of `Bench.known` with the columns of `wide.NAMES`. An image that several networks judge
            is right if all of them are.
        resamples, seed: as in `Images`.
    """
    by_data = {}
    for data, part in known.groupby("data", sort=False):
        of_image = part.groupby("id", sort=False)
        right = of_image["right"].all()
        by_data[data] = Images(of_image.first().assign(right=right), resamples, seed)
    return by_data


def mean_scores(points, images, ids):
    """The mean of each score of the truth over images, with its 95 % intervals and its chance.

    Args:
        points: rows with columns training (the number of the network within its fold), id, score, map and value, of one
            data set.
        images: its `Images`.
        ids: of the images that count.

    Returns:
        A DataFrame, a row for each score and map, with columns score, map, value, low, high, others_low, others_high,
        chance and n (images). The intervals are those of `folds.across_folds`: for these networks, and for others.
    """
    names = ["score", "map"]
    spread = [part.pivot(index="id", columns=names, values="value") for _, part in points.groupby("training")]
    values = np.stack([part.reindex(ids)[spread[0].columns].to_numpy() for part in spread], axis=2)
    estimates = folds.across_folds(values, images.resampling(ids), (0, 1))
    table = spread[0].columns.to_frame(index=False)
    chance = images.known.loc[ids, ["region", "near"]].mean()
    for name in ("value", "low", "high", "others_low", "others_high"):
        table[name] = getattr(estimates, name)
    table["chance"] = table["score"].eq("hit_tolerant").map({True: chance["near"], False: chance["region"]})
    return table.assign(n=len(ids))


def recall(touched, images, ids):
    """The share of the lesions touched, by map, size class and area, with its 95 % interval and its chance.

    Args:
        touched: rows with columns lesion, id, size_class, area, quantity ("touched" or "chance"), map and value, of one
            data set.
        images: its `Images`.
        ids: of the images that count.

    Returns:
        A DataFrame with columns map, size_class, area, seen (the share), low and high (its interval over patients),
        chance and lesions (their number).
    """
    tables = []
    touched = touched[touched["id"].isin(ids)]
    for (size, area), part in touched.groupby(["size_class", "area"], sort=False):
        spread = part.pivot(index=["lesion", "id"], columns=["quantity", "map"], values="value")
        seen, chance = spread["touched"], spread["chance"].mean()
        resampling = images.resampling(seen.index.get_level_values("id"))
        estimates = means.estimate_means(seen.to_numpy(), resampling, (0, 1))
        table = pd.DataFrame({"map": seen.columns, "size_class": size, "area": area, "seen": estimates.value})
        table = table.assign(low=estimates.low, high=estimates.high, chance=chance.loc[seen.columns].to_numpy())
        tables.append(table.assign(lesions=len(seen)))
    return pd.concat(tables, ignore_index=True)


def mean_similarity(shuffled, images):
    """The mean of each measure of likeness between the maps of a trained and a shuffled network.

    Args:
        shuffled: rows with columns id, maps (what was drawn again), measure, map (the method) and value.
        images: their `Images`.

    Returns:
        A DataFrame with columns maps, measure (in words), method, value, low, high and images, the number of images on
        which the measure is defined.
    """
    spread = shuffled.pivot(index="id", columns=["maps", "measure", "map"], values="value")
    estimates = means.estimate_means(spread.to_numpy(), images.resampling(spread.index))
    table = spread.columns.to_frame(index=False).rename(columns={"map": "method"})
    table = table.assign(measure=table["measure"].map(MEASURES), value=estimates.value)
    return table.assign(low=estimates.low, high=estimates.high, images=spread.notna().sum().to_numpy())


def methods_by_data(same_maps):
    """Data set -> its methods, those that draw the same map once.

    Args:
        same_maps: a DataFrame, a row for each method, with columns data and same map as.
    """
    return {data: list(part["same map as"].unique()) for data, part in same_maps.groupby("data", sort=False)}
