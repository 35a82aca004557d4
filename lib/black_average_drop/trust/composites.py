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
        The same with rows of these four metrics more for each image and map that has all their parts.
    """
    keys = [name for name in measured if name not in ("metric", "value")]
    parts = {metric: rows.set_index(keys)["value"] for metric, rows in measured.groupby("metric", sort=False)}

    def of(metric, like=None):
        values = parts.get(metric, pd.Series(dtype=float))
        return values if like is None else values.reindex(like.index)

    concise, made = 1 - of("opacity"), {}
    for metric, drop in (("ADCC", "AD, softmax scores"), ("ADCC, ReLU scores", "AD")):
        drops = of(drop)
        made[metric] = harmonic_mean(1 - drops, concise.reindex(drops.index), of("coherency", drops))
    last = of("ROAD, least relevant first")
    road = (last - of("ROAD, most relevant first", last)) / 2
    made["ROAD, combined"] = road
    made["ARCC"] = harmonic_mean(np.clip(2 * road, 0, 1), concise.reindex(road.index), of("coherency", road))
    rows = [
        values.rename("value").reset_index().assign(metric=metric) for metric, values in made.items() if len(values)
    ]
    return pd.concat([measured, *(part[list(measured)] for part in rows)], ignore_index=True)


def harmonic_mean(*shares):
    """The harmonic mean (n,) of shares (n,) from 0 to 1: 0 where one of them is 0, NaN where one of them is NaN."""
    with np.errstate(divide="ignore"):
        return len(shares) / sum(1 / share.astype("float64") for share in shares)
