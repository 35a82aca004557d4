"""Explore maps by hand: an image, a class, a method, and what the network says of the two masked images."""

import base64
import html
import io
from dataclasses import dataclass

import ipywidgets
import numpy as np
import pandas as pd
from PIL import Image

from black_average_drop import cams, evaluation, figures, masks
from black_average_drop.choice import class_labels
from black_average_drop.choice.answers_and_maps import ALPHA
from black_average_drop.trust import localization

COLOUR_MAPS = (figures.COLOUR_MAP, "viridis", "cividis", "inferno", "gray", "jet")
SIDE = 240  # pixels of a panel
THUMBNAIL = 72
BLANK = "For this class the map is blank: it points nowhere, and both masked images are black."


@dataclass(frozen=True)
class View:
    """One map of an image, and what it leaves of the image."""

    heat_map: np.ndarray  # (H, W), as it is drawn and measured
    faded: np.ndarray  # (H, W, 3), the masked image E of AD
    blackened: np.ndarray  # (H, W, 3), the masked image B of BAD
    alpha: float  # the share of pixels that BAD may keep
    kept: float  # the share that it keeps: less where values of the map are equal
    scores: pd.DataFrame  # as of `evaluation.class_scores`, with the rows image, AD and BAD


def look(network, image, features, logits, label, method, alpha):
    """Draw one map, mask the image by it in both ways, and score the masked images.

    Args:
        network: A `networks.Network`.
        image: (H, W, 3), pixels from 0 to 255.
        features: (1, h, w, K), of `network.explain`.
        logits: (1, C), of `network.explain`.
        label: The number of the class to explain.
        method: The name of one of `cams.METHODS`.
        alpha: The share of pixels that BAD keeps, between 0 and 1.

    Returns:
        A `View`.

    Raises:
        ValueError: The method cannot be drawn on this network.
    """
    classes = np.array([label])
    drawn = cams.METHODS[method](evaluation.explain(network, features, logits, classes, image[None]))
    shown = evaluation.upsampled(np.asarray(drawn, "float32"), image.shape[:2])
    pixels = np.asarray(image, "float32")[None]
    kept = masks.kept_pixels(shown, alpha)
    masked_images = np.concatenate([masks.fade(pixels, shown), masks.blend(pixels, kept)])
    masked, _ = network.score(masked_images)
    scores = evaluation.class_scores(network, np.concatenate([logits, masked]), np.repeat(classes, 3))
    return View(shown[0], *masked_images, alpha, float(kept.mean()), scores.set_axis(["image", "AD", "BAD"]))


def explorer(network, dataset, alpha=ALPHA, named=()):
    """Build the page of widgets: thumbnails, class, method, alpha, opacity and colours, and the pictures that follow.

    Args:
        network: A `networks.Network`.
        dataset: A `datasets.Dataset` of a few images.
        alpha: The share of pixels that BAD keeps at first.
        named: The names of the network's outputs in order, if they are known.

    Returns:
        An ipywidgets box.
    """
    answered = {}  # row -> image, features, logits
    names = class_labels.output_names(dataset, network.classes, named, network.activation == "sigmoid")
    state = {"row": 0, "quiet": False}
    label = ipywidgets.Dropdown(options=list(zip(names, range(len(names)), strict=True)), description="class")
    method = ipywidgets.Dropdown(options=_drawable(network, dataset), description="method")
    share = ipywidgets.FloatSlider(alpha, min=0.01, max=0.99, step=0.01, description="alpha")
    opacity = ipywidgets.FloatSlider(figures.PEAK_OPACITY, min=0, max=1, step=0.05, description="opacity")
    colours = ipywidgets.Dropdown(options=COLOUR_MAPS, description="colours")
    page = ipywidgets.HTML()

    def explanation_of(row):
        if row not in answered:
            image = dataset.images([row])[0]
            features, logits, _ = network.explain(image[None])
            answered[row] = image, features, logits
        return answered[row]

    def draw(_=None):
        if not state["quiet"]:
            image, features, logits = explanation_of(state["row"])
            view = look(network, image, features, logits, label.value, method.value, share.value)
            notes = [network.notice, BLANK if localization.blank(view.heat_map[None]).any() else ""]
            above = "".join(f"<p>{html.escape(line)}</p>" for line in (str(dataset.ids[state["row"]]), *notes) if line)
            page.value = above + _pictures(image, view, names, opacity.value, colours.value)

    def choose(row):
        state.update(row=row, quiet=True)  # the class changes with the image: one drawing, not two
        label.value = int(explanation_of(row)[2][0].argmax())
        state["quiet"] = False
        draw()

    for control in (label, method, share, opacity, colours):
        control.observe(draw, "value")
    thumbnails = _thumbnails(dataset, choose)
    choose(0)
    controls = ipywidgets.HBox([label, method, share, opacity, colours], layout=_wrapped())
    return ipywidgets.VBox([thumbnails, controls, page])


def _drawable(network, dataset):
    """The methods that this network allows, by its answer to the first image."""
    explanation = evaluation.explain_batch(network, dataset.images([0]).astype("float32"), np.array([0]), 1)
    return list(cams.usable(explanation, cams.METHODS)[0])


def _wrapped():
    """A layout that continues in a further row where the page is narrow."""
    return ipywidgets.Layout(flex_flow="row wrap")


def _thumbnails(dataset, choose):
    """A small picture of each image over a button, which calls choose(row)."""
    boxes = []
    for row, image in enumerate(dataset.images()):
        button = ipywidgets.Button(description=str(row + 1), tooltip=str(dataset.ids[row]))
        button.layout.width = f"{THUMBNAIL}px"
        button.on_click(lambda _, row=row: choose(row))
        small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL))
        boxes.append(ipywidgets.VBox([ipywidgets.Image(value=_png(small), format="png"), button]))
    return ipywidgets.HBox(boxes, layout=_wrapped())


def _pictures(image, view, names, opacity, colour_map):
    """The map over the image, its scale and the two masked images, each with its score, as HTML."""
    share = f"{100 * view.kept:.0f} %"
    over = figures.picture(image, view.heat_map, view.alpha, SIDE, colour_map, opacity)
    outline = f"; outline: the {share} of pixels that BAD keeps" if view.kept else ""
    panels = [
        _panel(f"the map over the image{outline}", over, "Y", view.scores.loc["image"], names),
        _scale(colour_map, opacity),
        _panel("E, faded by the map (AD)", _resized(view.faded), "O", view.scores.loc["AD"], names),
        _panel(f"B, {share} of the pixels left (BAD)", _resized(view.blackened), "O", view.scores.loc["BAD"], names),
    ]
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(panels)}</div>'


def _panel(title, pixels, sign, scores, names):
    """A picture (SIDE, SIDE, 3) with its title and what the network says of it, as HTML."""
    predicted = html.escape(str(names[int(scores["predicted"])]))
    said = f"{title}<br>{sign} = <b>{scores['score']:.4f}</b>, predicted {predicted}"
    return (
        f'<figure style="margin:0 8px 8px 0;width:{SIDE}px">{_img(pixels, title, SIDE, SIDE)}'
        f"<figcaption>{said}</figcaption></figure>"
    )


def _scale(colour_map, opacity):
    """The scale of the map, as HTML."""
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
