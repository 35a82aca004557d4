"""A pilot of 40 patients says how many would be enough: what power does that number have, over pilots?

Populations are the committed rows of Table 1: phantoms, photos and radiographs. Patients are drawn from them again, so
that the truth is known: the difference of two maps is moved to the margin on either side, or to 0. The constants of
`patients_needed` were chosen on these rows. So this says how well they fit, and is no test on other data.
"""

import numpy as np
import pytest

from black_average_drop.files import ROOT
from black_average_drop.paper.rows_of_table1 import read_table1_rows
from black_average_drop.statistics.equivalence import compare_pairs
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.patients_needed import needed_for_pairs
from black_average_drop.statistics.skewed import moments

PILOT, PILOTS, STUDIES, RESAMPLES = 40, 300, 4, 20
MARGIN, MOST = 0.02, 20_000  # no study has more patients than that
FROM, TO = 75, 85  # percent, that the power should lie within
JUDGED = 30  # pilots that name a number: fewer are not judged
# Known limits: so few patients carry the difference that most pilots do not see them.
TOO_LOW = {("phantoms of X-rays", "AD"), ("X-rays", "AD")}

POPULATIONS = {  # profile, data and training; the first training on phantoms does not tell its images apart
    "phantoms of photos": ("demo", "general", 0),
    "phantoms of X-rays": ("demo", "radiographs", 1),
    "photos": ("laptop", "general", 0),
    "X-rays": ("laptop", "radiographs", 0),
}


@pytest.fixture(scope="module")
def populations():
    """(data, metric) -> the difference of Grad-CAM++ and CAM, a patient each."""
    found = {}
    for name, (profile, data, training) in POPULATIONS.items():
        rows = read_table1_rows(ROOT / "paper_figures" / profile)
        rows = rows[(rows["data"] == data) & (rows["training"] == training)]
        for metric, part in rows.groupby("metric", sort=False):
            drops = part.pivot_table("drop", "group", "method")
            found[name, metric] = (drops["Grad-CAM++"] - drops["CAM"]).dropna().to_numpy()
    return found


def answered(differences, truth, generator):
    """Whether a study with these differences, moved to a mean, shows a difference; and whether it shows sameness."""
    moved = differences - truth[0] + truth[1]
    pairs = compare_pairs(np.stack([np.zeros(len(moved)), moved], axis=1), ["a", "b"], drawn_again(len(moved)), 1.0)
    return bool(pairs["differs"].item()), bool(pairs["within"].item() <= MARGIN)


def drawn_again(patients):
    return Resampling(np.arange(patients), RESAMPLES, 0)


def test_power_of_what_pilots_ask_for(check, populations):
    """Whether the number of patients that a pilot of 40 asks for gives the power that is promised."""
    for (data, metric), population in populations.items():
        generator = np.random.default_rng(len(population))
        truth, told, of_all = population.mean(), 0, moments(population[:, None])
        carriers = PILOT * np.nan_to_num(min(of_all.below[0], of_all.above[0])) / len(population)
        powers, sign = {"difference": [], "sameness": []}, 1
        for _ in range(PILOTS):
            pilot = generator.choice(population, PILOT)
            both = np.stack([np.zeros(PILOT), pilot], axis=1)
            needed = needed_for_pairs(both, ["a", "b"], drawn_again(PILOT), MARGIN).iloc[0]
            middle = {name: (needed[f"{name}_fewest"] + needed[f"{name}_most"]) / 2 for name in powers}
            if not all(np.isfinite(count) and count <= MOST for count in middle.values()):
                continue
            told += 1
            sign = -sign  # a difference of the margin may be on either side
            for (name, count), mean in zip(middle.items(), (sign * MARGIN, 0.0), strict=True):
                studies = [generator.choice(population, round(count)) for _ in range(STUDIES)]
                shown = [answered(study, (truth, mean), generator)[name == "sameness"] for study in studies]
                powers[name].append(np.mean(shown))
        for name, of_pilots in powers.items():
            power = 100 * np.mean(of_pilots) if told else np.nan
            met = bool(FROM <= power <= TO) if told >= JUDGED else None
            said = f"averaged over {told} of {PILOTS} pilots of {PILOT} the power at the midpoint is {power:.0f} %"
            check(
                f"{data}, {metric}, Grad-CAM++ next to CAM: {name}",
                f"{said if told else f'none of {PILOTS} pilots of {PILOT} names a number'}; "
                f"{carriers:.1f} of {PILOT} patients carry the difference",
                f"{FROM} to {TO} %, where {JUDGED} pilots name a number",
                met,
                known=(data, metric) in TOO_LOW,
            )
