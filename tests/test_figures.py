import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from black_average_drop import figures


def example(generator, **more):
    maps = {"CAM": generator.random((40, 40)), "Grad-CAM": np.zeros((40, 40))}
    return {"title": "pneumonia", "image": generator.integers(0, 256, (40, 40, 3)), "maps": maps, **more}


def test_figure1_shows_each_image_and_each_map_with_its_outline(generator):
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    rows = [example(generator, mask=mask), example(generator, boxes=[("lesion", 5, 5, 20, 30)])]
    figure = figures.figure1(rows, ("CAM", "Grad-CAM"), banner="smoke run")
    panels, bar = figure.axes[:-1], figure.axes[-1]
    assert len(panels) == 6 and [panel.get_title() for panel in panels[:3]] == ["input", "CAM", "Grad-CAM"]
    assert [len(panel.images) for panel in panels] == [1, 2, 2, 1, 2, 2]
    assert {image.get_clim() for panel in panels for image in panel.images[1:]} == {(0.0, 1.0)}  # one scale
    assert all(len(panel.patches) == 1 for panel in panels[3:]) and panels[0].collections
    assert [text.get_text() for text in panels[2].texts] == ["empty map"]
    assert "peak" in bar.get_ylabel() and figure.get_suptitle() == "smoke run"


def test_saved_files_are_readable_and_repeatable(generator, tmp_path):
    row = example(generator)
    contents = []
    for _ in range(2):
        written = figures.save(figures.figure1([row], ("CAM", "Grad-CAM")), tmp_path / "figure1")
        contents.append([path.read_bytes() for path in written])
    assert contents[0] == contents[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure1.pdf", "figure1.png"]
    with Image.open(tmp_path / "figure1.png") as image:
        assert image.width > 800 and np.asarray(image.convert("L")).std() > 10
    assert contents[0][1].startswith(b"%PDF")


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
    figure = figures.learning_curves(history, "smoke run")
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
    figure = figures.assessments({"relu": curve}, {"relu": table}, {"relu": "AUC 0.9"})
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
    ]
    rows += [(data, metric, "alone", 5, 0.1, -0.2, 0.3, "") for data, metric, *_ in rows]
    table = pd.DataFrame(rows, columns=["data", "metric", "maps", "known", "set", "set_low", "set_high", "fooled_by"])
    figure = figures.verdict(table, ("with", "alone"), "smoke run")
    panels = figure.axes[:2]
    assert [panel.get_title() for panel in panels] == ["with", "alone"] and figure.get_suptitle() == "smoke run"
    texts = {text.get_position(): text.get_text() for text in panels[0].texts}
    assert texts == {
        (0, 0): "-0.50, n 5\n[-0.75, -0.25] †",
        (0, 1): "+0.90, n 5\n[+0.80, +1.00]",
        (1, 0): "no ranking",
        (1, 1): "–",
    }
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["AD", "BAD"]
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["lesions", "boxes"]
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
    figure = figures.sanity(table, "")
    assert [axes.get_xlabel() for axes in figure.axes] == list(measures)
    for axes in figure.axes:
        points = [container.lines[0].get_xdata() for container in axes.containers]
        assert len(points) == 2 and all(np.allclose(one, [0, 0.1, 0.2]) for one in points)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["CAM", "Grad-CAM++", "Eigen-CAM"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(kinds)


def drawn(figure):
    """The pixels of a figure, (H, W, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


@pytest.fixture
def fonts(monkeypatch, tmp_path):
    """Matplotlib with its usual font alone, and a function that installs one of the given letters, each a bar as wide
    as its place among them."""

    def forget():
        figures._font_of.cache_clear()
        figures._letters.cache_clear()

    usual = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu Sans")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", usual)
    forget()

    def install(name, letters):
        names = [".notdef", *(f"letter{place}" for place in range(len(letters)))]
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap(dict(zip(map(ord, letters), names[1:], strict=True)))
        glyphs = {}
        for place, glyph in enumerate(names):
            pen, right = TTGlyphPen(None), 100 + 200 * place
            pen.moveTo((50, 0))
            for point in ((50, 800), (right, 800), (right, 0)):
                pen.lineTo(point)
            pen.closePath()
            glyphs[glyph] = pen.glyph()
        builder.setupGlyf(glyphs)
        builder.setupHorizontalMetrics({glyph: (1000, 50) for glyph in names})
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": name, "styleName": "Regular"})
        builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
        builder.setupPost()
        builder.save(tmp_path / f"{name}.ttf")
        font_manager.fontManager.addfont(tmp_path / f"{name}.ttf")
        forget()

    yield install
    forget()


def test_japanese_names_are_drawn_by_a_font_that_has_their_letters(fonts, generator):
    def sheet(title):
        return drawn(figures.contact_sheet(np.zeros((1, 40, 40, 3)), [title]))

    fonts("IPAGothic", "正常肺炎")
    assert figures.in_picture(["正常", "肺炎"], "class") == (["正常", "肺炎"], {})
    assert (sheet("正常") != sheet("肺炎")).any() and (sheet("正常 a") != sheet("正常")).any()
    rows = [
        example(generator, title=title) | {"image": np.zeros((40, 40, 3))} for title in ("a.png\n正常", "a.png\n肺炎")
    ]
    one, other = (drawn(figures.figure1([rows[0] | {"title": row["title"]}], ("CAM",))) for row in rows)
    assert (one != other).any()


def test_names_that_no_font_can_draw_become_numbers_which_the_page_explains(fonts):
    names = ["正常", "normal", "肺炎"]
    assert figures.in_picture(names, "class") == (
        ["class 1", "normal", "class 3"],
        {"class 1": "正常", "class 3": "肺炎"},
    )
    fonts("Some Gothic", "正常")  # any font will do
    assert figures.in_picture(names, "class") == (["正常", "normal", "class 3"], {"class 3": "肺炎"})


def test_dollars_in_names_are_no_formulas(generator):
    name = "$x_1$ $\\frac$"  # the second half is no formula that could be drawn
    table = pd.DataFrame(
        {"metric": "BAD", "map": [name, "CAM"], "control": False, "drop": 0.5, "low": 0.4, "high": 0.6}
    )
    shares = pd.DataFrame([[3, 1], [0, 4]], index=[name, "b"], columns=[name, "b"])
    curve = pd.DataFrame({"false_positive_rate": [0, 1], "sensitivity": [0, 1], "low": 0, "high": 1.0})
    row = example(generator, title=name)
    for figure in (
        figures.figure1([row | {"maps": {name: row["maps"]["CAM"]}}], (name,), banner=name),
        figures.contact_sheet(row["image"][None], [name]),
        figures.ranking(table),
        figures.assessments({"relu": curve}, {"relu": shares}, {"relu": name}),
    ):
        drawn(figure)
        shown = [text for text in figure.findobj(Text) if text.get_text() == name]
        assert shown and not any(text.get_parse_math() for text in shown)


def test_long_names_lose_their_middle_and_leave_room_for_the_images(generator):
    long = "patient-" + "0123456789" * 20 + "-left.png"
    one, other = (figures.figure1([example(generator, title=f"{name}\nclass")], ("CAM",)) for name in (long, "a.png"))
    shown = one.axes[0].get_ylabel().split("\n")
    assert shown[0].startswith("patient-") and shown[0].endswith("-left.png") and len(shown[0]) <= 30
    drawn(one), drawn(other)
    assert one.axes[0].get_window_extent().width > 0.9 * other.axes[0].get_window_extent().width
    sheet = figures.contact_sheet(generator.random((2, 40, 40, 3)), [long, "肺" * 40])
    titles = [panel.get_title() for panel in sheet.axes[:2]]
    assert titles[0] == shown[0] and len(titles[1]) <= 15 and "…" in titles[1]


def test_identical_images_have_an_interval_of_no_width():
    """The mean of equal drops, and the ends of its interval, may differ by rounding."""
    drop = 0.1 + 0.2
    table = pd.DataFrame({"metric": "BAD", "map": ["CAM"], "control": False, "drop": drop})
    figure = figures.ranking(table.assign(low=np.nextafter(drop, 1), high=np.nextafter(drop, 0)))
    (bar,) = figure.axes[0].containers
    assert np.ptp(bar.lines[2][0].get_segments()[0][:, 0]) < 1e-9
