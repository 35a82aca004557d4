"""Pictures of a study: examples, and the images on which maps differ most."""

import numpy as np

from black_average_drop import evaluation, figures
from black_average_drop.choice import galleries
from black_average_drop.datasets import phantoms


def test_the_gallery_tells_maps_of_others_from_ours():
    data = phantoms.radiographs(2, size=64)
    maps = {name: np.random.default_rng(1).random((2, 64, 64), "float32") for name in ("CAM", "Pen")}
    given = data, maps, np.array([0, 1]), ["NORMAL", "PNEUMONIA"], np.array([0.2, 0.1]), 0.3, "heat"
    figure, written = galleries.most_apart(*given, {"Pen": None, "the same as CAM": None})
    assert [axes.get_title() for axes in figure.axes[:3]] == ["input", "CAM", "◆ Pen"]
    assert written == {"◆ Pen": "Pen, a map of others"} and galleries.most_apart(*given)[1] == {}


def drawn_examples(count, monkeypatch):
    """The panels of examples, and what was shown in each: pixels, and the map if there is one."""
    data = phantoms.radiographs(count, size=64)
    maps, shown = np.random.default_rng(1).random((count, 8, 8), "float32"), []
    monkeypatch.setattr(figures, "show", lambda axes, pixels, *rest, **given: shown.append((axes, pixels, *rest)))
    classes = np.arange(count) % 2
    figure, replaced = galleries.draw_examples(data, maps, classes, ["NORMAL", "PNEUMONIA"], "CAM", 0.3, "heat")
    assert replaced == {}
    return data, maps, classes, figure, shown


def test_examples_show_each_image_bare_and_with_the_map_below(monkeypatch):
    data, maps, classes, figure, shown = drawn_examples(20, monkeypatch)
    bare, over = shown[::2], shown[1::2]
    assert len(bare) == 6 and all(len(panel) == 2 for panel in bare)
    pictures = data.images()
    for (axes, pixels), (below, same, heat_map, alpha) in zip(bare, over, strict=True):
        (place,) = np.flatnonzero((pictures == pixels).all(axis=(1, 2, 3)))
        assert (same == pixels).all() and alpha == 0.3
        assert (heat_map == evaluation.upsampled(maps[[place]], (64, 64))[0]).all()
        assert axes.get_title() == f"{data.ids[place]}\n{('NORMAL', 'PNEUMONIA')[classes[place]]}"
        assert axes.get_position().y0 > below.get_position().y0
    assert "CAM" in figure.get_supxlabel() and "30 %" in figure.get_supxlabel()


def test_of_fewer_images_all_are_shown(monkeypatch):
    assert len(drawn_examples(2, monkeypatch)[-1]) == 4
