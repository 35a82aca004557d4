"""Charts show the numbers they are given."""

import numpy as np
import pandas as pd

from black_average_drop import charts


def test_learning_curves_mark_the_kept_epoch_of_each_training():
    rows = [
        ("radiographs", head, training, epoch, "head" if epoch == 1 else "network", 1 / epoch, 2 / epoch, quality)
        for head in ("relu", "softmax")
        for training in (0, 1)
        for epoch, quality in enumerate((0.6, 0.9, 0.8), 1)
    ]
    rows.append(("general", "softmax", 0, 1, "network", 1.0, 1.0, 0.5))
    names = ["data", "head", "training_seed", "epoch", "stage", "loss", "validation_loss", "validation_quality"]
    history = pd.DataFrame(rows, columns=names)
    history["chosen"] = history["validation_quality"].isin([0.9, 0.5])
    figure = charts.learning_curves(history, "smoke run")
    above = figure.axes[0]
    circles = [line for line in above.lines if line.get_marker() == "o"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in circles] == [([2], [0.9])] * 4
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["relu head", "softmax head"]
    assert above.get_ylabel() == "validation AUC" and figure.get_suptitle() == "smoke run"
    assert {panel.get_title() for panel in figure.axes[:2]} == {"radiographs", "general"}
    losses = [list(line.get_ydata()) for line in figure.axes[2].lines]
    assert [1, 1 / 2, 1 / 3] in losses and [2, 1, 2 / 3] in losses


def test_assessments_show_curve_band_and_counts():
    rates = np.linspace(0, 1, 5)
    curve = pd.DataFrame({"false_positive_rate": rates, "sensitivity": rates**0.5, "low": rates, "high": 1.0})
    table = pd.DataFrame([[30, 10], [0, 7]], index=["is normal", "is pneumonia"], columns=["normal", "pneumonia"])
    figure = charts.assessments({"relu": curve}, {"relu": table}, {"relu": "AUC 0.9"})
    curves, counts = figure.axes
    np.testing.assert_array_equal(curves.lines[0].get_ydata(), rates**0.5)
    assert len(curves.collections) == 1 and curves.get_legend().get_texts()[0].get_text() == "AUC 0.9"
    assert [text.get_text() for text in counts.texts] == ["30\n75 %", "10\n25 %", "0\n0 %", "7\n100 %"]


def test_verdict_prints_agreement_and_interval_and_marks_the_fooled():
    rows = [
        ("lesions", "AD", "with", 5, -0.5, -0.75, -0.25, "all ones"),
        ("lesions", "BAD", "with", 5, 0.9, 0.8, 1.0, ""),
        ("boxes", "AD", "with", 5, np.nan, np.nan, np.nan, ""),
        ("boxes", "BAD", "with", 0, np.nan, np.nan, np.nan, ""),
        ("few", "AD", "with", 9, 0.4, np.nan, np.nan, ""),
        ("few", "BAD", "with", 0, np.nan, np.nan, np.nan, ""),
    ]
    rows += [(data, metric, "alone", 5, 0.1, -0.2, 0.3, "") for data, metric, *_ in rows]
    table = pd.DataFrame(rows, columns=["data", "metric", "maps", "known", "set", "set_low", "set_high", "fooled_by"])
    figure = charts.verdict(table, ("with", "alone"), "smoke run")
    panels = figure.axes[:2]
    assert [panel.get_title() for panel in panels] == ["with", "alone"] and figure.get_suptitle() == "smoke run"
    texts = {text.get_position(): text.get_text() for text in panels[0].texts}
    assert texts == {
        (0, 0): "-0.50, n 5\n[-0.75, -0.25] †",
        (0, 1): "+0.90, n 5\n[+0.80, +1.00]",
        (1, 0): "no ranking",
        (1, 1): "–",
        (2, 0): "+0.40, n 9\n[–]",
        (2, 1): "–",
    }
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["AD", "BAD"]
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["lesions", "boxes", "few"]
    shown = panels[0].images[0].get_array()
    assert shown[0, 0] == -0.5 and shown[1, 0] == 0.9 and shown.mask[1, 1]
    assert panels[0].images[0].get_clim() == (-1, 1)


def test_sanity_shows_each_kind_of_map_for_each_method():
    kinds, measures = ("head randomised", "another image's map"), ("structural similarity", "rank correlation")
    rows = [
        ("lesions", method, kind, measure, place / 10, place / 10 - 0.05, place / 10 + 0.1)
        for measure in measures
        for kind in kinds
        for place, method in enumerate(("CAM", "Grad-CAM++", "Eigen-CAM"))
    ]
    table = pd.DataFrame(rows, columns=["data", "method", "maps", "measure", "value", "low", "high"])
    figure = charts.sanity(table, "")
    assert [axes.get_xlabel() for axes in figure.axes] == list(measures)
    for axes in figure.axes:
        points = [container.lines[0].get_xdata() for container in axes.containers]
        assert len(points) == 2 and all(np.allclose(one, [0, 0.1, 0.2]) for one in points)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["CAM", "Grad-CAM++", "Eigen-CAM"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(kinds)


def test_identical_images_have_an_interval_of_no_width():
    """The mean of equal drops, and the ends of its interval, may differ by rounding."""
    drop = 0.1 + 0.2
    table = pd.DataFrame({"metric": "BAD", "map": ["CAM"], "control": False, "drop": drop})
    figure = charts.ranking(table.assign(low=np.nextafter(drop, 1), high=np.nextafter(drop, 0)))
    (bar,) = figure.axes[0].containers
    assert np.ptp(bar.lines[2][0].get_segments()[0][:, 0]) < 1e-9


def test_maps_of_others_have_a_sign_of_their_own_in_both_rankings():
    """Next to a method and a control, in the order of the table."""
    rows = [("Pen", False, 0.1), ("CAM", False, 0.2), ("all ones", True, 0.5)]
    table = pd.DataFrame(rows, columns=["map", "control", "drop"])
    table = table.assign(low=table["drop"] - 0.05, high=0.6, images=9, metric="BAD", finding="all")
    for draw in (charts.ranking, charts.rankings_of_findings):
        figure = draw(table, {"Pen": None})
        axes = figure.axes[0]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["◆ Pen", "CAM", "all ones"]
        signs = {container.lines[0].get_marker(): container.lines[0] for container in axes.containers}
        points = {shape: line.get_xydata().tolist() for shape, line in signs.items()}
        assert points == {"o": [[0.2, 1]], "D": [[0.1, 0]], "s": [[0.5, 2]]}
        assert len({line.get_color() for line in signs.values()}) == 3 and "maps of others" in figure.get_supxlabel()
        assert "others" not in draw(table).get_supxlabel()


def test_the_margin_is_shaded_above_the_smallest_drop_of_a_method():
    """Not above that of a control, and not without a margin or without a drop."""
    rows = [("all ones", True, 0.1), ("CAM", False, 0.2), ("Eigen-CAM", False, 0.3)]
    table = pd.DataFrame(rows, columns=["map", "control", "drop"]).assign(metric="BAD")
    table = table.assign(low=table["drop"], high=table["drop"])
    figure = charts.ranking(table, margin=0.02)
    (shaded,) = figure.axes[0].patches
    np.testing.assert_allclose([shaded.get_x(), shaded.get_width()], [0.2, 0.02])
    assert "up to 0.02 above the smallest drop of a method" in figure.get_supxlabel()
    assert not charts.ranking(table).axes[0].patches and "shaded" not in charts.ranking(table).get_supxlabel()
    assert not charts.ranking(table.assign(drop=np.nan), margin=0.02).axes[0].patches


def test_rankings_of_findings_have_a_panel_each_and_the_maps_in_one_order():
    rows = [
        ("all", "CAM", False, 0.2, 0.1, 0.3, 70),
        ("all", "all ones", True, 0.5, 0.4, 0.6, 70),
        ("Edema", "all ones", True, 0.1, 0.05, 0.2, 40),
        ("Edema", "CAM", False, 0.6, 0.5, 0.7, 40),
    ]
    table = pd.DataFrame(rows, columns=["finding", "map", "control", "drop", "low", "high", "images"])
    figure = charts.rankings_of_findings(table.assign(metric="BAD"))
    assert [axes.get_title() for axes in figure.axes] == ["all (70)", "Edema (40)"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["CAM", "all ones"]
    for axes, drops in zip(figure.axes, ([0.2, 0.5], [0.6, 0.1]), strict=True):
        method, control = (container.lines[0].get_xydata() for container in axes.containers)
        np.testing.assert_allclose([*method, *control], [(drops[0], 0), (drops[1], 1)])
        (segment,) = axes.containers[0].lines[2][0].get_segments()
        np.testing.assert_allclose(segment[:, 0], [drops[0] - 0.1, drops[0] + 0.1])


def test_each_column_of_findings_has_numbers_below_and_titles_fit():
    """Five panels in rows of four: three columns end above the last row."""
    names = ["all findings", "Edema", "Mass", "Hernia", "Enlarged cardiomediastinum without a known cause"]
    table = pd.DataFrame({"finding": names, "metric": "BAD", "map": "CAM", "control": False, "images": 12})
    figure = charts.rankings_of_findings(table.assign(drop=0.5, low=0.4, high=0.6))
    figure.draw_without_rendering()
    shown = [any(tick.label1.get_visible() for tick in axes.xaxis.get_major_ticks()) for axes in figure.axes[:5]]
    assert shown == [False, True, True, True, True]
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:4]]
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
    assert max(len(axes.get_title()) for axes in figure.axes) <= 32


def test_hits_stand_next_to_the_agreement_of_metrics():
    """Maps that are not above the centre prior are hollow; a metric without a decided pair says so."""
    rows = [("CAM", False, 0.8, True), ("Pen", False, 0.2, False), ("centre prior", True, 0.1, False)]
    points = pd.DataFrame(rows, columns=["map", "control", "hit", "above_centre"])
    points = points.assign(hit_low=points["hit"] - 0.05, hit_high=0.9, chance_hit=0.04, lesions=50)
    agreed = [("BAD", 0.5, 0.25, 1.0, 3, 4), ("AD", np.nan, np.nan, np.nan, 0, 0)]
    table = pd.DataFrame(agreed, columns=["metric", "agreement", "low", "high", "right", "decided"]).assign(pairs=6)
    both = pd.concat([table.assign(maps=maps) for maps in ("methods and controls", "methods alone")])
    hits, agreements = charts.hits_and_agreement(points, both, ["Pen"]).axes
    assert [label.get_text() for label in hits.get_yticklabels()] == ["CAM", "◆ Pen", "centre prior"]
    points = {bars.lines[0].get_marker(): bars.lines[0].get_xydata().tolist() for bars in hits.containers}
    assert points == {"o": [[0.8, 0]], "D": [[0.2, 1]], "s": [[0.1, 2]]}
    hollow = [line.get_xydata().tolist() for line in hits.lines if line.get_color() == "white"]
    assert hollow == [[[0.2, 1]]]
    levels = {line.get_label(): line.get_xdata()[0] for line in hits.lines if not line.get_label().startswith("_")}
    assert levels == {"chance": 0.04, "centre prior": 0.1} and "50 lesions" in hits.get_xlabel()
    first = agreements.containers[0].lines[0].get_xydata()
    assert first[0].tolist() == [0.5, 0]
    (segment, *_) = agreements.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 0], [0.25, 1])
    assert [text.get_text() for text in agreements.texts] == ["3 of 4", "no pair decided"] * 2


def test_agreements_of_many_maps_are_not_cut():
    """Long names leave the right panel narrow: what is written there ends in the figure, and outside the panel."""
    names = [f"Method number {one} (normalised)" for one in range(16)]
    row = {"control": False, "hit": 0.5, "hit_low": 0.4, "hit_high": 0.6, "chance_hit": 0.1, "lesions": 60}
    points = pd.DataFrame([{"map": name, "above_centre": True, **row} for name in names])
    row = {"agreement": 0.9, "low": 0.8, "high": 1.0, "right": 139, "decided": 145, "pairs": 253}
    agreements = pd.DataFrame(
        [{"metric": "BAD", "maps": maps, **row} for maps in ("methods and controls", "methods alone")]
    )
    figure = charts.hits_and_agreement(points, agreements)
    figure.draw_without_rendering()
    panel = figure.axes[1]
    assert [text.get_text() for text in panel.texts] == ["139 of 145"] * 2
    for text in (*panel.texts, panel.xaxis.label):
        extent = text.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
    assert min(text.get_window_extent().x0 for text in panel.texts) > panel.get_window_extent().x1
