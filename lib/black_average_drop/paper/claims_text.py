"""The page of the paper's claims, from the table of `verdicts.decide`: what was measured, the verdicts, their rule."""

import numpy as np

from black_average_drop import wording
from black_average_drop.paper.stated_claims import CLAIMS, OTHER_BACKBONE, SOFTMAX_SCORES
from black_average_drop.paper.verdicts import UNDECIDED
from black_average_drop.statistics import answer_text, means, patients
from black_average_drop.statistics.comparisons import LEVEL

TOO_FEW = "no interval: too few images differ"

RULE = f"""
**The rule.** Intervals are 95 %. On X-rays, intervals and tests cover other patients and other trainings of this
recipe: the same architecture and kind of first weights, with settings that a seed drew before training. They say
nothing of another architecture or of other first weights. All trainings see the same test images, and patients count as
a whole (`trainings.across_trainings`). With fewer than three trainings there is no verdict. A training whose ReLU score
is 0 for every image has no drop. Table 1 counts it, and no mean holds it. Nor does a mean of correlations hold a
training whose drops are all the same, and then fewer trainings are counted. Photos have one network, so only the images
vary. BAD is taken at the alpha of each training, which stays fixed.

A claim with a direction is tested against 0. The test is two-sided and compares both sides on the same images. Holm's
method corrects the p values of all such claims in the first table, and of each other table by itself. If p is below
{LEVEL}, the claim is *reproduced* where the sign is the claimed one, and *not reproduced* where it is the other one.
Otherwise it is *undecided*.

A level or an equality has a tolerance, which was fixed before the first run and is printed in the table. The claim is
*reproduced* if the interval lies inside, *not reproduced* if it lies outside, and *undecided* if it reaches across.

In 95 of 100 repetitions the prediction interval holds what the next training of this recipe would have over all such
patients. On these test images alone it may lie elsewhere.

An undecided row of drops says which of three it is. The difference is within the margin, and the maps are practically
the same. Or too few images differ for an interval. Or so many patients, or trainings where these dominate, would show a
difference of the margin: in four of five repetitions, by both ends of an 80 % interval of the variance. The margin was
chosen when these data were known (post hoc). Its limits are at 5 % for all claims with a margin in one table
(Bonferroni). Other undecided rows say what would narrow their interval most.

Interval and p of a mean come from one procedure, so they never disagree (`means.estimate_means`). Each limit is the
further one of two: Student's, and Hall's for skewed values (Hall 1992). Student's degrees of freedom follow from how
many patients carry that side of the mean. Where each patient has something or lacks it, the percentage has the exact
interval of Clopper and Pearson.

Where too few patients carry one side of a mean, it has no interval and no test, and is *undecided*. Too few means that
fewer than {means.CARRIERS} carry one side. Of few patients the root of their number is enough. They count by
(Σ|d|)² / Σd² over the distances d from the mean on that side. So one patient who outweighs all others counts as one. A
level between fixed bounds, such as Incorrect %, still has an interval then. Its limits are wider, and hold for any such
values (`betting.betting_limits`). Fewer than {patients.ENOUGH} patients never have an interval.

Patients that nobody saw could turn a sign if a share of 3 / n of them, all at the opposite extreme, would. No test can
rule out such a share after n patients.

**Doubtful in the paper's own numbers.** For Grad-CAM++ on X-rays AD and BAD are both 0.7416, to four digits, although
they mask the images in different ways. 99.4 % Incorrect is possible for the 624 test images of its reference [13] (620
of them). No count of the 390 pneumonia images or of the 234 normal ones gives it, although the text speaks of pneumonia
images. The paper gives no number of X-ray images and no interval. In section 5.3 the two outputs look exchanged: a
logit of 3,215 for pneumonia is said to give it the probability 0.
"""


def page(table, profile):
    """Write the claims with their verdicts as a page of Markdown.

    Args:
        table: of `verdicts.decide`.
        profile: its name.
    """
    banner = wording.banner(profile)
    parts = ["# The paper's claims\n"] + ([f"**{banner}**\n"] if banner else [])
    headings = [CLAIMS[name].table for name in table["claim"]]
    for heading in ("", SOFTMAX_SCORES, OTHER_BACKBONE):
        rows = table[[one == heading for one in headings]]
        if heading and len(rows):
            parts.append(f"## {heading}\n")
        if len(rows):
            parts.append(_markdown(rows))
        if heading == SOFTMAX_SCORES and len(rows):
            parts.append("\n".join(scores_sentence(table, metric) for metric in ("AD", "BAD")) + "\n")
        if heading == OTHER_BACKBONE and len(rows):
            parts.append("One training: the intervals are for other patients alone.\n")
    return "\n".join(parts) + RULE


def scores_sentence(table, metric):
    """Say what a claim on X-rays comes to under either kind of scores.

    Args:
        table: of `verdicts.decide`.
        metric: "AD" or "BAD".

    Returns:
        A sentence, or "" where softmax scores were not measured.
    """
    verdict = table.set_index("claim")["verdict"]
    name = f"radiographs_{metric}"
    if f"{name}_softmax" not in verdict:
        return ""
    claim = CLAIMS[name].text.split(" (")[0]
    return f'"{claim}": with ReLU scores {verdict[name]}, with softmax scores {verdict[f"{name}_softmax"]}.'


def _markdown(table):
    """Rows of claims in Markdown."""
    lines = [
        "| § | The paper's claim | The paper | Here [95 % interval] | Measured on | By | Verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in table.iterrows():
        claim = CLAIMS[row["claim"]]
        if isinstance(claim.expected, int):
            p = "< 0.0001" if row["p_holm"] < 1e-4 else f"= {row['p_holm']:.2g}"
            rule = "–" if np.isnan(row["p_holm"]) else f"p {p}"
        else:
            rule = f"{claim.expected[0]:g} to {claim.expected[1]:g}"
        measured = "–" if np.isnan(row["value"]) else _measured(row, claim)
        where = f"{row['data']}; {_counted(row)} ({row['measured_in']})" if row["images"] else "not measured"
        lines.append(
            f"| {claim.section} | {claim.text} | {claim.paper} | {measured} | {where} | {rule} | {_verdict(row)} |"
        )
    return "\n".join(lines) + "\n"


def _measured(row, claim):
    """What was measured, its interval, and what other trainings and unseen patients would do to it, as text."""
    if claim.digits > 4:
        return f"{row['value']:.1e}"
    directed = isinstance(claim.expected, int)
    sign = "+" if directed else ""
    if np.isnan(row["low"]):
        return f"{row['value']:{sign}.{claim.digits}f} ({TOO_FEW})"
    parts = [wording.with_interval(row, claim.digits, sign)]
    if directed and row["trainings"] > 1:
        have = "has" if row["same_sign"] == 1 else "have"
        parts.append(f"{row['same_sign']:.0f} of {row['trainings']:.0f} trainings {have} this sign")
    if not np.isnan(row["next_low"]):
        ends = (np.clip(row[name], *claim.bounds) for name in ("next_low", "next_high"))
        numbers = " to ".join(f"{end:{sign}.{claim.digits}f}" for end in ends)
        parts.append(f"the next training of this recipe: {numbers}")
    if row["unseen"] == "overturned" and row["verdict"] != UNDECIDED and directed:
        parts.append("patients that nobody saw could turn the sign")
    return "; ".join(parts)


def _verdict(row):
    """The verdict, for what it holds, whether it matters, and what would decide most, as text."""
    told = f"**{row['verdict']}**"
    within = (
        f"within ±{row['margin']:g} (±{wording.rounded_up(row['within'], 4)} holds)"
        if row["within"] <= row["margin"]
        else ""
    )
    if row["verdict"] != UNDECIDED:
        told += " for trainings of this recipe" if row["trainings"] > 1 else ""
        return f"{told}: real, and {within}" if within else told
    needed = CLAIMS[row["claim"]].trainings
    if row["images"] and row["trainings"] < needed:
        return f"{told}: fewer than {needed} trainings"
    if within:
        return f"{told}, and {within}"
    if np.isnan(row["low"]):
        return f"{told}: too few images differ" if row["images"] else told
    if isinstance(row["what"], str) and row["what"]:
        return f"{told}: {_more(row)} would show a difference of {row['margin']:g}"
    known = isinstance(row["dominated_by"], str) and row["dominated_by"]
    return f"{told}: more {row['dominated_by']} would help most" if known else told


def _more(row):
    """How many patients or trainings would show a difference of the margin, as text."""
    if np.isinf(row["fewest"]):
        other = "patients" if row["what"] == "trainings" else "trainings"
        return f"more {row['what']}, and more {other} with them,"
    return f"{answer_text.from_to(row['fewest'], row['most'])} {row['what']} such as these"


def _counted(row):
    """How many images and trainings a row rests on, as text."""
    trainings = f"{row['trainings']:.0f} training" + ("s" if row["trainings"] > 1 else "")
    return f"{row['images']:.0f} images, {trainings}"
