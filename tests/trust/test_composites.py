"""ADCC, ROAD and ARCC by hand, and what a map that does not look at the image gets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from black_average_drop.trust import composites


def measured(**metrics):
    """Rows of two images and one map, from metric -> two values; an id without a value is left out.

    ROAD stands for its two curves, whose half difference it is.
    """
    if "ROAD" in metrics:
        road = 2 * np.asarray(metrics.pop("ROAD"))
        metrics |= {"ROAD, most relevant first": 0.1 + 0 * road, "ROAD, least relevant first": 0.1 + road}
    rows = pd.DataFrame({"id": ["a", "b"], "map": "CAM"} | metrics).melt(["id", "map"], var_name="metric")
    return rows.dropna(ignore_index=True)


def arcc(**metrics):
    rows = composites.with_composites(measured(**metrics))
    return rows[rows["metric"] == "ARCC"].set_index("id")["value"]


def test_arcc_by_hand():
    """3 / (1 / 0.8 + 1 / 0.5 + 1 / 0.4) = 3 / 5.75, and 3 / (1 / 0.5 + 1 / 0.75 + 1 / 0.1) = 3 / (40 / 3)."""
    values = arcc(opacity=[0.5, 0.25], coherency=[0.8, 0.5], ROAD=[0.2, 0.05])
    assert values.to_dict() == pytest.approx({"a": 12 / 23, "b": 9 / 40})
    assert values["a"] == pytest.approx(stats.hmean([0.8, 0.5, 0.4]))


def test_arcc_follows_the_ids_and_not_the_order_of_rows():
    rows = measured(opacity=[0.5, 0.25], coherency=[0.8, 0.5], ROAD=[0.2, 0.05])
    both = pd.concat([rows, rows.assign(map="Grad-CAM++", value=rows["value"] / 2)], ignore_index=True)
    first, other = (composites.with_composites(one) for one in (both, both.sample(frac=1, random_state=0)))
    keys = ["id", "map", "metric"]
    pd.testing.assert_series_equal(
        first.set_index(keys)["value"].sort_index(), other.set_index(keys)["value"].sort_index()
    )
    other = first.query("metric == 'ARCC' and map == 'Grad-CAM++' and id == 'a'")["value"].item()
    assert other == pytest.approx(stats.hmean([0.4, 0.75, 0.2]))


def test_arcc_is_for_the_images_that_have_a_road():
    values = arcc(opacity=[0.5, 0.25], coherency=[0.8, 0.5], ROAD=[np.nan, 0.05])
    assert values.to_dict() == pytest.approx({"b": 9 / 40})


def test_what_was_measured_stays_as_it_is():
    rows = measured(opacity=[0.5, 0.25], coherency=[0.8, 0.5], ROAD=[0.2, 0.05], AD=[0.3, 0.4])
    pd.testing.assert_frame_equal(composites.with_composites(rows)[: len(rows)], rows)


@pytest.mark.parametrize("parts", [{"ROAD": -0.1}, {"ROAD": 0}, {"opacity": 1}, {"coherency": 0}])
def test_a_map_that_is_bad_in_one_part_gets_nothing(parts):
    good = {"opacity": 0.5, "coherency": 0.8, "ROAD": 0.2}
    assert (arcc(**{name: [value] * 2 for name, value in (good | parts).items()}) == 0).all()


def test_chance_alone_gives_an_arcc_above_0():
    assert arcc(opacity=[0.5, 0.5], coherency=[1, 1], ROAD=[-0.1, 0.1]).mean() == pytest.approx(3 / (1 + 2 + 5) / 2)


def test_the_best_road_is_a_half():
    assert (arcc(opacity=[0, 0], coherency=[1, 1], ROAD=[0.5, 0.75]) == 1).all()


def test_road_is_half_the_lead_of_the_least_relevant_pixels():
    """pytorch-grad-cam's ROADCombined: (LeRF - MoRF) / 2."""
    curves = {"ROAD, most relevant first": [0.2, 0.9], "ROAD, least relevant first": [0.8, 0.5]}
    rows = composites.with_composites(measured(**curves)).query("metric == 'ROAD, combined'")
    assert rows["value"].tolist() == pytest.approx([0.3, -0.2])


def test_adcc_takes_softmax_scores_and_has_a_row_with_relu_scores():
    parts = {"AD": [0.5, 0.0], "AD, softmax scores": [0.2, 0.1], "opacity": [0.5, 0.25], "coherency": [0.8, 0.5]}
    rows = composites.with_composites(measured(**parts)).set_index(["metric", "id"])["value"]
    assert rows["ADCC", "a"] == pytest.approx(stats.hmean([0.8, 0.5, 0.8]))
    assert rows["ADCC, ReLU scores", "a"] == pytest.approx(stats.hmean([0.5, 0.5, 0.8]))
    assert rows["ADCC", "b"] == pytest.approx(stats.hmean([0.9, 0.75, 0.5]))


def test_adcc_is_zero_where_a_share_is_and_unknown_where_the_drop_is():
    shares = [1 - np.array([0.2, 1, np.nan]), np.array([0.5, 0.5, 0.5]), np.array([0.8, 0.8, 0.8])]
    values = composites.harmonic_mean(*shares)
    assert values[0] == pytest.approx(stats.hmean([0.8, 0.5, 0.8])) and values[1] == 0 and np.isnan(values[2])
