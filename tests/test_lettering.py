"""The letters of figures: names in any script, names that look like formulas, and names that are too long."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from black_average_drop import charts, figures, lettering


def example(generator, title="pneumonia"):
    return figures.Row(title, generator.integers(0, 256, (40, 40, 3)), {"CAM": generator.random((40, 40))})


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
        lettering._font_of.cache_clear()
        lettering._letters.cache_clear()

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
    assert lettering.in_picture(["正常", "肺炎"], "class") == (["正常", "肺炎"], {})
    assert (sheet("正常") != sheet("肺炎")).any() and (sheet("正常 a") != sheet("正常")).any()
    row = example(generator)
    one, other = (
        drawn(figures.figure1([replace(row, title=title)], ("CAM",))) for title in ("a.png\n正常", "a.png\n肺炎")
    )
    assert (one != other).any()


def test_names_that_no_font_can_draw_become_numbers_which_the_page_explains(fonts):
    names = ["正常", "normal", "肺炎"]
    assert lettering.in_picture(names, "class") == (
        ["class 1", "normal", "class 3"],
        {"class 1": "正常", "class 3": "肺炎"},
    )
    fonts("Some Gothic", "正常")  # any font will do
    assert lettering.in_picture(names, "class") == (["正常", "normal", "class 3"], {"class 3": "肺炎"})


def test_dollars_in_names_are_no_formulas(generator):
    name = "$x_1$ $\\frac$"  # the second half is no formula that could be drawn
    table = pd.DataFrame(
        {"metric": "BAD", "map": [name, "CAM"], "control": False, "drop": 0.5, "low": 0.4, "high": 0.6}
    )
    shares = pd.DataFrame([[3, 1], [0, 4]], index=[name, "b"], columns=[name, "b"])
    curve = pd.DataFrame({"false_positive_rate": [0, 1], "sensitivity": [0, 1], "low": 0, "high": 1.0})
    row = example(generator, title=name)
    for figure in (
        figures.figure1([replace(row, maps={name: row.maps["CAM"]})], (name,), banner=name),
        figures.contact_sheet(row.image[None], [name]),
        charts.ranking(table),
        charts.assessments({"relu": curve}, {"relu": shares}, {"relu": name}),
    ):
        drawn(figure)
        shown = [text for text in figure.findobj(Text) if text.get_text() == name]
        assert shown and not any(text.get_parse_math() for text in shown)


def test_long_names_lose_their_middle_and_leave_room_for_the_images(generator):
    long = "patient-" + "0123456789" * 20 + "-left.png"
    one, other = (figures.figure1([example(generator, title=f"{name}\nclass")], ("CAM",)) for name in (long, "a.png"))
    shown = one.axes[0].get_ylabel().split("\n")
    assert shown[0].startswith("patient-") and shown[1].endswith("-left.png") and shown[2:] == ["class"]
    assert max(map(len, shown)) <= 30
    drawn(one), drawn(other)
    assert one.axes[0].get_window_extent().width > 0.9 * other.axes[0].get_window_extent().width
    sheet = figures.contact_sheet(generator.random((2, 40, 40, 3)), [long, "肺" * 40])
    titles = [panel.get_title() for panel in sheet.axes[:2]]
    assert titles[0].startswith("patient-") and titles[0].endswith("-left.png") and len(titles[0]) <= 26
    assert len(titles[1]) <= 15 and "…" in titles[1]


def test_names_of_several_words_take_several_lines_before_they_lose_letters():
    assert lettering.fitted("CAM", 15) == "CAM"
    assert lettering.fitted("Grad-CAM++ (normalised alpha)", 15) == "Grad-CAM++\n(normalised\nalpha)"
    assert lettering.fitted("inverted Grad-CAM\n5 %", 15) == "inverted\nGrad-CAM\n5 %"
    assert lettering.fitted("abcdefghijklmnopqrstuvwxyz\n5", 15) == "abcdefghijklmno\npqrstuvwxyz\n5"
    words = "one two three four five six seven eight nine ten eleven"
    assert lettering.fitted(words, 15) == "one two three\n…ine ten eleven"
    assert lettering.fitted("0123456789" * 20, 15) == "01234567890123…\n67890123456789"
    assert lettering.fitted("肺" * 40, 15) == "肺肺肺…肺肺肺"
    assert lettering.fitted("", 15) == ""
