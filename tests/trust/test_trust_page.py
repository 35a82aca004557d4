"""Sentences and tables of the verdict, for each way that the numbers can come out."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.statistics import which_best
from black_average_drop.trust import agreement, trust_page, truths

PAIR = {"first": "CAM", "second": "Grad-CAM++", "difference": 0.17, "low": 0.08, "high": 0.26, "p_holm": 0.001}
PAIR |= {"within": 0.29}
RATES = {"CAM": 0.26, "Grad-CAM++": 0.43, "centre prior": 0.39, "another image's map": 0.27, "Eigen-CAM": 0.46}
COMPARISON = (
    "For comparison: the bump in the middle 39; another patient's map 27; Eigen-CAM, which is blind to the class, 46; "
    "chance 20. "
)


def said(**changes):
    return trust_page.difference_sentence("Here", RATES, 0.2, PAIR | {"unseen": "holds"} | changes)


def test_a_sentence_carries_controls_interval_p_and_unseen_patients():
    assert said() == (
        "Here: of 100 small lesions Grad-CAM++ touches 43, CAM 26. " + COMPARISON + "Grad-CAM++ − CAM: +17.0 [+8.0, "
        "+26.0], significant (p = 0.001 after Holm); unseen patients would not turn it. The smallest margin that holds "
        "it, as all pairs in theirs, is ±29."
    )
    assert said(unseen="overturned", within=1.0).endswith("; unseen patients could turn it.")
    undecided = said(p_holm=0.4, low=-0.1, unseen="", within=np.nan)
    assert undecided.endswith("+17.0 [-10.0, +26.0], not significant (p = 0.4 after Holm).")
    nothing = said(low=np.nan, high=np.nan, p_holm=np.nan, unseen="", within=np.nan)
    assert nothing.endswith(COMPARISON + "Grad-CAM++ − CAM: too few patients for a test.")


def test_small_lesions_of_each_data_set_have_a_sentence():
    recall = pd.DataFrame({"map": list(RATES), "seen": list(RATES.values()), "chance": 0.2, "area": 0.1})
    recall = recall.assign(size_class="small", images="all positives")
    recall = pd.concat([recall.assign(data="NIH boxes"), recall.assign(data="ImageNet boxes")])
    others = [{"area": 0.2}, {"size_class": "large"}, {"images": "fold A"}]
    recall = pd.concat([recall, *(recall.assign(seen=0.9, **other) for other in others)])
    pairs = pd.DataFrame([PAIR | {"data": name, "unseen": "holds"} for name in ("NIH boxes", "ImageNet boxes")])
    pairs = pd.concat([pairs, pairs.assign(second="Eigen-CAM")])
    sentences = trust_page.small_lesion_sentences(recall, pairs)
    assert sentences[0] == said().replace("Here", "NIH boxes") and len(sentences) == 2
    assert sentences[1] == said().replace("Here", "ImageNet boxes").replace("small lesions", "small objects")


@pytest.fixture
def verdict():
    """Two data sets, two metrics and the truth itself, by all truths."""
    rows = []
    for data in ("NIH boxes", "Marker phantoms"):
        for truth in truths.SCORES:
            for metric in ("AD", "BAD", agreement.TRUTH):
                for maps in agreement.MAPS:
                    row = {"data": data, "truth": truth, "metric": metric, "maps": maps, "fooled_by": ""}
                    rows.append(row | {"set": 0.1, "set_low": -0.2, "set_high": 0.3})
    return pd.DataFrame(rows)


def change(verdict, values, **where):
    chosen = np.logical_and.reduce([verdict[name] == value for name, value in where.items()])
    assert chosen.sum() == 1
    for name, value in values.items():
        verdict.loc[chosen, name] = value


def test_each_truth_says_by_itself_what_methods_alone_show(verdict):
    alone = {"data": "NIH boxes", "maps": "methods alone", "truth": "mass_inside"}
    change(verdict, {"set": -0.74, "set_low": -0.78, "set_high": -0.32}, metric="BAD", **alone)
    change(verdict, {"set": 0.9, "set_low": 0.8}, metric="AD", **(alone | {"maps": "methods and controls"}))
    change(verdict, {"set": 1, "set_low": 1, "set_high": 1}, metric=agreement.TRUTH, **alone)
    change(verdict, {"set": np.nan, "set_low": np.nan, "set_high": np.nan}, metric="AD", **(alone | {"truth": "hit"}))
    sentences = trust_page.alone_sentences(verdict)
    assert len(sentences) == 2 * len(truths.SCORES)
    assert sentences[0] == "NIH boxes, hits, the primary truth: none of 1 metrics."
    assert sentences[2] == "NIH boxes, mass inside: BAD -0.74 [-0.78, -0.32] of 2 metrics."
    assert sentences[6] == "Marker phantoms, mass inside, the primary truth: none of 2 metrics."
    unranked = verdict.assign(set=np.nan, set_low=np.nan, set_high=np.nan)
    assert trust_page.alone_sentences(unranked)[0] == "NIH boxes, hits, the primary truth: no metric ranks the methods."


def test_caveats_name_the_methods_and_how_good_the_networks_are():
    areas = pd.DataFrame({"data": "NIH boxes", "views": ["all", "AP"], "value": [0.8, 0.7], "low": 0.6, "high": 0.9})
    methods = {"NIH boxes": ["CAM", "Grad-CAM++"], "ImageNet boxes": ["CAM"]}
    assert trust_page.caveats(methods, areas) == [
        "NIH boxes: methods with a map of their own (2, near twins among them): CAM, Grad-CAM++; 1 network a fold, "
        "with an AUC of 0.70 [0.60, 0.90] within AP.",
        "ImageNet boxes: methods with a map of their own (1, near twins among them): CAM.",
    ]
    assert "; 2 networks a fold," in trust_page.caveats(methods, areas, 2)[0]


def test_the_page_has_the_primary_truth_the_hits_every_truth_and_each_fold(verdict):
    where = {"data": "NIH boxes", "maps": "methods and controls", "truth": "hit"}
    change(verdict, {"set": 0.62, "fooled_by": "centre prior"}, metric="BAD", **where)
    hits = pd.DataFrame({"data": "NIH boxes", "map": ["CAM"], "value": 0.25, "low": 0.2, "high": 0.3, "chance": 0.1})
    hits = hits.assign(others_low=np.nan, others_high=np.nan)
    folds = pd.concat([verdict[verdict["truth"] == "hit"].assign(fold=fold) for fold in "AB"])
    methods = pd.DataFrame({"map": ["CAM", "Grad-CAM++", "Eigen-CAM"], "least": [-0.1, 0.03, -0.2]})
    methods = methods.assign(most=[0.01, 0.08, np.inf], word=[which_best.SAME, which_best.WORSE, which_best.OPEN])
    against = {"first": "CAM", "second": ["all ones", "centre prior"], "all_low": [0.1, -0.1], "all_high": 0.2}
    answers = {("NIH boxes", "hit"): which_best.Answer(0.05, 40, methods, None, pd.DataFrame(against))}
    page = trust_page.verdict_page(
        verdict, hits, folds[folds["data"] == "NIH boxes"], answers, ["One sentence."], ["A limit."]
    )
    heads = [line for line in page.splitlines() if line.startswith(("| Metric", "| Map"))]
    assert heads[0] == "| Metric | NIH boxes | Marker phantoms (mass inside) |" and heads[1] == "| Map | NIH boxes |"
    assert (
        "| NIH boxes, hits, within 0.05 | CAM [0.0000, 0.0100] | Eigen-CAM (–) | Grad-CAM++ [0.0300, 0.0800] | not "
        "told apart: centre prior |"
    ) in page
    assert len(heads) == 7 and all(head.count("|") == 2 + len(truths.SCORES) for head in heads[2:6])
    assert page.count("NIH boxes: agreement with every truth, ") == 2
    assert heads[6].endswith("NIH boxes, fold A | NIH boxes, fold B |") and truths.REASON in page
    assert (
        "| BAD | +0.62 [-0.20, +0.30] † | +0.10 [-0.20, +0.30] |" in page and "| CAM | 25 [20, 30], chance 10 |" in page
    )
    assert "With one network a fold, nothing is known about other trainings." in page
    several = hits.assign(others_low=0.15, others_high=0.35)
    several = trust_page.verdict_page(verdict, several, folds, {}, [], [], networks=2)
    assert "| CAM | 25 [20, 30] [15, 35], chance 10 |" in several and "2 networks within each fold." in several
    assert (
        "\n- A limit.\n" in page
        and page.endswith("- One sentence.\n")
        and "mass inside, the primary truth: none of 2 metrics." in page
    )
    assert trust_page.verdict_page(verdict, hits, folds.head(0), {}, [], []).count("| Metric") == 5


def test_without_controls_nothing_is_said_of_them():
    methods = pd.DataFrame({"map": ["CAM"], "least": 0.0, "most": 0.0, "word": which_best.SAME})
    answers = {
        ("a", "AD"): which_best.Answer(0.02, 40, methods, None, pd.DataFrame(columns=["second", "all_low", "all_high"]))
    }
    assert trust_page.answer_table(answers)[-1] == "| a, AD, within 0.02 | CAM [0.0000, 0.0000] | – | – | – |"


def test_the_primary_truth_is_hits_but_for_a_marker_that_no_maximum_can_hit():
    assert truths.primary_truth("NIH boxes") == truths.PRIMARY == "hit"
    assert truths.primary_truth("Marker phantoms: the lesion, wrong") == "mass_inside"
    assert set(truths.PRIMARY_ELSEWHERE.values()) < set(truths.SCORES)
