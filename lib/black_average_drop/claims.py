"""The paper's claims, one a line: what it says, what came out here, and a verdict by a rule fixed beforehand.

Each notebook writes what it measured with `write_measured`; `assemble` puts the parts together, corrects for the number
of tests, and decides.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from black_average_drop import paper, records, statistics
from black_average_drop.provenance import module_sources, read_csv, replacing, sha256, surroundings, write_csv

LEVEL = 0.05  # of the corrected tests
TOO_FEW = "no interval: too few images differ"


class Claim(NamedTuple):
    """wanted: the sign that a difference should have, or (low, high) that a level should lie in; digits to print;
    bounds: what the quantity cannot leave, at which its interval ends; trainings: how many a verdict needs."""

    section: str
    text: str
    paper: str
    wanted: int | tuple[float, float]
    digits: int = 4
    bounds: tuple[float, float] = (-np.inf, np.inf)
    trainings: int = 3


def _paper_difference(kind, metric):
    position = ("AD", "BAD").index(metric)
    return f"{paper.TABLE1[kind, 'Grad-CAM++'][position] - paper.TABLE1[kind, 'CAM'][position]:+.4f}"


# In the order of the table. Tolerances of levels were chosen before the first run and are not touched afterwards.
CLAIMS = {
    "identity": Claim(
        "5.2",
        "CAM and Grad-CAM are the same map (largest difference, as a share of the peak)",
        "scores equal to four digits",
        (0, 1e-5),
        8,
        trainings=1,
    ),
    "general_AD": Claim(
        "4.2",
        "On photos AD finds Grad-CAM++ best (Grad-CAM++ − CAM below 0)",
        _paper_difference("general", "AD"),
        -1,
        trainings=1,
    ),
    "general_BAD": Claim(
        "4.2",
        "On photos BAD finds Grad-CAM++ best (Grad-CAM++ − CAM below 0)",
        _paper_difference("general", "BAD"),
        -1,
        trainings=1,
    ),
    "radiographs_AD": Claim(
        "4.2",
        "On X-rays AD prefers CAM and Grad-CAM (Grad-CAM++ − CAM above 0)",
        _paper_difference("radiographs", "AD"),
        1,
    ),
    "radiographs_BAD": Claim(
        "4.2",
        "On X-rays BAD prefers Grad-CAM++ (Grad-CAM++ − CAM below 0)",
        _paper_difference("radiographs", "BAD"),
        -1,
    ),
    "incorrect_AD": Claim("4.2", "Incorrect % of AD is near 100 on X-rays (Grad-CAM++)", "100", (95, 100), 1, (0, 100)),
    "incorrect_BAD": Claim(
        "4.2", "Incorrect % of BAD is near 100 on X-rays (Grad-CAM++)", "99.4", (95, 100), 1, (0, 100)
    ),
    "general_lit": Claim(
        "3.2",
        "On photos Grad-CAM++ lights a larger area (share above half of the peak, Grad-CAM++ − CAM)",
        "by eye",
        1,
        trainings=1,
    ),
    "radiographs_lit": Claim(
        "3.2",
        "On X-rays Grad-CAM++ lights a larger area (share above half of the peak, Grad-CAM++ − CAM)",
        "by eye",
        1,
    ),
    "small_lesions": Claim(
        "2.3",
        "Grad-CAM++ misses fewer small lesions (percent of the smallest third seen, Grad-CAM++ − CAM)",
        "by argument",
        1,
        1,
    ),
    "AD_contrast": Claim(
        "4",
        "Under AD the score falls by the opacity alone (AD of the map to the power 4 − to the power 0.25)",
        "by argument",
        1,
    ),
    "AD_opacity": Claim(
        "4", "AD depends on how large a feature is drawn (correlation with opacity)", "by argument", -1, 2, (-1, 1)
    ),
    "BAD_opacity": Claim(
        "4",
        "BAD does not depend on how large a feature is drawn (same correlation)",
        "by argument",
        (-0.2, 0.2),
        2,
        (-1, 1),
    ),
    "AD_size": Claim("4", "AD depends on the lesion's size (correlation with it)", "by argument", -1, 2, (-1, 1)),
    "BAD_size": Claim(
        "4", "BAD does not depend on the lesion's size (same correlation)", "by argument", (-0.2, 0.2), 2, (-1, 1)
    ),
    "small_differences": Claim(
        "5.1",
        "Differences between methods are at most about 0.03 (the one that reaches furthest)",
        "at most 0.03",
        (-0.035, 0.035),
        trainings=1,
    ),
    "softmax_kills": Claim(
        "5.3",
        "Softmax kills Grad-CAM++ (percent of maps that eq. (8) in float32 leaves blank or NaN at logits of ±3,000)",
        "no map could be drawn",
        (95, 100),
        1,
        (0, 100),
    ),
    "head": Claim("3.2", "A ReLU head classifies worse than a softmax one (AUC, ReLU − softmax)", "stated", -1),
    "AUC": Claim("3.2", "The ReLU classifier's AUC is about 0.93", "about 0.93", (0.9, 0.96), 4, (0, 1)),
}
COLUMNS = ["claim", "value", "low", "high", "p", "trainings", "images", "data", "measured_in"]

FOOT = f"""
**The rule.** Intervals are 95 %. On X-rays they and the tests cover other patients and other trainings: at least three
trainings with seeds of their own go through the same test images, patients are resampled together, and without three
trainings there is no verdict (`statistics.across_trainings`). Photos have one network, and only the images vary. BAD is
taken at the alpha of each training, which stays fixed; Table 1 prints percentile intervals of one training, so its
digits differ. A claim with a direction is tested against 0, two-sided, on the same images for both sides, and the p
values of all such claims in this table are corrected by Holm's method: below {LEVEL} it is *reproduced* if the sign is
the claimed one and *not reproduced* if it is the other; otherwise it is *undecided*. A level or an equality has a
tolerance, printed in the table and fixed beforehand: *reproduced* if the interval lies inside, *not reproduced* if it
lies outside, *undecided* if it reaches across. Where too few images differ, a difference has no interval and no test,
and is *undecided*: resampling cannot see what was not drawn. Too few is fewer than {statistics.ENOUGH} patients,
counted by (Σ|d|)² / Σd² over the differences d of the patients, so that one who outweighs all others counts as one
(`statistics.enough_differ`).

**Doubtful in the paper's own numbers.** For Grad-CAM++ on X-rays AD and BAD are both 0.7416, to four digits, although
they mask the images in different ways. 99.4 % Incorrect is possible for the 624 test images of its reference [13] (620
of them), but no count of the 390 pneumonia images or of the 234 normal ones gives it, while its text speaks of
pneumonia images. It gives no number of X-ray images and no interval. In section 5.3 the two outputs look exchanged: a
logit of 3,215 for pneumonia is said to give it the probability 0.
"""


class Measured(NamedTuple):
    """What a notebook found for one claim: an estimate, on how many trainings and images, and of what."""

    estimate: statistics.Estimate
    trainings: int
    images: int
    data: str


def compare(trainings, metric, column, images, resampling, method="Grad-CAM++", baseline="CAM"):
    """Mean over images and trainings of a column of one method's rows, minus the baseline's unless that is None.

    trainings: one table of `evaluation.evaluate` each, of the same images; images (n,): the ids that count;
    resampling: of these images. column "incorrect" is 100 where the masked class is no longer the explained one, else
    0. Returns a `statistics.Estimate`, of a difference without interval and p where too few patients differ in the mean
    over trainings (`statistics.enough_differ`), and the number of images with a value under any training.
    """
    values = []
    for rows in trainings:
        chosen = rows[rows["metric"] == metric]
        if column == "incorrect":
            chosen = chosen.assign(incorrect=100.0 * (chosen["masked_class"] != chosen["class"]))
        by_method = chosen.pivot(index="id", columns="method", values=column).loc[images]
        values.append(by_method[method] - (by_method[baseline] if baseline else 0))
    values = np.stack(values, axis=1)
    if baseline:
        samples = statistics.bootstrap_differences(values, resampling, trainings=True)
    else:
        samples = statistics.bootstrap_means(values, resampling)
    return statistics.across_trainings(np.nanmean(values, axis=0), samples), int((~np.isnan(values)).any(axis=1).sum())


def compare_heads(answers, resampling):
    """The AUC of the ReLU classifiers, and how much it exceeds that of the softmax ones of the same seeds.

    Gives two pairs of a `statistics.Estimate` and the number of trainings behind it.

    answers: a row for each test image and classifier, with columns head, training_seed, id, label and score;
    resampling: of these rows.
    """
    scores = answers.pivot(index="id", columns=["head", "training_seed"], values="score")
    first_rows = answers["id"].reset_index(drop=True).drop_duplicates()
    rows = pd.Series(first_rows.index, index=first_rows).loc[scores.index].to_numpy()
    labels, columns = answers["label"].to_numpy()[rows], scores.to_numpy()
    place = {classifier: position for position, classifier in enumerate(scores.columns)}
    relu = [position for (head, _), position in place.items() if head == "relu"]
    of_both = [training for head, training in place if head == "relu" and ("softmax", training) in place]
    pairs = [(place["relu", training], place["softmax", training]) for training in of_both]
    first, second = np.transpose(pairs)

    def areas(rows):
        if np.ptp(labels[rows]) == 0:
            return np.full(columns.shape[1], np.nan)
        return [statistics.area_under_roc(labels[rows], column[rows]) for column in columns.T]

    estimates = np.array(areas(np.arange(len(labels))))
    samples = statistics.bootstrap(areas, resampling.of_rows(rows))
    alone = statistics.across_trainings(estimates[relu], samples[:, relu])
    gain = statistics.across_trainings(estimates[first] - estimates[second], samples[:, first] - samples[:, second])
    return (alone, len(relu)), (gain, len(pairs))


def furthest(measured):
    """Of several `Measured` the one whose interval reaches furthest from 0: those outside the tolerance first, since
    one suffices, then those without an interval, since the others do not."""
    low, high = CLAIMS["small_differences"].wanted
    outside = [one for one in measured if one.estimate.low > high or one.estimate.high < low]
    unknown = [one for one in measured if np.isnan(one.estimate.low)]
    return max(outside or unknown or measured, key=lambda one: max(abs(one.estimate.low), abs(one.estimate.high)))


def write_measured(notebook, measured, results, profile):
    """Write what a notebook measured, claim -> `Measured`, to results/claims_<notebook>.csv; returns the file.

    Raises ValueError for a claim that `CLAIMS` does not hold."""
    unknown = set(measured) - set(CLAIMS)
    if unknown:
        raise ValueError(f"There is no claim {sorted(unknown)[0]!r}: CLAIMS holds {', '.join(CLAIMS)}.")
    table = [
        {"claim": claim, **one.estimate._asdict(), **{name: getattr(one, name) for name in one._fields[1:]}}
        for claim, one in measured.items()
    ]
    table = pd.DataFrame(table).assign(measured_in=notebook)[COLUMNS]
    return write_csv(table, Path(results) / f"claims_{notebook}.csv", profile)


def assemble(results, profile):
    """Write results/claims.csv and claims.md from what the notebooks wrote, and claims.json, which says where they come
    from; all three are left alone where that is the same. Returns the table with its verdicts."""
    parts = [read_csv(path) for path in sorted(Path(results).glob("claims_*.csv"))]
    table = decide(pd.concat(parts, ignore_index=True))
    record = {"parameters": {"profile": profile}, "sources": module_sources("claims")}
    record |= {"inputs": _checksums(results, "claims_*.csv"), "outputs": _checksums(results, "claims.[cm]*")}
    path = Path(results) / "claims.json"
    earlier = records.read(path) or {}
    if len(record["outputs"]) == 2 and all(earlier.get(name) == value for name, value in record.items()):
        return table
    write_csv(table, Path(results) / "claims.csv", profile)
    banner = "**smoke run: not a result**\n\n" if profile == "smoke" else ""
    with replacing(Path(results) / "claims.md") as partial:
        partial.write_text(f"# The paper's claims\n\n{banner}{_markdown(table)}{FOOT}", encoding="utf-8")
    record["outputs"] = _checksums(results, "claims.[cm]*")
    if any(earlier.get(name) != value for name, value in record.items()):
        with replacing(path) as partial:
            partial.write_text(json.dumps(surroundings() | record, indent=1) + "\n")
    return table


def decide(table):
    """The claims in their order with p_holm and verdict; table: the columns that `write_measured` writes.

    Raises ValueError if two notebooks measured the same claim."""
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
    directed = np.array([isinstance(claim.wanted, int) for claim in CLAIMS.values()])
    directed &= table["p"].notna().to_numpy()
    table["p_holm"] = np.nan
    table.loc[directed, "p_holm"] = statistics.holm(table.loc[directed, "p"])
    table["verdict"] = [_verdict(CLAIMS[row["claim"]], row) for _, row in table.iterrows()]
    return table


def _with_exact_shares(table):
    """Percentages that are 0 or 100 for every image: their interval is Clopper and Pearson's, not a point."""
    table = table.astype({"low": float, "high": float})
    shares = np.array([claim.bounds == (0, 100) for claim in CLAIMS.values()]) & (table["images"] > 0).to_numpy()
    reach = 100 * (1 - 0.025 ** (1 / table["images"].clip(lower=1)))
    for value, column, end in ((0, "high", reach), (100, "low", 100 - reach)):
        rows = shares & (table["low"] == value).to_numpy() & (table["high"] == value).to_numpy()
        table.loc[rows, column] = end[rows]
    return table


def _checksums(results, pattern):
    return {path.name: sha256(path) for path in sorted(Path(results).glob(pattern))}


def _verdict(claim, row):
    wanted = claim.wanted
    if np.isnan(row["low"]) or row["trainings"] < claim.trainings:
        return "undecided"
    if isinstance(wanted, int):
        if not row["p_holm"] < LEVEL:
            return "undecided"
        return "reproduced" if np.sign(row["value"]) == wanted else "not reproduced"
    low, high = wanted
    if low <= row["low"] and row["high"] <= high:
        return "reproduced"
    return "not reproduced" if row["low"] > high or row["high"] < low else "undecided"


def _markdown(table):
    lines = [
        "| § | The paper's claim | The paper | Here [95 % interval] | Measured on | By | Verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in table.iterrows():
        claim = CLAIMS[row["claim"]]
        if isinstance(claim.wanted, int):
            rule = (
                "–" if np.isnan(row["p_holm"]) else f"p {'< 0.0001' if row['p_holm'] < 1e-4 else f'= {row.p_holm:.2g}'}"
            )
        else:
            rule = f"{claim.wanted[0]:g} to {claim.wanted[1]:g}"
        found = "–" if np.isnan(row["value"]) else _number(row, claim)
        where = f"{row['data']}; {_counted(row)} ({row['measured_in']})" if row["images"] else "not measured"
        lines.append(
            f"| {claim.section} | {claim.text} | {claim.paper} | {found} | {where} | {rule} | **{row['verdict']}** |"
        )
    return "\n".join(lines) + "\n"


def _number(row, claim):
    if claim.digits > 4:
        return f"{row['value']:.1e}"
    sign = "+" if claim.wanted in (-1, 1) else ""
    if np.isnan(row["low"]):
        return f"{row['value']:{sign}.{claim.digits}f} ({TOO_FEW})"
    numbers = [f"{row[name]:{sign}.{claim.digits}f}" for name in ("value", "low", "high")]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def _counted(row):
    trainings = f"{row['trainings']:.0f} training" + ("s" if row["trainings"] > 1 else "")
    return f"{row['images']:.0f} images, {trainings}"
