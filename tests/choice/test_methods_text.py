"""The paragraph for a paper: every number that it states, and a reference for each work that it cites."""

import re

import pandas as pd

from black_average_drop import cams
from black_average_drop.choice.methods_text import methods_text

FACTS = pd.Series({"classes": 2, "images": "224 x 224", "feature maps": "layer out_relu", "score": "relu"})


def written(maps, **changed):
    given = {"alpha": 0.534, "versions": {"black-average-drop": "0.1.0", "Python": "3.11.7"}, "chosen": True}
    given |= {"margin": 0.03, "resamples": 2000, "seed": 7} | changed
    return methods_text(FACTS, "40 images of 9 patients", maps, **given)


def test_what_was_done_is_said():
    text = written(["CAM", "Dr. Pen"])
    for part in (
        "(2 classes, 224 x 224 pixels, maps of the layer out_relu, relu scores)",
        "compared on 40 images of 9 patients.",
        "The methods were CAM [1] and `Dr. Pen`.",
        "only the 53.4 % of pixels",
        "at most 0.03 above",
        "2,000 resamples of patients were drawn (seed 7).",
        "Software: black-average-drop 0.1.0 and Python 3.11.7.",
        "This share was chosen where the masked images of CAM, Grad-CAM and Grad-CAM++ differ most.",
    ):
        assert part in text
    assert "This share was set." in written(["CAM"], chosen=False)


def test_every_method_has_a_reference_and_every_reference_is_cited_in_order():
    text = written([*cams.METHODS, *cams.ON_REQUEST])
    paragraph, listed = text.split("\n\n")
    cited = [int(number) for number in re.findall(r"\[(\d+)\]", paragraph)]
    assert list(dict.fromkeys(cited)) == list(range(1, len(listed.splitlines()) + 1))
    for number, line in enumerate(listed.splitlines(), 1):
        assert line.startswith(f"{number}. ")
    named = re.search(r"The methods were (.*?)\. Black", paragraph)[1]
    for name in (*cams.METHODS, *cams.ON_REQUEST):
        assert re.search(re.escape(name) + r" \[\d+\]", named), name
    assert len(set(listed.splitlines())) == len(listed.splitlines())
