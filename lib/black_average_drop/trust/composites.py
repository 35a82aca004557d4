"""Metrics that follow from what was measured of the same image and map: ADCC, ROAD as a lead, and ARCC."""

import numpy as np
import pandas as pd


def with_composites(measured):
    """Append the metrics that follow from others.

    - ADCC (Poppi et al. 2021): the harmonic mean of 1 - drop, 1 - opacity and coherency, with the drop of softmax
      scores, as its authors take them. "ADCC, ReLU scores" has the drop of the network's ReLU scores instead.
    - "ROAD, combined" is the combination of pytorch-grad-cam: half the difference of the two curves of Rong et al.
      (2022), the one with the least relevant pixels first minus the one with the most relevant pixels first.
    - ARCC (Domeniconi et al. 2026, arXiv 2605.14641): ADCC with ROAD in the place of Average Drop, 3 / (1 / coherency +
      1 / (1 - opacity) + 1 / min(1, max(0, 2 ROAD))). ROAD is at most 0.5, hence the 2. The scale, the clip and the
      harmonic mean are those of the code that the first author gave to pytorch-grad-cam 1.5.7, whose comment says
      geometric mean. Two things differ there, and here they are as for the other metrics. It takes ROAD at 20, 40, 60
      and 80 percent of the pixels. It subtracts the minimum of a map, and we clip a map at 0.

    A harmonic mean is 0 where one of its shares is 0. ROAD at or below 0 gives an ARCC of 0, however far below. A map
    that does not look at the image has the coherency 1, so ROAD and opacity alone can tell that it says nothing.

    Args:
        measured: a DataFrame with columns metric and value, of `faithfulness.single_masks` and `curves`, and others
            that name the image and the map.

    Returns:
        The same with rows of these four metrics more, each for the images and maps that have its parts.
    """
    keys = [name for name in measured if name not in ("metric", "value")]
    parts = {metric: rows.set_index(keys)["value"] for metric, rows in measured.groupby("metric", sort=False)}

    first, last = "ROAD, most relevant first", "ROAD, least relevant first"
    formulas = {
        "ADCC": (_adcc, "AD, softmax scores", "opacity", "coherency"),
        "ADCC, ReLU scores": (_adcc, "AD", "opacity", "coherency"),
        "ROAD, combined": (_road, first, last),
        "ARCC": (lambda first, last, *rest: _adcc(1 - np.clip(2 * _road(first, last), 0, 1), *rest), first, last)
        + ("opacity", "coherency"),
    }
    made = [measured]
    for metric, (formula, *names) in formulas.items():
        if set(names) <= set(parts):
            values = formula(*(parts[name].reindex(parts[names[0]].index) for name in names))
            made.append(values.rename("value").reset_index().assign(metric=metric)[list(measured)])
    return pd.concat(made, ignore_index=True)


def _adcc(drops, opacity, coherency):
    return harmonic_mean(1 - drops, 1 - opacity, coherency)


def _road(first, last):
    return (last - first) / 2


def harmonic_mean(*shares):
    """The harmonic mean (n,) of shares (n,) from 0 to 1: 0 where one of them is 0, NaN where one of them is NaN."""
    with np.errstate(divide="ignore"):
        return len(shares) / sum(1 / share.astype("float64") for share in shares)
