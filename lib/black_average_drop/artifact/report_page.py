"""The report of a study as one HTML file and as a PDF, from its Markdown and the figures next to it."""

import base64
import re
from pathlib import Path

from black_average_drop.artifact.html_pages import from_markdown, image, whole_page
from black_average_drop.choice.report import TEXT
from black_average_drop.files import replacing

PAGE, PDF = "report.html", "report.pdf"
_FIGURE = re.compile(r"^!\[(.*)\]\((\w+\.png)\)$", re.MULTILINE)
_EDGE, _LETTERS, _LEADING = 13, 8.5, 1.15  # millimetres, points, times the height of letters


def write_report(folder):
    """Write PAGE and PDF into the folder of a study.

    Args:
        folder: a path, of the report's text and its figures.

    Returns:
        The two paths.
    """
    text = (folder / TEXT).read_text(encoding="utf-8")
    parts = _FIGURE.split(text)  # text, alternative, file, text, ...
    texts, figures = parts[::3], list(zip(parts[1::3], parts[2::3], strict=True))
    title = texts[0].split("\n")[0].lstrip("# ").replace("`", "")
    texts = [from_markdown(part) for part in texts]
    with replacing(folder / PAGE) as partial:
        partial.write_text(_page(title, texts, figures, folder), encoding="utf-8")
    with replacing(folder / PDF) as partial:
        _pdf(title, texts, figures, folder).output(partial)
    return folder / PAGE, folder / PDF


def _page(title, texts, figures, folder):
    """The HTML of the report, with its figures in it."""
    body = texts[0].replace("<p><strong>Doubtful:", '<p class="notice"><strong>Doubtful:')
    for (alternative, file), text in zip(figures, texts[1:], strict=True):
        content = base64.b64encode((folder / file).read_bytes()).decode()
        source = f"data:image/png;base64,{content}"
        body += f"\n<figure>{image(folder / file, source, alternative)}</figure>\n{text}"
    return whole_page(title, "", body)


def _pdf(title, texts, figures, folder):
    """The report as an `fpdf.FPDF`, on A4."""
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_title(title)
    pdf.set_margin(_EDGE)
    _add_fonts(pdf)
    pdf.add_page()
    for place, text in enumerate(texts):
        if place:
            alternative, file = figures[place - 1]
            pdf.image(folder / file, w=pdf.epw, alt_text=alternative)
            pdf.ln(2)
        pdf.write_html(_plain(text), tag_styles=_styles(), li_prefix_color="#000000", warn_on_tags_not_matching=False)
    return pdf


def _plain(html):
    """HTML of which `FPDF.write_html` knows every element."""
    return re.sub(r"</?(div|span)[^>]*>", "", html).replace("<p>", f'<p line-height="{_LEADING}">')


def _add_fonts(pdf):
    """Matplotlib's fonts, and behind them those of East Asia that are installed."""
    from matplotlib import font_manager

    from black_average_drop.lettering import FONTS

    place = Path(font_manager.findfont("DejaVu Sans")).parent
    for style, file in (("", "Sans"), ("B", "Sans-Bold"), ("I", "Sans-Oblique"), ("BI", "Sans-BoldOblique")):
        pdf.add_font("DejaVu", style, place / f"DejaVu{file}.ttf")
    installed = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    further = [name for name in FONTS if name in installed]
    for name in further:
        pdf.add_font(name, "", installed[name])
    pdf.set_fallback_fonts(further, exact_match=False)
    pdf.set_font("DejaVu", size=_LETTERS)


def _styles():
    """How the elements of the report are drawn."""
    from fpdf import FontFace, TextStyle

    plain = {"font_family": "DejaVu"}
    return {
        "h1": TextStyle(**plain, font_style="B", font_size_pt=14, color="#000000", t_margin=0, b_margin=0.1),
        "h2": TextStyle(**plain, font_style="B", font_size_pt=10, color="#000000", t_margin=2, b_margin=0.1),
        "p": TextStyle(**plain, font_size_pt=_LETTERS, t_margin=1, b_margin=1),
        "code": FontFace(family="DejaVu"),
    }
