"""The letters of figures: text as it was given, in a font that has its letters, and no longer than its place."""

import functools
import textwrap
import unicodedata

import numpy as np
from matplotlib import font_manager
from matplotlib.text import Text

ACCENT = "#ff3b30"  # of banners, and of lines to be noticed
# Fonts that have the letters of East Asia, of which a system usually has one; the first one that is there is taken.
FONTS = ("Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAGothic", "Hiragino Sans", "Yu Gothic", "MS Gothic")
NO_FONT = "Last Resort High-Efficiency"  # comes with Matplotlib, and draws a box for everything
OTHERS = "◆"  # stands before the names of maps that others drew
LINE = 26  # letters of a title, those of double width twice


def in_picture(names, kind):
    """Replace the names that no installed font can draw by "kind 3", with their place in names, counted from 1.

    Args:
        names: The names, of any type that can be text.
        kind: What they are names of, such as "image".

    Returns:
        The names to draw, a list, and a dict from each replacement to its name, for the page to explain.
    """
    names = [str(name) for name in names]
    drawn = [name if _drawable(name) else f"{kind} {place}" for place, name in enumerate(names, 1)]
    return drawn, {new: name for new, name in zip(drawn, names, strict=True) if new != name}


def of_maps(others):
    """Write the names of maps that others drew, so that a picture tells them from those of the methods.

    Args:
        others: Their names, in the same order for every picture.

    Returns:
        A dict from each name to what a picture says: OTHERS and the name, or OTHERS and "set 2" where no installed font
        can draw it.
    """
    return {name: f"{OTHERS} {drawn}" for name, drawn in zip(others, in_picture(others, "set")[0], strict=True)}


def legend(replaced):
    """Write what stands for which name, one a line, from the dict that `in_picture` gives."""
    return "\n".join(f"{new}: {name}" for new, name in replaced.items())


def labelled(figure, banner=""):
    """Finish a figure: a banner across its head, no formulas between dollars, and a font for every letter.

    Args:
        figure: A matplotlib Figure with all of its text.
        banner: The text of the banner; empty for none.

    Returns:
        The figure.
    """
    if banner:
        figure.suptitle(banner, color=ACCENT, fontsize=11, weight="bold")
    usual = font_manager.FontProperties().get_name()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        further = {_font_of(letter) for letter in text.get_text() if not letter.isspace()} - {None, usual}
        if further:
            text.set_fontfamily([*text.get_fontfamily(), *sorted(further)])
    return figure


def shortened(text, line=LINE):
    """Leave out the middle of a text that is too long for its place: names of files differ at their ends.

    Args:
        text: One line.
        line: The number of letters that have room; those of double width count twice.

    Returns:
        The text, with "…" for what is left out.
    """
    widths = [_width(letter) for letter in text]
    if sum(widths) <= line:
        return text
    reach = np.cumsum(widths), np.cumsum(widths[::-1])
    start, end = (int((one <= (line - 1) / 2).sum()) for one in reach)
    return f"{text[:start]}…{text[len(text) - end :]}"


def fitted(text, line=LINE):
    """Break each line of a text that is too long for its place into up to three, and shorten it before if need be.

    Args:
        text: One line or more.
        line: The number of letters that have room.

    Returns:
        The text with its new lines.
    """
    fitting = []
    for part in text.split("\n"):
        for wide in (part, shortened(part, 2 * line), shortened(part, line)):
            broken = textwrap.wrap(wide, line, break_on_hyphens=False)
            if len(broken) <= 3 and max(map(_width, broken), default=0) <= line:
                break
        fitting += broken
    return "\n".join(fitting)


def _width(text):
    """The number of letters in a text, those of double width counted twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _drawable(text):
    return all(letter.isspace() or _font_of(letter) is not None for letter in text)


@functools.cache
def _font_of(letter):
    """The name of an installed font that has the letter: the usual one, one of FONTS, or any other; None if none."""
    usual = font_manager.FontProperties().get_name()
    installed = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    known = [name for name in (usual, *FONTS) if name in installed]
    for name in (*known, *sorted(set(installed) - set(known) - {NO_FONT})):
        if ord(letter) in _letters(installed[name]):
            return name
    return None


@functools.cache
def _letters(path):
    return frozenset(font_manager.get_font(path).get_charmap())
