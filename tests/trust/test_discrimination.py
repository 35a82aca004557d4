"""The AUC of two folds, whose scores have no common scale."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from black_average_drop.trust import discrimination


def area_by_pairs(labels, margins):
    """As scipy's U statistic: the share of pairs in which the ill one scores more."""
    ill = np.asarray(labels) == 1
    return stats.mannwhitneyu(margins[ill], margins[~ill]).statistic / (ill.sum() * (~ill).sum())


@pytest.fixture
def scores(generator):
    """80 images of 40 patients; the network of fold B gives scores of another size."""
    numbers = np.arange(80)
    table = pd.DataFrame({"id": numbers.astype(str), "group": numbers // 2, "label": numbers // 2 % 2, "training": 0})
    table = table.assign(fold=np.where(numbers < 48, "A", "B"), view=np.where(numbers % 4 < 2, "AP", "PA"))
    table = table.assign(view=generator.permutation(table["view"]))
    return table.assign(margin=(table["label"] + generator.normal(size=80)) * np.where(table["fold"] == "A", 1, 50))


def test_the_area_of_both_folds_is_the_mean_of_theirs(scores):
    areas = discrimination.areas_by_view(scores).set_index(["views", "fold"])
    each = {fold: area_by_pairs(part["label"], part["margin"]) for fold, part in scores.groupby("fold")}
    assert {fold: areas.loc[("all", fold), "value"] for fold in "AB"} == pytest.approx(each)
    assert areas.loc[("all", ""), "value"] == pytest.approx((48 * each["A"] + 32 * each["B"]) / 80)
    pooled = area_by_pairs(scores["label"], scores["margin"])
    assert abs(areas.loc[("all", ""), "value"] - pooled) > 0.01
    assert list(areas.loc["all", "images"]) == [80, 48, 32] and (areas["low"] < areas["high"]).all()
    assert sorted(set(areas.index.get_level_values("views"))) == ["AP", "PA", "all"]


def test_two_networks_of_a_fold_count_alike(scores):
    worse = scores.assign(training=1, margin=-scores["margin"])
    both = discrimination.areas_by_view(pd.concat([scores, worse]))
    assert both["value"].tolist() == pytest.approx([0.5] * len(both))


def test_data_without_folds_or_views_has_one_row(scores):
    areas = discrimination.areas_by_view(scores.assign(fold="", view=""))
    assert len(areas) == 1 and areas["value"].iloc[0] == pytest.approx(area_by_pairs(scores["label"], scores["margin"]))
