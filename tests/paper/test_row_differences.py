"""Differences in every row of Table 1, and the one that reaches furthest."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop.paper import claims, row_differences
from black_average_drop.statistics import trainings
from black_average_drop.statistics.patients import Resampling


def measured(value, low, high):
    return claims.Measured(trainings.Estimate(value, low, high, 0.5, 3), 100, "phantoms")


def rows(difference, classes):
    """Drops of both methods under both metrics; Grad-CAM++ loses so much more (N,) under BAD, and nothing under AD."""
    parts = []
    for method, metric in [(method, metric) for method in ("CAM", "Grad-CAM++") for metric in ("AD", "BAD")]:
        drop = 0.5 + difference * (method == "Grad-CAM++") * (metric == "BAD")
        parts.append(pd.DataFrame({"id": np.arange(len(classes)), "class": classes, "drop": drop}))
        parts[-1][["method", "metric"]] = method, metric
    return pd.concat(parts, ignore_index=True)


def part(generator, count=60):
    """Two trainings that predict class 0 of other images; there BAD differs by -0.2, elsewhere by 0."""
    classes = [np.arange(count) % 3 > 0, np.arange(count) % 4 > 0]
    noise = 0.02 * generator.normal(size=(2, count))
    trained = [rows(np.where(one, 0, -0.2) + other, one.astype(int)) for one, other in zip(classes, noise, strict=True)]
    ids = np.arange(count)
    explained = row_differences.explained_classes(trained, ids)
    np.testing.assert_array_equal(explained.T, classes)
    subsets = {"all": np.full(count, True), "predicted normal": explained == 0}
    return row_differences.RowsOfData(trained, ids, subsets, Resampling(ids, 400), "phantoms"), noise


def test_rows_by_prediction_hold_the_images_that_each_training_predicts_so(generator):
    one, noise = part(generator)
    measured = {row.data: row for row in row_differences.differences_of_rows([one])}
    assert list(measured) == [f"phantoms, {name}, {m}" for name in ("all", "predicted normal") for m in ("AD", "BAD")]
    normal = measured["phantoms, predicted normal, BAD"]
    by_hand = -0.2 + np.mean([noise[0][::3].mean(), noise[1][::4].mean()])
    assert normal.estimate.value == pytest.approx(by_hand) and normal.images == 30  # 20 + 15, 5 of them under both
    assert measured["phantoms, all, BAD"].images == 60
    assert row_differences.furthest(list(measured.values())) is not measured["phantoms, all, BAD"]


def test_intervals_of_all_rows_hold_together(generator):
    """Four rows in one data set, eight in two: each interval is that of 0.05 / 4, then of 0.05 / 8."""
    one, _ = part(generator)
    for parts, count in (([one], 4), ([one, one], 8)):
        row = row_differences.differences_of_rows(parts)[1]
        values = claims.values_by_training(one.trainings, "BAD", "drop", one.images)
        expected = trainings.across_trainings(values, one.resampling, level=0.05 / count)
        assert row.estimate[:6] == pytest.approx(expected[:6])
        assert np.isnan([row.estimate.next_low, row.estimate.next_high]).all()
        assert expected.high - expected.low > 1.1 * np.ptp(trainings.across_trainings(values, one.resampling)[1:3])


def test_of_several_differences_the_one_that_reaches_furthest_counts():
    near, wide, outside = measured(0.001, -0.01, 0.01), measured(0.02, -0.02, 0.06), measured(-0.04, -0.045, -0.0351)
    assert row_differences.furthest([near, wide]) is wide
    assert row_differences.furthest([near, wide, outside]) is outside
    unknown = measured(np.nan, np.nan, np.nan)
    assert row_differences.furthest([near, unknown, wide]) is row_differences.furthest([unknown, near]) is unknown
    assert row_differences.furthest([unknown, outside]) is row_differences.furthest([outside, unknown]) is outside


def test_a_difference_without_any_interval_is_the_furthest_by_its_value():
    small, large = (measured(value, np.nan, np.nan) for value in (0.001, -0.02))
    assert row_differences.furthest([small, large]) is row_differences.furthest([large, small]) is large


@pytest.mark.filterwarnings("error")
def test_a_training_that_predicts_no_image_so_does_not_count_in_that_row(generator):
    one, noise = part(generator)
    normal = one.subsets["predicted normal"] & [True, False]
    none = np.full_like(normal, False)
    found = row_differences.differences_of_rows([one._replace(subsets={"predicted normal": normal, "nobody": none})])
    assert [row.data for row in found] == ["phantoms, predicted normal, AD", "phantoms, predicted normal, BAD"]
    assert (found[1].estimate.trainings, found[1].images) == (1, 20)
    assert found[1].estimate.value == pytest.approx(-0.2 + noise[0][::3].mean())
