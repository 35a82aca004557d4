"""Which maps touch the small lesions, controls among them: from the rows of `04_alpha`."""

import numpy as np
import pandas as pd

from black_average_drop.paper import claims
from black_average_drop.paper.alpha_rows import patients_of_rows
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.patients import Resampling

SMALL = 1 / 3  # of the lesions count as small
TESTED = "Grad-CAM++"  # the map that every other one is compared with


def smallest(rows):
    """The rows of the smallest third of the lesions.

    Args:
        rows: of `alpha_rows.rows_of_lesions`, of all trainings.
    """
    sizes = rows.drop_duplicates("id").set_index("id")["size"]
    return rows[rows["id"].isin(sizes.index[sizes.rank(method="first") <= SMALL * len(sizes)])]


def touched_more(rows, other):
    """How much more often TESTED touches a lesion than another map, in percentage points.

    Args:
        rows: of `alpha_rows.rows_of_lesions`.
        other: the name of the other map.

    Returns:
        (N, S), a row for each lesion, a column for each training: -100, 0 or 100.
    """
    differences = []
    for _, part in rows.groupby("training"):
        wide = part.pivot(index="id", columns="map", values="touched").loc[patients_of_rows(rows).index]
        differences.append(100.0 * (wide[TESTED] - wide[other]))
    return np.stack(differences, axis=1)


def touched_table(rows, sampling):
    """The percentage of lesions that each map touches, mean over trainings, and how TESTED compares with each.

    Args:
        rows: of `alpha_rows.rows_of_lesions`.
        sampling: resamples and seed of the `Resampling`.

    Returns:
        A DataFrame with columns map, touched, difference (TESTED − the map), low, high, p, same_sign (trainings that
        have the sign of the difference), unseen (as in `claims.Measured`), p_holm (over the maps), lesions and
        trainings. The interval covers other patients and other trainings.
    """
    resampling = Resampling(patients_of_rows(rows), **sampling)
    lines = []
    for name, part in rows.groupby("map", sort=False):
        line = {"map": name, "touched": 100 * part["touched"].mean()}
        if name != TESTED:
            measured = claims.measured_mean(touched_more(rows, name), resampling, "", reach=100.0)
            one = measured.estimate
            line |= {"difference": one.value, "low": one.low, "high": one.high, "p": one.p}
            line |= {"same_sign": one.same_sign, "unseen": measured.unseen}
        lines.append(line)
    table = pd.DataFrame(lines)
    table["p_holm"] = comparisons.holm(table["p"])
    return table.assign(lesions=rows["id"].nunique(), trainings=rows["training"].nunique())
