"""Metrics that are the harmonic mean of others, so that a map is good only if it is good in each: ADCC and ARCC."""

import numpy as np
import pandas as pd


def adcc(drops, opacity, coherency):
    """Average Drop, Coherency, Complexity (Poppi et al. 2021). Its complexity is our opacity.

    Args:
        drops: (n,), of the image faded by the map. NaN gives NaN.
        opacity: (n,), the mean of the map as a share of its peak.
        coherency: (n,), from 0 to 1, as `faithfulness.single_masks` gives it.

    Returns:
        (n,), 3 / (1 / (1 - drop) + 1 / (1 - opacity) + 1 / coherency); 0 where a share is 0.
    """
    return _harmonic_mean(1 - drops, 1 - opacity, coherency)


def with_arcc(measured):
    """Append ARCC (Domeniconi et al. 2026, arXiv 2605.14641): ADCC with ROAD in the place of Average Drop.

    ARCC = 3 / (1 / coherency + 1 / (1 - opacity) + 1 / min(1, max(0, 2 ROAD))). ROAD is at most 0.5, hence the 2. The
    scale, the clip and the harmonic mean are those of the code that the first author gave to pytorch-grad-cam 1.5.7,
    whose comment says geometric mean. Two things differ there, and here they are as for the other metrics. It takes
    ROAD at 20, 40, 60 and 80 percent of the pixels. It subtracts the minimum of a map, and we clip a map at 0.

    ROAD at or below 0 gives 0, however far below. A map that does not look at the image has the coherency 1, so ROAD
    and opacity alone can tell that it says nothing.

    Args:
        measured: a DataFrame with columns id, map, metric and value, of `faithfulness.single_masks` and `curves`.

    Returns:
        The same with a row of the metric ARCC more for each id and map that has a ROAD.
    """
    of_metric = {
        metric: part.set_index(["id", "map"])["value"]
        for metric, part in measured.groupby("metric")
        if metric in ("ROAD", "opacity", "coherency")
    }
    road = of_metric["ROAD"]
    opacity, coherency = (of_metric[part].loc[road.index] for part in ("opacity", "coherency"))
    value = _harmonic_mean(np.clip(2 * road, 0, 1), 1 - opacity, coherency)
    rows = road.index.to_frame(index=False).assign(metric="ARCC", value=np.asarray(value))
    return pd.concat([measured, rows], ignore_index=True)


def _harmonic_mean(*shares):
    """The harmonic mean (n,) of shares (n,); 0 where one of them is 0."""
    with np.errstate(divide="ignore"):
        return len(shares) / sum(1 / np.asarray(share, "float64") for share in shares)
