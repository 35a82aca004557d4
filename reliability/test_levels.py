"""Do the tests of `means.estimate_means` keep their level, and what does that cost, next to other rules?

On simulated differences that are moved so that their true mean is 0. A refusal is not wrong.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pandas as pd
import rules
from differences import ALL, EXPONENTIAL, LOGNORMAL, NORMAL, OF_ALL_KINDS, few, spike

from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

PATIENTS = (50, 200, 600)
DRAWS, BLOCK = 10_000, 2500
SLOW = 500  # draws of rules that draw patients again
EXPECTED = 5  # rare patients: where fewer are expected, many draws have none, and no rule can know
MOST = {"low": 5.0, "high": 5.0, "p": 7.0, "small_p": 1.5}  # percent of the draws that err
TARGET = "either tail missed in at most 5 %, p < 0.05 in at most 7 %, p < 0.005 in at most 1.5 %"


def errs(low, high, p):
    """Of draws with a true mean of 0: how many miss either tail and have a small p, and how many have an interval."""
    return np.array([np.sum(low > 0), np.sum(high < 0), np.sum(p < 0.05), np.sum(p < 0.005), np.isfinite(low).sum()])


def errors_of(distribution, patients, number):
    """A row for each rule that needs no resampling: the percent of the draws that err, and that have an interval."""
    generator, counts = np.random.default_rng([patients, number]), {}
    for _ in range(DRAWS // BLOCK):
        values = distribution.draw((patients, BLOCK), generator) - distribution.mean
        for name, rule in rules.FAST.items():
            counts[name] = counts.get(name, 0) + errs(*rule(values))
    rows = pd.DataFrame(counts, [*MOST, "given"]).T * 100 / DRAWS
    return rows.assign(distribution=distribution.name, patients=patients, expected=distribution.rare * patients)


def all_errors():
    """`errors_of` of all distributions and numbers of patients: a DataFrame with a column rule."""
    cases = [(one, patients, number) for patients, (number, one) in product(PATIENTS, enumerate(ALL))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tables = list(pool.map(lambda case: errors_of(*case), cases))
    return pd.concat(tables).rename_axis("rule").reset_index()


def breaks(table):
    """Which rows err more often than they should."""
    return (table[list(MOST)] > list(MOST.values())).any(axis=1)


def worst(table):
    """The largest percent of each error, in words."""
    most = table[list(MOST)].max()
    return (
        f"at most {most['low']:.1f} % and {most['high']:.1f} % miss a tail, p < 0.05 in at most {most['p']:.1f} %, "
        f"p < 0.005 in at most {most['small_p']:.1f} %"
    )


def test_levels(check):
    """Whether the tests of means keep their level, over all draws, and what other rules do."""
    errors = all_errors()
    known, of_own = errors["expected"] < EXPECTED, errors["rule"] == rules.OWN
    own = errors[of_own]
    for patients, part in errors[of_own & ~known].groupby("patients"):
        broken = part.loc[breaks(part), "distribution"]
        text = (
            f"of {len(part)} distributions {len(broken)} err more often ({'; '.join(broken)}). " if len(broken) else ""
        )
        text += f"{worst(part)}; an interval is given in {part['given'].mean():.0f} % of all draws"
        check(f"{patients} patients, {EXPECTED} or more rare ones expected", text, TARGET, not len(broken))
    for patients, part in errors[of_own & known].groupby("patients"):
        broken = part[breaks(part)].sort_values("p", ascending=False)
        cells = [f"{row['distribution']}: {row['p']:.0f} and {row['small_p']:.0f} %" for _, row in broken.iterrows()]
        text = f"{len(broken)} of {len(part)} distributions: {'; '.join(cells)} (p below 0.05 and 0.005)"
        check(f"{patients} patients, fewer rare ones expected", text, "known limits", not len(broken), known=True)
    for _, row in own[own["distribution"].isin([NORMAL.name, EXPONENTIAL.name])].iterrows():
        tried = f"{row['patients']} patients, {row['distribution']} differences"
        check(tried, f"an interval in {row['given']:.1f} % of the draws", "at least 90 %", row["given"] >= 90)
    for rule, part in errors[~known & ~of_own].groupby("rule", sort=False):
        text = (
            f"{breaks(part).sum()} of {len(part)} distributions and numbers of patients err more often; {worst(part)}"
        )
        check(f"Another rule: {rule}", text, "compared, not judged", None)


def test_levels_of_slow_rules(check):
    """What rules that draw patients again, or bet, do with differences of all kinds."""
    for patients, (number, one) in product(PATIENTS, enumerate(OF_ALL_KINDS)):
        generator, texts = np.random.default_rng([patients, number, 1]), []
        values = one.draw((patients, SLOW), generator) - one.mean
        for name, rule in rules.SLOW.items():
            low, high, small, tiny, given = 100 * errs(*rule(values)) / SLOW
            texts.append(f"{name}: {small:.1f} and {tiny:.1f} %, a tail {max(low, high):.1f} %, given {given:.0f} %")
        check(f"{patients} patients, {one.name}", "; ".join(texts), "compared, not judged", None)


def test_power(check):
    """What the level costs: how often a difference that is there is found."""
    shifts = {50: 0.4, 200: 0.2, 600: 0.115}
    for patients, (number, one) in product(PATIENTS, enumerate([NORMAL, EXPONENTIAL, LOGNORMAL, few(0.3, 0, 1, 0.05)])):
        values = one.draw((patients, SLOW), np.random.default_rng([patients, number, 2]))
        deviation = one.draw((100_000,), np.random.default_rng(0)).std()
        values = values if one.name.startswith("30") else values - one.mean + shifts[patients] * deviation
        found = {name: 100 * np.mean(rule(values)[2] < 0.05) for name, rule in rules.FOR_POWER.items()}
        text = "p < 0.05 in " + ", ".join(f"{value:.0f} % ({name})" for name, value in found.items())
        lost = found[rules.STUDENT] - found[rules.OWN]
        judged = lost <= 5 if one is NORMAL else None
        expected = "at most 5 points below Student's t" if one is NORMAL else "compared, not judged"
        check(f"{patients} patients, {one.name}, not 0 on average", text, expected, judged)


def test_levels_of_patients_with_several_images(check):
    """Whether the level holds where patients have one to five images that are alike."""
    for patients, (number, one) in product((50, 200), enumerate([NORMAL, EXPONENTIAL, spike(0.1)])):
        generator, counts = np.random.default_rng([patients, number, 3]), 0
        for _ in range(20):
            groups = np.repeat(np.arange(patients), generator.integers(1, 6, patients))
            values = one.draw((patients, 200), generator)[groups] - one.mean
            values = values + values.std() * generator.standard_normal(values.shape)
            estimates = estimate_means(values, Resampling(groups))
            counts = counts + errs(estimates.low, estimates.high, estimates.p)
        row = pd.DataFrame([100 * counts / 4000], columns=[*MOST, "given"])
        text = f"{worst(row)}; an interval in {row['given'][0]:.0f} % of 4,000 draws"
        check(f"{patients} patients of 1 to 5 images, {one.name}", text, TARGET, not breaks(row)[0])


def test_coverage_of_levels(check):
    """Whether intervals of levels between 0 and 1 hold the truth where patients are few."""
    shapes = {"uniform": (1, 1), "most near 0 or 1": (0.5, 0.5), "skewed": (2, 5), "most near 0": (0.3, 2)}
    for patients, (name, (a, b)) in product((10, 20, 50), shapes.items()):
        values = np.random.default_rng(patients).beta(a, b, (patients, 2000))
        estimates, truth = estimate_means(values, Resampling(np.arange(patients)), (0, 1)), a / (a + b)
        held = 100 * np.mean((estimates.low <= truth) & (truth <= estimates.high))
        width, plain = np.mean(estimates.high - estimates.low), 2 * 1.96 * values.std(axis=0).mean() / np.sqrt(patients)
        text = f"held the truth in {held:.1f} % of 2,000 draws, {width / plain:.2f} times as wide as a normal one"
        check(f"A level of {patients} patients, {name}", text, "93 % or more", held >= 93)
    for patients, share in product((10, 20), (0.02, 0.1, 0.5)):
        hits = np.random.default_rng(patients).random((patients, 2000)) < share
        estimates = estimate_means(hits, Resampling(np.arange(patients)), (0, 1))
        held = 100 * np.mean((estimates.low <= share) & (share <= estimates.high))
        tried = f"A share of {100 * share:g} % of {patients} patients"
        check(tried, f"held in {held:.1f} % of 2,000 draws", "95 % or more, but for chance", held >= 94)
