"""The page of the claims: what other trainings, other scores and another backbone say next to the verdicts."""

import numpy as np
import pytest

from black_average_drop.artifact import claims_page
from black_average_drop.paper import claims, claims_text
from black_average_drop.paper.stated_claims import CLAIMS
from black_average_drop.statistics.more_needed import Needed
from black_average_drop.statistics.trainings import Estimate

SURE = Estimate(-0.02, -0.03, -0.01, 1e-4, 5, 4, -0.05, 0.01, "trainings")


def assembled(folder, measured):
    """The lines of claims.md that stand for these claims, and the whole text."""
    parts = {name: claims.Measured(*one) for name, one in measured.items()}
    claims.write_measured("03_table1", parts, folder, "demo")
    claims_page.assemble(folder, "demo")
    text = (folder / "claims.md").read_text()
    return [next(line for line in text.splitlines() if f"| {CLAIMS[name].text} |" in line) for name in measured], text


def test_a_verdict_names_its_trainings_the_next_one_and_its_recipe(tmp_path):
    (line,), _ = assembled(tmp_path, {"radiographs_BAD": (SURE, 390, "phantoms", "holds")})
    assert (
        "-0.0200 [-0.0300, -0.0100]; 4 of 5 trainings have this sign; "
        "the next training of this recipe: -0.0500 to +0.0100 |" in line
    )
    assert "phantoms; 390 images, 5 trainings (03_table1)" in line
    assert line.endswith("| **reproduced** for trainings of this recipe |")


def test_a_sign_that_unseen_patients_could_turn_is_told(tmp_path):
    both = {"radiographs_BAD": (SURE, 50, "phantoms", "overturned"), "general_BAD": (SURE, 50, "phantoms", "holds")}
    told, quiet = assembled(tmp_path, both)[0]
    assert "; patients that nobody saw could turn the sign |" in told and "nobody" not in quiet


@pytest.mark.parametrize(
    ("estimate", "told"),
    [
        (SURE._replace(p=0.2), "**undecided**: more trainings would help most"),
        (SURE._replace(p=0.2, dominated_by="patients"), "**undecided**: more patients would help most"),
        (
            SURE._replace(trainings=1, same_sign=1, next_low=np.nan, dominated_by=""),
            "**undecided**: fewer than 3 train",
        ),
        (Estimate(np.nan, np.nan, np.nan, np.nan, 5, 0), "**undecided**: too few images differ |"),
    ],
)
def test_an_undecided_claim_says_what_would_help(tmp_path, estimate, told):
    (line,), text = assembled(tmp_path, {"radiographs_BAD": (estimate, 390, "phantoms", "holds")})
    assert f"| {told}" in line and "nan" not in text


@pytest.mark.parametrize(
    ("p", "within", "more", "told"),
    [
        (
            1e-4,
            0.018,
            Needed(),
            "**reproduced** for trainings of this recipe: real, and within ±0.02 (±0.0180 holds) |",
        ),
        (1e-4, 0.03, Needed("trainings", 3, 4), "**reproduced** for trainings of this recipe |"),
        (0.2, 0.018, Needed("trainings", 3, 4), "**undecided**, and within ±0.02 (±0.0180 holds) |"),
        (
            0.2,
            0.03,
            Needed("trainings", 42.0, 371.0),
            "**undecided**: between 40 and 400 trainings such as these would show a difference of 0.02 |",
        ),
        (
            0.2,
            0.03,
            Needed("patients", 42.0, np.inf),
            "**undecided**: 40 or more patients such as these would show a difference of 0.02 |",
        ),
        (
            0.2,
            0.03,
            Needed("trainings", np.inf, np.inf),
            "**undecided**: more trainings, and more patients with them, would show a difference of 0.02 |",
        ),
    ],
)
def test_a_difference_says_whether_it_matters_and_how_many_more_would_tell(tmp_path, p, within, more, told):
    one = (SURE._replace(p=p), 390, "phantoms", "holds", 0.02, within, more)
    (line,), _ = assembled(tmp_path, {"radiographs_BAD": one})
    assert line.endswith(f"| {told}")


def test_a_level_names_no_sign_and_its_prediction_ends_at_its_bounds(tmp_path):
    share = Estimate(98.0, 96.0, 99.0, 1e-9, 5, 5, 93.0, 103.0, "patients")
    (line,), _ = assembled(tmp_path, {"incorrect_AD": (share, 390, "phantoms")})
    assert "| 98.0 [96.0, 99.0]; the next training of this recipe: 93.0 to 100.0 |" in line


def test_other_scores_and_another_backbone_have_tables_and_corrections_of_their_own(tmp_path):
    half = SURE._replace(p=0.03)
    alone = half._replace(trainings=1, same_sign=1, next_low=np.nan, next_high=np.nan, dominated_by="")
    measured = {"radiographs_BAD": SURE, "radiographs_BAD_softmax": half, "radiographs_AD_softmax": half}
    measured |= {"small_cnn_BAD": alone}
    lines, text = assembled(tmp_path, {name: (one, 390, "phantoms") for name, one in measured.items()})
    paper, softmax, backbone = text.split("\n## ")
    assert softmax.startswith("The same with softmax scores\n") and backbone.startswith("Another backbone\n")
    assert lines[0] in paper and lines[1] in softmax and lines[2] in softmax and lines[3] in backbone
    assert lines[0].count("| p = 0.0001 |") == 1  # alone in its table, whatever the others
    assert "| p = 0.06 | **undecided**" in lines[1] and "| p = 0.03 | **reproduced** |" in lines[3]
    assert '"On X-rays BAD prefers Grad-CAM++": with ReLU scores reproduced, with softmax scores undecided.' in softmax
    assert "One training: the intervals are for other patients alone." in backbone


def test_without_other_scores_nothing_is_said_of_them(tmp_path):
    _, text = assembled(tmp_path, {"radiographs_BAD": (SURE, 390, "phantoms")})
    assert "softmax scores" not in text and "Another backbone" not in text
    table = claims_page.assemble(tmp_path, "demo")
    assert claims_text.scores_sentence(table, "BAD") == ""
