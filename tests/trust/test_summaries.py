"""Means of rows of maps by hand, with patients drawn within folds."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.statistics import comparisons, folds, means
from black_average_drop.trust import summaries


@pytest.fixture
def known():
    """30 patients of two images in two folds: 20 in A, 10 in B; every third image is called wrong."""
    numbers = np.arange(60)
    table = pd.DataFrame(
        {"data": "X", "fold": np.where(numbers < 40, "A", "B"), "training": 0, "id": numbers.astype(str)}
    )
    table = table.assign(group=(numbers // 2).astype(str), right=numbers % 3 > 0, fully_boxed=numbers % 2 > 0)
    return table.assign(score=1.0, black_score=0.5, region=0.1, near=0.2)


@pytest.fixture
def images(known):
    return summaries.images_by_data(known, resamples=200)["X"]


def test_images_have_subsets_and_patients_are_drawn_within_folds(known, images):
    subsets = images.subsets()
    sizes = {name: len(ids) for name, ids in subsets.items()}
    assert sizes == {
        "all positives": 60,
        "true positives": 40,
        "without unboxed findings": 30,
        "fold A": 40,
        "fold B": 20,
    }
    resampling = images.resampling(["59", "0", "1"])
    assert list(resampling.groups) == ["29", "0", "0"] and list(resampling.strata) == ["B", "A", "A"]
    plain = summaries.images_by_data(known.assign(fold="", fully_boxed=True))["X"]
    assert list(plain.subsets()) == ["all positives", "true positives"]


def test_an_image_of_two_networks_is_right_if_both_are(known):
    both = pd.concat([known, known.assign(training=1, right=True)])
    images = summaries.images_by_data(both)["X"]
    assert len(images.known) == 60 and images.known["right"].sum() == 40


def test_mean_scores_are_means_with_the_chance_of_their_images(images, generator):
    values = generator.random((60, 2))
    table = pd.DataFrame(values, columns=["CAM", "all ones"]).assign(id=images.known.index)
    points = table.melt("id", var_name="map").assign(score="hit", training=0)
    points = pd.concat([points, points.assign(score="hit_tolerant", value=1.0)])
    ids = images.subsets()["fold A"]
    of_a = summaries.mean_scores(points, images, ids).set_index(["score", "map"])
    assert of_a.loc[("hit", "CAM"), "value"] == pytest.approx(values[:40, 0].mean())
    assert of_a.loc[("hit", "CAM"), "low"] < values[:40, 0].mean() < of_a.loc[("hit", "CAM"), "high"]
    assert of_a.loc[("hit", "CAM"), "chance"] == pytest.approx(0.1) and (of_a["n"] == 40).all()
    assert of_a.loc[("hit_tolerant", "CAM"), "chance"] == pytest.approx(0.2)
    certain = of_a.loc[("hit_tolerant", "CAM")]
    assert certain["high"] == 1 and certain["low"] == pytest.approx(0.025 ** (1 / 20))  # 20 of 20 patients, exactly


def test_several_networks_a_fold_have_an_interval_for_others_too(images, generator):
    """Against `folds.across_folds` by hand, whose first interval is that of the images' means over the networks."""
    values = (generator.random((60, 1, 2)) < [0.3, 0.6]).astype(float)
    tables = [
        pd.DataFrame({"id": images.known.index, "map": "CAM", "score": "hit", "value": values[:, 0, one]})[::-1]
        for one in range(2)
    ]
    points = pd.concat([table.assign(training=one) for one, table in enumerate(tables)])
    row = summaries.mean_scores(points, images, images.known.index).iloc[0]
    expected = folds.across_folds(values, images.resampling(images.known.index), (0, 1))
    for name in ("value", "low", "high", "others_low", "others_high"):
        assert row[name] == pytest.approx(getattr(expected, name)[0]), name
    assert row["others_low"] < row["low"] < row["value"] == values.mean()
    alone = summaries.mean_scores(points[points["training"] == 0], images, images.known.index).iloc[0]
    assert np.isnan(alone["others_low"]) and alone["n"] == 60


def test_recall_is_the_share_of_lesions_touched(images):
    rows = []
    for number, name in enumerate(images.known.index):
        for lesion in range(2):
            for quantity, value in (("touched", float(number % 2 == 0)), ("chance", 0.25 * lesion)):
                rows.append((lesion, name, "small" if lesion else "large", 0.1, quantity, "CAM", value))
    columns = ["lesion", "id", "size_class", "area", "quantity", "map", "value"]
    table = summaries.recall(pd.DataFrame(rows, columns=columns), images, images.known.index[:30])
    table = table.set_index("size_class")
    assert table.loc["small", "seen"] == 0.5 and table.loc["small", "chance"] == 0.25
    assert table.loc["large", "chance"] == 0 and (table["lesions"] == 30).all()


def test_a_difference_says_whether_unseen_patients_could_turn_it(images, generator):
    values = pd.DataFrame({"CAM": generator.normal(0, 0.02, 60)}, index=pd.Index(images.known.index, name="id"))
    values = values.assign(large=values["CAM"] + generator.normal(0.5, 0.02, 60))
    values = values.assign(slight=values["CAM"] + generator.normal(0.05, 0.02, 60))
    values = values.assign(none=values["CAM"] + 0.02 * np.tile([1, 1, -1, -1], 15))
    pairs = images.differences(values, list(values)).set_index(["first", "second"])
    expected = comparisons.differences(values.to_numpy(), list(values), images.resampling(values.index), (-1, 1))
    np.testing.assert_array_equal(pairs["p_holm"], expected["p_holm"])
    assert (pairs["patients"] == 30).all()
    # A tenth of unseen patients at -1: 0.9 * 0.5 - 0.1 is above 0, and 0.9 * 0.05 - 0.1 is not.
    assert pairs.loc[("CAM", "large"), "unseen"] == "holds" and pairs.loc[("CAM", "slight"), "unseen"] == "overturned"
    assert not means.overturned_by_unseen(0.5, 30, -1) and means.overturned_by_unseen(0.05, 30, -1)
    assert pairs.loc[("large", "slight"), "unseen"] == "holds"  # a difference below 0
    assert pairs.loc[("CAM", "none"), "unseen"] == ""


def test_maps_that_differ_alike_for_every_patient_are_tested_and_patients_are_those_with_both(images):
    """One map always hits, one never does, and the third has a value for 12 patients alone."""
    values = pd.DataFrame({"always": 1.0, "never": 0.0}, index=pd.Index(images.known.index, name="id"))
    values["some"] = np.where(np.arange(60) < 24, 0.0, np.nan)
    pairs = images.differences(values, list(values)).set_index(["first", "second"])
    assert pairs.loc[("always", "never"), "p"] == pytest.approx(2 * 0.5**30)  # the sign test
    assert pairs["patients"].tolist() == [30, 12, 12] and pairs.loc[("always", "never"), "unseen"] == "holds"


def test_similarity_is_the_mean_over_the_images_that_have_a_value(images, generator):
    ids = images.known.index[:40]
    table = pd.DataFrame({"id": ids, "maps": "head randomised", "measure": "ssim", "map": "CAM"})
    table["value"] = np.where(np.arange(40) < 4, np.nan, generator.random(40))
    row = summaries.mean_similarity(table, images).iloc[0]
    assert row["images"] == 36 and row["value"] == pytest.approx(table["value"].mean())
    assert (row["measure"], row["method"], row["maps"]) == ("structural similarity", "CAM", "head randomised")
    assert row["low"] < row["value"] < row["high"]
