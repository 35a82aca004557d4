"""Figures: maps over images that keep the image visible, outlines that are right, and charts of the numbers given."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from skimage.color import deltaE_ciede2000, rgb2lab

from black_average_drop import cams, figures, masks

# Machado, Oliveira and Fernandes 2009: what a viewer without one kind of cone sees, in linear light.
COLOUR_BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
GREY_PRINT = [[0.2126, 0.7152, 0.0722]] * 3  # luminance
VIEWERS = {"usual": np.eye(3), "grey print": GREY_PRINT} | COLOUR_BLIND


def example(generator, **more):
    maps = {"CAM": generator.random((40, 40)), "Grad-CAM": np.zeros((40, 40))}
    return figures.Row("pneumonia", generator.integers(0, 256, (40, 40, 3)), maps, **more)


def test_figure1_shows_each_image_and_each_map_with_its_outlines(generator):
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    rows = [example(generator, mask=mask, alpha=0.2), example(generator, boxes=[("lesion", 5, 5, 20, 30)], alpha=0.2)]
    figure = figures.figure1(rows, ("CAM", "Grad-CAM"), banner="smoke run")
    panels, bar = figure.axes[:-1], figure.axes[-1]
    assert len(panels) == 6 and [panel.get_title() for panel in panels[:3]] == ["input", "CAM", "Grad-CAM"]
    for row, (bare, drawn, blank) in zip(rows, np.reshape(panels, (2, 3)), strict=True):
        np.testing.assert_array_equal(bare.images[0].get_array(), row.image)
        np.testing.assert_array_equal(blank.images[0].get_array(), row.image)
        np.testing.assert_array_equal(drawn.images[0].get_array(), figures.overlay(row.image, row.maps["CAM"]))
        assert [text.get_text() for text in blank.texts] == ["blank map"] and not drawn.texts
    assert all(len(panel.patches) == 1 for panel in panels[3:]) and not any(panel.patches for panel in panels[:3])
    assert [len(panel.collections) for panel in panels] == [1, 2, 1, 0, 1, 0]  # of the mask, and of what BAD keeps
    ends = [label.get_text() for label in bar.get_yticklabels()]
    assert ends[0] == "0: the image\nitself" and ends[-1] == "1: the map's\npeak"
    assert figure.get_suptitle() == "smoke run"
    np.testing.assert_array_equal(bar.images[0].get_array(), figures.scale())
    assert bar.get_ylim() == (0, 1) and bar.images[0].get_extent()[2:] == [0, 1]


def test_panels_and_scale_share_the_colours_asked_for(generator):
    row = example(generator)
    _, panel, bar = figures.figure1([row], ("CAM",), colour_map="jet").axes
    np.testing.assert_array_equal(panel.images[0].get_array(), figures.overlay(row.image, row.maps["CAM"], "jet"))
    np.testing.assert_array_equal(bar.images[0].get_array(), figures.scale("jet"))


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_the_legend_says_what_the_outlines_are(generator):
    truth = "dashed: the lesion or object, where it is known"
    row = example(generator)
    assert legend_of(figures.figure1([row], ("CAM",))) == []
    assert legend_of(figures.figure1([replace(row, alpha=0.215)], ("CAM",))) == [
        "outline: the 21.5 % of pixels that BAD keeps"
    ]
    assert legend_of(figures.figure1([replace(row, boxes=[("lesion", 5, 5, 20, 30)])], ("CAM",))) == [truth]
    figure = figures.figure1([replace(row, alpha=0.2, mask=np.eye(40) > 0), replace(row, alpha=0.75)], ("CAM",))
    assert legend_of(figure) == ["outline: the pixels that BAD keeps, their share at the left", truth]
    labels = [panel.get_ylabel() for panel in figure.axes if panel.get_ylabel()]
    assert labels == ["pneumonia\nBAD keeps 20\N{NO-BREAK SPACE}%", "pneumonia\nBAD keeps 75\N{NO-BREAK SPACE}%"]


def test_the_legend_tells_the_share_that_is_kept_where_values_are_equal(generator):
    half = np.where(np.arange(1600).reshape(40, 40) < 800, generator.random((40, 40)), 0)
    maps = {"a": half, "b": generator.random((40, 40)), "blank": half * 0}
    row = replace(example(generator, alpha=0.6), maps=maps)
    assert legend_of(figures.figure1([row], tuple(row.maps))) == ["outline: the 50–60 % of pixels that BAD keeps"]
    assert legend_of(figures.figure1([row], ("a",))) == ["outline: the 50 % of pixels that BAD keeps"]
    assert legend_of(figures.figure1([row], ("blank",))) == []


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("nothing", [None, 0.0, -1.0, np.nan, np.inf])
def test_an_image_without_a_map_keeps_its_pixels(generator, dtype, nothing):
    image = generator.integers(0, 256, (6, 9, 3)).astype(dtype)
    heat_map = None if nothing is None else np.full((6, 9), nothing, "float32")
    drawn = figures.overlay(image, heat_map)
    assert drawn.dtype == "uint8"
    np.testing.assert_array_equal(drawn, image)


def test_opacity_follows_the_map(generator):
    """By the formula, a pixel at a time; where the map is not positive, the pixel of the image itself."""
    image = generator.integers(0, 256, (5, 7, 3)).astype("uint8")
    heat_map = generator.normal(size=(5, 7)).astype("float32")
    drawn = figures.overlay(image, heat_map, "jet", 0.8)
    colour_of = matplotlib.colormaps["jet"]
    for place in np.ndindex(5, 7):
        level = max(heat_map[place], 0) / heat_map.max()
        colour = np.array(colour_of(float(level))[:3]) * 255
        np.testing.assert_allclose(drawn[place], (1 - 0.8 * level) * image[place] + 0.8 * level * colour, atol=0.51)
        if heat_map[place] <= 0:
            np.testing.assert_array_equal(drawn[place], image[place])
    peak = np.unravel_index(heat_map.argmax(), heat_map.shape)
    np.testing.assert_allclose(drawn[peak], 0.2 * image[peak] + 0.8 * 255 * np.array(colour_of(1.0)[:3]), atol=0.51)
    np.testing.assert_array_equal(figures.overlay(image, 7 * heat_map, "jet", 0.8), drawn)  # of any scale
    np.testing.assert_array_equal(figures.overlay(image, heat_map, "jet", 0), image)


def smooth(generator, size):
    """A map like those of the networks: low values clipped at 0 and brought to the size of an image."""
    low = np.maximum(generator.normal(size=(1, 7, 7)), 0).astype("float32")
    return cams.upsample(low, size)[0]


def enclosed(axes):
    """The pixels (H, W) whose centres lie within the lines of the axes: inside of an odd number of them."""
    height, width = axes.images[0].get_array().shape[:2]
    centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    inside = np.zeros(len(centres), bool)
    for path in axes.collections[0].get_paths():
        for line in path.to_polygons(closed_only=False):
            np.testing.assert_allclose(line[0], line[-1])  # closed, at the edge of the image too
            inside ^= matplotlib.path.Path(line).contains_points(centres)
    return inside.reshape(height, width)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 0.75, 0.98])
@pytest.mark.parametrize("size", [(40, 40), (33, 57)])
def test_the_outline_encloses_what_bad_keeps(generator, alpha, size):
    ramp = np.broadcast_to(np.arange(size[1], dtype="float32"), size)  # touches three edges, and values tie
    for heat_map in (smooth(generator, size), smooth(generator, size), generator.random(size), ramp):
        axes = Figure().add_subplot()
        figures.show(axes, np.zeros((*size, 3)), heat_map, alpha)
        kept = masks.kept_pixels(heat_map[None], alpha)[0]
        assert 0 < kept.sum() <= round(alpha * kept.size)
        np.testing.assert_array_equal(enclosed(axes), kept)
        assert axes.axis() == (-0.5, size[1] - 0.5, size[0] - 0.5, -0.5)  # of the image, no wider for the line


def test_there_is_no_outline_around_nothing(generator):
    for heat_map, alpha in ((np.zeros((8, 8)), 0.2), (np.ones((8, 8)), 0.2), (generator.random((8, 8)), None)):
        axes = Figure().add_subplot()
        figures.show(axes, np.zeros((8, 8, 3)), heat_map, alpha)
        assert not axes.collections


def test_the_outline_and_the_truth_are_told_apart(generator):
    """By the style of the line and by its lightness; each on black and on white by what lies around it."""
    axes = Figure().add_subplot()
    figures.show(axes, np.zeros((40, 40, 3)), smooth(generator, (40, 40)), 0.3, smooth(generator, (40, 40)) > 0.5)
    figures.show(axes, np.zeros((40, 40, 3)), boxes=[("lesion", 5, 5, 20, 30)])
    (kept, truth), (box,) = axes.collections, axes.patches
    assert kept.get_linestyle()[0][1] is None and truth.get_linestyle()[0][1] and box.get_linestyle() != "-"
    lines = [kept.get_edgecolor()[0, :3], truth.get_edgecolor()[0, :3]]
    np.testing.assert_array_equal(box.get_edgecolor()[:3], lines[1])
    for viewer in VIEWERS:
        lightness = rgb2lab(seen_by(viewer, np.array([lines])))[0, :, 0]
        assert lightness[0] - lightness[1] > 15 and lightness.min() > 50  # the halo is black
    for image in (0, 255):
        pixels = figures.picture(np.full((40, 40, 3), image), smooth(generator, (40, 40)), 0.3, 240, opacity=0)
        assert pixels.min() < 40 and pixels.max() > 230


def seen_by(viewer, colours):
    """sRGB colours (h, w, 3) from 0 to 1 as one of VIEWERS sees them."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(VIEWERS[viewer]).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def steps_of_the_scale(viewer, colour_map=figures.COLOUR_MAP):
    """From each fifth of the scale to the next: the rise in lightness L*, and the difference in colour, CIEDE2000, both
    (5, 64) for images from black to white."""
    rows = figures.scale(colour_map)[np.linspace(255, 0, 6).round().astype(int)] / 255
    lab = rgb2lab(seen_by(viewer, rows))
    return np.diff(lab[..., 0], axis=0), deltaE_ciede2000(lab[1:], lab[:-1])


def test_the_scale_begins_with_the_image():
    bar = figures.scale()
    assert bar.shape == (256, 64, 3)
    np.testing.assert_array_equal(bar[-1], np.repeat(np.linspace(0, 255, 64).round()[:, None], 3, axis=1))
    peak = 255 * np.array(matplotlib.colormaps[figures.COLOUR_MAP](1.0)[:3])
    np.testing.assert_allclose(bar[0, 0], figures.PEAK_OPACITY * peak, atol=0.51)
    np.testing.assert_allclose(bar[0, -1], (1 - figures.PEAK_OPACITY) * 255 + figures.PEAK_OPACITY * peak, atol=0.51)


@pytest.mark.parametrize("viewer", VIEWERS)
def test_the_scale_keeps_its_order_in_lightness(viewer):
    """On dark to bright grey. White bones cannot become lighter: there only colour and outline tell."""
    rise, _ = steps_of_the_scale(viewer)
    assert rise[:, :32].min() > (0.4 if viewer == "protanopia" else 1)  # to the grey 128, lighter with every step
    assert rise[:, :50].sum(axis=0).min() > 8  # to the grey 200, lighter at the peak than without a map
    assert steps_of_the_scale(viewer, "viridis")[0][:, :32].min() < -2  # dark before it is light


@pytest.mark.parametrize("viewer", ["usual", *COLOUR_BLIND])
def test_the_steps_of_the_scale_are_told_apart(viewer):
    """A difference of 1 is just seen; on all greys up to 204, as bright as ribs are."""
    _, difference = steps_of_the_scale(viewer)
    assert difference[:, :51].min() > 2
    assert steps_of_the_scale(viewer, "gray")[1][:, :51].min() < 1


def test_a_picture_is_the_panel_of_the_report(generator):
    image, heat_map = generator.integers(0, 256, (48, 48, 3)).astype("uint8"), smooth(generator, (48, 48))
    bare = figures.picture(image, heat_map, None, 48)
    np.testing.assert_array_equal(bare, figures.overlay(image, heat_map))
    canvas = FigureCanvasAgg(Figure(figsize=(1.5, 1.5), dpi=100))
    figures.show(canvas.figure.add_axes((0, 0, 1, 1)), image, heat_map, 0.3, colour_map="jet", opacity=0.4)
    canvas.draw()
    report = np.asarray(canvas.buffer_rgba())[..., :3]
    np.testing.assert_array_equal(figures.picture(image, heat_map, 0.3, 150, "jet", 0.4), report)


def test_pictures_fill_their_square(generator):
    image = np.full((20, 60, 3), 200, "uint8")
    assert (figures.picture(image, np.zeros((20, 60)), 0.2, 80)[[0, -1], :5] == 200).all()
