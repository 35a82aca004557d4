"""How a page looks and what it may hold: HTML that needs no network and runs nothing."""

import re
import struct
from html import escape
from urllib.parse import quote

from black_average_drop import wording

STYLE = """
:root{color-scheme:light dark;--ink:#1c1c1c;--page:#fff;--faint:#595959;--line:#ccc;--box:#f4f4f4;--link:#0b57a4}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--page:#161618;--faint:#b0b0b0;--line:#4a4a4e;--box:#232327;
--link:#8ab8f0}}
*{box-sizing:border-box}html{background:var(--page);-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:1rem;color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1,h2,h3,h4{line-height:1.2;margin:2rem 0 .6rem}h1{margin-top:.6rem}
h2{border-top:1px solid var(--line);padding-top:1rem}
p,li,dd,summary{overflow-wrap:anywhere}p,ul,ol{max-width:50rem}a{color:var(--link)}code,pre{font-size:.875em}
figure{margin:1rem 0 0}figcaption,.faint{color:var(--faint);font-size:.875rem}
img{max-width:100%;height:auto;background:#fff;padding:6px;border-radius:4px}
.scroll,.output_png,pre{overflow-x:auto}pre{margin:.6rem 0}
table{border-collapse:collapse;width:max-content;max-width:max(100%,56rem);margin:.6rem 0;font-size:.875rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem;text-align:left;vertical-align:top;min-width:3.5rem}
thead th{vertical-align:bottom}tbody th{white-space:nowrap}.dataframe td{font-variant-numeric:tabular-nums}
details{margin:.6rem 0 1.2rem}summary{cursor:pointer;padding:.2rem 0}details.origin{background:var(--box);
border-radius:4px;padding:.3rem .8rem;font-size:.875rem}dl{margin:.4rem 0 .8rem}dt{font-weight:600;margin-top:.5rem}
dd{margin:0}.sum{font-family:ui-monospace,monospace;font-size:.75rem;color:var(--faint);overflow-wrap:anywhere}
.notice{border-left:4px solid #b35900;background:var(--box);padding:.5rem .8rem;font-weight:600}
@media(max-width:56rem){.scroll img,.output_png img{max-width:none}h1{font-size:1.6rem}}
@media print{:root{color-scheme:light;--ink:#000;--page:#fff;--faint:#333;--line:#999;--box:#fff;--link:#000}
body{max-width:none;padding:0;font-size:9.5pt}.scroll,.output_png,pre{overflow:visible}pre{white-space:pre-wrap}
table{width:auto;max-width:100%;font-size:7pt}th,td{min-width:0;padding:.1rem .25rem}tbody th{white-space:normal}
.scroll img,.output_png img{max-width:100%;padding:0}figcaption{font-size:7pt}figure,tr,.notice{break-inside:avoid}
h1,h2,h3,h4,h2+p{break-after:avoid}nav{display:none}
details.origin{padding:0;font-size:6.5pt;line-height:1.3}
details.origin::details-content{content-visibility:visible;block-size:auto}
details.origin :is(dl,dt,dd,span){display:inline;margin:0;font-size:inherit}details.origin .input{display:inline-block;
margin-right:1em}dt::after{content:": "}dd::after{content:". "}}
"""
DOTS = 150  # an inch, of what `figure_files.save_figure` writes
TAGS = "a b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup".split()
TAGS += "table tbody td tfoot th thead tr ul".split()  # nothing that a browser would load, and nothing that runs


def from_markdown(text):
    """Markdown as HTML that `clean` lets through, each table in a box that a phone can scroll."""
    from nbconvert.filters import markdown2html

    return scrolling(clean(markdown2html(text)))


def clean(html):
    """HTML in which everything but plain elements is text, and which loads nothing."""
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    html = re.sub(r'<style scoped>.*?</style>|<a class="anchor-link".*?</a>', "", html, flags=re.DOTALL)
    allowed = {"a": ["href"], "table": ["class"], "td": ["colspan", "rowspan"], "th": ["colspan", "rowspan"]}
    return SanitizeHTML(tags=TAGS, attributes=allowed).sanitize_html_tags(html)


def scrolling(html):
    """Each table in a box of its own, which a phone can scroll sideways."""
    return html.replace("<table", '<div class="scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def link(file, text=None):
    """A link to a file next to the page; text is shown in the place of its name."""
    return f'<a href="{quote(file)}">{escape(text or file)}</a>'


def whole_page(title, profile, body):
    """A page with its style; of a profile that says little, with the banner that says so."""
    banner = wording.banner(profile)
    notice = f'<p class="notice">{banner}</p>\n' if banner else ""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<body>\n{notice}{body}\n</body>\n</html>\n"
    )


def image(picture, source, alternative):
    """An image of a page at the size it was designed in, in a box that a phone can scroll.

    Args:
        picture: the path of a PNG of 150 dots an inch.
        source: where the page finds it.
        alternative: text for those who do not see it.
    """
    with open(picture, "rb") as file:
        size = struct.unpack(">II", file.read(24)[16:])
    width, height = (round(pixels * 96 / DOTS) for pixels in size)
    shown = f'<img src="{source}" alt="{escape(alternative)}" width="{width}" height="{height}">'
    return f'<div class="scroll" tabindex="0">{shown}</div>'
