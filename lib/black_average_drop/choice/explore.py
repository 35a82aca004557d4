"""Explore maps by hand: an image, a class, a method, and what the network says of the two masked images."""

import base64
import html
import io

import ipywidgets
import matplotlib
import numpy as np
from PIL import Image

from black_average_drop import cams, evaluation, figures, masks
from black_average_drop.choice import class_labels
from black_average_drop.trust import localization

COLOUR_MAPS = (figures.COLOUR_MAP, "cividis", "inferno", "gray", "jet")
SIDE = 240  # pixels of a panel
THUMBNAIL = 72
BLANK = "For this class the map is blank: it points nowhere, and both masked images are black."


def look(network, image, features, logits, label, method, alpha):
    """One map and what it leaves of the image, as a dict: map (H, W), the masked images faded (AD) and blackened (BAD),
    each (H, W, 3), the share of pixels kept in the latter, and scores, a DataFrame as of `evaluation.class_scores` with
    rows image, AD, BAD.

    image (H, W, 3) in pixels; features (1, h, w, K) and logits (1, C) of it, of `network.explain`; label: the class to
    explain; method: one of `cams.METHODS` by name; alpha: the share of pixels that BAD keeps.
    Raises ValueError where the method cannot be drawn on this network.
    """
    classes = np.array([label])
    drawn = cams.METHODS[method](evaluation.explain(network, features, logits, classes))
    shown = evaluation.upsampled(np.asarray(drawn, "float32"), image.shape[:2])
    pixels = np.asarray(image, "float32")[None]
    kept = masks.kept_pixels(shown, alpha)
    masked_images = np.concatenate([masks.fade(pixels, shown), masks.blend(pixels, kept)])
    masked, _ = network.score(masked_images)
    scores = evaluation.class_scores(network, np.concatenate([logits, masked]), np.repeat(classes, 3))
    found = {"map": shown[0], "kept": kept.mean(), "scores": scores.set_axis(["image", "AD", "BAD"])}
    return found | dict(zip(("faded", "blackened"), masked_images, strict=True))


def overlay(image, heat_map, opacity=figures.OPACITY, colour_map=figures.COLOUR_MAP):
    """An image (H, W, 3) under its map (H, W), scaled to a peak of 1 and drawn at an opacity from 0 to 1: uint8."""
    colours = matplotlib.colormaps[colour_map](masks.opacity(heat_map[None])[0])[..., :3] * 255
    return np.clip((1 - opacity) * image + opacity * colours, 0, 255).round().astype("uint8")


def explorer(network, dataset, alpha=0.2, named=()):
    """A page of widgets on the images of a Dataset: thumbnails, class, method, alpha, opacity, colour map; the map,
    both masked images and their scores follow together. named: the outputs' names, if the model's file has them.
    Returns an ipywidgets box.

    Features are computed once for each image; a moved slider sends the two masked images through the network alone.
    """
    kept = {}  # row -> features, logits
    names = class_labels.output_names(dataset, network.classes, named)
    state = {"row": 0, "quiet": False}
    label = ipywidgets.Dropdown(options=list(zip(names, range(len(names)), strict=True)), description="class")
    method = ipywidgets.Dropdown(options=_drawable(network, dataset), description="method")
    share = ipywidgets.FloatSlider(alpha, min=0.01, max=0.99, step=0.01, description="alpha")
    opacity = ipywidgets.FloatSlider(figures.OPACITY, min=0, max=1, step=0.05, description="opacity")
    colours = ipywidgets.Dropdown(options=COLOUR_MAPS, description="colours")
    page = ipywidgets.HTML()

    def features_of(row):
        if row not in kept:
            image = dataset.images([row])[0]
            features, logits, _ = network.explain(image[None])
            kept[row] = image, features, logits
        return kept[row]

    def draw(_=None):
        if not state["quiet"]:
            image, features, logits = features_of(state["row"])
            found = look(network, image, features, logits, label.value, method.value, share.value)
            said = [network.notice, BLANK if localization.blank(found["map"][None]).any() else ""]
            page.value = _page(dataset.ids[state["row"]], image, found, names, opacity.value, colours.value, said)

    def choose(row):
        state.update(row=row, quiet=True)  # the class changes with the image: one drawing, not two
        label.value = int(features_of(row)[2][0].argmax())
        state["quiet"] = False
        draw()

    thumbnails = []
    for row, image in enumerate(dataset.images()):
        button = ipywidgets.Button(description=str(row + 1), tooltip=str(dataset.ids[row]))
        button.layout.width = f"{THUMBNAIL}px"
        button.on_click(lambda _, row=row: choose(row))
        small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL))
        thumbnails.append(ipywidgets.VBox([ipywidgets.Image(value=_png(small), format="png"), button]))
    for control in (label, method, share, opacity, colours):
        control.observe(draw, "value")
    choose(0)
    wrap = ipywidgets.Layout(flex_flow="row wrap")
    controls = ipywidgets.HBox([label, method, share, opacity, colours], layout=wrap)
    return ipywidgets.VBox([ipywidgets.HBox(thumbnails, layout=wrap), controls, page])


def _drawable(network, dataset):
    """The methods that this network allows, by its answer to the first image."""
    explanation = evaluation.explain_batch(network, dataset.images([0]).astype("float32"), np.array([0]), 1)
    return list(cams.usable(explanation, cams.METHODS)[0])


def _page(name, image, found, names, opacity, colour_map, said):
    """The three panels, each with its score, and above them what is said of the map, as HTML."""
    scores = found["scores"]
    left = f"B, {100 * found['kept']:.0f} % of the pixels left (BAD)"
    shown = {
        "the map over the image": (overlay(image, found["map"], opacity, colour_map), "image"),
        "E, faded by the map (AD)": (found["faded"], "AD"),
        left: (found["blackened"], "BAD"),
    }
    panels = []
    for title, (pixels, row) in shown.items():
        score, predicted = scores.loc[row, "score"], html.escape(str(names[scores.loc[row, "predicted"]]))
        picture = base64.b64encode(_png(Image.fromarray(pixels.astype("uint8")).resize((SIDE, SIDE)))).decode()
        sign = "Y" if row == "image" else "O"
        panels.append(
            f'<figure style="margin:0 8px 8px 0"><img alt="{title}" width="{SIDE}" height="{SIDE}" '
            f'src="data:image/png;base64,{picture}"><figcaption>{title}<br>{sign} = <b>{score:.4f}</b>, '
            f"predicted {predicted}</figcaption></figure>"
        )
    above = "".join(f"<p>{html.escape(line)}</p>" for line in (str(name), *said) if line)
    return f'{above}<div style="display:flex;flex-wrap:wrap">{"".join(panels)}</div>'


def _png(image):
    buffer = io.BytesIO()
    image.save(buffer, "png", compress_level=1)
    return buffer.getvalue()
