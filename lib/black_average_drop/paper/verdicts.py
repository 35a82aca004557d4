"""A verdict on each of the paper's claims, by a rule that was fixed before anything was measured.

The notebooks wrote what they measured, each for its own claims. Here all of it is corrected for the number of tests.
"""

import numpy as np
import pandas as pd

from black_average_drop import wording
from black_average_drop.paper.claims import CLAIMS
from black_average_drop.statistics import comparisons, patients
from black_average_drop.statistics.comparisons import LEVEL

TOO_FEW = "no interval: too few images differ"

RULE = f"""
**The rule.** Intervals are 95 %. On X-rays, intervals and tests cover other patients and other trainings. At least
three trainings with seeds of their own see the same test images, and patients are resampled together
(`trainings.across_trainings`). Without three trainings there is no verdict. Photos have one network, so only the
images vary. BAD is taken at the alpha of each training, which stays fixed. Table 1 prints percentile intervals of one
training, so its digits differ.

A claim with a direction is tested against 0. The test is two-sided and compares both sides on the same images. Holm's
method corrects the p values of all such claims in this table. If p is below {LEVEL}, the claim is *reproduced* where
the sign is the claimed one, and *not reproduced* where it is the other one. Otherwise it is *undecided*.

A level or an equality has a tolerance, which was fixed before the first run and is printed in the table. The claim is
*reproduced* if the interval lies inside, *not reproduced* if it lies outside, and *undecided* if it reaches across.

Where too few images differ, a difference has no interval and no test, and is *undecided*: resampling cannot see what
was not drawn. Too few is fewer than {patients.ENOUGH} patients, counted by (Σ|d|)² / Σd² over the differences d of
the patients. So a patient who outweighs all others counts as one (`means.enough_differ`).

**Doubtful in the paper's own numbers.** For Grad-CAM++ on X-rays AD and BAD are both 0.7416, to four digits, although
they mask the images in different ways. 99.4 % Incorrect is possible for the 624 test images of its reference [13] (620
of them). No count of the 390 pneumonia images or of the 234 normal ones gives it, although the text speaks of pneumonia
images. The paper gives no number of X-ray images and no interval. In section 5.3 the two outputs look exchanged: a
logit of 3,215 for pneumonia is said to give it the probability 0.
"""


def decide(table):
    """The claims in their order, with p_holm and verdict.

    Args:
        table: a DataFrame with the columns that `write_measured` writes.

    Raises:
        ValueError: if two notebooks measured the same claim.
    """
    twice = table["claim"][table["claim"].duplicated()]
    if len(twice):
        raise ValueError(f"The claim {twice.iloc[0]!r} is in two claims_*.csv: remove the one that is out of date.")
    missing = [claim for claim in CLAIMS if claim not in set(table["claim"])]
    blank = pd.DataFrame({"claim": missing, "data": "not measured", "trainings": 0, "images": 0})
    table = pd.concat([table, blank], ignore_index=True) if missing else table
    table = table.set_index("claim").loc[list(CLAIMS)].reset_index()
    table = _with_exact_shares(table)
    bounds = np.array([claim.bounds for claim in CLAIMS.values()])
    table["low"], table["high"] = np.maximum(table["low"], bounds[:, 0]), np.minimum(table["high"], bounds[:, 1])
    directed = np.array([isinstance(claim.expected, int) for claim in CLAIMS.values()])
    directed &= table["p"].notna().to_numpy()
    table["p_holm"] = np.nan
    table.loc[directed, "p_holm"] = comparisons.holm(table.loc[directed, "p"])
    table["verdict"] = [_verdict(CLAIMS[row["claim"]], row) for _, row in table.iterrows()]
    return table


def _with_exact_shares(table):
    """Give percentages that are 0 or 100 for every image the interval of Clopper and Pearson, which is not a point."""
    table = table.astype({"low": float, "high": float})
    shares = np.array([claim.bounds == (0, 100) for claim in CLAIMS.values()]) & (table["images"] > 0).to_numpy()
    reach = 100 * (1 - 0.025 ** (1 / table["images"].clip(lower=1)))
    for value, column, end in ((0, "high", reach), (100, "low", 100 - reach)):
        rows = shares & (table["low"] == value).to_numpy() & (table["high"] == value).to_numpy()
        table.loc[rows, column] = end[rows]
    return table


def _verdict(claim, row):
    """The verdict on a claim by its row of the table."""
    if np.isnan(row["low"]) or row["trainings"] < claim.trainings:
        return "undecided"
    if isinstance(claim.expected, int):
        if not row["p_holm"] < LEVEL:
            return "undecided"
        return "reproduced" if np.sign(row["value"]) == claim.expected else "not reproduced"
    low, high = claim.expected
    if low <= row["low"] and row["high"] <= high:
        return "reproduced"
    return "not reproduced" if row["low"] > high or row["high"] < low else "undecided"


def page(table, profile):
    """Write the claims with their verdicts, the table of `decide`, as a page of Markdown."""
    banner = wording.banner(profile)
    head = f"**{banner}**\n\n" if banner else ""
    return f"# The paper's claims\n\n{head}{_markdown(table)}{RULE}"


def _markdown(table):
    """The table of claims in Markdown."""
    lines = [
        "| § | The paper's claim | The paper | Here [95 % interval] | Measured on | By | Verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in table.iterrows():
        claim = CLAIMS[row["claim"]]
        if isinstance(claim.expected, int):
            rule = (
                "–" if np.isnan(row["p_holm"]) else f"p {'< 0.0001' if row['p_holm'] < 1e-4 else f'= {row.p_holm:.2g}'}"
            )
        else:
            rule = f"{claim.expected[0]:g} to {claim.expected[1]:g}"
        measured = "–" if np.isnan(row["value"]) else _number(row, claim)
        where = f"{row['data']}; {_counted(row)} ({row['measured_in']})" if row["images"] else "not measured"
        lines.append(
            f"| {claim.section} | {claim.text} | {claim.paper} | {measured} | {where} | {rule} | **{row['verdict']}** |"
        )
    return "\n".join(lines) + "\n"


def _number(row, claim):
    """What was measured and its interval, as text."""
    if claim.digits > 4:
        return f"{row['value']:.1e}"
    sign = "+" if claim.expected in (-1, 1) else ""
    if np.isnan(row["low"]):
        return f"{row['value']:{sign}.{claim.digits}f} ({TOO_FEW})"
    return wording.with_interval(row, claim.digits, sign)


def _counted(row):
    """How many images and trainings a row rests on, as text."""
    trainings = f"{row['trainings']:.0f} training" + ("s" if row["trainings"] > 1 else "")
    return f"{row['images']:.0f} images, {trainings}"
