"""Explore maps by hand: an image, a class, two methods, and what the network says of their masked images."""

import html
import re
from pathlib import Path

import ipywidgets
import numpy as np

from black_average_drop import cams, evaluation, figures
from black_average_drop.choice import class_labels, explore_html, views
from black_average_drop.choice.answers_and_maps import ALPHA
from black_average_drop.figure_files import save_figure
from black_average_drop.trust import localization

COLOUR_MAPS = (figures.COLOUR_MAP, "viridis", "cividis", "inferno", "gray", "jet")
THUMBNAIL = 72  # pixels
BLANK = "For this class {} is blank: it points nowhere, and both masked images are black."


class Explorer:
    """The page of widgets: controls, and the pictures that follow them.

    Attributes:
        box: All of it, an ipywidgets box.
        image, label, first, second, share, opacity, colours: The controls.
        further, save: The buttons.
        page, curve, saved: What follows: pictures, the score along alpha, and the path of what was saved.
    """

    def __init__(self, network, dataset, alpha=ALPHA, named=(), folder="."):
        """Build the page.

        Args:
            network: A `networks.Network`.
            dataset: A `datasets.Dataset` of a few images.
            alpha: The share of pixels that BAD keeps at first.
            named: The names of the network's outputs in order, if they are known.
            folder: Where pictures are saved.
        """
        self._network, self._dataset, self._folder = network, dataset, Path(folder)
        self._names = class_labels.output_names(dataset, network.classes, named, network.activation == "sigmoid")
        self._answered, self._drawn, self._along, self._quiet = {}, {}, {}, False
        self._order = None, []  # what was asked when images were put in order, and those that are still to come
        methods, count = _drawable(network, dataset), len(dataset)
        numbers = [(f"{row + 1} of {count}", row) for row in range(count)]
        self.image = ipywidgets.SelectionSlider(options=numbers, description="image")
        outputs = list(zip(self._names, range(len(self._names)), strict=True))
        self.label = ipywidgets.Dropdown(options=outputs, description="class")
        self.first = ipywidgets.Dropdown(options=methods, description="method")
        self.second = ipywidgets.Dropdown(options=methods, value=methods[-1], description="next to it")
        self.share = ipywidgets.FloatSlider(alpha, min=0.01, max=0.99, step=0.01, description="alpha")
        self.opacity = ipywidgets.FloatSlider(figures.PEAK_OPACITY, min=0, max=1, step=0.05, description="opacity")
        self.colours = ipywidgets.Dropdown(options=COLOUR_MAPS, description="colours")
        self.further = ipywidgets.Button(
            description="most apart", tooltip="the image whose masks differ most, then the next"
        )
        self.save = ipywidgets.Button(description="save as PNG")
        self.page, self.curve, self.saved = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.image.observe(lambda _: self._take(), "value")
        for control in (self.label, self.first, self.second, self.share, self.opacity, self.colours):
            control.observe(lambda _: self._draw(), "value")
        self.further.on_click(lambda _: self._go_on())
        self.save.on_click(lambda _: self._save())
        choices = [self.image, self.label, self.first, self.second, self.share, self.opacity, self.colours]
        controls = ipywidgets.HBox([*choices, self.further, self.save, self.saved], layout=_wrapped())
        self.box = ipywidgets.VBox([_thumbnails(dataset, self.image), controls, self.page, self.curve])
        self._take()

    def _take(self):
        """Show the image of the slider, with the class that the network predicts for it: one drawing, not two."""
        self._quiet = True
        self.label.value = self._predicted(self.image.value)
        self._quiet = False
        self._draw()

    def _draw(self):
        if self._quiet:
            return
        row = self.image.value
        pixels, shown = self._answer(row)[0], self._views(row, self.label.value)
        blank = [name for name, view in shown.items() if localization.blank(view.heat_map[None]).any()]
        notes = [str(self._dataset.ids[row]), self._network.notice, *map(BLANK.format, blank)]
        above = "".join(f"<p>{html.escape(line)}</p>" for line in notes if line)
        look = self.opacity.value, self.colours.value
        self.page.value = above + explore_html.pictures(pixels, shown, self._names, *look)
        full = next(iter(shown.values())).scores.loc["image", "score"]
        self.curve.value = explore_html.curve(self._curves(row, shown), self.share.value, full)

    def _answer(self, row):
        """(image, features, logits) of a row, asked of the network once."""
        if row not in self._answered:
            image = self._dataset.images([row])[0]
            features, logits, _ = self._network.explain(image[None])
            self._answered[row] = image, features, logits
        return self._answered[row]

    def _predicted(self, row):
        return int(self._answer(row)[2][0].argmax())

    def _views(self, row, label):
        """Method -> its `views.View`, of one or two methods; a map is drawn once for each image and class."""
        methods, share = dict.fromkeys((self.first.value, self.second.value)), self.share.value
        for name in methods:
            drawn = self._drawn.get((row, label, name))
            if drawn is None:
                drawn = views.look(self._network, *self._answer(row), label, name, share)
            elif drawn.alpha != share:
                drawn = views.at_alpha(self._network, self._answer(row)[0], drawn, label, share)
            self._drawn[row, label, name] = methods[name] = drawn
        return methods

    def _curves(self, row, shown):
        """Method -> the scores along alpha, asked of the network once for each image, class and method."""
        image, label = self._answer(row)[0], self.label.value
        for name, view in shown.items():
            key = row, label, name
            if key not in self._along:
                self._along[key] = views.scores_along_alpha(self._network, image, view.heat_map, label)
        return {name: self._along[row, label, name] for name in shown}

    def _go_on(self):
        """Take the image on which the masked images of the two methods differ most, then the next one, and so on."""
        asked = self.first.value, self.second.value, self.share.value
        if self._order[0] != asked or not self._order[1]:
            apart = []
            for row in range(len(self._dataset)):
                shown = list(self._views(row, self._predicted(row)).values())
                apart.append(views.light_apart(shown[0], shown[-1], self._answer(row)[0]))
            self._order = asked, np.argsort(-np.array(apart), kind="stable").tolist()
        self.image.value = self._order[1].pop(0)

    def _save(self):
        row, label = self.image.value, self.label.value
        shown = self._views(row, label)
        title = f"{self._dataset.ids[row]}, {self._names[label]}, alpha {self.share.value:.2f}"
        look = self.opacity.value, self.colours.value
        figure = views.view_sheet(self._answer(row)[0], shown, self._curves(row, shown), title, *look)
        words = [f"image-{row + 1}", str(self._names[label]), *shown, f"alpha-{self.share.value:.2f}"]
        stem = "_".join(re.sub(r"[^\w+.-]+", "-", word)[:40] for word in words)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = save_figure(figure, self._folder / stem)[0]
        self.saved.value = f"saved: {html.escape(str(path))}"


def _drawable(network, dataset):
    """The methods that this network allows, by its answer to the first image."""
    explanation = evaluation.explain_batch(network, dataset.images([0]).astype("float32"), np.array([0]), 1)
    return list(cams.usable(explanation, cams.METHODS)[0])


def _wrapped():
    """A layout that continues in a further row where the page is narrow."""
    return ipywidgets.Layout(flex_flow="row wrap")


def _thumbnails(dataset, slider):
    """A small picture of each image over a button, which moves a slider to its row."""
    boxes = []
    for row, image in enumerate(dataset.images()):
        button = ipywidgets.Button(description=str(row + 1), tooltip=str(dataset.ids[row]))
        button.layout.width = f"{THUMBNAIL}px"
        button.on_click(lambda _, row=row: setattr(slider, "value", row))
        small = ipywidgets.Image(value=explore_html.thumbnail(image, THUMBNAIL), format="png")
        boxes.append(ipywidgets.VBox([small, button]))
    return ipywidgets.HBox(boxes, layout=_wrapped())
