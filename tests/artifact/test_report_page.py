"""The report as one HTML file and as a PDF, which is opened again."""

import re

import pytest
from matplotlib.figure import Figure

from black_average_drop.artifact import report_page
from black_average_drop.choice.report import TEXT, figure
from black_average_drop.figure_files import save_figure

REPORT = f"""# Which heat map for `a<b>.keras`?

**Doubtful:** The pixels are odd.

**By BAD take CAM.**

{figure("ranking")}

## Each finding by itself

| Finding | BAD |
|---|---|
| `肺<i>` | **CAM 0.2** |

- one
- another

1. Zhou B et al. <script>alert(1)</script>
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / TEXT).write_text(REPORT, encoding="utf-8")
    save_figure(Figure(figsize=(3, 1)), tmp_path / "ranking")
    return tmp_path


def test_the_page_holds_its_figures_and_runs_nothing(folder):
    page, _ = report_page.write_report(folder)
    html = page.read_text(encoding="utf-8")
    assert html.count('src="data:image/png;base64,') == 1 == len(re.findall(r"<img[^>]*alt=\"The mean drop", html))
    assert "<title>Which heat map for a&lt;b&gt;.keras?</title>" in html
    assert '<p class="notice"><strong>Doubtful:' in html and "<script" not in html and "<i>" not in html
    assert html.index("By BAD take CAM") < html.index("<img") < html.index("Each finding by itself")
    assert not re.search(r'(src|href)="https?:', html) and "<table>" in html and "肺" in html


def test_the_pdf_is_one_page_with_the_figure_and_its_alternative(folder):
    _, pdf = report_page.write_report(folder)
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") == 1 and b"/Alt" in content
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    assert {path.name for path in folder.iterdir()} == {TEXT, "ranking.png", "ranking.pdf", "report.html", "report.pdf"}


def test_a_report_without_figures_is_one_too(folder):
    (folder / TEXT).write_text("# Which heat map?\n\nNone.\n")
    page, pdf = report_page.write_report(folder)
    assert "<img" not in page.read_text() and pdf.stat().st_size > 1000
