"""Rows of maps go into files with a column for each map, and come back."""

import numpy as np
import pandas as pd

from black_average_drop import rows
from black_average_drop.trust import wide


def test_spread_rows_keep_their_order_and_come_back(tmp_path):
    index = [("b", "m2"), ("b", "m1"), ("a", "m2"), ("a", "m1")]
    table = pd.DataFrame(index, columns=["id", "map"]).assign(metric="AD", value=[0.25, 0.5, np.nan, 1.0])
    table = pd.concat([table.assign(data="X", fold="", training=0), table.assign(data="Y", fold="A", training=0)])
    table = table[(table["data"] == "X") | (table["map"] == "m2")]
    spread = wide.spread(table)
    assert list(spread.columns) == ["id", "metric", "data", "fold", "training", "m2", "m1"]
    assert list(spread["id"]) == ["b", "a", "b", "a"] and list(spread["m2"][:1]) == [0.25]
    rows.write_rows(spread, "some", tmp_path, "demo", digits=4)
    again = wide.read_maps_rows("some", tmp_path, ["id", "metric"])
    keys = ["data", "fold", "id", "metric", "map"]
    expected = table.drop(columns="training").set_index(keys)["value"].sort_index()
    pd.testing.assert_series_equal(again.set_index(keys)["value"].sort_index(), expected)
    assert list(again[again["data"] == "Y"]["map"].unique()) == ["m2"]  # a map that a data set does not have
    assert list(again["map"][:2]) == ["m2", "m2"]


def test_an_image_that_two_networks_judged_has_the_mean_of_both(tmp_path):
    table = pd.DataFrame({"id": ["a", "b", "a", "b"], "training": [0, 0, 1, 1], "CAM": [0.0, 1.0, 1.0, 1.0]})
    table = table.assign(data="X", fold="A", score="hit")
    rows.write_rows(table, "some", tmp_path, "demo")
    again = wide.read_maps_rows("some", tmp_path, ["id", "score"])
    assert again.set_index("id")["value"].to_dict() == {"a": 0.5, "b": 1.0}
