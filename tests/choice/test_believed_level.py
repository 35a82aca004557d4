"""How often a verdict is wrong where there is nothing to be right about: a metric of noise, and methods that are equal.

1,000 draws each of 20 and 50 lesions and four methods gave at most 1.7 % of believed and 1.1 % of contradicted. Here
are fewer draws, and bounds that chance alone breaks in one of a thousand runs.
"""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from black_average_drop.choice import believed, verdict_on_metric
from black_average_drop.statistics.patients import Resampling

DRAWS, LESIONS, NAMES = 100, 25, ["m0", "m1", "m2"]


def outcomes(rates, shifts):
    """Verdicts on sets in which methods hit at these rates, and drop more or less by these shifts, apart from noise."""
    counts = Counter()
    for draw in range(DRAWS):
        generator = np.random.default_rng([7, draw])
        hits = pd.DataFrame(generator.random((LESIONS, 3)) < rates, columns=NAMES).astype(float)
        drops = pd.DataFrame(np.clip(generator.normal(0.3, 0.1, (LESIONS, 3)) + shifts, 0, 1), columns=NAMES)
        judgement = believed.agreement_of_metrics(
            {"BAD": drops}, hits, NAMES, Resampling(np.arange(LESIONS), 200, draw)
        )
        order = list(drops.mean().sort_values().index)
        counts[verdict_on_metric.verdict_on(judgement, "BAD", order).outcome] += 1
    return counts


@pytest.mark.parametrize(
    ("rates", "shifts"),
    [([0.05, 0.5, 0.95], [0, 0, 0]), ([0.5, 0.5, 0.5], [0, 0, 0]), ([0.5, 0.5, 0.5], [0, 0.2, 0.4])],
    ids=["the metric is noise", "both are noise", "hits are equal"],
)
def test_wrong_verdicts_are_rare(rates, shifts):
    counts, most = outcomes(rates, shifts), binom.isf(1e-3, DRAWS, 0.025)
    assert sum(counts.values()) == DRAWS
    assert counts[verdict_on_metric.BELIEVED] <= most and counts[verdict_on_metric.CONTRADICTED] <= most
