"""What Table 1 says of its methods, from rows whose answer is known, and against the same drops given directly."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.paper import table_answers, tables
from black_average_drop.statistics import answer_text
from black_average_drop.statistics.patients import Resampling
from black_average_drop.statistics.which_best import answer

IMAGES, MARGIN = 120, 0.02
DROPS = {"CAM": 0.2, "Grad-CAM": 0.2, "Grad-CAM++": 0.205, "another image's map": 0.5, "smooth random map": 0.2}


@pytest.fixture
def part(generator):
    """Images of two kinds, of which the second counts for nothing, and BAD with drops that are far from those of AD."""
    ids, image = [f"image {i}" for i in range(IMAGES)], generator.normal(0, 0.05, IMAGES)
    label, rows = np.arange(IMAGES) % 2, []
    for method, mean in DROPS.items():
        own = mean + image + generator.normal(0, 0.01, IMAGES)
        for metric, more in (("AD", 0), ("BAD", 0.1 * (method == "Grad-CAM++"))):
            table = pd.DataFrame({"id": ids, "group": np.arange(IMAGES), "label": label, "class": label})
            table = table.assign(method=method, metric=metric, full_score=1.0, drop=np.where(label, own + more, 0.9))
            rows.append(table.assign(same_map_as="CAM" if method == "Grad-CAM" else ""))
    dead = pd.concat(rows).assign(drop=np.nan)
    resampling = Resampling(np.arange(IMAGES), 300, 0)
    return tables.PartOfTable1(
        data="radiographs", trainings={0: pd.concat(rows), 1: dead}, about=pd.DataFrame(), resampling=resampling
    )


def test_the_answer_is_that_of_the_first_training_on_images_that_count(part):
    answers = table_answers.answers_of_table({"radiographs": part}, MARGIN)
    assert list(answers) == [("radiographs", "AD"), ("radiographs", "BAD")]
    methods = ["CAM", "Grad-CAM++", "another image's map", "smooth random map"]
    for (_, metric), found in answers.items():
        rows = part.trainings[0]
        rows = rows[(rows["metric"] == metric) & (rows["label"] == 1) & rows["method"].isin(methods)]
        drops = rows.pivot(index="id", columns="method", values="drop").loc[part.images["id"][part.counted], methods]
        expected = answer(drops, tables.CONTROLS, part.resampling.of_rows(part.counted), MARGIN)
        assert found[:2] == expected[:2] == (MARGIN, IMAGES // 2)
        for one, other in zip(found[2:], expected[2:], strict=True):
            pd.testing.assert_frame_equal(one, other)
    assert answers["radiographs", "AD"].methods["word"].tolist() == ["practically as good as the best"] * 2
    assert answers["radiographs", "BAD"].methods["may_be_best"].tolist() == [True, False]


def test_lines_say_what_they_hold_for_and_tables_hold_every_pair(part):
    parts = {"radiographs": part}
    answers = table_answers.answers_of_table(parts, MARGIN)
    known = {"radiographs": ["a fact"]}
    first, of_ad, of_bad = table_answers.with_answers(known, answers, parts)["radiographs"]
    assert first == "a fact" and known == {"radiographs": ["a fact"]}
    assert of_ad.startswith("Which map, AD, label pneumonia, ReLU scores, training 0: Practically as good as the best")
    assert "Controls that do better than some of CAM and Grad-CAM++: smooth random map." in of_ad
    assert of_bad.endswith(" ".join(answer_text.sentences(answers["radiographs", "BAD"])))
    written = table_answers.answer_tables(answers)
    assert list(written) == ["table1_set", "table1_pairs"]
    assert written["table1_set"].groupby(["data", "metric"]).size().to_dict() == {
        ("radiographs", "AD"): 2,
        ("radiographs", "BAD"): 2,
    }
    pairs = written["table1_pairs"].query("metric == 'BAD'")
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == [
        ("CAM", "Grad-CAM++"),
        ("CAM", "another image's map"),
        ("CAM", "smooth random map"),
    ]


def test_a_dead_training_has_no_answer(part):
    dead = tables.PartOfTable1(
        data="radiographs", trainings={1: part.trainings[1]}, about=part.about, resampling=part.resampling
    )
    answers = table_answers.answers_of_table({"radiographs": dead}, MARGIN)
    assert answers == {} and table_answers.answer_tables(answers) == {}
