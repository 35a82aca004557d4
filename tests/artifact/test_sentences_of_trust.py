"""Sentences on metrics and maps against known lesions: hand-made rows of each outcome give its words."""

import pandas as pd
import pytest

from black_average_drop.artifact.sentences import maps, metrics

NAN = float("nan")


def row(metric, data="NIH boxes", agreement=(0.5, 0.2, 0.8), fooled_by=NAN, truth="hit", telling=True, alone=False):
    where = metrics.METHODS_ALONE if alone else metrics.ALL_MAPS
    names = dict(zip(("set", "set_low", "set_high"), agreement, strict=True))
    return {
        "metric": metric,
        "data": data,
        "maps": where,
        "fooled_by": fooled_by,
        "truth": truth,
        "telling": telling,
    } | names


def rows(*given):
    return pd.DataFrame(list(given)).astype({"fooled_by": object})


def test_the_best_agreement_is_that_of_a_metric_by_the_primary_truth():
    table = rows(
        row("AD", agreement=(0.2, 0.1, 0.3)),
        row("BAD, blurred", agreement=(0.6, 0.4, 0.7)),
        row("the truth itself", agreement=(1, 1, 1)),
        row("ROAD", agreement=(0.9, 0.8, 1), truth="mass_inside", telling=False),
        row("insertion", agreement=(0.95, 0.8, 1), alone=True),
        row("deletion", agreement=(NAN, NAN, NAN)),
        row("AD", "photos", (-0.2, -0.3, -0.1)),
    )
    assert metrics.best_agreements(table) == (
        "On NIH boxes the best agreement with hits of 2 metrics is that of BAD (blurred), +0.60 [+0.40, +0.70]. "
        "On photos none of 1 metrics is shown to agree with hits: the largest agreement is that of AD, "
        "-0.20 [-0.30, -0.10]."
    )


@pytest.mark.parametrize(
    ("fooled_by", "truth", "said"),
    [
        ((NAN, NAN), NAN, "AD prefers no control to the real maps on any of 2 data sets."),
        (
            ("all ones", NAN),
            NAN,
            "AD prefers a control to every real map on 1 of 2 data sets: *all ones* on NIH boxes.",
        ),
        (
            ("all ones", "all ones"),
            "centre prior",
            "AD prefers a control to every real map on 2 of 2 data sets: *all ones* on NIH boxes and photos. "
            "Do not trust it.",
        ),
        (
            ("centre prior", "all ones"),
            "centre prior",
            "AD prefers a control to every real map on 2 of 2 data sets: *centre prior* on NIH boxes and *all ones* on "
            "photos. Do not trust it. On NIH boxes the truth prefers it too.",
        ),
    ],
)
def test_who_is_fooled(fooled_by, truth, said):
    table = rows(
        row("AD", fooled_by=fooled_by[0]),
        row("AD", "photos", fooled_by=fooled_by[1]),
        row("BAD", fooled_by="another"),
        row("the truth itself", fooled_by=truth),
        row("AD", fooled_by="another", truth="mass_inside", telling=False),
    )
    assert metrics.fooled(table, "AD") == said


def alone(**agreements):
    """Rows of two metrics among the methods alone: truth -> (BAD, AD), of the primary truth first."""
    return rows(
        *(
            row(metric, agreement=agreement, truth=truth, telling=truth == "hit", alone=True)
            for truth, pair in agreements.items()
            for metric, agreement in zip(("BAD", "AD"), pair, strict=True)
        )
    )


OPEN, WITH, AGAINST = (0.1, -0.5, 0.6), (0.33, 0.11, 0.78), (-0.74, -0.78, -0.32)


@pytest.mark.parametrize(
    ("table", "said", "counted"),
    [
        (
            alone(hit=(OPEN, OPEN), mass_inside=(AGAINST, WITH), top_inside=(AGAINST, OPEN)),
            "On NIH boxes, by hits, the agreement of none of 2 metrics can be told from 0. "
            "On NIH boxes BAD goes against mass inside (-0.74 [-0.78, -0.32]) and top pixels inside (-0.74 "
            "[-0.78, -0.32]). "
            "On NIH boxes AD agrees with mass inside (+0.33 [+0.11, +0.78]).",
            "Among the methods alone BAD agrees with 0 of 3 truths and goes against 2. "
            "AD agrees with 1 of 3 truths and goes against 0.",
        ),
        (
            alone(hit=(WITH, AGAINST), mass_inside=(OPEN, OPEN)),
            "On NIH boxes, by hits, 1 of 2 metrics agree, and 1 disagree.",
            "Among the methods alone BAD agrees with 1 of 2 truths and goes against 0. "
            "AD agrees with 0 of 2 truths and goes against 1.",
        ),
    ],
)
def test_each_truth_speaks_for_itself_among_the_methods(table, said, counted):
    assert metrics.among_methods(table) == said
    assert metrics.counts_among_methods(table) == counted


def test_the_table_of_methods_alone_has_every_truth_and_marks_what_can_be_told():
    table = alone(hit=(OPEN, OPEN), mass_inside=(AGAINST, WITH))
    assert metrics.table_among_methods(table, ("BAD", "AD", "ROAD")).splitlines() == [
        "| Images | Truth | BAD | AD | ROAD | Metrics that agree, disagree |",
        "|---|---|---|---|---|---|",
        "| NIH boxes | hits (primary) | +0.10 [-0.50, +0.60] | +0.10 [-0.50, +0.60] | – | 0, 0 of 2 |",
        "| NIH boxes | mass inside | **-0.74 [-0.78, -0.32]** | **+0.33 [+0.11, +0.78]** | – | 1, 1 of 2 |",
    ]


def test_scores_of_metrics_are_those_of_the_table():
    assert "use ReLU scores in these tables" in metrics.scores_of_metrics(rows(row("ADCC")))
    assert "use softmax scores, as their" in metrics.scores_of_metrics(rows(row("ADCC"), row("ADCC, ReLU scores")))


def test_a_bench_says_with_against_and_chance():
    table = rows(
        row("insertion", agreement=(0.9, 0.7, 1)),
        row("BAD, blurred", agreement=(0.8, 0.7, 0.9)),
        row("BAD", agreement=(0.1, -0.1, 0.3)),
        row("AD", agreement=(-0.5, -0.7, -0.3), fooled_by="all ones"),
    )
    assert metrics.on_a_bench(table, "NIH boxes", ("insertion", "BAD, blurred", "BAD", "AD")) == (
        "By insertion and BAD (blurred) the ranking goes with the truth. By AD the ranking goes against the truth. "
        "By BAD the ranking cannot be told from chance. 1 of 4 metrics prefer a control to every real map: AD."
    )
    honest = table.assign(fooled_by=NAN)
    assert "prefer" not in metrics.on_a_bench(honest, "NIH boxes", ("insertion",))


def test_metrics_that_agree_with_the_unused_lesion_are_named():
    none = rows(row("AD", agreement=(-0.5, -0.7, -0.3)), row("BAD", agreement=(0.1, -0.1, 0.3)))
    assert metrics.misled(none, "NIH boxes") == (
        "None of 2 metrics agrees with the lesion there, which the network does not use."
    )
    some = rows(row("AD"), row("BAD"), row("ROAD", agreement=(0, -1, 1)))
    assert metrics.misled(some, "NIH boxes") == (
        "2 of 3 metrics agree with the lesion there, which the network does not use: AD and BAD."
    )


def test_hits_of_methods_and_of_the_best_control():
    hits = pd.DataFrame(
        {
            "map": ["CAM", "Eigen-CAM", "all ones", "centre prior", "CAM"],
            "value": [0.17, 0.16, 0.08, 0.25, 0.9],
            "score": ["hit"] * 4 + ["mass_inside"],
            "images": "all positives",
            "data": "NIH boxes",
            "chance": 0.08,
        }
    )
    assert metrics.best_hits(hits, {"CAM", "Grad-CAM", "Eigen-CAM"}) == (
        "On NIH boxes the methods hit in 16 to 17 % of images. The control with most hits is *centre prior*, 25 %; "
        "chance gives 8 %."
    )


@pytest.mark.parametrize(
    ("difference", "p", "said"),
    [
        ((0.17, 0.09, 0.25), 0.0012, "Grad-CAM++ is ahead of CAM by 17.0 [9.0, 25.0], p = 0.0012 after Holm."),
        ((-0.17, -0.25, -0.09), 0.02, "CAM is ahead of Grad-CAM++ by 17.0 [9.0, 25.0], p = 0.02 after Holm."),
        (
            (0.01, -0.05, 0.07),
            1,
            "CAM and Grad-CAM++ are not told apart (difference +1.0 [-5.0, +7.0]), p = 1 after Holm.",
        ),
        ((0.01, NAN, NAN), NAN, "Too few differ to say whether CAM or Grad-CAM++ is ahead (difference +1.0)."),
    ],
)
def test_small_lesions_come_with_their_controls(difference, p, said):
    names = ["CAM", "Grad-CAM++", *maps.CONTROLS]
    part = {"data": "NIH boxes", "size_class": "small", "images": "all positives", "area": 0.1}
    recall = pd.DataFrame({"map": names, "seen": [0.26, 0.43, 0.46, 0.39, 0.29], **part})
    wider = recall.assign(seen=0.99, area=0.2)
    pair = dict(zip(("difference", "low", "high"), difference, strict=True)) | {"p_holm": p}
    pair |= {"data": "NIH boxes", "quantity": "small lesions seen", "first": "CAM", "second": "Grad-CAM++"}
    differences = pd.DataFrame([pair, pair | {"second": "Eigen-CAM", "difference": 0.5}])
    turned = maps.small_lesions_touched(recall, differences.assign(unseen="overturned"), "NIH boxes", "lesions")
    assert turned.endswith(f"{said} Patients that nobody saw could turn that.")
    assert maps.small_lesions_touched(pd.concat([recall, wider]), differences, "NIH boxes", "lesions") == (
        "Of 100 small lesions in NIH boxes Grad-CAM++ touches 43, CAM 26. "
        f"Maps that know no finding touch 46 (Eigen-CAM), 39 (centre prior) and 29 (another image's map). {said}"
    )


def shuffled(**ends):
    """Rank correlations: data -> (CAM low, CAM high, Grad-CAM++ low, Grad-CAM++ high) after the head is shuffled."""
    return pd.DataFrame(
        [
            {
                "data": data,
                "method": method,
                "maps": "head randomised",
                "measure": "rank correlation",
                "low": low,
                "high": high,
            }
            for data, (a, b, c, d) in ends.items()
            for method, low, high in (("CAM", a, b), ("Grad-CAM++", c, d))
        ]
    ).assign(measure="rank correlation")


def test_what_is_left_after_the_head_is_shuffled():
    table = shuffled(photos=(0.1, 0.2, 0.8, 0.9), boxes=(0.7, 0.8, 0.5, 0.6), phantoms=(0.1, 0.5, 0.4, 0.6))
    assert maps.after_shuffled_head(table) == (
        "On photos more is left of Grad-CAM++ than of CAM. On boxes less is left of Grad-CAM++ than of CAM. "
        "On phantoms the two intervals overlap, which decides nothing."
    )


@pytest.mark.parametrize(
    ("low", "who"), [(0.46, "1 of 2 methods and data sets, CAM on boxes"), (0.44, "none of 2 methods and data sets")]
)
def test_what_stays_alike_after_the_backbone_is_shuffled(low, who):
    kinds = {"backbone randomised": (low, 0.9), "another image's map": (0.2, 0.45), "head randomised": (0.9, 1)}
    table = pd.DataFrame(
        [
            {
                "data": data,
                "method": "CAM",
                "maps": kind,
                "measure": "rank correlation",
                "low": a - less,
                "high": b - less,
            }
            for data, less in (("boxes", 0), ("photos", 0.3))
            for kind, (a, b) in kinds.items()
        ]
    ).assign(measure="rank correlation")
    table.loc[(table["data"] == "photos") & (table["maps"] == "another image's map"), "high"] = 0.9
    assert f"That it is more alike is shown for {who}." in maps.after_shuffled_backbone(table)
