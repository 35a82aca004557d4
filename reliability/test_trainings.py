"""Do intervals, tests and predictions over trainings hold for other trainings and other patients? Simulated."""

import numpy as np

from black_average_drop.statistics import trainings
from black_average_drop.statistics.patients import Resampling

DRAWS, RESAMPLES = 400, 1000
COUNTS, PATIENTS = (3, 5), (50, 200, 600)
OF_TRAININGS = {"do not differ": 0.0, "differ as patients explain": 1.0, "differ five times as much": 5.0}
REJECTED, HELD = 7.0, 93.0  # percent of the draws: at most, at least


def normal(generator, patients, count):
    """What patients add, alike under every training and under one alone."""
    return 0.5 * generator.standard_normal((patients, 1)) + generator.standard_normal((patients, count))


def mostly_zero(generator, patients, count):
    """Differences that are 0 for seven patients in ten and have a tail to one side; the mean is taken off."""
    size = np.exp(0.5 * generator.standard_normal((patients, 1)) + 0.5 * generator.standard_normal((patients, count)))
    return np.where(generator.random((patients, 1)) < 0.3, size, 0) - 0.3 * np.exp(0.25)


def simulated(draw, explained, count, patients, times):
    """Of DRAWS draws around 0 the percent with p < 0.05, with an interval that holds 0, with a prediction interval that
    holds what the next training has, and with an interval at all.

    explained: the deviation of a training's mean over 600 patients that patients alone explain, times sqrt(600);
    times: how many of that deviation the training's own effect has."""
    generator = np.random.default_rng([count, patients, int(times)])
    hits, resampling = np.zeros(4), Resampling(np.arange(patients), RESAMPLES)
    for _ in range(DRAWS):
        effects = times * explained / np.sqrt(patients) * generator.standard_normal(count + 1)
        values = draw(generator, patients, count) + effects[:count]
        one = trainings.across_trainings(values, resampling)
        given = not np.isnan(one.low)
        held = one.next_low <= effects[count] <= one.next_high
        hits += one.p < 0.05, one.low <= 0 <= one.high, held, given
    return 100 * hits / [DRAWS, max(hits[3], 1), max(hits[3], 1), DRAWS]


def test_trainings(check):
    """Whether intervals, tests and predictions over trainings hold for other trainings and other patients."""
    kinds = {"normal values": (normal, 1.0), "values that are 0 for most": (mostly_zero, 0.42)}
    for kind, (draw, explained) in kinds.items():
        for count in COUNTS:
            for name, times in OF_TRAININGS.items():
                cells = np.array([simulated(draw, explained, count, n, times) for n in PATIENTS])
                rejected, held, following, given = ([f"{value:.1f}" for value in column] for column in cells.T)
                check(
                    f"{count} trainings that {name}, {kind}; {', '.join(map(str, PATIENTS))} patients",
                    f"a true 0 is rejected in {', '.join(rejected)} % of {DRAWS} draws; the interval holds it in "
                    f"{', '.join(held)} %, the prediction interval the next training in {', '.join(following)} % "
                    f"(intervals are given in {', '.join(given)} %)",
                    f"rejected in at most {REJECTED:g} %, held in at least {HELD:g} %, over all draws of a row",
                    cells[:, 0].mean() <= REJECTED and cells[:, 1:3].mean(axis=0).min() >= HELD,
                )
