"""Exploring by hand: the same numbers as evaluation, and widgets that move together."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from black_average_drop import cams, evaluation, figures, networks
from black_average_drop.choice import explore
from black_average_drop.datasets import Dataset
from closeness import assert_close


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


@pytest.fixture
def dataset(pixels):
    ids = np.array([f"<b>{i}</b>" for i in range(3)])
    return Dataset(ids, np.zeros(3, int), ids, ("a", "<script>", "c"), (32, 32), np.arange(3), lambda i: pixels[i])


@pytest.mark.parametrize("method", ["CAM", "Grad-CAM++", "Eigen-CAM"])
def test_a_look_gives_the_scores_of_evaluation(network, pixels, method):
    chosen = {method: cams.METHODS[method]}
    rows = evaluation.evaluate(network, pixels[:1], chosen, alpha=0.3, classes=[2]).set_index("metric")
    features, logits, _ = network.explain(pixels[:1])
    view = explore.look(network, pixels[0], features, logits, 2, method, 0.3)
    for metric in ("AD", "BAD"):
        assert_close(view.scores.loc[metric, "score"], rows.loc[metric, "masked_score"], of=logits)
        assert_close(view.scores.loc["image", "score"], rows.loc[metric, "full_score"], of=logits)
    assert view.kept == pytest.approx(rows.loc["BAD", "kept"])
    assert view.blackened.shape == (32, 32, 3) and (view.blackened.any(axis=-1)).mean() <= 0.3


def pictures_on(page):
    """The pictures of a page, in their order, as pixels."""
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in sources]


def test_the_page_shows_what_the_report_draws(network, dataset):
    """The map with its outline and the scale by `figures`; the masked images as they are."""
    _, sliders, page = explore.explorer(network, dataset, alpha=0.3).children
    label, method, _, opacity, colours = sliders.children
    opacity.value, colours.value = 0.35, "jet"
    image = dataset.images([0])[0]
    features, logits, _ = network.explain(image[None])
    view = explore.look(network, image, features, logits, label.value, method.value, 0.3)
    over, bar, faded, blackened = pictures_on(page.value)
    np.testing.assert_array_equal(over, figures.picture(image, view.heat_map, 0.3, explore.SIDE, "jet", 0.35))
    np.testing.assert_array_equal(bar, figures.scale("jet", 0.35))
    for drawn, masked in ((faded, view.faded), (blackened, view.blackened)):
        small = Image.fromarray(masked.astype("uint8")).resize((explore.SIDE, explore.SIDE))
        np.testing.assert_array_equal(drawn, np.asarray(small))
    share = f"{100 * view.kept:.0f} %"
    for words in (f"outline: the {share} of pixels that BAD keeps", "1: the map's peak", "0: the image itself"):
        assert words in page.value
    opacity.value = 0
    over, bar, _, _ = pictures_on(page.value)
    assert (bar == bar[-1]).all()  # no colour at all


def test_widgets_move_together(network, dataset):
    thumbnails, sliders, page = explore.explorer(network, dataset).children
    label, method, share, opacity, colours = sliders.children
    assert len(thumbnails.children) == 3 and method.options[:2] == ("CAM", "Grad-CAM")
    assert "jet" in colours.options and colours.value == "heat"
    seen = [page.value]
    for control, value in ((share, 0.6), (opacity, 0.9), (colours, "jet"), (method, "Eigen-CAM")):
        control.value = value
        seen.append(page.value)
    label.value = (label.value + 1) % 3
    seen.append(page.value)
    thumbnails.children[1].children[1].click()
    seen.append(page.value)
    assert len(set(seen)) == len(seen)
    assert "60 % of the pixels left" in seen[1] and "20 % of the pixels left" in seen[0]
    assert "&lt;b&gt;1&lt;/b&gt;" in seen[-1] and "<script>" not in "".join(seen) and "<b>1</b>" not in seen[-1]
    features, logits, _ = network.explain(dataset.images([1]))
    assert label.value == logits[0].argmax()  # the class follows the image
    view = explore.look(network, dataset.images([1])[0], features, logits, label.value, method.value, share.value)
    shown = [float(value) for value in re.findall(r"[YO] = <b>([\d.]+)", seen[-1])]
    np.testing.assert_allclose(shown, view.scores["score"], atol=5e-5)


def test_a_blank_map_and_what_lies_behind_the_maps_are_said(network, dataset):
    assert "blank" not in explore.explorer(network, dataset).children[2].value
    network.notice = "Behind the feature maps lies <LSTM>."
    network.head_weights = -np.abs(network.head_weights)
    page = explore.explorer(network, dataset).children[2].value
    assert "Behind the feature maps lies &lt;LSTM&gt;." in page
    assert "the map is blank: it points nowhere, and both masked images are black" in page
    assert "outline" not in page and "0 % of the pixels left" in page


def test_methods_that_a_head_does_not_allow_are_not_offered(network, dataset):
    network.head_weights = None
    sliders = explore.explorer(network, dataset).children[1]
    assert "CAM" not in sliders.children[1].options and "Grad-CAM" in sliders.children[1].options
