"""The paper's claims, one a line: what it says, what it prints for it, and by what rule it is judged."""

from typing import NamedTuple

import numpy as np

from black_average_drop.paper import published


class Claim(NamedTuple):
    """What the paper claims, and the rule for it.

    Attributes:
        section: of the paper.
        text: the claim.
        paper: what the paper prints for it.
        expected: the sign that a difference should have, or the tolerance (low, high) of a level.
        digits: how many to print.
        bounds: the limits of the quantity, at which its interval ends.
        trainings: how many a verdict needs.
        table: "" for a claim of the paper's; else the heading of the table that shows this row. Such a row is no claim
            of the paper's and takes no part in the correction of its claims. It is left out where nobody measured it.
    """

    section: str
    text: str
    paper: str
    expected: int | tuple[float, float]
    digits: int = 4
    bounds: tuple[float, float] = (-np.inf, np.inf)
    trainings: int = 3
    table: str = ""


SOFTMAX_SCORES = "The same with softmax scores"
OTHER_BACKBONE = "Another backbone"


def _paper_difference(kind, metric):
    """Grad-CAM++ − CAM in the paper's Table 1, as text."""
    position = ("AD", "BAD").index(metric)
    return f"{published.TABLE1[kind, 'Grad-CAM++'][position] - published.TABLE1[kind, 'CAM'][position]:+.4f}"


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
        "4",
        "AD falls where a feature is drawn larger (correlation with opacity below 0)",
        "by argument",
        -1,
        2,
        (-1, 1),
    ),
    "BAD_opacity": Claim(
        "4",
        "BAD does not depend on how large a feature is drawn (same correlation)",
        "by argument",
        (-0.2, 0.2),
        2,
        (-1, 1),
    ),
    "AD_size": Claim("4", "AD falls with the lesion's size (correlation below 0)", "by argument", -1, 2, (-1, 1)),
    "BAD_size": Claim(
        "4", "BAD does not depend on the lesion's size (same correlation)", "by argument", (-0.2, 0.2), 2, (-1, 1)
    ),
    "small_differences": Claim(
        "5.1",
        "Differences between methods are at most about 0.03 (of all rows of Table 1 the one that reaches furthest; "
        "its interval holds for all of them together)",
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
    "radiographs_AD_softmax": Claim(
        "4.2",
        "On X-rays AD prefers CAM and Grad-CAM (Grad-CAM++ − CAM above 0), softmax scores",
        "not measured",
        1,
        table=SOFTMAX_SCORES,
    ),
    "radiographs_BAD_softmax": Claim(
        "4.2",
        "On X-rays BAD prefers Grad-CAM++ (Grad-CAM++ − CAM below 0), softmax scores",
        "not measured",
        -1,
        table=SOFTMAX_SCORES,
    ),
    "small_cnn_AD": Claim(
        "4.2",
        "On X-rays AD prefers CAM and Grad-CAM (Grad-CAM++ − CAM above 0), a small CNN from random weights",
        "not measured",
        1,
        trainings=1,
        table=OTHER_BACKBONE,
    ),
    "small_cnn_BAD": Claim(
        "4.2",
        "On X-rays BAD prefers Grad-CAM++ (Grad-CAM++ − CAM below 0), a small CNN from random weights",
        "not measured",
        -1,
        trainings=1,
        table=OTHER_BACKBONE,
    ),
}
