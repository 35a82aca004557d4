"""Small, medium and large lesions: thirds of their own finding."""

import numpy as np
import pandas as pd

FEWEST = 9  # lesions of a finding that has thirds of its own
SIZES = ("small", "medium", "large")


def size_classes(sizes, findings):
    """The third of its own finding that each lesion's size is in.

    Findings with fewer than FEWEST lesions, such as the thousand classes of photos, share their thirds.

    Args:
        sizes: (L,).
        findings: (L,), the finding of each lesion.

    Returns:
        (L,), "small", "medium" or "large".
    """
    frame = pd.DataFrame({"size": sizes, "finding": findings})
    common = frame.groupby("finding")["size"].transform("size") >= FEWEST
    share = frame.groupby(frame["finding"].where(common, ""))["size"].rank(method="first", pct=True)
    return np.select([share <= 1 / 3, share <= 2 / 3], SIZES[:2], SIZES[2])


def with_size_classes(touched):
    """Rows of lesions, with columns id, lesion, finding and size, and a further column size_class."""
    keys = ["id", "lesion"]
    single = touched[[*keys, "finding", "size"]].drop_duplicates(keys)
    return touched.merge(single[keys].assign(size_class=size_classes(single["size"], single["finding"])), on=keys)
