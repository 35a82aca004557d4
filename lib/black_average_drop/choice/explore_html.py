"""The pictures of the page to explore maps, as HTML: panels with their scores, the scale, and a curve along alpha."""

import base64
import html
import io

import numpy as np
from PIL import Image

from black_average_drop import figures
from black_average_drop.choice import views

SIDE = 240  # pixels of a panel
_LEFT, _BELOW, _ABOVE = 40, 34, 8  # pixels around the curve


def pictures(image, shown, names, opacity, colour_map):
    """Two maps over the image, their difference, and what each leaves of the image.

    Args:
        image: (H, W, 3), pixels from 0 to 255.
        shown: Method -> `views.View`, one or two.
        names: Of the network's outputs.
        opacity, colour_map: As for `figures.show`.

    Returns:
        HTML.
    """
    maps = [_over(image, name, view, names, opacity, colour_map) for name, view in shown.items()]
    if len(shown) == 2:
        maps.append(_difference(image, shown))
    rows = [[*maps, _scale(colour_map, opacity)]]
    rows.append([panel for name, view in shown.items() for panel in _masked(name, view, names)])
    return "".join(f'<div style="display:flex;flex-wrap:wrap">{"".join(panels)}</div>' for panels in rows)


def curve(along, alpha, full):
    """The score of BAD's masked image against alpha, a line for each method, and the slider's place.

    Args:
        along: Method -> (len(views.SHARES),), the scores.
        alpha: Where the slider is.
        full: The score of the whole image.

    Returns:
        HTML.
    """
    width, height = 2 * SIDE, SIDE
    top = max(full, *(float(scores.max()) for scores in along.values()), 1e-6) * 1.05
    low = min(0.0, *(float(scores.min()) for scores in along.values()))

    def place(share, score):
        across = _LEFT + share * (width - _LEFT - 10)
        return f"{across:.1f},{_ABOVE + (top - score) / (top - low) * (height - _BELOW - _ABOVE):.1f}"

    def line(points, colour, style=""):
        return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2" {style}/>'

    parts = [line([place(0, low), place(1, low)], "#777"), line([place(0, low), place(0, top)], "#777")]
    parts.append(line([place(0, full), place(1, full)], "#777", 'stroke-dasharray="2 4"'))
    parts.append(line([place(alpha, low), place(alpha, top)], "#ff3b30"))
    for colour, scores in zip(views.COLOURS, along.values(), strict=False):
        parts.append(line([place(*point) for point in zip(views.SHARES, scores, strict=True)], colour))
    for share in (0, 0.25, 0.5, 0.75, 1):
        across = place(share, low).split(",")[0]
        parts.append(_letters(across, height - 18, f"{share:g}", "middle"))
    for score in (low, (low + top) / 2, top):
        parts.append(_letters(_LEFT - 4, float(place(0, score).split(",")[1]) + 4, f"{score:.2f}", "end"))
    parts.append(_letters(width / 2, height - 4, "alpha: the share of pixels that BAD keeps", "middle"))
    key = "; ".join(
        f'<span style="color:{colour}">━ {html.escape(name)}</span>'
        for colour, name in zip(views.COLOURS, along, strict=False)
    )
    said = "the score O of BAD's masked image against alpha; dotted: Y; red: the slider"
    drawing = f'<svg role="img" aria-label="{said}" width="{width}" height="{height}">{"".join(parts)}</svg>'
    return f'<figure style="margin:0">{drawing}<figcaption>{key}<br>{said}</figcaption></figure>'


def thumbnail(pixels, side):
    """An image (H, W, 3) at a side of so many pixels, as the bytes of a PNG."""
    return _png(Image.fromarray(pixels).resize((side, side)))


def _letters(across, down, text, anchor):
    return f'<text x="{across}" y="{down}" font-size="11" fill="currentColor" text-anchor="{anchor}">{text}</text>'


def _over(image, name, view, names, opacity, colour_map):
    """The panel of a map over the image."""
    over = figures.picture(image, view.heat_map, view.alpha, SIDE, colour_map, opacity)
    outline = f"; outline: the {100 * view.kept:.0f} % of pixels that BAD keeps" if view.kept else ""
    return _panel(f"{name} over the image{outline}", over, "Y", view.scores.loc["image"], names)


def _difference(image, shown):
    """The panel of the difference of two maps."""
    one, other = shown.values()
    values = views.map_difference(one, other)
    said = views.difference_in_words(list(shown), values, views.light_apart(one, other, image))
    return _figure(_resized(views.in_colour(values)), said.split("\n")[0], said.replace("\n", "<br>"))


def _masked(name, view, names):
    """The panels of both masked images of a method."""
    faded, blackened = _resized(view.faded), _resized(view.blackened)
    share = f"{100 * view.kept:.0f} %"
    yield _panel(f"{name}: E, faded by the map (AD)", faded, "O", view.scores.loc["AD"], names)
    yield _panel(f"{name}: B, {share} of the pixels left (BAD)", blackened, "O", view.scores.loc["BAD"], names)


def _panel(title, pixels, sign, scores, names):
    """A picture (SIDE, SIDE, 3) with its title and what the network says of it."""
    predicted = html.escape(str(names[int(scores["predicted"])]))
    return _figure(pixels, title, f"{title}<br>{sign} = <b>{scores['score']:.4f}</b>, predicted {predicted}")


def _figure(pixels, title, said):
    return (
        f'<figure style="margin:0 8px 8px 0;width:{SIDE}px">{_img(pixels, title, SIDE, SIDE)}'
        f"<figcaption>{said}</figcaption></figure>"
    )


def _scale(colour_map, opacity):
    """The scale of the map."""
    bar = _img(figures.scale(colour_map, opacity), "the scale of the map, over dark to bright pixels", 32, SIDE - 100)
    return (
        f'<div style="margin:0 16px 8px 0;width:64px;font-size:smaller;line-height:1.2">1: the map\'s peak<br>{bar}'
        "<br>0: the image itself</div>"
    )


def _resized(pixels):
    return np.asarray(Image.fromarray(pixels.astype("uint8")).resize((SIDE, SIDE)))


def _img(pixels, title, width, height):
    """Pixels (h, w, 3) as an HTML element that holds them."""
    data = base64.b64encode(_png(Image.fromarray(pixels))).decode()
    return f'<img alt="{title}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'


def _png(image):
    buffer = io.BytesIO()
    image.save(buffer, "png", compress_level=1)
    return buffer.getvalue()
