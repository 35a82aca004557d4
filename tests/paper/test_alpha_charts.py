"""The figures of the notebook on alpha, by what is drawn in them."""

import numpy as np
import pandas as pd

from black_average_drop.paper import alpha_charts
from black_average_drop.paper.alpha_study import DIFFERENCE

DATA = ("Photos", "Radiographs")


def test_alpha_is_drawn_with_the_alpha_of_table_1_and_both_intervals():
    shares = np.linspace(0, 1, 11)
    bands = pd.concat(
        pd.DataFrame({"data": data, "alpha": shares, "difference": 0.5, "low": 0.4, "high": 0.6, "random_masks": 0.1})
        for data in DATA
    )
    quantities = {"Photos": ["CAM", "Grad-CAM++"], "Radiographs": ["CAM", "Grad-CAM", "Grad-CAM++"]}
    along = pd.concat(
        pd.DataFrame({"data": data, "quantity": name, "alpha": [0.2, 0.4], "BAD": 0.3, "low": 0.1, "high": 0.5})
        for data in DATA
        for name in (*quantities[data], DIFFERENCE)
    )
    row = {"alpha_table1": 0.25, "alpha_low": 0.2, "alpha_high": 0.3, "again_low": -0.1, "again_high": 0.1}
    row |= {"table1_low": -0.2, "table1_high": 0.2}
    intervals = pd.DataFrame([{"data": data} | row for data in DATA])
    figure = alpha_charts.draw_alpha(bands, along, intervals, "smoke run: not a result")
    panels = np.reshape(figure.axes, (2, 3))
    assert figure.get_suptitle() == "smoke run: not a result"
    for axes in panels.ravel():
        assert any(np.allclose(line.get_xdata(), 0.25) for line in axes.lines)
    labels = [[line.get_label() for line in row[1].lines][:-1] for row in panels]
    assert labels == [["CAM = Grad-CAM", "Grad-CAM++"], ["CAM", "Grad-CAM", "Grad-CAM++"]]
    drawn = {line.get_label(): line.get_ydata() for line in panels[0, 2].lines}
    assert list(drawn["Table 1"]) == [-0.2, 0.2] and list(drawn["alpha chosen again"]) == [-0.1, 0.1]
    (bars,) = panels[0, 2].collections
    assert [segment.tolist() for segment in bars.get_segments()] == [[[x, 0.1], [x, 0.5]] for x in (0.2, 0.4)]
    assert alpha_charts.draw_alpha(bands, along, intervals).get_suptitle() == ""


def test_objections_are_drawn_with_a_point_for_every_training():
    contrast = pd.concat(
        pd.DataFrame({"data": data, "method": "CAM", "exponent": [0.5, 1, 2], "AD": 0.2, "low": 0.1, "high": 0.3})
        for data in DATA
    )
    one = {"data": "Radiographs", "feature": "size", "metric": "AD", "low": -0.4, "high": 0.4}
    correlations = pd.DataFrame(
        [one | {"training": training, "correlation": value} for training, value in enumerate((-0.3, 0.2))]
        + [one | {"data": "Photos", "training": 0, "correlation": 0.1}]
    )
    figure = alpha_charts.draw_objections(contrast, correlations)
    assert [axes.get_title() for axes in figure.axes[:2]] == list(DATA)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.5", "1", "2"]
    panel = figure.axes[2]
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names == ["AD by size\nRadiographs", "AD by size\nPhotos"]
    points = [container.lines[0] for container in panel.containers]
    assert [list(line.get_xdata()) for line in points] == [[-0.3, 0.2], [0.1]]
    places = [list(line.get_ydata()) for line in points]
    assert len({round(place) for place in places[0]}) == 1 and places[0][0] < places[0][1] and places[1] == [1]
